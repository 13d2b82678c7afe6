/* SPDX-License-Identifier: MIT */
/*
 * block_mic.h - the MIC of a TS004 v2 data block (lorawan.md 4.2): CMAC over B0 and the
 * block without padding, under the device's DataBlockIntKey (keys.h).
 *
 * The block is streamed, so that one pass over an image serves any number of devices: one
 * struct block_mic each. Allocates inside libcrypto only; no I/O, no logging.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "crypto/aes.h"
#include "fuotad/error.h"

/* What of FragSessionSetupReq goes into B0. */
struct block_mic_params {
    uint16_t session_cnt;
    uint8_t frag_index;
    uint8_t descriptor[4]; /* as on the wire */
    uint32_t block_len_bytes;
};

struct block_mic {
    struct aes128_cmac cmac; /* owned between init and final */
    uint64_t left_bytes;
    int err;
};

void block_mic_init(struct block_mic *m, const struct aes_key *data_block_int_key,
                    const struct block_mic_params *params);
void block_mic_update(struct block_mic *m, const uint8_t *bytes, size_t len);

/*
 * mic is as on the wire. FUO_EINVAL if more or fewer bytes were fed than announced,
 * FUO_ENOMEM; mic is then untouched. Must be called once for each init.
 */
FUO_MUST_CHECK int block_mic_final(struct block_mic *m,
                                   uint8_t mic[static AES_MIC_BYTES]);

/* All at once; block has params->block_len_bytes. */
FUO_MUST_CHECK int block_mic(const struct aes_key *data_block_int_key,
                             const struct block_mic_params *params, const uint8_t *block,
                             uint8_t mic[static AES_MIC_BYTES]);
