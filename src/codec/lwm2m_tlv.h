/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_tlv.h - OMA TLV, content format 11542 (lwm2m.md 6.3): what LwM2M devices answer.
 *
 * Reading yields the values one after the other, wherever they are nested: in an object
 * instance or, as clients may as well answer, not in one; in a multiple resource or alone.
 * TLV does not tell which object it is of: who asked knows. Writing appends one entry at a
 * time; what nests is written into a buffer of its own first.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. What is read points
 * into the caller's bytes. Big-endian on the wire.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "fuotad/error.h"

enum lwm2m_tlv_kind {
    LWM2M_TLV_INSTANCE = 0,          /* object instance: holds resources */
    LWM2M_TLV_RESOURCE_INSTANCE = 1, /* a value of a multiple resource */
    LWM2M_TLV_MULTIPLE = 2,          /* holds resource instances */
    LWM2M_TLV_RESOURCE = 3,          /* a value */
};

enum {
    LWM2M_TLV_NONE = 0x10000,       /* no such id: ids have 16 bits */
    LWM2M_TLV_VALUE_MAX = 0xffffff, /* bytes */
    LWM2M_TLV_DEPTH = 3,
};

struct lwm2m_tlv_value {
    uint32_t instance; /* LWM2M_TLV_NONE: not wrapped in one */
    uint16_t resource;
    uint32_t index; /* of a multiple resource; LWM2M_TLV_NONE: it is single */
    const uint8_t *bytes;
    size_t len;
};

/* A message being read. */
struct lwm2m_tlv {
    struct rd at[LWM2M_TLV_DEPTH]; /* what is left, outermost first */
    size_t depth;
    uint32_t instance;
    uint16_t resource;
    bool multiple; /* inside of one */
    int err;
};

struct lwm2m_tlv lwm2m_tlv_init(const uint8_t *bytes, size_t len);

/* False at the end, and where the message is malformed: then no more is read of it. */
bool lwm2m_tlv_next(struct lwm2m_tlv *tlv, struct lwm2m_tlv_value *value);

/* Why it ended: FUO_OK; FUO_ESHORT: something is longer than what holds it; FUO_EPROTO:
 * something is in what it cannot be in. */
FUO_MUST_CHECK int lwm2m_tlv_end(const struct lwm2m_tlv *tlv);

/* Integer or Time of 1, 2, 4 or 8 bytes. FUO_EPROTO for another length. */
FUO_MUST_CHECK int lwm2m_tlv_int(const struct lwm2m_tlv_value *value, int64_t *number);
/* FUO_EPROTO unless it is one byte, 0 or 1. */
FUO_MUST_CHECK int lwm2m_tlv_bool(const struct lwm2m_tlv_value *value, bool *yes);
/* Object link. FUO_EPROTO unless it is four bytes. */
FUO_MUST_CHECK int lwm2m_tlv_link(const struct lwm2m_tlv_value *value, uint16_t *object,
                                  uint16_t *instance);
/* Whether it can only be text: not empty, printable ASCII. */
bool lwm2m_tlv_is_text(const struct lwm2m_tlv_value *value);

/* Append an entry; FUO_ERANGE (in w->err) for more than LWM2M_TLV_VALUE_MAX bytes. */
void lwm2m_tlv_put(struct wr *w, enum lwm2m_tlv_kind kind, uint16_t id,
                   const uint8_t *bytes, size_t len);
/* ... with a number, in as few bytes as it takes. */
void lwm2m_tlv_put_int(struct wr *w, enum lwm2m_tlv_kind kind, uint16_t id,
                       int64_t number);
