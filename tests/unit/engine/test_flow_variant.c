/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: who is sent a delta, and what happens when one fails. */
#include <string.h>

#include "flow_steps.h"

#include "campaign/variant.h"

enum { BASE = 1, OLDER = 9 }; /* right answers say BASE before */

static const char says_older[] = "010900000001000000";
static const char image_is_corrupt[] = "0401";
static const char image_is_for_other_hardware[] = "0402";

static const struct profile bytes_profile = {.version = PROFILE_VERSION_BYTES};

static void begin_with_delta(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    flow_add_delta(f, "1.4.2", BASE, 100);
    flow_apply(f);
}

static void take_report(struct flow *f, const char *version)
{
    struct engine_event event = {.type = ENGINE_EV_REPORTED};
    event.reported.dev_eui = f->devices[0].dev_eui;
    snprintf(event.reported.firmware_version, sizeof(event.reported.firmware_version),
             "%s", version);
    flow_step(f, &event);
}

/* ---- choice ---- */

static void a_device_that_runs_the_base_is_sent_the_delta(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_SET_UP);
    assert_int_equal(flow_member(&f, 0)->variant, 1);
    assert_int_equal(f.transmission.variant, 1);
    assert_int_equal(f.transmission.frag_count, 2); /* 100 bytes, not 600 */
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(flow_member(&f, 0)->delta_failures, 0);
    all_is_cleaned_up(&f);
    flow_free(&f);
}

static void another_version_than_the_base_gets_the_image(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_VERSION);
    flow_uplink(&f, 0, 203, says_older);
    flow_walk(&f, 0, MEMBER_SET_UP);
    assert_int_equal(flow_member(&f, 0)->variant, VARIANT_FULL);
    assert_int_equal(f.transmission.frag_count, 12);
    flow_free(&f);
}

static void nobody_is_placed_before_it_said_what_it_runs(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 2);
    flow_add_delta(&f, "1.4.2", BASE, 100);
    f.devices[0].firmware_known = true; /* as it was some time ago */
    f.devices[0].firmware_version = BASE;
    flow_rebuild(&f);
    flow_apply(&f);
    flow_wait(&f, HOURS_US(1));
    assert_int_equal(f.transmission.id, 0);
    flow_walk(&f, 0, MEMBER_VERSION);
    flow_uplink(&f, 0, 203, says_older); /* by now it is another one */
    flow_walk(&f, 0, MEMBER_SET_UP);
    assert_int_equal(flow_member(&f, 0)->variant, VARIANT_FULL);
    flow_free(&f);
}

static void the_cheaper_of_two_deltas_is_sent(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    flow_add_delta(&f, "1.4.2", BASE, 200);
    flow_add_delta(&f, "1.4.2", BASE, 60);
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_SET_UP);
    assert_int_equal(flow_member(&f, 0)->variant, 2);
    flow_free(&f);
}

static void a_version_in_the_file_is_compared_as_the_device_says_it(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const struct profile *profile;
        const char *reported;
        uint8_t variant;
    } rows[] = {
        {"0x01", NULL, NULL, 1},
        {"1", NULL, NULL, 1},
        {"0x09", NULL, NULL, 0},
        {"1.0.0.0", &bytes_profile, NULL, 1}, /* 01 00 00 00 on air */
        {"1.0.0.1", &bytes_profile, NULL, 0},
        {"1.4.2", NULL, NULL, 0}, /* nobody knows how it is packed */
        {"1.4.2", NULL, "1.4.2", 1},
        {"1.4.2", NULL, "1.4.1", 0},
        {"0x09", NULL, "0x09", 0}, /* TS006 said another one */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].from);
        flow_init(&f, 1);
        flow_add_delta(&f, rows[i].from, 0, 100);
        if (rows[i].profile != NULL) {
            f.profiles[0] = rows[i].profile;
            f.spec.image.firmware_version = FLOW_VERSION;
            flow_rebuild(&f);
        }
        if (rows[i].reported != NULL) {
            take_report(&f, rows[i].reported);
        }
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_SET_UP);
        assert_int_equal(flow_member(&f, 0)->variant, rows[i].variant);
        flow_free(&f);
    }
}

static void each_variant_has_a_transmission_of_its_own(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 3);
    for (size_t i = 0; i < 3; i++) {
        flow_walk(&f, i, MEMBER_VERSION);
    }
    flow_uplink(&f, 1, 203, says_older);
    flow_answer(&f, 0);
    flow_answer(&f, 2);
    for (size_t i = 0; i < 3; i++) {
        flow_walk(&f, i, MEMBER_GROUP);
    }
    assert_int_equal(flow_member(&f, 0)->variant, 1);
    assert_int_equal(flow_member(&f, 1)->variant, VARIANT_FULL);
    assert_int_equal(flow_member(&f, 0)->transmission_id,
                     flow_member(&f, 2)->transmission_id);
    assert_int_not_equal(flow_member(&f, 0)->transmission_id,
                         flow_member(&f, 1)->transmission_id);
    for (size_t i = 0; i < 2; i++) {
        const struct transmission_rec *t = engine_transmission_at(f.engine, 1, i);
        assert_non_null(t);
        assert_int_equal(t->frag_count, t->variant == 1 ? 2 : 12);
    }
    flow_free(&f);
}

