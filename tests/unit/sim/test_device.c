/* SPDX-License-Identifier: MIT */
#include "device_bench.h"

#include "base/wire.h"
#include "codec/clock.h"
#include "codec/fwmgmt.h"
#include "crypto/block_mic.h"
#include "fec/encode.h"
#include "sim/pingslots.h"

#define MC_ADDR 0x01020304u

static const struct aes_key mc_key = {{0xa0, 0xa1, 0xa2}};

/* Answer its AppTimeReq as a server does: from the end of the uplink. */
static void set_clock(struct bench *bench)
{
    struct clock_time_req req;
    assert_true(bench_next_on(bench, CLOCK_FPORT, 3));
    assert_int_equal(
        clock_time_req_decode(2, bench->up.payload + 1, bench->up.payload_len - 1, &req),
        FUO_OK);
    struct clock_time_ans ans = {
        .correction_s = gps_diff_s(gps_from_utc(bench->now), req.device_time),
        .token = req.token,
    };
    uint8_t bytes[6];
    size_t len = 0;
    assert_int_equal(clock_time_ans_encode(2, &ans, bytes, sizeof(bytes), &len), FUO_OK);
    bench_down(bench, CLOCK_FPORT, bytes, len);
}

static void joins_with_a_new_nonce_and_sends_readings(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    config.versions.of[PKG_CLOCK] = 0;
    struct bench *bench = bench_open(&config);
    bench_uplink(bench);
    assert_int_equal(bench->up.fport, DEVICE_APP_FPORT);
    assert_int_equal(bench->up.fcnt, 0);
    bench_end_tx(bench, NULL, 0);
    struct utc before = bench->now;
    bench_uplink(bench);
    assert_int_equal(bench->up.fcnt, 1);
    assert_in_range(bench->now.us - before.us, SECONDS_US(265), SECONDS_US(335));
    bench_close(bench);
}

static void repeats_a_join_request_that_nobody_accepts(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench bench = {.now = config.power_on};
    struct join_request first;
    struct join_request second;
    assert_int_equal(
        device_init(&bench.device, &config, &bench_ops, &bench, &bench.timers), FUO_OK);
    bench_run_to_tx(&bench);
    assert_int_equal(join_request_peek(bench.tx.phy, bench.tx.len, &first), FUO_OK);
    bench_end_tx(&bench, NULL, 0);
    bench_run_to_tx(&bench);
    assert_int_equal(join_request_peek(bench.tx.phy, bench.tx.len, &second), FUO_OK);
    assert_int_equal((uint16_t)(first.dev_nonce + 1), second.dev_nonce);
    assert_false(device_listens(&bench.device, 869525000, 3));
    device_free(&bench.device);
    sim_timers_free(&bench.timers);
}

static void answers_versions_on_every_port_and_by_one_question(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    BENCH_TALK(bench, 200, "\x00", "\x00\x02\x02");
    BENCH_TALK(bench, 201, "\x00", "\x00\x03\x02");
    BENCH_TALK(bench, 202, "\x00", "\x00\x01\x02");
    BENCH_TALK(bench, 203, "\x00", "\x00\x04\x01");
    /* lorawan.md 6: DevPackageReq with token 2 */
    BENCH_TALK(
        bench, 225, "\x01\x02",
        "\x01\x05\x00\x01\xe1\x01\x02\xca\x02\x02\xc8\x03\x02\xc9\x04\x01\xcb\x02");
    bench_close(bench);
}

static void sets_its_clock_from_the_first_answer_with_its_token(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    config.clock_boot_gps_s = -GPS_EPOCH_UNIX_S; /* as LoRaMac-node: lorawan.md 2 */
    struct bench *bench = bench_open(&config);
    assert_true(bench_next_on(bench, CLOCK_FPORT, 3));
    assert_int_equal(bench->up.payload[5] & 0x1f, 0x10); /* token 0, AnsRequired */
    uint8_t wrong[] = {1, 9, 0, 0, 0, 5};
    bench_down(bench, CLOCK_FPORT, wrong, sizeof(wrong));
    assert_false(bench->device.clock_set);
    set_clock(bench);
    assert_true(bench->device.clock_set);
    int64_t error_us =
        (int64_t)(uint32_t)(device_clock_us(&bench->device, bench->now) / 1000000) -
        (int64_t)gps_from_utc(bench->now).s;
    assert_in_range(error_us + 2, 0, 4);
    bench_close(bench);
}

