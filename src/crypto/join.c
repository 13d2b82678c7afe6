/* SPDX-License-Identifier: MIT */
#include "crypto/join.h"

#include <string.h>

#include "base/wire.h"

enum {
    MHDR_JOIN_REQUEST = 0x00,
    MHDR_JOIN_ACCEPT = 0x20,
    U24_MAX = 0xffffff,
};

static int make_mic(const struct aes_key *key, const uint8_t *msg, size_t len,
                    uint8_t mic[static AES_MIC_BYTES])
{
    uint8_t full[AES_BLOCK_BYTES];
    struct aes128_cmac cmac;
    aes128_cmac_init(&cmac, key);
    aes128_cmac_update(&cmac, msg, len);
    int err = aes128_cmac_final(&cmac, full);
    if (err == FUO_OK) {
        memcpy(mic, full, AES_MIC_BYTES);
    }
    return err;
}

/* Appends the MIC over all that was written so far. */
static int append_mic(struct wr *w, const struct aes_key *key)
{
    uint8_t mic[AES_MIC_BYTES];
    if (w->err != FUO_OK) {
        return w->err;
    }
    int err = make_mic(key, w->base, w->len, mic);
    if (err == FUO_OK) {
        wr_bytes(w, mic, sizeof(mic));
        err = w->err;
    }
    return err;
}

static int check_mic(const struct aes_key *key, const uint8_t *msg, size_t len)
{
    uint8_t mic[AES_MIC_BYTES];
    int err = make_mic(key, msg, len - AES_MIC_BYTES, mic);
    return err != FUO_OK ? err : aes128_mic_check(mic, msg + len - AES_MIC_BYTES);
}

static void wr_le64(struct wr *w, uint64_t v)
{
    wr_le32(w, (uint32_t)v);
    wr_le32(w, (uint32_t)(v >> 32));
}

static uint64_t rd_le64(struct rd *r)
{
    uint64_t lo = rd_le32(r);
    uint64_t hi = rd_le32(r);
    return lo | hi << 32;
}

int join_request_build(const struct join_request *req, const struct aes_key *app_key,
                       uint8_t *phy, size_t cap, size_t *len)
{
    struct wr w = wr_init(phy, cap);
    wr_u8(&w, MHDR_JOIN_REQUEST);
    wr_le64(&w, req->join_eui);
    wr_le64(&w, req->dev_eui);
    wr_le16(&w, req->dev_nonce);
    int err = append_mic(&w, app_key);
    return err != FUO_OK ? err : wr_end(&w, len);
}

int join_request_peek(const uint8_t *phy, size_t len, struct join_request *req)
{
    struct rd r = rd_init(phy, len);
    uint8_t mhdr = rd_u8(&r);
    uint64_t join_eui = rd_le64(&r);
    uint64_t dev_eui = rd_le64(&r);
    uint16_t dev_nonce = rd_le16(&r);
    (void)rd_le32(&r); /* MIC */
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    if (mhdr != MHDR_JOIN_REQUEST) {
        return FUO_EPROTO;
    }
    *req = (struct join_request){
        .join_eui = join_eui, .dev_eui = dev_eui, .dev_nonce = dev_nonce};
    return FUO_OK;
}

int join_request_open(const uint8_t *phy, size_t len, const struct aes_key *app_key,
                      struct join_request *req)
{
    struct join_request q;
    int err = join_request_peek(phy, len, &q);
    if (err == FUO_OK) {
        err = check_mic(app_key, phy, len);
    }
    if (err == FUO_OK) {
        *req = q;
    }
    return err;
}

/* Everything behind the MHDR goes through the block cipher, the device's encrypting. */
static int crypt_blocks(const struct aes_key *key, bool by_device, uint8_t *bytes,
                        size_t len)
{
    for (size_t at = 0; at < len; at += AES_BLOCK_BYTES) {
        uint8_t *block = bytes + at;
        int err = by_device ? aes128_encrypt_block(key, block, block)
                            : aes128_decrypt_block(key, block, block);
        if (err != FUO_OK) {
            return err;
        }
    }
    return FUO_OK;
}

int join_accept_build(const struct join_accept *acc, const struct aes_key *app_key,
                      uint8_t *phy, size_t cap, size_t *len)
{
    if (acc->join_nonce > U24_MAX || acc->net_id > U24_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(phy, cap);
    wr_u8(&w, MHDR_JOIN_ACCEPT);
    wr_le24(&w, acc->join_nonce);
    wr_le24(&w, acc->net_id);
    wr_le32(&w, acc->dev_addr);
    wr_u8(&w, acc->dl_settings);
    wr_u8(&w, acc->rx_delay_s);
    if (acc->has_cflist) {
        wr_bytes(&w, acc->cflist, sizeof(acc->cflist));
    }
    int err = append_mic(&w, app_key);
    if (err == FUO_OK) {
        err = crypt_blocks(app_key, false, phy + 1, w.len - 1);
    }
    return err != FUO_OK ? err : wr_end(&w, len);
}

static int accept_length_check(size_t len)
{
    if (len == JOIN_ACCEPT_BYTES || len == JOIN_ACCEPT_CFLIST_BYTES) {
        return FUO_OK;
    }
    return len < JOIN_ACCEPT_CFLIST_BYTES ? FUO_ESHORT : FUO_ETRAIL;
}

int join_accept_open(const uint8_t *phy, size_t len, const struct aes_key *app_key,
                     struct join_accept *acc)
{
    uint8_t clear[JOIN_ACCEPT_CFLIST_BYTES];
    int err = accept_length_check(len);
    if (err != FUO_OK) {
        return err;
    }
    if (phy[0] != MHDR_JOIN_ACCEPT) {
        return FUO_EPROTO;
    }
    memcpy(clear, phy, len);
    err = crypt_blocks(app_key, true, clear + 1, len - 1);
    if (err == FUO_OK) {
        err = check_mic(app_key, clear, len);
    }
    if (err != FUO_OK) {
        return err;
    }

    struct join_accept a = {.has_cflist = len == JOIN_ACCEPT_CFLIST_BYTES};
    struct rd r = rd_init(clear + 1, len - 1 - AES_MIC_BYTES);
    a.join_nonce = rd_le24(&r);
    a.net_id = rd_le24(&r);
    a.dev_addr = rd_le32(&r);
    a.dl_settings = rd_u8(&r);
    a.rx_delay_s = rd_u8(&r);
    if (a.has_cflist) {
        rd_copy(&r, a.cflist, sizeof(a.cflist));
    }
    *acc = a;
    return FUO_OK;
}

static int session_key(const struct aes_key *app_key, uint8_t prefix,
                       const struct join_accept *acc, uint16_t dev_nonce,
                       struct aes_key *key)
{
    uint8_t block[AES_BLOCK_BYTES] = {0};
    struct wr w = wr_init(block, sizeof(block));
    wr_u8(&w, prefix);
    wr_le24(&w, acc->join_nonce);
    wr_le24(&w, acc->net_id);
    wr_le16(&w, dev_nonce);
    return aes128_encrypt_block(app_key, block, key->b);
}

int join_session_keys(const struct aes_key *app_key, const struct join_accept *acc,
                      uint16_t dev_nonce, struct session_keys *keys)
{
    struct session_keys k;
    int err = session_key(app_key, 0x01, acc, dev_nonce, &k.nwk_s_key);
    if (err == FUO_OK) {
        err = session_key(app_key, 0x02, acc, dev_nonce, &k.app_s_key);
    }
    if (err == FUO_OK) {
        *keys = k;
    }
    session_keys_wipe(&k);
    return err;
}
