/* SPDX-License-Identifier: MIT */
/* CBOR: examples of RFC 8949, appendix A, both ways; what is cut and what is malformed. */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/cbor.h"

enum {
    BYTES_MAX = 64,
};

struct message {
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

static struct message of_hex(const char *hex)
{
    struct message m = {.len = strlen(hex) / 2};
    assert_true(m.len <= sizeof(m.bytes));
    assert_int_equal(hex_decode(hex, strlen(hex), m.bytes, m.len), FUO_OK);
    return m;
}

static void assert_written(const struct wr *w, const char *hex)
{
    char text[2 * BYTES_MAX + 1];
    size_t len = 0;
    assert_int_equal(wr_end(w, &len), FUO_OK);
    assert_string_equal(hex_encode(w->base, len, text), hex);
}

static const struct {
    const char *hex;
    int64_t number;
} whole[] = {
    {"00", 0},
    {"17", 23},
    {"1818", 24},
    {"18ff", 255},
    {"190100", 256},
    {"1903e8", 1000},
    {"1a000f4240", 1000000},
    {"1b000000e8d4a51000", 1000000000000},
    {"1b7fffffffffffffff", INT64_MAX},
    {"20", -1},
    {"3863", -100},
    {"3903e7", -1000},
    {"3b7fffffffffffffff", INT64_MIN},
};

static void whole_numbers_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        struct message m = of_hex(whole[i].hex);
        struct rd r = rd_init(m.bytes, m.len);
        uint8_t bytes[BYTES_MAX];
        struct wr w = wr_init(bytes, sizeof(bytes));
        test_row(whole[i].hex);
        assert_true(cbor_int(&r) == whole[i].number);
        assert_int_equal(rd_end(&r), FUO_OK);
        cbor_put_int(&w, whole[i].number);
        assert_written(&w, whole[i].hex);
        for (size_t len = 0; len < m.len; len++) {
            r = rd_init(m.bytes, len);
            assert_true(cbor_int(&r) == 0);
            assert_int_equal(r.err, FUO_ESHORT);
        }
    }
}

static void numbers_beyond_64_bits_do_not_fit(void **state)
{
    (void)state;
    static const char *const rows[] = {"1bffffffffffffffff", "3b8000000000000000"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i]);
        struct rd r = rd_init(m.bytes, m.len);
        struct cbor_item item;
        int64_t number = 7;
        assert_true(cbor_next(&r, &item));
        assert_int_equal(cbor_item_int(&item, &number), FUO_ERANGE);
        r = rd_init(m.bytes, m.len);
        assert_true(cbor_int(&r) == 0);
        assert_int_equal(r.err, FUO_EPROTO);
    }
}

static void floats_have_three_widths(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        double real;
        const char *written;
    } rows[] = {
        {"f90000", 0.0, "fa00000000"},
        {"f93c00", 1.0, "fa3f800000"},
        {"f93e00", 1.5, "fa3fc00000"},
        {"f97bff", 65504.0, "fa477fe000"},
        {"f90001", 5.960464477539063e-8, "fa33800000"},
        {"f90400", 0.00006103515625, "fa38800000"},
        {"f9c400", -4.0, "fac0800000"},
        {"fa47c35000", 100000.0, "fa47c35000"},
        {"fa7f7fffff", 3.4028234663852886e+38, "fa7f7fffff"},
        {"fb3ff199999999999a", 1.1, "fb3ff199999999999a"},
        {"fb7e37e43c8800759c", 1.0e+300, "fb7e37e43c8800759c"},
        {"fbc010666666666666", -4.1, "fbc010666666666666"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        struct rd r = rd_init(m.bytes, m.len);
        struct cbor_item item;
        uint8_t bytes[BYTES_MAX];
        struct wr w = wr_init(bytes, sizeof(bytes));
        test_row(rows[i].hex);
        assert_true(cbor_next(&r, &item));
        assert_int_equal(item.kind, CBOR_FLOAT);
        assert_true(item.real == rows[i].real);
        cbor_put_double(&w, rows[i].real);
        assert_written(&w, rows[i].written);
    }
    static const char *const odd[] = {"f97e00", "f97c00", "f9fc00"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct message m = of_hex(odd[i]);
        struct rd r = rd_init(m.bytes, m.len);
        struct cbor_item item;
        assert_true(cbor_next(&r, &item));
        assert_true(!(item.real >= -1e308 && item.real <= 1e308));
    }
}

