/* SPDX-License-Identifier: MIT */
#include "calendar_book.h"

#include <stdlib.h>

#define SPAN(a, b)        \
    {                     \
        {MINUTES_US(a)},  \
        {                 \
            MINUTES_US(b) \
        }                 \
    }
#define WINDOWS(...)                                                        \
    ((struct calendar_windows){(const struct calendar_span[]){__VA_ARGS__}, \
                               sizeof((struct calendar_span[]){__VA_ARGS__}) / 16})

static void reserve(struct book *book, const struct calendar_request *request)
{
    struct calendar_course course;
    assert_int_equal(calendar_earliest(&book->calendar, request, &course), CALENDAR_OK);
    assert_int_equal(calendar_book(&book->calendar, request, &course), CALENDAR_OK);
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

static void a_lone_session_starts_after_its_lead(void **state)
{
    (void)state;
    struct book book;
    struct calendar_course course;
    book_open(&book);
    struct calendar_request r = request_of(1, 30);
    r.not_before = AT(100);
    assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(110, 140)}, 1);
    assert_int_equal(book.calendar.count, 0);
}

static void sessions_of_one_gateway_follow_one_another(void **state)
{
    (void)state;
    const struct {
        const char *name;
        uint32_t frequency_hz;
        uint8_t dr;
        struct calendar_gateways gateways;
        struct calendar_gateways near;
        int64_t start; /* minutes */
    } rows[] = {
        {"same gateway", 869525000, 5, {(const uint64_t[]){1, 2}, 2}, {0}, 40},
        {"same gateway, other rate", 868100000, 0, {(const uint64_t[]){1}, 1}, {0}, 40},
        {"another gateway", 869525000, 5, {(const uint64_t[]){2, 9}, 2}, {0}, 10},
        {"one between", 869525000, 5, {(const uint64_t[]){0, 2}, 2}, {0}, 10},
        {"near",
         869525000,
         5,
         {(const uint64_t[]){2}, 1},
         {(const uint64_t[]){1, 4}, 2},
         40},
        {"near, other rate",
         869525000,
         4,
         {(const uint64_t[]){2}, 1},
         {(const uint64_t[]){1}, 1},
         10},
        {"near, other channel",
         868100000,
         5,
         {(const uint64_t[]){2}, 1},
         {(const uint64_t[]){1}, 1},
         10},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct book book;
        struct calendar_course course;
        book_open(&book);
        test_row(rows[i].name);
        struct calendar_request first = request_of(1, 30);
        reserve(&book, &first);
        struct calendar_request r = request_of(2, 5);
        r.frequency_hz = rows[i].frequency_hz;
        r.dr = rows[i].dr;
        r.gateways = rows[i].gateways;
        r.near = rows[i].near;
        assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
        assert_int_equal(course.sessions[0].start.us, MINUTES_US(rows[i].start));
    }
}

static void a_gap_is_used_if_it_is_long_enough(void **state)
{
    (void)state;
    struct book book;
    struct calendar_course course;
    book_open(&book);
    struct calendar_request r = request_of(1, 30);
    reserve(&book, &r); /* 10 to 40 */
    r.not_before = AT(90);
    reserve(&book, &r); /* 100 to 130 */
    r = request_of(2, 60);
    assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(40, 100)}, 1);
    r.duration_us++;
    assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
    assert_int_equal(course.sessions[0].start.us, MINUTES_US(130));
}

