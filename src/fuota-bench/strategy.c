/* SPDX-License-Identifier: MIT */
#include "fuota-bench/strategy.h"

#include <stdlib.h>

#include "io/cleanup.h"

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int strategy_begin(const struct world_scenario *s, struct strategy *out)
{
    size_t count = s->device_count + 1;
    int64_t *complete_us = calloc(2 * count, sizeof(*complete_us));
    if (complete_us == NULL) {
        return FUO_ENOMEM;
    }
    for (size_t i = 0; i < s->device_count; i++) {
        complete_us[i] = -1;
    }
    *out = (struct strategy){.makespan_us = -1,
                             .t95_us = -1,
                             .complete_us = complete_us,
                             .listened_us = complete_us + count};
    return FUO_OK;
}

int strategy_sum(const struct world_scenario *s, const uint8_t *reachable,
                 struct strategy *out)
{
    AUTO_FREE int64_t *sorted = calloc(s->device_count + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return FUO_ENOMEM;
    }
    size_t wanted = 0;
    size_t done = 0;
    int64_t listening_us = 0;
    for (size_t i = 0; i < s->device_count; i++) {
        wanted += reachable[i] != 0;
        listening_us += reachable[i] ? out->listened_us[i] : 0;
        if (reachable[i] && out->complete_us[i] >= 0) {
            sorted[done++] = out->complete_us[i];
        }
    }
    qsort(sorted, done, sizeof(*sorted), compare_i64);
    size_t share = (wanted * 95 + 99) / 100;
    out->completed = done;
    out->listening_us = listening_us;
    out->makespan_us = done == 0 ? -1 : sorted[done - 1];
    out->t95_us = share == 0 || done < share ? -1 : sorted[share - 1];
    return FUO_OK;
}

void strategy_drop_devices(struct strategy *s)
{
    free(s->complete_us);
    s->complete_us = s->listened_us = NULL;
}