static void other_items_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum cbor_kind kind;
        uint64_t value;
        const char *bytes;
    } rows[] = {
        {"40", CBOR_BYTES, 0, ""},
        {"4401020304", CBOR_BYTES, 4, "01020304"},
        {"6449455446", CBOR_TEXT, 4, "49455446"},
        {"83", CBOR_ARRAY, 3, NULL},
        {"9f", CBOR_ARRAY, CBOR_UNKNOWN, NULL},
        {"a2", CBOR_MAP, 2, NULL},
        {"bf", CBOR_MAP, CBOR_UNKNOWN, NULL},
        {"c1", CBOR_TAG, 1, NULL},
        {"d820", CBOR_TAG, 32, NULL},
        {"f4", CBOR_BOOL, 0, NULL},
        {"f5", CBOR_BOOL, 1, NULL},
        {"f6", CBOR_NULL, 0, NULL},
        {"f7", CBOR_NULL, 0, NULL},
        {"ff", CBOR_BREAK, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        struct rd r = rd_init(m.bytes, m.len);
        struct cbor_item item;
        int64_t number = 0;
        test_row(rows[i].hex);
        assert_true(cbor_next(&r, &item));
        assert_int_equal(item.kind, rows[i].kind);
        assert_true(item.value == rows[i].value);
        assert_int_equal(cbor_item_int(&item, &number), FUO_EPROTO);
        if (rows[i].bytes != NULL) {
            char hex[2 * BYTES_MAX + 1];
            assert_string_equal(hex_encode(item.bytes, (size_t)item.value, hex),
                                rows[i].bytes);
        }
    }
}

static void what_is_not_well_formed_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int err;
    } rows[] = {
        {"", FUO_ESHORT},   {"18", FUO_ESHORT},
        {"1c", FUO_EPROTO}, {"1f", FUO_EPROTO},
        {"3f", FUO_EPROTO}, {"5f", FUO_EPROTO},
        {"7f", FUO_EPROTO}, {"df", FUO_EPROTO},
        {"41", FUO_ESHORT}, {"5bffffffffffffffff", FUO_ESHORT},
        {"f0", FUO_EPROTO}, {"f8ff", FUO_EPROTO},
        {"fc", FUO_EPROTO}, {"fb3ff1", FUO_ESHORT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        struct rd r = rd_init(m.bytes, m.len);
        struct cbor_item item = {.kind = CBOR_BREAK, .value = 99};
        test_row(rows[i].hex);
        assert_false(cbor_next(&r, &item));
        assert_int_equal(r.err, rows[i].err);
        assert_true(item.value == 99);
    }
}

static void an_item_is_passed_over_with_all_that_is_in_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        int err;
    } rows[] = {
        {"a number", "1903e800", FUO_OK},
        {"a text", "644945544600", FUO_OK},
        {"an array",
         "8301820203820405"
         "00",
         FUO_OK},
        {"a map", "a20102030400", FUO_OK},
        {"a tag", "c11a514b67b000", FUO_OK},
        {"unknown lengths", "9f018202039f0405ffff00", FUO_OK},
        {"a map of unknown length", "bf0102ff00", FUO_OK},
        {"empty ones", "8280a000", FUO_OK},
        {"cut", "830102", FUO_ESHORT},
        {"more pairs than there are bytes", "bb0000000100000000", FUO_ESHORT},
        {"a break that ends nothing", "82ff0000", FUO_EPROTO},
        {"... nor there", "ff", FUO_EPROTO},
        {"too deep", "818181818181818100", FUO_EPROTO},
        {"just not too deep", "8181818181810000", FUO_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        struct rd r = rd_init(m.bytes, m.len);
        test_row(rows[i].name);
        cbor_skip(&r);
        assert_int_equal(r.err, rows[i].err);
        if (rows[i].err == FUO_OK) {
            assert_int_equal(r.left, 1);
        }
    }
}

static void containers_and_texts_are_written(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];
    struct wr w = wr_init(bytes, sizeof(bytes));
    cbor_put_array(&w, 5);
    cbor_put_map(&w, 1);
    cbor_put_text(&w, "a", 1);
    cbor_put_bytes(&w, (const uint8_t *)"\1\2", 2);
    cbor_put_bool(&w, true);
    cbor_put_bool(&w, false);
    cbor_put_tag(&w, CBOR_TAG_TIME);
    cbor_put_int(&w, 1363896240);
    cbor_put_array(&w, 300);
    assert_written(&w, "85a16161420102f5f4c11a514b67b099012c");
}

TEST_MAIN(cmocka_unit_test(whole_numbers_are_read_and_written),
          cmocka_unit_test(numbers_beyond_64_bits_do_not_fit),
          cmocka_unit_test(floats_have_three_widths),
          cmocka_unit_test(other_items_are_told_apart),
          cmocka_unit_test(what_is_not_well_formed_is_refused),
          cmocka_unit_test(an_item_is_passed_over_with_all_that_is_in_it),
          cmocka_unit_test(containers_and_texts_are_written))
