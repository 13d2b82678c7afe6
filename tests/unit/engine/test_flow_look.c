/* SPDX-License-Identifier: MIT */
/* Looks at a session for few before all of it is sent, and lanes that nobody needs any more. */
#include <stdio.h>

#include "airtime_used.h"
#include "codec/frag.h"
#include "flow_steps.h"

enum { M = 100, FIRST_LOOK = 24, SECOND_LOOK = 36 };

static void link_to(struct flow *f, size_t device, uint64_t gateway)
{
    f->devices[device].link_count = 1;
    f->devices[device].uplinks_heard = 20;
    f->devices[device].link[0] = (struct device_link){
        .gateway = gateway, .snr_p10_cdb = 480, .snr_p50_cdb = 800, .heard_ppk = 1000};
}

/* Devices in turn at one of two gateways; all have agreed. */
static void begin_at_two(struct flow *f, size_t devices, uint8_t ts004)
{
    flow_init(f, devices);
    for (size_t i = 0; i < devices; i++) {
        link_to(f, i, f->gateways[i % 2]);
        f->devices[i].package_version[3] = ts004;
    }
    flow_rebuild(f);
    f->spec.radio.gateways.count = 0;
    f->spec.radio.spacing_us = SECONDS_US(10);
    f->spec.fragmentation.size_bytes = sizeof(f->image) / M;
    flow_apply(f);
    for (size_t i = 0; i < devices; i++) {
        flow_walk(f, i, MEMBER_LISTENING);
    }
}

static void tell(struct flow *f, size_t device, unsigned received, unsigned missing)
{
    char hex[16];
    snprintf(hex, sizeof(hex), "01%02x%02x%02x00", received & 0xff, received >> 8,
             missing < FRAG_MISSING_SATURATED ? missing : FRAG_MISSING_SATURATED);
    flow_uplink(f, device, 201, hex);
}

/* For the next status request to all. */
static void wait_for_look(struct flow *f)
{
    size_t before = f->frame_count;
    while (f->frame_count == before || f->last_frame.multicast.payload[0] != 0x01) {
        flow_wait(f, SECONDS_US(1));
    }
}

static bool is_listening(const struct flow *f, size_t device)
{
    return flow_member(f, device)->phase == MEMBER_LISTENING;
}

static void who_loses_too_much_is_not_sent_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t ts004;
        unsigned received;
        unsigned missing;
        bool stays;
    } rows[] = {
        {"all heard, counts what is left", 2, 24, M - 24, true},
        {"a few lost, counts what is left", 2, 20, M - 20, true},
        {"nothing heard", 2, 1, M - 1, false},
        {"all heard, tells the last index and what is lost", 1, 24, 0, true},
        {"one lost, tells the last index and what is lost", 1, 24, 1, true},
        {"most lost, tells the last index and what is lost", 1, 24, 15, false},
        {"the last index is far back", 1, 6, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_at_two(&f, 1, rows[i].ts004);
        wait_for_look(&f);
        assert_int_equal(f.transmission.next_n, FIRST_LOOK + 1);
        tell(&f, 0, rows[i].received, rows[i].missing);
        assert_true(is_listening(&f, 0)); /* nothing is said of the block */
        flow_wait(&f, MINUTES_US(2));
        assert_int_equal(is_listening(&f, 0), rows[i].stays);
        flow_wait(&f, MINUTES_US(2));
        assert_int_equal(f.transmission.next_n > FIRST_LOOK + 1, rows[i].stays);
        flow_free(&f);
    }
}

static void all_are_asked_not_only_who_misses_something(void **state)
{
    (void)state;
    struct flow f;
    begin_at_two(&f, 1, 2);
    wait_for_look(&f);
    struct frag_status_req req;
    assert_int_equal(frag_status_req_decode(2, f.last_frame.multicast.payload + 1,
                                            f.last_frame.multicast.payload_len - 1U,
                                            &req),
                     FUO_OK);
    assert_true(req.all_participants);
    flow_free(&f);
}

static void who_never_answers_is_given_up_after_some_requests(void **state)
{
    (void)state;
    struct flow f;
    begin_at_two(&f, 1, 2);
    wait_for_look(&f);
    wait_for_look(&f);
    assert_true(is_listening(&f, 0)); /* once may be bad luck */
    while (is_listening(&f, 0)) {
        flow_wait(&f, SECONDS_US(1));
    }
    assert_in_range(f.transmission.next_n, FIRST_LOOK + 1, M - FIRST_LOOK);
    flow_free(&f);
}

