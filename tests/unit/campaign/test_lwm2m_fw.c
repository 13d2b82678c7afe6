/* SPDX-License-Identifier: MIT */
/* Every row of lwm2m.md 1.2 and of 1.6, and which of the two sources stands. */
#include <string.h>

#include "test.h"

#include "campaign/lwm2m_fw.h"

static struct fw_view reported(enum fw_state state, enum fw_result result)
{
    return (struct fw_view){
        .status = {state, result}, .source = FW_REPORTED, .begun = true};
}

static struct fw_view inferred(enum fw_state state, enum fw_result result)
{
    return (struct fw_view){.status = {state, result}, .source = FW_INFERRED};
}

static enum fw_verdict report_both(struct fw_view *view, unsigned state, unsigned result)
{
    struct fw_report report = {true, true, (uint8_t)state, (uint8_t)result};
    return fw_take_report(view, &report);
}

static enum fw_verdict report_state(struct fw_view *view, unsigned state)
{
    struct fw_report report = {.has_state = true, .state = (uint8_t)state};
    return fw_take_report(view, &report);
}

static enum fw_verdict report_result(struct fw_view *view, unsigned result)
{
    struct fw_report report = {.has_result = true, .result = (uint8_t)result};
    return fw_take_report(view, &report);
}

static void assert_view(const struct fw_view *view, enum fw_state state,
                        enum fw_result result, enum fw_source source)
{
    assert_int_equal(view->status.state, state);
    assert_int_equal(view->status.result, result);
    assert_int_equal(view->source, source);
}

/* ---- the automaton ---- */

static const struct {
    const char *name;
    enum fw_state from;
    enum fw_state to;
    enum fw_result result;
} steps[] = {
    {"1: instantiated", FW_IDLE, FW_IDLE, FW_RESULT_INITIAL},
    {"2, 3: Package or URI written", FW_IDLE, FW_DOWNLOADING, FW_RESULT_INITIAL},
    {"4: scheme", FW_IDLE, FW_IDLE, FW_RESULT_UNSUPPORTED_PROTOCOL},
    {"4: URI", FW_IDLE, FW_IDLE, FW_RESULT_INVALID_URI},
    {"4: type", FW_IDLE, FW_IDLE, FW_RESULT_UNSUPPORTED_PACKAGE},
    {"5: all received", FW_DOWNLOADING, FW_DOWNLOADED, FW_RESULT_INITIAL},
    {"6: flash", FW_DOWNLOADING, FW_IDLE, FW_RESULT_NO_FLASH},
    {"6: RAM", FW_DOWNLOADING, FW_IDLE, FW_RESULT_NO_RAM},
    {"6: connection", FW_DOWNLOADING, FW_IDLE, FW_RESULT_CONNECTION_LOST},
    {"7: integrity", FW_DOWNLOADING, FW_IDLE, FW_RESULT_INTEGRITY},
    {"7: type", FW_DOWNLOADING, FW_IDLE, FW_RESULT_UNSUPPORTED_PACKAGE},
    {"7: URI", FW_DOWNLOADING, FW_IDLE, FW_RESULT_INVALID_URI},
    {"7: protocol", FW_DOWNLOADING, FW_IDLE, FW_RESULT_UNSUPPORTED_PROTOCOL},
    {"8: Cancel", FW_DOWNLOADING, FW_IDLE, FW_RESULT_CANCELLED},
    {"9: empty URI", FW_DOWNLOADING, FW_IDLE, FW_RESULT_INITIAL},
    {"10: conflicting state", FW_DOWNLOADING, FW_IDLE, FW_RESULT_CONFLICTING_STATE},
    {"11: empty URI or NUL", FW_DOWNLOADED, FW_IDLE, FW_RESULT_INITIAL},
    {"12: Cancel", FW_DOWNLOADED, FW_IDLE, FW_RESULT_CANCELLED},
    {"13: deferred", FW_DOWNLOADED, FW_DOWNLOADED, FW_RESULT_DEFERRED},
    {"14: Execute", FW_DOWNLOADED, FW_UPDATING, FW_RESULT_INITIAL},
    {"15: success", FW_UPDATING, FW_IDLE, FW_RESULT_SUCCESS},
    {"16: integrity", FW_UPDATING, FW_IDLE, FW_RESULT_INTEGRITY},
    {"16: failed", FW_UPDATING, FW_IDLE, FW_RESULT_UPDATE_FAILED},
    {"16: dependency", FW_UPDATING, FW_IDLE, FW_RESULT_DEPENDENCY},
    {"17: failed, kept", FW_UPDATING, FW_DOWNLOADED, FW_RESULT_UPDATE_FAILED},
    {"17: dependency, kept", FW_UPDATING, FW_DOWNLOADED, FW_RESULT_DEPENDENCY},
};

