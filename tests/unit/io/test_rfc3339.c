/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "io/rfc3339.h"

static void times_are_written_and_read_back(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
        const char *seconds;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59Z"},
        {INT64_C(951782399000001), "2000-02-28T23:59:59.000001Z", "2000-02-28T23:59:59Z"},
        {INT64_C(951868799999999), "2000-02-29T23:59:59.999999Z", "2000-02-29T23:59:59Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z",
         "2100-03-01T00:00:00Z"},
        {INT64_C(1772366400123456), "2026-03-01T12:00:00.123456Z",
         "2026-03-01T12:00:00Z"},
        {INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z",
         "0000-01-01T00:00:00Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z",
         "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[RFC3339_SIZE];
        struct utc utc;
        test_row(rows[i].text);
        assert_string_equal(rfc3339_format((struct utc){rows[i].us}, text), rows[i].text);
        assert_int_equal(rfc3339_parse(text, strlen(text), &utc), FUO_OK);
        assert_int_equal(utc.us, rows[i].us);
        assert_string_equal(rfc3339_format_s((struct utc){rows[i].us}, text),
                            rows[i].seconds);
    }
}

static void times_out_of_range_are_the_first_or_last_moment(void **state)
{
    (void)state;
    char text[RFC3339_SIZE];
    assert_string_equal(rfc3339_format(UTC_NEVER, text), "9999-12-31T23:59:59.999999Z");
    assert_string_equal(rfc3339_format_s(UTC_NEVER, text), "9999-12-31T23:59:59Z");
    assert_string_equal(rfc3339_format((struct utc){INT64_MIN}, text),
                        "0000-01-01T00:00:00.000000Z");
    assert_string_equal(rfc3339_format_s((struct utc){INT64_MIN}, text),
                        "0000-01-01T00:00:00Z");
}

static void every_day_of_eight_centuries_round_trips(void **state)
{
    (void)state;
    int64_t day_us = DAYS_US(1);
    for (int64_t day = -146097; day <= 146097; day += 1) {
        char text[RFC3339_SIZE];
        struct utc utc = {0};
        rfc3339_format((struct utc){day * day_us + 3600}, text);
        assert_int_equal(rfc3339_parse(text, strlen(text), &utc), FUO_OK);
        assert_int_equal(utc.us, day * day_us + 3600);
    }
}

static void offsets_decimals_and_leap_seconds_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"2026-03-01T12:00:00Z", INT64_C(1772366400000000)},
        {"2026-03-01T12:00:00.1Z", INT64_C(1772366400100000)},
        {"2026-03-01T12:00:00.123456789Z", INT64_C(1772366400123456)},
        {"2026-03-01T12:00:00+00:00", INT64_C(1772366400000000)},
        {"2026-03-01T13:00:00+01:00", INT64_C(1772366400000000)},
        {"2026-03-01T08:30:00-03:30", INT64_C(1772366400000000)},
        {"2026-03-01T11:59:60Z", INT64_C(1772366400000000)},
        {"2026-03-01T11:59:60.9Z", INT64_C(1772366400000000)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct utc utc;
        test_row(rows[i].text);
        assert_int_equal(rfc3339_parse(rows[i].text, strlen(rows[i].text), &utc), FUO_OK);
        assert_int_equal(utc.us, rows[i].us);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "2026-02-29T00:00:00Z",      "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",      "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",      "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",      "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",      "2026-01-01T00:00:61Z",
        "2026-01-01t00:00:00Z",      "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00z",      "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",     "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+1:00",  "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+0100",  "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",     "2026-01-01T00:00:00.1234567890Z",
        "+026-01-01T00:00:00Z",      "2026-1-01T00:00:00Z",
        "2026-01-01T00:00:00*00:00", "2026-01-01T00:00:00+00:60",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct utc utc = {77};
        test_row(rows[i]);
        assert_int_equal(rfc3339_parse(rows[i], strlen(rows[i]), &utc), FUO_EPROTO);
        assert_int_equal(utc.us, 77);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    const char *text = "2026-03-01T13:00:00.123456+01:00";
    for (size_t len = 0; len < strlen(text); len++) {
        struct utc utc = {77};
        assert_int_equal(rfc3339_parse(text, len, &utc), FUO_EPROTO);
        assert_int_equal(utc.us, 77);
    }
}

TEST_MAIN(cmocka_unit_test(times_are_written_and_read_back),
          cmocka_unit_test(times_out_of_range_are_the_first_or_last_moment),
          cmocka_unit_test(every_day_of_eight_centuries_round_trips),
          cmocka_unit_test(offsets_decimals_and_leap_seconds_are_understood),
          cmocka_unit_test(what_is_no_time_is_refused),
          cmocka_unit_test(every_truncation_is_refused))
