/* SPDX-License-Identifier: MIT */
/* test_planning.c - cohorts and forecast of a campaign, and campaigns that cannot end. */
#include <pthread.h>

#include "codec/package.h"
#include "planning_rig.h"
#include "profile/shipped.h"

static void devices_never_heard_are_one_assumed_cohort(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    for (uint64_t i = 0; i < 5; i++) {
        struct device_rec rec = {.dev_eui = 0x100 + i, .fleet_id = FIXTURE_FLEET};
        add(&rig, &rec);
    }
    make(&rig, FUO_OK);
    assert_int_equal(rig.planning.cohort_count, 1);
    const struct planned_cohort *c = &rig.planning.cohorts[0];
    assert_true(c->assumed);
    assert_int_equal(c->device_count, 5);
    assert_int_equal(c->lanes, 1);
    assert_int_equal(rig.planning.unheard_count, 5);
    assert_true(rig.planning.lower_bound_us > 0);
    assert_true(rig.planning.lower_bound_us <= rig.planning.p50_us);
    stop(&rig);
}

static void strong_and_weak_devices_get_cohorts_and_lanes(void **state)
{
    (void)state;
    struct rig rig;
    int64_t airtime_us = 0;
    uint32_t devices = 0;
    start(&rig);
    for (uint64_t i = 0; i < DEVICES; i++) {
        struct device_rec rec =
            heard_by(0x100 + i, 0xa0 + i % 3, i % 10 == 9 ? -2600 : 900);
        add(&rig, &rec);
    }
    make(&rig, FUO_OK);
    assert_true(rig.planning.cohort_count >= 1);
    for (size_t i = 0; i < rig.planning.cohort_count; i++) {
        const struct planned_cohort *c = &rig.planning.cohorts[i];
        assert_false(c->assumed);
        assert_true(c->lanes >= 1 && c->gateways == c->lanes);
        assert_true(c->colours >= 1);
        assert_true(c->frames_p50 >= c->fragments.count);
        assert_true(c->frames_p90 >= c->frames_p50);
        assert_true(c->duration_p90_us >= c->duration_p50_us);
        assert_true(c->interval_us >= c->frame_airtime_us);
        airtime_us += c->airtime_us * c->gateways;
        devices += c->device_count;
    }
    assert_int_equal(devices, DEVICES);
    assert_int_equal(rig.planning.airtime_us, airtime_us);
    assert_true(rig.planning.p90_us >= rig.planning.p50_us);
    assert_true(rig.planning.lower_bound_us <= rig.planning.p50_us);
    stop(&rig);
}

static void some_devices_out_of_reach_are_named_in_the_plan(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    for (uint64_t i = 0; i < 10; i++) {
        struct device_rec rec = heard_by(0x100 + i, 0xa0, i == 4 ? -4000 : 500);
        add(&rig, &rec);
    }
    make(&rig, FUO_OK);
    const struct planning_left_out *out = &rig.planning.left_out[PLANNING_COVERAGE];
    assert_int_equal(out->count, 1);
    assert_int_equal(out->devices[0], 0x104);
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    struct json_object *value = NULL;
    assert_int_equal(json_pointer_get(object, "/left_out/0/reason", &value), 0);
    assert_string_equal(json_object_get_string(value), "no-coverage");
    assert_int_equal(json_pointer_get(object, "/left_out/0/devices/0", &value), 0);
    assert_string_equal(json_object_get_string(value), "0000000000000104");
    assert_int_equal(json_pointer_get(object, "/cohorts/0/devices", &value), 0);
    assert_int_equal(json_object_get_int(value), 9);
    assert_int_equal(json_pointer_get(object, "/cohort_count", &value), 0);
    assert_int_equal(json_object_get_int(value), 1);
    json_object_put(object);
    stop(&rig);
}

