/* SPDX-License-Identifier: MIT */
#include "crypto/frame.h"

#include <string.h>

#include <sodium.h>

#include "base/wire.h"

enum {
    MHDR_MAJOR_MASK = 0x03,
    MHDR_TYPE_SHIFT = 5,
    FCTRL_ADR = 0x80,
    FCTRL_ADR_ACK_REQ = 0x40, /* up; RFU down */
    FCTRL_ACK = 0x20,
    FCTRL_PENDING = 0x10,
    FCTRL_FOPTS_LEN = 0x0f,
    DIR_UP = 0,
    DIR_DOWN = 1,
};

int frame_type_of(const uint8_t *phy, size_t len, enum frame_type *type)
{
    if (len == 0) {
        return FUO_ESHORT;
    }
    if ((phy[0] & MHDR_MAJOR_MASK) != 0) {
        return FUO_EPROTO;
    }
    *type = (enum frame_type)(phy[0] >> MHDR_TYPE_SHIFT);
    return FUO_OK;
}

bool frame_is_up(enum frame_type type)
{
    return type == FRAME_JOIN_REQUEST || type == FRAME_UNCONFIRMED_UP ||
           type == FRAME_CONFIRMED_UP || type == FRAME_REJOIN;
}

static bool is_data(enum frame_type type)
{
    return type >= FRAME_UNCONFIRMED_UP && type <= FRAME_CONFIRMED_DOWN;
}

/* B0 and the A_i differ in their first and last byte only. */
static void make_block(const struct frame *f, uint8_t first, uint8_t last,
                       uint8_t block[static AES_BLOCK_BYTES])
{
    struct wr w = wr_init(block, AES_BLOCK_BYTES);
    wr_u8(&w, first);
    wr_le32(&w, 0);
    wr_u8(&w, frame_is_up(f->type) ? DIR_UP : DIR_DOWN);
    wr_le32(&w, f->addr);
    wr_le32(&w, f->fcnt);
    wr_u8(&w, 0);
    wr_u8(&w, last);
}

static int make_mic(const struct frame *f, const struct session_keys *keys,
                    const uint8_t *msg, size_t len, uint8_t mic[static AES_MIC_BYTES])
{
    uint8_t b0[AES_BLOCK_BYTES];
    uint8_t full[AES_BLOCK_BYTES];
    struct aes128_cmac cmac;

    make_block(f, 0x49, (uint8_t)len, b0);
    aes128_cmac_init(&cmac, &keys->nwk_s_key);
    aes128_cmac_update(&cmac, b0, sizeof(b0));
    aes128_cmac_update(&cmac, msg, len);
    int err = aes128_cmac_final(&cmac, full);
    if (err == FUO_OK) {
        memcpy(mic, full, AES_MIC_BYTES);
    }
    return err;
}

/* Encryption and decryption are the same. */
static int crypt_payload(const struct frame *f, const struct session_keys *keys,
                         const uint8_t *in, size_t len, uint8_t *out)
{
    uint8_t a1[AES_BLOCK_BYTES];
    make_block(f, 0x01, 1, a1);
    const struct aes_key *key = f->fport == 0 ? &keys->nwk_s_key : &keys->app_s_key;
    return aes128_ctr(key, a1, in, len, out);
}

static void write_header(struct wr *w, const struct frame *f)
{
    uint8_t fctrl = 0;
    fctrl |= f->adr ? FCTRL_ADR : 0;
    fctrl |= f->adr_ack_req ? FCTRL_ADR_ACK_REQ : 0;
    fctrl |= f->ack ? FCTRL_ACK : 0;
    fctrl |= f->pending ? FCTRL_PENDING : 0;

    wr_u8(w, (uint8_t)(f->type << MHDR_TYPE_SHIFT));
    wr_le32(w, f->addr);
    wr_u8(w, fctrl);
    wr_le16(w, (uint16_t)f->fcnt);
    if (f->has_port) {
        wr_u8(w, f->fport);
    }
}

static int build_check(const struct frame *f)
{
    if (!is_data(f->type) || f->fopts_len != 0 || (!f->has_port && f->payload_len != 0)) {
        return FUO_EINVAL;
    }
    return f->payload_len > FRAME_PAYLOAD_MAX_BYTES ? FUO_ENOSPC : FUO_OK;
}

