/* SPDX-License-Identifier: MIT */
/* Campaigns that may not begin yet, and those whose deadline comes, on virtual time. */
#include <string.h>

#include "test.h"

#include "rig_config.h"

enum {
    DEVICES = 12,
    SEEDS = 60,
};

static struct utc at(const struct rig *rig, int64_t delay_us)
{
    return utc_after(rig->net.config.start, delay_us);
}

static void begin(struct rig *rig, enum spec_end_behavior end, int64_t deadline_us)
{
    struct rig_config config = config_of(DEVICES, 50000, NETWORK_PACKAGES_V2);
    config.image_len = 20000;
    config.net.seed = 2;
    rig_init(rig, &config);
    rig->spec.radio.spacing_us = SECONDS_US(10);
    rig->spec.schedule.end_behavior = end;
    rig->deadline = at(rig, deadline_us);
    rig_apply(rig);
}

static size_t count(const struct rig *rig, enum outcome outcome,
                    enum member_reason reason)
{
    size_t n = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        const struct member_rec *m = &rig->store.members[i];
        n += m->outcome == outcome && m->reason == reason;
    }
    return n;
}

static bool is_any_in(const struct rig *rig, enum member_phase phase)
{
    bool any = false;
    for (size_t i = 0; i < DEVICES; i++) {
        any |= rig->store.members[i].phase == phase;
    }
    return any;
}

static void must_end(struct rig *rig, int64_t limit_us)
{
    bool over = rig_run(rig, limit_us);
    if (!over) {
        dump(rig);
    }
    assert_string_equal(violation_of(rig), "");
    assert_true(over);
    assert_null(rig->net.cs.groups);
}

/* ---- notBefore ---- */

/* Applied, and not to begin before that. */
static void wait_until(struct rig *rig, int64_t delay_us)
{
    struct rig_config config = config_of(DEVICES, 0, NETWORK_PACKAGES_V2);
    rig_init(rig, &config);
    rig->not_before = at(rig, delay_us);
    rig_apply(rig);
}

static void before_its_time_nothing_is_sent(void **state)
{
    (void)state;
    struct rig rig;
    wait_until(&rig, HOURS_US(30));
    rig_run_for(&rig, HOURS_US(10));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_SCHEDULED);
    assert_int_equal(rig.store.campaign.started.us, 0);
    rig_restart(&rig);
    rig_run_for(&rig, HOURS_US(20) - SECONDS_US(1));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_SCHEDULED);
    assert_int_equal(rig.group_setups, 0);
    must_end(&rig, DAYS_US(2));
    assert_int_equal(rig.store.campaign.started.us, rig.not_before.us);
    assert_int_equal(rig_updated(&rig), DEVICES);
    rig_free(&rig);
}

static void a_daemon_that_was_away_begins_when_it_is_back(void **state)
{
    (void)state;
    struct rig rig;
    wait_until(&rig, HOURS_US(1));
    rig_run_for(&rig, MINUTES_US(59));
    rig.now = at(&rig, HOURS_US(3));
    rig_restart(&rig);
    rig_run_for(&rig, SECONDS_US(1));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_RUNNING);
    must_end(&rig, DAYS_US(2));
    assert_int_equal(rig_updated(&rig), DEVICES);
    rig_free(&rig);
}

static void a_pause_and_its_end_change_no_date(void **state)
{
    (void)state;
    struct rig rig;
    wait_until(&rig, HOURS_US(10));
    rig_control(&rig, ENGINE_PAUSE);
    rig_run_for(&rig, HOURS_US(1));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_PAUSED);
    rig_restart(&rig);
    rig_control(&rig, ENGINE_RESUME);
    rig_run_for(&rig, HOURS_US(1));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_SCHEDULED);
    rig_control(&rig, ENGINE_PAUSE);
    rig_run_for(&rig, HOURS_US(12)); /* the time comes while it is paused */
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_PAUSED);
    assert_int_equal(rig.group_setups, 0);
    rig_control(&rig, ENGINE_RESUME);
    must_end(&rig, DAYS_US(2));
    assert_int_equal(rig_updated(&rig), DEVICES);
    rig_free(&rig);
}

static void what_never_began_can_be_aborted(void **state)
{
    (void)state;
    struct rig rig;
    wait_until(&rig, HOURS_US(10));
    rig_control(&rig, ENGINE_ABORT);
    must_end(&rig, MINUTES_US(1));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_ABORTED);
    assert_int_equal(count(&rig, OUTCOME_CANCELLED, REASON_ABORTED), DEVICES);
    rig_free(&rig);
}

