/* SPDX-License-Identifier: MIT */
/* test_plan_cost.c - what a plan says of energy, of other campaigns, of its image. */
#include "daemon_fixture.h"
#include "loop/planning_cost.h"

static void energy_is_that_of_listening_and_of_all_the_rest(void **state)
{
    (void)state;
    struct planned_cohort cohorts[] = {
        {.device_count = 10, .listening_us = SECONDS_US(1000)},
        {.device_count = 3, .listening_us = SECONDS_US(4000)},
    };
    struct planning planning = {.cohorts = cohorts, .cohort_count = ARRAY_LEN(cohorts)};
    struct planning_cost cost = planning_cost_of(&planning);
    /* 6.46 J, and 25.7 mW of listening */
    assert_int_equal(planning_cost_of_cohort(&cohorts[0]).device_uj, 32160000);
    assert_int_equal(cost.listening_us, SECONDS_US(4000));
    assert_int_equal(cost.device_uj, 109260000);
    assert_int_equal(cost.total_uj, 10 * 32160000 + 3 * 109260000);
    struct json_object *object = json_object_new_object();
    planning_cost_add(object, &cost);
    assert_int_equal(ctl_int(object, "device_energy_mj", 0), 109260);
    assert_int_equal(ctl_int(object, "energy_mj", 0), 649380);
    json_object_put(object);
}

/* Applied under another name with that change, it is refused, and the daemon says why. */
static void assert_overlap(struct daemon_fixture *f, const char *from, const char *to,
                           const char *why)
{
    char yaml[2048];
    const char *named = edited("camp", "other");
    const char *at = strstr(named, from);
    snprintf(yaml, sizeof(yaml), "%.*s%s%s", (int)(at - named), named, to,
             at + strlen(from));
    assert_int_equal(submit(f, CTL_APPLY, yaml, f->signature), CTL_CONFLICT);
    struct json_object *problems = f->message.error.errors;
    struct json_object *problem =
        json_object_array_get_idx(problems, json_object_array_length(problems) - 1);
    assert_string_equal(ctl_text(problem, "path"), "spec.targets");
    assert_non_null(
        strstr(ctl_text(problem, "text"), "'camp', which is under way, has 3"));
    assert_non_null(strstr(ctl_text(problem, "text"), why));
    assert_int_equal(call(f, CTL_STATUS, "{\"name\":\"other\"}"), CTL_NOT_FOUND);
}

static void a_plan_names_the_campaigns_that_have_its_devices(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_PLAN, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/conflicts", "[ ]");
    assert_true(ctl_int(f.message.data, "energy_mj", 0) > 19380); /* 3 times 6.46 J */
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    upload(&f);
    assert_int_equal(submit(&f, CTL_PLAN, campaign_yaml, f.signature), 0);
    assert_answer(&f, "/conflicts", "[ ]"); /* it is the same */
    assert_int_equal(submit(&f, CTL_PLAN, edited("camp", "other"), f.signature), 0);
    assert_answer(&f, "/conflicts/0/campaign", "camp");
    assert_answer(&f, "/conflicts/0/priority", "500");
    assert_answer(&f, "/conflicts/0/devices", "3");
    /* Nothing says who gets them; and to one of lower priority nobody would be left. */
    assert_overlap(&f, "  targets", "  targets", "the same priority (500)");
    assert_overlap(&f, "  targets", "  priority: 499\n  targets",
                   "a higher priority (500)");
    assert_int_equal(call(&f, CTL_ABORT, "{\"name\":\"camp\"}"), 0);
    assert_int_equal(submit(&f, CTL_PLAN, edited("camp", "other"), f.signature), 0);
    assert_answer(&f, "/conflicts", "[ ]"); /* nobody is in it any more */
    daemon_stop(&f);
    fixture_remove(&f);
}

static void an_image_that_is_not_what_the_campaign_says_is_refused(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    const char *yaml = edited("i.bin,", "i.bin, format: mcuboot,");
    assert_int_equal(submit(&f, CTL_APPLY, yaml, f.signature), CTL_INVALID);
    struct json_object *problems = f.message.error.errors;
    size_t last = json_object_array_length(problems) - 1; /* warnings come before it */
    struct json_object *problem = json_object_array_get_idx(problems, last);
    assert_string_equal(ctl_text(problem, "path"), "spec.image.file");
    assert_non_null(strstr(ctl_text(problem, "text"), "i.bin does not begin like"));
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), CTL_NOT_FOUND);
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(an_image_that_is_not_what_the_campaign_says_is_refused),
          cmocka_unit_test(energy_is_that_of_listening_and_of_all_the_rest),
          cmocka_unit_test(a_plan_names_the_campaigns_that_have_its_devices))
