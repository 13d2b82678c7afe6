/* SPDX-License-Identifier: MIT */
/* Patches are made here by libbz2 from triples; integration has those of a whole campaign. */
#include <bzlib.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "image/bsdiff.h"

enum { ROOM = 4096, HEADER = 32 };

struct patch {
    uint8_t bytes[ROOM];
    size_t len;
};

static void put_number(uint8_t *at, int64_t value)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? -value : value);
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(magnitude >> 8 * i);
    }
    at[7] = (uint8_t)(at[7] | (value < 0 ? 0x80 : 0));
}

static size_t put_stream(struct patch *p, const void *bytes, size_t len)
{
    unsigned n = (unsigned)(sizeof(p->bytes) - p->len);
    char none[1] = "";
    char *from = len > 0 ? (char *)(uintptr_t)bytes : none;
    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)p->bytes + p->len, &n, from,
                                              (unsigned)len, 9, 0, 0),
                     BZ_OK);
    p->len += n;
    return n;
}

/* numbers: count triples. */
static struct patch make(const int64_t *numbers, size_t count, const char *add,
                         size_t add_len, const char *copy, size_t result_len)
{
    struct patch p = {.len = HEADER};
    uint8_t control[64 * 24];
    assert_true(count <= 64);
    for (size_t i = 0; i < 3 * count; i++) {
        put_number(control + 8 * i, numbers[i]);
    }
    memcpy(p.bytes, "BSDIFF40", 8);
    put_number(p.bytes + 8, (int64_t)put_stream(&p, control, count * 24));
    put_number(p.bytes + 16, (int64_t)put_stream(&p, add, add_len));
    put_number(p.bytes + 24, (int64_t)result_len);
    (void)put_stream(&p, copy, strlen(copy));
    return p;
}

static int apply(const char *old, const struct patch *p, char *out, size_t len)
{
    struct bsdiff_bytes base = {(const uint8_t *)old, strlen(old)};
    return bsdiff_apply(base, (struct bsdiff_bytes){p->bytes, p->len}, (uint8_t *)out,
                        len);
}

/* "old image": 3 added, 2 copied, back to the begin, and 4 more that lie outside at the end. */
static struct patch good(void)
{
    static const int64_t numbers[] = {3, 2, 4, 4, 0, 0};
    return make(numbers, 2, "\0\0\1\0\0\0Z", 7, "XY", 9);
}

static void triples_add_copy_and_seek(void **state)
{
    (void)state;
    struct patch p = good();
    char out[16] = "";
    size_t len = 0;
    assert_int_equal(bsdiff_result_len((struct bsdiff_bytes){p.bytes, p.len}, &len),
                     FUO_OK);
    assert_int_equal(len, 9);
    assert_int_equal(apply("old image", &p, out, 9), FUO_OK);
    assert_memory_equal(out, "oleXYge\0Z", 9);
}

static void a_seek_may_go_back_and_before_the_old_image(void **state)
{
    (void)state;
    static const int64_t numbers[] = {2, 0, -4, 4, 0, 0};
    struct patch p = make(numbers, 2, "\0\0\7\7\0\0", 6, "", 6);
    char out[8] = "";
    assert_int_equal(apply("ab", &p, out, 6), FUO_OK);
    assert_memory_equal(out, "ab\7\7ab", 6);
}

static void another_base_gives_another_result_and_no_error(void **state)
{
    (void)state;
    struct patch p = good();
    char out[16] = "";
    assert_int_equal(apply("new image", &p, out, 9), FUO_OK);
    assert_memory_not_equal(out, "oleXYge\0Z", 9);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct patch whole = good();
    char out[16];
    for (size_t len = 0; len < whole.len; len++) {
        struct patch cut = whole;
        cut.len = len;
        assert_int_equal(apply("old image", &cut, out, 9), FUO_EPROTO);
    }
}