static void asks_again_after_a_forced_resync_and_tells_its_period(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    set_clock(bench);
    bench_uplink(bench);
    bench_down(bench, CLOCK_FPORT, (const uint8_t *)"\x03\x02", 2);
    assert_true(bench_next_on(bench, CLOCK_FPORT, 2));
    bench_end_tx(bench, NULL, 0);
    assert_true(bench_next_on(bench, CLOCK_FPORT, 2));
    bench_end_tx(bench, NULL, 0);
    assert_true(bench_ask(bench, CLOCK_FPORT, (const uint8_t *)"\x02\x01", 2));
    assert_int_equal(bench->up.payload_len, 6);
    assert_int_equal(bench->up.payload[0], 2);
    assert_int_equal(bench->device.clock_period_us, SECONDS_US(256));
    bench_close(bench);
}

static size_t group_setup(const struct bench *bench, uint8_t *bytes, size_t cap)
{
    struct mc_group_setup_req req = {.addr = MC_ADDR, .max_fcnt = 1000};
    size_t len = 0;
    assert_int_equal(keys_mc_wrap_for_device(LORAWAN_1_0,
                                             &bench->device.config.gen_app_key, &mc_key,
                                             req.key_encrypted),
                     FUO_OK);
    assert_int_equal(mc_group_setup_req_encode(1, &req, bytes, cap, &len), FUO_OK);
    return len;
}

static void keeps_groups_and_says_what_it_has(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    uint8_t setup[32];
    size_t len = group_setup(bench, setup, sizeof(setup));
    assert_true(bench_ask(bench, 200, setup, len));
    bench_expect(bench, "\x02\x00", 2);
    BENCH_TALK(bench, 200, "\x01\x0f", "\x01\x11\x00\x04\x03\x02\x01");
    BENCH_TALK(bench, 200, "\x03\x01", "\x03\x05"); /* McGroupUndefined */
    BENCH_TALK(bench, 200, "\x03\x00", "\x03\x00");
    BENCH_TALK(bench, 200, "\x01\x0f", "\x01\x00");
    bench_close(bench);
}

static void two_commands_in_a_frame_are_answered_in_one(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    BENCH_TALK(bench, 203, "\x03\x1e\x00\x00\x03\xff\xff\xff",
               "\x03\x1e\x00\x00\x03\xff\xff\xff");
    assert_int_equal(bench->device.reboot_at.us, INT64_MAX);
    bench_close(bench);
}

static void session_req(struct bench *bench, int64_t in_s, uint32_t frequency_hz,
                        uint8_t dr, uint8_t *bytes)
{
    struct mc_session_req req = {
        .session_time = gps_from_utc(utc_after(bench->now, SECONDS_US(in_s))),
        .timeout_exp = 12,
        .frequency_hz = frequency_hz,
        .dr = dr,
    };
    size_t len = 0;
    assert_int_equal(mc_class_c_req_encode(2, &req, bytes, 11, &len), FUO_OK);
    assert_int_equal(len, 11);
}

static void refuses_sessions_that_cannot_be(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    uint8_t req[11];
    uint8_t setup[32];
    set_clock(bench);
    session_req(bench, 4000, 869525000, 3, req);
    assert_true(bench_ask(bench, 200, req, sizeof(req)));
    bench_expect(bench, "\x04\x10", 2); /* no such group */
    assert_true(bench_ask(bench, 200, setup, group_setup(bench, setup, sizeof(setup))));
    session_req(bench, 4000, 869300000, 3, req); /* a gap: lorawan.md 8.1 */
    assert_true(bench_ask(bench, 200, req, sizeof(req)));
    bench_expect(bench, "\x04\x08", 2);
    session_req(bench, 4000, 869525000, 9, req);
    assert_true(bench_ask(bench, 200, req, sizeof(req)));
    assert_int_equal(bench->up.payload[1] & 0x04, 0x04);
    session_req(bench, -10, 869525000, 3, req);
    assert_true(bench_ask(bench, 200, req, sizeof(req)));
    bench_expect(bench, "\x04\x20", 2); /* StartMissed */
    bench_close(bench);
}

