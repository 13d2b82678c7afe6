/* SPDX-License-Identifier: MIT */
/* fleet.c - what the engine is told of the fleet and its server. */
#include <string.h>

#include "profile/shipped.h"
#include "world/internal.h"

enum { PACKAGES = 5 };

#define DIRECT_LEAD_US SECONDS_US(2)
#define JITTER_US      SECONDS_US(1) /* the scheduler's, of stock ChirpStack */

/*
 * What the engine is told of the devices: their decoders and how they count. All have the
 * fragment sizes of the strictest, and announce their images with a version of the world's.
 */
static void tell_profiles(struct world *w)
{
    for (size_t i = 0; i < w->s->profile_count; i++) {
        const struct world_profile *p = &w->s->profiles[i];
        w->profiles[i] = *p->quirks;
        w->profiles[i].limits = profile_shipped("st-v1")->limits;
        w->profiles[i].lost_max = 0;
        w->profiles[i].lost_ppm = p->cap_ppm;
        w->profiles[i].image = PROFILE_IMAGE_ANNOUNCED;
        w->profiles[i].version = PROFILE_VERSION_OPAQUE;
    }
}

static int add_devices(struct world *w)
{
    tell_profiles(w);
    for (size_t i = 0; i < w->s->device_count; i++) {
        const struct world_profile *p = &w->s->profiles[w->s->devices[i].profile];
        const uint8_t versions[PACKAGES] = {0, 1, p->ts005, p->ts004, 1};
        const uint8_t fports[PACKAGES] = {0, 202, 200, 201, 203};
        struct device_rec rec = {.dev_eui = WORLD_DEVICE_EUI_BASE + i,
                                 .fleet_id = WORLD_FLEET,
                                 .packages_known = true,
                                 .firmware_known = true,
                                 .firmware_version = campaigns_version(w, i),
                                 .hardware_version = 1};
        memcpy(rec.package_version, versions, sizeof(versions));
        memcpy(rec.package_fport, fports, sizeof(fports));
        int err = engine_add_device(w->engine, &rec);
        if (err == FUO_OK) {
            err = engine_set_profile(w->engine, rec.dev_eui,
                                     &w->profiles[w->s->devices[i].profile]);
        }
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

int world_add_fleet(struct world *w, const struct fleet_spec *spec)
{
    bool direct = w->config->timing == WORLD_TIMING_DIRECT;
    struct engine_fleet fleet = {
        .id = WORLD_FLEET,
        .spec = spec,
        .timing = direct ? ENGINE_TIMING_ABSOLUTE : ENGINE_TIMING_QUEUE,
        .multicast_spacing_us = world_timing_margin_us(w->config->timing),
        .multicast_jitter_us = direct ? 0 : JITTER_US,
        .multicast_lead_us = direct ? DIRECT_LEAD_US : 0,
        .queue_rows_max = 1,
        .names_gateways = direct,
    };
    int err = engine_add_fleet(w->engine, &fleet);
    err = err == FUO_OK ? add_devices(w) : err;
    if (err == FUO_OK) { /* the engine allocates them one behind the other */
        parts_gather(
            engine_device(w->engine, WORLD_DEVICE_EUI_BASE),
            engine_device(w->engine, WORLD_DEVICE_EUI_BASE + w->s->device_count - 1));
    }
    return err;
}
