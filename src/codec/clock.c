/* SPDX-License-Identifier: MIT */
#include "codec/clock.h"

#include "base/wire.h"
#include "codec/package.h"

/* Both versions have the same bytes; they differ in what a device does with them. */
static int version_check(uint8_t version)
{
    return pkg_version_known(PKG_CLOCK, version) ? FUO_OK : FUO_EINVAL;
}

int clock_time_req_encode(uint8_t version, const struct clock_time_req *req, uint8_t *buf,
                          size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->token > CLOCK_TOKEN_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, CLOCK_CID_APP_TIME);
    wr_le32(&w, req->device_time.s);
    wr_u8(&w, (uint8_t)(req->ans_required << 4 | req->token));
    return wr_end(&w, len);
}

int clock_time_req_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct clock_time_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint32_t device_time_s = rd_le32(&r);
    uint8_t param = rd_u8(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct clock_time_req){
        .device_time = {device_time_s},
        .token = param & 0x0f,
        .ans_required = (param & 0x10) != 0,
    };
    return FUO_OK;
}

int clock_time_ans_encode(uint8_t version, const struct clock_time_ans *ans, uint8_t *buf,
                          size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (ans->token > CLOCK_TOKEN_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, CLOCK_CID_APP_TIME);
    wr_le32(&w, (uint32_t)ans->correction_s);
    wr_u8(&w, ans->token);
    return wr_end(&w, len);
}

int clock_time_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                          struct clock_time_ans *ans)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint32_t correction_s = rd_le32(&r);
    uint8_t param = rd_u8(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct clock_time_ans){
        .correction_s = (int32_t)correction_s,
        .token = param & 0x0f,
    };
    return FUO_OK;
}

int clock_periodicity_req_encode(uint8_t version, const struct clock_periodicity_req *req,
                                 uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->period_exp > CLOCK_PERIOD_EXP_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, CLOCK_CID_PERIODICITY);
    wr_u8(&w, req->period_exp);
    return wr_end(&w, len);
}

int clock_periodicity_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                 struct clock_periodicity_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint8_t period = rd_u8(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct clock_periodicity_req){.period_exp = period & 0x0f};
    return FUO_OK;
}

int clock_periodicity_ans_encode(uint8_t version, const struct clock_periodicity_ans *ans,
                                 uint8_t *buf, size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, CLOCK_CID_PERIODICITY);
    wr_u8(&w, ans->not_supported);
    wr_le32(&w, ans->device_time.s);
    return wr_end(&w, len);
}

int clock_periodicity_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                                 struct clock_periodicity_ans *ans)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint8_t status = rd_u8(&r);
    uint32_t device_time_s = rd_le32(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct clock_periodicity_ans){
        .not_supported = (status & 0x01) != 0,
        .device_time = {device_time_s},
    };
    return FUO_OK;
}

int clock_force_resync_req_encode(uint8_t version,
                                  const struct clock_force_resync_req *req, uint8_t *buf,
                                  size_t cap, size_t *len)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    if (req->transmission_count > CLOCK_TRANSMISSIONS_MAX) {
        return FUO_ERANGE;
    }
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, CLOCK_CID_FORCE_RESYNC);
    wr_u8(&w, req->transmission_count);
    return wr_end(&w, len);
}

int clock_force_resync_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                  struct clock_force_resync_req *req)
{
    int err = version_check(version);
    if (err != FUO_OK) {
        return err;
    }
    struct rd r = rd_init(body, len);
    uint8_t conf = rd_u8(&r);
    err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *req = (struct clock_force_resync_req){.transmission_count = conf & 0x07};
    return FUO_OK;
}

bool clock_epoch_bug_suspected(struct gps network, struct gps device,
                               uint32_t tolerance_s)
{
    const uint32_t epoch_s = (uint32_t)GPS_EPOCH_UNIX_S;

    /* With the time set once: one epoch behind. */
    uint32_t ahead_s = device.s - (network.s - epoch_s) + tolerance_s;
    if (ahead_s <= 2 * tolerance_s) {
        return true;
    }
    /* Just booted: the uptime, two epochs below zero. */
    return device.s + 2 * epoch_s < tolerance_s;
}
