/* SPDX-License-Identifier: MIT */
#include "loop/direct.h"

#include <string.h>

#include "crypto/frame.h"
#include "crypto/keys.h"
#include "loop/internal.h"
#include "plugin/host.h"
#include "radio/region.h"

#define HANDLE "direct"

bool direct_is_handle(const char *handle)
{
    return strcmp(handle, HANDLE) == 0;
}

bool direct_is_wanted(const struct fuo_host *host)
{
    struct fuo_caps caps = {0};
    host_caps(host, &caps);
    return caps.direct;
}

void direct_open(struct daemon *d, const struct effect *effect)
{
    struct engine_event event = {
        .type = ENGINE_EV_GROUP,
        .group = {.transmission_id = effect->group.transmission_id,
                  .lane = effect->group.lane,
                  .group = HANDLE,
                  .f_cnt = effect->group.f_cnt},
    };
    driver_feed(d->driver, &event);
}

void direct_close(struct daemon *d, const struct effect *effect)
{
    struct engine_event event = {
        .type = ENGINE_EV_GROUP,
        .group = {.transmission_id = effect->group.transmission_id,
                  .lane = effect->group.lane},
    };
    driver_feed(d->driver, &event);
}

void direct_poll(struct daemon *d, const struct effect *effect)
{
    struct engine_event event = {
        .type = ENGINE_EV_MC_QUEUE,
        .mc_queue = {.transmission_id = effect->queue.transmission_id,
                     .lane = effect->queue.lane,
                     .f_cnt = effect->queue.f_cnt},
    };
    driver_feed(d->driver, &event);
}

static const struct region *region_of(const struct daemon *d, const struct effect *effect)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, effect->fleet_id);
    return fleet != NULL ? region_by_name(fleet->doc->spec.region) : NULL;
}

static int build(const struct daemon *d, const struct effect *effect, uint8_t *phy,
                 size_t cap, size_t *len)
{
    const struct effect_air *air = &effect->multicast.air;
    const struct aes_key *key = keyring_find(d->keyring, air->key_id);
    struct session_keys keys;
    if (key == NULL || keys_mc_session(key, air->mc_addr, &keys) != FUO_OK) {
        return FUO_ENOENT;
    }
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = air->mc_addr,
        .fcnt = air->f_cnt,
        .has_port = true,
        .fport = effect->multicast.fport,
        .payload = effect->multicast.payload,
        .payload_len = effect->multicast.payload_len,
    };
    int err = frame_build(&frame, &keys, phy, cap, len);
    session_keys_wipe(&keys);
    return err;
}

int direct_send(struct daemon *d, struct fuo_host *host, const struct effect *effect,
                struct fuo_multicast *frame)
{
    const struct effect_air *air = &effect->multicast.air;
    const struct region *region = region_of(d, effect);
    const struct data_rate *rate =
        region != NULL ? region_data_rate(region, air->dr, DIRECTION_DOWN) : NULL;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    size_t len = 0;
    if (rate == NULL || !direct_is_wanted(host) ||
        !direct_is_handle(effect->multicast.handle)) {
        return FUO_ENOENT; /* the fleet's file has changed since */
    }
    int err = build(d, effect, phy, sizeof(phy), &len);
    if (err != FUO_OK) {
        return err;
    }
    struct fuo_air out = {
        .phy = phy,
        .phy_len = len,
        .gateways = air->gateways,
        .gateway_count = air->gateway_count,
        .mc_addr = air->mc_addr,
        .f_cnt = air->f_cnt,
        .frequency_hz = air->frequency_hz,
        .bandwidth_hz = rate->modulation == MODULATION_LORA ? rate->bw_hz : 0,
        .bitrate_bps = rate->modulation == MODULATION_FSK ? rate->bitrate_bps : 0,
        .sf = rate->modulation == MODULATION_LORA ? rate->sf : 0,
        .dr = air->dr,
    };
    frame->air = &out;
    err = host_multicast(host, frame);
    frame->air = NULL;
    return err;
}
