/* SPDX-License-Identifier: MIT */
#include "faults/internal.h"
#include "profile/shipped.h"

#include <string.h>

enum {
    DEVICES_LEAST = 4,
    DEVICES_SPAN = 9,
    GATEWAYS_SPAN = 3,
    IMAGE_LEAST = 400,
    IMAGE_SPAN = 2600,
    DAY_MINUTES = 1440,
    LONG_IMAGE = 10000, /* 200 fragments of which a minute has three or four */
    LONG_DAYS = 300,
};

/* Behind the start of the campaign; a plan that does not fit is refused. */
#define DEADLINE_LEAST_US MINUTES_US(80)
#define DEADLINE_SPAN_US  HOURS_US(16)
/* The waves of the vocabulary soak for as long; a deadline before that is refused. */
#define DEADLINE_SOAK_US HOURS_US(48)

/* How often, at most, of a million chances; or the mean time between two, at least. */
struct range {
    enum fault_kind kind;
    uint32_t most_ppm;
    int64_t least_us;
};

static const struct range ranges[] = {
    {FAULT_KILLED_AT_EFFECT, 12000, 0},
    {FAULT_KILLED_AT_COMMIT, 6000, 0},
    {FAULT_COMMIT_FAILED, 0, MINUTES_US(30)},
    {FAULT_DISK_FULL, 0, MINUTES_US(30)},
    {FAULT_DISK_SLOW, 30000, 0},
    {FAULT_BROKER_GONE, 0, MINUTES_US(30)},
    {FAULT_BROKER_SLOW, 60000, 0},
    {FAULT_BROKER_TWICE, 60000, 0},
    {FAULT_BROKER_REORDERED, 60000, 0},
    {FAULT_BROKER_LOST, 60000, 0},
    {FAULT_API_LATE, 60000, 0},
    {FAULT_API_5XX, 40000, 0},
    {FAULT_API_GARBAGE, 30000, 0},
    {FAULT_API_TWICE, 80000, 0},
    {FAULT_API_SILENT, 40000, 0},
    {FAULT_API_AWAY, 0, MINUTES_US(30)},
    {FAULT_SERVER_RESTARTED, 0, MINUTES_US(40)},
    {FAULT_GATEWAY_DEAD, 0, MINUTES_US(40)},
    {FAULT_TXACK_LOST, 300000, 0},
    {FAULT_CLOCK_STEPPED, 0, MINUTES_US(50)},
    {FAULT_CLOCK_DRIFTS, 0, HOURS_US(1)},
    {FAULT_DEVICE_REBOOTED, 0, MINUTES_US(30)},
    {FAULT_DEVICE_SILENT, 0, HOURS_US(2)},
    {FAULT_DEVICE_MOVED, 0, MINUTES_US(50)},
    {FAULT_DEVICE_LATE, 100000, 0},
    {FAULT_DEVICE_TWICE, 200000, 0},
};

/* Each kind is in every third scenario or so: mild mixes and wild ones. */
static void draw_faults(struct scenario *s, struct prng *p)
{
    uint32_t share_ppm = 150000 + (uint32_t)prng_below(p, 350000);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *range = &ranges[i];
        bool in = prng_chance(p, share_ppm) != 0;
        uint64_t strength = prng_below(p, 1000) + 1;
        if (!in) {
            continue;
        }
        s->rate_ppm[range->kind] = (uint32_t)(range->most_ppm * strength / 1000);
        s->every_us[range->kind] =
            range->least_us * 1000 / (int64_t)(strength < 200 ? 200 : strength);
    }
}

static void draw_network(struct scenario *s, struct prng *p)
{
    static const enum network_packages packages[] = {
        NETWORK_PACKAGES_V1, NETWORK_PACKAGES_V2, NETWORK_PACKAGES_MIXED};
    s->network = (struct network_config){
        .start = {RUN_MARCH_US + SECONDS_US((int64_t)prng_below(p, 86400))},
        .region = region_by_name("EU868"),
        .device_count = DEVICES_LEAST + prng_below(p, DEVICES_SPAN),
        .gateway_count = 1 + prng_below(p, GATEWAYS_SPAN),
        .packages = packages[prng_below(p, 3)],
        .seed = prng_next(p),
        .loss_ppm = (uint32_t)prng_below(p, 200000),
        .half_duplex = prng_chance(p, 500000) != 0,
        .capture_db = prng_chance(p, 300000) != 0 ? 6 : 0,
        .uplink_interval_us = MINUTES_US(5 + (int64_t)prng_below(p, 40)),
        .margin_us = SECONDS_US(5),
        .reply_window_us = MILLIS_US(100),
        .application_id = RUN_APP,
        .clocks_wrong = prng_chance(p, 300000) != 0,
        .uplink_dr = (uint8_t)(1 + prng_below(p, 5)),
        .keeps_groups = prng_chance(p, 300000) != 0,
    };
}

