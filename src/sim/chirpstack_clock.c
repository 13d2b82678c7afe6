/* SPDX-License-Identifier: MIT */
/* chirpstack_clock.c - AppTimeReq answered by the server itself, as with TS003 enabled in
 * the device profile: the uplink is published all the same (network-servers.md 1.3). */
#include "codec/clock.h"
#include "codec/package.h"
#include "codec/split.h"
#include "sim/chirpstack_internal.h"

enum {
    CLOCK_VERSION = 2, /* requests and answers are those of version 1, too */
    ANSWER_MAX = 8,
};

static void answer(struct cs *cs, struct cs_device *device, const struct split_cmd *cmd)
{
    struct clock_time_req req;
    uint8_t data[ANSWER_MAX];
    char id[CS_ID_SIZE];
    size_t len = 0;
    if (cmd->cid != CLOCK_CID_APP_TIME ||
        clock_time_req_decode(CLOCK_VERSION, cmd->body, cmd->body_len, &req) != FUO_OK) {
        return;
    }
    struct clock_time_ans ans = {
        .correction_s = gps_diff_s(gps_from_utc(device->rx_time), req.device_time),
        .token = req.token,
    };
    if (clock_time_ans_encode(CLOCK_VERSION, &ans, data, sizeof(data), &len) == FUO_OK) {
        struct cs_downlink downlink = {.dev_eui = device->dev_eui,
                                       .fport = device->rx_fport,
                                       .data = data,
                                       .len = len,
                                       .expires = UTC_NEVER};
        int err = cs_enqueue(cs, &downlink, id);
        (void)err; /* a full queue loses it */
    }
}

void cs_answer_clock(struct cs *cs, struct cs_device *device)
{
    if (!cs->config.answers_clock || device->rx_fport != pkg_default_fport(PKG_CLOCK)) {
        return;
    }
    struct split split = split_init(PKG_CLOCK, CLOCK_VERSION, PKG_UP, device->rx_payload,
                                    device->rx_payload_len);
    struct split_cmd cmd;
    while (split_next(&split, &cmd)) {
        answer(cs, device, &cmd);
    }
}
