/* SPDX-License-Identifier: MIT */
#include "config/option.h"

#include <json-c/json.h>

#include "base/time.h"
#include "campaign/spec.h"
#include "config/option_value.h"
#include "config_test.h"

static const struct {
    enum option_type type;
    const char *text;
    int64_t num;
} numbers[] = {
    {OPTION_U32, "0", 0},
    {OPTION_U32, "4294967295", 4294967295},
    {OPTION_U32, "0x01040300", 0x01040300},
    {OPTION_BOOL, "true", 1},
    {OPTION_BOOL, "false", 0},
    {OPTION_DURATION, "500ms", MILLIS_US(500)},
    {OPTION_DURATION, "30s", SECONDS_US(30)},
    {OPTION_DURATION, "1h30m", MINUTES_US(90)},
    {OPTION_DURATION, "7d", DAYS_US(7)},
    {OPTION_DURATION, "0s", 0},
    {OPTION_SHARE, "20%", 200000},
    {OPTION_SHARE, "0.5%", 5000},
    {OPTION_SHARE, "0.0001%", 1},
    {OPTION_SIZE, "222", 222},
    {OPTION_SIZE, "222B", 222},
    {OPTION_SIZE, "48KiB", 49152},
    {OPTION_SIZE, "48kB", 48000},
    {OPTION_SIZE, "1MiB", 1048576},
    {OPTION_SIZE, "1MB", 1000000},
    {OPTION_FREQUENCY, "869.525MHz", 869525000},
    {OPTION_FREQUENCY, "869525kHz", 869525000},
    {OPTION_FREQUENCY, "869525000Hz", 869525000},
    {OPTION_FREQUENCY, "869525000", 869525000},
    {OPTION_DATA_RATE, "DR0", 0},
    {OPTION_DATA_RATE, "DR15", 15},
    {OPTION_DECIBEL, "0dB", 0},
    {OPTION_DECIBEL, "-2.5dB", -250},
    {OPTION_ENERGY, "50J", 50000},
    {OPTION_ENERGY, "0.2J", 200},
    {OPTION_ENERGY, "200mJ", 200},
    {OPTION_DATE, "1970-01-02", DAYS_US(1)},
    {OPTION_DATE, "2028-02-29", DAYS_US(21243)},
    {OPTION_TIME_OF_DAY, "00:00", 0},
    {OPTION_TIME_OF_DAY, "23:59", 1439},
    {OPTION_EUI, "70B3d57ed005a1b2", 0x70b3d57ed005a1b2},
    {OPTION_AMOUNT, "10", 10},
    {OPTION_AMOUNT, "10%", 100000},
};

static void reads_numbers_with_their_units(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct option option = {.type = numbers[i].type};
        struct option_value value;
        char message[OPTION_MESSAGE_SIZE];
        test_row(numbers[i].text);
        assert_true(option_parse(&option, numbers[i].text, &value, message));
        assert_int_equal(value.num, numbers[i].num);
        assert_null(value.text);
    }
}

static const struct {
    enum option_type type;
    const char *text;
    bool ok;
} texts[] = {
    {OPTION_TEXT, "x y", true},
    {OPTION_TEXT, "", false},
    {OPTION_TEXT, "a\tb", false},
    {OPTION_NAME, "wm1-1-4-3", true},
    {OPTION_NAME, "-a", false},
    {OPTION_NAME, "a-", false},
    {OPTION_NAME, "A", false},
    {OPTION_NAME, "a.b", false},
    {OPTION_NAME, "", false},
    {OPTION_VERSION, "1.4.3-rc1+5", true},
    {OPTION_VERSION, "1 2", false},
    {OPTION_URL, "mqtts://broker:8883", true},
    {OPTION_URL, "http://broker", false},
    {OPTION_URL, "mqtt://user@broker", false},
    {OPTION_URL, "mqtt://", false},
    {OPTION_URL, "mqtt:///x", false},
    {OPTION_URL, "averyveryverylongscheme://x", false},
    {OPTION_URL, "broker", false},
    {OPTION_ADDRESS, "127.0.0.1:9464", true},
    {OPTION_ADDRESS, "[::1]:9464", true},
    {OPTION_ADDRESS, "::1:9464", false},
    {OPTION_ADDRESS, "localhost:0", false},
    {OPTION_ADDRESS, "localhost:65536", false},
    {OPTION_ADDRESS, "localhost", false},
    {OPTION_ADDRESS, ":1", false},
    {OPTION_ZONE, "UTC", true},
    {OPTION_ZONE, "+02:00", false},
    {OPTION_ZONE, "../../etc/passwd", false},
    {OPTION_LOCAL_TIME, "2026-12-01", true},
    {OPTION_LOCAL_TIME, "2026-12-01T08:00", true},
    {OPTION_LOCAL_TIME, "2026-12-01T08:00:59", true},
    {OPTION_LOCAL_TIME, "2026-12-01T08:00Z", false},
    {OPTION_LOCAL_TIME, "2026-12-01 08:00", false},
    {OPTION_LOCAL_TIME, "2026-12-01T24:00", false},
    {OPTION_LOCAL_TIME, "2026-12-01T08:00:60", false},
    {OPTION_LOCAL_TIME, "2027-02-29", false},
    {OPTION_LOCAL_TIME, "2026-13-01", false},
    {OPTION_LOCAL_TIME, "2026-04-31", false},
    {OPTION_LOCAL_TIME, "1969-12-31", false},
    {OPTION_JSON_POINTER, "/a/b", true},
    {OPTION_JSON_POINTER, "a", false},
    {OPTION_TEMPLATE, "AA${version_u32_le}01", true},
    {OPTION_TEMPLATE, "A${version_u32_le}", false},
    {OPTION_TEMPLATE, "AA${other}", false},
    {OPTION_TEMPLATE, "", false},
    {OPTION_FILE, "a b/c.bin", true},
};

