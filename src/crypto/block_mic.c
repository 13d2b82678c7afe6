/* SPDX-License-Identifier: MIT */
#include "crypto/block_mic.h"

#include <string.h>

#include "base/wire.h"

void block_mic_init(struct block_mic *m, const struct aes_key *data_block_int_key,
                    const struct block_mic_params *params)
{
    static const uint8_t zeros[4] = {0};
    uint8_t b0[AES_BLOCK_BYTES];
    size_t len = 0;
    struct wr w = wr_init(b0, sizeof(b0));
    wr_u8(&w, 0x49);
    wr_le16(&w, params->session_cnt);
    wr_u8(&w, params->frag_index);
    wr_bytes(&w, params->descriptor, sizeof(params->descriptor));
    wr_bytes(&w, zeros, sizeof(zeros));
    wr_le32(&w, params->block_len_bytes);

    *m = (struct block_mic){.left_bytes = params->block_len_bytes};
    m->err = wr_end(&w, &len);
    aes128_cmac_init(&m->cmac, data_block_int_key);
    aes128_cmac_update(&m->cmac, b0, len);
}

void block_mic_update(struct block_mic *m, const uint8_t *bytes, size_t len)
{
    if (len > m->left_bytes) {
        m->err = FUO_EINVAL;
    }
    if (m->err == FUO_OK) {
        m->left_bytes -= len;
        aes128_cmac_update(&m->cmac, bytes, len);
    }
}

int block_mic_final(struct block_mic *m, uint8_t mic[static AES_MIC_BYTES])
{
    uint8_t full[AES_BLOCK_BYTES];
    int err = aes128_cmac_final(&m->cmac, full);
    if (m->err == FUO_OK && m->left_bytes != 0) {
        m->err = FUO_EINVAL;
    }
    if (m->err == FUO_OK) {
        m->err = err;
    }
    if (m->err == FUO_OK) {
        memcpy(mic, full, AES_MIC_BYTES);
    }
    return m->err;
}

int block_mic(const struct aes_key *data_block_int_key,
              const struct block_mic_params *params, const uint8_t *block,
              uint8_t mic[static AES_MIC_BYTES])
{
    struct block_mic m;
    block_mic_init(&m, data_block_int_key, params);
    block_mic_update(&m, block, params->block_len_bytes);
    return block_mic_final(&m, mic);
}
