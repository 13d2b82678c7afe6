/* SPDX-License-Identifier: MIT */
/*
 * mcast.h - wire codec of LoRaWAN TS005, remote multicast setup, 1.0.0 and 2.0.0
 * (lorawan.md 3). The rules of encode and decode are in package.h.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. Keys are only carried
 * here, encrypted; src/crypto/keys.h makes them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"

enum {
    MC_FPORT = 200,
    MC_GROUP_ID_MAX = 3,
    MC_GROUP_COUNT_MAX = 4,
    MC_GROUP_MASK_MAX = 0x0f,
    MC_TOTAL_COUNT_MAX = 7, /* 3 bits */
    MC_KEY_BYTES = 16,
    MC_TIMEOUT_EXP_MAX = 15,
    MC_PERIODICITY_EXP_MAX = 7,
    MC_DR_MAX = 15,
    MC_FREQUENCY_STEP_HZ = 100,
    MC_TIME_TO_START_UNKNOWN_S =
        0xffffff, /* "clock not synchronised", or beyond 24 bits */
    /* command identifiers; a Req and its Ans share one */
    MC_CID_GROUP_STATUS = 0x01,
    MC_CID_GROUP_SETUP = 0x02,
    MC_CID_GROUP_DELETE = 0x03,
    MC_CID_CLASS_C_SESSION = 0x04,
    MC_CID_CLASS_B_SESSION = 0x05,
};

/* McGroupStatusReq (down). */
struct mc_group_status_req {
    uint8_t group_mask;
};

struct mc_group {
    uint8_t group_id;
    uint32_t addr;
};

/* McGroupStatusAns (up). As many groups as bits in group_mask, in the order of the wire. */
struct mc_group_status_ans {
    uint8_t group_mask;
    uint8_t total_count; /* of groups defined in the device */
    struct mc_group groups[MC_GROUP_COUNT_MAX];
};

/* McGroupSetupReq (down). The device takes frames with min <= FCnt < max. */
struct mc_group_setup_req {
    uint8_t group_id;
    uint32_t addr;
    uint8_t key_encrypted[MC_KEY_BYTES]; /* McKey_encrypted, as on the wire */
    uint32_t min_fcnt;
    uint32_t max_fcnt;
};

/* McGroupSetupAns (up). */
struct mc_group_setup_ans {
    uint8_t group_id;
    bool id_error;
};

/* McGroupDeleteReq (down). */
struct mc_group_delete_req {
    uint8_t group_id;
};

/* McGroupDeleteAns (up). */
struct mc_group_delete_ans {
    uint8_t group_id;
    bool group_undefined;
};

/* McClassCSessionReq and McClassBSessionReq (down). */
struct mc_session_req {
    uint8_t group_id;
    struct gps session_time; /* class B: the device wants a multiple of 128 s */
    uint8_t timeout_exp;     /* at most 2^exp s in class C, 128 * 2^exp s in class B */
    uint8_t periodicity_exp; /* class B: a ping slot every 2^exp s; class C: 0 */
    uint32_t frequency_hz;   /* a multiple of 100; class B: 0 is the region's default */
    uint8_t dr;
};

/* McClassCSessionAns and McClassBSessionAns (up). */
struct mc_session_ans {
    uint8_t group_id;
    bool dr_error;
    bool freq_error;
    bool group_undefined;     /* on LoRaMac-node and ST also: the start is in the past */
    bool start_missed;        /* v2; some v1 stacks send it too */
    uint32_t time_to_start_s; /* only if none of the four; else 0 */
};

FUO_MUST_CHECK int mc_group_status_req_encode(uint8_t version,
                                              const struct mc_group_status_req *req,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mc_group_status_req_decode(uint8_t version, const uint8_t *body,
                                              size_t len,
                                              struct mc_group_status_req *req);

FUO_MUST_CHECK int mc_group_status_ans_encode(uint8_t version,
                                              const struct mc_group_status_ans *ans,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mc_group_status_ans_decode(uint8_t version, const uint8_t *body,
                                              size_t len,
                                              struct mc_group_status_ans *ans);

FUO_MUST_CHECK int mc_group_setup_req_encode(uint8_t version,
                                             const struct mc_group_setup_req *req,
                                             uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mc_group_setup_req_decode(uint8_t version, const uint8_t *body,
                                             size_t len, struct mc_group_setup_req *req);

FUO_MUST_CHECK int mc_group_setup_ans_encode(uint8_t version,
                                             const struct mc_group_setup_ans *ans,
                                             uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mc_group_setup_ans_decode(uint8_t version, const uint8_t *body,
                                             size_t len, struct mc_group_setup_ans *ans);

FUO_MUST_CHECK int mc_group_delete_req_encode(uint8_t version,
                                              const struct mc_group_delete_req *req,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mc_group_delete_req_decode(uint8_t version, const uint8_t *body,
                                              size_t len,
                                              struct mc_group_delete_req *req);

FUO_MUST_CHECK int mc_group_delete_ans_encode(uint8_t version,
                                              const struct mc_group_delete_ans *ans,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mc_group_delete_ans_decode(uint8_t version, const uint8_t *body,
                                              size_t len,
                                              struct mc_group_delete_ans *ans);

/* FUO_ERANGE also for a class C request with a periodicity. */
FUO_MUST_CHECK int mc_class_c_req_encode(uint8_t version,
                                         const struct mc_session_req *req, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int mc_class_c_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct mc_session_req *req);
FUO_MUST_CHECK int mc_class_b_req_encode(uint8_t version,
                                         const struct mc_session_req *req, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int mc_class_b_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct mc_session_req *req);

/*
 * One byte with an error, four without. In v1 the bit of start_missed is RFU: the encoder
 * writes it all the same (as LBM and Zephyr do), the decoder believes it in a one-byte body
 * and ignores it before a time to start.
 */
FUO_MUST_CHECK int mc_class_c_ans_encode(uint8_t version,
                                         const struct mc_session_ans *ans, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int mc_class_b_ans_encode(uint8_t version,
                                         const struct mc_session_ans *ans, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int mc_session_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct mc_session_ans *ans);
bool mc_session_accepted(const struct mc_session_ans *ans);
