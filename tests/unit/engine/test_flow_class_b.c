/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: sessions in ping slots. */
#include <string.h>

#include "codec/mcast.h"
#include "flow_steps.h"

enum { PERIOD_S = 8 };

static void in_slots_of(struct flow *f, enum engine_timing timing,
                        const struct profile *profile)
{
    flow_init(f, 1);
    f->profiles[0] = profile;
    f->timing = timing;
    flow_rebuild(f);
    f->spec.radio.device_class = 'B';
    f->spec.radio.ping_slot_periodicity = 3;
    f->spec.radio.gateways.count = 2;
    flow_apply(f);
}

static void in_slots(struct flow *f, enum engine_timing timing)
{
    in_slots_of(f, timing, NULL);
}

/* Whatever else the server can do with times: it knows its ping slots, the engine does not. */
static void all_gateways_are_one_lane_and_frames_have_no_time(void **state)
{
    static const enum engine_timing timings[] = {ENGINE_TIMING_QUEUE,
                                                 ENGINE_TIMING_ABSOLUTE};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(timings); i++) {
        struct flow f;
        in_slots(&f, timings[i]);
        flow_walk(&f, 0, MEMBER_LISTENING);
        assert_int_equal(f.open_count, 1);
        assert_int_equal(f.last_open.group.gateway_count, 2);
        assert_int_equal(f.last_open.group.device_class, 'B');
        assert_int_equal(f.last_open.group.ping_slot_periodicity, 3);
        assert_int_equal(f.transmission.lane_count, 1);
        assert_int_equal(f.transmission.colour_count, 1);
        assert_int_equal(f.transmission.interval_us, SECONDS_US(PERIOD_S));
        while (f.frame_count < 4) {
            flow_wait(&f, SECONDS_US(1));
        }
        assert_int_equal(f.last_frame.multicast.at.us, 0);
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

/* What counts against budgets is the time in which its receiver is on. */
static void a_device_listens_in_its_slots_only(void **state)
{
    struct flow f;
    (void)state;
    in_slots(&f, ENGINE_TIMING_QUEUE);
    flow_walk(&f, 0, MEMBER_LISTENING);
    int64_t begin_us = f.transmission.session_start.us;
    flow_walk(&f, 0, MEMBER_UPGRADE);
    int64_t session_s = (f.now.us - begin_us) / SECONDS_US(1);
    assert_true(session_s > INT64_C(10) * PERIOD_S);
    flow_walk(&f, 0, MEMBER_ENDED);
    assert_in_range(flow_member(&f, 0)->listened_s, 1, session_s / 2);
    flow_free(&f);
}

/* TS005 v2.0.0, 4.5: SessionTime is a multiple of 128 s, TimeOut counts 128 s. */
static void the_session_starts_with_a_beacon(void **state)
{
    struct mc_session_req req;
    struct flow f;
    (void)state;
    in_slots(&f, ENGINE_TIMING_QUEUE);
    flow_walk(&f, 0, MEMBER_SESSION);
    const struct effect *sent = &f.last_send[0];
    assert_int_equal(sent->send.payload[0], MC_CID_CLASS_B_SESSION);
    assert_int_equal(mc_class_b_req_decode(f.transmission.ts005, sent->send.payload + 1,
                                           sent->send.payload_len - 1u, &req),
                     FUO_OK);
    assert_int_equal(req.session_time.s % 128, 0);
    assert_int_equal(req.periodicity_exp, 3);
    assert_int_equal(req.frequency_hz, 869525000);
    assert_int_equal(gps_from_utc(f.transmission.session_start).s, req.session_time.s);
    int64_t lasts_us = f.transmission.session_end.us - f.transmission.session_start.us;
    assert_int_equal(lasts_us, SECONDS_US(128) << req.timeout_exp);
    flow_free(&f);
}

/* Its session would be another one than it is told. */
static void who_has_no_class_b_is_not_asked_for_it(void **state)
{
    static const struct profile profiles[] = {{.class_b = PROFILE_CLASS_B_SPEC},
                                              {.class_b = PROFILE_CLASS_B_AS_C},
                                              {.class_b = PROFILE_CLASS_B_NONE}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        struct flow f;
        in_slots_of(&f, ENGINE_TIMING_QUEUE, &profiles[i]);
        if (i == 0) {
            flow_walk(&f, 0, MEMBER_ENDED);
            ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        } else {
            flow_walk(&f, 0, MEMBER_VERSION);
            ended(&f, 0, OUTCOME_FAILED, REASON_NO_CLASS_B,
                  FW_RESULT_UNSUPPORTED_PROTOCOL);
        }
        flow_free(&f);
    }
}

/* One frame of a slot that is late, and those that may wait: no more are handed over. */
static void frames_that_wait_for_their_slots_are_few(void **state)
{
    struct flow f;
    (void)state;
    in_slots(&f, ENGINE_TIMING_ABSOLUTE);
    flow_walk(&f, 0, MEMBER_LISTENING);
    while (f.frame_count == 0) {
        flow_wait(&f, SECONDS_US(1));
    }
    f.queued = 3;
    size_t frames = f.frame_count;
    flow_wait(&f, MINUTES_US(5));
    assert_in_range(f.frame_count - frames, 0, 4);
    assert_true(f.poll_count > 0);
    f.queued = 0;
    flow_walk(&f, 0, MEMBER_ENDED);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(a_device_listens_in_its_slots_only),
          cmocka_unit_test(all_gateways_are_one_lane_and_frames_have_no_time),
          cmocka_unit_test(the_session_starts_with_a_beacon),
          cmocka_unit_test(who_has_no_class_b_is_not_asked_for_it),
          cmocka_unit_test(frames_that_wait_for_their_slots_are_few))
