/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "radio/airtime.h"

static void downlinks_take_what_the_reference_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum region_id region;
        uint8_t dr;
        size_t frm_bytes;
        int64_t want_us;
    } rows[] = {
        {"EU868 DR0", REGION_EU868, 0, 51, 2793472},
        {"EU868 DR1", REGION_EU868, 1, 51, 1478656},
        {"EU868 DR2", REGION_EU868, 2, 51, 698368},
        {"EU868 DR3", REGION_EU868, 3, 115, 676864},
        {"EU868 DR4", REGION_EU868, 4, 222, 645632},
        {"EU868 DR5", REGION_EU868, 5, 242, 394496},
        {"EU868 DR6", REGION_EU868, 6, 242, 197248},
        {"EU868 DR7, FSK", REGION_EU868, 7, 242, 42560},
        {"US915 DR8", REGION_US915, 8, 53, 616448},
        {"US915 DR13", REGION_US915, 13, 242, 98624},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 0;
        test_row(rows[i].name);
        assert_int_equal(airtime_downlink_us(region_get(rows[i].region), rows[i].dr,
                                             rows[i].frm_bytes, &us),
                         FUO_OK);
        assert_int_equal(us, rows[i].want_us);
    }
}

static void an_uplink_is_longer_by_its_crc(void **state)
{
    (void)state;
    const struct region *eu868 = region_get(REGION_EU868);
    int64_t down = 0;
    int64_t up = 0;
    assert_int_equal(airtime_downlink_us(eu868, 0, 51, &down), FUO_OK);
    assert_int_equal(airtime_uplink_us(eu868, 0, 51, &up), FUO_OK);
    assert_true(up >= down && up - down <= INT64_C(5) * 32768);
    assert_int_equal(airtime_uplink_us(region_get(REGION_US915), 0, 11, &up), FUO_OK);
    assert_int_equal(up, 370688);
}

static void what_has_no_airtime_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum region_id region;
        uint8_t dr;
        enum direction direction;
        size_t frm_bytes;
    } rows[] = {
        {"no such data rate", REGION_EU868, 14, DIRECTION_DOWN, 10},
        {"index beyond the table", REGION_EU868, 200, DIRECTION_DOWN, 10},
        {"uplink only", REGION_US915, 3, DIRECTION_DOWN, 10},
        {"downlink only", REGION_US915, 12, DIRECTION_UP, 10},
        {"LR-FHSS down", REGION_EU868, 8, DIRECTION_DOWN, 10},
        {"LR-FHSS up", REGION_EU868, 8, DIRECTION_UP, 10},
        {"frame too long", REGION_EU868, 5, DIRECTION_DOWN, AIRTIME_FRM_BYTES_MAX + 1},
        {"huge", REGION_EU868, 5, DIRECTION_DOWN, SIZE_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 77;
        const struct region *region = region_get(rows[i].region);
        test_row(rows[i].name);
        assert_int_equal(
            rows[i].direction == DIRECTION_DOWN
                ? airtime_downlink_us(region, rows[i].dr, rows[i].frm_bytes, &us)
                : airtime_uplink_us(region, rows[i].dr, rows[i].frm_bytes, &us),
            FUO_ERANGE);
        assert_int_equal(us, 77);
    }
}

static void every_beacon_has_its_time_on_air(void **state)
{
    (void)state;
    assert_int_equal(airtime_beacon_us(region_get(REGION_EU868)), 152576);
    assert_int_equal(airtime_beacon_us(region_get(REGION_US915)), 305152);
    assert_int_equal(airtime_beacon_us(region_get(REGION_IN865)), 86528);
    for (size_t i = 0; i < REGION_COUNT; i++) {
        assert_in_range(airtime_beacon_us(region_get((enum region_id)i)), 50000, 400000);
    }
}

static void sf5_and_sf6_use_their_own_preamble(void **state)
{
    (void)state;
    struct lora_modem modem = lora_modem_for(6, 500000, DIRECTION_DOWN);
    assert_int_equal(lora_symbol_us(6, 500000), 128);
    assert_int_equal(lora_preamble_us(&modem), 128 * 73 / 4); /* 12 + 6.25 symbols */
    /* 8 + ceil((8*20 - 24 + 20) / 24) * 5 symbols */
    assert_int_equal(lora_payload_symbols(&modem, 20), 8 + 7 * 5);
    assert_int_equal(lora_airtime_us(&modem, 20), 128 * (73 + 4 * 43) / 4);
}

static void a_tiny_payload_has_the_eight_symbols_of_the_header(void **state)
{
    (void)state;
    struct lora_modem modem = lora_modem_for(12, 125000, DIRECTION_DOWN);
    modem.implicit_header = true;
    assert_int_equal(lora_payload_symbols(&modem, 0), 8);
    assert_true(modem.low_dr_optimize);
}

static void fsk_rounds_up_to_a_microsecond(void **state)
{
    (void)state;
    assert_int_equal(fsk_airtime_us(50000, 64), 12000);
    assert_int_equal(fsk_airtime_us(30000, 0), 2934);
}

TEST_MAIN(cmocka_unit_test(downlinks_take_what_the_reference_table_says),
          cmocka_unit_test(an_uplink_is_longer_by_its_crc),
          cmocka_unit_test(what_has_no_airtime_is_refused_and_nothing_is_written),
          cmocka_unit_test(every_beacon_has_its_time_on_air),
          cmocka_unit_test(sf5_and_sf6_use_their_own_preamble),
          cmocka_unit_test(a_tiny_payload_has_the_eight_symbols_of_the_header),
          cmocka_unit_test(fsk_rounds_up_to_a_microsecond))
