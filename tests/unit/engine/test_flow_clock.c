/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: who sets the clocks of devices. */
#include "flow_steps.h"
#include "profile/shipped.h"

#define CLOCK_FPORT 202

static void who_asks_for_the_time_is_answered_by_one(void **state)
{
    (void)state;
    for (int server = 0; server < 2; server++) {
        struct flow f;
        flow_init(&f, 1);
        f.server_clock = server == 1;
        size_t before = f.send_count[0];
        flow_uplink(&f, 0, CLOCK_FPORT, "010000000001");
        assert_int_equal(f.send_count[0] - before, 1 - server);
        assert_true(server == 1 || f.last_send[0].send.fport == CLOCK_FPORT);
        flow_free(&f);
    }
}

/* Its answer to the session says that its clock is wrong. */
static void begin_wrong(struct flow *f, bool server_clock)
{
    flow_init(f, 1);
    f->profiles[0] = profile_shipped("st-v2");
    flow_rebuild(f);
    flow_apply(f);
    flow_walk(f, 0, MEMBER_SESSION);
    f->server_clock = server_clock;
    flow_uplink(f, 0, 200, "0410");
    assert_int_equal(flow_member(f, 0)->phase, MEMBER_RESYNC);
}

static void a_clock_that_the_server_sets_is_not_resynchronised(void **state)
{
    (void)state;
    struct flow f;
    begin_wrong(&f, false);
    assert_int_equal(f.last_send[0].send.fport, CLOCK_FPORT);
    flow_free(&f);

    begin_wrong(&f, true);
    assert_int_equal(f.last_send[0].send.fport, 200);
    size_t sends = f.send_count[0];
    flow_uplink(&f, 0, CLOCK_FPORT, "010000000001"); /* the server answers */
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_SESSION);
    assert_int_equal(f.send_count[0], sends + 1);
    assert_int_equal(f.last_send[0].send.fport, 200);
    flow_free(&f);
}

static void who_does_not_ask_the_server_is_asked_again_all_the_same(void **state)
{
    (void)state;
    struct flow f;
    begin_wrong(&f, true);
    flow_noise(&f, 0);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_SESSION);
    assert_int_equal(f.last_send[0].send.fport, 200);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(who_asks_for_the_time_is_answered_by_one),
          cmocka_unit_test(a_clock_that_the_server_sets_is_not_resynchronised),
          cmocka_unit_test(who_does_not_ask_the_server_is_asked_again_all_the_same))