static void accepts_texts_of_their_form(void **state)
{
    (void)state;
    static const struct option_word schemes[] = {{"mqtt", 0}, {"mqtts", 0}, {0}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct option option = {.type = texts[i].type, .words = schemes};
        struct option_value value = {0};
        char message[OPTION_MESSAGE_SIZE];
        test_row(texts[i].text);
        assert_int_equal(option_parse(&option, texts[i].text, &value, message),
                         texts[i].ok);
        assert_true(!texts[i].ok || value.text == texts[i].text);
    }
}

static const struct option_word words[] = {
    {"auto", 0}, {"multicast", 1}, {"unicast", 2}, {0}};

static const struct {
    struct option option;
    const char *text;
    const char *message;
} wrong_values[] = {
    {{.type = OPTION_DURATION},
     "24",
     "is not a duration: \"24\"; write 500ms, 30s, 1h30m or 7d"},
    {{.type = OPTION_DURATION},
     "24x",
     "is not a duration: \"24x\"; write 500ms, 30s, 1h30m or 7d"},
    {{.type = OPTION_DURATION},
     "99999999999999d",
     "is not a duration: \"99999999999999d\"; write 500ms, 30s, 1h30m or 7d"},
    {{.type = OPTION_DURATION, .word = "auto"},
     "",
     "is not a duration: \"\"; write 500ms, 30s, 1h30m or 7d, or auto"},
    {{.type = OPTION_DURATION, .min = MINUTES_US(1), .max = DAYS_US(10)},
     "1s",
     "must be from 1m to 10d"},
    {{.type = OPTION_SHARE}, "20", "is not a share: \"20\"; write 20% or 0.5%"},
    {{.type = OPTION_SHARE},
     "0.00001%",
     "is not a share: \"0.00001%\"; write 20% or 0.5%"},
    {{.type = OPTION_SHARE}, "1.%", "is not a share: \"1.%\"; write 20% or 0.5%"},
    {{.type = OPTION_SHARE, .max = SPEC_PPM}, "101%", "must be from 0% to 100%"},
    {{.type = OPTION_U32, .min = 1, .max = 7}, "8", "must be from 1 to 7"},
    {{.type = OPTION_U32}, "4294967296", "is not a number: \"4294967296\""},
    {{.type = OPTION_U32}, "0x", "is not a number: \"0x\""},
    {{.type = OPTION_U32}, "0x123456789", "is not a number: \"0x123456789\""},
    {{.type = OPTION_U32}, "0xg", "is not a number: \"0xg\""},
    {{.type = OPTION_U32}, "-1", "is not a number: \"-1\""},
    {{.type = OPTION_U32},
     "99999999999999999999",
     "is not a number: \"99999999999999999999\""},
    {{.type = OPTION_U32, .word = "any"}, "x", "is not a number: \"x\"; or write any"},
    {{.type = OPTION_BOOL}, "yes", "must be true or false, not \"yes\""},
    {{.type = OPTION_ENUM, .words = words},
     "multycast",
     "must be auto, multicast or unicast, not \"multycast\"; did you mean "
     "\"multicast\"?"},
    {{.type = OPTION_ENUM, .words = words},
     "x",
     "must be auto, multicast or unicast, not \"x\""},
    {{.type = OPTION_URL, .words = words},
     "x",
     "must be a URL with auto, multicast or unicast, not \"x\""},
    {{.type = OPTION_HEX, .size = 4}, "00", "must be 8 hex digits, not \"00\""},
    {{.type = OPTION_HEX, .size = 1}, "0x", "must be 2 hex digits, not \"0x\""},
    {{.type = OPTION_EUI},
     "70B3D57ED005A1B",
     "is not an EUI: \"70B3D57ED005A1B\"; write 16 hex digits, as "
     "\"70b3d57ed005a1b2\""},
    {{.type = OPTION_DATA_RATE}, "3", "is not a data rate: \"3\"; write DR0 to DR15"},
    {{.type = OPTION_DATA_RATE},
     "DR16",
     "is not a data rate: \"DR16\"; write DR0 to DR15"},
    {{.type = OPTION_DATA_RATE},
     "DR03",
     "is not a data rate: \"DR03\"; write DR0 to DR15"},
    {{.type = OPTION_FREQUENCY, .min = 100000000, .max = 1677721500},
     "869.525",
     "is not a frequency: \"869.525\"; write 869.525MHz"},
    {{.type = OPTION_FREQUENCY, .min = 100000000, .max = 1677721500},
     "869525",
     "must be from 100MHz to 1677.7215MHz"},
    {{.type = OPTION_DECIBEL, .max = 4000}, "50dB", "must be from 0dB to 40dB"},
    {{.type = OPTION_ENERGY, .min = 1, .max = 50}, "1J", "must be from 0.001J to 0.05J"},
    {{.type = OPTION_DATA_RATE, .max = 7}, "DR8", "must be from DR0 to DR7"},
    {{.type = OPTION_TIME_OF_DAY},
     "24:00",
     "is not a time of day: \"24:00\"; write \"22:00\""},
    {{.type = OPTION_DATE},
     "2026-12-01T08:00",
     "is not a date: \"2026-12-01T08:00\"; write \"2026-12-31\""},
    {{.type = OPTION_AMOUNT, .min = 1, .max = 10}, "11", "must be from 1 to 10"},
    {{.type = OPTION_AMOUNT, .min = 1, .max = 10}, "101%", "must be from 0% to 100%"},
    {{.type = OPTION_TEXT, .max = 3}, "abcd", "is longer than 3 characters"},
    {{.type = OPTION_DURATION, .min = 1000, .max = INT64_MAX},
     "0s",
     "must be at least 1ms"},
};

