/* SPDX-License-Identifier: MIT */
/* The engine with what others at the gateway have left of the time: dates of sessions. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "engine/engine.h"

enum {
    GATEWAY = 0x16,
    EUI_BASE = 0x100,
    FREQUENCY_HZ = 869525000,
    CODED = 2,
    SIZE = 50,
    OTHERS_MAX = 800,
};

#define POLL_US  SECONDS_US(16)
#define PACE_US  SECONDS_US(100)
#define START    ((struct utc){SECONDS_US(1800000000)})
#define AFTER(s) ((struct utc){START.us + SECONDS_US(s)})

struct dates {
    struct engine *engine;
    struct effects effects;
    struct campaign_spec spec;
    struct fleet_spec fleet;
    uint8_t *image;
    size_t image_len;
    uint64_t gateway;
    uint64_t devices[OTHERS_MAX + 1];
    size_t count; /* transmissions, a device each; the last is the one to be dated */
    struct transmission_rec found;
};

static void set_specs(struct dates *d, int64_t lead_us)
{
    d->spec = (struct campaign_spec){.name = "dates"};
    d->spec.targets.preconditions.max_uplink_age_us = DAYS_US(60);
    d->spec.radio.dr = 5;
    d->spec.radio.frequency_hz = FREQUENCY_HZ;
    d->spec.radio.spacing_us = PACE_US;
    d->spec.radio.setup_lead_us = lead_us;
    d->spec.radio.gateways = (struct eui_list){&d->gateway, 1};
    d->spec.fragmentation.size_bytes = SIZE;
    d->spec.fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    d->spec.fragmentation.max_redundancy_ppm = SPEC_PPM;
    d->spec.fragmentation.repair_rounds = 3;
    d->spec.budgets.duty_cycle_ppm = 600000;
    d->spec.retry.session = 2;
    d->spec.retry.device = 2;
    d->fleet = (struct fleet_spec){.name = "dates",
                                   .region = "EU868",
                                   .reserve_ppm = 400000,
                                   .default_profile = "generic"};
}

/* A campaign of so many devices, under way; an image of so many fragments. */
static void begin(struct dates *d, size_t devices, uint16_t frag_count, int64_t lead_us)
{
    memset(d, 0, sizeof(*d));
    d->gateway = GATEWAY;
    d->image_len = (size_t)frag_count * SIZE;
    d->image = calloc(1, d->image_len);
    set_specs(d, lead_us);
    d->engine = engine_create(&(struct engine_config){.seed = 1, .boot = 1});
    struct engine_fleet fleet = {
        .id = 1, .spec = &d->fleet, .timing = ENGINE_TIMING_ABSOLUTE};
    assert_int_equal(engine_add_fleet(d->engine, &fleet), FUO_OK);
    for (size_t i = 0; i < devices; i++) {
        struct device_rec rec = {.dev_eui = EUI_BASE + i,
                                 .fleet_id = 1,
                                 .package_version = {0, 2, 2, 2, 1},
                                 .packages_known = true,
                                 .uplink_interval_us = MINUTES_US(5),
                                 .last_uplink = {START.us - 1}};
        d->devices[i] = rec.dev_eui;
        assert_int_equal(engine_add_device(d->engine, &rec), FUO_OK);
    }
    struct engine_campaign def = {.id = 1,
                                  .spec = &d->spec,
                                  .image = d->image,
                                  .image_len = d->image_len,
                                  .devices = d->devices,
                                  .device_count = devices};
    struct campaign_rec rec = {
        .id = 1, .phase = CAMPAIGN_RUNNING, .created = START, .started = START};
    assert_int_equal(engine_restore_campaign(d->engine, &def, &rec), FUO_OK);
}

static void end(struct dates *d)
{
    engine_destroy(d->engine);
    effects_finish(&d->effects);
    free(d->image);
}

/* One more at the gateway, with a session from `start` on. */
static void add(struct dates *d, enum tx_phase phase, uint16_t next_n, struct utc start)
{
    uint16_t frag_count = (uint16_t)(d->image_len / SIZE);
    uint32_t id = (uint32_t)++d->count;
    struct transmission_rec t = {.id = id,
                                 .campaign_id = 1,
                                 .fleet_id = 1,
                                 .phase = phase,
                                 .ts004 = 2,
                                 .ts005 = 2,
                                 .dr = 5,
                                 .frag_size_bytes = SIZE,
                                 .frag_count = frag_count,
                                 .frequency_hz = FREQUENCY_HZ,
                                 .key_id = id,
                                 .lane_count = 1,
                                 .colour_count = 1,
                                 .interval_us = PACE_US,
                                 .copies = 1,
                                 .timeout_exp = frag_count > 200 ? 15 : 12,
                                 .next_n = next_n,
                                 .target_n = (uint16_t)(frag_count + CODED),
                                 .session_no = phase >= TX_LEAD ? 1 : 0,
                                 .session_start = start,
                                 .phase_since = START};
    t.session_end = utc_after(start, SECONDS_US(1) << t.timeout_exp);
    struct lane_rec lane = {
        .transmission_id = id, .group = "g", .gateway_count = 1, .gateways = {GATEWAY}};
    struct member_rec m = {.campaign_id = 1,
                           .transmission_id = id,
                           .dev_eui = EUI_BASE + id - 1,
                           .phase = phase >= TX_LEAD ? MEMBER_LISTENING : MEMBER_KEY,
                           .transmissions = 1,
                           .missing = UINT16_MAX,
                           .session_no = t.session_no,
                           .phase_since = START};
    assert_int_equal(engine_restore_transmission(d->engine, &t), FUO_OK);
    assert_int_equal(engine_restore_lane(d->engine, &lane), FUO_OK);
    assert_int_equal(engine_restore_member(d->engine, &m), FUO_OK);
}

