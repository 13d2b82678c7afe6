/* SPDX-License-Identifier: MIT */
#include "config/schedule.h"

#include "config/campaign.h"
#include "config/zone.h"
#include "config_test.h"
#include "io/rfc3339.h"

static struct utc utc(const char *text)
{
    struct utc at;
    assert_int_equal(rfc3339_parse(text, strlen(text), &at), FUO_OK);
    return at;
}

static struct campaign_doc *campaign(const char *schedule)
{
    char text[2048];
    struct diag_list diags = {0};
    snprintf(text, sizeof(text),
             "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n"
             "  image: {file: a, version: \"1\", signatures: [s]}\n"
             "  targets: {fleet: wm1}\n  schedule: {%s}\n",
             schedule);
    struct config_doc *doc = parse_text("Campaign", text, &diags);
    assert_diags(&diags, "");
    assert_non_null(doc);
    return (struct campaign_doc *)doc;
}

static struct window_doc *freeze(void)
{
    struct diag_list diags = {0};
    struct config_doc *doc = parse_text(
        "Window",
        "apiVersion: fuotad/v1\nkind: Window\nmetadata: {name: org-freeze}\n"
        "spec: {timezone: Europe/Berlin, from: \"2026-12-23\", to: \"2027-01-04\"}\n",
        &diags);
    assert_non_null(doc);
    return (struct window_doc *)doc;
}

/* "START/END " of each span, to the minute, without the year; "..." for no end. */
static void describe(const struct schedule_spans *spans, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < spans->count; i++) {
        char start[RFC3339_SIZE];
        char end[RFC3339_SIZE];
        rfc3339_format_s(spans->spans[i].start, start);
        rfc3339_format_s(spans->spans[i].end, end);
        bool open = spans->spans[i].end.us == INT64_MAX;
        size_t len = strlen(text);
        snprintf(text + len, size - len, "%s%.11s/%.11s", i > 0 ? " " : "", start + 5,
                 open ? "..." : end + 5);
    }
}

struct row {
    const char *schedule;
    const char *from;
    const char *until;
    const char *want; /* UTC */
};

static void check(const struct row *row)
{
    struct campaign_doc *doc = campaign(row->schedule);
    struct window_doc *window = freeze();
    const struct window_doc *const windows[] = {window};
    const struct schedule_names names = {windows, 1};
    struct schedule_spans spans;
    char got[512];
    assert_int_equal(schedule_spans(&doc->spec.schedule, &names, utc(row->from),
                                    utc(row->until), &spans),
                     FUO_OK);
    describe(&spans, got, sizeof(got));
    test_row(row->schedule);
    assert_string_equal(got, row->want);
    window_doc_destroy(window);
    campaign_doc_destroy(doc);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&rows[i]);
    }
}

