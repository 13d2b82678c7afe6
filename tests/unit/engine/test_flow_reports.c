/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: what devices report in LwM2M beside their answers. */
#include <stdio.h>
#include <string.h>

#include "flow_steps.h"

enum {
    LWM2M_FPORT = 5,
};

static const struct profile talker = {.name = "talker", .lwm2m_fport = LWM2M_FPORT};

static void begin_talker(struct flow *f)
{
    flow_init(f, 1);
    assert_int_equal(engine_set_profile(f->engine, f->devices[0].dev_eui, &talker),
                     FUO_OK);
    f->profiles[0] = &talker;
    flow_apply(f);
}

/* An uplink of TLV, a moment later than the one before. */
static void tell(struct flow *f, const char *hex)
{
    flow_wait(f, SECONDS_US(20));
    flow_uplink(f, 0, LWM2M_FPORT, hex);
}

static void report(struct flow *f, const struct engine_report *from)
{
    struct engine_event event = {.type = ENGINE_EV_REPORTED, .reported = *from};
    event.reported.dev_eui = f->devices[0].dev_eui;
    flow_step(f, &event);
}

static void is_in(const struct flow *f, enum fw_state state, unsigned result,
                  enum fw_source source)
{
    const struct member_rec *m = flow_member(f, 0);
    assert_int_equal(m->state, state);
    assert_int_equal(m->result, result);
    assert_int_equal(m->source, source);
    /* And so it is stored. */
    assert_int_equal(f->members[0].state, state);
    assert_int_equal(f->members[0].result, result);
    assert_int_equal(f->members[0].source, source);
}

static void tlv_on_the_port_of_the_profile_is_a_report(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        uint8_t state;
        uint8_t result;
        const char *package;
        const char *firmware;
    } rows[] = {
        {"State", "c10301", 1, RECORD_NEVER, "", ""},
        {"Update Result", "c10502", RECORD_NEVER, 2, "", ""},
        {"a State of four bytes", "c40300000001", 1, RECORD_NEVER, "", ""},
        {"/5/0 and /3/0/3", "c10300c10500c507312e342e33c503312e342e32", 0, 0, "1.4.3",
         "1.4.2"},
        {"wrapped (coap-node)", "080006c10301c10500", 1, 0, "", ""},
        {"wrapped, and short", "0600c10301c10500", 1, 0, "", ""},
        {"what else there is", "c000c103018308410001c10902", 1, RECORD_NEVER, "", ""},
        {"a number that is none", "c103ffc20501f4", RECORD_NEVER, RECORD_NEVER, "", ""},
        {"half a message", "c10301c205", RECORD_NEVER, RECORD_NEVER, "", ""},
        {"another resource's values", "8303410001", RECORD_NEVER, RECORD_NEVER, "", ""},
        {"not TLV", "48656c6c6f", RECORD_NEVER, RECORD_NEVER, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin_talker(&f);
        test_row(rows[i].name);
        tell(&f, rows[i].hex);
        const struct report_rec *got = engine_report(f.engine, f.devices[0].dev_eui);
        bool said = rows[i].state != RECORD_NEVER || rows[i].result != RECORD_NEVER;
        assert_true(got != NULL || !said);
        assert_int_equal(got != NULL ? got->state : RECORD_NEVER, rows[i].state);
        assert_int_equal(got != NULL ? got->result : RECORD_NEVER, rows[i].result);
        assert_string_equal(got != NULL ? got->package_version : "", rows[i].package);
        assert_string_equal(got != NULL ? got->firmware_version : "", rows[i].firmware);
        flow_free(&f);
    }
}

static void other_ports_and_old_uplinks_are_none(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_wait(&f, SECONDS_US(20));
    flow_uplink(&f, 0, LWM2M_FPORT + 1, "c10301");
    assert_null(engine_report(f.engine, f.devices[0].dev_eui));
    tell(&f, "c10302");
    f.now = utc_after(f.now, -SECONDS_US(1)); /* of the same time: the server repeats */
    flow_uplink(&f, 0, LWM2M_FPORT, "c10301");
    is_in(&f, FW_DOWNLOADED, 0, FW_REPORTED);
    assert_null(engine_report(f.engine, 99));
    flow_free(&f);
}

