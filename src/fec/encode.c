/* SPDX-License-Identifier: MIT */
#include "fec/encode.h"

#include <string.h>

#include "fec/xor.h"

int fec_encoder_init(struct fec_encoder *enc, enum fec_version version,
                     const uint8_t *data, size_t len, uint8_t frag_size)
{
    if (len == 0 || frag_size == 0 || len > (size_t)FEC_N_MAX * frag_size ||
        (version != FEC_V1 && version != FEC_V2)) {
        return FUO_ERANGE;
    }
    size_t m = (len + frag_size - 1) / frag_size;
    *enc = (struct fec_encoder){
        .data = data,
        .len = len,
        .m = (uint16_t)m,
        .frag_size = frag_size,
        .padding = (uint8_t)(m * frag_size - len),
        .version = version,
    };
    return FUO_OK;
}

/* XOR the last uncoded fragment into out; its padding changes nothing. */
static void xor_last(const struct fec_encoder *enc, uint8_t *out)
{
    size_t used = (size_t)enc->frag_size - enc->padding;
    const uint8_t *last = enc->data + (enc->len - used);
    for (size_t i = 0; i < used; i++) {
        out[i] ^= last[i];
    }
}

static void encode_coded(const struct fec_encoder *enc, uint32_t n, uint8_t *out)
{
    uint64_t row[FEC_ROW_WORDS_MAX];
    fec_row(enc->version, enc->m, n, row);

    /* The last fragment may be short: never read it as a whole row. */
    uint32_t last = (uint32_t)enc->m - 1;
    bool with_last = fec_row_has(row, last);
    row[last / 64] &= ~(UINT64_C(1) << (last % 64));

    memset(out, 0, enc->frag_size);
    fec_xor_rows(out, enc->data, enc->frag_size, row, fec_row_words(enc->m));
    if (with_last) {
        xor_last(enc, out);
    }
}

int fec_fragment(const struct fec_encoder *enc, uint32_t n, uint8_t *out)
{
    if (n == 0 || n > FEC_N_MAX) {
        return FUO_ERANGE;
    }
    if (n > enc->m) {
        encode_coded(enc, n - enc->m, out);
    } else if (n < enc->m) {
        memcpy(out, enc->data + (size_t)(n - 1) * enc->frag_size, enc->frag_size);
    } else {
        memset(out, 0, enc->frag_size);
        xor_last(enc, out);
    }
    return FUO_OK;
}
