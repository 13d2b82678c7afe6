/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: what gateways say of the frames they were given. */
#include <string.h>

#include "airtime_used.h"
#include "flow_steps.h"

#define HZ 869525000

/* Into its session, with so many frames handed over. */
static void begin_frames(struct flow *f, size_t gateways, size_t frames)
{
    flow_init(f, 1);
    f->spec.radio.spacing_us = SECONDS_US(100);
    f->spec.radio.gateways.count = gateways;
    f->spec.fragmentation.size_bytes = 20;
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    while (f->frame_count < frames) {
        flow_wait(f, SECONDS_US(1));
    }
}

/* Of the frame that was handed over `ago` before the last one of the lane. */
static struct engine_event answer_of(const struct flow *f, size_t gateway, uint32_t ago,
                                     enum engine_aired status)
{
    const struct transmission_rec *t = engine_transmission_at(f->engine, 1, 0);
    const struct lane_rec *l = engine_lane_at(f->engine, 1, gateway);
    return (struct engine_event){
        .type = ENGINE_EV_AIRED,
        .aired = {.fleet_id = 1,
                  .address = t->mc_addr,
                  .gateway = f->gateways[gateway],
                  .frequency_hz = HZ,
                  .f_cnt = (uint16_t)(l->f_cnt_base + l->frames_handed - 1 - ago),
                  .dr = t->dr,
                  .phy_len = 60,
                  .status = status}};
}

static void tell(struct flow *f, size_t gateway, uint32_t ago, enum engine_aired status)
{
    struct engine_event event = answer_of(f, gateway, ago, status);
    flow_step(f, &event);
}

static int64_t own_us(const struct flow *f, size_t gateway)
{
    return airtime_used_us(f->engine, f->gateways[gateway], HZ, f->now);
}

/* first_hz: of the sub-band. */
static int64_t others_in_us(const struct flow *f, size_t gateway, uint32_t first_hz)
{
    struct engine_budget b;
    int64_t used_us = 0;
    for (size_t i = 0; engine_budget_at(f->engine, i, f->now, &b); i++) {
        bool there = b.gateway == f->gateways[gateway] && b.low_hz == first_hz;
        used_us += there ? b.others_us : 0;
    }
    return used_us;
}

static int64_t others_us(const struct flow *f, size_t gateway)
{
    struct engine_budget b;
    int64_t used_us = 0;
    for (size_t i = 0; engine_budget_at(f->engine, i, f->now, &b); i++) {
        used_us += b.gateway == f->gateways[gateway] ? b.others_us : 0;
    }
    return used_us;
}

static uint16_t target(const struct flow *f)
{
    return engine_transmission_at(f->engine, 1, 0)->target_n;
}

static void the_gateway_that_refused_most_decides_how_many_more_are_sent(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 2, 6);
    uint16_t before = target(&f);
    tell(&f, 0, 1, ENGINE_AIRED_REFUSED);
    assert_int_equal(target(&f), before + 1);
    tell(&f, 1, 1, ENGINE_AIRED_NO_TIME); /* the same fragment, or another of as many */
    assert_int_equal(target(&f), before + 1);
    tell(&f, 1, 0, ENGINE_AIRED_NO_BUDGET);
    assert_int_equal(target(&f), before + 2);
    assert_int_equal(f.transmission.target_n, before + 2); /* stored */
    tell(&f, 1, 0, ENGINE_AIRED_NO_BUDGET);                /* told twice */
    assert_int_equal(target(&f), before + 2);
    assert_int_equal(engine_lane_aired(f.engine, 1, 1).refused, 2);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void airtime_is_that_of_what_was_sent_when_it_was_sent(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 2);
    f.hold_queue = true;
    int64_t two_us = own_us(&f, 0);
    int64_t one_us = two_us / 2;
    tell(&f, 0, 0, ENGINE_AIRED_SENT);
    assert_int_equal(own_us(&f, 0), two_us); /* as charged */
    tell(&f, 0, 0, ENGINE_AIRED_SENT);       /* its first answer was lost: sent again */
    assert_int_equal(own_us(&f, 0), two_us + one_us);
    tell(&f, 0, 1, ENGINE_AIRED_REFUSED);
    assert_int_equal(own_us(&f, 0), two_us);
    tell(&f, 0, 1, ENGINE_AIRED_SENT); /* of another try of the server */
    assert_int_equal(own_us(&f, 0), two_us + one_us);
    flow_free(&f);
}

