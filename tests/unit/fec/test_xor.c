/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "fec/row.h"
#include "fec/xor.h"

enum {
    ROWS = 130,
};

static void random_bytes(struct prng *prng, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)prng_next(prng);
    }
}

static void check_one(struct prng *prng, enum fec_isa isa, size_t row_bytes)
{
    /* Exact heap blocks: a byte too far is seen by the sanitizers. */
    uint8_t *rows = malloc(ROWS * row_bytes);
    uint8_t *got = malloc(row_bytes);
    uint8_t want[FEC_XOR_ROW_BYTES_MAX];
    uint64_t set[3] = {prng_next(prng), prng_next(prng), prng_next(prng) & 3};
    assert_non_null(rows);
    assert_non_null(got);
    random_bytes(prng, rows, ROWS * row_bytes);
    random_bytes(prng, want, row_bytes);
    memcpy(got, want, row_bytes);

    for (uint32_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; fec_row_has(set, i) && k < row_bytes; k++) {
            want[k] ^= rows[i * row_bytes + k];
        }
    }
    fec_xor_rows_isa(isa, got, rows, row_bytes, set, ARRAY_LEN(set));
    if (memcmp(want, got, row_bytes) != 0) {
        fail_msg("isa %d, %zu bytes", (int)isa, row_bytes);
    }
    free(got);
    free(rows);
}

static void every_instruction_set_gives_the_same_for_every_row_length(void **state)
{
    (void)state;
    struct prng prng = prng_seeded(11);
    for (enum fec_isa isa = FEC_ISA_PORTABLE; isa <= fec_isa_best(); isa++) {
        for (size_t row_bytes = 1; row_bytes <= FEC_XOR_ROW_BYTES_MAX; row_bytes++) {
            check_one(&prng, isa, row_bytes);
        }
    }
}

static void an_empty_set_changes_nothing(void **state)
{
    (void)state;
    const uint8_t rows[40] = {1};
    uint64_t set[2] = {0, 0};
    uint8_t dst[40];
    memset(dst, 7, sizeof(dst));
    fec_xor_rows(dst, rows, sizeof(dst), set, 2);
    fec_xor_rows(dst, rows, sizeof(dst), set, 0);
    for (size_t i = 0; i < sizeof(dst); i++) {
        assert_int_equal(dst[i], 7);
    }
}

TEST_MAIN(cmocka_unit_test(every_instruction_set_gives_the_same_for_every_row_length),
          cmocka_unit_test(an_empty_set_changes_nothing))
