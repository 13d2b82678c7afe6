/* SPDX-License-Identifier: MIT */
/*
 * frag.h - wire codec of LoRaWAN TS004, fragmented data block transport, 1.0.0 and 2.0.0
 * (lorawan.md 4). The rules of encode and decode are in package.h.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. Structs hold
 * host-order values in natural types; bit packing stays in frag.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    FRAG_FPORT = 201,
    FRAG_INDEX_MAX = 3,           /* 2 bits */
    FRAG_COUNT_MAX = 0x3fff,      /* 14 bits: of M, and of N on air */
    FRAG_GROUP_MASK_MAX = 0x0f,   /* 4 bits */
    FRAG_ALGO_MAX = 7,            /* 3 bits; 0 is the FEC of the specification */
    FRAG_BLOCK_ACK_DELAY_MAX = 7, /* 3 bits */
    FRAG_DATA_OVERHEAD_BYTES = 3, /* CID and index: FragSize is at most N - 3 */
    FRAG_DESCRIPTOR_BYTES = 4,
    FRAG_MIC_BYTES = 4,
    FRAG_MISSING_SATURATED = 255, /* 255 means: 255 or more */
    /* command identifiers; a Req and its Ans share one */
    FRAG_CID_STATUS = 0x01,
    FRAG_CID_SETUP = 0x02,
    FRAG_CID_DELETE = 0x03,
    FRAG_CID_BLOCK_RECEIVED = 0x04, /* v2 */
    FRAG_CID_AUTH = 0x05,           /* not in the specification, up only */
    FRAG_CID_DATA = 0x08,           /* down only, alone in its frame */
};

/* FragSessionStatusReq (down, also multicast). */
struct frag_status_req {
    uint8_t frag_index;
    bool all_participants; /* false: only who still misses fragments answers */
};

/* FragSessionStatusAns (up). */
struct frag_status_ans {
    uint8_t frag_index;
    uint16_t received_count; /* stacks differ in what they count: lorawan.md 13 */
    uint8_t missing_count;   /* FRAG_MISSING_SATURATED: or more */
    bool memory_error;       /* v1: "not enough matrix memory" */
    bool mic_error;          /* v2; only meaningful when nothing is missing */
    bool no_session;         /* v2 */
    bool no_counts;          /* v2: index and counts were not sent (no_session is set) */
    uint8_t layout;          /* decode only: the version whose layout was read */
};

/* FragSessionSetupReq (down, unicast). */
struct frag_setup_req {
    uint8_t frag_index;
    uint8_t mc_group_mask; /* 0: fragments come by unicast only */
    uint16_t frag_count;   /* M */
    uint8_t frag_size_bytes;
    uint8_t frag_algo;
    uint8_t block_ack_delay_exp; /* the device waits up to 2^(exp+4) s */
    bool ack_reception;          /* v2: send FragDataBlockReceivedReq when complete */
    uint8_t padding_bytes;
    uint8_t descriptor[FRAG_DESCRIPTOR_BYTES]; /* as on the wire */
    uint16_t session_cnt;                      /* v2 */
    uint8_t mic[FRAG_MIC_BYTES];               /* v2, as on the wire: block_mic.h */
};

/* FragSessionSetupAns (up). */
struct frag_setup_ans {
    uint8_t frag_index;
    bool algo_unsupported;
    bool no_memory;
    bool index_unsupported;
    bool wrong_descriptor;
    bool session_cnt_replay; /* v2 */
};

/* FragSessionDeleteReq (down). */
struct frag_delete_req {
    uint8_t frag_index;
};

/* FragSessionDeleteAns (up). */
struct frag_delete_ans {
    uint8_t frag_index;
    bool no_session;
};

/* FragDataBlockReceivedReq (v2, up). */
struct frag_block_received_req {
    uint8_t frag_index;
    bool mic_error;
};

/* FragDataBlockReceivedAns (v2, down). */
struct frag_block_received_ans {
    uint8_t frag_index;
};

/*
 * "FragDataBlockAuthReq" (up) of LoRaMac-node's and mbed's sample applications: not in the
 * specification (lorawan.md 13.1); a hint that the block is complete, nothing more.
 */
struct frag_auth_req {
    bool has_index; /* mbed sends the index, LoRaMac-node does not */
    uint8_t frag_index;
    uint32_t crc32; /* IEEE, of the block without padding */
};

/* DataFragment (down, also multicast). data is borrowed. */
struct frag_data {
    uint8_t frag_index;
    uint16_t n; /* 1..M uncoded, above M coded */
    const uint8_t *data;
    size_t len;
};

