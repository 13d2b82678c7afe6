/* SPDX-License-Identifier: MIT */
/*
 * wire.h - bounds-checked little-endian cursors over caller-owned bytes.
 *
 * The error is sticky: after the first overrun reads yield 0, writes do
 * nothing, and rd_end()/wr_end() report it. Check once, at the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fuotad/error.h"

struct rd {
    const uint8_t *p; /* borrowed, must outlive the cursor */
    size_t left;
    int err;
};

struct wr {
    uint8_t *base; /* borrowed */
    size_t cap;
    size_t len;
    int err;
};

static inline struct rd rd_init(const uint8_t *buf, size_t len)
{
    return (struct rd){.p = buf, .left = len};
}

/* The next len bytes, borrowed; NULL (and ESHORT) if there are fewer. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t len)
{
    if (r->err != FUO_OK || r->left < len) {
        r->err = FUO_ESHORT;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += len;
    r->left -= len;
    return p;
}

static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 1);
    return p != NULL ? *p : 0;
}

static inline uint16_t rd_le16(struct rd *r)
{
    uint16_t lo = rd_u8(r);
    uint16_t hi = rd_u8(r);
    return (uint16_t)(lo | hi << 8);
}

static inline uint32_t rd_le24(struct rd *r)
{
    uint32_t lo = rd_le16(r);
    uint32_t hi = rd_u8(r);
    return lo | hi << 16;
}

static inline uint32_t rd_le32(struct rd *r)
{
    uint32_t lo = rd_le16(r);
    uint32_t hi = rd_le16(r);
    return lo | hi << 16;
}

/* Copy len bytes out; out is untouched on a short read. */
static inline void rd_copy(struct rd *r, uint8_t *out, size_t len)
{
    const uint8_t *p = rd_bytes(r, len);
    if (p != NULL) {
        memcpy(out, p, len);
    }
}

/* Fails unless every byte was consumed. */
FUO_MUST_CHECK static inline int rd_end(const struct rd *r)
{
    if (r->err != FUO_OK) {
        return r->err;
    }
    return r->left == 0 ? FUO_OK : FUO_ETRAIL;
}

static inline struct wr wr_init(uint8_t *buf, size_t cap)
{
    return (struct wr){.base = buf, .cap = cap};
}

static inline void wr_bytes(struct wr *w, const uint8_t *bytes, size_t len)
{
    if (w->err != FUO_OK || w->cap - w->len < len) {
        w->err = FUO_ENOSPC;
        return;
    }
    if (len > 0) {
        memcpy(w->base + w->len, bytes, len);
        w->len += len;
    }
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
    wr_bytes(w, &v, 1);
}

static inline void wr_le16(struct wr *w, uint16_t v)
{
    wr_u8(w, (uint8_t)v);
    wr_u8(w, (uint8_t)(v >> 8));
}

static inline void wr_le24(struct wr *w, uint32_t v)
{
    wr_le16(w, (uint16_t)v);
    wr_u8(w, (uint8_t)(v >> 16));
}

static inline void wr_le32(struct wr *w, uint32_t v)
{
    wr_le16(w, (uint16_t)v);
    wr_le16(w, (uint16_t)(v >> 16));
}

/* On success *len is the number of bytes written. */
FUO_MUST_CHECK static inline int wr_end(const struct wr *w, size_t *len)
{
    if (w->err == FUO_OK) {
        *len = w->len;
    }
    return w->err;
}