static void who_is_silent_beside_another_that_answers_stays(void **state)
{
    (void)state;
    struct flow f;
    begin_at_two(&f, 2, 2);
    while (f.transmission.next_n <= M) {
        flow_wait(&f, SECONDS_US(1));
        if (f.transmission.phase == TX_POLL && f.transmission.next_n <= M) {
            tell(&f, 0, f.transmission.next_n - 1U, M + 1U - f.transmission.next_n);
        }
    }
    assert_true(is_listening(&f, 1));
    flow_free(&f);
}

static void who_answers_is_looked_at_again_much_later(void **state)
{
    (void)state;
    static const unsigned places[] = {24, 36, 54};
    struct flow f;
    begin_at_two(&f, 1, 2);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        wait_for_look(&f);
        assert_int_equal(f.transmission.next_n, places[i] + 1);
        tell(&f, 0, places[i], M - places[i]);
    }
    wait_for_look(&f); /* too near the end for another look: all is sent */
    assert_true(f.transmission.next_n > M);
    tell(&f, 0, M, 0);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* A decoder that mends a tenth: six of 36 are more, and may just become a tenth in the end. */
static void what_is_left_is_not_sent_for_those_only_who_will_hardly_have_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t devices;
        unsigned lost;
        bool stays;
    } rows[] = {
        {"about as many as it mends, alone", 1, 4, true},
        {"somewhat more, alone", 1, 6, false},
        {"somewhat more, beside one that hears all", 2, 6, true},
        {"far more, beside one that hears all", 2, 9, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_at_two(&f, rows[i].devices, 1);
        f.spec.retry.device = 3;
        wait_for_look(&f);
        for (size_t d = 0; d < rows[i].devices; d++) {
            tell(&f, d, FIRST_LOOK, 0);
        }
        wait_for_look(&f);
        tell(&f, 0, SECOND_LOOK, rows[i].lost);
        if (rows[i].devices > 1) {
            tell(&f, 1, SECOND_LOOK, 0);
        }
        flow_wait(&f, MINUTES_US(4));
        assert_int_equal(is_listening(&f, 0), rows[i].stays);
        flow_free(&f);
    }
}

static void a_lane_is_left_out_with_the_last_device_that_needs_it(void **state)
{
    (void)state;
    struct flow f;
    begin_at_two(&f, 2, 2);
    assert_int_equal(f.open_count, 2);
    wait_for_look(&f);
    for (uint8_t l = 0; l < 2; l++) {
        assert_false(engine_lane_at(f.engine, 1, l)->lost);
    }
    tell(&f, 0, FIRST_LOOK, M - FIRST_LOOK);
    tell(&f, 1, 1, M - 1);
    flow_wait(&f, MINUTES_US(2));
    for (uint8_t l = 0; l < 2; l++) {
        const struct lane_rec *lane = engine_lane_at(f.engine, 1, l);
        assert_int_equal(lane->lost, lane->gateways[0] == f.gateways[1]);
    }
    wait_for_look(&f); /* the other goes on */
    assert_true(f.transmission.next_n > FIRST_LOOK + 1);
    flow_free(&f);
}

static void a_lane_that_nobody_agreed_to_listen_to_sends_nothing(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    for (size_t i = 0; i < 2; i++) {
        link_to(&f, i, f.gateways[i]);
    }
    f.config.groups_max = 4;
    flow_rebuild(&f);
    f.spec.radio.gateways.count = 0;
    flow_apply(&f);
    assert_int_equal(f.open_count, 2);
    flow_walk(&f, 0, MEMBER_LISTENING); /* the other is never heard */
    while (f.transmission.next_n < 5) {
        flow_wait(&f, SECONDS_US(1));
    }
    for (uint8_t l = 0; l < 2; l++) {
        const struct lane_rec *lane = engine_lane_at(f.engine, 1, l);
        bool used = lane->gateways[0] == f.gateways[0];
        assert_int_equal(lane->lost, !used);
        assert_int_equal(lane->frames_handed > 0, used);
    }
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_wait(&f, HOURS_US(12));
    assert_int_equal(f.group.id, 1); /* all of its counters are known: it is kept */
    assert_true(f.group.f_cnt > 5);
    flow_free(&f);
}

enum { CHAIN = 3, HZ = 869525000 };

static uint64_t chained(const struct flow *f, size_t i)
{
    return f->gateways[0] + i;
}

static void link_chained(struct flow *f, size_t device, size_t first, size_t count)
{
    int16_t snr_cdb = count == 1 ? 800 : -1600; /* two such are needed */
    f->devices[device].link_count = (uint8_t)count;
    f->devices[device].uplinks_heard = 20;
    for (size_t i = 0; i < count; i++) {
        f->devices[device].link[i] =
            (struct device_link){.gateway = chained(f, first + i),
                                 .snr_p10_cdb = (int16_t)(snr_cdb - 320),
                                 .snr_p50_cdb = snr_cdb,
                                 .heard_ppk = 1000};
    }
}

