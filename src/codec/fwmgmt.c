/* SPDX-License-Identifier: MIT */
#include "codec/fwmgmt.h"

#include "base/wire.h"

/* The requests that are only a CID. */
static int encode_bare(uint8_t cid, uint8_t *buf, size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, cid);
    return wr_end(&w, len);
}

static int decode_bare(const uint8_t *body, size_t len)
{
    struct rd r = rd_init(body, len);
    return rd_end(&r);
}

/* The commands whose body is one 32-bit number. */
static int encode_u32(uint8_t cid, uint32_t value, uint8_t *buf, size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, cid);
    wr_le32(&w, value);
    return wr_end(&w, len);
}

static int decode_u32(const uint8_t *body, size_t len, uint32_t *value)
{
    struct rd r = rd_init(body, len);
    uint32_t v = rd_le32(&r);
    int err = rd_end(&r);
    if (err == FUO_OK) {
        *value = v;
    }
    return err;
}

int fm_version_req_encode(uint8_t *buf, size_t cap, size_t *len)
{
    return encode_bare(FM_CID_VERSION, buf, cap, len);
}

int fm_version_req_decode(const uint8_t *body, size_t len)
{
    return decode_bare(body, len);
}

int fm_version_ans_encode(const struct fm_version_ans *ans, uint8_t *buf, size_t cap,
                          size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FM_CID_VERSION);
    wr_le32(&w, ans->firmware_version);
    wr_le32(&w, ans->hardware_version);
    return wr_end(&w, len);
}

int fm_version_ans_decode(const uint8_t *body, size_t len, struct fm_version_ans *ans)
{
    struct rd r = rd_init(body, len);
    uint32_t firmware = rd_le32(&r);
    uint32_t hardware = rd_le32(&r);
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct fm_version_ans){
        .firmware_version = firmware,
        .hardware_version = hardware,
    };
    return FUO_OK;
}

int fm_reboot_time_req_encode(const struct fm_reboot_time_req *req, uint8_t *buf,
                              size_t cap, size_t *len)
{
    return encode_u32(FM_CID_REBOOT_TIME, req->reboot_time.s, buf, cap, len);
}

int fm_reboot_time_req_decode(const uint8_t *body, size_t len,
                              struct fm_reboot_time_req *req)
{
    return decode_u32(body, len, &req->reboot_time.s);
}

int fm_reboot_time_ans_encode(const struct fm_reboot_time_ans *ans, uint8_t *buf,
                              size_t cap, size_t *len)
{
    return encode_u32(FM_CID_REBOOT_TIME, ans->delay_s, buf, cap, len);
}

int fm_reboot_time_ans_decode(const uint8_t *body, size_t len,
                              struct fm_reboot_time_ans *ans)
{
    return decode_u32(body, len, &ans->delay_s);
}

int fm_reboot_countdown_encode(const struct fm_reboot_countdown *countdown, uint8_t *buf,
                               size_t cap, size_t *len)
{
    if (countdown->delay_s > FM_COUNTDOWN_CANCEL_S) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FM_CID_REBOOT_COUNTDOWN);
    wr_le24(&w, countdown->delay_s);
    return wr_end(&w, len);
}

int fm_reboot_countdown_decode(const uint8_t *body, size_t len,
                               struct fm_reboot_countdown *countdown)
{
    struct rd r = rd_init(body, len);
    uint32_t delay_s = rd_le24(&r);
    int err = rd_end(&r);
    if (err == FUO_OK) {
        countdown->delay_s = delay_s;
    }
    return err;
}

int fm_upgrade_image_req_encode(uint8_t *buf, size_t cap, size_t *len)
{
    return encode_bare(FM_CID_UPGRADE_IMAGE, buf, cap, len);
}

int fm_upgrade_image_req_decode(const uint8_t *body, size_t len)
{
    return decode_bare(body, len);
}

int fm_upgrade_image_ans_encode(const struct fm_upgrade_image_ans *ans, uint8_t *buf,
                                size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FM_CID_UPGRADE_IMAGE);
    wr_u8(&w, (uint8_t)ans->status);
    if (ans->status == FM_IMAGE_VALID) {
        wr_le32(&w, ans->next_version);
    }
    return wr_end(&w, len);
}

int fm_upgrade_image_ans_decode(const uint8_t *body, size_t len,
                                struct fm_upgrade_image_ans *ans)
{
    struct rd r = rd_init(body, len);
    enum fm_image_status status = (enum fm_image_status)(rd_u8(&r) & 0x03);
    uint32_t next_version = status == FM_IMAGE_VALID ? rd_le32(&r) : 0;
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct fm_upgrade_image_ans){.status = status, .next_version = next_version};
    return FUO_OK;
}

int fm_delete_image_req_encode(const struct fm_delete_image_req *req, uint8_t *buf,
                               size_t cap, size_t *len)
{
    return encode_u32(FM_CID_DELETE_IMAGE, req->version, buf, cap, len);
}

int fm_delete_image_req_decode(const uint8_t *body, size_t len,
                               struct fm_delete_image_req *req)
{
    return decode_u32(body, len, &req->version);
}

int fm_delete_image_ans_encode(const struct fm_delete_image_ans *ans, uint8_t *buf,
                               size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, FM_CID_DELETE_IMAGE);
    wr_u8(&w, (uint8_t)(ans->invalid_version << 1 | ans->no_valid_image));
    return wr_end(&w, len);
}

int fm_delete_image_ans_decode(const uint8_t *body, size_t len,
                               struct fm_delete_image_ans *ans)
{
    struct rd r = rd_init(body, len);
    uint8_t status = rd_u8(&r);
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct fm_delete_image_ans){
        .no_valid_image = (status & 0x01) != 0,
        .invalid_version = (status & 0x02) != 0,
    };
    return FUO_OK;
}
