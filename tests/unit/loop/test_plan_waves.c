/* SPDX-License-Identifier: MIT */
/* test_plan_waves.c - what each wave costs, who would be skipped, and budgets. */
#include "planning_rig.h"

static const struct spec_wave three_waves[] = {
    {.name = "canary", .soak_us = HOURS_US(1)},
    {.name = "empty", .soak_us = HOURS_US(10)},
    {.name = "rest", .soak_us = HOURS_US(100)},
};

/* Four, none and six of ten devices, all alike. */
static void in_waves(struct rig *rig, uint8_t waves[static DEVICES],
                     uint32_t sizes[static 3])
{
    heard_fleet(rig, NULL, 0);
    rig->spec.rollout.waves = three_waves;
    rig->spec.rollout.wave_count = 3;
    sizes[0] = 4;
    sizes[1] = 0;
    sizes[2] = 6;
    for (size_t i = 0; i < rig->request.device_count; i++) {
        waves[i] = i % 5 < 2 ? 0 : 2;
    }
    rig->request.waves = waves;
    rig->request.wave_sizes = sizes;
}

static int64_t number_at(struct json_object *object, const char *path)
{
    struct json_object *value = NULL;
    test_row(path);
    assert_int_equal(json_pointer_get(object, path, &value), 0);
    return json_object_get_int64(value);
}

static void a_wave_costs_what_it_would_cost_alone(void **state)
{
    (void)state;
    struct rig rig;
    uint8_t waves[DEVICES];
    uint32_t sizes[3];
    in_waves(&rig, waves, sizes);
    make(&rig, FUO_OK);
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    int64_t airtime_us = number_at(object, "/waves/0/airtime_us");
    int64_t energy_mj = number_at(object, "/waves/0/energy_mj");
    assert_int_equal(rig.planning.wave_count, 3);
    assert_int_equal(number_at(object, "/waves/0/planned"), 4);
    assert_int_equal(number_at(object, "/waves/1/planned"), 0);
    assert_int_equal(number_at(object, "/waves/1/airtime_us"), 0);
    assert_int_equal(number_at(object, "/waves/2/planned"), 6);
    assert_int_equal(number_at(object, "/waves/2/skipped"), 0);
    assert_int_equal(number_at(object, "/airtime_us"),
                     airtime_us + number_at(object, "/waves/2/airtime_us"));
    assert_int_equal(number_at(object, "/duration_us"),
                     number_at(object, "/waves/0/duration_us") +
                         number_at(object, "/waves/2/duration_us"));
    assert_int_equal(number_at(object, "/energy_mj"),
                     energy_mj + number_at(object, "/waves/2/energy_mj"));
    assert_int_equal(number_at(object, "/soak_us"), HOURS_US(1)); /* behind nobody */
    json_object_put(object);
    planning_finish(&rig.planning);
    rig.request.waves = NULL; /* the same four alone */
    rig.request.device_count = 4;
    make(&rig, FUO_OK);
    assert_int_equal(rig.planning.airtime_us, airtime_us);
    stop(&rig);
}

