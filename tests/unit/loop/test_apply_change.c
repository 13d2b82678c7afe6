/* SPDX-License-Identifier: MIT */
/* An edited file of a campaign that is under way, applied again. */
#include "daemon_fixture.h"

static const char *with(const char *more)
{
    static char text[512];
    snprintf(text, sizeof(text), "  targets: { fleet: f }\n%s", more);
    return edited("  targets: { fleet: f }\n", text);
}

static int apply(struct daemon_fixture *f, const char *yaml)
{
    return submit(f, CTL_APPLY, yaml, f->signature);
}

static void assert_applied(struct daemon_fixture *f, const char *existing,
                           const char *changed, const char *phase)
{
    assert_answer(f, "/existing", existing);
    assert_answer(f, "/changed", changed);
    assert_answer(f, "/state/phase", phase);
}

static void what_may_be_changed_is(void **state)
{
    (void)state;
    static const char paused[] =
        "  paused: true\n"
        "  schedule: { windows: [{ start: \"22:00\", end: \"05:30\" }] }\n";
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(apply(&f, campaign_yaml), 0);
    assert_applied(&f, "false", "false", "running");
    assert_int_equal(apply(&f, with(paused)), 0);
    assert_applied(&f, "true", "true", "paused");
    assert_answer(&f, "/id", "1");
    assert_int_equal(apply(&f, with(paused)), 0);
    assert_applied(&f, "true", "false", "paused");
    daemon_kill(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(apply(&f, with(paused)), 0);
    assert_applied(&f, "true", "false", "paused");
    assert_int_equal(submit(&f, CTL_PLAN, campaign_yaml, f.signature), 0);
    assert_int_equal(apply(&f, campaign_yaml), 0);
    assert_applied(&f, "true", "true", "running");
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/count", "3");
    assert_answer(&f, "/records/1/action", "change");
    assert_answer(&f, "/records/1/object", "camp");
    assert_answer(&f, "/records/1/detail", "c.yaml");
    assert_string_not_equal(answer_at(&f, "/records/1/actor"), "folder");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void assert_refused(const struct daemon_fixture *f, size_t i, int line,
                           const char *path)
{
    struct json_object *error = json_object_array_get_idx(f->message.error.errors, i);
    assert_int_equal(ctl_int(error, "line", 0), line);
    assert_string_equal(ctl_text(error, "path"), path);
}

static void anything_else_is_refused_as_a_whole(void **state)
{
    (void)state;
    static const char mixed[] = "  priority: 7\n"
                                "  paused: true\n"
                                "  fragmentation: { size: 40 }\n";
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(apply(&f, campaign_yaml), 0);
    for (int i = 0; i < 2; i++) {
        enum ctl_method method = i == 0 ? CTL_PLAN : CTL_APPLY;
        assert_int_equal(submit(&f, method, with(mixed), f.signature), CTL_CONFLICT);
        assert_int_equal(json_object_array_length(f.message.error.errors), 2);
        assert_refused(&f, 0, 7, "spec.priority");
        assert_refused(&f, 1, 9, "spec.fragmentation.size");
    }
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/phase", "running");
    /* Another image under the same name. */
    memset(f.image, 1, sizeof(f.image));
    upload(&f);
    assert_int_equal(apply(&f, campaign_yaml), CTL_CONFLICT);
    assert_int_equal(json_object_array_length(f.message.error.errors), 1);
    assert_refused(&f, 0, 5, "spec.image.file");
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/count", "1");
    daemon_stop(&f);
    fixture_remove(&f);
}

/* Whatever can be looked at is, and each problem has its place and its own words. */
static void all_problems_of_a_campaign_are_told_at_once(void **state)
{
    (void)state;
    static const char missing[] = "  targets: { fleets: [f, g, h] }\n"
                                  "  schedule: { blackouts: [{ window: nowhere }] }\n";
    static const char too_much[] = "  targets: { fleet: f }\n"
                                   "  budgets: { airtime: 1s }\n"
                                   "  schedule: { deadline: \"2020-01-01\" }\n";
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    for (int i = 0; i < 2; i++) {
        enum ctl_method method = i == 0 ? CTL_PLAN : CTL_APPLY;
        const char *yaml = edited("  targets: { fleet: f }\n", missing);
        assert_int_equal(submit(&f, method, yaml, "no signature"), CTL_NOT_FOUND);
        assert_string_equal(f.message.error.text,
                            "the campaign cannot be applied: 4 problems");
        assert_int_equal(json_object_array_length(f.message.error.errors), 4);
        assert_refused(&f, 0, 5, "spec.image.file");
        assert_refused(&f, 1, 6, "spec.targets.fleets[1]");
        assert_refused(&f, 2, 6, "spec.targets.fleets[2]");
        assert_refused(&f, 3, 7, "spec.schedule.blackouts[0].window");

        /* The plan is made whatever the signature is, and finds what it finds. */
        yaml = edited("  targets: { fleet: f }\n", too_much);
        assert_int_equal(submit(&f, method, yaml, "no signature"), CTL_UNTRUSTED);
        assert_int_equal(json_object_array_length(f.message.error.errors), 3);
        assert_refused(&f, 0, 5, "spec.image.file");
        assert_refused(&f, 1, 7, "spec.budgets.airtime");
        assert_refused(&f, 2, 8, "spec.schedule.deadline");
        assert_int_equal(submit(&f, method, yaml, f.signature), CTL_DOES_NOT_FIT);
        assert_string_equal(f.message.error.text,
                            "the campaign does not fit: 2 problems");
    }
    assert_int_equal(call(&f, CTL_STATUS, NULL), 0);
    assert_answer(&f, "/campaigns", "[ ]");
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(what_may_be_changed_is),
          cmocka_unit_test(anything_else_is_refused_as_a_whole),
          cmocka_unit_test(all_problems_of_a_campaign_are_told_at_once))