static void windows_give_the_plan_a_calendar_in_local_time(void **state)
{
    (void)state;
    static const struct spec_window nights[] = {{0x7f, 22 * 60, 22 * 60 + 1}};
    static const struct {
        const char *path;
        const char *want;
    } rows[] = {
        {"/calendar/timezone", "Europe/Berlin"},
        {"/calendar/windows/0/start", "2026-10-24T22:00:00+02:00"},
        {"/calendar/windows/0/end", "2026-10-24T22:01:00+02:00"},
        {"/calendar/windows/1/start", "2026-10-25T22:00:00+01:00"},
        {"/calendar/clock_changes/0/before", "2026-10-25T02:59:59+02:00"},
        {"/calendar/clock_changes/0/after", "2026-10-25T02:00:00+01:00"},
    };
    struct rig rig;
    struct json_object *value = NULL;
    heard_fleet(&rig, nights, 1);
    make(&rig, FUO_OK);
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_row(rows[i].path);
        assert_int_equal(json_pointer_get(object, rows[i].path, &value), 0);
        assert_string_equal(json_object_get_string(value), rows[i].want);
    }
    /* As many nights as it takes, a minute each. */
    int64_t nights_needed = (rig.planning.p50_us + MINUTES_US(1) - 1) / MINUTES_US(1);
    int64_t last_day = 23 + nights_needed;
    char end[32];
    assert_in_range(nights_needed, 3, 7);
    snprintf(end, sizeof(end), "2026-10-%02lldT22:0", (long long)last_day);
    assert_int_equal(json_pointer_get(object, "/calendar/end", &value), 0);
    assert_int_equal(strncmp(json_object_get_string(value), end, strlen(end)), 0);
    json_object_put(object);
    stop(&rig);
}

static void windows_too_short_for_frames_are_refused(void **state)
{
    (void)state;
    static const struct spec_blackout gap[] = {
        {"2026-10-24T22:00:01", "2027-10-24T22:00:01", NULL}};
    static const struct spec_window nights[] = {{0x7f, 22 * 60, 22 * 60 + 2}};
    struct rig rig;
    heard_fleet(&rig, nights, 1);
    rig.spec.schedule.blackouts = gap;
    rig.spec.schedule.blackout_count = 1;
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.schedule.windows", "long enough for two frames");
    stop(&rig);
}

