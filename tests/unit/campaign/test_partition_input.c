/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/time.h"
#include "campaign/partition.h"
#include "campaign/record.h"
#include "campaign/spec.h"

static void what_was_asked_for_becomes_input(void **state)
{
    (void)state;
    const struct region *region = region_get(REGION_EU868);
    struct campaign_spec spec = {0};
    struct fleet_spec fleet = {.reserve_ppm = 400000};
    spec.radio.dr = SPEC_AUTO_U32;
    spec.radio.frequency_hz = SPEC_AUTO_U32;
    spec.radio.spacing_us = SPEC_AUTO_US;
    spec.fragmentation.size_bytes = SPEC_AUTO_U32;
    spec.budgets.duty_cycle_ppm = 700000;
    struct partition_input in =
        partition_input_of(&spec, &fleet, region, true, SECONDS_US(1), 0);
    assert_ptr_equal(in.region, region);
    assert_int_equal(in.frequency_hz, 869525000);
    assert_int_equal(in.dr, PARTITION_DR_AUTO);
    assert_int_equal(in.size_bytes, SPEC_AUTO_U32);
    assert_int_equal(in.limit_ppm, 100000);
    assert_int_equal(in.share_ppm, 600000); /* the reserve is kept */
    assert_false(in.off_time);
    assert_true(in.absolute);
    assert_int_equal(in.interval_us, 0);
    assert_int_equal(in.lanes_max, RECORD_LANE_MAX);
    assert_int_equal(in.lane_gateways, RECORD_GATEWAY_MAX);
    assert_int_equal(in.gain_cdb, 1000);

    spec.radio.dr = 3;
    spec.radio.frequency_hz = 868100000;
    spec.radio.spacing_us = SECONDS_US(4);
    spec.fragmentation.size_bytes = 100;
    spec.budgets.duty_cycle_ppm = 200000;
    fleet.duty_model = SPEC_DUTY_OFF_TIME;
    in = partition_input_of(&spec, &fleet, region, false, SECONDS_US(1), 500000);
    assert_int_equal(in.frequency_hz, 868100000);
    assert_int_equal(in.dr, 3);
    assert_int_equal(in.size_bytes, 100);
    assert_int_equal(in.limit_ppm, 10000);
    assert_int_equal(in.share_ppm, 200000);
    assert_true(in.off_time);
    assert_false(in.absolute);
    assert_int_equal(in.jitter_us, SECONDS_US(1));
    assert_int_equal(in.interval_us, SECONDS_US(4));
    assert_int_equal(in.lane_gateways, 1);

    spec.radio.frequency_hz = 869300000; /* between two sub-bands */
    in = partition_input_of(&spec, &fleet, region, false, 0, 150000);
    assert_int_equal(in.limit_ppm, 0);
    assert_int_equal(in.share_ppm, 150000); /* the server lets no more through */
}

TEST_MAIN(cmocka_unit_test(what_was_asked_for_becomes_input))