FUO_MUST_CHECK int frag_status_req_encode(uint8_t version,
                                          const struct frag_status_req *req, uint8_t *buf,
                                          size_t cap, size_t *len);
FUO_MUST_CHECK int frag_status_req_decode(uint8_t version, const uint8_t *body,
                                          size_t len, struct frag_status_req *req);

/*
 * v2: with no_counts, which needs no_session, one byte is written, else four. The decoder
 * takes four bytes with no_session too, as LBM and ChirpStack write them.
 */
FUO_MUST_CHECK int frag_status_ans_encode(uint8_t version,
                                          const struct frag_status_ans *ans, uint8_t *buf,
                                          size_t cap, size_t *len);
FUO_MUST_CHECK int frag_status_ans_decode(uint8_t version, const uint8_t *body,
                                          size_t len, struct frag_status_ans *ans);

/* What the server knows when it reads a status answer. */
struct frag_status_hint {
    uint8_t frag_index;  /* that was asked for */
    uint16_t sent_count; /* fragments sent so far; FRAG_COUNT_MAX if not known */
};

/*
 * As frag_status_ans_decode(), but a v2 answer that is not plausible in the v2 layout (RFU
 * status bits set, another index, more received than sent) and is in the v1 layout is read
 * by that one: ST's v2 stack sends it (lorawan.md 14.2). ans->layout tells which it was;
 * pin it per device profile, because one such answer in many is plausible both ways.
 */
FUO_MUST_CHECK int frag_status_ans_decode_lenient(uint8_t version,
                                                  const struct frag_status_hint *hint,
                                                  const uint8_t *body, size_t len,
                                                  struct frag_status_ans *ans);

/* Version 1, but with NbFragReceived and index the wrong way round, as mbed's (13). */
FUO_MUST_CHECK int frag_status_ans_decode_big_endian(const uint8_t *body, size_t len,
                                                     struct frag_status_ans *ans);

/* FUO_ERANGE also for no fragments, empty fragments, or padding not below FragSize. */
FUO_MUST_CHECK int frag_setup_req_encode(uint8_t version,
                                         const struct frag_setup_req *req, uint8_t *buf,
                                         size_t cap, size_t *len);
/* Any values are accepted: judging them is the device's part. */
FUO_MUST_CHECK int frag_setup_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct frag_setup_req *req);

FUO_MUST_CHECK int frag_setup_ans_encode(uint8_t version,
                                         const struct frag_setup_ans *ans, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int frag_setup_ans_decode(uint8_t version, const uint8_t *body, size_t len,
                                         struct frag_setup_ans *ans);
bool frag_setup_accepted(const struct frag_setup_ans *ans);

FUO_MUST_CHECK int frag_delete_req_encode(uint8_t version,
                                          const struct frag_delete_req *req, uint8_t *buf,
                                          size_t cap, size_t *len);
FUO_MUST_CHECK int frag_delete_req_decode(uint8_t version, const uint8_t *body,
                                          size_t len, struct frag_delete_req *req);

FUO_MUST_CHECK int frag_delete_ans_encode(uint8_t version,
                                          const struct frag_delete_ans *ans, uint8_t *buf,
                                          size_t cap, size_t *len);
FUO_MUST_CHECK int frag_delete_ans_decode(uint8_t version, const uint8_t *body,
                                          size_t len, struct frag_delete_ans *ans);

FUO_MUST_CHECK int
frag_block_received_req_encode(uint8_t version, const struct frag_block_received_req *req,
                               uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int frag_block_received_req_decode(uint8_t version, const uint8_t *body,
                                                  size_t len,
                                                  struct frag_block_received_req *req);

FUO_MUST_CHECK int
frag_block_received_ans_encode(uint8_t version, const struct frag_block_received_ans *ans,
                               uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int frag_block_received_ans_decode(uint8_t version, const uint8_t *body,
                                                  size_t len,
                                                  struct frag_block_received_ans *ans);

FUO_MUST_CHECK int frag_auth_req_encode(uint8_t version, const struct frag_auth_req *req,
                                        uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int frag_auth_req_decode(uint8_t version, const uint8_t *body, size_t len,
                                        struct frag_auth_req *req);

/* FUO_ERANGE if n is 0, or on sending above FRAG_COUNT_MAX or not 1..255 bytes of data. */
FUO_MUST_CHECK int frag_data_encode(uint8_t version, const struct frag_data *data,
                                    uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int frag_data_decode(uint8_t version, const uint8_t *body, size_t len,
                                    struct frag_data *data);
