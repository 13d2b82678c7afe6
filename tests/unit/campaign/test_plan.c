/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "campaign/plan.h"
#include "campaign/record.h"

static struct campaign_spec default_spec(void)
{
    struct campaign_spec spec = {0};
    spec.radio.dr = SPEC_AUTO_U32;
    spec.radio.frequency_hz = SPEC_AUTO_U32;
    spec.radio.spacing_us = SPEC_AUTO_US;
    spec.fragmentation.size_bytes = SPEC_AUTO_U32;
    spec.fragmentation.redundancy_ppm = SPEC_AUTO_U32;
    spec.fragmentation.max_redundancy_ppm = SPEC_PPM;
    spec.fragmentation.block_ack_delay = SPEC_AUTO_U32;
    spec.budgets.duty_cycle_ppm = 600000;
    return spec;
}

static const struct fleet_spec eu868 = {.region = "EU868", .reserve_ppm = 400000};

static struct plan_input input_of(const struct campaign_spec *spec, size_t image_len)
{
    return (struct plan_input){.spec = spec,
                               .fleet = &eu868,
                               .image_len = image_len,
                               .device_count = 60,
                               .server_spacing_us = SECONDS_US(5),
                               .weakest_snr_cdb = 500};
}

static void a_strong_cohort_gets_the_fastest_rate_and_the_class_c_channel(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    struct plan_input in = input_of(&spec, 51008);
    struct plan plan;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    assert_int_equal(plan.dr, 5);
    assert_int_equal(plan.frequency_hz, 869525000);
    assert_true((size_t)plan.fragments.count * plan.fragments.size >= 51008);
    assert_int_equal((size_t)plan.fragments.count * plan.fragments.size -
                         plan.fragments.padding,
                     51008);
    assert_int_equal(plan.coded_first, (plan.fragments.count + 9) / 10);
    assert_int_equal(plan.interval_us, SECONDS_US(5));
    assert_int_equal(plan.session_count, 1);
    assert_int_equal(plan.legal_cap_us, SECONDS_US(360));
    assert_int_equal(plan.airtime_cap_us, SECONDS_US(216));
    assert_int_equal(plan.block_ack_delay, 0); /* those of 60 devices in 16 s */
    assert_true(SECONDS_US(1) << plan.timeout_exp > plan.duration_us);
}