static void listens_by_its_own_clock_and_stops_at_the_timeout(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    config.uplink_interval_us = HOURS_US(12); /* silence */
    struct bench *bench = bench_open(&config);
    uint8_t req[11];
    uint8_t setup[32];
    set_clock(bench);
    assert_true(bench_ask(bench, 200, setup, group_setup(bench, setup, sizeof(setup))));
    bench->device.next_uplink = utc_after(bench->now, SECONDS_US(1));
    bench_uplink(bench);
    session_req(bench, 100, 869525000, 3, req);
    struct utc start = utc_after(bench->now, SECONDS_US(100));
    bench_down(bench, 200, req, sizeof(req));
    assert_true(bench_next_on(bench, 200, 1));
    assert_int_equal(bench->up.payload_len, 5);
    uint32_t wait_s = bench->up.payload[2];
    assert_in_range(wait_s, 94, 100);
    bench_end_tx(bench, NULL, 0);

    sim_timers_run(&bench->timers, utc_after(start, SECONDS_US(-3)));
    assert_false(device_listens(&bench->device, 869525000, 3));
    sim_timers_run(&bench->timers, utc_after(start, SECONDS_US(3)));
    assert_true(device_listens(&bench->device, 869525000, 3));
    assert_false(device_listens(&bench->device, 869525000, 4));
    sim_timers_run(&bench->timers, utc_after(start, SECONDS_US(4096 + 3)));
    assert_false(device_listens(&bench->device, 869525000, 3));
    bench_close(bench);
}

/* McClassBSessionReq for the beacon at *start_us; false: no answer. */
static bool tell_class_b(struct bench *bench, uint8_t timeout_exp, int64_t *start_us)
{
    uint8_t bytes[11];
    uint8_t setup[32];
    size_t len = 0;
    set_clock(bench);
    assert_true(bench_ask(bench, 200, setup, group_setup(bench, setup, sizeof(setup))));
    bench->device.next_uplink = utc_after(bench->now, SECONDS_US(1));
    bench_uplink(bench);
    struct gps beacon = gps_from_utc(utc_after(bench->now, SECONDS_US(400)));
    beacon.s -= beacon.s % 128;
    struct mc_session_req req = {
        .session_time = {beacon.s - 5}, /* begins with the beacon */
        .timeout_exp = timeout_exp,
        .periodicity_exp = 4,
        .dr = 3};
    *start_us = (int64_t)(beacon.s + GPS_EPOCH_UNIX_S - GPS_LEAP_S) * 1000000;
    assert_int_equal(mc_class_b_req_encode(2, &req, bytes, sizeof(bytes), &len), FUO_OK);
    bench_down(bench, 200, bytes, len);
    bool answers = bench_next_on(bench, 200, 1);
    bench_end_tx(bench, NULL, 0);
    return answers;
}

static struct device_config silent_config(void)
{
    struct device_config config = bench_config(2);
    config.uplink_interval_us = HOURS_US(12);
    return config;
}

/* TS005 v2.0.0, 4.5; LoRaWAN L2 1.0.4, 13.3 */
static void in_class_b_it_is_open_in_its_ping_slots_for_units_of_128_s(void **state)
{
    (void)state;
    int64_t start_us = 0;
    struct device_config config = silent_config();
    struct bench *bench = bench_open(&config);
    assert_true(tell_class_b(bench, 1, &start_us));
    struct utc inside = {start_us + SECONDS_US(3)};
    sim_timers_run(&bench->timers, inside);
    assert_true(device_listens(&bench->device, 869525000, 3)); /* 0: the region's own */
    struct utc slot = pingslots_next(inside, bench->device.groups[0].addr, 4);
    assert_true(device_is_open(&bench->device, slot));
    assert_false(device_is_open(&bench->device, utc_after(slot, SECONDS_US(1))));
    sim_timers_run(&bench->timers, (struct utc){start_us + SECONDS_US(253)});
    assert_true(device_listens(&bench->device, 869525000, 3));
    sim_timers_run(&bench->timers, (struct utc){start_us + SECONDS_US(259)});
    assert_false(device_listens(&bench->device, 869525000, 3));
    bench_close(bench);
}

