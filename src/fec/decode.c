/* SPDX-License-Identifier: MIT */
#include "fec/decode.h"

#include <assert.h>
#include <string.h>

#include "fec/xor.h"

/*
 * The matrix is kept in row echelon form: row j has its first coefficient in column j, so
 * its words before j / 64 are zero and are not stored. Rows of one word of columns have one
 * length. The payload that belongs to row j waits in the gap of lost fragment j.
 */

/* Words of 64 rows each in blocks 0..block-1 of a matrix of `words` words a row. */
static size_t block_offset(size_t words, size_t block)
{
    return 64 * (block * words - block * (block - 1) / 2);
}

static size_t matrix_words(size_t lost)
{
    size_t words = fec_row_words((uint32_t)lost);
    return block_offset(words, words);
}

/* Row j from word j / 64 on. */
static uint64_t *matrix_row(const struct fec_decoder *dec, size_t j)
{
    size_t words = fec_row_words(dec->lost_count);
    size_t block = j / 64;
    return dec->matrix + block_offset(words, block) + j % 64 * (words - block);
}

static size_t lost_list_words(size_t max_lost)
{
    return (max_lost + 3) / 4;
}

size_t fec_decoder_workspace_bytes(const struct fec_decoder_config *config)
{
    if (config->m == 0 || config->m > FEC_N_MAX || config->frag_size == 0 ||
        config->max_lost > config->m ||
        (config->version != FEC_V1 && config->version != FEC_V2)) {
        return 0;
    }
    return 8 * (fec_row_words(config->m) + fec_row_words(config->max_lost) +
                lost_list_words(config->max_lost) + matrix_words(config->max_lost));
}

int fec_decoder_init(struct fec_decoder *dec, const struct fec_decoder_config *config,
                     uint8_t *block, /* NOLINT(readability-non-const-parameter): kept */
                     void *workspace, size_t workspace_bytes)
{
    size_t need = fec_decoder_workspace_bytes(config);
    if (need == 0) {
        return FUO_ERANGE;
    }
    if (workspace_bytes < need) {
        return FUO_ENOSPC;
    }
    assert((uintptr_t)workspace % sizeof(uint64_t) == 0);

    uint64_t *received = workspace;
    uint64_t *pivots = received + fec_row_words(config->m);
    uint64_t *lost = pivots + fec_row_words(config->max_lost);
    *dec = (struct fec_decoder){
        .config = *config,
        .block = block,
        .received = received,
        .pivots = pivots,
        .lost = (uint16_t *)(void *)lost,
        .matrix = lost + lost_list_words(config->max_lost),
        .missing = config->m,
    };
    memset(received, 0, fec_row_words(config->m) * sizeof(uint64_t));
    return FUO_OK;
}

static uint8_t *fragment_at(const struct fec_decoder *dec, size_t i)
{
    return dec->block + i * dec->config.frag_size;
}

static enum fec_push gained(struct fec_decoder *dec)
{
    dec->missing--;
    return dec->missing == 0 ? FEC_PUSH_DONE : FEC_PUSH_STORED;
}

static enum fec_push push_uncoded(struct fec_decoder *dec, uint32_t n,
                                  const uint8_t *bytes)
{
    bool late = dec->config.order == FEC_ORDER_STRICT && n <= dec->last_n;
    if (dec->coded_seen || late || fec_row_has(dec->received, n - 1)) {
        return FEC_PUSH_IGNORED;
    }
    dec->last_n = (uint16_t)n;
    memcpy(fragment_at(dec, n - 1), bytes, dec->config.frag_size);
    fec_row_add(dec->received, n - 1);
    return gained(dec);
}

/* The first coded fragment: what has not come by now counts as lost. */
static void freeze(struct fec_decoder *dec)
{
    dec->coded_seen = true;
    dec->overflow = dec->missing > dec->config.max_lost;
    if (dec->overflow) {
        return;
    }
    for (uint32_t i = 0; i < dec->config.m; i++) {
        if (!fec_row_has(dec->received, i)) {
            dec->lost[dec->lost_count++] = (uint16_t)i;
        }
    }
    memset(dec->pivots, 0, fec_row_words(dec->lost_count) * sizeof(uint64_t));
}

/* The lowest column from word w on, or lost_count. */
static size_t first_column(const struct fec_decoder *dec, const uint64_t *coeffs,
                           size_t w)
{
    size_t words = fec_row_words(dec->lost_count);
    while (w < words && coeffs[w] == 0) {
        w++;
    }
    return w < words ? w * 64 + (size_t)__builtin_ctzll(coeffs[w]) : dec->lost_count;
}

