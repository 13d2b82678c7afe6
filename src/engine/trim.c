/* SPDX-License-Identifier: MIT */
#include "engine/trim.h"

#include <stdlib.h>

#include "engine/forming.h"
#include "engine/lane.h"
#include "engine/limits.h"
#include "engine/round.h"
#include "engine/uplink.h"
#include "engine/variant.h"

enum {
    MEMBERS_MAX = 2000
}; /* of so many somebody needs each lane, and a step is short */

/* Its place in the lane, or how many the lane has. */
static uint32_t place_of(const struct lane_rec *l, uint64_t gateway)
{
    uint32_t k = 0;
    while (k < l->gateway_count && l->gateways[k] != gateway) {
        k++;
    }
    return k;
}

/* Gateways are numbered through all lanes. */
static uint32_t number_of(const struct transmission *t, uint64_t gateway)
{
    uint32_t number = 0;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane *l = &t->lanes[i];
        if (!lane_is_live(l)) {
            continue;
        }
        uint32_t place = place_of(&l->rec, gateway);
        number += place;
        if (place < l->rec.gateway_count) {
            return number;
        }
    }
    return PARTITION_NONE;
}

static uint32_t links_here(const struct transmission *t, const struct device_rec *d)
{
    uint32_t links = 0;
    for (size_t i = 0; i < d->link_count && i < PARTITION_LINK_MAX; i++) {
        bool here = number_of(t, d->link[i].gateway) != PARTITION_NONE;
        links |= (uint32_t)here << i;
    }
    return links;
}

/* A gateway that cannot send now is no reason to do without another. */
static struct partition_device
describe(const struct engine *e, const struct transmission *t, const struct member *m)
{
    const struct device_rec *d = &m->device->rec;
    uint8_t attempts = m->rec.transmissions > 0 ? m->rec.transmissions - 1 : 0;
    uint32_t cap_ppm =
        profile_cap_ppm(device_profile(m->device), t->rec.ts004, t->rec.frag_count);
    struct partition_device out = {.ts004 = t->rec.ts004,
                                   .ts005 = t->rec.ts005,
                                   .attempts = attempts,
                                   .cap_ppm = cap_ppm < PROFILE_PPM ? cap_ppm
                                                                    : PARTITION_CAP_NONE};
    uint32_t links = load_links(e, d, links_here(t, d));
    for (size_t i = 0; i < d->link_count && i < PARTITION_LINK_MAX; i++) {
        if ((links >> i & 1) != 0) {
            out.link[out.link_count] = forming_link(m, &d->link[i], attempts);
            out.link[out.link_count++].gateway = number_of(t, d->link[i].gateway);
        }
    }
    return out;
}

/* Members that have ended are in no transmission any more. */
static size_t describe_all(const struct engine *e, const struct transmission *t,
                           struct partition_device *devices)
{
    size_t count = 0;
    for (size_t i = 0; i < t->member_count; i++) {
        const struct member *m = t->members[i];
        if (m->rec.phase >= MEMBER_SESSION && m->rec.phase <= MEMBER_UPGRADE) {
            devices[count++] = describe(e, t, m);
        }
    }
    return count;
}

static struct partition_input input_of(const struct engine *e,
                                       const struct transmission *t, uint32_t *weights)
{
    const struct campaign *c = t->campaign;
    const struct engine_fleet *fleet = &t->fleet->def;
    struct partition_input in =
        partition_input_of(c->def.spec, fleet->spec, t->fleet->region,
                           fleet->timing == ENGINE_TIMING_ABSOLUTE,
                           fleet->multicast_jitter_us, fleet->priority_ceiling_ppm);
    in.dr = t->rec.dr;
    in.size_bytes = t->rec.frag_size_bytes;
    in.image_len = variant_block(c, t->rec.variant).len;
    in.gateway_weight = weights;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        const struct lane *l = &t->lanes[i];
        for (uint8_t k = 0; lane_is_live(l) && k < l->rec.gateway_count; k++) {
            weights[in.gateway_count++] = engine_gateway_weight(e, l->rec.gateways[k]);
        }
    }
    return in;
}

static void leave_lane_out(struct engine *e, struct lane *l)
{
    l->rec.lost = true;
    l->spare = true;
    lane_store(e, l);
}

/* It keeps at least one. */
static void leave_gateways_out(struct engine *e, struct transmission *t, struct lane *l,
                               const uint8_t *needed)
{
    for (uint8_t k = l->rec.gateway_count; k-- > 0;) {
        if (!needed[k]) {
            cohort_strike_at(e, t, l->rec.gateways[k]);
            lane_drop_gateway(l, k);
        }
    }
    lane_store(e, l);
}

/* Of each lane that is live, in the order of the lanes: one for each of its gateways. */
static void leave_out(struct engine *e, struct transmission *t, const uint8_t *needed)
{
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        struct lane *l = &t->lanes[i];
        uint8_t count = l->rec.gateway_count;
        uint8_t wanted = 0;
        if (!lane_is_live(l)) {
            continue;
        }
        for (uint8_t k = 0; k < count; k++) {
            wanted = (uint8_t)(wanted + needed[k]);
        }
        if (wanted == 0 && lanes_live(t) > 1) {
            leave_lane_out(e, l);
        } else if (wanted > 0 && wanted < count && t->fleet->def.names_gateways &&
                   !l->rec.pending) {
            leave_gateways_out(e, t, l, needed);
        }
        needed += count;
    }
}

/* Is there anything that could be left out? */
static bool has_choice(const struct transmission *t)
{
    return (t->fleet->def.names_gateways ? lanes_gateways(t) : lanes_live(t)) > 1;
}

void lanes_trim(struct engine *e, struct transmission *t)
{
    if (t->campaign->def.spec->radio.gateways.count > 0 || !has_choice(t) ||
        t->member_count > MEMBERS_MAX) {
        return; /* given by hand: by who knows why */
    }
    struct partition_device *devices = engine_zeroed(t->member_count, sizeof(*devices));
    size_t gateways = lanes_gateways(t);
    uint32_t *weights = engine_zeroed(gateways, sizeof(*weights));
    uint8_t *needed = engine_zeroed(gateways, 1);
    struct partition_input in = input_of(e, t, weights);
    in.devices = devices;
    in.device_count = describe_all(e, t, devices);
    void *workspace = engine_zeroed(1, partition_workspace_bytes(&in));
    if (in.device_count > 0 && partition_narrow(&in, workspace, needed) == FUO_OK) {
        leave_out(e, t, needed);
    }
    free(workspace);
    free(needed);
    free(weights);
    free(devices);
}
