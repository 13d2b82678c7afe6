/* SPDX-License-Identifier: MIT */
/* Devices that have ended go again within their campaign. */
#include <string.h>

#include "flow_steps.h"

#define PCT(n) ((n) * (SPEC_PPM / 100))

/* Devices 0 and 1 are canaries, 2 and 3 the rest. */
static const uint8_t two_and_two[] = {0, 0, 1, 1};

static struct spec_wave waves[] = {
    {.name = "canary", .success_ppm = PCT(100)},
    {.name = "rest", .success_ppm = PCT(100)},
};

static void begin_once(struct flow *f, size_t device_count)
{
    flow_init(f, device_count);
    f->spec.retry.device = 1;
    f->spec.rollout.unknown_counts_as_failed = true;
    flow_apply(f);
}

static void begin_waves(struct flow *f)
{
    flow_init(f, ARRAY_LEN(two_and_two));
    f->spec.retry.device = 1;
    f->spec.rollout.waves = waves;
    f->spec.rollout.wave_count = ARRAY_LEN(waves);
    f->spec.rollout.unknown_counts_as_failed = true;
    f->wave_of = two_and_two;
    flow_apply(f);
}

static void retry(struct flow *f, size_t first, size_t count)
{
    uint64_t devices[FLOW_DEVICES];
    for (size_t i = 0; i < count; i++) {
        devices[i] = f->devices[first + i].dev_eui;
    }
    struct engine_event event = {
        .type = ENGINE_EV_RETRY,
        .retry = {.campaign_id = f->campaign_id, .devices = devices, .count = count}};
    flow_step(f, &event);
    flow_wait(f, SECONDS_US(1));
}

static enum engine_retry verdict(const struct flow *f, size_t device)
{
    return engine_retry_of(f->engine, f->campaign_id, f->devices[device].dev_eui);
}

static const struct campaign_rec *campaign(const struct flow *f)
{
    return engine_campaign_by_id(f->engine, f->campaign_id);
}

static struct campaign_counts counts(const struct flow *f)
{
    struct campaign_counts n;
    engine_campaign_counts(f->engine, f->campaign_id, &n);
    return n;
}

static void who_failed_goes_again_and_the_campaign_with_it(void **state)
{
    (void)state;
    struct flow f;
    begin_once(&f, 2);
    flow_walk_all(&f, 0, 2, MEMBER_UPGRADE);
    flow_refuse(&f, 0);
    flow_walk(&f, 1, MEMBER_ENDED);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    assert_true(engine_may_retry(f.engine, 1, f.now));
    assert_int_equal(verdict(&f, 0), ENGINE_RETRY_YES);
    assert_int_equal(verdict(&f, 1), ENGINE_RETRY_SUCCEEDED);
    retry(&f, 0, 2);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_RUNNING);
    assert_true(campaign(&f)->ended.us == 0);
    assert_int_equal(f.campaign.phase, CAMPAIGN_RUNNING); /* as stored */
    assert_int_equal(counts(&f).by_outcome[OUTCOME_NONE], 1);
    assert_int_equal(counts(&f).by_outcome[OUTCOME_FAILED], 0);
    assert_int_equal(counts(&f).by_outcome[OUTCOME_SUCCEEDED], 1);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    assert_int_equal(flow_member(&f, 0)->retries, 1);
    assert_int_equal(flow_member(&f, 0)->outcome_before, OUTCOME_FAILED);
    assert_int_equal(flow_member(&f, 0)->reason_before, REASON_IMAGE_REFUSED);
    assert_int_equal(flow_member(&f, 1)->retries, 0);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(counts(&f).by_outcome[OUTCOME_SUCCEEDED], 2);
    assert_int_equal(counts(&f).by_state[FW_IDLE], 2);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    flow_wait(&f, DAYS_US(1));
    assert_int_equal(engine_deadline(f.engine).us, INSTANT_NEVER.us);
    flow_free(&f);
}

