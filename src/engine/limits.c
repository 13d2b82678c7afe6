/* SPDX-License-Identifier: MIT */
#include "engine/limits.h"

/*
 * limits.c - what is known of a device's stack, and who can be sent the same fragments.
 *
 * Devices of different limits share a transmission as long as that costs none of them much:
 * sizes within an eighth of each other are no reason for sending everything twice.
 */
#include "codec/package.h"
#include "engine/internal.h"
#include "engine/uplink.h"
#include "engine/variant.h"

enum {
    SIZE_SHARE = 8,
};

/* Of devices that nobody has described, or that are not what somebody has described. */
static const struct profile unknown;

const struct profile *device_profile(const struct device *d)
{
    const uint8_t *version = d->rec.package_version;
    uint8_t ts004 = version[PKG_FRAG];
    uint8_t ts005 = version[PKG_MCAST];
    const struct profile *given = d->profile != NULL ? d->profile : d->fleet->def.profile;
    bool is_told = given != NULL && (ts004 == 0 || profile_fits(given, ts004, ts005));
    return is_told ? given : &unknown;
}

const struct profile *engine_profile(const struct engine *engine, uint64_t dev_eui)
{
    const struct device *d = engine_find_device(engine, dev_eui);
    return d != NULL ? device_profile(d) : NULL;
}

void device_note_quirk(struct engine *e, struct device *d, enum device_quirk quirk)
{
    if ((d->rec.quirks & quirk) == 0) {
        d->rec.quirks |= (uint8_t)quirk;
        device_store(e, d);
    }
}

enum profile_layout device_layout(const struct device *d)
{
    enum profile_layout told = device_profile(d)->layout;
    return told == PROFILE_LAYOUT_AUTO && (d->rec.quirks & DEVICE_LAYOUT_V1) != 0
               ? PROFILE_LAYOUT_V1
               : told;
}

bool device_epoch_twice(const struct device *d)
{
    return (d->rec.quirks & DEVICE_EPOCH_TWICE) != 0 ||
           device_profile(d)->clock == PROFILE_CLOCK_EPOCH_TWICE;
}

bool device_counts_rank(const struct device *d)
{
    return (d->rec.quirks & DEVICE_LOST_FOR_EVER) == 0 &&
           profile_counts_rank(device_profile(d), d->rec.package_version[PKG_FRAG]);
}

/* A profile that says anything of its answers tells whether it is one of those. */
uint32_t device_error_above(const struct device *d, uint32_t m)
{
    const struct profile *profile = device_profile(d);
    bool unknown_kind = profile->layout == PROFILE_LAYOUT_AUTO;
    bool again = unknown_kind && (d->rec.quirks & DEVICE_LACKED_MEMORY) != 0;
    if (!profile->sticky_error && !again) {
        return 0;
    }
    return profile_cap(profile, d->rec.package_version[PKG_FRAG], m);
}

bool device_denies_images(const struct device *d)
{
    return device_profile(d)->image == PROFILE_IMAGE_DENIED;
}

static uint8_t room_of(const struct region *region)
{
    uint8_t room = 0;
    for (int dr = 0; dr < REGION_DR_COUNT; dr++) {
        const struct data_rate *rate =
            region_data_rate(region, (uint8_t)dr, DIRECTION_DOWN);
        uint8_t size = rate == NULL
                           ? 0
                           : fragplan_size_for_payload(region_max_payload(
                                 region, (uint8_t)dr, (struct payload_rules){0}));
        room = size > room ? size : room;
    }
    return room;
}

static uint8_t largest(const struct fragplan_limits *limits, uint8_t room)
{
    return limits->size_max != 0 && limits->size_max < room ? limits->size_max : room;
}

static bool can_cut(const struct campaign *c, size_t len,
                    const struct fragplan_limits *limits, uint8_t size_max)
{
    struct fragplan cut;
    uint32_t wanted = c->def.spec->fragmentation.size_bytes;
    return fragplan_cut(len, limits, size_max, wanted, &cut) == FUO_OK;
}

static bool same(const struct fragplan_limits *a, const struct fragplan_limits *b)
{
    return a->size_min == b->size_min && a->size_max == b->size_max &&
           a->size_multiple == b->size_multiple && a->count_max == b->count_max;
}

/* Whether both can take it, and about as large fragments as each could alone. */
static bool can_share(const struct member *m, const struct fragplan_limits *a,
                      const struct fragplan_limits *b, struct fragplan_limits *both)
{
    struct fragplan_limits merged;
    if (same(a, b)) {
        return true; /* as a rule: a fleet of one kind */
    }
    const struct campaign *c = m->campaign;
    uint8_t room = room_of(m->device->fleet->region);
    if (fragplan_merge(a, b, &merged) != FUO_OK) {
        return false;
    }
    uint8_t size = largest(&merged, room);
    uint8_t alone =
        largest(a, room) > largest(b, room) ? largest(a, room) : largest(b, room);
    if (alone - size > alone / SIZE_SHARE ||
        !can_cut(c, variant_block(c, m->rec.variant).len, &merged, size)) {
        return false;
    }
    *both = merged;
    return true;
}

size_t limits_take_group(struct member **members, size_t count, struct member **group,
                         size_t *group_count, struct fragplan_limits *limits)
{
    size_t kept = 0;
    uint8_t variant = members[0]->rec.variant;
    const struct fleet *fleet = members[0]->device->fleet;
    *limits = device_profile(members[0]->device)->limits;
    group[0] = members[0];
    *group_count = 1;
    for (size_t i = 1; i < count; i++) {
        const struct profile *profile = device_profile(members[i]->device);
        if (members[i]->device->fleet == fleet && members[i]->rec.variant == variant &&
            can_share(members[i], limits, &profile->limits, limits)) {
            group[(*group_count)++] = members[i];
        } else {
            members[kept++] = members[i];
        }
    }
    return kept;
}