/*
 * Clear the coefficients that rows of the matrix cover, lowest first, and note in `sum`
 * whose payload that takes. Returns the column of the first one that is left, or lost_count.
 */
static size_t eliminate(const struct fec_decoder *dec, uint64_t *coeffs, uint64_t *sum)
{
    size_t words = fec_row_words(dec->lost_count);
    size_t j = first_column(dec, coeffs, 0);
    while (j < dec->lost_count && fec_row_has(dec->pivots, (uint32_t)j)) {
        const uint64_t *row = matrix_row(dec, j);
        for (size_t k = j / 64; k < words; k++) {
            coeffs[k] ^= row[k - j / 64];
        }
        fec_row_add(sum, dec->lost[j]);
        j = first_column(dec, coeffs, j / 64);
    }
    return j;
}

/* Payload j is the sum of its row: XOR the solved ones that its coefficients name. */
static void solve_row(const struct fec_decoder *dec, size_t j)
{
    uint64_t sum[FEC_ROW_WORDS_MAX];
    size_t block_words = fec_row_words(dec->config.m);
    size_t words = fec_row_words(dec->lost_count);
    const uint64_t *row = matrix_row(dec, j);

    memset(sum, 0, block_words * sizeof(uint64_t));
    for (size_t w = j / 64; w < words; w++) {
        for (uint64_t bits = row[w - j / 64]; bits != 0; bits &= bits - 1) {
            fec_row_add(sum, dec->lost[w * 64 + (size_t)__builtin_ctzll(bits)]);
        }
    }
    sum[dec->lost[j] / 64] &= ~(UINT64_C(1) << (dec->lost[j] % 64));
    fec_xor_rows(fragment_at(dec, dec->lost[j]), dec->block, dec->config.frag_size, sum,
                 block_words);
}

/* Full rank: each row is solved by those below it, the last one is solved already. */
static void back_substitute(const struct fec_decoder *dec)
{
    for (size_t j = dec->lost_count; j-- > 0;) {
        solve_row(dec, j);
    }
}

static enum fec_push push_coded(struct fec_decoder *dec, uint32_t n, const uint8_t *bytes)
{
    uint64_t sum[FEC_ROW_WORDS_MAX];
    uint64_t coeffs[FEC_ROW_WORDS_MAX];
    size_t block_words = fec_row_words(dec->config.m);
    size_t words = fec_row_words(dec->lost_count);

    dec->last_n = (uint16_t)n;
    fec_row(dec->config.version, dec->config.m, n - dec->config.m, sum);
    memset(coeffs, 0, words * sizeof(uint64_t));
    for (uint32_t j = 0; j < dec->lost_count; j++) {
        if (fec_row_has(sum, dec->lost[j])) {
            fec_row_add(coeffs, j);
        }
    }
    for (size_t w = 0; w < block_words; w++) {
        sum[w] &= dec->received[w];
    }

    size_t pivot = eliminate(dec, coeffs, sum);
    if (pivot == dec->lost_count) {
        return FEC_PUSH_DEPENDENT;
    }
    uint8_t *gap = fragment_at(dec, dec->lost[pivot]);
    memcpy(gap, bytes, dec->config.frag_size);
    fec_xor_rows(gap, dec->block, dec->config.frag_size, sum, block_words);
    memcpy(matrix_row(dec, pivot), coeffs + pivot / 64,
           (words - pivot / 64) * sizeof(uint64_t));
    fec_row_add(dec->pivots, (uint32_t)pivot);

    enum fec_push result = gained(dec);
    if (result == FEC_PUSH_DONE) {
        back_substitute(dec);
    }
    return result;
}

enum fec_push fec_decoder_push(struct fec_decoder *dec, uint32_t n, const uint8_t *bytes)
{
    if (n == 0 || n > FEC_N_MAX) {
        return FEC_PUSH_INVALID;
    }
    if (fec_decoder_done(dec)) {
        return FEC_PUSH_IGNORED;
    }
    dec->received_count++;
    dec->seen_n = (uint16_t)n;
    if (n > dec->config.m && !dec->coded_seen) {
        freeze(dec);
    }
    if (dec->overflow) {
        return FEC_PUSH_OVERFLOW;
    }
    return n > dec->config.m ? push_coded(dec, n, bytes) : push_uncoded(dec, n, bytes);
}
