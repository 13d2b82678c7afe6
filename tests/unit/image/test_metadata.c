/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "image/metadata.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void a_trusted_comment_is_metadata_or_it_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {"fuota:v1 product=wm1 version=1.4.3 size=88060", FUO_OK},
        {"fuota:v1 product=wm1 version=1.4.3 size=88060 seccnt=17", FUO_OK},
        {"fuota:v1 seccnt=0 size=1 version=A-Z_0.9+b~c product=x", FUO_OK},
        {"fuota:v1 product=" A64 " version=1 size=4294967295", FUO_OK},
        {"fuota:v1 product=" A64 "a version=1 size=1", FUO_EPROTO},
        {"timestamp:1795252045\tfile:f", FUO_ENOENT},
        {"", FUO_ENOENT},
        {"fuota", FUO_ENOENT},
        {"Fuota:v1 product=a version=1 size=1", FUO_ENOENT},
        {"fuota:v2 product=a version=1 size=1", FUO_ENOTSUP},
        {"fuota:v1", FUO_EPROTO},
        {"fuota:v1 ", FUO_EPROTO},
        {"fuota:v1\tproduct=a version=1 size=1", FUO_ENOTSUP},
        {"fuota:v1  product=a version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a  version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=1 ", FUO_EPROTO},
        {"fuota:v1 version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a size=1", FUO_EPROTO},
        {"fuota:v1 product=a version=1", FUO_EPROTO},
        {"fuota:v1 product=a version=1 version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=1 seccnt=1 seccnt=1", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=1 hw=B", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=1 seccnt", FUO_EPROTO},
        {"fuota:v1 product= version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a=b version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a/b version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=\xc3\xa4 version=1 size=1", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=0", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=01", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=-1", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=0x10", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=4294967296", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=11111111111", FUO_EPROTO},
        {"fuota:v1 product=a version=1 size=1 seccnt=4294967296", FUO_EPROTO},
        {"fuota:v1 product=" A64 " version=" A64 " size=1 x=" A64 A64, FUO_EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image_metadata got = {.size_bytes = 7};
        test_row(rows[i].text);
        assert_int_equal(metadata_parse(rows[i].text, strlen(rows[i].text), &got),
                         rows[i].err);
        assert_true(rows[i].err == FUO_OK || got.size_bytes == 7);
    }
}

static void every_field_arrives(void **state)
{
    (void)state;
    static const char text[] = "fuota:v1 product=wm1 version=1.4.3 size=88060 seccnt=17";
    struct image_metadata meta;
    assert_int_equal(metadata_parse(text, strlen(text), &meta), FUO_OK);
    assert_string_equal(meta.product, "wm1");
    assert_string_equal(meta.version, "1.4.3");
    assert_int_equal(meta.size_bytes, 88060);
    assert_true(meta.has_security_counter);
    assert_int_equal(meta.security_counter, 17);
}

static void a_truncated_text_is_never_taken_for_more_than_it_says(void **state)
{
    (void)state;
    static const char text[] = "fuota:v1 product=wm1 version=1.4.3 size=88060 seccnt=17";
    struct image_metadata meta;
    for (size_t len = 0; len < strlen(text); len++) {
        int err = metadata_parse(text, len, &meta);
        /* the size is the last required field: its prefixes are numbers too */
        bool whole = len > strlen("fuota:v1 product=wm1 version=1.4.3 size=") &&
                     text[len - 1] >= '0' && text[len - 1] <= '9';
        assert_int_equal(err == FUO_OK, whole);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct image_metadata meta = {"wm1", "1.4.3", UINT32_MAX, true, 0};
    struct image_metadata got;
    char text[METADATA_TEXT_MAX];
    size_t len = 0;
    assert_int_equal(metadata_format(&meta, text, sizeof(text), &len), FUO_OK);
    static const char want[] =
        "fuota:v1 product=wm1 version=1.4.3 size=4294967295 seccnt=0";
    assert_int_equal(len, strlen(want));
    assert_memory_equal(text, want, len);
    assert_int_equal(metadata_parse(text, len, &got), FUO_OK);
    assert_string_equal(got.product, "wm1");
    assert_string_equal(got.version, "1.4.3");
    assert_true(got.size_bytes == UINT32_MAX && got.has_security_counter);
    assert_int_equal(got.security_counter, 0);

    size_t untouched = 99;
    for (size_t cap = 0; cap < len; cap++) {
        assert_int_equal(metadata_format(&meta, text, cap, &untouched), FUO_ENOSPC);
        assert_int_equal(untouched, 99);
    }
    meta.has_security_counter = false;
    assert_int_equal(metadata_format(&meta, text, sizeof(text), &len), FUO_OK);
    assert_int_equal(len, strlen(want) - strlen(" seccnt=0"));
}

static void what_would_not_read_back_is_not_written(void **state)
{
    (void)state;
    static const struct image_metadata rows[] = {
        {"", "1", 1, false, 0},    {"a", "", 1, false, 0},  {"a b", "1", 1, false, 0},
        {"a", "1\n", 1, false, 0}, {"a", "1", 0, false, 0},
    };
    char text[METADATA_TEXT_MAX];
    size_t len = 99;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(metadata_format(&rows[i], text, sizeof(text), &len), FUO_EINVAL);
        assert_int_equal(len, 99);
    }
}

static void the_longest_metadata_fits_its_bound(void **state)
{
    (void)state;
    struct image_metadata meta = {A64, A64, UINT32_MAX, true, UINT32_MAX};
    char text[METADATA_TEXT_MAX];
    size_t len = 0;
    assert_int_equal(metadata_format(&meta, text, sizeof(text), &len), FUO_OK);
    assert_int_equal(metadata_parse(text, len, &meta), FUO_OK);
}

static void names_are_bounded_and_compared_as_text(void **state)
{
    (void)state;
    assert_true(metadata_name_valid(A64));
    assert_false(metadata_name_valid(A64 "a"));
    assert_false(metadata_name_valid(""));
    assert_false(metadata_name_valid("a b"));
    assert_true(metadata_name_equal("1.4", "1.4"));
    assert_false(metadata_name_equal("1.4", "1.4.0"));
    assert_false(metadata_name_equal("1.4.0", "1.4"));
}

TEST_MAIN(cmocka_unit_test(a_trusted_comment_is_metadata_or_it_is_not),
          cmocka_unit_test(every_field_arrives),
          cmocka_unit_test(a_truncated_text_is_never_taken_for_more_than_it_says),
          cmocka_unit_test(what_is_written_reads_back),
          cmocka_unit_test(what_would_not_read_back_is_not_written),
          cmocka_unit_test(the_longest_metadata_fits_its_bound),
          cmocka_unit_test(names_are_bounded_and_compared_as_text))