static bool is_listed(enum fw_state from, enum fw_state to, enum fw_result result)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (steps[i].from == from && steps[i].to == to && steps[i].result == result) {
            return true;
        }
    }
    return false;
}

/* Every State with every Result. */
enum {
    STATUS_COUNT = (FW_UPDATING + 1) * (FW_RESULT_MAX + 1),
};

static struct fw_status nth_status(unsigned i)
{
    return (struct fw_status){(enum fw_state)(i / (FW_RESULT_MAX + 1)),
                              (enum fw_result)(i % (FW_RESULT_MAX + 1))};
}

static void the_steps_are_the_rows_and_no_others(void **state)
{
    (void)state;
    for (int from = 0; from <= FW_UPDATING; from++) {
        for (unsigned i = 0; i < STATUS_COUNT; i++) {
            struct fw_status to = nth_status(i);
            assert_int_equal(fw_is_step((enum fw_state)from, &to),
                             is_listed((enum fw_state)from, to.state, to.result));
        }
    }
}

static void each_row_that_is_reported_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct fw_view view = reported(steps[i].from, FW_RESULT_INITIAL);
        bool nothing_new =
            steps[i].from == steps[i].to && steps[i].result == FW_RESULT_INITIAL;
        test_row(steps[i].name);
        assert_int_equal(report_both(&view, steps[i].to, steps[i].result),
                         nothing_new ? FW_SAME : FW_TAKEN);
        assert_view(&view, steps[i].to, steps[i].result, FW_REPORTED);
    }
}

/* 4.05: the request was rejected, the status stays. */
static void a_request_that_is_rejected_changes_nothing(void **state)
{
    (void)state;
    for (unsigned at = FW_DOWNLOADING; at <= FW_UPDATING; at++) {
        struct fw_view view = reported((enum fw_state)at, FW_RESULT_INITIAL);
        assert_int_equal(report_both(&view, at, FW_RESULT_INITIAL), FW_SAME);
        assert_view(&view, (enum fw_state)at, FW_RESULT_INITIAL, FW_REPORTED);
    }
}

