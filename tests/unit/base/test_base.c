/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "base/eui.h"
#include "base/fnv.h"
#include "base/hex.h"
#include "base/prng.h"
#include "base/siphash.h"
#include "base/sort.h"
#include "base/time.h"
#include "base/wire.h"

static void cursor_error_is_sticky(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3};
    struct rd r = rd_init(bytes, sizeof(bytes));
    assert_int_equal(rd_le16(&r), 0x0201);
    assert_int_equal(rd_end(&r), FUO_ETRAIL);
    assert_int_equal(rd_le16(&r), 3); /* the high byte was not there */
    assert_int_equal(rd_u8(&r), 0);
    assert_int_equal(rd_end(&r), FUO_ESHORT);
}

static void writer_reports_a_full_buffer_and_leaves_len_alone(void **state)
{
    (void)state;
    uint8_t buf[3];
    size_t len = 99;
    struct wr w = wr_init(buf, sizeof(buf));
    wr_le32(&w, 1);
    assert_int_equal(wr_end(&w, &len), FUO_ENOSPC);
    assert_int_equal(len, 99);
    w = wr_init(buf, sizeof(buf));
    wr_le24(&w, 0x84add2);
    assert_int_equal(wr_end(&w, &len), FUO_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(buf, "\xd2\xad\x84", 3);
}

static void eui_is_sixteen_digits_and_nothing_else(void **state)
{
    (void)state;
    uint64_t eui = 7;
    char text[EUI_TEXT_SIZE];
    assert_int_equal(eui_parse("70B3d57ed005A1b2", 16, &eui), FUO_OK);
    assert_string_equal(eui_format(eui, text), "70b3d57ed005a1b2");
    assert_int_equal(eui_parse("70B3d57ed005A1b", 15, &eui), FUO_EPROTO);
    assert_int_equal(eui_parse("70B3d57ed005A1bg", 16, &eui), FUO_EPROTO);
    assert_string_equal(eui_format(eui, text), "70b3d57ed005a1b2");
}

static void hex_rejects_odd_and_wrong_lengths(void **state)
{
    (void)state;
    uint8_t out[2] = {9, 9};
    assert_int_equal(hex_decode("010", 3, out, 2), FUO_EPROTO);
    assert_int_equal(hex_decode("0102", 4, out, 1), FUO_EPROTO);
    assert_int_equal(out[0], 9);
    assert_int_equal(hex_decode("01fF", 4, out, 2), FUO_OK);
    assert_int_equal(out[1], 0xff);
}

static void gps_time_wraps_and_differs_modulo_two_to_the_32(void **state)
{
    (void)state;
    /* 2017-01-01T00:00:00Z is GPS 1167264018. */
    assert_int_equal(gps_from_utc((struct utc){SECONDS_US(1483228800)}).s, 1167264018u);
    /* LoRaMac-node boots at -GPS_EPOCH: the correction must come out right all the same. */
    assert_int_equal(gps_diff_s((struct gps){1450000006u}, (struct gps){0xed2ac286u}),
                     0x69427c00);
}

static void saturation_keeps_never_at_never(void **state)
{
    (void)state;
    assert_true(instant_after(INSTANT_NEVER, 5).us == INT64_MAX);
    assert_true(utc_after(UTC_NEVER, -5).us == INT64_MAX);
    assert_true(instant_reached((struct instant){5}, (struct instant){5}));
}

static void prng_repeats_for_a_seed_and_stays_in_bounds(void **state)
{
    (void)state;
    struct prng a = prng_seeded(42);
    struct prng b = prng_seeded(42);
    for (int i = 0; i < 1000; i++) {
        assert_true(prng_next(&a) == prng_next(&b));
        assert_true(prng_below(&a, 7) < 7);
        (void)prng_below(&b, 7);
    }
    assert_int_equal(prng_below(&a, 0), 0);
}

enum { SORTED_MAX = 40, SORTED_BYTES_MAX = 37 };

/* By the first byte, downwards if so; the second byte is the number it had. */
static bool byte_before(const void *context, const void *a, const void *b)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    return *(const bool *)context ? x[0] > y[0] : x[0] < y[0];
}

static void an_array_is_sorted_whatever_is_in_it(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 4, 16, 17, SORTED_BYTES_MAX};
    struct prng p = prng_seeded(7);
    for (size_t count = 0; count < SORTED_MAX; count++) {
        size_t size = sizes[count % ARRAY_LEN(sizes)];
        bool down = count % 2 == 1;
        uint8_t items[SORTED_MAX * SORTED_BYTES_MAX];
        uint8_t key[SORTED_MAX];
        uint64_t seen = 0;
        memset(items, 0xa5, sizeof(items));
        for (size_t i = 0; i < count; i++) {
            key[i] = (uint8_t)prng_below(&p, 10);
            memset(items + i * size, (int)i, size);
            items[i * size] = key[i];
        }
        sort_items(items, count, size, byte_before, &down);
        for (size_t i = 0; i < count; i++) { /* each is whole, and there once */
            const uint8_t *item = items + i * size;
            assert_int_equal(item[0], key[item[1]]);
            assert_int_equal(item[size - 1], size > 2 ? item[1] : item[size - 1]);
            assert_true(i == 0 || !byte_before(&down, item, item - size));
            seen |= UINT64_C(1) << item[1];
        }
        assert_true(seen == (UINT64_C(1) << count) - 1);
        assert_int_equal(items[count * size], 0xa5);
    }
}

/* From the paper's reference code: key 00..0f, input 00, 01, ... */
static void siphash_gives_the_published_values(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {2, UINT64_C(0x0d6c8009d9a94f5a)},  {3, UINT64_C(0x85676696d7fb7e2d)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    const struct siphash_key key = {UINT64_C(0x0706050403020100),
                                    UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t input[16];
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(siphash(&key, input, rows[i].len) == rows[i].hash);
    }
}

static void fnv1a_gives_the_published_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        {"", UINT64_C(0xcbf29ce484222325)},
        {"a", UINT64_C(0xaf63dc4c8601ec8c)},
        {"foobar", UINT64_C(0x85944171f73967e8)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(fnv1a(rows[i].text, strlen(rows[i].text)) == rows[i].hash);
    }
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    for (int e = FUO_ENOTSUP; e <= FUO_OK; e++) {
        assert_string_not_equal(fuo_strerror(e), "unknown error");
    }
    assert_string_equal(fuo_strerror(-999), "unknown error");
}

TEST_MAIN(cmocka_unit_test(cursor_error_is_sticky),
          cmocka_unit_test(writer_reports_a_full_buffer_and_leaves_len_alone),
          cmocka_unit_test(eui_is_sixteen_digits_and_nothing_else),
          cmocka_unit_test(hex_rejects_odd_and_wrong_lengths),
          cmocka_unit_test(gps_time_wraps_and_differs_modulo_two_to_the_32),
          cmocka_unit_test(saturation_keeps_never_at_never),
          cmocka_unit_test(prng_repeats_for_a_seed_and_stays_in_bounds),
          cmocka_unit_test(an_array_is_sorted_whatever_is_in_it),
          cmocka_unit_test(siphash_gives_the_published_values),
          cmocka_unit_test(fnv1a_gives_the_published_values),
          cmocka_unit_test(every_error_has_a_text))
