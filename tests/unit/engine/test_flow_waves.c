/* SPDX-License-Identifier: MIT */
/* Waves: who begins when, what a gate does, and that a restart changes nothing of it. */
#include <string.h>

#include "flow_steps.h"

#define PCT(n) ((n) * (SPEC_PPM / 100))

static const struct spec_wave two_waves[] = {
    {.name = "canary",
     .success_ppm = PCT(95),
     .abort_failed_ppm = PCT(50),
     .abort_attempted = 2,
     .soak_us = HOURS_US(24)},
    {.name = "rest",
     .success_ppm = PCT(95),
     .abort_failed_ppm = PCT(50),
     .abort_attempted = 2},
};

/* Devices 0 and 1 are canaries, 2 and 3 the rest. */
static const uint8_t two_and_two[] = {0, 0, 1, 1};

static struct spec_wave waves[3];

static void prepare(struct flow *f)
{
    flow_init(f, ARRAY_LEN(two_and_two));
    memcpy(waves, two_waves, sizeof(two_waves));
    f->spec.rollout.waves = waves;
    f->spec.rollout.wave_count = 2;
    f->spec.rollout.unknown_counts_as_failed = true;
    f->spec.retry.device = 1;
    f->wave_of = two_and_two;
}

static void begin_waves(struct flow *f)
{
    prepare(f);
    flow_apply(f);
}

static const struct wave_rec *wave(const struct flow *f, size_t no)
{
    return engine_wave_at(f->engine, f->campaign_id, no, NULL);
}

static enum campaign_phase phase(const struct flow *f)
{
    return engine_campaign_by_id(f->engine, f->campaign_id)->phase;
}

static const char *reason(const struct flow *f)
{
    return engine_campaign_by_id(f->engine, f->campaign_id)->reason;
}

static void fail_both(struct flow *f, size_t first)
{
    static const enum member_phase steps[] = {MEMBER_READY, MEMBER_SET_UP,
                                              MEMBER_LISTENING};
    for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
        flow_walk(f, first, steps[k]);
        flow_walk(f, first + 1, steps[k]);
    }
    flow_refuse(f, first);
    if (flow_member(f, first + 1)->outcome == OUTCOME_NONE &&
        phase(f) != CAMPAIGN_PAUSED) {
        flow_refuse(f, first + 1);
    }
}

static void approve(struct flow *f, uint8_t wave_no)
{
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = 1, .verb = ENGINE_APPROVE, .wave = wave_no}};
    flow_step(f, &event);
}

static void later_waves_wait_for_the_ones_before(void **state)
{
    (void)state;
    struct flow f;
    struct campaign_counts counts;
    struct wave_counts canaries;
    begin_waves(&f);
    assert_int_equal(wave(&f, 0)->phase, WAVE_RUNNING);
    assert_int_equal(wave(&f, 1)->phase, WAVE_PENDING);
    assert_null(wave(&f, 2));
    for (size_t i = 2; i < 4; i++) {
        flow_noise(&f, i);
        assert_int_equal(flow_member(&f, i)->phase, MEMBER_PENDING);
        assert_int_equal(f.send_count[i], 0);
    }
    engine_campaign_counts(f.engine, 1, &counts);
    assert_int_equal(counts.total, 4);
    assert_int_equal(counts.pending, 2);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    engine_wave_at(f.engine, 1, 0, &canaries);
    assert_int_equal(canaries.total, 2);
    assert_int_equal(canaries.attempted, 2);
    assert_int_equal(canaries.succeeded, 2);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    assert_int_equal(wave(&f, 0)->verdict, WAVE_SUCCEEDED);
    flow_wait(&f, HOURS_US(23));
    assert_int_equal(f.send_count[2] + f.send_count[3], 0);
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(wave(&f, 0)->phase, WAVE_DONE);
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    flow_walk_all(&f, 2, 2, MEMBER_ENDED);
    assert_int_equal(phase(&f), CAMPAIGN_COMPLETED);
    assert_int_equal(wave(&f, 1)->phase, WAVE_DONE);
    assert_int_equal(wave(&f, 1)->verdict, WAVE_SUCCEEDED);
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(engine_deadline(f.engine).us, INSTANT_NEVER.us);
    flow_free(&f);
}

/* The daemon puts the content of an edited file in the place of the spec. */
static void an_edited_campaign_is_judged_by_what_its_spec_says_now(void **state)
{
    (void)state;
    struct spec_wave edited[2];
    struct flow f;
    begin_waves(&f);
    memcpy(edited, two_waves, sizeof(two_waves));
    f.spec.rollout.waves = edited;
    memset(waves, 0, sizeof(waves));
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    flow_wait(&f, HOURS_US(24));
    fail_both(&f, 2);
    assert_string_equal(reason(&f), "wave rest failed: 1 of 2 attempted devices failed");
    flow_free(&f);
}

