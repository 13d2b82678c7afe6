/* SPDX-License-Identifier: MIT */
#include "codec/cbor.h"

enum {
    MAJOR_SHIFT = 5,
    INFO_MASK = 31,
    INFO_U8 = 24, /* the argument is in one, two, four or eight bytes more */
    INFO_U64 = 27,
    INFO_UNKNOWN = 31,
    SIMPLE_FALSE = 20,
    SIMPLE_TRUE = 21,
    SIMPLE_NULL = 22,
    SIMPLE_UNDEFINED = 23,
    SIMPLE_HALF = 25,
    SIMPLE_SINGLE = 26,
    SIMPLE_DOUBLE = 27,
};

#define SINGLE_MAX 3.4028234663852886e38

/* RFC 8949, section 3.1 */
enum major {
    MAJOR_UINT,
    MAJOR_NINT,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE,
};

static void fail(struct rd *r)
{
    r->err = r->err != FUO_OK ? r->err : FUO_EPROTO;
}

static uint64_t rd_argument(struct rd *r, unsigned info)
{
    uint64_t value = 0;
    size_t width = info < INFO_U8 ? 0 : (size_t)1 << (info & 3);
    if (width == 0) {
        return info;
    }
    if (info > INFO_U64) {
        fail(r);
        return 0;
    }
    for (size_t i = 0; i < width; i++) {
        value = value << 8 | rd_u8(r);
    }
    return value;
}

/* ---- floats ---- */

static double half_of(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double value = bits & 1023;
    if (exponent == 31) {
        uint64_t special = UINT64_C(0x7ff0000000000000) | (uint64_t)(bits & 1023) << 42;
        memcpy(&value, &special, sizeof(value));
    } else {
        value = exponent == 0 ? value / 1024 : 1 + value / 1024;
        for (int e = exponent == 0 ? 1 : exponent; e != 15; e += e < 15 ? 1 : -1) {
            value = e < 15 ? value / 2 : value * 2;
        }
    }
    return (bits & 0x8000) != 0 ? -value : value;
}

static double single_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* ---- reading ---- */

static double float_of(unsigned info, uint64_t bits)
{
    if (info == SIMPLE_HALF) {
        return half_of((uint16_t)bits);
    }
    return info == SIMPLE_SINGLE ? single_of((uint32_t)bits) : double_of(bits);
}

static void read_simple(struct rd *r, unsigned info, struct cbor_item *item)
{
    uint64_t value = info == INFO_UNKNOWN ? 0 : rd_argument(r, info);
    if (info >= SIMPLE_HALF && info <= SIMPLE_DOUBLE) {
        *item = (struct cbor_item){.kind = CBOR_FLOAT, .real = float_of(info, value)};
    } else if (info == SIMPLE_FALSE || info == SIMPLE_TRUE) {
        *item = (struct cbor_item){.kind = CBOR_BOOL, .value = info == SIMPLE_TRUE};
    } else if (info == SIMPLE_NULL || info == SIMPLE_UNDEFINED) {
        *item = (struct cbor_item){.kind = CBOR_NULL};
    } else if (info == INFO_UNKNOWN) {
        *item = (struct cbor_item){.kind = CBOR_BREAK};
    } else {
        fail(r);
    }
}

static void read_string(struct rd *r, struct cbor_item *item)
{
    if (r->err != FUO_OK) {
        return;
    }
    if (item->value > r->left) {
        r->err = FUO_ESHORT;
        return;
    }
    item->bytes = rd_bytes(r, (size_t)item->value);
}

bool cbor_next(struct rd *r, struct cbor_item *item)
{
    static const enum cbor_kind kinds[] = {
        [MAJOR_UINT] = CBOR_UINT, [MAJOR_NINT] = CBOR_NINT,   [MAJOR_BYTES] = CBOR_BYTES,
        [MAJOR_TEXT] = CBOR_TEXT, [MAJOR_ARRAY] = CBOR_ARRAY, [MAJOR_MAP] = CBOR_MAP,
        [MAJOR_TAG] = CBOR_TAG,
    };
    unsigned first = r->err == FUO_OK ? rd_u8(r) : 0;
    unsigned major = first >> MAJOR_SHIFT;
    unsigned info = first & INFO_MASK;
    struct cbor_item read = {.kind = CBOR_NULL};
    if (r->err != FUO_OK) {
        return false;
    }
    if (major == MAJOR_SIMPLE) {
        read_simple(r, info, &read);
    } else {
        bool unknown =
            info == INFO_UNKNOWN && (major == MAJOR_ARRAY || major == MAJOR_MAP);
        read.kind = kinds[major];
        read.value = unknown ? CBOR_UNKNOWN : rd_argument(r, info);
    }
    if (read.kind == CBOR_BYTES || read.kind == CBOR_TEXT) {
        read_string(r, &read);
    }
    if (r->err == FUO_OK) {
        *item = read;
    }
    return r->err == FUO_OK;
}

