/* SPDX-License-Identifier: MIT */
/* How stacks differ in asking for the time (lorawan.md 13). */
#include "stack_bench.h"

#include "codec/clock.h"
#include "codec/mcast.h"

enum {
    ANS_REQUIRED = 0x10, /* of the last byte of AppTimeReq */
};

/* A clock that was never set asks for it by itself; one that is set, when it is told to. */
static void the_answer_to_apptimereq_is_required_but_by_some(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool required;
    } rows[] = {{"generic", true},       {"lbm-v1", true}, {"lbm-v2", true},
                {"loramac-node", false}, {"st-v1", true},  {"zephyr", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *bench = open_stack(rows[i].profile);
        test_row(rows[i].profile);
        bench->device.clock_set = false;
        for (int told = 0; told < 2; told++) {
            assert_true(bench_next_on(bench, CLOCK_FPORT, 10));
            assert_int_equal(bench->up.payload[0], CLOCK_CID_APP_TIME);
            assert_int_equal((bench->up.payload[5] & ANS_REQUIRED) != 0,
                             rows[i].required);
            bench->device.clock_set = true;
            bench_down(bench, CLOCK_FPORT, (const uint8_t *)"\x03\x02", 2);
        }
        bench_close(bench);
    }
}

/* Running since now, for longer than the test looks. */
static void begin_session(struct bench *bench)
{
    struct device_group *group = &bench->device.groups[0];
    group->defined = true;
    group->state = MC_SESSION_RUNNING;
    group->started = bench->now;
    group->timeout_exp = 15;
}

static void zephyr_does_not_ask_in_a_class_c_session(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool class_b;
        bool asks;
    } rows[] = {
        {"loramac-node", false, true}, {"zephyr", false, false}, {"zephyr", true, true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *bench = open_stack(rows[i].profile);
        test_row(rows[i].profile);
        (void)bench_next_on(bench, CLOCK_FPORT, 1);
        bench_end_tx(bench, NULL, 0);
        begin_session(bench);
        bench->device.groups[0].class_b = rows[i].class_b;
        bench_uplink(bench);
        bench_down(bench, CLOCK_FPORT, (const uint8_t *)"\x03\x01", 2);
        assert_int_equal(bench_next_on(bench, CLOCK_FPORT, 5), rows[i].asks);
        bench->device.groups[0].state = MC_SESSION_NONE;
        if (!rows[i].asks) {
            assert_true(bench_next_on(bench, CLOCK_FPORT, 5)); /* then it does */
        }
        bench_close(bench);
    }
}

static void mbed_tells_the_version_of_its_clock_on_another_port(void **state)
{
    (void)state;
    struct bench *bench = open_stack("mbed");
    bench_uplink(bench);
    bench_down(bench, CLOCK_FPORT, (const uint8_t *)"\x00", 1);
    assert_true(bench_next_on(bench, MC_FPORT, 5));
    assert_int_equal(bench->up.payload_len, 3);
    assert_memory_equal(bench->up.payload, "\x00\x01\x01", 3);
    bench_end_tx(bench, NULL, 0);
    BENCH_TALK(bench, MC_FPORT, "\x00", "\x00\x02\x01");
    bench_close(bench);
}

TEST_MAIN(cmocka_unit_test(the_answer_to_apptimereq_is_required_but_by_some),
          cmocka_unit_test(zephyr_does_not_ask_in_a_class_c_session),
          cmocka_unit_test(mbed_tells_the_version_of_its_clock_on_another_port))
