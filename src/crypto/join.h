/* SPDX-License-Identifier: MIT */
/*
 * join.h - over-the-air activation of LoRaWAN 1.0.x: Join-Request and Join-Accept as on air,
 * and the session keys that follow. For the simulator, which plays both ends.
 *
 * Allocates inside libcrypto only. Outputs are untouched on failure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/keys.h"
#include "fuotad/error.h"

enum {
    JOIN_REQUEST_BYTES = 23,
    JOIN_ACCEPT_BYTES = 17,
    JOIN_ACCEPT_CFLIST_BYTES = 33,
    JOIN_CFLIST_BYTES = 16,
};

struct join_request {
    uint64_t join_eui;
    uint64_t dev_eui;
    uint16_t dev_nonce;
};

struct join_accept {
    uint32_t join_nonce; /* 24 bits */
    uint32_t net_id;     /* 24 bits */
    uint32_t dev_addr;
    uint8_t dl_settings;
    uint8_t rx_delay_s; /* 0 means 1 */
    bool has_cflist;
    uint8_t cflist[JOIN_CFLIST_BYTES];
};

/* FUO_ENOSPC, FUO_ENOMEM. */
FUO_MUST_CHECK int join_request_build(const struct join_request *req,
                                      const struct aes_key *app_key, uint8_t *phy,
                                      size_t cap, size_t *len);

/* Without a key: whose request is it? FUO_ESHORT, FUO_ETRAIL, FUO_EPROTO. */
FUO_MUST_CHECK int join_request_peek(const uint8_t *phy, size_t len,
                                     struct join_request *req);

/* As peek, and FUO_EAUTH if the MIC is wrong. */
FUO_MUST_CHECK int join_request_open(const uint8_t *phy, size_t len,
                                     const struct aes_key *app_key,
                                     struct join_request *req);

/* FUO_ERANGE if a field does not fit, FUO_ENOSPC, FUO_ENOMEM. */
FUO_MUST_CHECK int join_accept_build(const struct join_accept *acc,
                                     const struct aes_key *app_key, uint8_t *phy,
                                     size_t cap, size_t *len);

/* FUO_ESHORT, FUO_ETRAIL, FUO_EPROTO, FUO_EAUTH. */
FUO_MUST_CHECK int join_accept_open(const uint8_t *phy, size_t len,
                                    const struct aes_key *app_key,
                                    struct join_accept *acc);

/* NwkSKey and AppSKey of the session that this pair of messages starts. */
FUO_MUST_CHECK int join_session_keys(const struct aes_key *app_key,
                                     const struct join_accept *acc, uint16_t dev_nonce,
                                     struct session_keys *keys);