/* Ten devices take a few minutes. */
static void a_deadline_that_cannot_be_kept_is_refused_with_numbers(void **state)
{
    (void)state;
    static const struct spec_window nights[] = {{0x7f, 22 * 60, 22 * 60 + 1}};
    static const struct {
        const char *name;
        const char *not_before;
        const char *deadline;
        size_t windows;
        int err;
        const char *said;
    } rows[] = {
        {"windows enough", NULL, "2026-11-20", 1, FUO_OK, NULL},
        {"two nights", NULL, "2026-10-26", 1, FUO_ERANGE,
         "min, and until 2026-10-26T00:00:00+01:00 there are 2 min of windows"},
        {"two nights, a week later", "2026-10-31", "2026-11-02", 1, FUO_ERANGE,
         "until 2026-11-02T00:00:00+01:00 there are 2 min of windows: choose a later "
         "one, "
         "or give it more windows"},
        {"any time", NULL, "2026-10-24T15:00", 0, FUO_OK, NULL},
        {"one minute", NULL, "2026-10-24T14:01", 0, FUO_ERANGE,
         "until 2026-10-24T14:01:00+02:00 there are 1 min: choose a later one"},
        {"over", NULL, "2026-10-24T13:59", 0, FUO_ERANGE,
         "2026-10-24T13:59:00+02:00 is over already"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        test_row(rows[i].name);
        heard_fleet(&rig, nights, rows[i].windows);
        rig.spec.schedule.not_before = rows[i].not_before;
        rig.spec.schedule.deadline = rows[i].deadline;
        make(&rig, rows[i].err);
        if (rows[i].said != NULL) {
            assert_said(&rig, "spec.schedule.deadline", rows[i].said);
        }
        stop(&rig);
    }
}

static void a_plan_lists_every_change_of_the_clock_until_its_end(void **state)
{
    (void)state;
    static const struct spec_window nights[] = {{0x01, 22 * 60, 22 * 60 + 1}};
    static const struct {
        const char *path;
        const char *want;
    } rows[] = {
        {"/calendar/not_before", "2027-03-01T00:00:00+01:00"},
        {"/calendar/deadline", "2028-01-01T00:00:00+01:00"},
        {"/calendar/windows/0/start", "2027-03-01T22:00:00+01:00"},
        {"/calendar/clock_changes/0/after", "2027-03-28T03:00:00+02:00"},
    };
    struct rig rig;
    struct json_object *value = NULL;
    heard_fleet(&rig, nights, 1);
    rig.spec.schedule.not_before = "2027-03-01";
    rig.spec.schedule.deadline = "2028-01-01";
    make(&rig, FUO_OK);
    /* So long that it is sent in autumn. */
    rig.planning.p50_us = rig.planning.waves[0].p50_us = MINUTES_US(40);
    rig.planning.p90_us = rig.planning.waves[0].p90_us = MINUTES_US(44);
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_row(rows[i].path);
        assert_int_equal(json_pointer_get(object, rows[i].path, &value), 0);
        assert_string_equal(json_object_get_string(value), rows[i].want);
    }
    assert_int_equal(json_pointer_get(object, "/calendar/clock_changes", &value), 0);
    assert_int_equal(json_object_array_length(value), 2);
    assert_int_equal(json_pointer_get(object, "/calendar/end_p90", &value), 0);
    assert_string_equal(json_object_get_string(value), "2027-12-27T22:01:00+01:00");
    json_object_put(object);
    /* There are 44 Mondays. */
    rig.planning.p90_us = rig.planning.waves[0].p90_us = MINUTES_US(45);
    object = planning_render(&rig.request, &rig.planning);
    const char *text = json_object_to_json_string(object);
    assert_non_null(strstr(text, "the deadline is tight"));
    json_object_put(object);
    stop(&rig);
}

static void a_fleet_without_coverage_is_refused_with_its_margin(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    for (uint64_t i = 0; i < 25; i++) {
        struct device_rec rec = heard_by(0x100 + i, 0xa0, i == 0 ? -3500 : -4000);
        add(&rig, &rec);
    }
    make(&rig, FUO_ERANGE);
    assert_int_equal(rig.planning.cohort_count, 0);
    assert_said(&rig, "spec.targets", "dB at best, 0 dB is needed");
    assert_said(&rig, "spec.targets", "25 devices: 0000000000000100 0000000000000101");
    assert_said(&rig, "spec.targets", "0000000000000113 and 5 more");
    stop(&rig);
}

static void gateways_that_hear_nobody_are_no_coverage(void **state)
{
    (void)state;
    static const uint64_t given[] = {0xbb};
    struct rig rig;
    start(&rig);
    struct device_rec rec = heard_by(0x100, 0xa0, 900);
    add(&rig, &rec);
    rig.spec.radio.gateways = (struct eui_list){given, 1};
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.targets", "none of the gateways that may be used hears it");
    stop(&rig);
}

static void gateways_of_the_campaign_are_a_lane_and_a_turn_each(void **state)
{
    (void)state;
    static const uint64_t given[] = {0xa0, 0xa1, 0xa2};
    struct rig rig;
    start(&rig);
    for (uint64_t i = 0; i < 6; i++) {
        struct device_rec rec = heard_by(0x100 + i, 0xa0 + i % 3, 900);
        add(&rig, &rec);
    }
    rig.spec.radio.gateways = (struct eui_list){given, 3};
    make(&rig, FUO_OK);
    assert_int_equal(rig.planning.cohort_count, 1);
    const struct planned_cohort *c = &rig.planning.cohorts[0];
    assert_false(c->assumed);
    assert_int_equal(c->device_count, 6);
    assert_int_equal(c->lanes, 3);
    assert_int_equal(c->colours, 3);
    assert_int_equal(c->dr, 5);
    assert_true(c->interval_us >= 3 * c->frame_airtime_us);
    stop(&rig);
}