/* Its gateway was away for 50 minutes: the hour begins when it was sent. */
static void a_frame_that_waited_is_charged_when_it_leaves(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 1);
    int64_t one_us = own_us(&f, 0);
    struct engine_event sent = answer_of(&f, 0, 0, ENGINE_AIRED_SENT);
    f.hold_frame = true;
    f.hold_queue = true;
    flow_control(&f, ENGINE_PAUSE);
    flow_wait(&f, MINUTES_US(50));
    flow_step(&f, &sent);
    assert_int_equal(own_us(&f, 0), one_us);
    flow_wait(&f, MINUTES_US(50)); /* forgotten by now, if it had stayed where it was */
    assert_int_equal(own_us(&f, 0), one_us);
    flow_free(&f);
}

static void a_refused_status_request_is_repeated(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 1);
    while (engine_transmission_at(f.engine, 1, 0)->phase != TX_POLL) {
        flow_wait(&f, SECONDS_US(1));
    }
    size_t frames = f.frame_count;
    tell(&f, 0, 0, ENGINE_AIRED_NO_TIME);
    assert_int_equal(engine_transmission_at(f.engine, 1, 0)->phase, TX_SENDING);
    flow_wait(&f, SECONDS_US(101));
    assert_int_equal(f.frame_count, frames + 1);
    assert_int_equal(engine_transmission_at(f.engine, 1, 0)->phase, TX_POLL);
    flow_free(&f);
}

/* The next frame of the only lane is refused as soon as it is handed over. */
static void refuse_next(struct flow *f, enum engine_aired status)
{
    size_t before = f->frame_count;
    while (f->frame_count == before) {
        flow_wait(f, SECONDS_US(1));
    }
    tell(f, 0, 0, status);
}

static void a_gateway_that_refuses_everything_is_told_about_and_not_waited_for(void **s)
{
    (void)s;
    static const enum engine_aired statuses[] = {
        ENGINE_AIRED_REFUSED, ENGINE_AIRED_NO_BUDGET, ENGINE_AIRED_NO_TIME};
    for (size_t k = 0; k < ARRAY_LEN(statuses); k++) {
        struct flow f;
        begin_frames(&f, 1, 0);
        size_t alerts = f.alerts;
        uint16_t planned = target(&f);
        for (size_t told = 1; told <= 12; told++) {
            refuse_next(&f, statuses[k]);
            assert_int_equal(f.alerts, alerts + (told >= 8));
        }
        assert_true(target(&f) <= planned + 7);
        flow_free(&f);
    }
}

static void frames_of_others_are_airtime_of_others(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 1);
    int64_t own_before_us = own_us(&f, 0);
    struct engine_event event = answer_of(&f, 0, 0, ENGINE_AIRED_SENT);
    event.aired.address = 0x01020304;
    flow_step(&f, &event);
    int64_t one_us = others_us(&f, 0);
    assert_true(one_us > 0);
    assert_int_equal(own_us(&f, 0), own_before_us);
    event.aired.status = ENGINE_AIRED_REFUSED; /* not on air */
    flow_step(&f, &event);
    event.aired.status = ENGINE_AIRED_SENT;
    event.aired.gateway = 0x99; /* hears nobody of ours */
    flow_step(&f, &event);
    event.aired.gateway = f.gateways[0];
    event.aired.dr = ENGINE_DR_UNKNOWN;
    flow_step(&f, &event);
    event.aired.dr = 5;
    event.aired.frequency_hz = 1;
    flow_step(&f, &event);
    event.aired.frequency_hz = HZ;
    event.aired.fleet_id = 99;
    flow_step(&f, &event);
    assert_int_equal(others_us(&f, 0), one_us);
    event.aired.fleet_id = 1;
    event.aired.address = 0; /* no data frame: a join, a beacon */
    event.aired.dr = 0;
    flow_step(&f, &event);
    assert_true(others_us(&f, 0) > one_us);
    flow_free(&f);
}

