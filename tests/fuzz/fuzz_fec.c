/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fec.c - the TS004 decoder under any order, repetition and choice of fragments.
 *
 * Input: flags, M, size, limit, then N after N (16 bits). If every fragment is genuine, a
 * decoder that says DONE has the original block; if some are not, it only must not crash.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "fec/decode.h"
#include "fec/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FLAG_V2 = 1,
    FLAG_ANY_ORDER = 2,
    FLAG_FORGED = 4, /* every fragment with N divisible by 7 is damaged */
    FLAG_WIDE_M = 8,
};

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void run(struct fec_decoder *dec, const struct fec_encoder *enc, struct rd *in,
                int forged)
{
    while (in->left >= 2) {
        uint8_t bytes[255] = {0};
        uint32_t n = rd_le16(in);
        uint16_t missing = dec->missing;
        if (fec_fragment(enc, n, bytes) != FUO_OK) {
            require(fec_decoder_push(dec, n, bytes) == FEC_PUSH_INVALID);
            continue;
        }
        if (forged && n % 7 == 0) {
            bytes[n % enc->frag_size] ^= 0x55;
        }
        enum fec_push result = fec_decoder_push(dec, n, bytes);
        int gained = result == FEC_PUSH_STORED || result == FEC_PUSH_DONE;
        require(dec->missing == missing - gained);
        require((fec_decoder_data(dec) != NULL) == (dec->missing == 0));
        if (result == FEC_PUSH_DONE && !forged) {
            require(memcmp(fec_decoder_data(dec), enc->data, enc->len) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd in = rd_init(data, size);
    uint8_t flags = rd_u8(&in);
    uint16_t m = (uint16_t)(1 + rd_u8(&in) * ((flags & FLAG_WIDE_M) != 0 ? 5 : 1));
    uint8_t frag_size = (uint8_t)(1 + rd_u8(&in) % 64);
    uint8_t limit = rd_u8(&in);
    struct fec_decoder_config config = {
        .version = (flags & FLAG_V2) != 0 ? FEC_V2 : FEC_V1,
        .order = (flags & FLAG_ANY_ORDER) != 0 ? FEC_ORDER_ANY : FEC_ORDER_STRICT,
        .m = m,
        .frag_size = frag_size,
        .max_lost = limit < m ? limit : m,
    };
    size_t block_bytes = (size_t)m * frag_size;
    size_t workspace_bytes = fec_decoder_workspace_bytes(&config);
    size_t len = block_bytes - limit % frag_size;
    uint8_t *original = malloc(len);
    uint8_t *block = malloc(block_bytes);
    void *workspace = malloc(workspace_bytes);
    require(original != NULL && block != NULL && workspace != NULL);
    for (size_t i = 0; i < len; i++) {
        original[i] = (uint8_t)(i * 31 + i / 251 + flags);
    }

    struct fec_encoder enc;
    struct fec_decoder dec;
    require(fec_encoder_init(&enc, config.version, original, len, frag_size) == FUO_OK);
    require(enc.m == m);
    require(fec_decoder_init(&dec, &config, block, workspace, workspace_bytes) == FUO_OK);
    run(&dec, &enc, &in, flags & FLAG_FORGED);

    free(original);
    free(block);
    free(workspace);
    return 0;
}
