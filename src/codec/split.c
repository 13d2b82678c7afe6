/* SPDX-License-Identifier: MIT */
#include "codec/split.h"

#include "codec/clock.h"
#include "codec/frag.h"
#include "codec/fwmgmt.h"
#include "codec/mcast.h"
#include "codec/mpa.h"

enum {
    CID_TABLE_SIZE = 9, /* the highest known CID is 8 */
};

/* Length of a body; the named kinds are not fixed and are worked out from its bytes. */
enum body_kind {
    NONE = -1, /* no such command */
    GROUP_STATUS_ANS = -2,
    SESSION_ANS = -3,
    STATUS_ANS_V2 = -4,
    AUTH_REQ = -5,
    UPGRADE_ANS = -6,
    PACKAGES_ANS = -7,
    REST = -8, /* all that is left of the frame */
};

/* By package and direction; what differs in version 1 is in kind_v1(). */
static const int16_t kinds[PKG_COUNT][2][CID_TABLE_SIZE] = {
    /*                        00 01 02 03 04 05 06 07 08 */
    [PKG_MULTI] = {[PKG_DOWN] = {0, 0, 2, NONE, NONE, NONE, NONE, NONE, NONE},
                   [PKG_UP] = {2, PACKAGES_ANS, REST, NONE, NONE, NONE, NONE, NONE,
                               NONE}},
    [PKG_CLOCK] = {[PKG_DOWN] = {0, 5, 1, 1, NONE, NONE, NONE, NONE, NONE},
                   [PKG_UP] = {2, 5, 5, NONE, NONE, NONE, NONE, NONE, NONE}},
    [PKG_MCAST] = {[PKG_DOWN] = {0, 1, 29, 1, 10, 10, NONE, NONE, NONE},
                   [PKG_UP] = {2, GROUP_STATUS_ANS, 1, 1, SESSION_ANS, SESSION_ANS, NONE,
                               NONE, NONE}},
    [PKG_FRAG] = {[PKG_DOWN] = {0, 1, 16, 1, 1, NONE, NONE, NONE, REST},
                  [PKG_UP] = {2, STATUS_ANS_V2, 1, 1, 1, AUTH_REQ, NONE, NONE, NONE}},
    [PKG_FWMGMT] = {[PKG_DOWN] = {0, 0, 4, 3, 0, 4, NONE, NONE, NONE},
                    [PKG_UP] = {2, 8, 4, 3, UPGRADE_ANS, 1, NONE, NONE, NONE}},
};

/* Only TS004 changed lengths and commands between its versions. */
static int kind_v1(enum pkg_dir dir, uint8_t cid, int kind_v2)
{
    switch (cid) {
    case FRAG_CID_STATUS:
        return dir == PKG_UP ? 4 : kind_v2;
    case FRAG_CID_SETUP:
        return dir == PKG_DOWN ? 10 : kind_v2;
    case FRAG_CID_BLOCK_RECEIVED:
        return NONE;
    default:
        return kind_v2;
    }
}

static int body_kind(enum pkg_id pkg, uint8_t version, enum pkg_dir dir, uint8_t cid)
{
    if (cid >= CID_TABLE_SIZE) {
        return NONE;
    }
    int kind = kinds[pkg][dir][cid];
    return pkg == PKG_FRAG && version == 1 ? kind_v1(dir, cid, kind) : kind;
}

static size_t session_ans_len(uint8_t version, uint8_t status, size_t left)
{
    if ((status & 0x1c) != 0) {
        return 1;
    }
    if ((status & 0x20) == 0) {
        return 4;
    }
    return version == 1 && left >= 4 ? 4 : 1;
}

/* next is the byte behind the status: a CID if the counts were left out. */
static size_t status_ans_len(uint8_t status, size_t left, uint8_t next)
{
    bool no_session = (status & 0x04) != 0;
    bool rfu = (status & 0xf8) != 0; /* ST: this is no status at all, but a count */
    if (!no_session || rfu) {
        return 4;
    }
    if (left < 4) {
        return 1;
    }
    if (left == 4) {
        return 4; /* LBM fills in the counts */
    }
    return body_kind(PKG_FRAG, 2, PKG_UP, next) == NONE ? 4 : 1;
}

static unsigned mask_count(uint8_t mask)
{
    return (mask & 1u) + (mask >> 1 & 1u) + (mask >> 2 & 1u) + (mask >> 3 & 1u);
}

/* Everything that depends on the first byte; there is one. */
static size_t first_byte_len(int kind, uint8_t version, const uint8_t *body, size_t left)
{
    uint8_t first = body[0];
    switch (kind) {
    case GROUP_STATUS_ANS:
        return 1 + 5 * (size_t)mask_count(first);
    case SESSION_ANS:
        return session_ans_len(version, first, left);
    case STATUS_ANS_V2:
        return status_ans_len(first, left, left > 1 ? body[1] : 0);
    case UPGRADE_ANS:
        return (first & 0x03) == FM_IMAGE_VALID ? 5 : 1;
    default: /* PACKAGES_ANS */
        return 1 + 3 * (size_t)(first & 0x0f);
    }
}

int split_body_len(const struct split_cmd *cmd, uint8_t version, enum pkg_dir dir,
                   size_t left, size_t *len)
{
    /* PackageVersionReq/Ans is how the version becomes known. */
    if (cmd->cid != PKG_CID_VERSION && !pkg_version_known(cmd->pkg, version)) {
        return FUO_ENOTSUP;
    }
    int kind = body_kind(cmd->pkg, version, dir, cmd->cid);
    size_t need;
    if (kind >= 0) {
        need = (size_t)kind;
    } else if (kind == NONE) {
        return FUO_ENOTSUP;
    } else if (kind == REST) {
        need = left;
    } else if (kind == AUTH_REQ) {
        need = left == 5 ? 5 : 4;
    } else if (left == 0) {
        return FUO_ESHORT;
    } else {
        need = first_byte_len(kind, version, cmd->body, left);
    }
    if (need > left) {
        return FUO_ESHORT;
    }
    *len = need;
    return FUO_OK;
}

struct split split_init(enum pkg_id pkg, uint8_t version, enum pkg_dir dir,
                        const uint8_t *payload, size_t len)
{
    return (struct split){
        .pkg = pkg, .version = version, .dir = dir, .buf = payload, .len = len};
}

static bool is_data_fragment(const struct split_cmd *cmd, enum pkg_dir dir)
{
    return cmd->pkg == PKG_FRAG && dir == PKG_DOWN && cmd->cid == FRAG_CID_DATA;
}

bool split_next(struct split *s, struct split_cmd *cmd)
{
    if (s->err != FUO_OK || s->offset >= s->len) {
        return false;
    }
    struct split_cmd c = {
        .pkg = s->pkg,
        .cid = s->buf[s->offset],
        .body = s->buf + s->offset + 1,
    };
    s->err = split_body_len(&c, s->version, s->dir, s->len - s->offset - 1, &c.body_len);
    if (s->err == FUO_OK && is_data_fragment(&c, s->dir) && s->offset != 0) {
        s->err = FUO_EPROTO;
    }
    if (s->err != FUO_OK) {
        return false;
    }
    s->offset += 1 + c.body_len;
    *cmd = c;
    return true;
}