static void who_would_be_skipped_is_left_out_with_the_reason(void **state)
{
    (void)state;
    static const char *const versions[] = {"0x01"};
    struct rig rig;
    uint8_t waves[DEVICES];
    uint32_t sizes[3];
    struct json_object *value = NULL;
    in_waves(&rig, waves, sizes);
    struct device_rec old = heard_by(0x200, 0xa0, 500);
    struct device_rec other = heard_by(0x201, 0xa0, 500);
    struct device_rec done = heard_by(0x202, 0xa0, 500);
    old.last_uplink = utc_after(rig.request.now, -DAYS_US(8));
    other.firmware_known = done.firmware_known = true;
    other.firmware_version = 2;
    done.firmware_version = 3;
    add(&rig, &old);
    add(&rig, &other);
    add(&rig, &done);
    memset(waves + 10, 0, 3);
    sizes[0] += 3;
    waves[9] = WAVE_NOWHERE;
    sizes[2]--;
    rig.spec.image.firmware_version = 3;
    rig.spec.targets.preconditions.running_versions = (struct str_list){versions, 1};
    assert_int_equal(engine_set_maintenance(rig.engine, 0x100, true), FUO_OK);
    make(&rig, FUO_OK);
    static const struct {
        enum planning_reason reason;
        uint64_t dev_eui;
    } rows[] = {
        {PLANNING_AGE, 0x200},     {PLANNING_VERSION, 0x201},
        {PLANNING_ALREADY, 0x202}, {PLANNING_MAINTENANCE, 0x100},
        {PLANNING_NO_WAVE, 0x109},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct planning_left_out *out = &rig.planning.left_out[rows[i].reason];
        test_row(planning_reason_slug(rows[i].reason));
        assert_int_equal(out->count, 1);
        assert_int_equal(out->devices[0], rows[i].dev_eui);
    }
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    assert_int_equal(number_at(object, "/waves/0/planned"), 3);
    assert_int_equal(number_at(object, "/waves/0/skipped"), 4);
    assert_int_equal(number_at(object, "/waves/2/planned"), 5);
    assert_int_equal(json_pointer_get(object, "/cohorts/0/wave", &value), 0);
    assert_string_equal(json_object_get_string(value), "canary");
    json_object_put(object);
    stop(&rig);
}

/* They are looked at again when their wave begins. */
static void a_plan_for_nobody_is_one_if_all_may_come_back(void **state)
{
    (void)state;
    struct rig rig;
    struct json_object *value = NULL;
    heard_fleet(&rig, NULL, 0);
    for (size_t i = 0; i < rig.request.device_count; i++) {
        assert_int_equal(engine_set_maintenance(rig.engine, rig.devices[i], true),
                         FUO_OK);
    }
    make(&rig, FUO_OK);
    assert_int_equal(rig.planning.cohort_count, 0);
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    assert_int_equal(json_pointer_get(object, "/notes/0", &value), 0);
    assert_non_null(strstr(json_object_get_string(value), "nobody would be updated"));
    json_object_put(object);
    stop(&rig);
}

static void soaking_counts_towards_the_deadline(void **state)
{
    (void)state;
    struct rig rig;
    uint8_t waves[DEVICES];
    uint32_t sizes[3];
    in_waves(&rig, waves, sizes);
    rig.spec.schedule.deadline = "2026-10-24T14:59"; /* 59 minutes */
    make(&rig, FUO_ERANGE);
    assert_said(&rig, "spec.schedule.deadline", "the waves soak for 60 min");
    stop(&rig);
    in_waves(&rig, waves, sizes);
    rig.spec.schedule.deadline = "2026-10-24T18:00";
    make(&rig, FUO_OK);
    stop(&rig);
}

static const char *text_at(struct json_object *object, const char *path)
{
    struct json_object *value = NULL;
    test_row(path);
    assert_int_equal(json_pointer_get(object, path, &value), 0);
    return json_object_get_string(value);
}