static void the_same_again_changes_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_once(&f, 2);
    flow_walk_all(&f, 0, 2, MEMBER_UPGRADE);
    flow_refuse(&f, 0);
    retry(&f, 0, 1);
    uint32_t revision = campaign(&f)->revision;
    size_t sends = f.send_count[0];
    assert_int_equal(verdict(&f, 0), ENGINE_RETRY_UNDER_WAY);
    retry(&f, 0, 2);
    assert_int_equal(flow_member(&f, 0)->retries, 1);
    assert_int_equal(campaign(&f)->revision, revision);
    assert_int_equal(f.send_count[0], sends);
    flow_free(&f);
}

/* A second campaign has taken the device meanwhile. */
static void never_a_device_that_another_campaign_has(void **state)
{
    (void)state;
    struct flow f;
    begin_once(&f, 2);
    flow_walk_all(&f, 0, 2, MEMBER_UPGRADE);
    flow_refuse(&f, 0);
    struct campaign_spec spec = f.spec;
    uint64_t device = f.devices[0].dev_eui;
    struct engine_event event = {.type = ENGINE_EV_APPLY,
                                 .apply = {.id = 2,
                                           .spec = &spec,
                                           .image = f.image,
                                           .image_len = sizeof(f.image),
                                           .devices = &device,
                                           .device_count = 1}};
    flow_step(&f, &event);
    assert_int_equal(verdict(&f, 0), ENGINE_RETRY_BUSY);
    retry(&f, 0, 1);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_FAILED);
    assert_int_equal(flow_member(&f, 0)->retries, 0);
    assert_int_equal(engine_member_find(f.engine, 2, device)->outcome, OUTCOME_NONE);
    flow_free(&f);
}

static void a_restart_between_both_tries_changes_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_once(&f, 1);
    flow_refuse(&f, 0);
    flow_restart(&f);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    retry(&f, 0, 1);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_RUNNING);
    flow_restart(&f);
    flow_wait(&f, SECONDS_US(1));
    assert_int_equal(flow_member(&f, 0)->retries, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    flow_restart(&f);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    flow_free(&f);
}

/* Its gate looks again, at the second try: nobody has to overrule it. */
static void a_wave_that_is_held_is_judged_anew(void **state)
{
    (void)state;
    struct flow f;
    struct wave_counts n;
    begin_waves(&f);
    flow_walk_all(&f, 0, 2, MEMBER_UPGRADE);
    flow_refuse(&f, 0);
    flow_walk(&f, 1, MEMBER_ENDED);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_PAUSED);
    assert_int_equal(engine_wave_at(f.engine, 1, 0, &n)->phase, WAVE_HELD);
    assert_int_equal(n.attempted, 2);
    assert_int_equal(n.failed, 1);
    retry(&f, 0, 1);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_PAUSED);
    assert_int_equal(engine_wave_at(f.engine, 1, 0, &n)->phase, WAVE_RUNNING);
    assert_int_equal(n.attempted, 1);
    assert_int_equal(n.failed, 0);
    assert_int_equal(n.ended, 1);
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_PENDING);
    flow_restart(&f);
    flow_control(&f, ENGINE_RESUME);
    flow_wait(&f, SECONDS_US(1));
    flow_walk(&f, 0, MEMBER_ENDED);
    assert_int_equal(engine_wave_at(f.engine, 1, 0, &n)->phase, WAVE_DONE);
    assert_int_equal(engine_wave_at(f.engine, 1, 0, &n)->verdict, WAVE_SUCCEEDED);
    assert_false(engine_wave_at(f.engine, 1, 0, &n)->waived);
    assert_int_equal(n.succeeded, 2);
    assert_int_equal(engine_wave_at(f.engine, 1, 1, NULL)->phase, WAVE_RUNNING);
    flow_free(&f);
}

