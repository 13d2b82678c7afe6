/* SPDX-License-Identifier: MIT */
/* test_report.c - what reports say of few devices: verdict, tables, and what is odd. */
#include <stdlib.h>
#include <string.h>

#include "fuotactl/report.h"
#include "test.h"

static const char completed[] =
    "{\"name\":\"wm1\",\"phase\":\"completed\",\"created\":\"2026-03-01T12:00:00Z\","
    "\"ended\":\"2026-03-01T18:00:00Z\"}";

/* A device for each outcome, and its times; takes turns with two waves. */
static struct report report_of(const char *state, const char *const *outcomes,
                               const char *more, const char *progress)
{
    struct report report = {0};
    char text[4096] = "{\"rows\":[";
    size_t len = strlen(text);
    for (size_t i = 0; outcomes[i] != NULL; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s{\"dev_eui\":\"%016zx\",\"outcome\":\"%s\",\"reason\":"
                                "\"r\",\"wave\":\"%s\"%s}",
                                i > 0 ? "," : "", i + 1, outcomes[i],
                                i % 2 == 0 ? "a" : "b", more);
        assert_true(len < sizeof(text) - 3);
    }
    memcpy(text + len, "]}", 3);
    struct json_object *page = json_tokener_parse(text);
    struct json_object *times = json_tokener_parse(progress);
    assert_non_null(page);
    report_take_state(&report, json_tokener_parse(state));
    assert_true(report_take(&report, "devices", page));
    assert_true(report_take(&report, "progress", times));
    assert_true(report_sum(&report));
    json_object_put(page);
    json_object_put(times);
    return report;
}

typedef void writer(FILE *out, const struct report *report);

static char *written(writer *write, const struct report *report)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    write(out, report);
    fclose(out);
    char *copy = strndup(text, len);
    free(text);
    assert_non_null(copy);
    return copy;
}

static bool says(writer *write, const struct report *report, const char *what)
{
    char *text = written(write, report);
    bool found = strstr(text, what) != NULL;
    free(text);
    return found;
}

static void a_device_that_is_not_updated_is_no_pass(void **state)
{
    (void)state;
    static const struct {
        const char *outcome;
        enum report_verdict verdict;
    } rows[] = {
        {"succeeded", REPORT_PASSED},   {"skipped", REPORT_PASSED},
        {"superseded", REPORT_PASSED},  {"failed", REPORT_NOT_PASSED},
        {"unknown", REPORT_NOT_PASSED}, {"cancelled", REPORT_NOT_PASSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const outcomes[] = {"succeeded", rows[i].outcome, NULL};
        test_row(rows[i].outcome);
        struct report report = report_of(completed, outcomes, "", "{}");
        bool bad = rows[i].verdict == REPORT_NOT_PASSED;
        assert_int_equal(report_verdict(&report), rows[i].verdict);
        assert_int_equal(report_not_updated(report.by_outcome), bad ? 1 : 0);
        assert_true(says(report_html, &report, ", 1 not updated") == bad);
        assert_true(says(report_junit, &report, "failures=\"1\"") == bad);
        report_finish(&report);
    }
}

/* From the heading to the end of the table. */
static char *table_of(const struct report *report, const char *heading)
{
    char *html = written(report_html, report);
    char *begin = strstr(html, heading);
    assert_non_null(begin);
    char *end = strstr(begin, "</table>");
    assert_non_null(end);
    char *table = strndup(begin, (size_t)(end - begin));
    free(html);
    return table;
}

static void a_row_of_the_waves_adds_up(void **state)
{
    (void)state;
    static const char *const all[] = {"succeeded", "cancelled",  "skipped",
                                      "skipped",   "superseded", NULL};
    static const char *const good[] = {"succeeded", "succeeded", NULL};
    struct report report = report_of(completed, all, "", "{}");
    char *table = table_of(&report, "<h2>Waves</h2>");
    assert_non_null(strstr(table, ">cancelled<"));
    assert_non_null(strstr(table, ">skipped<"));
    assert_non_null(strstr(table, ">superseded<"));
    assert_null(strstr(table, ">unknown<")); /* nowhere: no column of noughts */
    assert_null(strstr(table, ">under way<"));
    /* wave b: 2 devices, succeeded, failed, cancelled, skipped, superseded */
    assert_non_null(strstr(table, "<td>b</td><td class=\"num\">2</td>"
                                  "<td class=\"num\">0</td><td class=\"num\">0</td>"
                                  "<td class=\"num\">1</td><td class=\"num\">1</td>"
                                  "<td class=\"num\">0</td>"));
    free(table);
    report_finish(&report);
    report = report_of(completed, good, "", "{}");
    table = table_of(&report, "<h2>Waves</h2>");
    assert_non_null(strstr(table, ">failed<"));
    assert_null(strstr(table, ">cancelled<"));
    free(table);
    report_finish(&report);
}

static void what_is_missing_is_said_where_it_is_known(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"failed", NULL};
    struct report report = report_of(completed, outcomes, "", "{}");
    assert_false(says(report_junit, &report, "missing"));
    report_finish(&report);
    report = report_of(completed, outcomes, ",\"missing\":7", "{}");
    assert_true(says(report_junit, &report, "), fragments missing: 7</failure>"));
    report_finish(&report);
}

static void a_line_is_the_whole_object(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"failed", "succeeded", NULL};
    struct report report = report_of(completed, outcomes, "", "{}");
    char *line = written(report_json_line, &report);
    char *lines = written(report_json, &report);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_ptr_not_equal(strchr(lines, '\n'), lines + strlen(lines) - 1);
    struct json_object *a = json_tokener_parse(line);
    struct json_object *b = json_tokener_parse(lines);
    assert_non_null(a);
    assert_true(json_object_equal(a, b));
    json_object_put(a);
    json_object_put(b);
    free(line);
    free(lines);
    report_finish(&report);
}

static void without_times_there_is_nothing_to_plot(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"succeeded", NULL};
    struct report report = report_of(completed, outcomes, "", "{}");
    assert_true(says(report_html, &report, "Completion over time"));
    report_finish(&report);
    report = report_of("{\"phase\":\"completed\"}", outcomes, "", "{}");
    assert_false(says(report_html, &report, "Completion over time"));
    report_finish(&report);
    report = report_of("{\"phase\":\"completed\",\"created\":\"0001-01-01T00:00:00Z\"}",
                       outcomes, "", "{}");
    assert_int_equal(report.created_us, 0);
    assert_false(says(report_html, &report, "Completion over time"));
    report_finish(&report);
}

TEST_MAIN(cmocka_unit_test(a_device_that_is_not_updated_is_no_pass),
          cmocka_unit_test(a_row_of_the_waves_adds_up),
          cmocka_unit_test(what_is_missing_is_said_where_it_is_known),
          cmocka_unit_test(a_line_is_the_whole_object),
          cmocka_unit_test(without_times_there_is_nothing_to_plot))
