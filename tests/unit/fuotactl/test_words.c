/* SPDX-License-Identifier: MIT */
/* test_words.c - clean text, durations, numbers and tables. */
#include <stdlib.h>
#include <string.h>

#include "fuotactl/words.h"
#include "test.h"

static void text_from_elsewhere_cannot_move_the_cursor(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *want;
    } rows[] = {
        {"plain", "wm1-1-4-3", "wm1-1-4-3"},
        {"empty", "", ""},
        {"escape", "a\033[31mb", "a?[31mb"},
        {"line ends and tab", "a\r\n\tb", "a???b"},
        {"DEL", "a\177b", "a?b"},
        {"C1 control", "a\302\233b", "a?b"},
        {"umlaut and euro stay", "\303\244\342\202\254", "\303\244\342\202\254"},
        {"four bytes stay", "\360\237\223\241", "\360\237\223\241"},
        {"right-to-left override", "a\342\200\256b", "a?b"},
        {"isolate", "a\342\201\246b", "a?b"},
        {"byte order mark", "\357\273\277a", "?a"},
        {"broken: lone continuation", "a\200b", "a?b"},
        {"broken: cut off", "a\342\202", "a??"},
        {"broken: overlong", "\300\200a", "??a"},
        {"broken: surrogate", "\355\240\200", "???"},
        {"broken: beyond unicode", "\364\220\200\200", "????"},
        {"broken: no such length", "\377a", "?a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        char *clean = words_clean(rows[i].text);
        assert_string_equal(clean, rows[i].want);
        free(clean);
    }
}

static void durations_show_their_two_largest_units(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *want;
    } rows[] = {
        {-1, "-"},
        {0, "0.0 s"},
        {394496, "0.3 s"},
        {59999999, "59.9 s"},
        {60000000, "1m 0s"},
        {3599000000, "59m 59s"},
        {3600000000, "1h 0m"},
        {86399000000, "23h 59m"},
        {670000000000, "7d 18h"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[WORDS_DURATION_SIZE];
        assert_string_equal(words_duration(rows[i].us, text), rows[i].want);
    }
}

static void durations_are_read_with_units_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } rows[] = {
        {"90s", 90000000},
        {"15m", 900000000},
        {"1h30m", 5400000000},
        {"40h", 144000000000},
        {"14d", 1209600000000},
        {"2w", 1209600000000},
        {"0s", 0},
        {"", -1},
        {"6", -1},
        {"h", -1},
        {"6 h", -1},
        {"-1h", -1},
        {"1.5h", -1},
        {"6x", -1},
        {"6h3", -1},
        {"12345678s", -1},
        {"9999999w9999999w9999999w", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 42;
        bool good = rows[i].us >= 0;
        test_row(rows[i].text);
        assert_int_equal(words_parse_duration(rows[i].text, &us),
                         good ? FUO_OK : FUO_EPROTO);
        assert_int_equal(us, good ? rows[i].us : 42);
    }
}

static void numbers_are_read_within_their_range_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t max;
        int64_t want; /* -1: refused */
    } rows[] = {
        {"0", 15, 0},
        {"15", 15, 15},
        {"16", 15, -1},
        {"", 15, -1},
        {"1a", 15, -1},
        {"-1", 15, -1},
        {" 1", 15, -1},
        {"4294967295", UINT32_MAX, UINT32_MAX},
        {"4294967296", UINT32_MAX, -1},
        {"99999999999999999999999", UINT32_MAX, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t number = 42;
        bool good = rows[i].want >= 0;
        test_row(rows[i].text);
        assert_int_equal(words_parse_u32(rows[i].text, rows[i].max, &number),
                         good ? FUO_OK : FUO_EPROTO);
        assert_int_equal(number, good ? rows[i].want : 42);
    }
}

static void tables_are_aligned_by_characters_not_bytes(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct table table = {.columns = 3, .right_mask = 2};
    static const char *const cells[] = {
        "NAME", "N", "REASON", "\303\244b\033", "100", NULL, "longer", "7", "last"};
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        table_add(&table, cells[i]);
    }
    table_addf(&table, "%d", 1);
    table_addf(&table, "%d", 22);
    table_add(&table, "");
    FILE *out = open_memstream(&text, &len);
    table_print(&table, out);
    fclose(out);
    assert_string_equal(text, "NAME      N  REASON\n"
                              "\303\244b?     100  -\n"
                              "longer    7  last\n"
                              "1        22  -\n");
    table_finish(&table);
    assert_null(table.texts);
    free(text);
}

TEST_MAIN(cmocka_unit_test(text_from_elsewhere_cannot_move_the_cursor),
          cmocka_unit_test(durations_show_their_two_largest_units),
          cmocka_unit_test(durations_are_read_with_units_only),
          cmocka_unit_test(numbers_are_read_within_their_range_only),
          cmocka_unit_test(tables_are_aligned_by_characters_not_bytes))
