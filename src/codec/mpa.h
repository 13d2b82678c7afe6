/* SPDX-License-Identifier: MIT */
/*
 * mpa.h - wire codec of LoRaWAN TS007-1.0.0, multi-package access on FPort 225
 * (lorawan.md 6): { [0x80|package] CID payload }* token. There is one version, so no
 * parameter for it. The rules of encode and decode are in package.h.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "codec/package.h"
#include "codec/split.h"
#include "fuotad/error.h"

enum {
    MPA_FPORT = 225,
    MPA_TOKEN_MAX = 3,
    MPA_PACKAGE_COUNT_MAX = 15, /* 4 bits */
    MPA_BUFFER_BYTES = 128,     /* of a device's answers */
    MPA_BASE_MAX = MPA_BUFFER_BYTES - 1,
    MPA_BUFFER_ERROR = 0xff,
    /* command identifiers; a Req and its Ans share one */
    MPA_CID_PACKAGES = 0x01,
    MPA_CID_BUFFER = 0x02, /* MultiPackBufferReq down, MultiPackBufferFrag up */
};

struct mpa_package {
    uint8_t id;
    uint8_t version;
    uint8_t fport;
};

/* DevPackageAns (up). */
struct mpa_packages_ans {
    uint8_t package_count;
    struct mpa_package packages[MPA_PACKAGE_COUNT_MAX];
};

/* MultiPackBufferReq (down): alone in its message and without a token. */
struct mpa_buffer_req {
    uint8_t start_byte;
    uint8_t stop_byte; /* inclusive */
};

/* MultiPackBufferFrag (up). bytes is borrowed. */
struct mpa_buffer_frag {
    bool error; /* nothing else is valid then */
    uint8_t base_byte;
    const uint8_t *bytes;
    size_t len;
};

FUO_MUST_CHECK int mpa_packages_req_encode(uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mpa_packages_req_decode(const uint8_t *body, size_t len);
FUO_MUST_CHECK int mpa_packages_ans_encode(const struct mpa_packages_ans *ans,
                                           uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mpa_packages_ans_decode(const uint8_t *body, size_t len,
                                           struct mpa_packages_ans *ans);

/* What is written is the whole message. FUO_ERANGE if a byte is above MPA_BASE_MAX. */
FUO_MUST_CHECK int mpa_buffer_req_encode(const struct mpa_buffer_req *req, uint8_t *buf,
                                         size_t cap, size_t *len);
FUO_MUST_CHECK int mpa_buffer_req_decode(const uint8_t *body, size_t len,
                                         struct mpa_buffer_req *req);
FUO_MUST_CHECK int mpa_buffer_frag_encode(const struct mpa_buffer_frag *frag,
                                          uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int mpa_buffer_frag_decode(const uint8_t *body, size_t len,
                                          struct mpa_buffer_frag *frag);

/* --- Making a message: init, append each command, finish with the token. ------------- */

struct mpa_msg {
    struct wr w;
    enum pkg_id pkg; /* of the last command; its byte is left out when repeated */
};

struct mpa_msg mpa_msg_init(uint8_t *buf, size_t cap);

/* Append one encoded command, CID included. An overrun shows in mpa_msg_finish(). */
void mpa_msg_append(struct mpa_msg *m, enum pkg_id pkg, const uint8_t *cmd, size_t len);

/* FUO_ERANGE if token is above MPA_TOKEN_MAX, FUO_ENOSPC if anything did not fit. */
FUO_MUST_CHECK int mpa_msg_finish(struct mpa_msg *m, uint8_t token, size_t *len);

/* --- Reading a message. ---------------------------------------------------------------*/

struct mpa_split {
    struct pkg_versions versions;
    enum pkg_dir dir;
    enum pkg_id pkg;
    const uint8_t *buf;
    size_t len;    /* without the token */
    size_t offset; /* of the next command, or of the one that stopped the walk */
    int err;
    bool has_token;
    uint8_t token;
};

/*
 * Start reading; the token is known from then on. A command of a package whose version is
 * 0 or unknown in `versions` ends the walk, except PackageVersionReq/Ans; that of
 * PKG_MULTI is not looked at.
 */
struct mpa_split mpa_split_init(const struct pkg_versions *versions, enum pkg_dir dir,
                                const uint8_t *payload, size_t len);

/* As split_next(). FUO_EPROTO also for a DataFragment or MultiPackBufferReq among others. */
bool mpa_split_next(struct mpa_split *s, struct split_cmd *cmd);

/* --- Putting a fragmented answer together (server side). ------------------------------*/

struct mpa_answers {
    uint8_t bytes[MPA_BUFFER_BYTES];
    uint8_t have[MPA_BUFFER_BYTES / 8];
};

/* FUO_ERANGE if it reaches beyond the buffer, FUO_EINVAL for an error answer. */
FUO_MUST_CHECK int mpa_answers_add(struct mpa_answers *a,
                                   const struct mpa_buffer_frag *frag);

/*
 * Bytes known from the start without a gap. The total is not announced: parse after every
 * fragment, as { ... }* without a token, with mpa_split_answers().
 */
size_t mpa_answers_len(const struct mpa_answers *a);

struct mpa_split mpa_split_answers(const struct pkg_versions *versions,
                                   const struct mpa_answers *a);