/* In bands of a thousandth, too: 3.6 s an hour. */
static void the_cap_is_the_least_of_budget_reserve_and_ceiling(void **state)
{
    (void)state;
    static const struct {
        uint32_t frequency_hz;
        uint32_t duty_ppm;
        uint32_t ceiling_ppm;
        int64_t legal_us;
        int64_t cap_us;
    } rows[] = {
        {869525000, 600000, 0, 360000000, 216000000},
        {869525000, 900000, 0, 360000000, 216000000}, /* the reserve is 40 % */
        {869525000, 600000, 600001, 360000000, 216000000},
        {869525000, 600000, 400000, 360000000, 144000000},
        {868100000, 500000, 0, 36000000, 18000000},
        {868800000, 600000, 0, 3600000, 2160000},
        {868800000, 333333, 0, 3600000, 1199998},
        {868800000, 600000, 250000, 3600000, 900000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_spec spec = default_spec();
        struct plan_input in = input_of(&spec, 2000);
        struct plan plan;
        spec.radio.frequency_hz = rows[i].frequency_hz;
        spec.budgets.duty_cycle_ppm = rows[i].duty_ppm;
        in.priority_ceiling_ppm = rows[i].ceiling_ppm;
        assert_int_equal(plan_make(&in, &plan), PLAN_OK);
        assert_int_equal(plan.legal_cap_us, rows[i].legal_us);
        assert_int_equal(plan.airtime_cap_us, rows[i].cap_us);
    }
}

static void data_rate_follows_the_weakest_link(void **state)
{
    (void)state;
    static const struct {
        int16_t snr_cdb;
        uint8_t dr;
    } rows[] = {{500, 5},   {-450, 5},  {-451, 4},
                {-700, 4},  {-950, 3},  {-1450, 1},
                {-1700, 0}, {-3000, 0}, {PLAN_SNR_UNKNOWN, 3}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_spec spec = default_spec();
        struct plan_input in = input_of(&spec, 2000);
        struct plan plan;
        in.weakest_snr_cdb = rows[i].snr_cdb;
        assert_int_equal(plan_make(&in, &plan), PLAN_OK);
        assert_int_equal(plan.dr, rows[i].dr);
    }
}

static void a_wide_channel_wants_a_stronger_link(void **state)
{
    (void)state;
    struct fleet_spec us = {.region = "US915", .reserve_ppm = 0};
    struct campaign_spec spec = default_spec();
    struct plan_input in = input_of(&spec, 2000);
    struct plan plan;
    in.fleet = &us;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    assert_int_equal(plan.dr, 13);
    in.weakest_snr_cdb = -450;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    assert_true(plan.dr < 13);
    assert_int_equal(plan.legal_cap_us, HOURS_US(1));
}

static void what_does_not_fit_says_which_key_to_change(void **state)
{
    (void)state;
    static const struct fleet_spec nowhere = {.region = "XX1"};
    static const struct fleet_spec american = {.region = "US915"};
    static const struct fleet_spec greedy = {.region = "EU868", .reserve_ppm = SPEC_PPM};
    struct {
        const char *name;
        enum plan_error want;
        const struct fleet_spec *fleet;
        size_t image_len;
        uint32_t dr, frequency_hz, size_bytes;
    } rows[] = {
        {"empty", PLAN_EMPTY, &eu868, 0, SPEC_AUTO_U32, SPEC_AUTO_U32, SPEC_AUTO_U32},
        {"region", PLAN_REGION, &nowhere, 9, SPEC_AUTO_U32, SPEC_AUTO_U32, SPEC_AUTO_U32},
        {"dr", PLAN_DATARATE, &eu868, 9, 15, SPEC_AUTO_U32, SPEC_AUTO_U32},
        {"dr 16", PLAN_DATARATE, &eu868, 9, 16, SPEC_AUTO_U32, SPEC_AUTO_U32},
        {"dr without payload", PLAN_DATARATE, &american, 9, 0, SPEC_AUTO_U32,
         SPEC_AUTO_U32},
        {"gap", PLAN_FREQUENCY, &eu868, 9, 5, 869300000, SPEC_AUTO_U32},
        {"odd", PLAN_FREQUENCY, &eu868, 9, 5, 869525050, SPEC_AUTO_U32},
        {"size 0", PLAN_SIZE, &eu868, 9, 5, SPEC_AUTO_U32, 0},
        {"size 255", PLAN_SIZE, &eu868, 9, 5, SPEC_AUTO_U32, 255},
        {"too many", PLAN_TOO_MANY, &eu868, 900000, 0, SPEC_AUTO_U32, SPEC_AUTO_U32},
        {"no number for a coded one", PLAN_TOO_MANY, &eu868, (size_t)16383 * 48, 0,
         SPEC_AUTO_U32, SPEC_AUTO_U32},
        {"share", PLAN_NO_SHARE, &greedy, 9, 5, SPEC_AUTO_U32, SPEC_AUTO_U32},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct campaign_spec spec = default_spec();
        spec.radio.dr = rows[i].dr;
        spec.radio.frequency_hz = rows[i].frequency_hz;
        spec.fragmentation.size_bytes = rows[i].size_bytes;
        struct plan_input in = input_of(&spec, rows[i].image_len);
        in.fleet = rows[i].fleet;
        struct plan plan;
        assert_int_equal(plan_make(&in, &plan), rows[i].want);
        assert_true(plan_error_text(rows[i].want)[0] != '\0');
    }
}

static void given_values_are_kept(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    spec.radio.dr = 3;
    spec.radio.frequency_hz = 868100000;
    spec.radio.spacing_us = SECONDS_US(9);
    spec.fragmentation.size_bytes = 50;
    spec.fragmentation.redundancy_ppm = 200000;
    spec.fragmentation.max_redundancy_ppm = 100000;
    spec.fragmentation.block_ack_delay = 7;
    struct plan_input in = input_of(&spec, 1000);
    in.server_spacing_us = SECONDS_US(10);
    struct plan plan;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    assert_int_equal(plan.dr, 3);
    assert_int_equal(plan.frequency_hz, 868100000);
    assert_int_equal(plan.fragments.count, 20);
    assert_int_equal(plan.coded_first, 2); /* the maximum wins */
    assert_int_equal(plan.coded_max, 2);
    assert_int_equal(plan.interval_us, SECONDS_US(10)); /* the server's */
    assert_int_equal(plan.block_ack_delay, 7);
    assert_int_equal(plan.poll_window_us, SECONDS_US(2048));
}

static void more_than_an_hours_budget_is_sent_at_an_even_pace(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    spec.radio.dr = 0;
    struct plan_input in = input_of(&spec, 100000);
    struct plan plan;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    /* at 6 % of time a frame of 2.8 s needs 46.6 s */
    assert_true(plan.interval_us >= plan.frame_airtime_us * 100 / 6 - 1000);
    assert_true(plan.session_count > 1);
    assert_int_equal(plan.timeout_exp, 15);
}

static void without_spacing_frames_follow_each_other(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    spec.radio.dr = 5;
    struct plan_input in = input_of(&spec, 20000);
    struct plan plan;
    in.server_spacing_us = 0;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    assert_int_equal(plan.interval_us, plan.frame_airtime_us); /* it fits an hour */
    int64_t frames = plan.fragments.count + plan.coded_first;
    assert_int_equal(plan.airtime_us, frames * plan.frame_airtime_us);
    assert_int_equal(plan.duration_us, plan.airtime_us);
    assert_int_equal(plan.lower_bound_us, plan.fragments.count * plan.frame_airtime_us);
}

static void the_lower_bound_takes_the_budget_of_each_hour_at_once(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    spec.radio.dr = 0;
    struct plan_input in = input_of(&spec, 20000);
    struct plan plan;
    assert_int_equal(plan_make(&in, &plan), PLAN_OK);
    int64_t airtime_us = plan.fragments.count * plan.frame_airtime_us;
    assert_true(airtime_us > 2 * plan.airtime_cap_us);
    assert_int_equal(plan.lower_bound_us,
                     plan_least_time_us(airtime_us, plan.airtime_cap_us));
    assert_in_range(plan.lower_bound_us, HOURS_US(2), plan.duration_us);
}

static void so_much_airtime_takes_its_time(void **state)
{
    (void)state;
    int64_t cap_us = SECONDS_US(216);
    assert_int_equal(plan_least_time_us(0, cap_us), 0);
    assert_int_equal(plan_least_time_us(cap_us, cap_us), cap_us);
    assert_int_equal(plan_least_time_us(cap_us + 1, cap_us), HOURS_US(1) + 1);
    assert_int_equal(plan_least_time_us(3 * cap_us, cap_us), HOURS_US(2) + cap_us);
    assert_int_equal(plan_least_time_us(5, 0), 0);
}

static void session_timeout_is_the_smallest_that_holds(void **state)
{
    (void)state;
    assert_int_equal(plan_timeout_exp(SECONDS_US(1), 0), 0);
    assert_int_equal(plan_timeout_exp(SECONDS_US(1), SECONDS_US(1)), 0);
    assert_int_equal(plan_timeout_exp(SECONDS_US(1), SECONDS_US(1) + 1), 1);
    assert_int_equal(plan_timeout_exp(SECONDS_US(1), SECONDS_US(4096)), 12);
    assert_int_equal(plan_timeout_exp(SECONDS_US(1), DAYS_US(9)), 15);
}

/* TS005 v2.0.0, 4.5: a frame for each ping slot, and SessionTimeOut counts 128 s. */
static void in_class_b_ping_slots_set_the_pace(void **state)
{
    static const struct {
        const char *name;
        const char *region;
        uint8_t periodicity;
        int64_t interval_us;
        uint32_t frequency_hz;
    } rows[] = {
        {"every second, but frames take their time", "EU868", 0, SECONDS_US(1),
         869525000},
        {"every 32 s", "EU868", 5, SECONDS_US(32), 869525000},
        {"where devices hop the beacon does not", "AS923", 3, SECONDS_US(8), 923400000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct campaign_spec spec = default_spec();
        struct fleet_spec fleet = {.region = rows[i].region, .reserve_ppm = 400000};
        struct plan_input in = input_of(&spec, 2000);
        struct plan plan;
        test_row(rows[i].name);
        in.fleet = &fleet;
        spec.radio.device_class = 'B';
        spec.radio.ping_slot_periodicity = rows[i].periodicity;
        assert_int_equal(plan_make(&in, &plan), PLAN_OK);
        assert_int_equal(plan.interval_us, rows[i].interval_us);
        assert_int_equal(plan.frequency_hz, rows[i].frequency_hz);
        assert_int_equal(plan.session_unit_us, SECONDS_US(128));
        assert_true(SECONDS_US(128) << plan.timeout_exp > plan.duration_us);
    }
    assert_int_equal(plan_timeout_exp(SECONDS_US(128), DAYS_US(9)), 13);
}

static void every_record_value_has_a_name_and_strangers_have_none(void **state)
{
    (void)state;
    for (int i = REASON_NONE; i <= REASON_REPORTED; i++) {
        assert_string_not_equal(member_reason_slug((enum member_reason)i), "?");
        assert_string_not_equal(member_reason_text((enum member_reason)i), "?");
    }
    for (int i = 0; i < MEMBER_PHASE_COUNT; i++) {
        assert_string_not_equal(member_phase_name((enum member_phase)i), "?");
    }
    for (int i = CAMPAIGN_RUNNING; i <= CAMPAIGN_SCHEDULED; i++) {
        assert_string_not_equal(campaign_phase_name((enum campaign_phase)i), "?");
    }
    for (int i = WAVE_PENDING; i <= WAVE_CANCELLED; i++) {
        assert_string_not_equal(wave_phase_name((enum wave_phase)i), "?");
    }
    for (int i = TX_KEY; i <= TX_ENDED; i++) {
        assert_string_not_equal(tx_phase_name((enum tx_phase)i), "?");
    }
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        assert_string_not_equal(outcome_name((enum outcome)i), "?");
    }
    assert_string_equal(member_reason_slug((enum member_reason)999), "?");
    assert_string_equal(member_reason_text((enum member_reason)999), "?");
    assert_string_equal(member_phase_name((enum member_phase)999), "?");
    assert_string_equal(campaign_phase_name((enum campaign_phase)0), "?");
    assert_string_equal(tx_phase_name((enum tx_phase)99), "?");
    assert_string_equal(outcome_name((enum outcome)99), "?");
}

static void a_turn_has_a_guard_after_the_frame(void **state)
{
    (void)state;
    assert_int_equal(plan_slot_us(1000, true, SECONDS_US(1)), 51000);
    assert_int_equal(plan_slot_us(1000, false, 0), 301000);
    assert_int_equal(plan_slot_us(1000, false, SECONDS_US(1)), 1300000);
    assert_int_equal(plan_slot_us(SECONDS_US(1), false, SECONDS_US(1)), 1300000);
    assert_int_equal(plan_slot_us(SECONDS_US(1) + 1, false, SECONDS_US(1)), 2300000);
}

TEST_MAIN(cmocka_unit_test(a_strong_cohort_gets_the_fastest_rate_and_the_class_c_channel),
          cmocka_unit_test(the_cap_is_the_least_of_budget_reserve_and_ceiling),
          cmocka_unit_test(data_rate_follows_the_weakest_link),
          cmocka_unit_test(a_wide_channel_wants_a_stronger_link),
          cmocka_unit_test(what_does_not_fit_says_which_key_to_change),
          cmocka_unit_test(given_values_are_kept),
          cmocka_unit_test(more_than_an_hours_budget_is_sent_at_an_even_pace),
          cmocka_unit_test(without_spacing_frames_follow_each_other),
          cmocka_unit_test(a_turn_has_a_guard_after_the_frame),
          cmocka_unit_test(the_lower_bound_takes_the_budget_of_each_hour_at_once),
          cmocka_unit_test(so_much_airtime_takes_its_time),
          cmocka_unit_test(session_timeout_is_the_smallest_that_holds),
          cmocka_unit_test(in_class_b_ping_slots_set_the_pace),
          cmocka_unit_test(every_record_value_has_a_name_and_strangers_have_none))
