/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: campaigns that carry data, of which nothing is installed. */
#include "flow_steps.h"

#include <string.h>

static const char *const running[] = {"1.4.2"};

static void begin_data(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    f->spec.image.format = SPEC_IMAGE_DATA;
}

static void set_packages(struct flow *f, uint8_t ts004, uint8_t ts006)
{
    f->devices[0].package_version[3] = ts004;
    f->devices[0].package_version[4] = ts006;
    flow_rebuild(f);
}

/* In its session until all fragments were sent once. */
static void hear_all(struct flow *f)
{
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    while (f->transmission.next_n <= f->transmission.frag_count) {
        flow_wait(f, SECONDS_US(1));
    }
}

static void who_says_that_it_has_the_block_has_succeeded(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t ts004;
        const char *says;
        enum outcome outcome;
        enum member_reason reason;
        enum fw_result result;
    } rows[] = {
        {"with its MIC", 2, "0400", OUTCOME_SUCCEEDED, REASON_DELIVERED,
         FW_RESULT_INITIAL},
        {"by its counts", 1, "010c000000", OUTCOME_SUCCEEDED, REASON_DELIVERED,
         FW_RESULT_INITIAL},
        {"not with a wrong MIC", 2, "0404", OUTCOME_FAILED, REASON_MIC,
         FW_RESULT_INTEGRITY},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_data(&f, 1);
        f.spec.retry.device = 1;
        set_packages(&f, rows[i].ts004, 1);
        hear_all(&f);
        flow_uplink(&f, 0, 201, rows[i].says);
        ended(&f, 0, rows[i].outcome, rows[i].reason, rows[i].result);
        if (rows[i].outcome == OUTCOME_SUCCEEDED) {
            assert_int_equal(flow_member(&f, 0)->state, FW_DOWNLOADED);
        }
        assert_int_equal(f.upgrade_asks, 0);
        all_is_cleaned_up(&f);
        assert_int_equal(f.campaign.phase, CAMPAIGN_COMPLETED);
        flow_free(&f);
    }
}

static void a_count_of_frames_is_no_proof(void **state)
{
    (void)state;
    struct flow f;
    static const struct profile counter = {.layout = PROFILE_LAYOUT_V1,
                                           .missing = PROFILE_MISSING_COUNTED};
    begin_data(&f, 1);
    f.profiles[0] = &counter;
    set_packages(&f, 1, 1);
    hear_all(&f);
    flow_uplink(&f, 0, 201, "010c000000");
    assert_int_not_equal(flow_member(&f, 0)->outcome, OUTCOME_SUCCEEDED);
    for (size_t i = 0; i < 500 && flow_member(&f, 0)->outcome == OUTCOME_NONE; i++) {
        flow_wait(&f, MINUTES_US(5));
        flow_uplink(&f, 0, 201, "0111000000"); /* more than M, and of full rank or not */
    }
    ended(&f, 0, OUTCOME_UNKNOWN, REASON_UNPROVEN, FW_RESULT_INITIAL);
    assert_int_equal(flow_member(&f, 0)->state, FW_DOWNLOADING);
    flow_free(&f);
}

/* Those with the block keep silent, and there is no image to ask for. */
static void
who_is_silent_with_the_block_ends_as_unknown_and_is_sent_nothing_more(void **state)
{
    (void)state;
    struct flow f;
    static const struct profile mute = {.layout = PROFILE_LAYOUT_V1,
                                        .silent = PROFILE_SILENT_COMPLETE};
    begin_data(&f, 1);
    f.profiles[0] = &mute;
    set_packages(&f, 1, 1);
    hear_all(&f);
    for (size_t i = 0; i < 2000 && flow_member(&f, 0)->outcome == OUTCOME_NONE; i++) {
        flow_noise(&f, 0);
    }
    ended(&f, 0, OUTCOME_UNKNOWN, REASON_UNPROVEN, FW_RESULT_INITIAL);
    assert_int_equal(flow_member(&f, 0)->transmissions, 1);
    flow_free(&f);
}