/* It has four links elsewhere: one to the gateway that is asked for may be its fifth. */
static void a_gateway_that_may_hear_a_device_is_given_the_chance(void **state)
{
    (void)state;
    static const uint64_t given[] = {0xbb};
    struct rig rig;
    start(&rig);
    struct device_rec rec = heard_by(0x100, 0xa0, 900);
    rec.link_count = RECORD_LINK_MAX;
    for (size_t i = 1; i < RECORD_LINK_MAX; i++) {
        rec.link[i] = rec.link[0];
        rec.link[i].gateway += i;
    }
    add(&rig, &rec);
    rig.spec.radio.gateways = (struct eui_list){given, 1};
    make(&rig, FUO_OK);
    assert_true(rig.planning.cohorts[0].assumed);
    stop(&rig);
}

static void a_fleet_without_clock_or_packages_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct device_rec no_clock = heard_by(0x100, 0xa0, 900);
    no_clock.packages_known = true;
    no_clock.package_version[PKG_MULTI] = 1;
    no_clock.package_version[PKG_MCAST] = 2;
    no_clock.package_version[PKG_FRAG] = 2;
    no_clock.package_version[PKG_FWMGMT] = 1;
    struct device_rec no_frag = no_clock;
    no_frag.dev_eui = 0x101;
    no_frag.package_version[PKG_FRAG] = 0;
    add(&rig, &no_clock);
    add(&rig, &no_frag);
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.targets", "clock package (TS003)");
    assert_said(&rig, "spec.targets", "1 device: 0000000000000100");
    assert_said(&rig, "spec.targets", "it lacks TS004, TS005 or, for firmware, TS006");
    assert_said(&rig, "spec.targets", "1 device: 0000000000000101");
    stop(&rig);
}

static void no_budget_is_refused_with_the_devices(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct device_rec rec = heard_by(0x100, 0xa0, 900);
    add(&rig, &rec);
    rig.spec.budgets.duty_cycle_ppm = 0;
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.budgets.dutyCycle", "0.0 s of each hour");
    assert_said(&rig, "spec.budgets.dutyCycle", "1 device: 0000000000000100");
    stop(&rig);
}

static void an_image_too_large_for_the_decoders_is_refused_with_the_limit(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct device_rec rec = heard_by(0x100, 0xa0, 900);
    add(&rig, &rec);
    assert_int_equal(engine_set_profile(rig.engine, 0x100, profile_shipped("st-v2")),
                     FUO_OK);
    rig.request.image_len = 600000;
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.image",
                "'st-v2' takes at most 2151 fragments of 40 to 240 bytes");
    assert_said(&rig, "spec.image", "1 device: 0000000000000100");
    diag_list_finish(&rig.diags);
    rig.request.image_len = IMAGE_BYTES;
    rig.spec.fragmentation.size_bytes = 20;
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.image", "spec.fragmentation.size does not fit");
    stop(&rig);
}

static void what_the_radio_does_not_have_is_refused_at_its_key(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct device_rec rec = heard_by(0x100, 0xa0, 900);
    add(&rig, &rec);
    rig.spec.radio.dr = 15;
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.radio.datarate", "there is no DR15 for downlinks in EU868");
    assert_said(&rig, "spec.radio.datarate", "1 device: 0000000000000100");
    diag_list_finish(&rig.diags);
    rig.spec.radio.dr = 0;
    rig.request.image_len = (size_t)16383 * 48;
    make(&rig, FUO_ERANGE);
    assert_said(
        &rig, "spec.image",
        "the image has 786384 bytes; at most 16128 fragments of 48 bytes go at DR0");
    stop(&rig);
}