int frame_build(const struct frame *f, const struct session_keys *keys, uint8_t *phy,
                size_t cap, size_t *len)
{
    uint8_t crypted[FRAME_PAYLOAD_MAX_BYTES];
    uint8_t mic[AES_MIC_BYTES];

    int err = build_check(f);
    if (err == FUO_OK) {
        err = crypt_payload(f, keys, f->payload, f->payload_len, crypted);
    }
    if (err != FUO_OK) {
        return err;
    }
    struct wr w = wr_init(phy, cap);
    write_header(&w, f);
    wr_bytes(&w, crypted, f->payload_len);
    if (w.err != FUO_OK) {
        return w.err;
    }
    err = make_mic(f, keys, phy, w.len, mic);
    if (err != FUO_OK) {
        return err;
    }
    wr_bytes(&w, mic, sizeof(mic));
    return wr_end(&w, len);
}

static int read_body(struct rd *r, struct frame *f)
{
    (void)rd_u8(r); /* MHDR, seen already */
    f->addr = rd_le32(r);
    uint8_t fctrl = rd_u8(r);
    f->fcnt = rd_le16(r);
    f->adr = (fctrl & FCTRL_ADR) != 0;
    f->adr_ack_req = frame_is_up(f->type) && (fctrl & FCTRL_ADR_ACK_REQ) != 0;
    f->ack = (fctrl & FCTRL_ACK) != 0;
    f->pending = (fctrl & FCTRL_PENDING) != 0;
    f->fopts_len = fctrl & FCTRL_FOPTS_LEN;
    f->fopts = rd_bytes(r, f->fopts_len);
    if (r->err != FUO_OK) {
        return r->err;
    }
    if (r->left > 0) {
        f->has_port = true;
        f->fport = rd_u8(r);
        f->payload = r->p;
        f->payload_len = r->left;
    }
    /* MAC commands go into FOpts or port 0, not both. */
    bool both = f->has_port && f->fport == 0 && f->fopts_len > 0;
    return both ? FUO_EPROTO : FUO_OK;
}

int frame_peek(const uint8_t *phy, size_t len, struct frame *f)
{
    struct frame q = {0};
    int err = frame_type_of(phy, len, &q.type);
    if (err != FUO_OK) {
        return err;
    }
    if (!is_data(q.type) || len > FRAME_PHY_MAX_BYTES) {
        return FUO_EPROTO;
    }
    if (len < AES_MIC_BYTES) {
        return FUO_ESHORT;
    }
    struct rd r = rd_init(phy, len - AES_MIC_BYTES);
    err = read_body(&r, &q);
    if (err != FUO_OK) {
        return err;
    }
    *f = q;
    return FUO_OK;
}

int frame_fcnt_extend(uint32_t least, uint16_t low, uint32_t *fcnt)
{
    uint64_t full = (least & UINT32_C(0xffff0000)) | low;
    if (full < least) {
        full += 0x10000;
    }
    if (full > UINT32_MAX) {
        return FUO_ERANGE;
    }
    *fcnt = (uint32_t)full;
    return FUO_OK;
}

int frame_open(const uint8_t *phy, size_t len, const struct session_keys *keys,
               uint32_t fcnt, uint8_t plain[static FRAME_PAYLOAD_MAX_BYTES],
               struct frame *f)
{
    struct frame q;
    uint8_t mic[AES_MIC_BYTES];
    uint8_t clear[FRAME_PAYLOAD_MAX_BYTES];

    int err = frame_peek(phy, len, &q);
    if (err != FUO_OK) {
        return err;
    }
    if ((uint16_t)fcnt != q.fcnt) {
        return FUO_EAUTH;
    }
    q.fcnt = fcnt;
    err = make_mic(&q, keys, phy, len - AES_MIC_BYTES, mic);
    if (err == FUO_OK) {
        err = aes128_mic_check(mic, phy + len - AES_MIC_BYTES);
    }
    if (err == FUO_OK) {
        err = crypt_payload(&q, keys, q.payload, q.payload_len, clear);
    }
    if (err != FUO_OK) {
        return err;
    }
    memcpy(plain, clear, q.payload_len);
    sodium_memzero(clear, sizeof(clear));
    q.payload = plain;
    *f = q;
    return FUO_OK;
}