/*
 * Who hears the first two gateways and who hears the last two need both; so the first and the
 * last may send at once, in one lane, and the one between them has a lane of its own. Only
 * devices from `agreeing` on agree; the first two need the first gateway.
 */
static void begin_at_chain(struct flow *f, bool names_gateways, size_t agreeing)
{
    flow_init(f, 4);
    link_chained(f, 0, 0, 1);
    link_chained(f, 1, 0, 2);
    link_chained(f, 2, 1, 2);
    link_chained(f, 3, 2, 1);
    f->timing = ENGINE_TIMING_ABSOLUTE;
    f->names_gateways = names_gateways;
    flow_rebuild(f);
    f->spec.radio.gateways.count = 0;
    f->spec.radio.dr = 5;
    f->spec.radio.spacing_us = SECONDS_US(10);
    f->spec.fragmentation.size_bytes = sizeof(f->image) / M;
    flow_apply(f);
    for (size_t i = agreeing; i < 4; i++) {
        flow_walk(f, i, MEMBER_LISTENING);
    }
    while (f->transmission.next_n < 5) {
        flow_wait(f, SECONDS_US(1));
    }
}

/* The lane that begins with two gateways. */
static const struct lane_rec *lane_of_two(const struct flow *f)
{
    const struct lane_rec *first = engine_lane_at(f->engine, 1, 0);
    const struct lane_rec *second = engine_lane_at(f->engine, 1, 1);
    bool between = first->gateways[0] == chained(f, 1);
    return between ? second : first;
}

static void
of_a_lane_gateways_that_nobody_needs_are_left_out_if_frames_name_them(void **state)
{
    (void)state;
    int64_t used_us[2]; /* of the first: commands, and frames unless it is left out */
    for (int named = 0; named < 2; named++) {
        struct flow f;
        test_row(named ? "the frame names them" : "the server knows them");
        begin_at_chain(&f, named != 0, 2);
        assert_int_equal(f.open_count, 2);
        const struct lane_rec *lane = lane_of_two(&f);
        assert_int_equal(lane->gateway_count, named ? 1 : 2);
        assert_int_equal(lane->gateways[0], chained(&f, named ? 2 : 0));
        assert_int_equal(lane->gateways[1], named ? 0 : chained(&f, 2));
        used_us[named] = airtime_used_us(f.engine, chained(&f, 0), HZ, f.now);
        uint64_t in_use[CHAIN] = {0};
        assert_int_equal(engine_gateways_in_use(f.engine, 1, 0, in_use, CHAIN),
                         named ? CHAIN - 1 : CHAIN);
        assert_int_equal(in_use[0], chained(&f, named ? 1 : 0));
        flow_control(&f, ENGINE_ABORT);
        flow_wait(&f, HOURS_US(12));
        assert_int_equal(engine_gateways_in_use(f.engine, 1, 0, in_use, CHAIN), 0);
        flow_free(&f);
    }
    assert_true(used_us[1] < used_us[0]);
}

static struct engine_event refused_by(const struct flow *f, uint64_t gateway)
{
    const struct transmission_rec *t = engine_transmission_at(f->engine, 1, 0);
    const struct lane_rec *l = lane_of_two(f);
    return (struct engine_event){
        .type = ENGINE_EV_AIRED,
        .aired = {.fleet_id = 1,
                  .address = t->mc_addr,
                  .gateway = gateway,
                  .frequency_hz = HZ,
                  .f_cnt = (uint16_t)(l->f_cnt_base + l->frames_handed - 1),
                  .dr = t->dr,
                  .phy_len = 60,
                  .status = ENGINE_AIRED_REFUSED}};
}

static void what_gateways_say_is_of_those_that_are_left(void **state)
{
    (void)state;
    struct flow f;
    begin_at_chain(&f, true, 2);
    uint16_t target_n = f.transmission.target_n;
    struct engine_event event = refused_by(&f, chained(&f, 0));
    flow_step(&f, &event);
    assert_int_equal(f.transmission.target_n, target_n);
    event = refused_by(&f, chained(&f, 2));
    flow_step(&f, &event);
    assert_int_equal(f.transmission.target_n, target_n + 1);
    flow_step(&f, &event); /* told twice */
    assert_int_equal(f.transmission.target_n, target_n + 1);
    flow_free(&f);
}