static void windows_and_the_longest_session_cut_a_transmission(void **state)
{
    (void)state;
    static const int64_t longest = 32768 / 60; /* minutes, rounded down */
    struct calendar_course course;
    struct book book;
    book_open(&book);
    struct calendar_request r = request_of(1, 100);
    r.windows = WINDOWS(SPAN(0, 5), SPAN(20, 60), SPAN(62, 80), SPAN(200, 300));
    assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
    assert_course(
        &course, (struct calendar_span[]){SPAN(20, 60), SPAN(70, 80), SPAN(200, 250)}, 3);
    r.shortest_us = MINUTES_US(15);
    assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
    assert_course(&course, (struct calendar_span[]){SPAN(20, 60), SPAN(200, 260)}, 2);

    r = request_of(1, 2 * longest);
    assert_int_equal(calendar_earliest(&book.calendar, &r, &course), CALENDAR_OK);
    assert_int_equal(course.count, 2);
    assert_int_equal(course.sessions[0].end.us - course.sessions[0].start.us,
                     CALENDAR_SESSION_MAX_US);
    assert_int_equal(course.sessions[1].start.us - course.sessions[0].end.us,
                     MINUTES_US(10));
    assert_int_equal(course.sessions[1].end.us - course.sessions[1].start.us,
                     r.duration_us - CALENDAR_SESSION_MAX_US);
}