static void a_plan_goes_by_what_devices_have_said_so_far(void **state)
{
    (void)state;
    static const int64_t airtime_us[] = {100, 10};
    struct flow f;
    flow_init(&f, 3);
    flow_add_delta(&f, "1.4.2", BASE, 100);
    f.devices[0].firmware_known = true;
    f.devices[0].firmware_version = BASE;
    f.devices[1].firmware_known = true;
    f.devices[1].firmware_version = OLDER;
    flow_rebuild(&f);
    const struct engine_campaign campaign = {
        .spec = &f.spec, .deltas = f.deltas, .delta_count = 1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            engine_variant(f.engine, &campaign, airtime_us, f.devices[i].dev_eui),
            i == 0 ? 1 : VARIANT_FULL);
    }
    assert_int_equal(engine_variant(f.engine, &campaign, airtime_us, 77), VARIANT_FULL);
    flow_free(&f);
}

static uint8_t mic_variant; /* of the last request for a MIC */

static void see_mic(const struct effect *effect)
{
    if (effect->type == EFFECT_BLOCK_MIC) {
        mic_variant = effect->key.variant;
    }
}

static void the_mic_is_that_of_the_delta(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    mic_variant = 77;
    f.watch = see_mic;
    flow_walk(&f, 0, MEMBER_SET_UP);
    assert_int_equal(mic_variant, 1);
    flow_free(&f);
}

/* ---- fallback ---- */

static struct history_rec past[64];
static size_t past_count;

static void see_history(const struct effect *effect)
{
    if (effect->type == EFFECT_STORE && effect->store.kind == STORE_HISTORY &&
        past_count < ARRAY_LEN(past)) {
        past[past_count++] = effect->store.history;
    }
}

static size_t told(enum member_reason reason, enum fw_result result)
{
    size_t count = 0;
    for (size_t i = 0; i < past_count; i++) {
        count += past[i].reason == reason && past[i].result == result;
    }
    return count;
}

static void goes_on_with_the_image(struct flow *f)
{
    const struct member_rec *m = flow_member(f, 0);
    assert_int_equal(m->outcome, OUTCOME_NONE);
    assert_int_equal(m->delta_failures, 1);
    assert_int_equal(m->variant, VARIANT_FULL);
    flow_walk(f, 0, MEMBER_SET_UP);
    assert_int_equal(f->transmission.variant, VARIANT_FULL);
    assert_int_equal(f->transmission.frag_count, 12);
    flow_walk(f, 0, MEMBER_ENDED);
    ended(f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
}

static void a_delta_that_gives_a_broken_image_is_followed_by_the_image(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    past_count = 0;
    f.watch = see_history;
    flow_uplink(&f, 0, 203, image_is_corrupt);
    assert_true(told(REASON_IMAGE_REFUSED, FW_RESULT_INTEGRITY) > 0);
    assert_true(told(REASON_DELTA_FAILED, FW_RESULT_INITIAL) > 0);
    goes_on_with_the_image(&f);
    flow_free(&f);
}

/* Those of TS004 v1 have no MIC: there a broken image may also be a broken block. */
static void so_is_one_of_a_stack_without_a_mic(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    memcpy(f.devices[0].package_version, (uint8_t[]){0, 1, 1, 1, 1}, 5);
    flow_add_delta(&f, "1.4.2", BASE, 100);
    flow_rebuild(&f);
    flow_apply(&f);
    while (flow_member(&f, 0)->phase < MEMBER_UPGRADE) {
        if (flow_member(&f, 0)->phase >= MEMBER_LISTENING) {
            flow_uplink(&f, 0, 201, "01020000");
        } else {
            flow_answer(&f, 0);
        }
        flow_wait(&f, SECONDS_US(20));
    }
    flow_uplink(&f, 0, 203, image_is_corrupt);
    assert_int_equal(flow_member(&f, 0)->delta_failures, 1);
    assert_int_equal(flow_member(&f, 0)->variant, VARIANT_FULL);
    flow_free(&f);
}

static void an_image_for_other_hardware_is_followed_by_the_image(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, image_is_for_other_hardware);
    goes_on_with_the_image(&f);
    flow_free(&f);
}

