/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "campaign/calendar.h"

#define AT(m) ((struct utc){MINUTES_US(m)})
#define SPAN(a, b)        \
    {                     \
        {MINUTES_US(a)},  \
        {                 \
            MINUTES_US(b) \
        }                 \
    }

static struct calendar_request request_of(int64_t minutes)
{
    return (struct calendar_request){.duration_us = MINUTES_US(minutes),
                                     .lead_us = MINUTES_US(10),
                                     .deadline = UTC_NEVER};
}

static void assert_course(const struct calendar_course *course,
                          const struct calendar_span *spans, size_t count)
{
    assert_int_equal(course->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(course->sessions[i].start.us, spans[i].start.us);
        assert_int_equal(course->sessions[i].end.us, spans[i].end.us);
    }
}

static void it_is_open_until_a_window_ends(void **state)
{
    (void)state;
    static const struct calendar_span spans[] = {SPAN(10, 20), SPAN(30, 40), SPAN(40, 50),
                                                 SPAN(60, 61)};
    static const struct {
        int64_t at;
        int64_t until;
    } rows[] = {{0, 0},   {9, 9},   {10, 20}, {19, 20}, {20, 20}, {30, 50},
                {40, 50}, {50, 50}, {60, 61}, {61, 61}, {99, 99}};
    struct calendar_windows windows = {spans, ARRAY_LEN(spans)};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct utc until = calendar_open_until(&windows, AT(rows[i].at));
        assert_int_equal(until.us, MINUTES_US(rows[i].until));
    }
    windows.count = 0; /* never */
    assert_int_equal(calendar_open_until(&windows, AT(10)).us, MINUTES_US(10));
    windows.spans = NULL; /* always */
    assert_int_equal(calendar_open_until(&windows, AT(10)).us, UTC_NEVER.us);
}

static void without_windows_it_begins_at_once(void **state)
{
    (void)state;
    struct calendar_course course;
    struct calendar_request r = request_of(30);
    r.not_before = AT(100);
    r.idle_us = MINUTES_US(2);
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(100, 132)}, 1);
}

static void windows_cut_a_course(void **state)
{
    (void)state;
    static const struct calendar_span spans[] = {SPAN(0, 5), SPAN(20, 60), SPAN(62, 80),
                                                 SPAN(200, 300)};
    struct calendar_course course;
    struct calendar_request r = request_of(100);
    r.not_before = AT(10);
    r.windows = (struct calendar_windows){spans, ARRAY_LEN(spans)};
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_course(
        &course, (struct calendar_span[]){SPAN(20, 60), SPAN(70, 80), SPAN(200, 250)}, 3);
    r.shortest_us = MINUTES_US(15);
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(20, 60), SPAN(200, 260)}, 2);
    r.shortest_us = 0;
    r.idle_us = MINUTES_US(1); /* of each session */
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_course(
        &course, (struct calendar_span[]){SPAN(20, 60), SPAN(70, 80), SPAN(200, 253)}, 3);
}

static void windows_that_touch_are_one(void **state)
{
    (void)state;
    static const struct calendar_span spans[] = {SPAN(0, 20), SPAN(20, 40)};
    struct calendar_course course;
    struct calendar_request r = request_of(30);
    r.windows = (struct calendar_windows){spans, ARRAY_LEN(spans)};
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(0, 30)}, 1);
}

/* 32768 s are 546 minutes and 8 s. */
static void no_session_is_longer_than_class_c_allows(void **state)
{
    (void)state;
    struct calendar_course course;
    struct calendar_request r = request_of(1200);
    r.idle_us = SECONDS_US(15);
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_int_equal(course.count, 3);
    int64_t sent_us = 0;
    for (size_t i = 0; i < course.count; i++) {
        int64_t length_us = course.sessions[i].end.us - course.sessions[i].start.us;
        assert_in_range(length_us, 1, CALENDAR_SESSION_MAX_US);
        sent_us += length_us - r.idle_us;
    }
    assert_int_equal(sent_us, r.duration_us);
    assert_int_equal(course.sessions[0].end.us, CALENDAR_SESSION_MAX_US);
    assert_int_equal(course.sessions[1].start.us, course.sessions[0].end.us + r.lead_us);
}

static void a_rest_may_be_short(void **state)
{
    (void)state;
    static const struct calendar_span spans[] = {SPAN(0, 30), SPAN(50, 55), SPAN(60, 90)};
    struct calendar_course course;
    struct calendar_request r = request_of(32);
    r.shortest_us = MINUTES_US(10);
    r.windows = (struct calendar_windows){spans, ARRAY_LEN(spans)};
    assert_int_equal(calendar_course(&r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(0, 30), SPAN(50, 52)}, 2);
}

static void what_cannot_end_says_why_and_shows_how_far_it_comes(void **state)
{
    (void)state;
    static const struct calendar_span spans[] = {SPAN(20, 60), SPAN(100, 140)};
    static const struct {
        const char *name;
        int64_t minutes;
        int64_t shortest; /* minutes */
        int64_t deadline;
        struct calendar_windows windows;
        enum calendar_error error;
        size_t sessions;
    } rows[] = {
        {"fits", 80, 0, 140, {spans, 2}, CALENDAR_OK, 2},
        {"nothing to send", 0, 0, 140, {spans, 2}, CALENDAR_EMPTY, 0},
        {"more than the windows", 81, 0, 999, {spans, 2}, CALENDAR_NO_WINDOW, 2},
        {"no window left", 1, 0, 999, {spans, 0}, CALENDAR_NO_WINDOW, 0},
        {"windows too short", 80, 41, 999, {spans, 2}, CALENDAR_SHORT_WINDOWS, 0},
        {"the deadline in the last", 80, 0, 139, {spans, 2}, CALENDAR_DEADLINE, 1},
        {"the deadline without windows", 80, 0, 79, {0}, CALENDAR_DEADLINE, 0},
        {"just in time", 80, 0, 80, {0}, CALENDAR_OK, 1},
        {"too many", 80000, 0, INT32_MAX, {0}, CALENDAR_SESSIONS, CALENDAR_SESSIONS_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct calendar_course course = {.count = 77};
        test_row(rows[i].name);
        struct calendar_request r = request_of(rows[i].minutes);
        r.shortest_us = MINUTES_US(rows[i].shortest);
        r.deadline = AT(rows[i].deadline);
        r.windows = rows[i].windows;
        enum calendar_error error = calendar_course(&r, &course);
        assert_string_equal(calendar_error_text(error),
                            calendar_error_text(rows[i].error));
        assert_int_equal(course.count, rows[i].sessions);
    }
    struct calendar_course course;
    struct calendar_request late = request_of(5);
    late.not_before = UTC_NEVER;
    assert_int_not_equal(calendar_course(&late, &course), CALENDAR_OK);
    assert_int_equal(course.count, 0);
}

TEST_MAIN(cmocka_unit_test(it_is_open_until_a_window_ends),
          cmocka_unit_test(without_windows_it_begins_at_once),
          cmocka_unit_test(windows_cut_a_course),
          cmocka_unit_test(windows_that_touch_are_one),
          cmocka_unit_test(no_session_is_longer_than_class_c_allows),
          cmocka_unit_test(a_rest_may_be_short),
          cmocka_unit_test(what_cannot_end_says_why_and_shows_how_far_it_comes))