/* The Things Stack: what its Gateway Server counts in the hour, whosever frames they are. */
static void what_a_server_counts_beyond_our_own_is_of_others(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 2);
    flow_wait(&f, SECONDS_US(60));
    int64_t own_before_us = own_us(&f, 0);
    struct engine_event event = {
        .type = ENGINE_EV_AIRTIME,
        .airtime = {.fleet_id = 1,
                    .gateway = f.gateways[0],
                    .min_hz = 869400000,
                    .max_hz = 869650000,
                    .used_ppm = (uint32_t)(own_before_us / 3600)}};
    flow_step(&f, &event);
    assert_int_equal(others_us(&f, 0), 0); /* it is ours */
    event.airtime.used_ppm += 20000;       /* 72 s of others */
    flow_step(&f, &event);
    int64_t told_us = others_us(&f, 0);
    assert_in_range(told_us, SECONDS_US(71), SECONDS_US(73));
    flow_step(&f, &event); /* told twice */
    event.airtime.used_ppm -= 10000;
    flow_step(&f, &event); /* and less of them */
    event.airtime.fleet_id = 99;
    event.airtime.used_ppm = 90000;
    flow_step(&f, &event);
    event.airtime.fleet_id = 1;
    event.airtime.gateway = 0x99; /* hears nobody of ours */
    flow_step(&f, &event);
    event.airtime.gateway = f.gateways[0];
    event.airtime.min_hz = event.airtime.max_hz = 1; /* no sub-band */
    flow_step(&f, &event);
    assert_int_equal(others_us(&f, 0), told_us);
    assert_true(own_us(&f, 0) >= own_before_us);
    flow_free(&f);
}

/* By an uplink: from then on the gateway could be used. */
static void hear(struct flow *f, uint64_t gateway)
{
    static const uint8_t payload[12];
    const struct engine_rx rx = {.gateway = gateway, .snr_cdb = -500};
    struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                 .uplink = {.dev_eui = f->devices[0].dev_eui,
                                            .received = f->now,
                                            .payload = payload,
                                            .payload_len = sizeof(payload),
                                            .rx = &rx,
                                            .rx_count = 1,
                                            .dr = 0,
                                            .fport = 2}};
    flow_step(f, &event);
    flow_wait(f, SECONDS_US(60));
}

/* EU868: K, L and M touch at 865.0 and 868.0 MHz. */
static void a_band_of_a_server_is_not_its_neighbours(void **state)
{
    static const struct {
        const char *name;
        uint32_t min_hz, max_hz;
        uint32_t first_hz; /* of the band that it is booked in, the only one */
    } rows[] = {
        {"K", 863000000, 865000000, 863000000},
        {"L", 865000000, 868000000, 865000000},
        {"M", 868000000, 868600000, 868000000},
        {"a part of L", 866000000, 867000000, 865000000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        flow_init(&f, 1);
        hear(&f, f.gateways[0]);
        struct engine_event event = {.type = ENGINE_EV_AIRTIME,
                                     .airtime = {.fleet_id = 1,
                                                 .gateway = f.gateways[0],
                                                 .min_hz = rows[i].min_hz,
                                                 .max_hz = rows[i].max_hz,
                                                 .used_ppm = 9000}}; /* 32.4 s */
        flow_step(&f, &event);
        int64_t there_us = others_in_us(&f, 0, rows[i].first_hz);
        assert_in_range(there_us, SECONDS_US(32), SECONDS_US(33));
        assert_int_equal(others_us(&f, 0), there_us);
        flow_free(&f);
    }
}

static void gateways_in_use_are_those_of_sessions(void **state)
{
    (void)state;
    struct flow f;
    uint64_t list[4] = {0};
    begin_frames(&f, 2, 1);
    assert_int_equal(engine_gateways_in_use(f.engine, 1, 0, list, 4), 2);
    assert_true(list[0] < list[1]);
    assert_int_equal(engine_gateways_in_use(f.engine, 1, list[0], list, 4), 1);
    assert_int_equal(engine_gateways_in_use(f.engine, 1, 0, list, 1), 1);
    assert_int_equal(engine_gateways_in_use(f.engine, 99, 0, list, 4), 0);
    flow_free(&f);
}

/* Before a restart they were charged; what became of them is not known any more. */
static void answers_to_frames_of_before_a_restart_change_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 3);
    struct engine_event event = answer_of(&f, 0, 0, ENGINE_AIRED_REFUSED);
    flow_restart(&f);
    int64_t before_us = own_us(&f, 0);
    uint16_t before = target(&f);
    flow_step(&f, &event);
    assert_int_equal(own_us(&f, 0), before_us);
    assert_int_equal(others_us(&f, 0), 0);
    assert_int_equal(target(&f), before);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