/* lorawan.md 13: LoRaMac-node; Zephyr drops the request. */
static void of_class_b_some_make_class_c_and_some_nothing(void **state)
{
    static const struct profile as_c = {.class_b = PROFILE_CLASS_B_AS_C};
    static const struct profile none = {.class_b = PROFILE_CLASS_B_NONE};
    (void)state;
    int64_t start_us = 0;
    struct device_config config = silent_config();
    config.profile = &as_c;
    struct bench *bench = bench_open(&config);
    assert_true(tell_class_b(bench, 5, &start_us));
    struct utc inside = {start_us + SECONDS_US(3)};
    sim_timers_run(&bench->timers, inside);
    struct utc slot = pingslots_next(inside, bench->device.groups[0].addr, 4);
    assert_true(device_is_open(&bench->device, utc_after(slot, SECONDS_US(1))));
    sim_timers_run(&bench->timers, (struct utc){start_us + SECONDS_US(28)});
    assert_true(device_listens(&bench->device, 869525000, 3));
    sim_timers_run(&bench->timers, (struct utc){start_us + SECONDS_US(36)});
    assert_false(device_listens(&bench->device, 869525000, 3));
    bench_close(bench);
    config.profile = &none;
    bench = bench_open(&config);
    assert_false(tell_class_b(bench, 5, &start_us));
    sim_timers_run(&bench->timers, (struct utc){start_us + SECONDS_US(3)});
    assert_false(device_listens(&bench->device, 869525000, 3));
    bench_close(bench);
}

static void without_a_clock_it_starts_when_the_clock_is_set(void **state)
{
    (void)state;
    struct device_config config = bench_config(2);
    struct bench *bench = bench_open(&config);
    uint8_t req[11];
    uint8_t setup[32];
    assert_true(bench_ask(bench, 200, setup, group_setup(bench, setup, sizeof(setup))));
    session_req(bench, 20, 869525000, 3, req);
    assert_true(bench_ask(bench, 200, req, sizeof(req)));
    bench_expect(bench, "\x04\x00\xff\xff\xff", 5);
    set_clock(bench);
    sim_timers_run(&bench->timers, utc_after(bench->now, SECONDS_US(30)));
    assert_true(device_listens(&bench->device, 869525000, 3));
    bench_close(bench);
}

static void reads_a_firmware_version_and_has_no_image_at_first(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    uint8_t want[9] = {1};
    struct wr w = wr_init(want + 1, 8);
    wr_le32(&w, device_firmware_version((const uint8_t *)"old", 4));
    wr_le32(&w, 0x00010001);
    assert_true(bench_ask(bench, 203, (const uint8_t *)"\x01", 1));
    bench_expect(bench, want, sizeof(want));
    BENCH_TALK(bench, 203, "\x04", "\x04\x00");
    BENCH_TALK(bench, 203, "\x05\x01\x02\x03\x04", "\x05\x01");
    /* without a clock no reboot time can be met */
    BENCH_TALK(bench, 203, "\x02\xff\xff\xff\x7f", "\x02\x00\x00\x00\x00");
    BENCH_TALK(bench, 203, "\x02\xff\xff\xff\xff", "\x02\xff\xff\xff\xff");
    /* the check value of CRC-32 */
    assert_int_equal(device_firmware_version((const uint8_t *)"123456789", 9),
                     0xcbf43926u);
    bench_close(bench);
}

static void packages_it_does_not_have_are_silent(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    config.versions.of[PKG_FWMGMT] = 0;
    struct bench *bench = bench_open(&config);
    assert_false(bench_ask(bench, 203, (const uint8_t *)"\x01", 1));
    assert_false(bench_ask(bench, 17, (const uint8_t *)"\x01", 1));
    bench_close(bench);
}