/*
 * In two of three scenarios every device is of some stack that breaks the rules, any of
 * those that are shipped. Decoders of most of them mend a tenth of the fragments at best.
 */
static void draw_kinds(struct scenario *s, uint64_t seed)
{
    struct prng p = prng_seeded(seed ^ UINT64_C(0x91191e5));
    if (prng_below(&p, 3) == 0) {
        return;
    }
    for (size_t i = 0; i < s->network.device_count; i++) {
        s->kinds[i] = &profiles_shipped[prng_below(&p, profiles_shipped_count)];
    }
    s->network.profiles = s->kinds;
    s->network.profile_count = s->network.device_count;
    s->network.loss_ppm /= 2;
}

static void draw_windows(struct scenario *s, struct prng *p, bool wanted)
{
    bool drawn = prng_chance(p, 300000) != 0;
    uint32_t count = 2 + (uint32_t)prng_below(p, 4);
    int64_t most = DAY_MINUTES / count - 60;
    s->first.window_offset_minutes = (int64_t)prng_below(p, DAY_MINUTES);
    s->first.window_minutes = 90 + (int64_t)prng_below(p, (uint64_t)(most - 90));
    s->window_count = drawn || wanted ? count : 0;
}

/* Every batch has rows more then, which takes its time: not in all. */
static bool draw_status(uint64_t seed, enum fault_plant plant)
{
    struct prng p = prng_seeded(seed ^ UINT64_C(0x57a705));
    return prng_below(&p, 5) < 2 || plant == PLANT_SEQ || plant == PLANT_RESULT;
}

/* Not that it is aborted: it has to end as it does without waves. */
static void draw_waves(struct scenario *s, struct prng *p)
{
    uint32_t percent = 10 + (uint32_t)prng_below(p, 60);
    bool drawn = prng_chance(p, 500000) != 0;
    s->approval = prng_chance(p, 300000) != 0;
    s->on_failure = prng_chance(p, 500000) != 0 ? "pause" : "continue";
    s->pilot_percent = drawn ? percent : 0;
}

/* With a tap, its own faults; gateways refuse frames without one, too. */
static void draw_tap(struct scenario *s, struct prng *p)
{
    static const struct range tapped[] = {
        {FAULT_TAP_LOST, 200000, 0},
        {FAULT_TAP_LATE, 200000, 0},
        {FAULT_TAP_WRONG, 200000, 0},
    };
    s->tap = prng_chance(p, 400000) != 0;
    for (size_t i = 0; i < sizeof(tapped) / sizeof(tapped[0]); i++) {
        bool in = prng_chance(p, 500000) != 0;
        uint64_t most = tapped[i].most_ppm;
        s->rate_ppm[tapped[i].kind] = (uint32_t)prng_below(p, most + 1) * (in ? 1 : 0);
    }
    bool refuses = prng_chance(p, s->tap ? 500000 : 150000) != 0;
    s->network.refuse_ppm = (uint32_t)prng_below(p, 80000) * (refuses ? 1 : 0);
}

bool scenario_needs_version(const struct scenario *s)
{
    bool needed = false;
    for (size_t i = 0; i < s->network.profile_count; i++) {
        needed |= s->kinds[i]->image == PROFILE_IMAGE_DENIED;
    }
    return needed;
}

/* When it may run, and until when. */
static void draw_term(struct scenario *s, struct prng *p, bool wanted)
{
    static const enum spec_end_behavior ends[] = {SPEC_END_DRAIN, SPEC_END_STOP,
                                                  SPEC_END_ABORT};
    bool later = prng_chance(p, 150000) != 0;
    int64_t begin_us = s->apply_after_us + (int64_t)prng_below(p, HOURS_US(10));
    bool ends_early = prng_chance(p, 300000) != 0 || wanted;
    int64_t last_us = DEADLINE_LEAST_US + (int64_t)prng_below(p, DEADLINE_SPAN_US);
    last_us += s->pilot_percent == 0 ? DEADLINE_SOAK_US : 0;
    s->not_before_us = later ? begin_us : 0;
    s->deadline_us = ends_early ? begin_us + last_us : 0;
    s->end_behavior = ends[prng_below(p, 3)];
    if (wanted) {
        s->end_behavior = SPEC_END_STOP;
    }
}

