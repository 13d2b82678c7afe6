/* SPDX-License-Identifier: MIT */
/*
 * clock.h - wire codec of LoRaWAN TS003, application layer clock synchronisation, 1.0.0 and
 * 2.0.0 (lorawan.md 2). The rules of encode and decode are in package.h.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. What to answer, and
 * when, is decided elsewhere; the correction is gps_diff_s(network, device).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"

enum {
    CLOCK_FPORT = 202,
    CLOCK_TOKEN_MAX = 15,
    CLOCK_PERIOD_EXP_MAX = 15,
    CLOCK_TRANSMISSIONS_MAX = 7,
    /* command identifiers, the same up and down */
    CLOCK_CID_APP_TIME = 0x01,
    CLOCK_CID_PERIODICITY = 0x02,
    CLOCK_CID_FORCE_RESYNC = 0x03, /* down only */
};

/* AppTimeReq (up). */
struct clock_time_req {
    struct gps device_time;
    uint8_t token;
    bool ans_required;
};

/* AppTimeAns (down). */
struct clock_time_ans {
    int32_t correction_s; /* network minus device, modulo 2^32 */
    uint8_t token;        /* that of the request, else the device ignores it */
};

/* DeviceAppTimePeriodicityReq (down). */
struct clock_periodicity_req {
    uint8_t period_exp; /* every 128 * 2^exp s, +-30 s */
};

/* DeviceAppTimePeriodicityAns (up). */
struct clock_periodicity_ans {
    bool not_supported;
    struct gps device_time;
};

/* ForceDeviceResyncReq (v1), ForceDeviceResyncCmd (v2); down, never answered. */
struct clock_force_resync_req {
    uint8_t transmission_count; /* 0 is ignored by the device */
};

FUO_MUST_CHECK int clock_time_req_encode(uint8_t version,
                                         const struct clock_time_req *req, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int clock_time_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct clock_time_req *req);

FUO_MUST_CHECK int clock_time_ans_encode(uint8_t version,
                                         const struct clock_time_ans *ans, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int clock_time_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct clock_time_ans *ans);

FUO_MUST_CHECK int clock_periodicity_req_encode(uint8_t version,
                                                const struct clock_periodicity_req *req,
                                                uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int clock_periodicity_req_decode(uint8_t version, const uint8_t *body,
                                                size_t len,
                                                struct clock_periodicity_req *req);

FUO_MUST_CHECK int clock_periodicity_ans_encode(uint8_t version,
                                                const struct clock_periodicity_ans *ans,
                                                uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int clock_periodicity_ans_decode(uint8_t version, const uint8_t *body,
                                                size_t len,
                                                struct clock_periodicity_ans *ans);

FUO_MUST_CHECK int clock_force_resync_req_encode(uint8_t version,
                                                 const struct clock_force_resync_req *req,
                                                 uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int clock_force_resync_req_decode(uint8_t version, const uint8_t *body,
                                                 size_t len,
                                                 struct clock_force_resync_req *req);

/*
 * Whether a DeviceTime looks like that of ST's stack, which subtracts the GPS epoch once
 * too often (lorawan.md 13.3): such a clock is then set 10 years ahead by a standard
 * answer. True within tolerance_s of network - 315964800, or if the device booted less
 * than tolerance_s ago at minus two epochs.
 */
bool clock_epoch_bug_suspected(struct gps network, struct gps device,
                               uint32_t tolerance_s);