static void several_packages_are_answered_in_one_message(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    struct bench *bench = bench_open(&config);
    /* McGroupStatusReq, then DevUpgradeImageReq; token 1 (lorawan.md 6) */
    BENCH_TALK(bench, 225, "\x82\x01\x0f\x84\x04\x01", "\x82\x01\x00\x84\x04\x00\x01");
    /* MultiPackBufferReq for bytes 1 and 2, then for what is not there */
    BENCH_TALK(bench, 225, "\x02\x01\x02", "\x02\x01\x01\x00\x01");
    BENCH_TALK(bench, 225, "\x02\x40\x41", "\x02\xff\x01");
    bench_close(bench);
}

static void long_answers_come_in_parts_at_a_low_data_rate(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    config.uplink_dr = 0;
    struct bench *bench = bench_open(&config);
    uint8_t req[62];
    size_t len = 0;
    for (int i = 0; i < 8; i++) { /* eight DevVersionReq: 8 x 9 bytes and the id */
        req[len++] = 0x84;
        req[len++] = 0x01;
    }
    req[len++] = 0x03; /* token */
    assert_true(bench_ask(bench, 225, req, len));
    assert_int_equal(bench->up.payload[0], 0x02);
    assert_int_equal(bench->up.payload[1], 0);
    assert_int_equal(bench->up.payload_len, 51);
    assert_true(bench_next_on(bench, 225, 2));
    assert_int_equal(bench->up.payload[1], 48);
    assert_int_equal(bench->up.payload[bench->up.payload_len - 1], 0x03);
    bench_close(bench);
}

static void confirmed_downlinks_are_acknowledged_and_pending_ones_fetched(void **state)
{
    (void)state;
    struct device_config config = bench_config(1);
    config.versions.of[PKG_CLOCK] = 0;
    struct bench *bench = bench_open(&config);
    uint8_t phy[64];
    size_t len = 0;
    bench_uplink(bench);
    struct frame frame = {
        .type = FRAME_CONFIRMED_DOWN,
        .addr = BENCH_ADDR,
        .fcnt = bench->fcnt_down++,
        .pending = true,
        .has_port = true,
        .fport = 99,
    };
    assert_int_equal(frame_build(&frame, &bench->keys, phy, sizeof(phy), &len), FUO_OK);
    struct utc before = bench->now;
    bench_end_tx(bench, phy, len);
    bench_uplink(bench);
    assert_true(bench->up.ack);
    assert_false(bench->up.has_port);
    assert_in_range(bench->now.us - before.us, 0, SECONDS_US(10));
    /* the same frame again: its counter is used up */
    bench_end_tx(bench, phy, len);
    bench_uplink(bench);
    assert_false(bench->up.ack);
    bench_close(bench);
}

TEST_MAIN(cmocka_unit_test(joins_with_a_new_nonce_and_sends_readings),
          cmocka_unit_test(repeats_a_join_request_that_nobody_accepts),
          cmocka_unit_test(answers_versions_on_every_port_and_by_one_question),
          cmocka_unit_test(sets_its_clock_from_the_first_answer_with_its_token),
          cmocka_unit_test(asks_again_after_a_forced_resync_and_tells_its_period),
          cmocka_unit_test(keeps_groups_and_says_what_it_has),
          cmocka_unit_test(two_commands_in_a_frame_are_answered_in_one),
          cmocka_unit_test(refuses_sessions_that_cannot_be),
          cmocka_unit_test(listens_by_its_own_clock_and_stops_at_the_timeout),
          cmocka_unit_test(in_class_b_it_is_open_in_its_ping_slots_for_units_of_128_s),
          cmocka_unit_test(of_class_b_some_make_class_c_and_some_nothing),
          cmocka_unit_test(without_a_clock_it_starts_when_the_clock_is_set),
          cmocka_unit_test(reads_a_firmware_version_and_has_no_image_at_first),
          cmocka_unit_test(packages_it_does_not_have_are_silent),
          cmocka_unit_test(several_packages_are_answered_in_one_message),
          cmocka_unit_test(long_answers_come_in_parts_at_a_low_data_rate),
          cmocka_unit_test(confirmed_downlinks_are_acknowledged_and_pending_ones_fetched))