static void a_wrong_header_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        int64_t value;
    } rows[] = {
        {"control beyond the file", 8, 100000},
        {"control below 0", 8, -1},
        {"bytes to add beyond it", 16, 100000},
        {"bytes to add below 0", 16, -5},
        {"a result below 0", 24, -9},
        {"a huge result", 24, INT64_C(1) << 40},
        {"no magic", 0, 7},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct patch p = good();
        size_t len = 77;
        test_row(rows[i].what);
        put_number(p.bytes + rows[i].at, rows[i].value);
        assert_int_equal(bsdiff_result_len((struct bsdiff_bytes){p.bytes, p.len}, &len),
                         FUO_EPROTO);
        assert_int_equal(len, 77);
    }
}

static void triples_are_bounded(void **state)
{
    (void)state;
    static const int64_t beyond[] = {3, 8, 0};
    static const int64_t below[] = {-1, 0, 0};
    static const int64_t copies_below[] = {0, -1, 0};
    static const int64_t far[] = {1, 0, INT64_MAX, 8, 0, 0};
    static const int64_t far_back[] = {1, 0, -INT64_MAX, 8, 0, 0};
    static const int64_t short_of_it[] = {3, 2, 0};
    const struct patch patches[] = {
        make(beyond, 1, "\0\0\0", 3, "12345678", 9),
        make(below, 1, "", 0, "123456789", 9),
        make(copies_below, 1, "", 0, "123456789", 9),
        make(far, 2, "\0\0\0\0\0\0\0\0\0", 9, "", 9),
        make(far_back, 2, "\0\0\0\0\0\0\0\0\0", 9, "", 9),
        make(short_of_it, 1, "\0\0\0", 3, "12", 9),
    };
    char out[16];
    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        assert_int_equal(apply("old image", &patches[i], out, 9), FUO_EPROTO);
    }
}

static void triples_that_make_nothing_come_to_an_end(void **state)
{
    (void)state;
    struct patch p = {.len = HEADER};
    size_t len = (size_t)24 * 100000;
    uint8_t *control = calloc(1, len);
    char out[16];
    assert_non_null(control);
    memcpy(p.bytes, "BSDIFF40", 8);
    put_number(p.bytes + 8, (int64_t)put_stream(&p, control, len));
    put_number(p.bytes + 16, (int64_t)put_stream(&p, "", 0));
    put_number(p.bytes + 24, 9);
    (void)put_stream(&p, "", 0);
    free(control);
    assert_int_equal(apply("old image", &p, out, 9), FUO_EPROTO);
}

static void the_room_has_to_be_what_the_patch_makes(void **state)
{
    (void)state;
    struct patch p = good();
    char out[16];
    assert_int_equal(apply("old image", &p, out, 8), FUO_EPROTO);
    assert_int_equal(apply("old image", &p, out, 10), FUO_EPROTO);
}

static void damaged_streams_are_refused(void **state)
{
    (void)state;
    char out[16];
    for (size_t at = HEADER; at < good().len; at++) {
        struct patch p = good();
        p.bytes[at] ^= 0xff;
        int err = apply("old image", &p, out, 9);
        assert_true(err == FUO_EPROTO ||
                    (err == FUO_OK && memcmp(out, "oleXYge\0Z", 9) == 0));
    }
}

TEST_MAIN(cmocka_unit_test(triples_add_copy_and_seek),
          cmocka_unit_test(a_seek_may_go_back_and_before_the_old_image),
          cmocka_unit_test(another_base_gives_another_result_and_no_error),
          cmocka_unit_test(every_truncation_is_refused),
          cmocka_unit_test(a_wrong_header_is_refused),
          cmocka_unit_test(triples_are_bounded),
          cmocka_unit_test(triples_that_make_nothing_come_to_an_end),
          cmocka_unit_test(the_room_has_to_be_what_the_patch_makes),
          cmocka_unit_test(damaged_streams_are_refused))