/* The night before the clocks change; a wave takes some minutes. */
static void soaking_puts_the_end_off(void **state)
{
    (void)state;
    static const struct spec_window nights[] = {{0x7f, 22 * 60, 5 * 60}};
    static const struct {
        const char *name;
        int64_t soak_us;
        size_t windows;
        size_t changes;
        const char *end; /* and what follows */
    } rows[] = {
        {"none", 0, 1, 0, "2027-03-27T22:"},
        {"an hour, in the same night", HOURS_US(1), 1, 0, "2027-03-27T23:"},
        {"until after the window", HOURS_US(10), 1, 1, "2027-03-28T22:0"},
        {"a day", DAYS_US(1), 1, 1, "2027-03-28T23:0"},
        {"three days", DAYS_US(3), 1, 1, "2027-03-30T23:0"},
        {"a day, at any time", DAYS_US(1), 0, 1, "2027-03-28T21:0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        uint8_t waves[DEVICES];
        uint32_t sizes[3];
        struct spec_wave soaking[3];
        test_row(rows[i].name);
        in_waves(&rig, waves, sizes);
        memcpy(soaking, three_waves, sizeof(soaking));
        soaking[0].soak_us = rows[i].soak_us;
        rig.spec.rollout.waves = soaking;
        rig.spec.schedule.windows = nights;
        rig.spec.schedule.window_count = rows[i].windows;
        rig.spec.schedule.not_before = "2027-03-27T20:00";
        make(&rig, FUO_OK);
        struct json_object *object = planning_render(&rig.request, &rig.planning);
        const char *const ends[] = {"/calendar/end", "/calendar/end_p90"};
        for (size_t k = 0; k < 2; k++) {
            const char *end = text_at(object, ends[k]);
            assert_memory_equal(end, rows[i].end, strlen(rows[i].end));
        }
        struct json_object *changes = NULL;
        assert_int_equal(json_pointer_get(object, "/calendar/clock_changes", &changes),
                         0);
        assert_int_equal(json_object_array_length(changes), rows[i].changes);
        json_object_put(object);
        stop(&rig);
    }
}

/* Beyond the weeks that are looked at: there may be windows, and nothing is refused. */
static void an_end_that_is_not_known_is_not_told(void **state)
{
    (void)state;
    static const struct spec_window nights[] = {{0x7f, 22 * 60, 5 * 60}};
    struct rig rig;
    uint8_t waves[DEVICES];
    uint32_t sizes[3];
    struct spec_wave soaking[3];
    struct json_object *value = NULL;
    in_waves(&rig, waves, sizes);
    memcpy(soaking, three_waves, sizeof(soaking));
    soaking[0].soak_us = DAYS_US(70);
    rig.spec.rollout.waves = soaking;
    rig.spec.schedule.windows = nights;
    rig.spec.schedule.window_count = 1;
    make(&rig, FUO_OK);
    struct json_object *object = planning_render(&rig.request, &rig.planning);
    assert_int_equal(json_pointer_get(object, "/calendar/windows/0", &value), 0);
    assert_int_not_equal(json_pointer_get(object, "/calendar/end", &value), 0);
    json_object_put(object);
    stop(&rig);
}

/* Windows enough for all that is sent, and time enough for the soak, but not for both. */
static void windows_that_pass_while_a_wave_soaks_are_refused(void **state)
{
    (void)state;
    static const struct spec_window hour[] = {{0x7f, 14 * 60, 15 * 60}};
    static const struct {
        const char *name;
        int64_t soak_us;
        const char *deadline;
        const char *said; /* NULL: it fits */
    } rows[] = {
        {"in one window", MINUTES_US(20), "2026-10-24T17:00", NULL},
        {"over its end", HOURS_US(2), "2026-10-24T17:00",
         "with 120 min of soak between them, the waves are sent by 2026-10-25T14:"},
        {"over its end, with the next one", HOURS_US(2), "2026-10-25T15:00", NULL},
        {"behind the last", DAYS_US(99) + HOURS_US(3), "2027-02-01T14:00",
         "the waves are not sent in the windows until 2027-02-01T14:00:00+01:00: "
         "choose a later one, shorten spec.rollout.waves[].soak, or give it more "
         "windows"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        uint8_t waves[DEVICES];
        uint32_t sizes[3];
        struct spec_wave soaking[3];
        test_row(rows[i].name);
        in_waves(&rig, waves, sizes);
        memcpy(soaking, three_waves, sizeof(soaking));
        soaking[0].soak_us = rows[i].soak_us;
        rig.spec.rollout.waves = soaking;
        rig.spec.schedule.windows = hour;
        rig.spec.schedule.window_count = 1;
        rig.spec.schedule.deadline = rows[i].deadline;
        make(&rig, rows[i].said == NULL ? FUO_OK : FUO_ERANGE);
        if (rows[i].said != NULL) {
            assert_int_equal(rig.diags.error_count, 1);
            assert_said(&rig, "spec.schedule.deadline", rows[i].said);
        }
        stop(&rig);
    }
}

/* ---- budgets ---- */

/* What the plan itself forecasts, in the unit of the budget. */
static void budgets_of(const struct planning *planning, struct spec_budgets *budgets)
{
    struct planning_cost cost = planning_cost_of(planning);
    budgets->airtime_us = planning->airtime_us;
    budgets->duration_us = planning->p50_us + planning->soak_us;
    budgets->device_listening_us = cost.listening_us;
    budgets->device_energy_mj = (uint32_t)(cost.device_uj / 1000);
}

static void a_budget_is_refused_when_the_forecast_needs_one_more(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *said;
        struct spec_budgets less;
    } rows[] = {
        {"spec.budgets.airtime", "first passes of all gateways take", {.airtime_us = 1}},
        {"spec.budgets.duration", "sending and soaking take", {.duration_us = 1}},
        {"spec.budgets.deviceListening",
         "10 devices would listen",
         {.device_listening_us = 1}},
        {"spec.budgets.deviceEnergy", "10 devices would spend", {.device_energy_mj = 1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        uint8_t waves[DEVICES];
        uint32_t sizes[3];
        test_row(rows[i].path);
        in_waves(&rig, waves, sizes);
        make(&rig, FUO_OK);
        budgets_of(&rig.planning, &rig.spec.budgets);
        planning_finish(&rig.planning);
        make(&rig, FUO_OK); /* just so */
        planning_finish(&rig.planning);
        rig.spec.budgets.airtime_us -= rows[i].less.airtime_us;
        rig.spec.budgets.duration_us -= rows[i].less.duration_us;
        rig.spec.budgets.device_listening_us -= rows[i].less.device_listening_us;
        rig.spec.budgets.device_energy_mj -= rows[i].less.device_energy_mj;
        make(&rig, FUO_ERANGE);
        assert_said(&rig, rows[i].path, rows[i].said);
        assert_int_equal(rig.diags.error_count, 1);
        stop(&rig);
    }
}

static void every_budget_that_is_too_small_is_named(void **state)
{
    (void)state;
    struct rig rig;
    heard_fleet(&rig, NULL, 0);
    rig.spec.budgets.airtime_us = SECONDS_US(1);
    rig.spec.budgets.duration_us = SECONDS_US(1);
    rig.spec.budgets.device_listening_us = SECONDS_US(1);
    rig.spec.budgets.device_energy_mj = 1;
    rig.spec.schedule.deadline = "2026-10-24T14:00:30";
    make(&rig, FUO_ERANGE);
    assert_int_equal(rig.diags.error_count, 5);
    assert_said(&rig, "spec.budgets.duration", "and the budget is 1.0 s");
    assert_said(&rig, "spec.budgets.deviceEnergy", "and the budget is 0.001 J");
    stop(&rig);
}

TEST_MAIN(cmocka_unit_test(a_wave_costs_what_it_would_cost_alone),
          cmocka_unit_test(who_would_be_skipped_is_left_out_with_the_reason),
          cmocka_unit_test(a_plan_for_nobody_is_one_if_all_may_come_back),
          cmocka_unit_test(soaking_counts_towards_the_deadline),
          cmocka_unit_test(soaking_puts_the_end_off),
          cmocka_unit_test(an_end_that_is_not_known_is_not_told),
          cmocka_unit_test(windows_that_pass_while_a_wave_soaks_are_refused),
          cmocka_unit_test(a_budget_is_refused_when_the_forecast_needs_one_more),
          cmocka_unit_test(every_budget_that_is_too_small_is_named))