/* The first is left out at a look; what it refused is not counted on for the last. */
static void what_was_refused_stays_with_the_gateway(void **state)
{
    (void)state;
    struct flow f;
    begin_at_chain(&f, true, 0);
    assert_int_equal(lane_of_two(&f)->gateway_count, 2);
    uint16_t target_n = f.transmission.target_n;
    for (uint16_t i = 1; i <= 2; i++) {
        struct engine_event event = refused_by(&f, chained(&f, 0));
        flow_step(&f, &event);
        assert_int_equal(f.transmission.target_n, target_n + i);
        flow_wait(&f, SECONDS_US(20));
    }
    wait_for_look(&f);
    for (size_t i = 0; i < 4; i++) {
        tell(&f, i, i < 2 ? 1 : FIRST_LOOK, i < 2 ? M - 1 : M - FIRST_LOOK);
    }
    flow_wait(&f, MINUTES_US(2));
    assert_int_equal(lane_of_two(&f)->gateway_count, 1);
    struct engine_event event = refused_by(&f, chained(&f, 2));
    flow_step(&f, &event);
    assert_int_equal(f.transmission.target_n, target_n + 2); /* its first one */
    flow_free(&f);
}

static void set_online(struct flow *f, uint64_t gateway, bool online)
{
    struct engine_event event = {
        .type = ENGINE_EV_GATEWAY,
        .gateway = {.fleet_id = 1, .gateway = gateway, .online = online}};
    flow_step(f, &event);
}

static bool has_gateway(const struct lane_rec *lane, uint64_t gateway)
{
    uint8_t k = 0;
    while (k < lane->gateway_count && lane->gateways[k] != gateway) {
        k++;
    }
    return k < lane->gateway_count;
}

/* Frames go out there yet. */
static bool sends(const struct flow *f, uint64_t gateway)
{
    for (uint8_t l = 0; l < engine_transmission_at(f->engine, 1, 0)->lane_count; l++) {
        const struct lane_rec *lane = engine_lane_at(f->engine, 1, l);
        if (!lane->lost && has_gateway(lane, gateway)) {
            return true;
        }
    }
    return false;
}

/*
 * Three gateways, each the only one of a device; another device hears the first two well.
 * That one agrees, or the one of the first, and that of the last. Then a gateway loses its
 * server.
 */
static void a_gateway_that_is_away_is_no_reason_to_leave_out_another(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t agrees;
        size_t away;
        size_t sends;
    } rows[] = {
        {"the first is away, the second is there", 1, 0, 1},
        {"the second is away, the first is there", 1, 1, 0},
        {"there is no other one", 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        struct flow f;
        size_t row = i / 2;
        test_row(rows[row].name);
        flow_init(&f, 4);
        link_chained(&f, 0, 0, 1);
        link_chained(&f, 1, 0, 2);
        link_chained(&f, 2, 1, 1);
        link_chained(&f, 3, 2, 1);
        for (size_t k = 0; k < 2; k++) {
            f.devices[1].link[k].snr_p10_cdb = 480;
            f.devices[1].link[k].snr_p50_cdb = 800;
        }
        f.timing = ENGINE_TIMING_ABSOLUTE;
        f.names_gateways = i % 2 != 0;
        flow_rebuild(&f);
        f.spec.radio.gateways.count = 0;
        f.spec.radio.spacing_us = SECONDS_US(10);
        flow_apply(&f);
        flow_walk(&f, rows[row].agrees, MEMBER_LISTENING);
        flow_walk(&f, 3, MEMBER_LISTENING);
        set_online(&f, chained(&f, rows[row].away), false);
        while (f.transmission.next_n < 5) {
            flow_wait(&f, SECONDS_US(1));
        }
        assert_true(sends(&f, chained(&f, rows[row].sends)));
        assert_true(sends(&f, chained(&f, 2)));
        flow_free(&f);
    }
}

TEST_MAIN(
    cmocka_unit_test(who_loses_too_much_is_not_sent_the_rest),
    cmocka_unit_test(all_are_asked_not_only_who_misses_something),
    cmocka_unit_test(who_never_answers_is_given_up_after_some_requests),
    cmocka_unit_test(who_is_silent_beside_another_that_answers_stays),
    cmocka_unit_test(who_answers_is_looked_at_again_much_later),
    cmocka_unit_test(what_is_left_is_not_sent_for_those_only_who_will_hardly_have_it),
    cmocka_unit_test(a_lane_is_left_out_with_the_last_device_that_needs_it),
    cmocka_unit_test(a_lane_that_nobody_agreed_to_listen_to_sends_nothing),
    cmocka_unit_test(
        of_a_lane_gateways_that_nobody_needs_are_left_out_if_frames_name_them),
    cmocka_unit_test(what_gateways_say_is_of_those_that_are_left),
    cmocka_unit_test(what_was_refused_stays_with_the_gateway),
    cmocka_unit_test(a_gateway_that_is_away_is_no_reason_to_leave_out_another))
