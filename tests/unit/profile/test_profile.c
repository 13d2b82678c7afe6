/* SPDX-License-Identifier: MIT */
#include "profile/shipped.h"
#include "test.h"

static void shipped_profiles_are_found_by_their_whole_name(void **state)
{
    (void)state;
    assert_null(profile_shipped("lbm-v"));
    assert_null(profile_shipped("lbm-v22"));
    assert_null(profile_shipped(""));
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        assert_ptr_equal(profile_shipped(profiles_shipped[i].name), &profiles_shipped[i]);
    }
    assert_int_equal(profiles_shipped_count, 8);
}

static void a_decoder_mends_what_its_profile_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct profile profile;
        uint8_t ts004;
        uint32_t m;
        uint32_t want_ppm;
    } rows[] = {
        {"v1, build unknown", {.lost_max = 0}, 1, 500, PROFILE_CAP_V1_PPM},
        {"v2, build unknown", {.lost_max = 0}, 2, 500, PROFILE_PPM},
        {"v1, a share", {.lost_ppm = 200000}, 1, 500, 200000},
        {"v1, a count", {.lost_max = 216}, 1, 2160, 100000},
        {"v1, a count that is all", {.lost_max = 216}, 1, 100, PROFILE_PPM},
        {"v2, both: the share is less",
         {.lost_max = 216, .lost_ppm = 100000},
         2,
         500,
         100000},
        {"v2, both: the count is less",
         {.lost_max = 50, .lost_ppm = 200000},
         2,
         500,
         100000},
        {"nothing to lose", {.lost_max = 5}, 1, 0, PROFILE_PPM},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(profile_cap_ppm(&rows[i].profile, rows[i].ts004, rows[i].m),
                         rows[i].want_ppm);
        assert_int_equal(profile_knows_cap(&rows[i].profile),
                         rows[i].profile.lost_ppm + rows[i].profile.lost_max > 0);
    }
}

static void counts_are_proof_where_they_are_the_rank(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t ts004;
        bool rank;
    } rows[] = {{"generic", 1, false},      {"generic", 2, true}, {"lbm-v1", 1, true},
                {"lbm-v2", 2, true},        {"st-v1", 1, false},  {"st-v2", 2, false},
                {"loramac-node", 1, false}, {"zephyr", 1, false}, {"mbed", 1, true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(
            profile_counts_rank(profile_shipped(rows[i].name), rows[i].ts004),
            rows[i].rank);
    }
}

static void a_device_of_other_versions_is_none_of_a_profile(void **state)
{
    (void)state;
    assert_true(profile_fits(profile_shipped("generic"), 1, 2));
    assert_true(profile_fits(profile_shipped("lbm-v2"), 2, 2));
    assert_false(profile_fits(profile_shipped("lbm-v2"), 1, 2));
    assert_false(profile_fits(profile_shipped("lbm-v2"), 2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_profiles_are_found_by_their_whole_name),
        cmocka_unit_test(a_decoder_mends_what_its_profile_says),
        cmocka_unit_test(counts_are_proof_where_they_are_the_rank),
        cmocka_unit_test(a_device_of_other_versions_is_none_of_a_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
