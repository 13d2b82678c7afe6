/* SPDX-License-Identifier: MIT */
/* fuzz_frame.c - a PHYPayload from anywhere; and one that we build is one that we open. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "crypto/frame.h"
#include "crypto/join.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct session_keys keys = {{{1, 2, 3}}, {{4, 5, 6}}};

static void open_as_received(const uint8_t *data, size_t size)
{
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    struct frame f;
    struct join_request req;
    struct join_accept acc;
    if (frame_peek(data, size, &f) == FUO_OK) {
        assert(f.payload_len <= FRAME_PAYLOAD_MAX_BYTES);
        (void)!frame_open(data, size, &keys, f.fcnt, plain, &f);
    }
    (void)!join_request_open(data, size, &keys.nwk_s_key, &req);
    (void)!join_accept_open(data, size, &keys.nwk_s_key, &acc);
}

static void build_and_open(const uint8_t *data, size_t size)
{
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    size_t len = 0;
    struct frame got;
    struct frame f = {
        .type = (enum frame_type)(data[0] & 0x07),
        .adr = (data[0] & 0x08) != 0,
        .ack = (data[0] & 0x10) != 0,
        .has_port = (data[0] & 0x20) != 0,
        .fport = data[1],
        .fcnt = UINT32_C(0x01010101) * data[2],
        .addr = UINT32_C(0x10204080) * data[3],
        .payload = data + 4,
        .payload_len = size - 4,
    };
    if (frame_build(&f, &keys, phy, sizeof(phy), &len) != FUO_OK) {
        return;
    }
    int err = frame_open(phy, len, &keys, f.fcnt, plain, &got);
    assert(err == FUO_OK);
    assert(got.payload_len == f.payload_len);
    assert(memcmp(got.payload, f.payload, f.payload_len) == 0);
    phy[data[3] % len] ^= (uint8_t)(1u << data[2] % 8);
    assert(frame_open(phy, len, &keys, f.fcnt, plain, &got) != FUO_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_as_received(data, size);
    if (size >= 4) {
        build_and_open(data, size);
    }
    return 0;
}