static void a_gateway_says(struct flow *f, uint64_t gateway, uint32_t fleet, bool online)
{
    struct engine_event event = {
        .type = ENGINE_EV_GATEWAY,
        .gateway = {.fleet_id = fleet, .gateway = gateway, .online = online}};
    flow_step(f, &event);
}

static void link_both(struct flow *f)
{
    flow_init(f, 1);
    f->spec.radio.gateways.count = 0; /* whoever hears the device */
    for (size_t i = 0; i < 2; i++) {
        f->devices[0].link[i] = (struct device_link){.gateway = f->gateways[i],
                                                     .snr_p10_cdb = i == 0 ? 900 : 500,
                                                     .snr_p50_cdb = i == 0 ? 900 : 500,
                                                     .heard_ppk = 1000};
    }
    f->devices[0].link_count = 2;
    f->devices[0].uplinks_heard = 20;
    flow_rebuild(f);
}

static void
a_gateway_that_is_away_is_planned_without_unless_there_is_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool away[2];
        size_t sends;
    } rows[] = {
        {"both there", {false, false}, 0},
        {"the better one away", {true, false}, 1},
        {"both away", {true, true}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        link_both(&f);
        for (size_t k = 0; k < 2; k++) {
            a_gateway_says(&f, f.gateways[k], 1, false);
            a_gateway_says(&f, f.gateways[k], 1, !rows[i].away[k]);
        }
        a_gateway_says(&f, f.gateways[1], 99, false); /* of no fleet of ours */
        flow_apply(&f);
        const struct lane_rec *lane = engine_lane_at(f.engine, 1, 0);
        assert_non_null(lane);
        assert_int_equal(lane->gateway_count, 1);
        assert_int_equal(lane->gateways[0], f.gateways[rows[i].sends]);
        flow_free(&f);
    }
}

static void a_session_is_told_about_when_its_gateway_goes(void **state)
{
    (void)state;
    struct flow f;
    begin_frames(&f, 1, 3);
    size_t alerts = f.alerts;
    a_gateway_says(&f, f.gateways[1], 1, false); /* not its own */
    assert_int_equal(f.alerts, alerts);
    a_gateway_says(&f, f.gateways[0], 1, false);
    assert_int_equal(f.alerts, alerts + 1);
    a_gateway_says(&f, f.gateways[0], 1, true);
    assert_int_equal(f.alerts, alerts + 1);
    flow_free(&f);
}

TEST_MAIN(
    cmocka_unit_test(the_gateway_that_refused_most_decides_how_many_more_are_sent),
    cmocka_unit_test(airtime_is_that_of_what_was_sent_when_it_was_sent),
    cmocka_unit_test(a_frame_that_waited_is_charged_when_it_leaves),
    cmocka_unit_test(a_refused_status_request_is_repeated),
    cmocka_unit_test(a_gateway_that_refuses_everything_is_told_about_and_not_waited_for),
    cmocka_unit_test(frames_of_others_are_airtime_of_others),
    cmocka_unit_test(what_a_server_counts_beyond_our_own_is_of_others),
    cmocka_unit_test(a_band_of_a_server_is_not_its_neighbours),
    cmocka_unit_test(gateways_in_use_are_those_of_sessions),
    cmocka_unit_test(answers_to_frames_of_before_a_restart_change_nothing),
    cmocka_unit_test(a_gateway_that_is_away_is_planned_without_unless_there_is_no_other),
    cmocka_unit_test(a_session_is_told_about_when_its_gateway_goes))