/* How many items an item announces. */
static uint64_t inside(struct rd *r, const struct cbor_item *item)
{
    switch (item->kind) {
    case CBOR_TAG:
        return 1;
    case CBOR_ARRAY:
        break;
    case CBOR_MAP:
        if (item->value != CBOR_UNKNOWN && item->value > UINT32_MAX) {
            r->err = FUO_ESHORT; /* nobody has that many bytes */
            return 0;
        }
        return item->value == CBOR_UNKNOWN ? CBOR_UNKNOWN : 2 * item->value;
    case CBOR_UINT:
    case CBOR_NINT:
    case CBOR_BYTES:
    case CBOR_TEXT:
    case CBOR_BOOL:
    case CBOR_NULL:
    case CBOR_FLOAT:
    case CBOR_BREAK:
        return 0;
    }
    return item->value;
}

/* Items that are still to be passed over, outermost first. */
struct nest {
    uint64_t left[CBOR_DEPTH_MAX];
    size_t depth;
};

static void skip_item(struct rd *r, struct nest *n)
{
    struct cbor_item item;
    uint64_t *left = &n->left[n->depth - 1];
    if (!cbor_next(r, &item)) {
        return;
    }
    if (item.kind == CBOR_BREAK) {
        if (*left != CBOR_UNKNOWN) {
            fail(r);
        }
        n->depth--;
        return;
    }
    *left -= *left != CBOR_UNKNOWN;
    uint64_t count = inside(r, &item);
    if (count > 0 && n->depth == CBOR_DEPTH_MAX) {
        fail(r);
    } else if (count > 0) {
        n->left[n->depth++] = count;
    }
}

void cbor_skip(struct rd *r)
{
    struct nest n = {.left = {1}, .depth = 1};
    while (n.depth > 0 && r->err == FUO_OK) {
        if (n.left[n.depth - 1] == 0) {
            n.depth--;
        } else {
            skip_item(r, &n);
        }
    }
}

int cbor_item_int(const struct cbor_item *item, int64_t *number)
{
    if (item->kind != CBOR_UINT && item->kind != CBOR_NINT) {
        return FUO_EPROTO;
    }
    if (item->value > INT64_MAX) {
        return FUO_ERANGE;
    }
    *number = item->kind == CBOR_UINT ? (int64_t)item->value : -1 - (int64_t)item->value;
    return FUO_OK;
}

int64_t cbor_int(struct rd *r)
{
    struct cbor_item item;
    int64_t number = 0;
    if (cbor_next(r, &item) && cbor_item_int(&item, &number) != FUO_OK) {
        fail(r);
    }
    return number;
}

/* ---- writing ---- */

static void put_head(struct wr *w, enum major major, uint64_t value)
{
    unsigned width = value <= UINT8_MAX    ? 1
                     : value <= UINT16_MAX ? 2
                     : value <= UINT32_MAX ? 4
                                           : 8;
    unsigned info = width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
    unsigned first = (unsigned)major << MAJOR_SHIFT;
    if (value < INFO_U8) {
        wr_u8(w, (uint8_t)(first | (unsigned)value));
        return;
    }
    wr_u8(w, (uint8_t)(first | info));
    while (width-- > 0) {
        wr_u8(w, (uint8_t)(value >> (8 * width)));
    }
}

void cbor_put_int(struct wr *w, int64_t number)
{
    put_head(w, number < 0 ? MAJOR_NINT : MAJOR_UINT,
             number < 0 ? (uint64_t)(-1 - number) : (uint64_t)number);
}

void cbor_put_bytes(struct wr *w, const uint8_t *bytes, size_t len)
{
    put_head(w, MAJOR_BYTES, len);
    wr_bytes(w, bytes, len);
}

void cbor_put_text(struct wr *w, const char *text, size_t len)
{
    put_head(w, MAJOR_TEXT, len);
    wr_bytes(w, (const uint8_t *)text, len);
}

void cbor_put_array(struct wr *w, size_t count)
{
    put_head(w, MAJOR_ARRAY, count);
}

void cbor_put_map(struct wr *w, size_t pairs)
{
    put_head(w, MAJOR_MAP, pairs);
}

void cbor_put_tag(struct wr *w, uint64_t tag)
{
    put_head(w, MAJOR_TAG, tag);
}

void cbor_put_bool(struct wr *w, bool yes)
{
    wr_u8(w, (uint8_t)(MAJOR_SIMPLE << MAJOR_SHIFT | (yes ? SIMPLE_TRUE : SIMPLE_FALSE)));
}

void cbor_put_double(struct wr *w, double real)
{
    bool fits = real >= -SINGLE_MAX && real <= SINGLE_MAX;
    float single = fits ? (float)real : 0;
    uint64_t bits = 0;
    uint32_t narrow = 0;
    bool exact = fits && (double)single == real;
    memcpy(&bits, &real, sizeof(bits));
    memcpy(&narrow, &single, sizeof(narrow));
    bits = exact ? narrow : bits;
    wr_u8(w, (uint8_t)(MAJOR_SIMPLE << MAJOR_SHIFT |
                       (exact ? SIMPLE_SINGLE : SIMPLE_DOUBLE)));
    for (unsigned i = exact ? 4 : 8; i-- > 0;) {
        wr_u8(w, (uint8_t)(bits >> (8 * i)));
    }
}
