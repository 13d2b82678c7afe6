/* SPDX-License-Identifier: MIT */
/*
 * cbor.h - CBOR (RFC 8949), as much of it as LwM2M's formats 60 and 112 need.
 *
 * Reading is item by item: arrays, maps and tags tell how many items follow that are theirs,
 * and who reads keeps count. Arrays and maps of unknown length end with a CBOR_BREAK; texts
 * and bytes in pieces, and simple values that mean nothing here, are refused. Nothing is
 * gone into by itself, so nesting costs nothing. Writing makes the shortest form.
 *
 * Pure: no allocation, no I/O, no global state. What is read points into the caller's bytes.
 * Errors are those of the cursors: FUO_ESHORT it is cut, FUO_EPROTO it is not well-formed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "fuotad/error.h"

enum cbor_kind {
    CBOR_UINT,  /* value */
    CBOR_NINT,  /* -1 - value */
    CBOR_BYTES, /* bytes, value of them */
    CBOR_TEXT,  /* the same, in UTF-8 that nobody has checked */
    CBOR_ARRAY, /* value items follow, or CBOR_UNKNOWN */
    CBOR_MAP,   /* value pairs */
    CBOR_TAG,   /* value; the item that it is of follows */
    CBOR_BOOL,  /* value 0 or 1 */
    CBOR_NULL,  /* undefined as well */
    CBOR_FLOAT, /* real */
    CBOR_BREAK,
};

#define CBOR_UNKNOWN UINT64_MAX

enum {
    CBOR_TAG_TIME = 1, /* seconds since 1970 */
    CBOR_TAG_DECIMAL = 4,
    CBOR_DEPTH_MAX = 8, /* that is passed over at once */
};

struct cbor_item {
    enum cbor_kind kind;
    uint64_t value;
    double real;
    const uint8_t *bytes;
};

/* The next item; false: r->err says why. At the end of the bytes it is FUO_ESHORT. */
bool cbor_next(struct rd *r, struct cbor_item *item);
/* Pass over the next item and all that is in it. */
void cbor_skip(struct rd *r);
/* The next item must be a whole number of 64 bits, signed. */
int64_t cbor_int(struct rd *r);
/* The number that an item is. FUO_ERANGE: it does not fit; FUO_EPROTO: it is none. */
FUO_MUST_CHECK int cbor_item_int(const struct cbor_item *item, int64_t *number);

void cbor_put_int(struct wr *w, int64_t number);
void cbor_put_bytes(struct wr *w, const uint8_t *bytes, size_t len);
void cbor_put_text(struct wr *w, const char *text, size_t len);
void cbor_put_array(struct wr *w, size_t count);
void cbor_put_map(struct wr *w, size_t pairs);
void cbor_put_tag(struct wr *w, uint64_t tag);
void cbor_put_bool(struct wr *w, bool yes);
void cbor_put_double(struct wr *w, double real);