static void a_restart_at_any_point_changes_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    flow_restart(&f);
    assert_int_equal(flow_member(&f, 2)->phase, MEMBER_PENDING);
    flow_walk(&f, 0, MEMBER_READY);
    flow_walk(&f, 1, MEMBER_READY);
    flow_restart(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    flow_wait(&f, HOURS_US(12));
    flow_restart(&f);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    flow_wait(&f, HOURS_US(11));
    assert_int_equal(f.send_count[2], 0);
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    flow_restart(&f);
    flow_walk_all(&f, 2, 2, MEMBER_ENDED);
    assert_int_equal(phase(&f), CAMPAIGN_COMPLETED);
    flow_restart(&f);
    struct wave_counts rest;
    assert_int_equal(engine_wave_at(f.engine, 1, 1, &rest)->phase, WAVE_DONE);
    assert_int_equal(rest.succeeded, 2);
    assert_int_equal(rest.attempted, 2);
    flow_free(&f);
}

/* The daemon died when the wave was running and not all of its members had been let in. */
static void members_that_were_not_let_in_before_a_restart_are_then(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    f.members[1].phase = MEMBER_PENDING;
    flow_restart(&f);
    assert_int_not_equal(flow_member(&f, 1)->phase, MEMBER_PENDING);
    assert_int_equal(flow_member(&f, 2)->phase, MEMBER_PENDING);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    flow_free(&f);
}

static void a_wave_with_too_many_failures_holds_the_campaign(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    fail_both(&f, 0);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_string_equal(reason(&f),
                        "wave canary failed: 1 of 2 attempted devices failed");
    assert_int_equal(wave(&f, 0)->phase, WAVE_HELD);
    assert_int_equal(wave(&f, 0)->verdict, WAVE_BROKEN);
    assert_int_equal(f.alerts, 1);
    flow_restart(&f);
    flow_wait(&f, DAYS_US(3));
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_int_equal(flow_member(&f, 2)->phase, MEMBER_PENDING);
    /* The operator knows better: the gate does not trip again, and the second one counts. */
    flow_control(&f, ENGINE_RESUME);
    assert_int_equal(wave(&f, 0)->phase, WAVE_RUNNING);
    assert_true(wave(&f, 0)->waived);
    flow_refuse(&f, 1);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    flow_wait(&f, HOURS_US(24));
    flow_walk_all(&f, 2, 2, MEMBER_ENDED);
    assert_int_equal(phase(&f), CAMPAIGN_COMPLETED);
    assert_int_equal(wave(&f, 0)->verdict, WAVE_BROKEN);
    flow_free(&f);
}

static void a_wave_that_ends_badly_needs_an_approval_to_go_on(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    waves[0].abort_attempted = 20;
    flow_apply(&f);
    fail_both(&f, 0);
    flow_wait(&f, SECONDS_US(1));
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_string_equal(reason(&f),
                        "wave canary failed: 0 of 2 attempted devices succeeded");
    assert_int_equal(wave(&f, 0)->verdict, WAVE_FAILED);
    approve(&f, ENGINE_WAVE_NEXT);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    approve(&f, ENGINE_WAVE_NEXT); /* nothing waits */
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    flow_free(&f);
}

static void on_failure_abort_cancels_the_rest(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    f.spec.rollout.on_failure = SPEC_FAIL_ABORT;
    flow_apply(&f);
    fail_both(&f, 0);
    flow_wait(&f, DAYS_US(2));
    assert_int_equal(phase(&f), CAMPAIGN_ABORTED);
    assert_string_equal(reason(&f),
                        "wave canary failed: 1 of 2 attempted devices failed");
    assert_int_equal(wave(&f, 0)->phase, WAVE_CANCELLED);
    assert_int_equal(wave(&f, 1)->phase, WAVE_CANCELLED);
    ended(&f, 2, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
    assert_int_equal(f.send_count[2], 0);
    flow_free(&f);
}

static void on_failure_continue_tells_and_goes_on(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    f.spec.rollout.on_failure = SPEC_FAIL_CONTINUE;
    flow_apply(&f);
    fail_both(&f, 0);
    assert_int_equal(f.alerts, 1);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    assert_int_equal(wave(&f, 0)->verdict, WAVE_BROKEN);
    flow_wait(&f, HOURS_US(24));
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    flow_free(&f);
}

/* Nobody answers, so nobody was attempted: that is no success, whatever onFailure says. */
static void a_wave_that_shows_nothing_holds_the_campaign(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    f.spec.rollout.on_failure = SPEC_FAIL_CONTINUE;
    flow_apply(&f);
    flow_wait(&f, DAYS_US(9));
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_int_equal(wave(&f, 0)->verdict, WAVE_INCONCLUSIVE);
    assert_string_equal(reason(&f),
                        "wave canary is inconclusive: 0 of 2 devices were attempted");
    flow_control(&f, ENGINE_RESUME);
    flow_noise(&f, 2); /* or it would be skipped: it was not heard for so long */
    flow_wait(&f, HOURS_US(25));
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    ended(&f, 3, OUTCOME_SKIPPED, REASON_WAVE_AGE, FW_RESULT_INITIAL);
    flow_free(&f);
}

static void a_wave_waits_for_its_approval(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    waves[0].soak_us = 0;
    waves[1].approval_required = true;
    flow_apply(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    assert_int_equal(wave(&f, 0)->phase, WAVE_DONE);
    assert_int_equal(wave(&f, 1)->phase, WAVE_APPROVAL);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_string_equal(reason(&f), "wave rest waits for approval");
    flow_restart(&f);
    flow_control(&f, ENGINE_RESUME); /* is none */
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_int_equal(flow_member(&f, 2)->phase, MEMBER_PENDING);
    approve(&f, 1);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    flow_walk_all(&f, 2, 2, MEMBER_ENDED);
    assert_int_equal(phase(&f), CAMPAIGN_COMPLETED);
    flow_free(&f);
}

static void pause_for(struct flow *f, const char *why)
{
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = 1, .verb = ENGINE_PAUSE, .reason = why}};
    flow_step(f, &event);
}