/* ---- the deadline ---- */

/* The phase that most of the devices are in when they are in that phase. */
static void run_until_phase(struct rig *rig, enum tx_phase phase)
{
    while (rig->store.transmissions[1].phase != phase) {
        rig_run_for(rig, SECONDS_US(10));
        assert_true(rig->now.us < rig->deadline.us);
    }
}

/* When the first transmission of a campaign without a deadline is in that phase. */
static int64_t time_of(enum tx_phase phase)
{
    struct rig rig;
    begin(&rig, SPEC_END_DRAIN, DAYS_US(30));
    run_until_phase(&rig, phase);
    int64_t us = rig.now.us - rig.net.config.start.us;
    rig_free(&rig);
    return us;
}

static void drain_finishes_the_session_that_is_under_way(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, SPEC_END_DRAIN, time_of(TX_SENDING) + MINUTES_US(2));
    must_end(&rig, DAYS_US(6));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_COMPLETED);
    assert_int_equal(rig_updated(&rig), DEVICES);
    assert_int_equal(count(&rig, OUTCOME_SUCCEEDED, REASON_VERIFIED), DEVICES);
    assert_string_equal(rig.store.campaign.reason, "");
    rig_free(&rig);
}

static void drain_begins_no_session_that_is_only_dated(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, SPEC_END_DRAIN, time_of(TX_LEAD) + MINUTES_US(1));
    must_end(&rig, DAYS_US(6));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_COMPLETED);
    assert_string_equal(rig.store.campaign.reason,
                        "the deadline came before every device was done");
    assert_int_equal(rig.multicast_count, 0);
    assert_int_equal(count(&rig, OUTCOME_CANCELLED, REASON_DEADLINE), DEVICES);
    rig_free(&rig);
}

static void drain_leaves_who_needs_another_session_as_it_is(void **state)
{
    (void)state;
    struct rig rig;
    struct calendar_span window;
    begin(&rig, SPEC_END_DRAIN, time_of(TX_SENDING) + MINUTES_US(20));
    /* One window, which is too short for all fragments. */
    window =
        (struct calendar_span){rig.now, at(&rig, time_of(TX_SENDING) + MINUTES_US(8))};
    rig_windows(&rig, &window, 1);
    must_end(&rig, DAYS_US(6));
    assert_true(rig.multicast_count > 0);
    assert_int_equal(rig_updated(&rig), 0);
    assert_int_equal(count(&rig, OUTCOME_CANCELLED, REASON_DEADLINE), DEVICES);
    rig_free(&rig);
}

static void stop_ends_a_session_in_the_middle(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, SPEC_END_STOP, DAYS_US(30));
    run_until_phase(&rig, TX_SENDING);
    /* Later than it was dated: as if an operator had brought the deadline forward. */
    rig.deadline = utc_after(rig.now, MINUTES_US(3));
    rig_restart(&rig);
    must_end(&rig, DAYS_US(6));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_COMPLETED);
    assert_int_equal(count(&rig, OUTCOME_CANCELLED, REASON_DEADLINE), DEVICES);
    assert_true(rig.store.campaign.ended.us <= rig.deadline.us + SECONDS_US(1));
    rig_free(&rig);
}

static void stop_dates_no_session_that_could_not_end_in_time(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, SPEC_END_STOP, time_of(TX_SENDING) + MINUTES_US(2));
    must_end(&rig, DAYS_US(6));
    assert_int_equal(rig.multicast_count, 0);
    assert_int_equal(count(&rig, OUTCOME_CANCELLED, REASON_DEADLINE), DEVICES);
    rig_free(&rig);
}

/* Who was told to install may run either version: nobody asks it any more. */
static void stop_leaves_who_installs_unknown(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, SPEC_END_STOP, DAYS_US(30));
    while (rig.store.members[0].phase != MEMBER_VERIFY) {
        rig_run_for(&rig, SECONDS_US(10));
    }
    rig.deadline = utc_after(rig.now, SECONDS_US(5));
    rig_restart(&rig);
    must_end(&rig, DAYS_US(6));
    const struct member_rec *m = &rig.store.members[0];
    assert_int_equal(m->outcome, OUTCOME_UNKNOWN);
    assert_int_equal(m->reason, REASON_DEADLINE);
    assert_int_equal(m->state, FW_UPDATING);
    assert_int_equal(m->result, FW_RESULT_INITIAL);
    rig_run_for(&rig, HOURS_US(2));
    assert_true(rig_runs_image(&rig, 0));
    rig_free(&rig);
}

