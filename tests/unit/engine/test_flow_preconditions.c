/* SPDX-License-Identifier: MIT */
/* Whom a campaign leaves alone: looked at when a wave begins, and when a version is told. */
#include <string.h>

#include "flow_steps.h"

#define PCT(n) ((n) * (SPEC_PPM / 100))

static const struct spec_wave one_wave[] = {{.name = "all",
                                             .size = {.ppm = SPEC_PPM},
                                             .success_ppm = PCT(95),
                                             .abort_failed_ppm = PCT(5),
                                             .abort_attempted = 20}};
static const uint8_t all_in_one[FLOW_DEVICES];

static struct spec_preconditions *prepare(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    f->spec.rollout.waves = one_wave;
    f->spec.rollout.wave_count = 1;
    f->spec.targets.preconditions.maintenance = SPEC_SKIP;
    f->wave_of = all_in_one;
    return &f->spec.targets.preconditions;
}

static void skipped(const struct flow *f, size_t device, enum member_reason reason)
{
    ended(f, device, OUTCOME_SKIPPED, reason, FW_RESULT_INITIAL);
}

static void devices_in_maintenance_are_left_alone_or_not(void **state)
{
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        struct flow f;
        prepare(&f, 2)->maintenance = skip != 0 ? SPEC_SKIP : SPEC_ALLOW;
        assert_int_equal(engine_set_maintenance(f.engine, f.devices[0].dev_eui, true),
                         FUO_OK);
        assert_int_equal(engine_set_maintenance(f.engine, 7, true), FUO_ENOENT);
        flow_apply(&f);
        if (skip != 0) {
            skipped(&f, 0, REASON_WAVE_MAINTENANCE);
        } else {
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        }
        assert_int_equal(flow_member(&f, 1)->outcome, OUTCOME_NONE);
        flow_free(&f);
    }
}

static void who_was_not_heard_for_long_is_skipped(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f, 3);
    f.devices[0].last_uplink = utc_after(f.now, -DAYS_US(8));
    f.devices[1].last_uplink = (struct utc){0}; /* never */
    f.devices[2].last_uplink = utc_after(f.now, -DAYS_US(6));
    flow_rebuild(&f);
    flow_apply(&f);
    skipped(&f, 0, REASON_WAVE_AGE);
    assert_int_equal(flow_member(&f, 1)->outcome, OUTCOME_NONE);
    assert_int_equal(flow_member(&f, 2)->outcome, OUTCOME_NONE);
    flow_free(&f);
}

/* Nobody was heard because nobody listened. */
static void a_daemon_that_was_away_blames_no_device(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f, 2);
    f.devices[0].last_uplink = utc_after(f.now, -DAYS_US(30));
    for (size_t i = 1; i < FLOW_DEVICES; i++) {
        f.devices[i].last_uplink = utc_after(f.now, -DAYS_US(20));
    }
    flow_rebuild(&f);
    engine_resume(f.engine, (struct instant){f.now.us}, f.now, &f.effects);
    flow_apply(&f);
    skipped(&f, 0, REASON_WAVE_AGE); /* ten days before that */
    assert_int_equal(flow_member(&f, 1)->outcome, OUTCOME_NONE);
    flow_free(&f);
}

