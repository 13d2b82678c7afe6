/* SPDX-License-Identifier: MIT */
/* test_progress.c - the live line, what is worth a line, and exit codes. */
#include <stdlib.h>
#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/progress.h"
#include "test.h"

static const char running[] =
    "{\"name\":\"wm1\",\"phase\":\"running\",\"reason\":\"\","
    "\"devices\":{\"total\":50,\"active\":38,\"succeeded\":9,\"failed\":2,\"unknown\":1,"
    "\"cancelled\":0,\"skipped\":0,\"superseded\":0},"
    "\"states\":{\"idle\":12,\"downloading\":30,\"downloaded\":5,\"updating\":3},"
    "\"fragments\":{\"uncoded\":240,\"sent\":312},\"airtime_us\":123100000,"
    "\"session\":{\"id\":7,\"phase\":\"sending\",\"next\":101,\"target\":300}}";

static struct progress read_text(const char *text)
{
    struct progress p;
    struct json_object *state = json_tokener_parse(text);
    progress_read(state, &p);
    json_object_put(state);
    return p;
}

static void assert_line(const struct progress *p, int64_t eta_us, const char *want)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    progress_print(out, p, eta_us);
    fclose(out);
    assert_string_equal(text, want);
    free(text);
}

static void the_line_has_phase_devices_fragments_airtime_and_eta(void **state)
{
    (void)state;
    struct progress p = read_text(running);
    assert_line(&p, 83000000,
                "wm1: running | 9/50 succeeded, 2 failed, 1 unknown, 38 active, 30 "
                "downloading, 5 downloaded, 3 updating | fragments 312/240 | airtime 2m "
                "3s | session sending, ETA 1m 23s");
    p = read_text(
        "{\"name\":\"wm1\",\"phase\":\"paused\",\"reason\":\"disk\\u001b[2J\"}");
    assert_line(&p, -1,
                "wm1: paused (disk?[2J) | 0/0 succeeded | fragments 0/0 | airtime 0.0 s");
    p = read_text("{\"devices\":7,\"session\":null,\"phase\":3}");
    assert_line(&p, -1, ":  | 0/0 succeeded | fragments 0/0 | airtime 0.0 s");
    assert_int_equal(p.phase, PROGRESS_OTHER);
}

static void the_wave_that_is_on_may_need_an_approval(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool needs_approval;
    } rows[] = {
        {"{\"wave\":\"b\",\"waves\":[{\"name\":\"a\",\"phase\":\"done\"},"
         "{\"name\":\"b\",\"phase\":\"approval\"}]}",
         true},
        {"{\"wave\":\"a\",\"waves\":[{\"name\":\"a\",\"phase\":\"held\"},"
         "{\"name\":\"b\",\"phase\":\"approval\"}]}",
         false},
        {"{\"wave\":\"b\",\"waves\":[3,{\"name\":\"b\"}]}", false},
        {"{\"wave\":null,\"waves\":{\"name\":\"b\"}}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].text);
        assert_int_equal(read_text(rows[i].text).needs_approval, rows[i].needs_approval);
    }
}

static void of_several_sessions_the_slowest_is_followed(void **state)
{
    (void)state;
    struct progress p =
        read_text("{\"session\":{\"id\":9,\"phase\":\"setup\"},\"sessions\":["
                  "{\"id\":6,\"phase\":\"sending\",\"next\":90,\"target\":100},"
                  "{\"id\":7,\"phase\":\"sending\",\"next\":10,\"target\":100},"
                  "{\"id\":8,\"phase\":\"lead\",\"next\":1,\"target\":500},"
                  "{\"id\":9,\"phase\":\"setup\"}]}");
    assert_int_equal(p.session_id, 7);
    assert_int_equal(p.next, 10);
    p = read_text("{\"session\":{\"id\":9,\"phase\":\"setup\"},\"sessions\":["
                  "{\"id\":9,\"phase\":\"setup\"}]}");
    assert_int_equal(p.session_id, 9);
}

static void only_changes_that_matter_get_a_line(void **state)
{
    (void)state;
    const struct progress before = read_text(running);
    struct progress now = before;
    assert_false(progress_changed(&before, &now));
    now.sent++;
    now.next++;
    now.airtime_us += 400000;
    assert_false(progress_changed(&before, &now));
    now.next = 120; /* from the fourth to the fifth tenth of 300 */
    assert_true(progress_changed(&before, &now));
    now = before;
    now.succeeded++;
    assert_true(progress_changed(&before, &now));
    now = before;
    now.states[2]++;
    assert_true(progress_changed(&before, &now));
    now = before;
    memcpy(now.session_phase, "poll", 5);
    assert_true(progress_changed(&before, &now));
    now = before;
    memcpy(now.reason, "disk", 5);
    assert_true(progress_changed(&before, &now));
}