static void abort_at_the_deadline_is_an_abort(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, SPEC_END_ABORT, DAYS_US(30));
    while (!is_any_in(&rig, MEMBER_REBOOT)) {
        rig_run_for(&rig, SECONDS_US(1));
    }
    rig.deadline = utc_after(rig.now, SECONDS_US(5));
    rig_restart(&rig);
    must_end(&rig, DAYS_US(6));
    assert_int_equal(rig.store.campaign.phase, CAMPAIGN_ABORTED);
    assert_string_equal(rig.store.campaign.reason, "the deadline came");
    assert_int_equal(count(&rig, OUTCOME_NONE, REASON_NONE), 0);
    rig_free(&rig);
}

static void a_deadline_counts_while_paused_and_while_away(void **state)
{
    (void)state;
    static const enum spec_end_behavior ends[] = {SPEC_END_DRAIN, SPEC_END_STOP,
                                                  SPEC_END_ABORT};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct rig rig;
        begin(&rig, ends[i], HOURS_US(9));
        rig_control(&rig, ENGINE_PAUSE);
        must_end(&rig, HOURS_US(10));
        assert_true(rig.store.campaign.ended.us - rig.deadline.us <= SECONDS_US(1));
        assert_int_equal(count(&rig, OUTCOME_CANCELLED, REASON_NONE), 0);
        rig_free(&rig);
        begin(&rig, ends[i], HOURS_US(9));
        rig_run_for(&rig, SECONDS_US(20));
        rig.now = at(&rig, HOURS_US(20));
        rig_restart(&rig);
        must_end(&rig, HOURS_US(1));
        rig_free(&rig);
    }
}

/* ---- whatever goes wrong ---- */

static void check_seed(uint64_t seed)
{
    struct rig rig;
    struct rig_config config = config_of(DEVICES, 100000, NETWORK_PACKAGES_V2);
    config.net.seed = seed;
    config.net.gateway_count = 1 + seed % 2;
    config.image_len = 2000 + 1700 * (seed % 7);
    rig_init(&rig, &config);
    rig.spec.radio.spacing_us = SECONDS_US(10);
    rig.spec.schedule.end_behavior = (enum spec_end_behavior)(seed % 3);
    rig.not_before = at(&rig, MINUTES_US(17 * (int64_t)(seed % 4)));
    rig.deadline = utc_after(rig.not_before, MINUTES_US(9 * (int64_t)(seed % 23) + 1));
    rig.faults = (struct rig_faults){RIG_NETWORK_FAULTS};
    rig_faults_start(&rig, seed);
    do {
        rig_apply(&rig);
        rig_run_for(&rig, SECONDS_US(1));
    } while (!rig.store.has_campaign);
    bool over = rig_run(&rig, DAYS_US(40));
    if (!over || rig.check.violation != NULL) {
        printf("# seed %llu: %s\n", (unsigned long long)seed, violation_of(&rig));
        dump(&rig);
    }
    assert_true(over);
    assert_string_equal(violation_of(&rig), "");
    rig_free(&rig);
}

static void whatever_goes_wrong_the_time_is_kept(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        check_seed(seed);
    }
}

TEST_MAIN(cmocka_unit_test(before_its_time_nothing_is_sent),
          cmocka_unit_test(a_daemon_that_was_away_begins_when_it_is_back),
          cmocka_unit_test(a_pause_and_its_end_change_no_date),
          cmocka_unit_test(what_never_began_can_be_aborted),
          cmocka_unit_test(drain_finishes_the_session_that_is_under_way),
          cmocka_unit_test(drain_begins_no_session_that_is_only_dated),
          cmocka_unit_test(drain_leaves_who_needs_another_session_as_it_is),
          cmocka_unit_test(stop_ends_a_session_in_the_middle),
          cmocka_unit_test(stop_dates_no_session_that_could_not_end_in_time),
          cmocka_unit_test(stop_leaves_who_installs_unknown),
          cmocka_unit_test(abort_at_the_deadline_is_an_abort),
          cmocka_unit_test(a_deadline_counts_while_paused_and_while_away),
          cmocka_unit_test(whatever_goes_wrong_the_time_is_kept))
