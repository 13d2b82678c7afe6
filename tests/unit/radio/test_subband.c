/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "radio/subband.h"

static void eu868_carriers_lie_in_their_bands_or_nowhere(void **state)
{
    (void)state;
    static const struct {
        uint32_t carrier_hz;
        uint32_t bw_hz;
        const char *band; /* NULL: illegal */
        uint32_t limit_ppm;
    } rows[] = {
        {862999999, 0, NULL, 0},
        {863000000, 0, "K", 1000},
        {865000000, 0, "K", 1000},
        {865000001, 0, "L", 10000},
        {867100000, 125000, "L", 10000},
        {868000000, 125000, NULL, 0},
        {868100000, 125000, "M", 10000},
        {868300000, 250000, "M", 10000},
        {868600000, 0, "M", 10000},
        {868600001, 0, NULL, 0},
        {868650000, 125000, NULL, 0},
        {868850000, 125000, "N", 1000},
        {869300000, 0, NULL, 0},
        {869525000, 125000, "P", 100000},
        {869525000, 250000, "P", 100000},
        {869525000, 250002, NULL, 0},
        {869600000, 125000, NULL, 0},
        {869660000, 0, NULL, 0},
        {869850000, 125000, "Q", 10000},
        {870000001, 0, NULL, 0},
        {0, 125000, NULL, 0},
        {UINT32_MAX, 125000, NULL, 0},
    };
    const struct region *eu868 = region_get(REGION_EU868);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t index = 99;
        const struct subband *band =
            subband_find(eu868, rows[i].carrier_hz, rows[i].bw_hz, &index);
        if (rows[i].band == NULL) {
            assert_null(band);
            assert_int_equal(index, 99);
            continue;
        }
        assert_non_null(band);
        assert_string_equal(band->name, rows[i].band);
        assert_int_equal(band->limit_ppm, rows[i].limit_ppm);
        assert_ptr_equal(subband_at(eu868, index), band);
        assert_ptr_equal(subband_find(eu868, rows[i].carrier_hz, rows[i].bw_hz, NULL),
                         band);
    }
}

static void other_regions_are_one_band_that_holds_their_class_c_channel(void **state)
{
    (void)state;
    for (size_t i = REGION_US915; i < REGION_COUNT; i++) {
        const struct region *region = region_get((enum region_id)i);
        const struct subband *band = subband_find(region, region->rx2_hz, 125000, NULL);
        test_row(region->name);
        assert_int_equal(subband_count(region), 1);
        assert_non_null(band);
        assert_int_equal(band->min_hz, region->min_hz);
        assert_int_equal(band->max_hz, region->max_hz);
        assert_non_null(subband_find(region, region->beacon_hz, 125000, NULL));
        assert_string_equal(band->name, region->name);
    }
    assert_int_equal(subband_at(region_get(REGION_RU864), 0)->limit_ppm, 10000);
    assert_int_equal(subband_at(region_get(REGION_EU433), 0)->limit_ppm, 100000);
    assert_int_equal(subband_at(region_get(REGION_US915), 0)->limit_ppm,
                     SUBBAND_UNLIMITED_PPM);
}

TEST_MAIN(cmocka_unit_test(eu868_carriers_lie_in_their_bands_or_nowhere),
          cmocka_unit_test(other_regions_are_one_band_that_holds_their_class_c_channel))
