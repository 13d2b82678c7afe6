/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: lanes, cohorts, late joiners, times on air, the tail. */
#include <string.h>

#include "airtime_used.h"
#include "flow_steps.h"

static void link_to(struct flow *f, size_t device, uint64_t gateway, int16_t snr_cdb)
{
    f->devices[device].link_count = 1;
    f->devices[device].uplinks_heard = 20;
    f->devices[device].link[0] = (struct device_link){.gateway = gateway,
                                                      .snr_p10_cdb = snr_cdb,
                                                      .snr_p50_cdb = snr_cdb,
                                                      .heard_ppk = 1000};
}

/* Two gateways by hand; nothing is known of how they disturb each other. */
static void begin_with_two_lanes(struct flow *f)
{
    flow_init(f, 1);
    f->spec.radio.spacing_us = SECONDS_US(100);
    f->spec.radio.gateways.count = 2;
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    while (f->frame_count < 6) {
        flow_wait(f, SECONDS_US(1));
    }
}

static void lanes_take_turns_and_stay_in_step(void **state)
{
    (void)state;
    struct flow f;
    begin_with_two_lanes(&f);
    assert_int_equal(f.open_count, 2);
    assert_int_equal(engine_lane_at(f.engine, 1, 0)->colour, 0);
    assert_int_equal(engine_lane_at(f.engine, 1, 1)->colour, 1);
    for (int i = 0; i < 2000; i++) {
        const struct lane_rec *a = engine_lane_at(f.engine, 1, 0);
        const struct lane_rec *b = engine_lane_at(f.engine, 1, 1);
        uint32_t ahead = a->frames_handed - b->frames_handed;
        assert_true(ahead == 0 || ahead == 1); /* the first colour first */
        flow_wait(&f, MILLIS_US(200));
    }
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(f.close_count, 2);
    flow_free(&f);
}

/* A server that looks at its queues once in 40 s; the last lane's answer comes after 80 s. */
static void no_lane_is_ahead_while_the_server_may_still_hold_a_frame(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.multicast_jitter_us = SECONDS_US(40);
    flow_rebuild(&f);
    f.spec.radio.spacing_us = SECONDS_US(100);
    f.spec.radio.gateways.count = 2;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (f.frame_count < 6) {
        flow_wait(&f, SECONDS_US(1));
    }
    f.hold_frame = true;
    while (!engine_lane_at(f.engine, 1, 0)->pending) {
        flow_wait(&f, SECONDS_US(1));
    }
    struct engine_event answer = {
        .type = ENGINE_EV_MC_RESULT,
        .mc_result = {.transmission_id = 1, .lane = 0, .f_cnt = f.f_cnt++}};
    flow_step(&f, &answer);
    while (!engine_lane_at(f.engine, 1, 1)->pending) {
        flow_wait(&f, SECONDS_US(1));
    }
    while (f.now.us % SECONDS_US(100) < SECONDS_US(80)) {
        flow_wait(&f, SECONDS_US(1));
    }
    answer.mc_result.lane = 1;
    answer.mc_result.f_cnt = f.lane_f_cnt[1]++;
    flow_step(&f, &answer);
    struct utc answered = f.now;
    while (!engine_lane_at(f.engine, 1, 0)->pending) {
        flow_wait(&f, SECONDS_US(1));
    }
    assert_true(f.now.us - answered.us >= SECONDS_US(40));
    assert_true(f.now.us - answered.us <= SECONDS_US(122));
    flow_free(&f);
}