static void who_hears_too_weakly_is_skipped(void **state)
{
    (void)state;
    static const struct {
        int32_t margin_cdb;
        int16_t snr_cdb;
        bool skipped;
    } rows[] = {
        {0, -3000, false}, /* not asked for */
        {1000, 1000, false},
        {1000, -1500, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        prepare(&f, 2)->link_margin_cdb = rows[i].margin_cdb;
        f.devices[0].link_count = 1;
        f.devices[0].link[0] = (struct device_link){.gateway = 0x16,
                                                    .snr_p10_cdb = rows[i].snr_cdb,
                                                    .snr_p50_cdb = rows[i].snr_cdb,
                                                    .heard_ppk = 1000};
        flow_rebuild(&f);
        flow_apply(&f);
        if (rows[i].skipped) {
            skipped(&f, 0, REASON_WAVE_MARGIN);
        } else {
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        }
        assert_int_equal(flow_member(&f, 1)->outcome, OUTCOME_NONE); /* not known */
        flow_free(&f);
    }
}

static void battery(struct flow *f, size_t device, uint8_t percent, bool lwm2m)
{
    struct engine_event event = {.type = ENGINE_EV_STATUS,
                                 .status = {.dev_eui = f->devices[device].dev_eui,
                                            .has_battery = true,
                                            .battery_percent = percent}};
    if (lwm2m) {
        event = (struct engine_event){.type = ENGINE_EV_REPORTED,
                                      .reported = {.dev_eui = f->devices[device].dev_eui,
                                                   .has_battery = true,
                                                   .battery_percent = percent}};
    }
    flow_step(f, &event);
    assert_int_equal(f->devices[device].battery_percent, percent); /* stored */
}

static void whose_battery_is_low_or_unknown_is_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t min_ppm;
        enum spec_unknown unknown;
        bool lwm2m;
        int percent; /* -1: it never told */
        bool skipped;
    } rows[] = {
        {"not asked for", 0, SPEC_ALLOW, false, 0, false},
        {"unknown, allowed", PCT(40), SPEC_ALLOW, false, -1, false},
        {"unknown, skipped", PCT(40), SPEC_SKIP, false, -1, true},
        {"enough", PCT(40), SPEC_SKIP, false, 40, false},
        {"too low", PCT(40), SPEC_ALLOW, false, 39, true},
        {"just below a fraction", 405000, SPEC_ALLOW, false, 40, true},
        {"by LwM2M, enough", PCT(40), SPEC_SKIP, true, 41, false},
        {"by LwM2M, too low", PCT(40), SPEC_ALLOW, true, 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        struct spec_preconditions *p = prepare(&f, 1);
        p->battery_min_ppm = rows[i].min_ppm;
        p->battery_unknown = rows[i].unknown;
        if (rows[i].percent >= 0) {
            battery(&f, 0, (uint8_t)rows[i].percent, rows[i].lwm2m);
            flow_rebuild(&f); /* it is known after a restart, too */
        }
        assert_int_equal(
            engine_precondition(f.engine, &f.spec, f.devices[0].dev_eui, f.now),
            rows[i].skipped ? REASON_WAVE_BATTERY : REASON_NONE);
        flow_apply(&f);
        if (rows[i].skipped) {
            skipped(&f, 0, REASON_WAVE_BATTERY);
        } else {
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        }
        flow_free(&f);
    }
}

/* It is the wave that is entered that counts, not the day of the campaign. */
static void batteries_are_looked_at_when_a_wave_begins(void **state)
{
    (void)state;
    static const struct spec_wave two[] = {
        {.name = "a", .size = {.ppm = PCT(50)}, .success_ppm = PCT(50)},
        {.name = "b", .size = {.ppm = SPEC_PPM}, .success_ppm = PCT(50)}};
    static const uint8_t one_each[FLOW_DEVICES] = {0, 1};
    struct flow f;
    prepare(&f, 2)->battery_min_ppm = PCT(30);
    f.spec.rollout.waves = two;
    f.spec.rollout.wave_count = ARRAY_LEN(two);
    f.wave_of = one_each;
    battery(&f, 0, 80, false);
    battery(&f, 1, 80, false);
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    battery(&f, 0, 10, false); /* it has begun: it goes on */
    battery(&f, 1, 20, false);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_wait(&f, SECONDS_US(1));
    skipped(&f, 1, REASON_WAVE_BATTERY);
    flow_free(&f);
}

/* The devices of flow.h run 0x01000000 or so: 01 00 00 00 on air. */
static void only_devices_of_listed_versions_go_on(void **state)
{
    (void)state;
    static const struct profile coded = {.version = PROFILE_VERSION_BYTES};
    static const struct {
        const char *listed[2];
        bool coded;
        bool goes_on;
    } rows[] = {
        {{NULL}, false, true},
        {{"0x00000001", NULL}, false, true},
        {{"1", NULL}, false, true},
        {{"2", "0x1"}, false, true},
        {{"2", NULL}, false, false},
        {{"0x", ""}, false, false},
        {{"99999999999", NULL}, false, false},
        {{"1.0.0", NULL}, true, true},
        {{"1.0.0", NULL}, false, false}, /* how it is coded nobody has said */
        {{"1.0.1", NULL}, true, false},
        {{"nightly", NULL}, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct str_list *list = &prepare(&f, 1)->running_versions;
        list->items = rows[i].listed;
        list->count = (size_t)(rows[i].listed[0] != NULL) + (rows[i].listed[1] != NULL);
        f.profiles[0] = rows[i].coded ? &coded : NULL;
        flow_rebuild(&f);
        flow_apply(&f);
        test_row(rows[i].listed[0] != NULL ? rows[i].listed[0] : "any");
        flow_walk(&f, 0, MEMBER_VERSION);
        flow_answer(&f, 0);
        if (rows[i].goes_on) {
            assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        } else {
            skipped(&f, 0, REASON_WAVE_VERSION);
        }
        flow_free(&f);
    }
}

TEST_MAIN(cmocka_unit_test(devices_in_maintenance_are_left_alone_or_not),
          cmocka_unit_test(who_was_not_heard_for_long_is_skipped),
          cmocka_unit_test(a_daemon_that_was_away_blames_no_device),
          cmocka_unit_test(who_hears_too_weakly_is_skipped),
          cmocka_unit_test(whose_battery_is_low_or_unknown_is_skipped),
          cmocka_unit_test(batteries_are_looked_at_when_a_wave_begins),
          cmocka_unit_test(only_devices_of_listed_versions_go_on))