static void the_eta_is_that_of_the_session(void **state)
{
    (void)state;
    struct progress p = read_text(running);
    struct progress_rate rate = {0};
    assert_int_equal(progress_eta_us(&rate, &p, 1000000), -1);
    p.next = 102;
    assert_int_equal(progress_eta_us(&rate, &p, 2000000), -1);
    p.next = 111; /* ten in ten seconds, 190 to go */
    assert_int_equal(progress_eta_us(&rate, &p, 11000000), 190000000);
    p.target = 320; /* repair: measured anew */
    assert_int_equal(progress_eta_us(&rate, &p, 12000000), -1);
    p.next = 113;
    assert_int_equal(progress_eta_us(&rate, &p, 14000000), 208000000);
    p.target = CTL_INT_MAX; /* nonsense: nothing is promised */
    assert_int_equal(progress_eta_us(&rate, &p, 15000000), -1);
    p.next = 116;
    assert_int_equal(progress_eta_us(&rate, &p, 9000000000), -1);
    p.session_id++;
    p.next = 1;
    assert_int_equal(progress_eta_us(&rate, &p, 15000000), -1);
    memcpy(p.session_phase, "poll", 5);
    assert_int_equal(progress_eta_us(&rate, &p, 16000000), -1);
    assert_int_equal(rate.session_id, 0);
}

static void the_end_decides_about_the_exit_code(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cli_exit code;
        bool ended;
    } rows[] = {
        {"{\"phase\":\"running\"}", CLI_RUNNING, false},
        {"{\"phase\":\"aborting\"}", CLI_RUNNING, false},
        {"{\"phase\":\"new\"}", CLI_RUNNING, false},
        {"{\"phase\":\"paused\"}", CLI_PAUSED, false},
        {"{\"phase\":\"aborted\"}", CLI_FAILED, true},
        {"{\"phase\":\"failed\"}", CLI_FAILED, true},
        {"{\"phase\":\"completed\",\"devices\":{\"succeeded\":5}}", CLI_OK, true},
        {"{\"phase\":\"completed\",\"devices\":{\"skipped\":5}}", CLI_OK, true},
        {"{\"phase\":\"completed\",\"devices\":{\"failed\":1}}", CLI_FAILED, true},
        {"{\"phase\":\"completed\",\"devices\":{\"unknown\":1}}", CLI_FAILED, true},
        {"{\"phase\":\"completed\",\"devices\":{\"cancelled\":1}}", CLI_FAILED, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct progress p = read_text(rows[i].text);
        test_row(rows[i].text);
        assert_int_equal(progress_exit(&p), rows[i].code);
        assert_int_equal(progress_has_ended(&p), rows[i].ended);
    }
}

static void waiting_is_over_when_the_goal_is_reached_or_out_of_reach(void **state)
{
    (void)state;
    enum { GO_ON = -1 };
    static const struct {
        const char *phase;
        enum progress_goal goal;
        int code;
    } rows[] = {
        {"running", PROGRESS_FOR_COMPLETED, GO_ON},
        {"completed", PROGRESS_FOR_COMPLETED, CLI_OK},
        {"paused", PROGRESS_FOR_COMPLETED, CLI_PAUSED},
        {"aborted", PROGRESS_FOR_COMPLETED, CLI_FAILED},
        {"new", PROGRESS_FOR_COMPLETED, GO_ON},
        {"running", PROGRESS_FOR_WATCH, GO_ON},
        {"paused", PROGRESS_FOR_WATCH, GO_ON},
        {"completed", PROGRESS_FOR_WATCH, CLI_OK},
        {"failed", PROGRESS_FOR_WATCH, CLI_FAILED},
        {"paused", PROGRESS_FOR_ENDED, GO_ON},
        {"new", PROGRESS_FOR_ENDED, GO_ON},
        {"aborted", PROGRESS_FOR_ENDED, CLI_OK},
        {"completed", PROGRESS_FOR_ENDED, CLI_OK},
        {"running", PROGRESS_FOR_RUNNING, CLI_OK},
        {"paused", PROGRESS_FOR_RUNNING, GO_ON},
        {"completed", PROGRESS_FOR_RUNNING, CLI_OK},
        {"aborted", PROGRESS_FOR_RUNNING, CLI_FAILED},
        {"running", PROGRESS_FOR_PAUSED, GO_ON},
        {"paused", PROGRESS_FOR_PAUSED, CLI_OK},
        {"completed", PROGRESS_FOR_PAUSED, CLI_FAILED},
        {"aborting", PROGRESS_FOR_ABORTED, GO_ON},
        {"aborted", PROGRESS_FOR_ABORTED, CLI_OK},
        {"completed", PROGRESS_FOR_ABORTED, CLI_FAILED},
        {"failed", PROGRESS_FOR_FAILED, CLI_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64];
        enum cli_exit code = CLI_INTERNAL;
        snprintf(text, sizeof(text), "{\"phase\":\"%s\"}", rows[i].phase);
        struct progress p = read_text(text);
        printf("# row: %s, goal %d\n", rows[i].phase, (int)rows[i].goal);
        bool over = progress_reached(&p, rows[i].goal, &code);
        assert_int_equal(over ? (int)code : GO_ON, rows[i].code);
    }
}

TEST_MAIN(cmocka_unit_test(the_wave_that_is_on_may_need_an_approval),
          cmocka_unit_test(of_several_sessions_the_slowest_is_followed),
          cmocka_unit_test(the_line_has_phase_devices_fragments_airtime_and_eta),
          cmocka_unit_test(only_changes_that_matter_get_a_line),
          cmocka_unit_test(the_eta_is_that_of_the_session),
          cmocka_unit_test(the_end_decides_about_the_exit_code),
          cmocka_unit_test(waiting_is_over_when_the_goal_is_reached_or_out_of_reach))