static void rows_may_be_missed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fw_status from;
        struct fw_status to;
    } rows[] = {
        {"a push that is seen too late (Anjay)", {FW_IDLE, 0}, {FW_DOWNLOADED, 0}},
        {"download and execute", {FW_IDLE, 0}, {FW_UPDATING, 0}},
        {"all of it", {FW_IDLE, 0}, {FW_IDLE, FW_RESULT_SUCCESS}},
        {"executed and over", {FW_DOWNLOADED, 0}, {FW_IDLE, FW_RESULT_SUCCESS}},
        {"from the download to its failure", {FW_DOWNLOADING, 0}, {FW_IDLE, 8}},
        {"deferred, and begun again", {FW_DOWNLOADED, 11}, {FW_DOWNLOADING, 0}},
        {"rebooted, status not kept (Zephyr)", {FW_UPDATING, 0}, {FW_IDLE, 0}},
        {"the next update", {FW_IDLE, FW_RESULT_SUCCESS}, {FW_UPDATING, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fw_view view = reported(rows[i].from.state, rows[i].from.result);
        test_row(rows[i].name);
        assert_int_equal(report_both(&view, rows[i].to.state, rows[i].to.result),
                         FW_TAKEN);
        assert_view(&view, rows[i].to.state, rows[i].to.result, FW_REPORTED);
    }
}

static bool may_be(enum fw_state at, enum fw_result result)
{
    switch (at) {
    case FW_IDLE:
        return result != FW_RESULT_DEFERRED;
    case FW_DOWNLOADING:
    case FW_UPDATING:
        return result == FW_RESULT_INITIAL;
    case FW_DOWNLOADED:
        break;
    }
    return result == FW_RESULT_INITIAL || result == FW_RESULT_UPDATE_FAILED ||
           result == FW_RESULT_DEFERRED || result == FW_RESULT_DEPENDENCY;
}

static void what_no_row_leads_to_is_impossible(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        struct fw_status status = nth_status(i);
        struct fw_view view = reported(FW_DOWNLOADED, FW_RESULT_DEFERRED);
        bool possible = may_be(status.state, status.result);
        assert_int_equal(report_both(&view, status.state, status.result) == FW_IMPOSSIBLE,
                         !possible);
        assert_int_equal(view.status.state, possible ? status.state : FW_DOWNLOADED);
        assert_int_equal(view.status.result,
                         possible ? status.result : FW_RESULT_DEFERRED);
    }
    struct fw_view view = reported(FW_DOWNLOADED, FW_RESULT_DEFERRED);
    assert_int_equal(report_both(&view, FW_UPDATING + 1, FW_RESULT_INITIAL),
                     FW_IMPOSSIBLE);
}

static void results_that_are_not_known_are_failures_and_kept(void **state)
{
    (void)state;
    struct fw_view view = reported(FW_UPDATING, FW_RESULT_INITIAL);
    assert_int_equal(report_both(&view, FW_IDLE, 14), FW_TAKEN);
    assert_int_equal(view.status.result, 14);
    assert_true(fw_has_failed(&view.status));
    view = reported(FW_UPDATING, FW_RESULT_INITIAL);
    assert_int_equal(report_both(&view, FW_IDLE, FW_RESULT_MAX), FW_TAKEN);
    assert_int_equal(view.status.result, FW_RESULT_MAX);
}

static void idle_is_not_judged_before_its_result(void **state)
{
    (void)state;
    struct fw_view view = reported(FW_UPDATING, FW_RESULT_INITIAL);
    assert_int_equal(report_state(&view, FW_IDLE), FW_WAITING);
    assert_view(&view, FW_UPDATING, FW_RESULT_INITIAL, FW_REPORTED);
    assert_int_equal(report_result(&view, FW_RESULT_UPDATE_FAILED), FW_TAKEN);
    assert_view(&view, FW_IDLE, FW_RESULT_UPDATE_FAILED, FW_REPORTED);
    assert_false(view.waiting);
    /* The Result may be 0: rebooted, and it forgot. */
    view = reported(FW_UPDATING, FW_RESULT_INITIAL);
    assert_int_equal(report_state(&view, FW_IDLE), FW_WAITING);
    assert_int_equal(report_result(&view, FW_RESULT_INITIAL), FW_TAKEN);
    assert_view(&view, FW_IDLE, FW_RESULT_INITIAL, FW_REPORTED);
    /* Another State comes instead: it has begun anew. */
    view = reported(FW_UPDATING, FW_RESULT_INITIAL);
    assert_int_equal(report_state(&view, FW_IDLE), FW_WAITING);
    assert_int_equal(report_state(&view, FW_DOWNLOADING), FW_TAKEN);
    assert_false(view.waiting);
}