/* The canaries' turn is over: who goes again of them does so beside the wave that is on. */
static void who_is_of_a_wave_that_is_over_goes_beside_the_others(void **state)
{
    (void)state;
    struct flow f;
    struct wave_counts n;
    begin_waves(&f);
    flow_walk_all(&f, 0, 2, MEMBER_UPGRADE);
    flow_refuse(&f, 0);
    flow_walk(&f, 1, MEMBER_ENDED);
    flow_control(&f, ENGINE_RESUME); /* the gate is overruled */
    flow_wait(&f, SECONDS_US(1));
    assert_int_equal(engine_wave_at(f.engine, 1, 0, NULL)->phase, WAVE_DONE);
    retry(&f, 0, 1);
    assert_int_equal(engine_wave_at(f.engine, 1, 0, NULL)->phase, WAVE_DONE);
    assert_int_not_equal(flow_member(&f, 0)->phase, MEMBER_PENDING);
    flow_walk_all(&f, 0, 4, MEMBER_ENDED);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    assert_int_equal(engine_wave_at(f.engine, 1, 0, &n)->phase, WAVE_DONE);
    assert_int_equal(n.succeeded, 2);
    assert_int_equal(n.ended, 2);
    flow_free(&f);
}

/* It holds nobody back, but says so; and no more once the others have been mended. */
static void the_gate_of_the_last_wave_is_told(void **state)
{
    (void)state;
    struct flow f;
    begin_waves(&f);
    flow_walk_all(&f, 0, 2, MEMBER_ENDED);
    assert_int_equal(engine_wave_at(f.engine, 1, 1, NULL)->phase, WAVE_RUNNING);
    flow_walk_all(&f, 2, 2, MEMBER_UPGRADE);
    size_t alerts = f.alerts;
    flow_walk(&f, 3, MEMBER_ENDED);
    flow_refuse(&f, 2);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    assert_string_equal(campaign(&f)->reason,
                        "wave rest failed: 1 of 2 attempted devices failed");
    assert_int_equal(f.alerts, alerts + 1);
    retry(&f, 2, 1);
    assert_string_equal(campaign(&f)->reason, "");
    flow_walk(&f, 2, MEMBER_ENDED);
    assert_int_equal(campaign(&f)->phase, CAMPAIGN_COMPLETED);
    assert_string_equal(campaign(&f)->reason, "");
    assert_int_equal(engine_wave_at(f.engine, 1, 1, NULL)->verdict, WAVE_SUCCEEDED);
    flow_free(&f);
}

static void a_campaign_that_is_aborted_has_no_retry(void **state)
{
    (void)state;
    struct flow f;
    begin_once(&f, 2);
    flow_walk_all(&f, 0, 2, MEMBER_UPGRADE);
    flow_refuse(&f, 0);
    flow_control(&f, ENGINE_ABORT);
    assert_false(engine_may_retry(f.engine, 1, f.now));
    retry(&f, 0, 1);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_FAILED);
    flow_free(&f);
}

static void nobody_is_retried_who_is_not_known(void **state)
{
    (void)state;
    struct flow f;
    begin_once(&f, 1);
    uint64_t stranger = 1;
    struct engine_event event = {
        .type = ENGINE_EV_RETRY,
        .retry = {.campaign_id = 1, .devices = &stranger, .count = 1}};
    flow_step(&f, &event);
    event.retry.campaign_id = 7;
    flow_step(&f, &event);
    assert_int_equal(engine_retry_of(f.engine, 1, stranger), ENGINE_RETRY_UNKNOWN);
    assert_int_equal(engine_retry_of(f.engine, 7, stranger), ENGINE_RETRY_UNKNOWN);
    assert_false(engine_may_retry(f.engine, 7, f.now));
    assert_int_equal(verdict(&f, 0), ENGINE_RETRY_UNDER_WAY);
    flow_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_failed_goes_again_and_the_campaign_with_it),
        cmocka_unit_test(the_same_again_changes_nothing),
        cmocka_unit_test(never_a_device_that_another_campaign_has),
        cmocka_unit_test(a_restart_between_both_tries_changes_nothing),
        cmocka_unit_test(a_wave_that_is_held_is_judged_anew),
        cmocka_unit_test(who_is_of_a_wave_that_is_over_goes_beside_the_others),
        cmocka_unit_test(the_gate_of_the_last_wave_is_told),
        cmocka_unit_test(a_campaign_that_is_aborted_has_no_retry),
        cmocka_unit_test(nobody_is_retried_who_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