static void who_still_runs_the_old_version_gets_the_image(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_VERIFY);
    past_count = 0;
    f.watch = see_history;
    for (int i = 0; i < 40 && flow_member(&f, 0)->phase == MEMBER_VERIFY; i++) {
        flow_wait(&f, MINUTES_US(11));
        flow_uplink(&f, 0, 203, "010100000001000000");
    }
    assert_true(told(REASON_DELTA_FAILED, FW_RESULT_INITIAL) > 0);
    goes_on_with_the_image(&f);
    flow_free(&f);
}

static void a_failure_that_it_reports_is_followed_by_the_image(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_REBOOT);
    struct engine_event event = {.type = ENGINE_EV_REPORTED};
    event.reported.dev_eui = f.devices[0].dev_eui;
    event.reported.fw = (struct fw_report){.has_state = true,
                                           .state = FW_UPDATING,
                                           .has_result = true,
                                           .result = FW_RESULT_INITIAL};
    flow_step(&f, &event);
    event.reported.fw.state = FW_IDLE;
    event.reported.fw.result = FW_RESULT_UPDATE_FAILED;
    flow_step(&f, &event);
    assert_int_equal(flow_member(&f, 0)->delta_failures, 1);
    assert_int_equal(flow_member(&f, 0)->variant, VARIANT_FULL);
    flow_free(&f);
}

static void the_image_after_a_delta_may_fail_for_good(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, image_is_corrupt);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    assert_int_equal(flow_member(&f, 0)->variant, VARIANT_FULL);
    flow_uplink(&f, 0, 203, image_is_corrupt);
    ended(&f, 0, OUTCOME_FAILED, REASON_IMAGE_REFUSED, FW_RESULT_INTEGRITY);
    assert_int_equal(flow_member(&f, 0)->delta_failures, 1);
    flow_free(&f);
}

static void an_abort_is_no_reason_for_the_image(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_control(&f, ENGINE_ABORT);
    flow_wait(&f, DAYS_US(10));
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_ENDED);
    assert_int_equal(flow_member(&f, 0)->delta_failures, 0);
    flow_free(&f);
}

static void an_operators_retry_remembers_that_the_delta_failed(void **state)
{
    (void)state;
    struct flow f;
    uint64_t device;
    begin_with_delta(&f, 1);
    device = f.devices[0].dev_eui;
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, image_is_corrupt);
    flow_refuse(&f, 0);
    struct engine_event event = {.type = ENGINE_EV_RETRY};
    event.retry.campaign_id = 1;
    event.retry.devices = &device;
    event.retry.count = 1;
    flow_step(&f, &event);
    flow_walk(&f, 0, MEMBER_SET_UP);
    assert_int_equal(flow_member(&f, 0)->variant, VARIANT_FULL);
    flow_free(&f);
}

/* ---- restart ---- */

static void a_restart_goes_on_with_the_delta(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    flow_restart(&f);
    assert_int_equal(flow_member(&f, 0)->variant, 1);
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(f.transmission.frag_count, 2);
    flow_free(&f);
}

static void a_restart_remembers_that_the_delta_failed(void **state)
{
    (void)state;
    struct flow f;
    begin_with_delta(&f, 1);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    flow_uplink(&f, 0, 203, image_is_corrupt);
    flow_restart(&f);
    goes_on_with_the_image(&f);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(a_device_that_runs_the_base_is_sent_the_delta),
          cmocka_unit_test(another_version_than_the_base_gets_the_image),
          cmocka_unit_test(nobody_is_placed_before_it_said_what_it_runs),
          cmocka_unit_test(the_cheaper_of_two_deltas_is_sent),
          cmocka_unit_test(a_version_in_the_file_is_compared_as_the_device_says_it),
          cmocka_unit_test(each_variant_has_a_transmission_of_its_own),
          cmocka_unit_test(a_plan_goes_by_what_devices_have_said_so_far),
          cmocka_unit_test(the_mic_is_that_of_the_delta),
          cmocka_unit_test(a_delta_that_gives_a_broken_image_is_followed_by_the_image),
          cmocka_unit_test(so_is_one_of_a_stack_without_a_mic),
          cmocka_unit_test(an_image_for_other_hardware_is_followed_by_the_image),
          cmocka_unit_test(who_still_runs_the_old_version_gets_the_image),
          cmocka_unit_test(a_failure_that_it_reports_is_followed_by_the_image),
          cmocka_unit_test(the_image_after_a_delta_may_fail_for_good),
          cmocka_unit_test(an_abort_is_no_reason_for_the_image),
          cmocka_unit_test(an_operators_retry_remembers_that_the_delta_failed),
          cmocka_unit_test(a_restart_goes_on_with_the_delta),
          cmocka_unit_test(a_restart_remembers_that_the_delta_failed))
