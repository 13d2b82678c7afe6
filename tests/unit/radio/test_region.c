/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "radio/region.h"

static void regions_are_found_by_their_exact_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < REGION_COUNT; i++) {
        const struct region *region = region_get((enum region_id)i);
        assert_int_equal(region->id, i);
        assert_ptr_equal(region_by_name(region->name), region);
    }
    assert_int_equal(region_by_name("AS923-3")->id, REGION_AS923_3);
    assert_null(region_by_name("eu868"));
    assert_null(region_by_name("AS923-"));
    assert_null(region_by_name("AS92"));
    assert_null(region_by_name("EU868 "));
    assert_null(region_by_name(""));
}

static void the_safe_payload_fits_every_edition(void **state)
{
    (void)state;
    const struct region *eu868 = region_get(REGION_EU868);
    struct payload_rules safe = {0};
    assert_int_equal(region_max_payload(eu868, 4, safe), 222);
    assert_int_equal(region_max_payload(eu868, 5, safe), 242);
    assert_int_equal(region_max_payload(eu868, 12, safe), 0);
    assert_int_equal(region_max_payload(eu868, 16, safe), 0);
    assert_int_equal(region_max_payload(region_get(REGION_AS923), 2, safe), 51);
    assert_int_equal(region_max_payload(region_get(REGION_CN470), 0, safe), 0);
    assert_int_equal(region_max_payload(region_get(REGION_US915), 8, safe), 53);
    safe.repeater = true;
    assert_int_equal(region_max_payload(eu868, 5, safe), 222);
    assert_int_equal(region_max_payload(region_get(REGION_US915), 8, safe), 33);
    safe.dwell = true;
    assert_int_equal(region_max_payload(region_get(REGION_AS923_2), 2, safe), 11);
    assert_int_equal(region_max_payload(eu868, 2, safe), 51);
}

static void eirp_is_high_only_in_the_ten_percent_band(void **state)
{
    (void)state;
    const struct region *eu868 = region_get(REGION_EU868);
    assert_int_equal(region_downlink_eirp_dbm(eu868, 869399999), 16);
    assert_int_equal(region_downlink_eirp_dbm(eu868, 869400000), 29);
    assert_int_equal(region_downlink_eirp_dbm(eu868, 869650000), 29);
    assert_int_equal(region_downlink_eirp_dbm(eu868, 869650001), 16);
    assert_int_equal(region_downlink_eirp_dbm(region_get(REGION_RU864), 869525000), 16);
}

static void each_data_rate_has_its_noise_and_its_floor(void **state)
{
    (void)state;
    static const struct {
        enum region_id region;
        uint8_t dr;
        int16_t noise_cdb;
        int16_t floor_cdb;
    } cases[] = {
        {REGION_EU868, 0, 0, -2000},   {REGION_EU868, 1, 0, -1750},
        {REGION_EU868, 2, 0, -1500},   {REGION_EU868, 3, 0, -1250},
        {REGION_EU868, 4, 0, -1000},   {REGION_EU868, 5, 0, -750},
        {REGION_EU868, 6, 301, -449},  {REGION_EU868, 7, 0, 850}, /* FSK */
        {REGION_EU868, 12, 0, -500},   {REGION_EU868, 13, 0, -250},
        {REGION_US915, 8, 602, -1398}, {REGION_US915, 13, 602, -148},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct data_rate *rate =
            region_data_rate(region_get(cases[i].region), cases[i].dr, DIRECTION_DOWN);
        assert_int_equal(data_rate_noise_cdb(rate), cases[i].noise_cdb);
        assert_int_equal(data_rate_floor_cdb(rate), cases[i].floor_cdb);
    }
    const struct data_rate *lr_fhss =
        region_data_rate(region_get(REGION_EU868), 8, DIRECTION_UP);
    assert_int_equal(data_rate_noise_cdb(lr_fhss), 0);
    assert_int_equal(data_rate_floor_cdb(lr_fhss), 850);
}

TEST_MAIN(cmocka_unit_test(regions_are_found_by_their_exact_name),
          cmocka_unit_test(the_safe_payload_fits_every_edition),
          cmocka_unit_test(each_data_rate_has_its_noise_and_its_floor),
          cmocka_unit_test(eirp_is_high_only_in_the_ten_percent_band))