static void a_lane_whose_group_is_gone_is_left_out(void **state)
{
    (void)state;
    struct flow f;
    begin_with_two_lanes(&f);
    f.hold_frame = true;
    while (!engine_lane_at(f.engine, 1, 1)->pending) {
        flow_wait(&f, SECONDS_US(1));
        struct engine_event first = {
            .type = ENGINE_EV_MC_RESULT,
            .mc_result = {.transmission_id = 1, .lane = 0, .f_cnt = f.f_cnt}};
        if (engine_lane_at(f.engine, 1, 0)->pending) {
            f.f_cnt++;
            flow_step(&f, &first);
        }
    }
    struct engine_event event = {
        .type = ENGINE_EV_MC_RESULT,
        .mc_result = {.transmission_id = 1, .lane = 1, .err = FUO_ENOENT}};
    flow_step(&f, &event);
    assert_true(engine_lane_at(f.engine, 1, 1)->lost);
    assert_false(engine_lane_at(f.engine, 1, 0)->lost);
    f.hold_frame = false;
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* Its counter is not that of the others: an FCnt would be used for two payloads. */
static void a_lane_that_counts_otherwise_is_left_out(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.spec.radio.gateways.count = 2;
    f.lane_f_cnt[1] = 7;
    flow_apply(&f);
    assert_true(engine_lane_at(f.engine, 1, 1)->lost);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(f.close_count, 2);
    flow_free(&f);
}

static void exact_times_lie_on_the_grid_and_ahead(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.timing = ENGINE_TIMING_ABSOLUTE;
    f.spec.radio.spacing_us = SECONDS_US(10);
    flow_rebuild(&f);
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    int64_t last_us = 0;
    for (size_t seen = 0; seen < 8;) {
        size_t before = f.frame_count;
        flow_wait(&f, MILLIS_US(100));
        if (f.frame_count == before) {
            continue;
        }
        int64_t at_us = f.last_frame.multicast.at.us;
        assert_int_equal(at_us % SECONDS_US(10), 0);
        assert_true(at_us >= f.now.us + SECONDS_US(1) &&
                    at_us <= f.now.us + SECONDS_US(3));
        assert_true(last_us == 0 || at_us == last_us + SECONDS_US(10));
        last_us = at_us;
        seen++;
    }
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void known_devices_are_placed_by_versions_and_links_at_once(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 4);
    f.spec.radio.gateways.count = 0;
    f.spec.radio.dr = SPEC_AUTO_U32;
    f.spec.fragmentation.size_bytes = SPEC_AUTO_U32;
    link_to(&f, 0, f.gateways[0], 500);
    link_to(&f, 1, f.gateways[0], 500);
    link_to(&f, 2, f.gateways[1], -2200); /* far off */
    link_to(&f, 3, f.gateways[1], -2200);
    f.devices[1].package_version[3] = 1;
    flow_rebuild(&f);
    flow_apply(&f);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERSION);
    uint32_t of[4];
    for (size_t i = 0; i < 4; i++) {
        of[i] = flow_member(&f, i)->transmission_id;
        assert_int_not_equal(of[i], 0);
    }
    assert_int_not_equal(of[0], of[1]); /* v1 and v2 never mix */
    assert_int_equal(of[2], of[3]);
    size_t count = 0;
    while (engine_transmission_at(f.engine, 1, count) != NULL) {
        assert_int_equal(engine_transmission_at(f.engine, 1, count)->phase, TX_LEAD);
        count++;
    }
    assert_true(count >= 2); /* at once */
    flow_free(&f);
}

/* Uplinks of a device that is in no campaign, heard by one gateway for ten minutes. */
static void load_gateway(struct flow *f, size_t device, uint64_t gateway)
{
    static const uint8_t payload[51];
    const struct engine_rx rx = {.gateway = gateway, .snr_cdb = -500};
    const struct engine_rx antennas[] = {rx, rx};
    for (int i = 0; i < 500; i++) {
        struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                     .uplink = {.dev_eui = f->devices[device].dev_eui,
                                                .received = f->now,
                                                .payload = payload,
                                                .payload_len = sizeof(payload),
                                                .rx = antennas,
                                                .rx_count = 2,
                                                .dr = 0,
                                                .fport = 2}};
        flow_step(f, &event);
        flow_step(f, &event); /* the server repeats it: it counts once */
        flow_wait(f, SECONDS_US(1));
    }
}

/* Both gateways hear the devices equally well; returns which of them is to send. */
static uint64_t chosen_gateway(const uint64_t *loaded, uint32_t *weight)
{
    struct flow f;
    flow_init(&f, 2);
    f.spec.radio.gateways.count = 0;
    f.spec.radio.dr = SPEC_AUTO_U32;
    for (size_t i = 0; i < 2; i++) {
        link_to(&f, i, f.gateways[0], 500);
        f.devices[i].link[1] = f.devices[i].link[0];
        f.devices[i].link[1].gateway = f.gateways[1];
        f.devices[i].link_count = 2;
    }
    flow_rebuild(&f);
    if (loaded != NULL) {
        load_gateway(&f, 5, *loaded);
        *weight = engine_gateway_weight(f.engine, *loaded);
    }
    flow_apply(&f);
    const struct lane_rec *lane = engine_lane_at(f.engine, 1, 0);
    assert_non_null(lane);
    assert_null(engine_lane_at(f.engine, 1, 1)); /* one will do */
    uint64_t gateway = lane->gateways[0];
    flow_free(&f);
    return gateway;
}