static void says_what_is_wrong_with_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong_values); i++) {
        struct option_value value = {.num = 77};
        char message[OPTION_MESSAGE_SIZE] = "";
        test_row(wrong_values[i].text);
        assert_false(
            option_parse(&wrong_values[i].option, wrong_values[i].text, &value, message));
        assert_string_equal(message, wrong_values[i].message);
        assert_int_equal(value.num, 77);
    }
}

static void measures_how_far_two_words_are_apart(void **state)
{
    (void)state;
    assert_int_equal(option_distance("", "abc"), 3);
    assert_int_equal(option_distance("kitten", "sitting"), 3);
    assert_int_equal(option_distance("dataRate", "datarate"), 0);
    assert_true(option_is_near("size", 1));
    assert_false(option_is_near("size", 2));
    assert_true(option_is_near("redundancy", 3));
}

static void keeps_a_bounded_number_of_diagnostics(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct diag_place nowhere = {0};
    for (int i = 0; i < DIAG_KEPT_MAX + 5; i++) {
        diag_error(&diags, &nowhere, "x");
    }
    assert_int_equal(diags.count, DIAG_KEPT_MAX);
    assert_int_equal(diags.error_count, DIAG_KEPT_MAX + 5);
    char *text = take_diags(&diags);
    assert_non_null(strstr(text, "x\nand 5 more\n"));
    free(text);
}

static void prints_diagnostics_as_text_and_json(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct diag_place place = {"f.yaml", 3, 5, "spec.a"};
    struct diag_place file_only = {.file = "f.yaml"};
    struct diag_place nowhere = {0};
    diag_warn(&diags, &place, "second \x1b[31m");
    diag_error(&diags, &file_only, "first");
    diag_error(&diags, &nowhere, "zeroth");
    diag_list_sort(&diags);
    char *line = diag_format(&diags.items[2]);
    assert_string_equal(line, "f.yaml:3:5: spec.a: warning: second ?[31m");
    free(line);
    struct json_object *json = diag_list_json(&diags);
    assert_string_equal(
        json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
        "[{\"severity\":\"error\",\"text\":\"zeroth\"},"
        "{\"severity\":\"error\",\"file\":\"f.yaml\",\"text\":\"first\"},"
        "{\"severity\":\"warning\",\"file\":\"f.yaml\",\"line\":3,\"column\":5,"
        "\"path\":\"spec.a\",\"text\":\"second ?[31m\"}]");
    json_object_put(json);
    assert_int_equal(diags.warning_count, 1);
    assert_diags(&diags, "zeroth\nf.yaml: first\n"
                         "f.yaml:3:5: spec.a: warning: second ?[31m\n");
}

TEST_MAIN(cmocka_unit_test(reads_numbers_with_their_units),
          cmocka_unit_test(accepts_texts_of_their_form),
          cmocka_unit_test(says_what_is_wrong_with_a_value),
          cmocka_unit_test(measures_how_far_two_words_are_apart),
          cmocka_unit_test(keeps_a_bounded_number_of_diagnostics),
          cmocka_unit_test(prints_diagnostics_as_text_and_json))
