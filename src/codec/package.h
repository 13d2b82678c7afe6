/* SPDX-License-Identifier: MIT */
/*
 * package.h - what all application packages share: identifiers, ports, versions and the
 * command PackageVersionReq/Ans, which has CID 0 in every one of them (lorawan.md 1).
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state.
 *
 * Rules of all codecs in this layer:
 *  - x_encode() writes one command, CID included, into buf[0..cap). On success *len is the
 *    number of bytes. FUO_ERANGE if a field does not fit its wire width, FUO_ENOSPC if cap
 *    is too small; then *len is untouched (the bytes of buf are undefined).
 *  - x_decode() parses one command body, CID excluded; split.h finds the bodies. The output
 *    is written only on success. FUO_ESHORT or FUO_ETRAIL on a wrong length. RFU bits are
 *    ignored. Pointers in a decoded struct borrow from the body.
 *  - `version` is the package's version byte, 1 or 2, in packages that have two; anything
 *    else is FUO_EINVAL. A command that a version does not have is FUO_ENOTSUP.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

/* Package identifiers as on the wire. */
enum pkg_id {
    PKG_MULTI = 0,  /* TS007 multi-package access */
    PKG_CLOCK = 1,  /* TS003 application layer clock synchronisation */
    PKG_MCAST = 2,  /* TS005 remote multicast setup */
    PKG_FRAG = 3,   /* TS004 fragmented data block transport */
    PKG_FWMGMT = 4, /* TS006 firmware management */
};

enum {
    PKG_COUNT = 5,
    PKG_CID_VERSION = 0x00, /* PackageVersionReq down, PackageVersionAns up */
};

/* A CID means one thing on its way down and another on its way up. */
enum pkg_dir {
    PKG_DOWN, /* server to device */
    PKG_UP,
};

/* The versions of a device's packages, by package identifier; 0 is "unknown". */
struct pkg_versions {
    uint8_t of[PKG_COUNT];
};

/* PackageVersionAns. The identifier is not checked: some devices send a wrong one. */
struct pkg_version_ans {
    uint8_t id;
    uint8_t version;
};

/* The recommended FPort; only that of PKG_MULTI (225) is fixed. */
uint8_t pkg_default_fport(enum pkg_id pkg);

/* The package whose default FPort this is. FUO_ENOENT if there is none. */
FUO_MUST_CHECK int pkg_by_default_fport(uint8_t fport, enum pkg_id *pkg);

/* Whether these codecs know that version of the package. */
bool pkg_version_known(enum pkg_id pkg, uint8_t version);

FUO_MUST_CHECK int pkg_version_req_encode(uint8_t *buf, size_t cap, size_t *len);
FUO_MUST_CHECK int pkg_version_req_decode(const uint8_t *body, size_t len);

FUO_MUST_CHECK int pkg_version_ans_encode(const struct pkg_version_ans *ans, uint8_t *buf,
                                          size_t cap, size_t *len);
FUO_MUST_CHECK int pkg_version_ans_decode(const uint8_t *body, size_t len,
                                          struct pkg_version_ans *ans);