static void who_lacks_fragments_and_means_it_has_failed(void **state)
{
    (void)state;
    struct flow f;
    static const struct profile counts = {.layout = PROFILE_LAYOUT_V1,
                                          .missing = PROFILE_MISSING_RANK};
    begin_data(&f, 1);
    f.profiles[0] = &counts;
    f.spec.retry.device = 1;
    set_packages(&f, 1, 1);
    hear_all(&f);
    for (size_t i = 0; i < 2000 && flow_member(&f, 0)->outcome == OUTCOME_NONE; i++) {
        flow_wait(&f, MINUTES_US(5));
        flow_uplink(&f, 0, 201, "0108000400"); /* never more, whatever is sent */
    }
    ended(&f, 0, OUTCOME_FAILED, REASON_INCOMPLETE, FW_RESULT_CONNECTION_LOST);
    flow_free(&f);
}

static void firmware_management_is_needed_only_to_tell_what_runs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum spec_image_format format;
        bool precondition;
        enum member_phase phase;
        enum member_reason reason;
    } rows[] = {
        {"data", SPEC_IMAGE_DATA, false, MEMBER_READY, REASON_NONE},
        {"data for those that run 1.4.2", SPEC_IMAGE_DATA, true, MEMBER_ENDED,
         REASON_NO_PACKAGE},
        {"firmware", SPEC_IMAGE_RAW, false, MEMBER_ENDED, REASON_NO_PACKAGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_data(&f, 1);
        f.spec.image.format = rows[i].format;
        if (rows[i].precondition) {
            f.spec.targets.preconditions.running_versions = (struct str_list){running, 1};
        }
        set_packages(&f, 2, 0);
        flow_apply(&f);
        flow_noise(&f, 0);
        if (rows[i].phase == MEMBER_ENDED) {
            ended(&f, 0, OUTCOME_FAILED, rows[i].reason, FW_RESULT_UNSUPPORTED_PROTOCOL);
        } else {
            assert_true(flow_member(&f, 0)->phase >= rows[i].phase);
            flow_walk(&f, 0, MEMBER_ENDED);
            ended(&f, 0, OUTCOME_SUCCEEDED, REASON_DELIVERED, FW_RESULT_INITIAL);
        }
        flow_free(&f);
    }
}

static void
a_device_without_package_list_is_not_asked_for_what_is_not_needed(void **state)
{
    (void)state;
    struct flow f;
    begin_data(&f, 1);
    f.devices[0] = (struct device_rec){.dev_eui = f.devices[0].dev_eui, .fleet_id = 1};
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < 60 && flow_member(&f, 0)->phase <= MEMBER_ASK_FRAG; i++) {
        flow_noise(&f, 0);
        flow_uplink(&f, 0, 201, "000302");
    }
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_ASK_MCAST);
    flow_uplink(&f, 0, 200, "000202");
    assert_true(flow_member(&f, 0)->phase >= MEMBER_READY);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    /* A campaign with firmware has to find out. */
    assert_false(f.devices[0].packages_known);
    flow_free(&f);
}

static void an_outcome_of_data_outlives_a_restart_and_an_abort(void **state)
{
    (void)state;
    struct flow f;
    begin_data(&f, 2);
    flow_apply(&f);
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_SESSION);
    }
    flow_walk(&f, 1, MEMBER_LISTENING);
    flow_walk(&f, 0, MEMBER_ENDED);
    flow_restart(&f);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_DELIVERED, FW_RESULT_INITIAL);
    flow_control(&f, ENGINE_ABORT);
    flow_wait(&f, DAYS_US(1));
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_DELIVERED, FW_RESULT_INITIAL);
    ended(&f, 1, OUTCOME_CANCELLED, REASON_ABORTED, FW_RESULT_CANCELLED);
    assert_int_equal(f.campaign.phase, CAMPAIGN_ABORTED);
    flow_free(&f);
}

TEST_MAIN(
    cmocka_unit_test(who_says_that_it_has_the_block_has_succeeded),
    cmocka_unit_test(a_count_of_frames_is_no_proof),
    cmocka_unit_test(
        who_is_silent_with_the_block_ends_as_unknown_and_is_sent_nothing_more),
    cmocka_unit_test(who_lacks_fragments_and_means_it_has_failed),
    cmocka_unit_test(firmware_management_is_needed_only_to_tell_what_runs),
    cmocka_unit_test(a_device_without_package_list_is_not_asked_for_what_is_not_needed),
    cmocka_unit_test(an_outcome_of_data_outlives_a_restart_and_an_abort))