/* Its group is open: it is dated as soon as the engine runs. */
static void run_one_more(struct dates *d)
{
    add(d, TX_GROUP, 1, START);
    engine_resume(d->engine, (struct instant){0}, START, &d->effects);
    struct engine_event event = {.type = ENGINE_EV_TIMEOUT, .utc = START};
    for (int i = 0; i < OTHERS_MAX; i++) {
        engine_step(d->engine, &event, &d->effects);
    }
    d->found = *engine_transmission_at(d->engine, 1, d->count - 1);
}

static struct utc date_one_more(struct dates *d)
{
    run_one_more(d);
    assert_int_equal(d->found.phase, TX_LEAD);
    return d->found.session_start;
}

/* By plan: fragments, a fifth more for repair, and two polls. */
static int64_t planned_us(const struct dates *d)
{
    int64_t frames = (int64_t)(d->image_len / SIZE) + CODED;
    return frames * PACE_US * 6 / 5 + 2 * POLL_US;
}

static void charge(struct dates *d, struct utc at, int64_t airtime_us)
{
    struct charge_rec rec = {.gateway = GATEWAY,
                             .frequency_hz = FREQUENCY_HZ,
                             .at = at,
                             .airtime_us = airtime_us};
    assert_int_equal(engine_restore_charge(d->engine, &rec), FUO_OK);
}

static void a_gap_that_is_long_enough_is_used(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 2, 12, MINUTES_US(10));
    add(&d, TX_LEAD, 1, AFTER(600 + planned_us(&d) / 1000000));
    assert_int_equal(date_one_more(&d).us, AFTER(600).us);
    end(&d);
    begin(&d, 2, 12, MINUTES_US(10));
    add(&d, TX_LEAD, 1, AFTER(600 + planned_us(&d) / 1000000 - 1));
    int64_t until_s = 600 - 1 + 2 * planned_us(&d) / 1000000;
    assert_int_equal(date_one_more(&d).us, AFTER(until_s).us);
    end(&d);
}

/* There is a gap before another session, but no airtime until it begins. */
static void waiting_for_airtime_leads_into_nobody_elses_session(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 2, 12, MINUTES_US(10));
    charge(&d, AFTER(-2000), SECONDS_US(204));
    struct utc other = AFTER(2400);
    add(&d, TX_LEAD, 1, other);
    struct utc start = date_one_more(&d);
    assert_true(start.us > AFTER(600).us);
    assert_true(start.us + planned_us(&d) <= other.us ||
                start.us >= other.us + planned_us(&d) - SECONDS_US(1));
    end(&d);
}

static void however_many_sessions_there_are_none_is_overlapped(void **state)
{
    (void)state;
    static const size_t counts[] = {70, 750}; /* the second take more than 14 days */
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct dates d;
        begin(&d, counts[i] + 1, 12, MINUTES_US(10));
        int64_t each_s = planned_us(&d) / 1000000 + 8;
        for (size_t k = 0; k < counts[i]; k++) {
            add(&d, TX_LEAD, 1, AFTER(600 + (int64_t)k * each_s));
        }
        struct utc start = date_one_more(&d);
        struct utc last = AFTER(600 + (int64_t)(counts[i] - 1) * each_s);
        assert_true(start.us >= last.us + planned_us(&d));
        assert_true(start.us <= last.us + planned_us(&d) + MINUTES_US(1));
        end(&d);
    }
}

static void a_poll_keeps_its_gateways(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 2, 12, SECONDS_US(1));
    add(&d, TX_POLL, 12 + CODED + 1, AFTER(-2000));
    assert_true(date_one_more(&d).us >= AFTER(32).us);
    end(&d);
}

static void a_pass_that_goes_on_in_another_session_keeps_its_gateways(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 2, 12, MINUTES_US(10));
    add(&d, TX_LEAD, 5, AFTER(600));
    int64_t left_us = (12 + CODED - 4) * PACE_US * 6 / 5 + 2 * POLL_US;
    assert_int_equal(date_one_more(&d).us, AFTER(600).us + left_us);
    end(&d);
}

/* 1000 fragments at this pace take more than three sessions. */
static void between_sessions_of_a_long_pass_others_may_send(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 2, 1000, MINUTES_US(10));
    add(&d, TX_LEAD, 1, AFTER(100));
    struct utc start = date_one_more(&d);
    assert_int_equal(start.us, AFTER(100 + 32768).us);
    end(&d);
}