static void a_gateway_that_hears_much_is_spared(void **state)
{
    (void)state;
    uint32_t weight = 0;
    uint64_t first = chosen_gateway(NULL, NULL);
    uint64_t second = chosen_gateway(&first, &weight);
    assert_int_not_equal(first, second);
    assert_int_equal(weight, 5); /* 500 of 2.8 s: a quarter of the hour, and not two */
    assert_int_equal(chosen_gateway(&second, &weight), first);
}

/* A server that names ever other gateways: those that were known keep their weight. */
static void gateways_that_are_made_up_are_not_remembered_for_ever(void **state)
{
    (void)state;
    struct flow f;
    struct engine_rx rx[ENGINE_RX_MAX] = {{0}};
    flow_init(&f, 1);
    for (uint64_t gateway = 1; gateway <= 1 << 16;) {
        struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                     .uplink = {.dev_eui = f.devices[5].dev_eui,
                                                .received = f.now,
                                                .rx = rx,
                                                .rx_count = ENGINE_RX_MAX,
                                                .dr = 0,
                                                .fport = 2}};
        for (size_t i = 0; i < ENGINE_RX_MAX; i++) {
            rx[i].gateway = gateway++;
        }
        flow_step(&f, &event);
        flow_wait(&f, SECONDS_US(1));
    }
    load_gateway(&f, 5, 1);
    load_gateway(&f, 5, 1 << 20);
    assert_int_equal(engine_gateway_weight(f.engine, 1), 5);
    assert_int_equal(engine_gateway_weight(f.engine, 1 << 20), 4);
    flow_free(&f);
}

static void who_is_known_late_joins_what_is_being_set_up(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    f.devices[1].packages_known = false;
    memset(f.devices[1].package_version, 0, sizeof(f.devices[1].package_version));
    flow_rebuild(&f);
    flow_apply(&f);
    assert_int_equal(flow_member(&f, 0)->transmission_id, 1);
    assert_int_equal(flow_member(&f, 1)->transmission_id, 0);
    for (int i = 0; i < 30 && flow_member(&f, 1)->phase == MEMBER_DISCOVER; i++) {
        flow_uplink(&f, 1, 2, "00"); /* no TS007 */
        flow_wait(&f, SECONDS_US(21));
    }
    flow_uplink(&f, 1, 201, "000302");
    flow_uplink(&f, 1, 200, "000202");
    flow_uplink(&f, 1, 203, "000401");
    flow_uplink(&f, 1, 203, "010100000001000000");
    assert_int_equal(flow_member(&f, 1)->transmission_id, 1);
    assert_int_equal(flow_member(&f, 1)->phase, MEMBER_GROUP);
    flow_walk(&f, 0, MEMBER_LISTENING);
    flow_walk(&f, 1, MEMBER_LISTENING);
    flow_walk(&f, 0, MEMBER_ENDED);
    flow_walk(&f, 1, MEMBER_ENDED);
    ended(&f, 1, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_null(engine_transmission_at(f.engine, 1, 1));
    flow_free(&f);
}

/* Until the device is asked what it misses; it can only be helped alone. */
static void begin_tail(struct flow *f)
{
    flow_init(f, 1);
    f->uplink_dr = 5;
    f->spec.fragmentation.repair_rounds = 0;
    f->spec.retry.session = 0;
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    while (flow_member(f, 0)->phase != MEMBER_STATUS) {
        flow_wait(f, SECONDS_US(5));
    }
}

/* Two fragments are missing when the session is over: they come one behind each uplink. */
static void a_few_missing_fragments_are_sent_to_the_device_alone(void **state)
{
    (void)state;
    struct flow f;
    begin_tail(&f);
    uint16_t next = f.transmission.next_n;
    size_t frames = f.frame_count;
    flow_uplink(&f, 0, 201, "01000a0002"); /* 10 received, 2 missing */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f.last_send[0].send.fport, 201);
        flow_noise(&f, 0);
    }
    assert_true(f.transmission.next_n > next);
    assert_int_equal(f.frame_count, frames);
    for (int i = 0; i < 20 && f.last_send[0].send.payload[0] == 0x08; i++) {
        flow_noise(&f, 0);
    }
    assert_int_equal(f.last_send[0].send.payload[0], 0x01); /* and then it is asked */
    flow_uplink(&f, 0, 201, "0400");
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* Uplinks that are seconds apart count as one burst: no interval is known of such a device. */
static void who_speaks_all_the_time_is_sent_what_is_missing_too(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.devices[0].uplink_interval_us = 0;
    flow_rebuild(&f);
    f.uplink_dr = 5;
    f.spec.fragmentation.repair_rounds = 0;
    f.spec.retry.session = 0;
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (flow_member(&f, 0)->phase != MEMBER_STATUS) {
        flow_wait(&f, SECONDS_US(10));
        flow_uplink(&f, 0, 2, "00");
    }
    uint16_t next = f.transmission.next_n;
    flow_uplink(&f, 0, 201, "01000a0002"); /* 10 received, 2 missing */
    assert_int_equal(f.devices[0].uplink_interval_us, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_STATUS);
    assert_int_equal(f.transmission.next_n, next + 2 + 2); /* they leave at once */
    assert_int_equal(f.last_send[0].send.payload[0], 0x01);
    flow_uplink(&f, 0, 201, "0400");
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* Each alone fits what may be sent at most, both together do not. */
static void tails_together_stay_within_the_redundancy(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    f.uplink_dr = 5;
    f.spec.fragmentation.repair_rounds = 0;
    f.spec.fragmentation.max_redundancy_ppm = 580000; /* 7 of 12 */
    f.spec.retry.session = 0;
    flow_apply(&f);
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_SESSION);
    }
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_LISTENING);
    }
    while (flow_member(&f, 0)->phase != MEMBER_STATUS) {
        flow_wait(&f, SECONDS_US(5));
    }
    for (size_t i = 0; i < 2; i++) {
        flow_uplink(&f, i, 201, "01000b0001"); /* 11 received, 1 missing */
    }
    assert_int_equal(f.transmission.next_n, 12 + 7 + 1); /* 15 to 19, not 20 */
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(f.last_send[i].send.fport, 201);
        assert_int_equal(f.last_send[i].send.payload[0], 0x01); /* what is missing now? */
    }
    flow_free(&f);
}