static void an_image_too_large_for_some_is_planned_for_the_others(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct device_rec small = heard_by(0x100, 0xa0, 900);
    struct device_rec large = heard_by(0x101, 0xa0, 900);
    add(&rig, &small);
    add(&rig, &large);
    assert_int_equal(engine_set_profile(rig.engine, 0x100, profile_shipped("st-v2")),
                     FUO_OK);
    rig.request.image_len = 530000; /* 2151 of 240 bytes are less */
    make(&rig, FUO_OK);
    const struct planning_left_out *out = &rig.planning.left_out[PLANNING_TOO_BIG];
    assert_int_equal(out->count, 1);
    assert_int_equal(out->devices[0], 0x100);
    assert_string_equal(out->limit, "device profile 'st-v2' takes at most 2151 fragments "
                                    "of at most 240 bytes");
    assert_int_equal(rig.planning.waves[0].device_count, 1);
    planning_finish(&rig.planning);
    rig.request.image_len = 500000;
    make(&rig, FUO_OK);
    assert_int_equal(rig.planning.left_out[PLANNING_TOO_BIG].count, 0);
    planning_finish(&rig.planning);
    rig.request.image_len = IMAGE_BYTES;
    rig.spec.fragmentation.size_bytes = 20;
    make(&rig, FUO_OK);
    assert_int_equal(out->count, 1);
    assert_string_equal(out->limit,
                        "device profile 'st-v2' takes fragments of 40 to 240 bytes in "
                        "steps of 1; spec.fragmentation.size is 20");
    assert_int_equal(rig.planning.waves[0].device_count, 1);
    stop(&rig);
}

static void decoders_of_large_fragments_only_are_named_as_the_limit(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    const struct device_rec rec = {.dev_eui = 0x100, .fleet_id = FIXTURE_FLEET};
    const struct profile large = {.name = "large", .limits = {.size_min = 230}};
    add(&rig, &rec);
    assert_int_equal(engine_set_profile(rig.engine, 0x100, &large), FUO_OK);
    make(&rig, FUO_ERANGE); /* nobody heard it: DR3 is assumed */
    assert_said(
        &rig, "spec.image",
        "decoders take fragments of 230 bytes or more, and DR3 has room for 112; ");
    stop(&rig);
}

static void who_has_no_class_b_is_left_out_of_a_campaign_of_it(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    for (uint64_t eui = 0x100; eui <= 0x102; eui++) {
        struct device_rec rec = heard_by(eui, 0xa0, 900);
        add(&rig, &rec);
    }
    assert_int_equal(engine_set_profile(rig.engine, 0x100, profile_shipped("zephyr")),
                     FUO_OK);
    assert_int_equal(
        engine_set_profile(rig.engine, 0x101, profile_shipped("loramac-node")), FUO_OK);
    make(&rig, FUO_OK);
    assert_int_equal(rig.planning.left_out[PLANNING_CLASS_B].count, 0);
    planning_finish(&rig.planning);
    rig.spec.radio.device_class = 'B';
    rig.spec.radio.ping_slot_periodicity = 3;
    make(&rig, FUO_OK);
    const struct planning_left_out *out = &rig.planning.left_out[PLANNING_CLASS_B];
    assert_int_equal(out->count, 2);
    assert_int_equal(out->devices[0], 0x100);
    assert_int_equal(out->devices[1], 0x101);
    stop(&rig);
}

static void files_that_fit_no_region_say_so(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct device_rec rec = heard_by(0x100, 0xa0, 900);
    add(&rig, &rec);
    rig.spec.radio.frequency_hz = 100000000;
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.radio.frequency", "100.0000 MHz is outside every sub-band");
    stop(&rig);
}

static void *compute(void *arg)
{
    planning_compute(arg);
    return NULL;
}