static void a_transmission_that_does_not_fit_says_why(void **state)
{
    (void)state;
    static const struct calendar_span windows[] = {SPAN(20, 60), SPAN(100, 140)};
    static const struct {
        const char *name;
        int64_t minutes;
        int64_t shortest; /* minutes */
        int64_t deadline;
        struct calendar_windows windows;
        bool busy; /* the gateway, from 10 to 110 */
        enum calendar_error error;
    } rows[] = {
        {"fits", 80, 0, 140, {windows, 2}, false, CALENDAR_OK},
        {"nothing to send", 0, 0, 140, {windows, 2}, false, CALENDAR_EMPTY},
        {"more than the windows", 81, 0, 999, {windows, 2}, false, CALENDAR_NO_WINDOW},
        {"no window left", 1, 0, 999, {windows, 0}, false, CALENDAR_NO_WINDOW},
        {"windows too short", 80, 41, 999, {windows, 2}, false, CALENDAR_SHORT_WINDOWS},
        {"the deadline in the last", 80, 0, 139, {windows, 2}, false, CALENDAR_DEADLINE},
        {"the deadline without windows", 80, 0, 89, {0}, false, CALENDAR_DEADLINE},
        {"just in time", 80, 0, 90, {0}, false, CALENDAR_OK},
        {"others are there", 80, 0, 140, {windows, 2}, true, CALENDAR_BUSY},
        {"others, but no time anyhow",
         81,
         0,
         999,
         {windows, 2},
         true,
         CALENDAR_NO_WINDOW},
        {"too many sessions", 80000, 0, INT32_MAX, {0}, false, CALENDAR_SESSIONS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct book book;
        struct calendar_course course = {.count = 77};
        book_open(&book);
        test_row(rows[i].name);
        if (rows[i].busy) {
            struct calendar_request other = request_of(9, 100);
            reserve(&book, &other);
        }
        struct calendar_request r = request_of(1, rows[i].minutes);
        r.shortest_us = MINUTES_US(rows[i].shortest);
        r.deadline = AT(rows[i].deadline);
        r.windows = rows[i].windows;
        enum calendar_error error = calendar_earliest(&book.calendar, &r, &course);
        assert_string_equal(calendar_error_text(error),
                            calendar_error_text(rows[i].error));
        assert_int_equal(course.count == 77, error != CALENDAR_OK);
    }
    struct book book;
    struct calendar_course course;
    book_open(&book);
    struct calendar_request nobody = request_of(1, 5);
    nobody.gateways = (struct calendar_gateways){0};
    assert_int_equal(calendar_earliest(&book.calendar, &nobody, &course), CALENDAR_EMPTY);
    nobody = request_of(1, 5);
    nobody.not_before = UTC_NEVER;
    assert_int_equal(calendar_earliest(&book.calendar, &nobody, &course),
                     CALENDAR_DEADLINE);
}

static void a_full_book_takes_all_sessions_or_none(void **state)
{
    (void)state;
    struct calendar_slot slots[3];
    struct calendar calendar = {.slots = slots, .cap = 2};
    struct calendar_course course;
    struct calendar_request r = request_of(1, 1500);
    assert_int_equal(calendar_earliest(&calendar, &r, &course), CALENDAR_OK);
    assert_int_equal(course.count, 3);
    assert_int_equal(calendar_book(&calendar, &r, &course), CALENDAR_FULL);
    assert_int_equal(calendar.count, 0);
    calendar.cap = 3;
    assert_int_equal(calendar_book(&calendar, &r, &course), CALENDAR_OK);
    assert_int_equal(calendar.count, 3);
}

static void what_is_over_or_called_off_makes_room(void **state)
{
    (void)state;
    struct book book;
    book_open(&book);
    struct calendar_request r = request_of(1, 30);
    r.windows = WINDOWS(SPAN(10, 20), SPAN(50, 60), SPAN(70, 80));
    reserve(&book, &r);
    struct calendar_request other = request_of(2, 10);
    reserve(&book, &other); /* 20 to 30 */
    assert_int_equal(book.calendar.count, 4);
    calendar_stop(&book.calendar, 1, AT(15));
    assert_int_equal(book.slots[0].end.us, MINUTES_US(15));
    calendar_remove(&book.calendar, 1, AT(50));
    assert_int_equal(book.calendar.count, 2);
    assert_int_equal(book.slots[1].transmission_id, 2);
    calendar_trim(&book.calendar, AT(15));
    assert_int_equal(book.calendar.count, 1);
    assert_int_equal(book.slots[0].transmission_id, 2);
    calendar_trim(&book.calendar, AT(30));
    assert_int_equal(book.calendar.count, 0);
}

/* ---- many ---- */

static void the_urgent_go_first_and_then_the_short(void **state)
{
    (void)state;
    struct book book;
    struct calendar_request requests[4];
    struct calendar_place places[4];
    struct calendar_packing packing;
    static const struct {
        uint32_t priority;
        int64_t minutes;
        int64_t start;
    } rows[] = {{0, 40, 70}, {0, 15, 40}, {7, 30, 10}, {0, 15, 55}};
    book_open(&book);
    for (uint32_t i = 0; i < 4; i++) {
        requests[i] = request_of(i + 1, rows[i].minutes);
        requests[i].priority = rows[i].priority;
    }
    void *workspace = malloc(calendar_workspace_bytes(requests, 4));
    calendar_pack(&book.calendar, requests, 4, workspace, places, &packing);
    free(workspace);
    assert_int_equal(packing.failed, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(places[i].start.us, MINUTES_US(rows[i].start));
    }
    assert_int_equal(places[0].end.us, MINUTES_US(110));
    assert_int_equal(packing.makespan_us, MINUTES_US(100));
    assert_int_equal(packing.bound_us, packing.makespan_us);
}

static void one_that_has_no_place_leaves_the_others_alone(void **state)
{
    (void)state;
    struct book book;
    struct calendar_request requests[3] = {request_of(1, 10), request_of(2, 0),
                                           request_of(3, 30)};
    struct calendar_place places[3];
    struct calendar_packing packing;
    uint64_t workspace[64];
    book_open(&book);
    requests[2].deadline = AT(49);
    assert_in_range(calendar_workspace_bytes(requests, 3), 1, sizeof(workspace));
    calendar_pack(&book.calendar, requests, 3, workspace, places, &packing);
    assert_int_equal(packing.failed, 2);
    assert_int_equal(places[0].error, CALENDAR_OK);
    assert_int_equal(places[0].session_count, 1);
    assert_int_equal(places[1].error, CALENDAR_EMPTY);
    assert_int_equal(places[2].error, CALENDAR_BUSY);
    assert_int_equal(packing.makespan_us, MINUTES_US(10));
    calendar_pack(&book.calendar, requests, 0, workspace, places, &packing);
    assert_int_equal(packing.makespan_us, 0);
    assert_int_equal(packing.bound_us, 0);
    book.calendar.cap = 1;
    requests[0].not_before = AT(500);
    calendar_pack(&book.calendar, requests, 1, workspace, places, &packing);
    assert_int_equal(places[0].error, CALENDAR_FULL);
}

/* ---- slots on the devices ---- */

static void devices_give_the_lowest_free_number_and_kept_groups_last(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct device_slots slots;
        uint8_t group;
        uint8_t frag;
    } rows[] = {
        {"nothing known", {0}, 0, 0},
        {"some in use", {.groups_used = 0x5, .frags_used = 0x3}, 1, 2},
        {"all in use", {.groups_used = 0xf, .frags_used = 0xf}, 0xff, 0xff},
        {"one only", {.group_count = 1, .frag_count = 1}, 0, 0},
        {"that one in use",
         {.group_count = 1, .frag_count = 1, .groups_used = 1, .frags_used = 1},
         0xff,
         0xff},
        {"free before kept", {.groups_used = 0x3, .groups_kept = 0x1}, 2, 0},
        {"kept at last",
         {.group_count = 2, .groups_used = 0x3, .groups_kept = 0x2},
         1,
         0},
        {"more than there can be", {.group_count = 9, .groups_used = 0xf}, 0xff, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct device_slots slots = rows[i].slots;
        test_row(rows[i].name);
        uint8_t group = device_slots_take_group(&slots);
        uint8_t frag = device_slots_take_frag(&slots);
        assert_int_equal(group, rows[i].group);
        assert_int_equal(frag, rows[i].frag);
        if (group != DEVICE_SLOT_NONE) {
            assert_true((slots.groups_used & (1U << group)) != 0);
            assert_true((slots.groups_kept & (1U << group)) == 0);
            device_slots_give_group(&slots, group);
            assert_true((slots.groups_used & (1U << group)) == 0);
        }
        device_slots_give_group(&slots, DEVICE_SLOT_NONE);
        device_slots_give_frag(&slots, DEVICE_SLOT_NONE);
        device_slots_give_frag(&slots, frag);
        assert_true(frag == DEVICE_SLOT_NONE ||
                    slots.frags_used == rows[i].slots.frags_used);
    }
}

static void a_cohort_has_what_all_of_its_devices_have(void **state)
{
    (void)state;
    struct device_slots a = {.group_count = 4, .frag_count = 1, .groups_used = 0x1};
    struct device_slots b = {
        .group_count = 2, .groups_used = 0x3, .groups_kept = 0x3, .frags_used = 0x2};
    struct device_slots both = device_slots_join(a, b);
    assert_int_equal(both.group_count, 2);
    assert_int_equal(both.frag_count, 1);
    assert_int_equal(both.groups_used, 0x3);
    assert_int_equal(both.groups_kept, 0x2); /* the other one is in use at a */
    assert_int_equal(both.frags_used, 0x2);
    assert_int_equal(device_slots_take_group(&both), 1);
    assert_int_equal(device_slots_take_group(&both), DEVICE_SLOT_NONE);
    assert_int_equal(device_slots_take_frag(&both), 0);
}

TEST_MAIN(cmocka_unit_test(a_lone_session_starts_after_its_lead),
          cmocka_unit_test(sessions_of_one_gateway_follow_one_another),
          cmocka_unit_test(a_gap_is_used_if_it_is_long_enough),
          cmocka_unit_test(windows_and_the_longest_session_cut_a_transmission),
          cmocka_unit_test(a_transmission_that_does_not_fit_says_why),
          cmocka_unit_test(a_full_book_takes_all_sessions_or_none),
          cmocka_unit_test(what_is_over_or_called_off_makes_room),
          cmocka_unit_test(the_urgent_go_first_and_then_the_short),
          cmocka_unit_test(one_that_has_no_place_leaves_the_others_alone),
          cmocka_unit_test(devices_give_the_lowest_free_number_and_kept_groups_last),
          cmocka_unit_test(a_cohort_has_what_all_of_its_devices_have))