/* The campaign may send for that long from now on. */
static void open_for(struct flow *f, int64_t duration_us)
{
    struct calendar_span span = {{f->now.us - 1}, {f->now.us + duration_us}};
    struct engine_event event = {
        .type = ENGINE_EV_WINDOWS,
        .windows = {.campaign_id = 1, .spans = &span, .count = 1, .until = UTC_NEVER}};
    flow_step(f, &event);
}

/* After its answer that two are missing; the server has not sent it yet. */
static bool a_fragment_follows(struct flow *f)
{
    f->hold_txack = true;
    flow_uplink(f, 0, 201, "01000a0002");
    return f->last_send[0].send.payload[0] == 0x08;
}

static void fragments_for_one_device_keep_to_the_window(void **state)
{
    (void)state;
    struct flow f;
    begin_tail(&f);
    open_for(&f, MINUTES_US(20)); /* five uplinks take longer */
    assert_false(a_fragment_follows(&f));
    flow_free(&f);

    begin_tail(&f);
    open_for(&f, MINUTES_US(59));
    struct utc closes = utc_after(f.now, MINUTES_US(59));
    assert_true(a_fragment_follows(&f));
    assert_true(f.last_send[0].send.expires.us <= closes.us);
    open_for(&f, SECONDS_US(1)); /* it closes early */
    flow_wait(&f, SECONDS_US(2));
    flow_fate(&f, 0, ENGINE_FATE_SENT);
    assert_int_equal(f.last_send[0].send.payload[0], 0x01); /* it is asked at once */
    flow_free(&f);
}

static void budgets_are_listed_by_gateway(void **state)
{
    (void)state;
    struct flow f;
    begin_with_two_lanes(&f);
    struct engine_budget b;
    assert_true(engine_budget_at(f.engine, 0, f.now, &b));
    assert_int_equal(b.gateway, f.gateways[0]);
    assert_true(b.own_us > 0 && b.own_us < b.own_cap_us && b.own_cap_us < b.legal_cap_us);
    assert_true(engine_budget_at(f.engine, 1, f.now, &b));
    assert_int_equal(b.gateway, f.gateways[1]);
    assert_false(engine_budget_at(f.engine, 2, f.now, &b));
    flow_free(&f);
}

static void a_command_that_left_is_charged_where_it_left(void **state)
{
    (void)state;
    struct flow f;
    begin(&f, 1);
    assert_int_equal(airtime_used_us(f.engine, 77, 868100000, f.now), 0);
    f.hold_txack = true;
    flow_walk(&f, 0, MEMBER_FRAG);
    struct engine_event event = {.type = ENGINE_EV_SEND_FATE,
                                 .send_fate = {.id = f.last_send[0].send.id,
                                               .dev_eui = f.devices[0].dev_eui,
                                               .fate = ENGINE_FATE_SENT,
                                               .gateway = 77,
                                               .frequency_hz = 868100000,
                                               .dr = 5}};
    flow_step(&f, &event);
    assert_true(airtime_used_us(f.engine, 77, 868100000, f.now) > 50000);
    flow_free(&f);
}

