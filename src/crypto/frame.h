/* SPDX-License-Identifier: MIT */
/*
 * frame.h - LoRaWAN 1.0.x data frames as on air: MHDR, FHDR, FPort, FRMPayload, MIC;
 * unicast and multicast, up and down, confirmed or not, with 32-bit frame counters
 * (lorawan.md 3.8). The simulator and the checks use it; network servers do it for fuotad.
 *
 * No FOpts are built; those of a received frame are shown and otherwise skipped. Port 0
 * payloads are encrypted under the NwkSKey. Allocates inside libcrypto only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/keys.h"
#include "fuotad/error.h"

enum {
    FRAME_PHY_MAX_BYTES = 255,
    FRAME_OVERHEAD_BYTES = 13, /* of a frame with a port and without FOpts */
    FRAME_PAYLOAD_MAX_BYTES = FRAME_PHY_MAX_BYTES - FRAME_OVERHEAD_BYTES,
    FRAME_FOPTS_MAX_BYTES = 15,
};

/* MType as on the wire. */
enum frame_type {
    FRAME_JOIN_REQUEST = 0,
    FRAME_JOIN_ACCEPT = 1,
    FRAME_UNCONFIRMED_UP = 2,
    FRAME_UNCONFIRMED_DOWN = 3,
    FRAME_CONFIRMED_UP = 4,
    FRAME_CONFIRMED_DOWN = 5,
    FRAME_REJOIN = 6,
    FRAME_PROPRIETARY = 7,
};

/* A data frame. Pointers are borrowed. */
struct frame {
    enum frame_type type; /* one of the four data types */
    uint32_t addr;        /* DevAddr or McAddr */
    uint32_t fcnt;
    bool adr;
    bool adr_ack_req; /* up */
    bool ack;
    bool pending; /* FPending down; class B flag up */
    bool has_port;
    uint8_t fport;
    const uint8_t *fopts; /* read only: not built */
    size_t fopts_len;
    const uint8_t *payload; /* FRMPayload; in clear text except after frame_peek() */
    size_t payload_len;
};

/* The type of a PHYPayload. FUO_ESHORT if empty, FUO_EPROTO for another major version. */
FUO_MUST_CHECK int frame_type_of(const uint8_t *phy, size_t len, enum frame_type *type);

bool frame_is_up(enum frame_type type);

/*
 * Encrypt and sign. FUO_EINVAL if the type is no data type, a payload comes without a port
 * or FOpts are given; FUO_ENOSPC if cap or FRAME_PHY_MAX_BYTES is too small; FUO_ENOMEM.
 * *len is set on success only.
 */
FUO_MUST_CHECK int frame_build(const struct frame *f, const struct session_keys *keys,
                               uint8_t *phy, size_t cap, size_t *len);

/*
 * Read the header of a data frame without keys: fcnt has the low 16 bits only, payload is
 * encrypted, the MIC is not checked. FUO_ESHORT, FUO_EPROTO. *f is set on success only.
 */
FUO_MUST_CHECK int frame_peek(const uint8_t *phy, size_t len, struct frame *f);

/*
 * The smallest counter that is at least `least` and ends in the 16 bits received.
 * FUO_ERANGE if that is beyond 32 bits.
 */
FUO_MUST_CHECK int frame_fcnt_extend(uint32_t least, uint16_t low, uint32_t *fcnt);

/*
 * Verify and decrypt, taking fcnt as the full counter. f->payload then points into plain,
 * everything else into phy. FUO_EAUTH if the MIC is wrong or fcnt does not end in the 16
 * bits received; FUO_ESHORT, FUO_EPROTO, FUO_ENOMEM. *f and plain are untouched on failure.
 */
FUO_MUST_CHECK int frame_open(const uint8_t *phy, size_t len,
                              const struct session_keys *keys, uint32_t fcnt,
                              uint8_t plain[static FRAME_PAYLOAD_MAX_BYTES],
                              struct frame *f);
