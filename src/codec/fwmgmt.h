/* SPDX-License-Identifier: MIT */
/*
 * fwmgmt.h - wire codec of LoRaWAN TS006-1.0.0, firmware management (lorawan.md 5). There
 * is one version, so no parameter for it. The rules of encode and decode are in package.h.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. Versions are opaque
 * numbers: compare them for equality, never take them apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "fuotad/error.h"

enum {
    FM_FPORT = 203,
    FM_COUNTDOWN_NOW_S = 0,
    FM_COUNTDOWN_CANCEL_S = 0xffffff,
    /* command identifiers; a Req and its Ans share one */
    FM_CID_VERSION = 0x01,
    FM_CID_REBOOT_TIME = 0x02,
    FM_CID_REBOOT_COUNTDOWN = 0x03,
    FM_CID_UPGRADE_IMAGE = 0x04,
    FM_CID_DELETE_IMAGE = 0x05,
};

/* RebootTime, and the seconds of DevRebootTimeAns. */
#define FM_REBOOT_TIME_NOW    0u /* in an answer: error */
#define FM_REBOOT_TIME_CANCEL 0xffffffffu

/* DevVersionAns (up). */
struct fm_version_ans {
    uint32_t firmware_version;
    uint32_t hardware_version;
};

/* DevRebootTimeReq (down). FM_REBOOT_TIME_NOW is not answered. */
struct fm_reboot_time_req {
    struct gps reboot_time;
};

/* DevRebootTimeAns (up). 0: error; FM_REBOOT_TIME_CANCEL: cancelled. */
struct fm_reboot_time_ans {
    uint32_t delay_s;
};

/* DevRebootCountdownReq (down) and its echo, DevRebootCountdownAns (up). 24 bits. */
struct fm_reboot_countdown {
    uint32_t delay_s;
};

enum fm_image_status {
    FM_IMAGE_NONE = 0,
    FM_IMAGE_CORRUPT = 1, /* or badly signed */
    FM_IMAGE_INCOMPATIBLE = 2,
    FM_IMAGE_VALID = 3,
};

/* DevUpgradeImageAns (up). next_version is sent only with FM_IMAGE_VALID, else 0. */
struct fm_upgrade_image_ans {
    enum fm_image_status status;
    uint32_t next_version;
};

/* DevDeleteImageReq (down). */
struct fm_delete_image_req {
    uint32_t version;
};

/* DevDeleteImageAns (up). Neither: deleted. */
struct fm_delete_image_ans {
    bool no_valid_image;
    bool invalid_version;
};

FUO_MUST_CHECK int fm_version_req_encode(uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_version_req_decode(const uint8_t *body, size_t len);
FUO_MUST_CHECK int fm_version_ans_encode(const struct fm_version_ans *ans, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int fm_version_ans_decode(const uint8_t *body, size_t len,
                                         struct fm_version_ans *ans);

FUO_MUST_CHECK int fm_reboot_time_req_encode(const struct fm_reboot_time_req *req,
                                             uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_reboot_time_req_decode(const uint8_t *body, size_t len,
                                             struct fm_reboot_time_req *req);
FUO_MUST_CHECK int fm_reboot_time_ans_encode(const struct fm_reboot_time_ans *ans,
                                             uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_reboot_time_ans_decode(const uint8_t *body, size_t len,
                                             struct fm_reboot_time_ans *ans);

/* The request and its answer have the same bytes. */
FUO_MUST_CHECK int fm_reboot_countdown_encode(const struct fm_reboot_countdown *countdown,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_reboot_countdown_decode(const uint8_t *body, size_t len,
                                              struct fm_reboot_countdown *countdown);

FUO_MUST_CHECK int fm_upgrade_image_req_encode(uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_upgrade_image_req_decode(const uint8_t *body, size_t len);
FUO_MUST_CHECK int fm_upgrade_image_ans_encode(const struct fm_upgrade_image_ans *ans,
                                               uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_upgrade_image_ans_decode(const uint8_t *body, size_t len,
                                               struct fm_upgrade_image_ans *ans);

FUO_MUST_CHECK int fm_delete_image_req_encode(const struct fm_delete_image_req *req,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_delete_image_req_decode(const uint8_t *body, size_t len,
                                              struct fm_delete_image_req *req);
FUO_MUST_CHECK int fm_delete_image_ans_encode(const struct fm_delete_image_ans *ans,
                                              uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int fm_delete_image_ans_decode(const uint8_t *body, size_t len,
                                              struct fm_delete_image_ans *ans);