static void what_is_reported_stands_beside_what_is_inferred(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    is_in(&f, FW_DOWNLOADING, 0, FW_INFERRED);
    tell(&f, "c10301c10500");
    is_in(&f, FW_DOWNLOADING, 0, FW_REPORTED);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    is_in(&f, FW_DOWNLOADED, 0, FW_INFERRED); /* it has gone on since */
    flow_walk(&f, 0, MEMBER_VERIFY);
    is_in(&f, FW_UPDATING, 0, FW_INFERRED);
    tell(&f, "c10303");
    is_in(&f, FW_UPDATING, 0, FW_REPORTED);
    tell(&f, "c10300"); /* State before Result: not judged */
    is_in(&f, FW_UPDATING, 0, FW_REPORTED);
    tell(&f, "c10501");
    is_in(&f, FW_IDLE, FW_RESULT_SUCCESS, FW_REPORTED);
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE); /* no proof yet */
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    is_in(&f, FW_IDLE, FW_RESULT_SUCCESS, FW_REPORTED);
    assert_int_equal(f.alerts, 0);
    flow_free(&f);
}

static void a_failure_it_saw_is_the_end(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_VERIFY);
    tell(&f, "c10303c10500");
    tell(&f, "c10300c10508");
    ended(&f, 0, OUTCOME_FAILED, REASON_REPORTED, FW_RESULT_UPDATE_FAILED);
    is_in(&f, FW_IDLE, FW_RESULT_UPDATE_FAILED, FW_REPORTED);
    assert_int_equal(f.campaign.phase, CAMPAIGN_COMPLETED);
    flow_free(&f);
}

static void a_download_that_failed_is_tried_again(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    tell(&f, "c10301");
    tell(&f, "c10300c10504");
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    assert_int_equal(flow_member(&f, 0)->reason, REASON_REPORTED);
    is_in(&f, FW_IDLE, 0, FW_INFERRED); /* a new attempt */
    flow_free(&f);
}

/* It is of an update before: its Result stays until the next download. */
static void an_old_result_fails_nobody(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    tell(&f, "c10300c10508");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    flow_walk(&f, 0, MEMBER_VERIFY);
    tell(&f, "c10300c10508");
    flow_walk(&f, 0, MEMBER_ENDED);
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(f.alerts, 0);
    flow_free(&f);
}

static void a_conflict_is_an_alert(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_VERIFY);
    tell(&f, "c10303");
    flow_walk(&f, 0, MEMBER_ENDED); /* the new version runs */
    is_in(&f, FW_IDLE, FW_RESULT_SUCCESS, FW_INFERRED);
    assert_int_equal(f.alerts, 0);
    tell(&f, "c10300c10508"); /* and it says that the update failed */
    assert_int_equal(f.alerts, 1);
    /* Reported outranks inferred; the outcome is final. */
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_UPDATE_FAILED);
    is_in(&f, FW_IDLE, FW_RESULT_UPDATE_FAILED, FW_REPORTED);
    flow_free(&f);
}

static void what_cannot_be_is_an_alert_and_changes_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    tell(&f, "c10301c10505");
    tell(&f, "c10304");
    assert_int_equal(f.alerts, 2);
    is_in(&f, FW_DOWNLOADING, 0, FW_INFERRED);
    flow_free(&f);
}