static void begin_to_approval(struct flow *f)
{
    prepare(f);
    waves[0].soak_us = 0;
    waves[1].approval_required = true;
    flow_apply(f);
    flow_walk_all(f, 0, 2, MEMBER_ENDED);
    assert_string_equal(reason(f), "wave rest waits for approval");
}

/* Both are marks of their own: the one does not lift the other, and a restart keeps them. */
static void an_approval_does_not_lift_a_pause(void **state)
{
    (void)state;
    struct flow f;
    begin_to_approval(&f);
    pause_for(&f, "storm");
    assert_string_equal(reason(&f), "storm");
    flow_restart(&f);
    assert_true(engine_wants_approval(f.engine, 1));
    approve(&f, ENGINE_WAVE_NEXT);
    assert_true(wave(&f, 1)->approved);
    assert_false(engine_wants_approval(f.engine, 1));
    flow_restart(&f);
    approve(&f, ENGINE_WAVE_NEXT); /* once more is no more */
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_string_equal(reason(&f), "storm");
    assert_int_equal(flow_member(&f, 2)->phase, MEMBER_PENDING);
    flow_control(&f, ENGINE_RESUME);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    flow_walk_all(&f, 2, 2, MEMBER_ENDED);
    assert_int_equal(phase(&f), CAMPAIGN_COMPLETED);
    flow_free(&f);
}

static void a_wave_that_was_not_approved_in_a_pause_waits_again(void **state)
{
    (void)state;
    struct flow f;
    begin_to_approval(&f);
    pause_for(&f, NULL);
    assert_string_equal(reason(&f), "paused by the operator");
    pause_for(&f, "storm");
    pause_for(&f, NULL);
    assert_string_equal(reason(&f), "storm");
    flow_control(&f, ENGINE_RESUME);
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_string_equal(reason(&f), "wave rest waits for approval");
    assert_int_equal(f.alerts, 2);
    approve(&f, ENGINE_WAVE_NEXT);
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    flow_free(&f);
}

static void a_gate_that_holds_is_not_waived_by_a_pause(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    fail_both(&f, 0);
    pause_for(&f, "storm");
    assert_string_equal(reason(&f), "storm");
    flow_restart(&f);
    flow_control(&f, ENGINE_RESUME); /* of the pause: the gate holds it as before */
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_int_equal(wave(&f, 0)->phase, WAVE_HELD);
    assert_string_equal(reason(&f),
                        "wave canary failed: 1 of 2 attempted devices failed");
    assert_int_equal(f.alerts, 2);
    pause_for(&f, "storm");
    assert_true(engine_wants_approval(f.engine, 1));
    approve(&f, ENGINE_WAVE_NEXT);
    assert_false(engine_wants_approval(f.engine, 1));
    flow_restart(&f);
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(phase(&f), CAMPAIGN_PAUSED);
    assert_string_equal(reason(&f), "storm");
    flow_control(&f, ENGINE_RESUME);
    assert_int_equal(phase(&f), CAMPAIGN_RUNNING);
    assert_true(wave(&f, 0)->waived);
    flow_refuse(&f, 1);
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    flow_free(&f);
}