/* Only its first session has to be short enough for the gap. */
static void a_long_pass_is_cut_to_what_a_session_may_last(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 2, 1000, MINUTES_US(10));
    add(&d, TX_LEAD, 1, AFTER(600 + 32768));
    assert_int_equal(date_one_more(&d).us, AFTER(600).us);
    assert_int_equal(d.found.timeout_exp, 15);
    end(&d);
}

/* ---- windows ---- */

struct minutes {
    int64_t from;
    int64_t to;
};

static void give_windows(struct dates *d, const struct minutes *windows, size_t count,
                         struct utc until)
{
    struct calendar_span spans[8];
    for (size_t i = 0; i < count; i++) {
        spans[i] = (struct calendar_span){AFTER(60 * windows[i].from),
                                          AFTER(60 * windows[i].to)};
    }
    struct engine_windows w = {
        .campaign_id = 1, .spans = spans, .count = count, .until = until};
    assert_int_equal(engine_restore_windows(d->engine, &w), FUO_OK);
    w.campaign_id = 2;
    assert_int_equal(engine_restore_windows(d->engine, &w), FUO_ENOENT);
}

/* A session takes 28 minutes and 32 s, the lead 10 minutes. */
static void a_session_begins_with_a_window_that_has_room(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct minutes windows[4];
        size_t count;
        int64_t start; /* minutes */
        uint8_t timeout_exp;
    } rows[] = {
        {"one that is open", {{0, 60}}, 1, 10, 12},
        {"one to come", {{5, 9}, {20, 99}}, 2, 20, 12},
        {"the rest of one is enough", {{0, 21}, {30, 99}}, 2, 10, 10},
        {"the rest of one is too short", {{0, 19}, {30, 99}}, 2, 30, 12},
        {"a few frames", {{0, 9}, {30, 34}, {60, 64}}, 3, 30, 8},
        {"it listens no longer than that", {{30, 45}, {90, 99}}, 2, 30, 10},
        {"two that touch", {{15, 17}, {17, 99}}, 2, 15, 12},
        {"two that overlap", {{15, 30}, {16, 99}}, 2, 15, 12},
        {"an empty one", {{15, 15}, {20, 99}}, 2, 20, 12},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dates d;
        test_row(rows[i].name);
        begin(&d, 1, 12, MINUTES_US(10));
        give_windows(&d, rows[i].windows, rows[i].count, UTC_NEVER);
        assert_int_equal(date_one_more(&d).us, AFTER(60 * rows[i].start).us);
        assert_int_equal(d.found.timeout_exp, rows[i].timeout_exp);
        end(&d);
    }
}

static void others_and_windows_are_looked_at_together(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 3, 12, MINUTES_US(10));
    give_windows(&d, (struct minutes[]){{0, 50}, {60, 100}, {120, 180}}, 3, UTC_NEVER);
    add(&d, TX_LEAD, 1, AFTER(900));  /* until 43:32 */
    add(&d, TX_LEAD, 1, AFTER(4200)); /* from the 70th minute to 98:32 */
    assert_int_equal(date_one_more(&d).us, AFTER(7200).us);
    end(&d);
}

static void beyond_what_is_known_nothing_is_dated(void **state)
{
    (void)state;
    struct dates d;
    begin(&d, 1, 12, MINUTES_US(10));
    give_windows(&d, (struct minutes[]){{0, 999}}, 1, AFTER(600));
    run_one_more(&d);
    assert_int_equal(d.found.phase, TX_SETUP);
    struct calendar_span span = {START, AFTER(6000)};
    struct engine_event event = {
        .type = ENGINE_EV_WINDOWS,
        .utc = START,
        .windows = {.campaign_id = 1, .spans = &span, .count = 1, .until = AFTER(9000)}};
    engine_step(d.engine, &event, &d.effects);
    const struct transmission_rec *t = engine_transmission_at(d.engine, 1, 0);
    assert_int_equal(t->phase, TX_LEAD);
    assert_int_equal(t->session_start.us, AFTER(600).us);
    event.windows.campaign_id = 2; /* ignored */
    engine_step(d.engine, &event, &d.effects);
    end(&d);
}

TEST_MAIN(cmocka_unit_test(a_gap_that_is_long_enough_is_used),
          cmocka_unit_test(waiting_for_airtime_leads_into_nobody_elses_session),
          cmocka_unit_test(however_many_sessions_there_are_none_is_overlapped),
          cmocka_unit_test(a_poll_keeps_its_gateways),
          cmocka_unit_test(a_pass_that_goes_on_in_another_session_keeps_its_gateways),
          cmocka_unit_test(between_sessions_of_a_long_pass_others_may_send),
          cmocka_unit_test(a_long_pass_is_cut_to_what_a_session_may_last),
          cmocka_unit_test(a_session_begins_with_a_window_that_has_room),
          cmocka_unit_test(others_and_windows_are_looked_at_together),
          cmocka_unit_test(beyond_what_is_known_nothing_is_dated))