static void its_version_is_proof_if_it_was_another_before(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *before;
        enum member_phase phase;
        const char *now;
        bool proof;
    } rows[] = {
        {"the campaign's", "1.4.2", MEMBER_VERIFY, "1.4.3", true},
        {"... and it never said another", "", MEMBER_VERIFY, "1.4.3", true},
        {"... before it was told to reboot", "1.4.2", MEMBER_UPGRADE, "1.4.3", true},
        {"... before it had the block", "1.4.2", MEMBER_LISTENING, "1.4.3", false},
        {"... as before", "1.4.3", MEMBER_VERIFY, "1.4.3", false},
        {"longer", "1.4.2", MEMBER_VERIFY, "1.4.30", false},
        {"shorter", "1.4.2", MEMBER_VERIFY, "1.4", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct engine_report before = {.package_version = ""};
        struct engine_report now = {.package_version = ""};
        begin_talker(&f);
        test_row(rows[i].name);
        memcpy(before.firmware_version, rows[i].before, strlen(rows[i].before));
        memcpy(now.firmware_version, rows[i].now, strlen(rows[i].now));
        report(&f, &before);
        flow_walk(&f, 0, rows[i].phase);
        report(&f, &now);
        assert_int_equal(flow_member(&f, 0)->outcome,
                         rows[i].proof ? OUTCOME_SUCCEEDED : OUTCOME_NONE);
        flow_free(&f);
    }
}

/* What DevVersionAns said before is no longer true. */
static void the_number_of_the_version_follows_the_text(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t given; /* of the campaign */
        bool proof;
        bool known;
    } rows[] = {
        {"proof, and its number is known", FLOW_VERSION, true, true},
        {"proof, and devices agreed on it", SPEC_AUTO_U32, true, true},
        {"another text than before", FLOW_VERSION, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_talker(&f);
        f.spec.image.firmware_version = rows[i].given;
        report(&f, &(struct engine_report){.firmware_version = "1.4.2"});
        flow_walk(&f, 0, MEMBER_VERIFY);
        assert_true(f.devices[0].firmware_known); /* it was asked before */
        assert_int_equal(f.devices[0].firmware_version, 1);
        struct engine_report then = {0};
        snprintf(then.firmware_version, sizeof(then.firmware_version), "%s",
                 rows[i].proof ? "1.4.3" : "1.4.1");
        report(&f, &then);
        assert_int_equal(f.devices[0].firmware_known, rows[i].known);
        if (rows[i].known) {
            assert_int_equal(f.devices[0].firmware_version, FLOW_VERSION);
            assert_true(f.members[0].version_after_known);
            assert_int_equal(f.members[0].version_after, FLOW_VERSION);
        }
        assert_int_equal(flow_member(&f, 0)->outcome,
                         rows[i].proof ? OUTCOME_SUCCEEDED : OUTCOME_NONE);
        flow_free(&f);
    }
}

static void the_battery_is_told_by_messages_of_its_object(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        int percent; /* -1: nothing */
    } rows[] = {
        {"/3/0/9 alone", "c10940", 64},
        {"/3/0", "c503312e342e32c10964", 100},
        {"the delivery method of /5/0", "c10301c10902", -1},
        {"none that can be", "c10965", -1},
        {"below zero", "c109ff", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_talker(&f);
        tell(&f, rows[i].hex);
        const struct device_rec *d = engine_device(f.engine, f.devices[0].dev_eui);
        assert_int_equal(d->battery_known, rows[i].percent >= 0);
        assert_int_equal(d->battery_percent, rows[i].percent >= 0 ? rows[i].percent : 0);
        flow_free(&f);
    }
}

static void who_is_back_is_asked_what_runs(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_VERIFY);
    tell(&f, "c10303");
    size_t asked = f.send_count[0];
    assert_int_equal(flow_member(&f, 0)->command_id, 0); /* the reboot is not due */
    tell(&f, "c10300c10501");
    assert_int_equal(f.send_count[0], asked + 1);
    assert_int_equal(f.last_send[0].send.payload[0], 0x01); /* DevVersionReq */
    flow_free(&f);
}

static void who_says_that_it_has_all_is_asked_for_its_image(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    tell(&f, "c10302"); /* not everything was sent yet */
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_LISTENING);
    while (f.transmission.next_n <= f.transmission.frag_count) {
        flow_wait(&f, SECONDS_US(10));
    }
    tell(&f, "c10301");
    tell(&f, "c10302");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_UPGRADE);
    flow_free(&f);
}