static void one_of_the_two_says_what_it_can(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fw_status from;
        bool is_state;
        uint8_t value;
        enum fw_verdict verdict;
        struct fw_status to;
    } rows[] = {
        {"Downloading", {FW_IDLE, 5}, true, 1, FW_TAKEN, {FW_DOWNLOADING, 0}},
        {"Updating", {FW_DOWNLOADED, 11}, true, 3, FW_TAKEN, {FW_UPDATING, 0}},
        {"Downloaded still", {FW_DOWNLOADED, 11}, true, 2, FW_SAME, {FW_DOWNLOADED, 11}},
        {"Idle still", {FW_IDLE, 5}, true, 0, FW_SAME, {FW_IDLE, 5}},
        {"a State that is none", {FW_IDLE, 0}, true, 4, FW_IMPOSSIBLE, {FW_IDLE, 0}},
        {"success", {FW_UPDATING, 0}, false, 1, FW_TAKEN, {FW_IDLE, 1}},
        {"no flash", {FW_DOWNLOADING, 0}, false, 2, FW_TAKEN, {FW_IDLE, 2}},
        {"deferred", {FW_DOWNLOADED, 0}, false, 11, FW_TAKEN, {FW_DOWNLOADED, 11}},
        {"0 with any", {FW_UPDATING, 0}, false, 0, FW_SAME, {FW_UPDATING, 0}},
        {"failed: is it kept?", {FW_UPDATING, 0}, false, 8, FW_WAITING, {FW_UPDATING, 0}},
        {"dependency, too", {FW_UPDATING, 0}, false, 13, FW_WAITING, {FW_UPDATING, 0}},
        {"failed, and over", {FW_IDLE, 0}, false, 8, FW_TAKEN, {FW_IDLE, 8}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fw_view view = reported(rows[i].from.state, rows[i].from.result);
        test_row(rows[i].name);
        assert_int_equal(rows[i].is_state ? report_state(&view, rows[i].value)
                                          : report_result(&view, rows[i].value),
                         rows[i].verdict);
        assert_view(&view, rows[i].to.state, rows[i].to.result, FW_REPORTED);
    }
}

/* ---- the mapping ---- */

static void each_row_of_the_mapping_has_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fw_evidence seen;
        unsigned state;
        unsigned result;
    } rows[] = {
        {"target in campaign, nothing acked", FW_SEEN_TARGETED, 0, 0},
        {"session agreed", FW_SEEN_SESSION, 1, 0},
        {"nothing missing, or MIC ok", FW_SEEN_BLOCK, 2, 0},
        {"upgrade, reboot accepted, vendor command", FW_SEEN_APPLYING, 3, 0},
        {"target version", FW_SEEN_TARGET_RUNS, 0, 1},
        {"NotEnoughMemory", FW_SEEN_NO_FLASH, 0, 2},
        {"NotEnoughMatrixMemory", FW_SEEN_NO_MATRIX, 0, 3},
        {"fragments missing at the end", FW_SEEN_INCOMPLETE, 0, 4},
        {"MIC, UpImageStatus 1", FW_SEEN_CORRUPT, 0, 5},
        {"encoding, descriptor, UpImageStatus 2", FW_SEEN_UNSUPPORTED, 0, 6},
        {"old version", FW_SEEN_OLD_RUNS, 0, 8},
        {"index, package", FW_SEEN_NO_PACKAGE, 0, 9},
        {"operator", FW_SEEN_CANCELLED, 0, 10},
        {"reboot time set", FW_SEEN_DEFERRED, 2, 11},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fw_status status = fw_status_of(rows[i].seen);
        test_row(rows[i].name);
        assert_int_equal(status.state, rows[i].state);
        assert_int_equal(status.result, rows[i].result);
        /* And a device that reports nothing is taken to be in it. */
        struct fw_view view = inferred(FW_DOWNLOADED, FW_RESULT_UPDATE_FAILED);
        assert_int_equal(fw_infer(&view, rows[i].seen), FW_TAKEN);
        assert_view(&view, status.state, status.result, FW_INFERRED);
        assert_int_equal(fw_infer(&view, rows[i].seen), FW_SAME);
    }
    assert_int_equal(fw_status_of((enum fw_evidence)99).state, FW_IDLE);
}

/* ---- which of the two stands ---- */

