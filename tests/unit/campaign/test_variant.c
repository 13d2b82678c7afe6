/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "campaign/variant.h"

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

static struct plan_input input_of(const struct campaign_spec *spec)
{
    return (struct plan_input){.spec = spec,
                               .fleet = &eu868,
                               .device_count = 1,
                               .weakest_snr_cdb = PLAN_SNR_UNKNOWN};
}

/* ---- airtime ---- */

static void a_shorter_block_takes_less_airtime(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    struct plan_input in = input_of(&spec);
    int64_t full_us = variant_airtime_us(&in, 88060);
    int64_t delta_us = variant_airtime_us(&in, 1163);
    assert_true(delta_us > 0);
    assert_true(full_us > 40 * delta_us && full_us < 80 * delta_us);
}

static void a_data_rate_that_is_given_is_kept_to(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    struct plan_input in = input_of(&spec);
    int64_t fastest_us = variant_airtime_us(&in, 20000);
    spec.radio.dr = 0;
    assert_true(variant_airtime_us(&in, 20000) > 10 * fastest_us);
}

static void what_cannot_be_sent_has_no_airtime(void **state)
{
    (void)state;
    struct campaign_spec spec = default_spec();
    struct plan_input in = input_of(&spec);
    in.limits.count_max = 10;
    assert_int_equal(variant_airtime_us(&in, 88060), VARIANT_AIRTIME_NONE);
    assert_true(variant_airtime_us(&in, 1000) < VARIANT_AIRTIME_NONE);
    assert_int_equal(variant_airtime_us(&in, 0), VARIANT_AIRTIME_NONE);
}

/* ---- choice ---- */

static void the_cheapest_that_fits_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t airtime_us[4];
        uint32_t fits;
        uint8_t failures;
        uint8_t chosen;
    } rows[] = {
        {"nothing is known of the device", {100, 5, 6, 7}, 0, 0, VARIANT_FULL},
        {"one delta fits", {100, 5, 6, 7}, 2, 0, 2},
        {"the cheaper of two", {100, 9, 6, 7}, 7, 0, 2},
        {"the first of two that are alike", {100, 6, 6, 7}, 3, 0, 1},
        {"a delta that costs more than the image", {100, 101, 0, 0}, 1, 0, VARIANT_FULL},
        {"one that costs the same", {100, 100, 0, 0}, 1, 0, VARIANT_FULL},
        {"the image cannot be sent, the delta can",
         {VARIANT_AIRTIME_NONE, 5, 0, 0},
         1,
         0,
         1},
        {"neither can", {VARIANT_AIRTIME_NONE, VARIANT_AIRTIME_NONE, 0, 0}, 1, 0, 0},
        {"a delta has failed on it", {100, 5, 6, 7}, 7, 1, VARIANT_FULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct variant_choice choice = {.airtime_us = rows[i].airtime_us,
                                              .delta_count = 3,
                                              .fits = rows[i].fits,
                                              .delta_failures = rows[i].failures};
        test_row(rows[i].what);
        assert_int_equal(variant_choose(&choice), rows[i].chosen);
    }
}

/* ---- fallback ---- */

static void only_what_can_lie_in_a_delta_counts_against_it(void **state)
{
    (void)state;
    static const enum member_reason its_own[] = {
        REASON_MIC,      REASON_IMAGE_REFUSED,   REASON_OLD_VERSION,
        REASON_REPORTED, REASON_VERSION_DIFFERS, REASON_WRONG_HARDWARE,
    };
    static const enum member_reason others[] = {
        REASON_NONE,      REASON_INCOMPLETE, REASON_NO_MEMORY, REASON_NOT_SET_UP,
        REASON_NO_ANSWER, REASON_SILENT,     REASON_ABORTED,   REASON_DEADLINE,
        REASON_TOO_BIG,   REASON_OUTRANKED,
    };
    for (size_t i = 0; i < sizeof(its_own) / sizeof(its_own[0]); i++) {
        test_row(member_reason_slug(its_own[i]));
        assert_true(variant_is_at_fault(1, its_own[i]));
        assert_false(variant_is_at_fault(VARIANT_FULL, its_own[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        test_row(member_reason_slug(others[i]));
        assert_false(variant_is_at_fault(1, others[i]));
    }
}

TEST_MAIN(cmocka_unit_test(a_shorter_block_takes_less_airtime),
          cmocka_unit_test(a_data_rate_that_is_given_is_kept_to),
          cmocka_unit_test(what_cannot_be_sent_has_no_airtime),
          cmocka_unit_test(the_cheapest_that_fits_is_chosen),
          cmocka_unit_test(only_what_can_lie_in_a_delta_counts_against_it))
