/* SPDX-License-Identifier: MIT */
/*
 * split.h - cuts the FRMPayload of one package into its commands (lorawan.md 1).
 *
 * There is no length field on air: lengths come from a table per package, version and
 * direction, and some from the first byte of the command. So an unknown command ends the
 * walk; what came before it stays valid. Frames of TS007 (FPort 225) have another form:
 * mpa.h.
 *
 *     struct split s = split_init(PKG_MCAST, 1, PKG_UP, payload, len);
 *     struct split_cmd cmd;
 *     while (split_next(&s, &cmd)) {
 *         ... cmd.cid, cmd.body, cmd.body_len ...
 *     }
 *     if (s.err != FUO_OK) { ... stopped at offset s.offset ... }
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. Bodies borrow from
 * the payload. A body has the right length for its command, unless stacks are known to
 * differ; its contents are for the codec to judge.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/package.h"
#include "fuotad/error.h"

struct split_cmd {
    enum pkg_id pkg;
    uint8_t cid;
    const uint8_t *body; /* without the CID; borrowed */
    size_t body_len;
};

struct split {
    enum pkg_id pkg;
    uint8_t version;
    enum pkg_dir dir;
    const uint8_t *buf;
    size_t len;
    size_t offset; /* of the next command, or of the one that stopped the walk */
    int err;       /* FUO_OK so far, or why it stopped */
};

struct split split_init(enum pkg_id pkg, uint8_t version, enum pkg_dir dir,
                        const uint8_t *payload, size_t len);

/*
 * The next command. False at the end of the payload (s->err is FUO_OK) or where it cannot
 * be read on: FUO_ENOTSUP an unknown command or version, FUO_ESHORT a truncated command,
 * FUO_EPROTO a DataFragment that is not alone in its frame. Stays false from then on.
 */
bool split_next(struct split *s, struct split_cmd *cmd);

/*
 * The length of one command's body, of which body[0..left) may be followed by further
 * commands. FUO_ENOTSUP or FUO_ESHORT as above. A DataFragment takes all that is left.
 *
 * Where stacks differ the bytes left decide: a v1 McClassC/BSessionAns with bit 5 set (RFU
 * there, sent as StartMissed by LBM and Zephyr) and a v2 FragSessionStatusAns for an unknown
 * session (4 bytes from LBM and ST, 1 by the specification).
 */
FUO_MUST_CHECK int split_body_len(const struct split_cmd *cmd, uint8_t version,
                                  enum pkg_dir dir, size_t left, size_t *len);
