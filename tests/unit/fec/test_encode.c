/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fec/encode.h"

static void init_derives_count_and_padding(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        uint8_t frag_size;
        uint16_t m;
        uint8_t padding;
    } rows[] = {
        {"one byte", 1, 1, 1, 0},
        {"one short fragment", 1, 255, 1, 254},
        {"exact", 1000, 50, 20, 0},
        {"one over", 1001, 50, 21, 49},
        {"one under", 999, 50, 20, 1},
        {"largest", (size_t)FEC_N_MAX * 255, 255, FEC_N_MAX, 0},
    };
    uint8_t byte = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fec_encoder enc;
        test_row(rows[i].name);
        assert_int_equal(
            fec_encoder_init(&enc, FEC_V2, &byte, rows[i].len, rows[i].frag_size),
            FUO_OK);
        assert_int_equal(enc.m, rows[i].m);
        assert_int_equal(enc.padding, rows[i].padding);
        assert_int_equal(enc.version, FEC_V2);
    }
}

static void init_refuses_what_has_no_fragments(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        uint8_t frag_size;
        int version;
    } rows[] = {
        {"empty block", 0, 10, 1},
        {"no size", 10, 0, 1},
        {"too many fragments", (size_t)FEC_N_MAX * 10 + 1, 10, 1},
        {"huge", SIZE_MAX, 255, 1},
        {"version 0", 10, 10, 0},
        {"version 3", 10, 10, 3},
    };
    uint8_t byte = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fec_encoder enc = {.m = 77};
        test_row(rows[i].name);
        assert_int_equal(fec_encoder_init(&enc, (enum fec_version)rows[i].version, &byte,
                                          rows[i].len, rows[i].frag_size),
                         FUO_ERANGE);
        assert_int_equal(enc.m, 77);
    }
}

static void uncoded_fragments_are_slices_and_the_last_is_padded(void **state)
{
    (void)state;
    struct fec_encoder enc;
    uint8_t out[4];
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    assert_int_equal(fec_encoder_init(&enc, FEC_V1, data, sizeof(data), 4), FUO_OK);
    assert_int_equal(fec_fragment(&enc, 1, out), FUO_OK);
    assert_memory_equal(out, "\1\2\3\4", 4);
    assert_int_equal(fec_fragment(&enc, 2, out), FUO_OK);
    assert_memory_equal(out, "\5\6\7\10", 4);
    assert_int_equal(fec_fragment(&enc, 3, out), FUO_OK);
    assert_memory_equal(out, "\11\12\0\0", 4);
}

static void an_index_off_the_air_leaves_the_output_alone(void **state)
{
    (void)state;
    struct fec_encoder enc;
    uint8_t out[4] = {9, 9, 9, 9};
    assert_int_equal(fec_encoder_init(&enc, FEC_V1, (const uint8_t *)"abcd", 4, 4),
                     FUO_OK);
    assert_int_equal(fec_fragment(&enc, 0, out), FUO_ERANGE);
    assert_int_equal(fec_fragment(&enc, FEC_N_MAX + 1, out), FUO_ERANGE);
    assert_int_equal(fec_fragment(&enc, UINT32_MAX, out), FUO_ERANGE);
    assert_memory_equal(out, "\11\11\11\11", 4);
    assert_int_equal(fec_fragment(&enc, FEC_N_MAX, out), FUO_OK);
    assert_memory_equal(out, "\0\0\0\0", 4); /* M = 1: coded fragments say nothing */
}

/* One fragment by its row, byte by byte; what lies behind the data is 0. */
static void slow_coded(const struct fec_encoder *enc, uint32_t n, uint8_t want[40])
{
    uint64_t row[1];
    fec_row(enc->version, enc->m, n, row);
    memset(want, 0, 40);
    for (size_t i = 0; i < enc->len; i++) {
        if (fec_row_has(row, (uint32_t)(i / 40))) {
            want[i % 40] ^= enc->data[i];
        }
    }
}

/* Coded fragment n is the XOR of the uncoded ones its row names, for every padding. */
static void coded_fragments_are_sums_of_padded_uncoded_ones(void **state)
{
    (void)state;
    for (size_t len = 321; len <= 360; len++) {
        uint8_t *data = malloc(len); /* exact: reading padding is an error */
        struct fec_encoder enc;
        assert_non_null(data);
        for (size_t i = 0; i < len; i++) {
            data[i] = (uint8_t)(i * 7 + i / 256);
        }
        assert_int_equal(fec_encoder_init(&enc, FEC_V2, data, len, 40), FUO_OK);
        for (uint32_t n = 1; n <= 30; n++) {
            uint8_t want[40];
            uint8_t got[40];
            slow_coded(&enc, n, want);
            assert_int_equal(fec_fragment(&enc, enc.m + n, got), FUO_OK);
            assert_memory_equal(got, want, 40);
        }
        free(data);
    }
}

TEST_MAIN(cmocka_unit_test(init_derives_count_and_padding),
          cmocka_unit_test(init_refuses_what_has_no_fragments),
          cmocka_unit_test(uncoded_fragments_are_slices_and_the_last_is_padded),
          cmocka_unit_test(an_index_off_the_air_leaves_the_output_alone),
          cmocka_unit_test(coded_fragments_are_sums_of_padded_uncoded_ones))
