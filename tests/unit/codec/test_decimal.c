/* SPDX-License-Identifier: MIT */
/* Numbers and bytes as text: decimal and base64. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/base64.h"
#include "codec/decimal.h"

static void numbers_are_read_as_json_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
        double real;
    } rows[] = {
        {"0", true, 0, 0},
        {"-0", true, 0, 0},
        {"100", true, 100, 100},
        {"-17", true, -17, -17},
        {"9223372036854775807", true, INT64_MAX, 9223372036854775807.0},
        {"-9223372036854775808", true, INT64_MIN, -9223372036854775808.0},
        {"9223372036854775808", false, 0, 9223372036854775808.0},
        {"18446744073709551616", false, 0, 18446744073709551616.0},
        {"100000000000000000000000", false, 0, 1e23},
        {"1.0", false, 0, 1.0},
        {"21.5", false, 0, 21.5},
        {"0.001", false, 0, 0.001},
        {"-2.5E-3", false, 0, -0.0025},
        {"1e+3", false, 0, 1000},
        {"3.141592653589793", false, 0, 3.141592653589793},
        {"0.000000000000000000000000123", false, 0, 1.23e-25},
        {"1e-999", false, 0, 0},
        {"0e999", false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct decimal d;
        test_row(rows[i].text);
        assert_int_equal(decimal_parse(rows[i].text, strlen(rows[i].text), &d), FUO_OK);
        assert_int_equal(d.is_integer, rows[i].is_integer);
        assert_true(d.integer == rows[i].integer);
        double error = d.real - rows[i].real;
        double size = rows[i].real < 0 ? -rows[i].real : rows[i].real;
        assert_true((error < 0 ? -error : error) <= size * 2.3e-16);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {"", FUO_EPROTO},    {"-", FUO_EPROTO},     {"+1", FUO_EPROTO},
        {"01", FUO_EPROTO},  {".5", FUO_EPROTO},    {"5.", FUO_EPROTO},
        {"1e", FUO_EPROTO},  {"1e+", FUO_EPROTO},   {"1 ", FUO_EPROTO},
        {" 1", FUO_EPROTO},  {"0x10", FUO_EPROTO},  {"1.2.3", FUO_EPROTO},
        {"nan", FUO_EPROTO}, {"1e309", FUO_ERANGE}, {"-1e99999999999", FUO_ERANGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct decimal d = {.integer = 7};
        test_row(rows[i].text);
        assert_int_equal(decimal_parse(rows[i].text, strlen(rows[i].text), &d),
                         rows[i].err);
        assert_int_equal(d.integer, 7);
    }
    struct decimal d;
    assert_int_equal(decimal_parse(NULL, 0, &d), FUO_EPROTO); /* a value of no bytes */
}

static void numbers_are_written_to_be_read_again(void **state)
{
    (void)state;
    static const struct {
        double real;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-21.5, "-21.5"},
        {0.1, "0.1"},
        {12300, "12300"},
        {0.00123, "0.00123"},
        {0.00001, "0.00001"},
        {0.000001, "1e-6"},
        {1.5e-7, "1.5e-7"},
        {123456789012345, "123456789012345"},
        {1e15, "1e15"},
        {-2.5e300, "-2.5e300"},
        {9.99999999999999999, "10"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[DECIMAL_TEXT_SIZE + 1];
        test_row(rows[i].text);
        text[decimal_format(rows[i].real, text)] = '\0';
        assert_string_equal(text, rows[i].text);
        assert_true(strtod(text, NULL) == rows[i].real);
    }
    char text[DECIMAL_TEXT_SIZE + 1];
    double infinite = 1e308;
    infinite *= 10;
    assert_int_equal(decimal_format(infinite, text), 0);
    assert_int_equal(decimal_format(infinite - infinite, text), 0);
    text[decimal_format_int(INT64_MIN, text)] = '\0';
    assert_string_equal(text, "-9223372036854775808");
}

static void bytes_become_base64_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        const char *plain;
        const char *url;
    } rows[] = {
        {"", "", ""},
        {"66", "Zg==", "Zg"},
        {"666f", "Zm8=", "Zm8"},
        {"666f6f", "Zm9v", "Zm9v"},
        {"666f6f626172", "Zm9vYmFy", "Zm9vYmFy"},
        {"fbefbe", "++++", "----"},
        {"ffffff", "////", "____"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[16];
        size_t len = strlen(rows[i].hex) / 2;
        char text[64] = "";
        char hex[64];
        test_row(rows[i].plain);
        assert_int_equal(hex_decode(rows[i].hex, 2 * len, bytes, len), FUO_OK);
        struct wr w = wr_init((uint8_t *)text, sizeof(text));
        base64_put(&w, bytes, len);
        assert_int_equal(w.len, strlen(rows[i].plain));
        assert_memory_equal(text, rows[i].plain, w.len);
        w = wr_init((uint8_t *)text, sizeof(text));
        base64_url_put(&w, bytes, len);
        assert_int_equal(w.len, strlen(rows[i].url));
        assert_memory_equal(text, rows[i].url, w.len);
        const char *both[] = {rows[i].plain, rows[i].url};
        for (size_t k = 0; k < 2; k++) {
            w = wr_init(bytes, sizeof(bytes));
            assert_int_equal(base64_decode(both[k], strlen(both[k]), &w), FUO_OK);
            assert_string_equal(hex_encode(bytes, w.len, hex), rows[i].hex);
        }
    }
}

static void what_is_no_base64_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Z", "Zg=", "Zh", "Zg==Zg==", "Z g=", "Zm8*", "====", "="};
    uint8_t bytes[2];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wr w = wr_init(bytes, sizeof(bytes));
        test_row(rows[i]);
        assert_int_equal(base64_decode(rows[i], strlen(rows[i]), &w), FUO_EPROTO);
        assert_int_equal(w.len, 0);
    }
    struct wr w = wr_init(bytes, sizeof(bytes));
    assert_int_equal(base64_decode("Zm9v", 4, &w), FUO_ENOSPC);
    assert_int_equal(w.len, 0);
    assert_int_equal(w.err, FUO_OK);
}

TEST_MAIN(cmocka_unit_test(numbers_are_read_as_json_has_them),
          cmocka_unit_test(what_is_no_number_is_refused),
          cmocka_unit_test(numbers_are_written_to_be_read_again),
          cmocka_unit_test(bytes_become_base64_and_back),
          cmocka_unit_test(what_is_no_base64_is_refused_and_leaves_nothing))