static void reported_outranks_inferred(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fw_status reported;
        enum fw_evidence seen;
        enum fw_verdict verdict;
    } rows[] = {
        {"it says so", {FW_DOWNLOADED, 0}, FW_SEEN_BLOCK, FW_SAME},
        {"it has gone on", {FW_DOWNLOADING, 0}, FW_SEEN_BLOCK, FW_TAKEN},
        {"far", {FW_DOWNLOADING, 0}, FW_SEEN_TARGET_RUNS, FW_TAKEN},
        {"to a failure", {FW_UPDATING, 0}, FW_SEEN_OLD_RUNS, FW_TAKEN},
        {"it was told to wait", {FW_DOWNLOADED, 0}, FW_SEEN_DEFERRED, FW_TAKEN},
        {"it was stopped", {FW_DOWNLOADED, 0}, FW_SEEN_CANCELLED, FW_TAKEN},
        {"older news", {FW_UPDATING, 0}, FW_SEEN_BLOCK, FW_KEPT},
        {"after success", {FW_IDLE, 1}, FW_SEEN_APPLYING, FW_KEPT},
        {"the same success", {FW_IDLE, 1}, FW_SEEN_TARGET_RUNS, FW_SAME},
        {"a failure whose cause it knows", {FW_IDLE, 5}, FW_SEEN_OLD_RUNS, FW_KEPT},
        {"failed, and goes on", {FW_IDLE, 3}, FW_SEEN_BLOCK, FW_KEPT_AGAINST},
        {"failed, and runs it", {FW_IDLE, 8}, FW_SEEN_TARGET_RUNS, FW_KEPT_AGAINST},
        {"success, and runs the old one",
         {FW_IDLE, 1},
         FW_SEEN_OLD_RUNS,
         FW_KEPT_AGAINST},
        {"has it, and denies it", {FW_DOWNLOADED, 0}, FW_SEEN_SESSION, FW_KEPT_AGAINST},
        {"has it, and misses some",
         {FW_DOWNLOADED, 0},
         FW_SEEN_INCOMPLETE,
         FW_KEPT_AGAINST},
        {"failed, and has the image", {FW_DOWNLOADED, 8}, FW_SEEN_OLD_RUNS, FW_KEPT},
        {"... and lacks something", {FW_DOWNLOADED, 13}, FW_SEEN_OLD_RUNS, FW_KEPT},
        {"... and was stopped", {FW_DOWNLOADED, 13}, FW_SEEN_CANCELLED, FW_TAKEN},
        {"a new attempt", {FW_IDLE, 5}, FW_SEEN_TARGETED, FW_TAKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fw_view view = reported(rows[i].reported.state, rows[i].reported.result);
        struct fw_status seen = fw_status_of(rows[i].seen);
        bool taken = rows[i].verdict == FW_TAKEN;
        test_row(rows[i].name);
        assert_int_equal(fw_infer(&view, rows[i].seen), rows[i].verdict);
        assert_view(&view, taken ? seen.state : rows[i].reported.state,
                    taken ? seen.result : rows[i].reported.result,
                    taken ? FW_INFERRED : FW_REPORTED);
    }
}

static void a_report_is_taken_whatever_was_inferred(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fw_status inferred;
        struct fw_status reported;
        enum fw_verdict verdict;
    } rows[] = {
        {"it says the same", {FW_DOWNLOADED, 0}, {FW_DOWNLOADED, 0}, FW_TAKEN},
        {"it is further", {FW_DOWNLOADING, 0}, {FW_UPDATING, 0}, FW_TAKEN},
        {"it lags", {FW_UPDATING, 0}, {FW_DOWNLOADED, 0}, FW_TAKEN},
        {"it forgot", {FW_UPDATING, 0}, {FW_IDLE, 0}, FW_TAKEN},
        {"it failed at it", {FW_UPDATING, 0}, {FW_IDLE, 8}, FW_TAKEN},
        {"another cause", {FW_IDLE, 4}, {FW_IDLE, 3}, FW_TAKEN},
        {"still at it", {FW_IDLE, 4}, {FW_DOWNLOADING, 0}, FW_TAKEN},
        {"success of a failure", {FW_IDLE, 8}, {FW_IDLE, 1}, FW_TAKEN_AGAINST},
        {"failure of a success", {FW_IDLE, 1}, {FW_IDLE, 8}, FW_TAKEN_AGAINST},
        {"lost, and it had all", {FW_DOWNLOADED, 0}, {FW_IDLE, 4}, FW_TAKEN_AGAINST},
        {"it has what was lost", {FW_IDLE, 4}, {FW_DOWNLOADED, 0}, FW_TAKEN_AGAINST},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fw_view view = inferred(rows[i].inferred.state, rows[i].inferred.result);
        view.begun = true;
        test_row(rows[i].name);
        assert_int_equal(
            report_both(&view, rows[i].reported.state, rows[i].reported.result),
            rows[i].verdict);
        assert_view(&view, rows[i].reported.state, rows[i].reported.result, FW_REPORTED);
    }
}