static void an_approval_may_come_before_it_is_asked_for(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    waves[0].soak_us = 0;
    waves[1].approval_required = true;
    flow_apply(&f);
    approve(&f, 1);
    flow_restart(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    assert_int_equal(f.alerts, 0);
    flow_free(&f);
}

static void a_wave_that_has_nobody_is_passed_without_a_soak(void **state)
{
    (void)state;
    static const uint8_t only_rest[] = {1, 1, 1, 1};
    struct flow f;
    prepare(&f);
    f.wave_of = only_rest;
    flow_apply(&f);
    assert_int_equal(wave(&f, 0)->phase, WAVE_DONE);
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    flow_free(&f);
}

static void who_is_in_no_wave_is_skipped(void **state)
{
    (void)state;
    static const uint8_t not_all[] = {0, 0, 1, WAVE_NOWHERE};
    struct flow f;
    prepare(&f);
    f.wave_of = not_all;
    flow_apply(&f);
    ended(&f, 3, OUTCOME_SKIPPED, REASON_NO_WAVE, FW_RESULT_INITIAL);
    flow_restart(&f);
    assert_int_equal(flow_member(&f, 3)->outcome, OUTCOME_SKIPPED);
    flow_free(&f);
}

static void an_abort_cancels_the_waves_that_have_not_ended(void **state)
{
    (void)state;
    struct flow f;
    prepare(&f);
    waves[0].soak_us = 0;
    flow_apply(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    flow_control(&f, ENGINE_ABORT);
    flow_wait(&f, DAYS_US(2));
    assert_int_equal(phase(&f), CAMPAIGN_ABORTED);
    assert_int_equal(wave(&f, 0)->phase, WAVE_DONE);
    assert_int_equal(wave(&f, 1)->phase, WAVE_CANCELLED);
    flow_free(&f);
}

/* A pause of the operator holds waves, too, and time to soak goes on. */
static void a_pause_holds_the_next_wave(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    flow_control(&f, ENGINE_PAUSE);
    flow_wait(&f, HOURS_US(30));
    assert_int_equal(flow_member(&f, 2)->phase, MEMBER_PENDING);
    flow_control(&f, ENGINE_RESUME);
    assert_int_equal(wave(&f, 1)->phase, WAVE_RUNNING);
    assert_false(wave(&f, 0)->waived);
    flow_free(&f);
}

static void a_soak_does_not_mind_the_wall_clock(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    f.now = utc_after(f.now, DAYS_US(2));
    struct engine_event step = {.type = ENGINE_EV_CLOCK_STEP, .step = {DAYS_US(2)}};
    flow_step(&f, &step);
    flow_wait(&f, HOURS_US(23));
    assert_int_equal(wave(&f, 0)->phase, WAVE_SOAKING);
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(wave(&f, 0)->phase, WAVE_DONE);
    flow_free(&f);
}

static void rows_of_waves_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct wave_rec rows[] = {
        {.campaign_id = 9},
        {.campaign_id = 1, .no = 2},
        {.campaign_id = 1, .phase = WAVE_CANCELLED + 1},
        {.campaign_id = 1, .verdict = WAVE_INCONCLUSIVE + 1},
    };
    struct flow f;
    begin_waves(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(engine_restore_wave(f.engine, &rows[i]), FUO_ENOENT);
    }
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(later_waves_wait_for_the_ones_before),
          cmocka_unit_test(an_edited_campaign_is_judged_by_what_its_spec_says_now),
          cmocka_unit_test(a_restart_at_any_point_changes_nothing),
          cmocka_unit_test(members_that_were_not_let_in_before_a_restart_are_then),
          cmocka_unit_test(a_wave_with_too_many_failures_holds_the_campaign),
          cmocka_unit_test(a_wave_that_ends_badly_needs_an_approval_to_go_on),
          cmocka_unit_test(on_failure_abort_cancels_the_rest),
          cmocka_unit_test(on_failure_continue_tells_and_goes_on),
          cmocka_unit_test(a_wave_that_shows_nothing_holds_the_campaign),
          cmocka_unit_test(a_wave_waits_for_its_approval),
          cmocka_unit_test(an_approval_does_not_lift_a_pause),
          cmocka_unit_test(a_wave_that_was_not_approved_in_a_pause_waits_again),
          cmocka_unit_test(a_gate_that_holds_is_not_waived_by_a_pause),
          cmocka_unit_test(an_approval_may_come_before_it_is_asked_for),
          cmocka_unit_test(a_wave_that_has_nobody_is_passed_without_a_soak),
          cmocka_unit_test(who_is_in_no_wave_is_skipped),
          cmocka_unit_test(an_abort_cancels_the_waves_that_have_not_ended),
          cmocka_unit_test(a_pause_holds_the_next_wave),
          cmocka_unit_test(a_soak_does_not_mind_the_wall_clock),
          cmocka_unit_test(rows_of_waves_that_cannot_be_are_refused))
