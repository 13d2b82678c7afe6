/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "fleet.h"
#include "fuota-bench/oracle.h"
#include "fuota-bench/reachable.h"

enum {
    M = 10,
    SENT = 20,
};

/* One transmission of SENT fragments and a status request as FCnt 12, heard by all. */
struct recorded {
    struct fleet fleet;
    struct world_transmission tx;
    struct world_number numbers[SENT + 1];
    uint32_t devices[FLEET_DEVICES];
    uint64_t heard[SENT + 1]; /* bits by device */
};

static struct recorded r;

static void record(size_t device_count)
{
    fleet_init(&r.fleet, 1);
    for (size_t i = 0; i <= SENT; i++) {
        r.heard[i] = UINT64_MAX;
        r.numbers[i] =
            (struct world_number){1000, &r.heard[i], 1, (uint16_t)(i < 12 ? i + 1 : i)};
    }
    r.numbers[12].n = 0;
    for (size_t i = 0; i < device_count; i++) {
        fleet_add(&r.fleet, 0);
        r.devices[i] = (uint32_t)i;
        r.fleet.traces[i].complete_us = 1;
        r.fleet.traces[i].transmission = 0;
    }
    r.tx = (struct world_transmission){.ts004 = 2,
                                       .m = M,
                                       .numbers = r.numbers,
                                       .number_count = SENT + 1,
                                       .devices = r.devices,
                                       .device_count = device_count};
    r.fleet.t.transmissions = &r.tx;
    r.fleet.t.transmission_count = 1;
}

static void lose(size_t device, uint32_t number)
{
    r.heard[number] &= ~(UINT64_C(1) << device);
}

static void lose_from(size_t device, uint32_t number)
{
    for (; number <= SENT; number++) {
        lose(device, number);
    }
}

static struct oracle oracle(void)
{
    struct oracle o;
    assert_int_equal(oracle_compute(&r.fleet.s, &r.fleet.t, &o), FUO_OK);
    return o;
}

static void with_no_losses_it_stops_after_m(void **state)
{
    (void)state;
    record(3);
    struct oracle o = oracle();
    assert_int_equal(o.sent, SENT);
    assert_int_equal(o.least, M);
    assert_int_equal(o.least_any, M);
    assert_int_equal(o.completed, 3);
    assert_int_equal(o.contradicted, 0);
}

static void the_worst_device_decides_and_status_requests_do_not_count(void **state)
{
    (void)state;
    record(3);
    lose(1, 4);
    for (uint32_t number = 10; number < 15; number++) {
        lose(1, number); /* 11, 12, the request, 13, 14 */
    }
    struct oracle o = oracle();
    assert_int_equal(o.least_any, 15); /* the fifth coded one */
    assert_true(o.least >= 15 && o.least <= SENT);
}

static void fragments_that_went_out_nowhere_do_not_count(void **state)
{
    (void)state;
    record(1);
    r.numbers[3].at_us = -1;
    lose(0, 3);
    struct oracle o = oracle();
    assert_int_equal(o.sent, SENT - 1);
    assert_int_equal(o.least_any, M); /* nine uncoded ones and the first coded one */
}

static void who_never_completed_or_elsewhere_is_not_completed_here(void **state)
{
    (void)state;
    record(3);
    r.fleet.traces[0].complete_us = -1;
    r.fleet.traces[1].transmission = 1;
    lose_from(0, 0);
    lose_from(1, 0);
    assert_int_equal(oracle().completed, 1);
    assert_int_equal(oracle().least, M);
    r.fleet.traces[2].complete_us = -1;
    assert_int_equal(oracle().least, 0);
    assert_int_equal(oracle().sent, SENT);
}

static void unicast_tails_count_what_was_missing(void **state)
{
    (void)state;
    record(2);
    lose_from(1, 8); /* eight of ten, and nothing coded */
    r.fleet.traces[1].fragments_unicast = 5;
    struct oracle o = oracle();
    assert_int_equal(o.sent, SENT + 5);
    assert_int_equal(o.least, M + 2);
    assert_int_equal(o.contradicted, 0);
    r.fleet.traces[1].fragments_unicast = 0;
    assert_int_equal(oracle().contradicted, 1);
}

static void the_cap_of_the_decoder_counts(void **state)
{
    (void)state;
    record(1);
    lose(0, 2);
    lose(0, 3);
    assert_int_equal(oracle().contradicted, 0);
    r.fleet.devices[0].profile = 1; /* one of ten */
    assert_int_equal(oracle().contradicted, 1);
    for (size_t i = 0; i <= SENT; i++) {
        r.numbers[i].heard = NULL;
        r.numbers[i].words = 0;
    }
    assert_int_equal(oracle().contradicted, 1);
    assert_int_equal(oracle().least_any, 0);
}

static void reach_is_a_matter_of_the_scenario_alone(void **state)
{
    (void)state;
    static struct fleet f;
    uint8_t reachable[6];
    static const uint8_t want[6] = {1, 0, 0, 0, 1, 0};
    fleet_init(&f, 2);
    fleet_add(&f, -1);
    fleet_link(&f, 0, 0); /* just so */
    fleet_add(&f, 0);
    fleet_link(&f, 0, -1);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 3000);
    f.devices[2].dead = true;
    fleet_add(&f, 0); /* no link */
    fleet_add(&f, 0);
    fleet_link(&f, 0, -5);
    fleet_link(&f, 1, 5);
    fleet_add(&f, 0);
    fleet_link(&f, 0, 3000);
    f.devices[5].interval_s = 86400; /* with its jitter, the run may be over */
    assert_int_equal(reachable_devices(&f.s, reachable), 2);
    assert_memory_equal(reachable, want, sizeof(want));
}

TEST_MAIN(cmocka_unit_test(with_no_losses_it_stops_after_m),
          cmocka_unit_test(the_worst_device_decides_and_status_requests_do_not_count),
          cmocka_unit_test(fragments_that_went_out_nowhere_do_not_count),
          cmocka_unit_test(who_never_completed_or_elsewhere_is_not_completed_here),
          cmocka_unit_test(unicast_tails_count_what_was_missing),
          cmocka_unit_test(the_cap_of_the_decoder_counts),
          cmocka_unit_test(reach_is_a_matter_of_the_scenario_alone))
