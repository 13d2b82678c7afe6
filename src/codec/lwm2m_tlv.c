/* SPDX-License-Identifier: MIT */
#include "codec/lwm2m_tlv.h"

/* The type byte. */
enum {
    KIND_SHIFT = 6,
    ID_IS_WIDE = 0x20,
    LENGTH_SHIFT = 3,
    LENGTH_MASK = 3, /* bytes of a length field; 0: the length is in the type byte */
    SHORT_MAX = 7,
};

static uint32_t rd_be(struct rd *r, unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v = v << 8 | rd_u8(r);
    }
    return v;
}

struct entry {
    enum lwm2m_tlv_kind kind;
    uint16_t id;
    const uint8_t *bytes;
    size_t len;
};

static struct entry read_entry(struct rd *r)
{
    unsigned type = rd_u8(r);
    unsigned width = type >> LENGTH_SHIFT & LENGTH_MASK;
    struct entry e = {.kind = (enum lwm2m_tlv_kind)(type >> KIND_SHIFT)};
    e.id = (uint16_t)rd_be(r, (type & ID_IS_WIDE) != 0 ? 2 : 1);
    e.len = width != 0 ? rd_be(r, width) : type & SHORT_MAX;
    e.bytes = rd_bytes(r, e.len);
    return e;
}

struct lwm2m_tlv lwm2m_tlv_init(const uint8_t *bytes, size_t len)
{
    return (struct lwm2m_tlv){
        .at = {rd_init(bytes, len)}, .depth = 1, .instance = LWM2M_TLV_NONE};
}

/* Resource instances are in multiple resources and nowhere else, and so on. */
static bool is_in_place(const struct lwm2m_tlv *tlv, enum lwm2m_tlv_kind kind)
{
    switch (kind) {
    case LWM2M_TLV_INSTANCE:
        return tlv->depth == 1;
    case LWM2M_TLV_RESOURCE_INSTANCE:
        return tlv->multiple;
    case LWM2M_TLV_MULTIPLE:
    case LWM2M_TLV_RESOURCE:
        break;
    }
    return !tlv->multiple;
}

static void leave(struct lwm2m_tlv *tlv)
{
    tlv->depth--;
    if (tlv->multiple) {
        tlv->multiple = false;
    } else {
        tlv->instance = LWM2M_TLV_NONE;
    }
}

static void enter(struct lwm2m_tlv *tlv, const struct entry *e)
{
    if (e->kind == LWM2M_TLV_INSTANCE) {
        tlv->instance = e->id;
    } else {
        tlv->resource = e->id;
        tlv->multiple = true;
    }
    tlv->at[tlv->depth++] = rd_init(e->bytes, e->len);
}

/* The next entry that holds a value; those that hold entries are gone into. */
static bool next_leaf(struct lwm2m_tlv *tlv, struct entry *e)
{
    while (tlv->err == FUO_OK && tlv->depth > 0) {
        struct rd *r = &tlv->at[tlv->depth - 1];
        if (r->left == 0) {
            leave(tlv);
            continue;
        }
        *e = read_entry(r);
        if (r->err != FUO_OK || !is_in_place(tlv, e->kind)) {
            tlv->err = r->err != FUO_OK ? r->err : FUO_EPROTO;
        } else if (e->kind == LWM2M_TLV_RESOURCE ||
                   e->kind == LWM2M_TLV_RESOURCE_INSTANCE) {
            return true;
        } else {
            enter(tlv, e);
        }
    }
    return false;
}

bool lwm2m_tlv_next(struct lwm2m_tlv *tlv, struct lwm2m_tlv_value *value)
{
    struct entry e;
    if (!next_leaf(tlv, &e)) {
        return false;
    }
    *value = (struct lwm2m_tlv_value){
        .instance = tlv->instance,
        .resource = tlv->multiple ? tlv->resource : e.id,
        .index = tlv->multiple ? e.id : (uint32_t)LWM2M_TLV_NONE,
        .bytes = e.bytes,
        .len = e.len,
    };
    return true;
}

int lwm2m_tlv_end(const struct lwm2m_tlv *tlv)
{
    return tlv->err;
}

/* ---- values ---- */

int lwm2m_tlv_int(const struct lwm2m_tlv_value *value, int64_t *number)
{
    if (value->len != 1 && value->len != 2 && value->len != 4 && value->len != 8) {
        return FUO_EPROTO;
    }
    uint64_t v = (value->bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < value->len; i++) {
        v = v << 8 | value->bytes[i];
    }
    *number = (int64_t)v;
    return FUO_OK;
}

int lwm2m_tlv_bool(const struct lwm2m_tlv_value *value, bool *yes)
{
    if (value->len != 1 || value->bytes[0] > 1) {
        return FUO_EPROTO;
    }
    *yes = value->bytes[0] == 1;
    return FUO_OK;
}

int lwm2m_tlv_link(const struct lwm2m_tlv_value *value, uint16_t *object,
                   uint16_t *instance)
{
    if (value->len != 4) {
        return FUO_EPROTO;
    }
    *object = (uint16_t)(value->bytes[0] << 8 | value->bytes[1]);
    *instance = (uint16_t)(value->bytes[2] << 8 | value->bytes[3]);
    return FUO_OK;
}

bool lwm2m_tlv_is_text(const struct lwm2m_tlv_value *value)
{
    for (size_t i = 0; i < value->len; i++) {
        if (value->bytes[i] < 0x20 || value->bytes[i] > 0x7e) {
            return false;
        }
    }
    return value->len > 0;
}

/* ---- writing ---- */

static void wr_be(struct wr *w, uint32_t v, unsigned bytes)
{
    while (bytes-- > 0) {
        wr_u8(w, (uint8_t)(v >> (8 * bytes)));
    }
}

static unsigned width_of(size_t len)
{
    if (len <= SHORT_MAX) {
        return 0;
    }
    return len <= 0xff ? 1 : len <= 0xffff ? 2 : 3;
}

void lwm2m_tlv_put(struct wr *w, enum lwm2m_tlv_kind kind, uint16_t id,
                   const uint8_t *bytes, size_t len)
{
    unsigned width = width_of(len);
    bool wide = id > 0xff;
    if (len > LWM2M_TLV_VALUE_MAX) {
        w->err = w->err != FUO_OK ? w->err : FUO_ERANGE;
        return;
    }
    wr_u8(w, (uint8_t)((unsigned)kind << KIND_SHIFT | (wide ? ID_IS_WIDE : 0u) |
                       width << LENGTH_SHIFT | (width == 0 ? (unsigned)len : 0u)));
    wr_be(w, id, wide ? 2 : 1);
    wr_be(w, (uint32_t)len, width);
    wr_bytes(w, bytes, len);
}

void lwm2m_tlv_put_int(struct wr *w, enum lwm2m_tlv_kind kind, uint16_t id,
                       int64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    }
    size_t len = number >= INT8_MIN && number <= INT8_MAX     ? 1
                 : number >= INT16_MIN && number <= INT16_MAX ? 2
                 : number >= INT32_MIN && number <= INT32_MAX ? 4
                                                              : 8;
    lwm2m_tlv_put(w, kind, id, bytes + sizeof(bytes) - len, len);
}