/* The engine goes on, or is rebuilt, while a plan is computed on another thread. */
static void a_plan_rests_on_what_was_known_when_it_began(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t thread;
    start(&rig);
    for (uint64_t i = 0; i < DEVICES; i++) {
        struct device_rec rec =
            heard_by(0x100 + i, 0xa0 + i % 3, i % 10 == 9 ? -2600 : 900);
        add(&rig, &rec);
    }
    make(&rig, FUO_OK);
    struct planning at_once = rig.planning;
    struct planning_job *job = planning_begin(&rig.request, &rig.planning, &rig.diags);
    engine_destroy(rig.engine);
    rig.engine = NULL;
    assert_int_equal(pthread_create(&thread, NULL, compute, job), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(planning_end(job), FUO_OK);
    assert_int_equal(rig.planning.cohort_count, at_once.cohort_count);
    assert_memory_equal(rig.planning.cohorts, at_once.cohorts,
                        at_once.cohort_count * sizeof(*at_once.cohorts));
    assert_int_equal(rig.planning.p90_us, at_once.p90_us);
    assert_int_equal(rig.planning.lower_bound_us, at_once.lower_bound_us);
    planning_finish(&at_once);
    stop(&rig);
}

static void a_plan_that_is_stopped_says_so_and_leaves_nothing(void **state)
{
    (void)state;
    struct rig rig;
    atomic_bool stopped = true;
    start(&rig);
    for (uint64_t i = 0; i < DEVICES; i++) {
        struct device_rec rec = heard_by(0x100 + i, 0xa0 + i % 3, 900);
        add(&rig, &rec);
    }
    rig.request.stop = &stopped;
    struct planning_job *job = planning_begin(&rig.request, &rig.planning, &rig.diags);
    planning_compute(job);
    assert_int_equal(planning_end(job), FUO_EAGAIN);
    assert_int_equal(rig.diags.count, 0);
    assert_null(rig.planning.cohorts);
    atomic_store(&stopped, false);
    make(&rig, FUO_OK);
    stop(&rig);
}

TEST_MAIN(cmocka_unit_test(devices_never_heard_are_one_assumed_cohort),
          cmocka_unit_test(strong_and_weak_devices_get_cohorts_and_lanes),
          cmocka_unit_test(a_plan_rests_on_what_was_known_when_it_began),
          cmocka_unit_test(a_plan_that_is_stopped_says_so_and_leaves_nothing),
          cmocka_unit_test(some_devices_out_of_reach_are_named_in_the_plan),
          cmocka_unit_test(windows_give_the_plan_a_calendar_in_local_time),
          cmocka_unit_test(a_deadline_that_cannot_be_kept_is_refused_with_numbers),
          cmocka_unit_test(a_plan_lists_every_change_of_the_clock_until_its_end),
          cmocka_unit_test(windows_too_short_for_frames_are_refused),
          cmocka_unit_test(a_fleet_without_coverage_is_refused_with_its_margin),
          cmocka_unit_test(gateways_that_hear_nobody_are_no_coverage),
          cmocka_unit_test(gateways_of_the_campaign_are_a_lane_and_a_turn_each),
          cmocka_unit_test(a_gateway_that_may_hear_a_device_is_given_the_chance),
          cmocka_unit_test(a_fleet_without_clock_or_packages_is_refused),
          cmocka_unit_test(no_budget_is_refused_with_the_devices),
          cmocka_unit_test(an_image_too_large_for_the_decoders_is_refused_with_the_limit),
          cmocka_unit_test(what_the_radio_does_not_have_is_refused_at_its_key),
          cmocka_unit_test(an_image_too_large_for_some_is_planned_for_the_others),
          cmocka_unit_test(decoders_of_large_fragments_only_are_named_as_the_limit),
          cmocka_unit_test(who_has_no_class_b_is_left_out_of_a_campaign_of_it),
          cmocka_unit_test(files_that_fit_no_region_say_so))
