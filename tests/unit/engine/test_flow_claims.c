/* SPDX-License-Identifier: MIT */
/* Several campaigns want the same device: one of them has it, by priority. */
#include <string.h>

#include "flow_steps.h"

/* A second campaign over device 0, of that priority. */
struct second {
    struct campaign_spec spec;
    uint64_t device;
};

static void apply_second(struct flow *f, struct second *s, uint32_t priority)
{
    s->spec = f->spec;
    s->spec.priority = priority;
    s->device = f->devices[0].dev_eui;
    struct engine_event event = {.type = ENGINE_EV_APPLY,
                                 .apply = {.id = 2,
                                           .spec = &s->spec,
                                           .image = f->image,
                                           .image_len = sizeof(f->image),
                                           .devices = &s->device,
                                           .device_count = 1}};
    flow_step(f, &event);
    flow_wait(f, SECONDS_US(1));
}

static const struct member_rec *rival(const struct flow *f)
{
    return engine_member_find(f->engine, 2, f->devices[0].dev_eui);
}

static void begin_first(struct flow *f)
{
    flow_init(f, 1);
    f->spec.priority = 500;
    flow_apply(f);
}

static void who_is_not_more_important_does_not_get_the_device(void **state)
{
    (void)state;
    for (uint32_t priority = 499; priority <= 500; priority++) {
        struct flow f;
        struct second s;
        begin_first(&f);
        apply_second(&f, &s, priority);
        assert_int_equal(rival(&f)->outcome, OUTCOME_SUPERSEDED);
        assert_int_equal(rival(&f)->reason, REASON_BUSY);
        assert_int_equal(engine_campaign_by_id(f.engine, 2)->phase, CAMPAIGN_COMPLETED);
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_free(&f);
    }
}

static void a_device_that_is_not_begun_with_goes_to_the_more_important(void **state)
{
    (void)state;
    struct flow f;
    struct second s;
    begin_first(&f);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_VERSION);
    apply_second(&f, &s, 501);
    ended(&f, 0, OUTCOME_SUPERSEDED, REASON_OUTRANKED, FW_RESULT_INITIAL);
    assert_in_range(f.flushes, 1, 2); /* the question that was on its way */
    assert_int_equal(rival(&f)->phase, MEMBER_VERSION);
    f.campaign_id = 2;
    flow_walk(&f, 0, MEMBER_ENDED);
    assert_int_equal(rival(&f)->outcome, OUTCOME_SUCCEEDED);
    flow_free(&f);
}

static void a_device_in_the_middle_is_waited_for(void **state)
{
    (void)state;
    struct flow f;
    struct second s;
    begin_first(&f);
    flow_walk(&f, 0, MEMBER_GROUP);
    apply_second(&f, &s, 900);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    assert_int_equal(rival(&f)->phase, MEMBER_PENDING);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_wait(&f, SECONDS_US(1));
    assert_int_not_equal(rival(&f)->phase, MEMBER_PENDING);
    assert_int_equal(rival(&f)->outcome, OUTCOME_NONE);
    flow_free(&f);
}

/* Its next try would keep the more important one waiting. */
static void who_would_try_again_makes_room(void **state)
{
    (void)state;
    struct flow f;
    struct second s;
    begin_first(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    apply_second(&f, &s, 900);
    while (flow_member(&f, 0)->outcome == OUTCOME_NONE) {
        assert_int_equal(rival(&f)->phase, MEMBER_PENDING);
        flow_wait(&f, MINUTES_US(10));
    }
    ended(&f, 0, OUTCOME_SUPERSEDED, REASON_OUTRANKED, FW_RESULT_INITIAL);
    flow_wait(&f, SECONDS_US(1));
    assert_int_not_equal(rival(&f)->phase, MEMBER_PENDING);
    flow_free(&f);
}

static void who_waits_may_be_aborted(void **state)
{
    (void)state;
    struct flow f;
    struct second s;
    begin_first(&f);
    flow_walk(&f, 0, MEMBER_GROUP);
    apply_second(&f, &s, 900);
    f.campaign_id = 2;
    flow_control(&f, ENGINE_ABORT);
    assert_int_equal(rival(&f)->outcome, OUTCOME_CANCELLED);
    f.campaign_id = 1;
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* In whatever order the rows come, the device is with who was under way. */
static void after_a_restart_the_same_campaign_has_the_device(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct flow f;
        struct second s;
        begin_first(&f);
        flow_walk(&f, 0, MEMBER_GROUP);
        struct campaign_rec first = *engine_campaign_by_id(f.engine, 1);
        apply_second(&f, &s, 900);
        struct member_rec members[] = {*flow_member(&f, 0), *rival(&f)};
        struct campaign_rec second = *engine_campaign_by_id(f.engine, 2);
        struct engine_campaign def = {.id = 1,
                                      .spec = &f.spec,
                                      .image = f.image,
                                      .image_len = sizeof(f.image),
                                      .devices = &s.device,
                                      .device_count = 1};
        flow_rebuild(&f);
        assert_int_equal(engine_restore_campaign(f.engine, &def, &first), FUO_OK);
        def.id = 2;
        def.spec = &s.spec;
        assert_int_equal(engine_restore_campaign(f.engine, &def, &second), FUO_OK);
        assert_int_equal(engine_restore_transmission(f.engine, &f.transmission), FUO_OK);
        assert_int_equal(engine_restore_lane(f.engine, &f.lane), FUO_OK);
        assert_int_equal(engine_restore_member(f.engine, &members[order]), FUO_OK);
        assert_int_equal(engine_restore_member(f.engine, &members[1 - order]), FUO_OK);
        engine_resume(f.engine, (struct instant){f.now.us}, f.now, &f.effects);
        flow_wait(&f, SECONDS_US(1));
        flow_walk(&f, 0, MEMBER_ENDED);
        ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
        flow_wait(&f, SECONDS_US(1));
        assert_int_not_equal(rival(&f)->phase, MEMBER_PENDING);
        flow_free(&f);
    }
}

TEST_MAIN(cmocka_unit_test(who_is_not_more_important_does_not_get_the_device),
          cmocka_unit_test(a_device_that_is_not_begun_with_goes_to_the_more_important),
          cmocka_unit_test(a_device_in_the_middle_is_waited_for),
          cmocka_unit_test(who_would_try_again_makes_room),
          cmocka_unit_test(who_waits_may_be_aborted),
          cmocka_unit_test(after_a_restart_the_same_campaign_has_the_device))