static void reports_outlive_a_restart(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_VERIFY);
    tell(&f, "c10303c503312e342e32");
    assert_true(f.members[0].reports);
    flow_restart(&f);
    const struct report_rec *rec = engine_report(f.engine, f.devices[0].dev_eui);
    assert_non_null(rec);
    assert_string_equal(rec->firmware_version, "1.4.2");
    is_in(&f, FW_UPDATING, 0, FW_REPORTED);
    tell(&f, "c10300c10508"); /* of this attempt, as it still knows */
    ended(&f, 0, OUTCOME_FAILED, REASON_REPORTED, FW_RESULT_UPDATE_FAILED);
    flow_free(&f);
}

/* What is not news is stored once an hour. */
static void repetition_costs_the_disk_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    for (int i = 0; i < 30; i++) {
        tell(&f, "c10300c10500");
    }
    assert_int_equal(f.reports_stored, 1);
    flow_wait(&f, HOURS_US(1));
    tell(&f, "c10300c10500");
    assert_int_equal(f.reports_stored, 2);
    flow_free(&f);
}

static void progress_is_what_it_told(void **state)
{
    (void)state;
    struct flow f;
    begin_talker(&f);
    flow_walk(&f, 0, MEMBER_LISTENING);
    assert_int_equal(engine_progress_ppm(f.engine, flow_member(&f, 0)), 0);
    while (f.transmission.next_n <= f.transmission.frag_count) {
        flow_wait(&f, SECONDS_US(10));
    }
    struct member_rec m = *flow_member(&f, 0);
    m.missing = f.transmission.frag_count / 2;
    uint32_t ppm = engine_progress_ppm(f.engine, &m);
    assert_true(ppm >= 500000 && ppm < 600000);
    m.missing = f.transmission.frag_count + 1;
    assert_int_equal(engine_progress_ppm(f.engine, &m), 0);
    flow_walk(&f, 0, MEMBER_UPGRADE);
    assert_int_equal(engine_progress_ppm(f.engine, flow_member(&f, 0)), SPEC_PPM);
    flow_walk(&f, 0, MEMBER_ENDED);
    assert_int_equal(engine_progress_ppm(f.engine, flow_member(&f, 0)), SPEC_PPM);
    flow_free(&f);
}

static void nobody_in_particular_is_kept_too(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1); /* no campaign */
    struct engine_report said = {.fw = {.has_state = true, .state = FW_DOWNLOADED}};
    report(&f, &said);
    assert_int_equal(engine_report(f.engine, f.devices[0].dev_eui)->state, FW_DOWNLOADED);
    assert_int_equal(f.report.state, FW_DOWNLOADED);
    assert_int_equal(f.report.result, RECORD_NEVER);
    struct report_rec stranger = {.dev_eui = 99};
    assert_int_equal(engine_restore_report(f.engine, &stranger), FUO_ENOENT);
    struct engine_event event = {.type = ENGINE_EV_REPORTED, .reported = {.dev_eui = 99}};
    flow_step(&f, &event);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(the_number_of_the_version_follows_the_text),
          cmocka_unit_test(the_battery_is_told_by_messages_of_its_object),
          cmocka_unit_test(tlv_on_the_port_of_the_profile_is_a_report),
          cmocka_unit_test(other_ports_and_old_uplinks_are_none),
          cmocka_unit_test(what_is_reported_stands_beside_what_is_inferred),
          cmocka_unit_test(a_failure_it_saw_is_the_end),
          cmocka_unit_test(a_download_that_failed_is_tried_again),
          cmocka_unit_test(an_old_result_fails_nobody),
          cmocka_unit_test(a_conflict_is_an_alert),
          cmocka_unit_test(what_cannot_be_is_an_alert_and_changes_nothing),
          cmocka_unit_test(its_version_is_proof_if_it_was_another_before),
          cmocka_unit_test(who_is_back_is_asked_what_runs),
          cmocka_unit_test(who_says_that_it_has_all_is_asked_for_its_image),
          cmocka_unit_test(reports_outlive_a_restart),
          cmocka_unit_test(repetition_costs_the_disk_nothing),
          cmocka_unit_test(progress_is_what_it_told),
          cmocka_unit_test(nobody_in_particular_is_kept_too))
