/* SPDX-License-Identifier: MIT */
/* Waves through the whole daemon: planned, refused, approved, restored. */
#include "daemon_fixture.h"

static const char two_waves[] =
    "targets: { fleet: f }\n"
    "  rollout:\n"
    "    waves:\n"
    "      - { name: pilot, size: 100%, select: { labels: { site: a } }, approval: "
    "required }\n"
    "      - { name: rest, size: 100%, soak: 1h }\n";

static const char *waved(void)
{
    return edited("targets: { fleet: f }\n", two_waves);
}

static void a_plan_shows_the_waves(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_PLAN, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/waves/0/name", "canary");
    assert_answer(&f, "/waves/0/devices", "3");
    assert_answer(&f, "/waves/1/devices", "0");
    assert_answer(&f, "/waves/2/devices", "0");
    assert_int_equal(submit(&f, CTL_PLAN, waved(), f.signature), 0);
    assert_answer(&f, "/waves/0/name", "pilot");
    assert_answer(&f, "/waves/0/devices", "1");
    assert_answer(&f, "/waves/0/approval", "true");
    assert_answer(&f, "/waves/1/devices", "2");
    assert_answer(&f, "/waves/1/soak_us", "3600000000");
    assert_answer(&f, "/waves/1/success_ppm", "950000");
    for (int i = 0; i < 2; i++) {
        enum ctl_method method = i == 0 ? CTL_PLAN : CTL_APPLY;
        assert_int_equal(
            submit(&f, method,
                   edited("targets: { fleet: f }\n",
                          "targets: { fleet: f }\n"
                          "  rollout: { waves: [{ name: x, size: 1, select: { labels: { "
                          "site: c } } }, { name: y, size: 100% }] }\n"),
                   f.signature),
            CTL_NOT_FOUND);
        assert_int_equal(json_object_array_length(f.message.error.errors), 1);
        assert_string_equal(
            ctl_text(json_object_array_get_idx(f.message.error.errors, 0), "path"),
            "spec.rollout.waves[0].select");
    }
    daemon_stop(&f);
    fixture_remove(&f);
}

static void assert_waits(struct daemon_fixture *f)
{
    assert_int_equal(call(f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(f, "/campaigns/0/phase", "paused");
    assert_answer(f, "/campaigns/0/reason", "wave pilot waits for approval");
    assert_answer(f, "/campaigns/0/wave", "pilot");
    assert_answer(f, "/campaigns/0/devices/pending", "3");
    assert_answer(f, "/campaigns/0/devices/active", "0");
    assert_answer(f, "/campaigns/0/waves/0/phase", "approval");
    assert_answer(f, "/campaigns/0/waves/0/devices", "1");
    assert_answer(f, "/campaigns/0/waves/1/phase", "pending");
}

static void a_wave_is_approved_by_an_operator(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, waved(), f.signature), 0);
    assert_waits(&f);
    daemon_kill(&f);
    daemon_start(&f);
    assert_waits(&f);
    static const struct {
        enum ctl_method method;
        const char *params;
        int code;
    } rows[] = {
        {CTL_RESUME, "{\"name\":\"camp\"}", CTL_CONFLICT},
        {CTL_APPROVE, "{\"name\":\"none\"}", CTL_NOT_FOUND},
        {CTL_APPROVE, "{\"name\":\"camp\",\"wave\":\"other\"}", CTL_NOT_FOUND},
        {CTL_APPROVE, "{\"name\":\"camp\",\"wave\":\"pilot\"}", 0},
        {CTL_APPROVE, "{\"name\":\"camp\"}", CTL_CONFLICT}, /* nothing waits now */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(call(&f, rows[i].method, rows[i].params), rows[i].code);
    }
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "running");
    assert_answer(&f, "/campaigns/0/devices/pending", "2");
    assert_answer(&f, "/campaigns/0/devices/active", "1");
    assert_answer(&f, "/campaigns/0/waves/0/approved", "true");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"outcome\":\"pending\"}"),
                     0);
    assert_answer(&f, "/devices/0/dev_eui", "0000000000000102");
    assert_answer(&f, "/devices/0/wave", "rest");
    assert_answer(&f, "/devices/0/phase", "pending");
    assert_int_equal(call(&f, CTL_DEVICES, "{\"name\":\"camp\",\"outcome\":\"active\"}"),
                     0);
    assert_answer(&f, "/devices/0/dev_eui", "0000000000000101");
    assert_answer(&f, "/devices/0/wave", "pilot");
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    struct json_object *waves = NULL;
    assert_int_not_equal(json_pointer_get(f.message.data, "/campaigns/0/waves", &waves),
                         0); /* a list of campaigns has no room for them */
    assert_answer(&f, "/campaigns/0/wave", "pilot");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/phase", "aborted");
    assert_answer(&f, "/waves/1/phase", "cancelled");
    assert_answer(&f, "/wave", "null");
    /* Without waves of those names: applied again, their topics are gone (test_status.c). */
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/state/waves/0/name", "canary");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void a_pause_at_a_gate_outlasts_the_approval(void **state)
{
    (void)state;
    static const char camp[] = "{\"name\":\"camp\"}";
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, waved(), f.signature), 0);
    assert_int_equal(call(&f, CTL_PAUSE, "{\"name\":\"camp\",\"reason\":\"storm\"}"), 0);
    assert_answer(&f, "/reason", "storm");
    assert_int_equal(call(&f, CTL_RESUME, camp), 0);
    assert_waits(&f);
    assert_int_equal(call(&f, CTL_PAUSE, "{\"name\":\"camp\",\"reason\":\"storm\"}"), 0);
    assert_int_equal(call(&f, CTL_APPROVE, camp), 0);
    daemon_kill(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_APPROVE, camp), CTL_CONFLICT); /* it is approved */
    assert_int_equal(call(&f, CTL_STATUS, camp), 0);
    assert_answer(&f, "/campaigns/0/phase", "paused");
    assert_answer(&f, "/campaigns/0/reason", "storm");
    assert_answer(&f, "/campaigns/0/waves/0/approved", "true");
    assert_answer(&f, "/campaigns/0/devices/pending", "3");
    assert_int_equal(call(&f, CTL_RESUME, camp), 0);
    assert_answer(&f, "/phase", "running");
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(a_plan_shows_the_waves),
          cmocka_unit_test(a_wave_is_approved_by_an_operator),
          cmocka_unit_test(a_pause_at_a_gate_outlasts_the_approval))
