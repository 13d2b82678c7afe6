/* SPDX-License-Identifier: MIT */
#include "fuota-bench/reachable.h"

#include <stdbool.h>

#include "base/time.h"
#include "world/radio.h"

static bool in_reach(const struct world_scenario *s, size_t device)
{
    const struct world_link *link = world_links(s, device);
    for (size_t i = 0; i < world_link_count(s, device); i++) {
        if (world_margin_cdb(s, link[i].loss_cdb, REACHABLE_DR) >= 0) {
            return true;
        }
    }
    return false;
}

static bool sends(const struct world_scenario *s, size_t device)
{
    const struct world_device *d = &s->devices[device];
    int64_t latest_us = SECONDS_US((int64_t)d->interval_s) / 10 * 11;
    return !d->dead && d->interval_s != 0 && latest_us <= s->run_max_us;
}

size_t reachable_devices(const struct world_scenario *s, uint8_t *reachable)
{
    size_t count = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        reachable[i] = sends(s, i) && in_reach(s, i);
        count += reachable[i];
    }
    return count;
}