/* No airtime is left at its gateway: the command waits for a later uplink. */
static void a_command_without_airtime_waits(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    link_to(&f, 0, f.gateways[0], 500);
    flow_rebuild(&f);
    struct charge_rec charge = {.gateway = f.gateways[0],
                                .frequency_hz = 869525000,
                                .at = f.now,
                                .airtime_us = SECONDS_US(15)};
    for (int i = 0; i < 15; i++) {
        assert_int_equal(engine_restore_charge(f.engine, &charge), FUO_OK);
    }
    flow_apply(&f);
    assert_int_equal(f.send_count[0], 0);
    flow_noise(&f, 0);
    assert_int_equal(f.send_count[0], 0);
    flow_wait(&f, HOURS_US(1));
    flow_noise(&f, 0);
    assert_int_equal(f.send_count[0], 1);
    flow_free(&f);
}

/* Its uplinks come in well, but it says that it hardly hears: a slower data rate then. */
static void what_a_device_hears_decides_its_data_rate(void **state)
{
    (void)state;
    uint8_t dr[2];
    for (int i = 0; i < 2; i++) {
        struct flow f;
        flow_init(&f, 1);
        f.spec.radio.gateways.count = 0;
        f.spec.radio.dr = SPEC_AUTO_U32;
        link_to(&f, 0, 0x16, -500);
        flow_rebuild(&f);
        struct engine_event status = {
            .type = ENGINE_EV_STATUS,
            .status = {.dev_eui = f.devices[0].dev_eui, .margin_db = -32}};
        for (int k = 0; k < 10 * i; k++) {
            flow_step(&f, &status);
        }
        status.status.dev_eui = 1; /* of nobody */
        flow_step(&f, &status);
        assert_true((f.devices[0].down_cdb < -1000) == (i == 1)); /* stored */
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_LISTENING);
        dr[i] = f.transmission.dr;
        flow_free(&f);
    }
    assert_true(dr[1] < dr[0]);
}

/* What the server lets through decides the pace: not only the ledger knows of it. */
static void the_ceiling_of_the_server_is_planned_with(void **state)
{
    (void)state;
    int64_t interval_us[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct flow f;
        flow_init(&f, 1);
        f.priority_ceiling_ppm = i * 40000; /* of the legal tenth: 14.4 s an hour */
        f.spec.radio.gateways.count = 0;
        f.spec.radio.dr = 0;
        f.spec.fragmentation.size_bytes = 40;
        link_to(&f, 0, f.gateways[0], 500);
        flow_rebuild(&f);
        flow_apply(&f);
        interval_us[i] = f.transmission.interval_us;
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
    assert_true(interval_us[0] < SECONDS_US(20));
    assert_true(interval_us[1] > MINUTES_US(8)); /* more than 2 s each, 250 times that */
}

TEST_MAIN(cmocka_unit_test(lanes_take_turns_and_stay_in_step),
          cmocka_unit_test(no_lane_is_ahead_while_the_server_may_still_hold_a_frame),
          cmocka_unit_test(a_lane_whose_group_is_gone_is_left_out),
          cmocka_unit_test(a_lane_that_counts_otherwise_is_left_out),
          cmocka_unit_test(exact_times_lie_on_the_grid_and_ahead),
          cmocka_unit_test(known_devices_are_placed_by_versions_and_links_at_once),
          cmocka_unit_test(a_gateway_that_hears_much_is_spared),
          cmocka_unit_test(gateways_that_are_made_up_are_not_remembered_for_ever),
          cmocka_unit_test(who_is_known_late_joins_what_is_being_set_up),
          cmocka_unit_test(a_few_missing_fragments_are_sent_to_the_device_alone),
          cmocka_unit_test(who_speaks_all_the_time_is_sent_what_is_missing_too),
          cmocka_unit_test(tails_together_stay_within_the_redundancy),
          cmocka_unit_test(fragments_for_one_device_keep_to_the_window),
          cmocka_unit_test(budgets_are_listed_by_gateway),
          cmocka_unit_test(a_command_that_left_is_charged_where_it_left),
          cmocka_unit_test(a_command_without_airtime_waits),
          cmocka_unit_test(what_a_device_hears_decides_its_data_rate),
          cmocka_unit_test(the_ceiling_of_the_server_is_planned_with))