/* What came to the scenarios later: drawn apart, so that the others stay as they were. */
static void draw_more(struct scenario *s, uint64_t seed, enum fault_plant plant)
{
    struct prng p = prng_seeded(seed ^ UINT64_C(0x0be4a704));
    draw_tap(s, &p);
    draw_term(s, &p, plant == PLANT_DEADLINE);
    bool rarely = prng_chance(&p, 300000) != 0;
    s->version_given = scenario_needs_version(s) != rarely;
    s->edits = prng_chance(&p, 400000) != 0 ? 1 + (uint32_t)prng_below(&p, 4) : 0;
    s->retries = prng_chance(&p, 500000) != 0 ? 1 + (uint32_t)prng_below(&p, 3) : 0;
}

void scenario_traits(const struct scenario *s, uint64_t traits[static TRAIT_COUNT])
{
    const bool has[TRAIT_COUNT] = {
        [TRAIT_WINDOWS] = s->window_count > 0,
        [TRAIT_WAVES] = s->pilot_percent > 0,
        [TRAIT_APPROVAL] = s->pilot_percent > 0 && s->approval,
        [TRAIT_LISTENER] = s->status,
        [TRAIT_TAP] = s->tap,
        [TRAIT_VERSION_GIVEN] = s->version_given,
        [TRAIT_VERSION_AGREED] = !s->version_given,
        [TRAIT_NOT_BEFORE] = s->not_before_us != 0,
        [TRAIT_DEADLINE_DRAIN] = s->deadline_us != 0 && s->end_behavior == SPEC_END_DRAIN,
        [TRAIT_DEADLINE_STOP] = s->deadline_us != 0 && s->end_behavior == SPEC_END_STOP,
        [TRAIT_DEADLINE_ABORT] = s->deadline_us != 0 && s->end_behavior == SPEC_END_ABORT,
    };
    for (int i = 0; i < TRAIT_COUNT; i++) {
        traits[i] += has[i];
    }
}

void scenario_draw(struct scenario *s, uint64_t seed, enum fault_plant plant)
{
    static const char *const cooldowns[] = {"30m", "2h", "8h"};
    struct prng p = prng_seeded(seed ^ UINT64_C(0x5eed0fa17));
    (void)prng_next(&p);
    *s = (struct scenario){.limit_us = DAYS_US(60), .radio = ""};
    draw_network(s, &p);
    draw_kinds(s, seed);
    draw_faults(s, &p);
    s->image_len = IMAGE_LEAST + prng_below(&p, IMAGE_SPAN);
    s->apply_after_us = MINUTES_US((int64_t)prng_below(&p, 30));
    s->cooldown = cooldowns[prng_below(&p, 3)];
    draw_windows(s, &p, plant == PLANT_WINDOW);
    s->status = draw_status(seed, plant);
    draw_waves(s, &p);
    if (s->every_us[FAULT_CLOCK_DRIFTS] != 0) {
        s->drift_ppm = (int32_t)prng_below(&p, 201) - 100;
    }
    draw_more(s, seed, plant);
}

void scenario_stretch(struct scenario *s)
{
    memset(s->rate_ppm, 0, sizeof(s->rate_ppm));
    memset(s->every_us, 0, sizeof(s->every_us));
    s->drift_ppm = 0;
    s->network.profiles = NULL;
    s->network.profile_count = 0;
    memset(s->kinds, 0, sizeof(s->kinds));
    s->network.loss_ppm = 50000;
    s->image_len = LONG_IMAGE;
    s->radio = "  radio: { spacing: 15s }\n  fragmentation: { size: 50B }\n";
    s->limit_us = DAYS_US(LONG_DAYS);
    s->network.refuse_ppm = 0;
    s->not_before_us = 0;
    s->deadline_us = 0;
    s->edits = 0;
    s->retries = 0;
    s->version_given = false;
    s->window_count = 1;
    s->first.window_minutes = 1;
}