/* Result stays what it was until the next download: it is no verdict on this attempt. */
static void the_result_of_the_update_before_is_not_judged(void **state)
{
    (void)state;
    struct fw_view view = {0};
    assert_int_equal(report_both(&view, FW_IDLE, FW_RESULT_UPDATE_FAILED), FW_TAKEN);
    assert_false(view.begun);
    assert_int_equal(fw_infer(&view, FW_SEEN_SESSION), FW_TAKEN);
    assert_int_equal(report_both(&view, FW_IDLE, FW_RESULT_UPDATE_FAILED), FW_TAKEN);
    assert_int_equal(fw_infer(&view, FW_SEEN_TARGET_RUNS), FW_TAKEN);
    assert_view(&view, FW_IDLE, FW_RESULT_SUCCESS, FW_INFERRED);
    /* Once it has moved, it is. */
    assert_int_equal(report_both(&view, FW_UPDATING, FW_RESULT_INITIAL), FW_TAKEN);
    assert_true(view.begun);
    assert_int_equal(report_both(&view, FW_IDLE, FW_RESULT_UPDATE_FAILED), FW_TAKEN);
    assert_int_equal(fw_infer(&view, FW_SEEN_TARGET_RUNS), FW_KEPT_AGAINST);
    /* A new attempt knows nothing of it. */
    assert_int_equal(fw_infer(&view, FW_SEEN_TARGETED), FW_TAKEN);
    assert_false(view.begun);
}

static void every_number_has_a_word(void **state)
{
    (void)state;
    for (int i = FW_IDLE; i <= FW_UPDATING; i++) {
        assert_string_not_equal(fw_state_name((enum fw_state)i), "?");
    }
    for (int i = 0; i <= FW_RESULT_DEPENDENCY; i++) {
        assert_string_not_equal(fw_result_text((enum fw_result)i), "?");
    }
    assert_string_equal(fw_state_name((enum fw_state)4), "?");
    assert_string_equal(fw_result_text((enum fw_result)14), "?");
    assert_string_equal(fw_source_name(FW_REPORTED), "reported");
    assert_string_equal(fw_source_name(FW_INFERRED), "inferred");
}

TEST_MAIN(cmocka_unit_test(the_steps_are_the_rows_and_no_others),
          cmocka_unit_test(each_row_that_is_reported_is_taken),
          cmocka_unit_test(a_request_that_is_rejected_changes_nothing),
          cmocka_unit_test(rows_may_be_missed),
          cmocka_unit_test(what_no_row_leads_to_is_impossible),
          cmocka_unit_test(results_that_are_not_known_are_failures_and_kept),
          cmocka_unit_test(idle_is_not_judged_before_its_result),
          cmocka_unit_test(one_of_the_two_says_what_it_can),
          cmocka_unit_test(each_row_of_the_mapping_has_its_status),
          cmocka_unit_test(reported_outranks_inferred),
          cmocka_unit_test(a_report_is_taken_whatever_was_inferred),
          cmocka_unit_test(the_result_of_the_update_before_is_not_judged),
          cmocka_unit_test(every_number_has_a_word))