static void windows_follow_the_clock_of_their_zone(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z", "07-01T00:00/..."},
        {"windows: [{start: \"08:00\", end: \"10:00\"}]", "2026-07-01T00:00:00Z",
         "2026-07-03T00:00:00Z", "07-01T08:00/07-01T10:00 07-02T08:00/07-02T10:00"},
        /* across midnight: of the evening before, as it goes on, and cut at the end */
        {"timezone: Europe/Berlin, windows: [{start: \"22:00\", end: \"05:30\"}]",
         "2026-07-01T00:00:00Z", "2026-07-02T01:00:00Z",
         "07-01T00:00/07-01T03:30 07-01T20:00/07-02T01:00"},
        /* days are those on which it begins: 2026-07-03 is a Friday */
        {"timezone: Europe/Berlin, windows: [{days: [fri], start: \"22:00\", end: "
         "\"05:30\"}]",
         "2026-07-01T00:00:00Z", "2026-07-08T00:00:00Z", "07-03T20:00/07-04T03:30"},
        /* whole days touch, and become one */
        {"windows: [{days: [sat, sun], start: \"00:00\", end: \"00:00\"}]",
         "2026-07-01T00:00:00Z", "2026-07-08T00:00:00Z", "07-04T00:00/07-06T00:00"},
        /* overlapping ones, too */
        {"windows: [{start: \"08:00\", end: \"10:00\"}, {start: \"09:00\", end: "
         "\"11:00\"}]",
         "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z", "07-01T08:00/07-01T11:00"},
    };
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void changes_of_the_clock_shorten_lengthen_and_skip_windows(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* Berlin 2026-03-29: 02:00 is 03:00. A night is an hour shorter ... */
        {"timezone: Europe/Berlin, windows: [{start: \"22:00\", end: \"05:30\"}]",
         "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "03-28T21:00/03-29T03:30"},
        /* ... what starts in the gap opens at the change ... */
        {"timezone: Europe/Berlin, windows: [{start: \"02:30\", end: \"03:15\"}]",
         "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "03-29T01:00/03-29T01:15"},
        /* ... and what lies in it is not open at all. */
        {"timezone: Europe/Berlin, windows: [{start: \"02:10\", end: \"02:50\"}]",
         "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", ""},
        /* Berlin 2026-10-25: 02:00 to 03:00 comes twice, and is open once. */
        {"timezone: Europe/Berlin, windows: [{start: \"02:10\", end: \"02:50\"}]",
         "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", "10-25T00:10/10-25T00:50"},
        {"timezone: Europe/Berlin, windows: [{start: \"22:00\", end: \"05:30\"}]",
         "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", "10-24T20:00/10-25T04:30"},
        /* Lord Howe moves by half an hour: 2026-10-04 02:00 is 02:30. */
        {"timezone: Australia/Lord_Howe, windows: [{start: \"02:15\", end: \"03:00\"}]",
         "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z", "10-03T15:30/10-03T16:00"},
        /* Dublin's summer is its standard time: same clock as London, 2026-03-29. */
        {"timezone: Europe/Dublin, windows: [{start: \"00:30\", end: \"02:30\"}]",
         "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "03-29T00:30/03-29T01:30"},
        /* Casablanca goes back for Ramadan: 2027-02-07 03:00 is 02:00, until 03-14. */
        {"timezone: Africa/Casablanca, windows: [{start: \"08:00\", end: \"09:00\"}]",
         "2027-02-06T00:00:00Z", "2027-02-08T00:00:00Z",
         "02-06T07:00/02-06T08:00 02-07T08:00/02-07T09:00"},
    };
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void blackouts_win(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* without windows: open before, and for good behind it */
        {"blackouts: [{from: \"2026-07-02\", to: \"2026-07-04\"}]",
         "2026-07-01T00:00:00Z", "2026-07-03T00:00:00Z",
         "07-01T00:00/07-02T00:00 07-04T00:00/..."},
        {"windows: [{start: \"08:00\", end: \"10:00\"}], blackouts: [{from: "
         "\"2026-07-01T08:30\", to: \"2026-07-01T09:00\"}]",
         "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z",
         "07-01T08:00/07-01T08:30 07-01T09:00/07-01T10:00"},
        {"windows: [{start: \"08:00\", end: \"10:00\"}], blackouts: [{from: "
         "\"2026-07-01\", to: \"2026-07-03\"}]",
         "2026-07-01T00:00:00Z", "2026-07-04T00:00:00Z", "07-03T08:00/07-03T10:00"},
        /* a Window has a zone of its own */
        {"timezone: America/New_York, blackouts: [{window: org-freeze}]",
         "2026-12-22T00:00:00Z", "2027-02-01T00:00:00Z",
         "12-22T00:00/12-22T23:00 01-03T23:00/..."},
        /* until the second 02:30 of the night in which it comes twice */
        {"timezone: Europe/Berlin, blackouts: [{from: \"2026-10-25T02:10\", to: "
         "\"2026-10-25T02:30\"}]",
         "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z",
         "10-25T00:00/10-25T00:10 10-25T01:30/..."},
    };
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void what_has_no_room_is_not_known_yet(void **state)
{
    (void)state;
    struct campaign_doc *doc = campaign("windows: [{start: \"08:00\", end: \"10:00\"}]");
    const struct schedule_names none = {0};
    struct schedule_spans *spans = calloc(1, sizeof(*spans));
    struct utc from = utc("2026-07-01T00:00:00Z");
    assert_int_equal(schedule_spans(&doc->spec.schedule, &none, from,
                                    utc_after(from, DAYS_US(1000)), spans),
                     FUO_OK);
    assert_in_range(spans->count, SCHEDULE_SPANS_MAX - 2, SCHEDULE_SPANS_MAX);
    const struct calendar_span *last = &spans->spans[spans->count - 1];
    assert_true(last->end.us <= spans->until.us);
    assert_true(spans->until.us <= utc_after(from, DAYS_US(SCHEDULE_SPANS_MAX)).us);
    free(spans);
    campaign_doc_destroy(doc);
}

static void a_window_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct campaign_doc *doc = campaign("blackouts: [{window: other}]");
    struct window_doc *window = freeze();
    const struct window_doc *const windows[] = {window};
    const struct schedule_names names = {windows, 1};
    struct schedule_spans spans = {.count = 77};
    struct utc from = utc("2026-07-01T00:00:00Z");
    assert_int_equal(schedule_spans(&doc->spec.schedule, &names, from, from, &spans),
                     FUO_ENOENT);
    assert_int_equal(spans.count, 77);
    assert_null(schedule_named(&names, "other"));
    assert_ptr_equal(schedule_named(&names, "org-freeze"), window);
    assert_true(schedule_is_restricted(&doc->spec.schedule));
    window_doc_destroy(window);
    campaign_doc_destroy(doc);
}

static void local_times_that_are_skipped_or_come_twice_have_a_rule(void **state)
{
    (void)state;
    struct zone *berlin = zone_find("Europe/Berlin");
    assert_null(zone_find("Europe/Nowhere"));
    assert_int_equal(zone_offset_us(zone_find("UTC"), utc("2026-07-01T00:00:00Z")), 0);
    static const struct {
        const char *local;
        const char *first;
        const char *last;
    } rows[] = {
        {"2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
        {"2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
        {"2026-03-29T02:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
        {"2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
        {"2026-10-25T01:59:59Z", "2026-10-24T23:59:59Z", "2026-10-24T23:59:59Z"},
        {"2026-10-25T02:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
        {"2026-10-25T02:59:59Z", "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z"},
        {"2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t local_us = utc(rows[i].local).us;
        assert_int_equal(zone_to_utc(berlin, local_us, ZONE_FIRST).us,
                         utc(rows[i].first).us);
        assert_int_equal(zone_to_utc(berlin, local_us, ZONE_LAST).us,
                         utc(rows[i].last).us);
    }
}

/* A window around every change there is, night by night. */
static void check_nights(const char *name)
{
    static const int64_t days_at_once = 100;
    char schedule[128];
    snprintf(schedule, sizeof(schedule),
             "timezone: %s, windows: [{start: \"00:30\", end: \"04:30\"}]", name);
    struct campaign_doc *doc = campaign(schedule);
    struct zone *zone = zone_find(name);
    const struct schedule_names none = {0};
    struct zone_change change = {.at = utc("2026-01-01T12:00:00Z")};
    const struct utc last = utc("2037-12-30T12:00:00Z");
    size_t nights = 0;
    size_t odd = 0;
    for (struct utc from = change.at; from.us < last.us;
         from = utc_after(from, DAYS_US(days_at_once))) {
        struct schedule_spans spans;
        struct utc until = utc_min(last, utc_after(from, DAYS_US(days_at_once)));
        assert_int_equal(schedule_spans(&doc->spec.schedule, &none, from, until, &spans),
                         FUO_OK);
        for (size_t i = 0; i < spans.count; i++) {
            struct calendar_span s = spans.spans[i];
            int64_t before_us = zone_offset_us(zone, s.start);
            int64_t after_us = zone_offset_us(zone, s.end);
            int64_t start_us = s.start.us + before_us;
            int64_t end_us = s.end.us + after_us;
            assert_int_equal(start_us % DAYS_US(1), MINUTES_US(30));
            assert_int_equal(end_us % DAYS_US(1), MINUTES_US(270));
            assert_int_equal(s.end.us - s.start.us, HOURS_US(4) + before_us - after_us);
            nights++;
            odd += before_us != after_us;
        }
    }
    size_t changes = 0;
    while (zone_next_change(zone, change.at, last, &change)) {
        changes++;
    }
    assert_int_equal(nights, (last.us - utc("2026-01-01T12:00:00Z").us) / DAYS_US(1));
    assert_int_equal(odd, changes);
    assert_true(changes >= 20);
    campaign_doc_destroy(doc);
}

/* The offsets themselves are compared with another reader's in test_zone_changes.py. */
static void windows_open_once_a_night_until_2037(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "Australia/Lord_Howe",
                                        "Europe/Dublin", "Africa/Casablanca"};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        test_row(zones[i]);
        check_nights(zones[i]);
    }
}

static void a_term_is_never_longer_than_it_reads(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        const char *not_before; /* NULL: none */
        const char *deadline;
    } rows[] = {
        {"", NULL, NULL},
        {"notBefore: \"2026-12-01\"", "2026-12-01T00:00:00Z", NULL},
        {"timezone: Europe/Berlin, notBefore: \"2026-07-01T08:00\", deadline: "
         "\"2026-12-01T08:00\"",
         "2026-07-01T06:00:00Z", "2026-12-01T07:00:00Z"},
        /* skipped: the moment of the change */
        {"timezone: Europe/Berlin, notBefore: \"2026-03-29T02:30\"",
         "2026-03-29T01:00:00Z", NULL},
        /* twice: begins in the second, ends in the first */
        {"timezone: Europe/Berlin, notBefore: \"2026-10-25T02:30\"",
         "2026-10-25T01:30:00Z", NULL},
        {"timezone: Europe/Berlin, deadline: \"2026-10-25T02:30\"", NULL,
         "2026-10-25T00:30:00Z"},
        /* half an hour */
        {"timezone: Australia/Lord_Howe, notBefore: \"2027-04-04T01:45\", deadline: "
         "\"2027-10-03T02:15\"",
         "2027-04-03T15:15:00Z", "2027-10-02T15:30:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_doc *doc = campaign(rows[i].schedule);
        struct schedule_term term;
        test_row(rows[i].schedule);
        assert_int_equal(schedule_term(&doc->spec.schedule, &term), FUO_OK);
        assert_int_equal(term.not_before.us, rows[i].not_before != NULL
                                                 ? utc(rows[i].not_before).us
                                                 : INT64_MIN);
        assert_int_equal(term.deadline.us,
                         rows[i].deadline != NULL ? utc(rows[i].deadline).us : INT64_MAX);
        doc->spec.schedule.timezone = "Nowhere/None";
        assert_int_equal(schedule_term(&doc->spec.schedule, &term), FUO_ENOENT);
        campaign_doc_destroy(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_follow_the_clock_of_their_zone),
        cmocka_unit_test(changes_of_the_clock_shorten_lengthen_and_skip_windows),
        cmocka_unit_test(blackouts_win),
        cmocka_unit_test(what_has_no_room_is_not_known_yet),
        cmocka_unit_test(a_window_that_is_missing_is_an_error),
        cmocka_unit_test(windows_open_once_a_night_until_2037),
        cmocka_unit_test(a_term_is_never_longer_than_it_reads),
        cmocka_unit_test(local_times_that_are_skipped_or_come_twice_have_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
