/* SPDX-License-Identifier: MIT */
/* senml_cbor.c - content format 112: labels are numbers (RFC 8428, section 6). */
#include "codec/cbor.h"
#include "codec/decimal.h"
#include "codec/senml.h"

enum label {
    LABEL_BASE_SUM = -6,
    LABEL_BASE_VALUE = -5,
    LABEL_BASE_NAME = -2,
    LABEL_NAME = 0,
    LABEL_VALUE = 2,
    LABEL_STRING = 3,
    LABEL_BOOLEAN = 4,
    LABEL_SUM = 5,
    LABEL_DATA = 8,
};

static bool is_text(const struct cbor_item *item, const char *text, size_t len)
{
    return item->kind == CBOR_TEXT && item->value == len &&
           memcmp(item->bytes, text, len) == 0;
}

/* Decimal fraction (RFC 8949, 3.4.4), behind its tag: [exponent, mantissa]. */
static int take_decimal(struct rd *r, double *real)
{
    struct cbor_item item;
    if (!cbor_next(r, &item)) {
        return r->err;
    }
    bool pair = item.kind == CBOR_ARRAY && item.value == 2;
    int64_t exponent = pair ? cbor_int(r) : 0;
    int64_t mantissa = pair ? cbor_int(r) : 0;
    if (!pair || r->err != FUO_OK) {
        return r->err != FUO_OK ? r->err : FUO_EPROTO;
    }
    if (exponent < -400 || exponent > 400) {
        return FUO_ERANGE;
    }
    double value = (double)mantissa;
    for (; exponent < 0; exponent++) {
        value /= 10;
    }
    for (; exponent > 0; exponent--) {
        value *= 10;
    }
    *real = value;
    return FUO_OK;
}

static int take_number(struct rd *r, struct lwm2m_value *value)
{
    struct cbor_item item;
    if (!cbor_next(r, &item)) {
        return r->err;
    }
    *value = (struct lwm2m_value){.type = LWM2M_FLOAT, .real = item.real};
    if (item.kind == CBOR_FLOAT) {
        return FUO_OK;
    }
    if (item.kind == CBOR_TAG && item.value == CBOR_TAG_DECIMAL) {
        return take_decimal(r, &value->real);
    }
    value->type = LWM2M_INTEGER;
    return cbor_item_int(&item, &value->integer);
}

/* Text or bytes. */
static int take_string(struct rd *r, enum cbor_kind kind, const uint8_t **bytes,
                       size_t *len)
{
    struct cbor_item item;
    if (!cbor_next(r, &item)) {
        return r->err;
    }
    if (item.kind != kind) {
        return FUO_EPROTO;
    }
    *bytes = item.bytes;
    *len = (size_t)item.value;
    return FUO_OK;
}

static int take_value(struct rd *r, enum label label, struct lwm2m_value *value)
{
    struct cbor_item item;
    *value = (struct lwm2m_value){.type = LWM2M_STRING};
    switch (label) {
    case LABEL_VALUE:
        return take_number(r, value);
    case LABEL_STRING:
        return take_string(r, CBOR_TEXT, &value->bytes, &value->len);
    case LABEL_DATA:
        value->type = LWM2M_OPAQUE;
        return take_string(r, CBOR_BYTES, &value->bytes, &value->len);
    default:
        break;
    }
    if (!cbor_next(r, &item)) {
        return r->err;
    }
    *value = (struct lwm2m_value){.type = LWM2M_BOOLEAN, .integer = (int64_t)item.value};
    return item.kind == CBOR_BOOL ? FUO_OK : FUO_EPROTO;
}

/* "vlo": "33629:1" */
static int take_link(struct rd *r, struct lwm2m_value *value)
{
    const uint8_t *text = NULL;
    size_t len = 0;
    struct wr none = wr_init(NULL, 0);
    int err = take_string(r, CBOR_TEXT, &text, &len);
    return err == FUO_OK
               ? lwm2m_value_parse(LWM2M_LINK, (const char *)text, len, &none, value)
               : err;
}

static int skip(struct rd *r)
{
    cbor_skip(r);
    return r->err;
}

static int take_named(struct rd *r, const struct cbor_item *label,
                      struct senml_record *record)
{
    if (is_text(label, "vlo", 3)) {
        record->has_value = true;
        return take_link(r, &record->value);
    }
    bool must = label->value > 0 && label->kind == CBOR_TEXT &&
                label->bytes[label->value - 1] == '_';
    return must ? FUO_ENOTSUP : skip(r);
}

static int take_pair(struct rd *r, struct senml_record *record)
{
    struct cbor_item item;
    int64_t label = 0;
    if (!cbor_next(r, &item)) {
        return r->err;
    }
    if (item.kind == CBOR_TEXT) {
        return take_named(r, &item, record);
    }
    int err = cbor_item_int(&item, &label);
    if (err != FUO_OK) {
        return err;
    }
    switch (label) {
    case LABEL_BASE_NAME:
        record->has_base = true;
        return take_string(r, CBOR_TEXT, &record->base, &record->base_len);
    case LABEL_NAME:
        return take_string(r, CBOR_TEXT, &record->name, &record->name_len);
    case LABEL_VALUE:
    case LABEL_STRING:
    case LABEL_BOOLEAN:
    case LABEL_DATA:
        record->has_value = true;
        return take_value(r, (enum label)label, &record->value);
    case LABEL_BASE_SUM:
    case LABEL_BASE_VALUE:
    case LABEL_SUM:
        return FUO_ENOTSUP;
    default:
        return skip(r);
    }
}

/* Whether another item of a container follows; what ends it is taken. */
static bool has_more(struct rd *r, uint64_t *left)
{
    struct rd ahead = *r;
    struct cbor_item item;
    if (*left != CBOR_UNKNOWN) {
        return (*left)-- > 0;
    }
    if (!cbor_next(&ahead, &item) || item.kind != CBOR_BREAK) {
        return true;
    }
    *r = ahead;
    return false;
}

static int take_record(struct rd *r, struct senml *senml)
{
    struct senml_record record = {.has_base = false};
    struct cbor_item item;
    int err = FUO_OK;
    if (!cbor_next(r, &item)) {
        return r->err;
    }
    if (item.kind != CBOR_MAP) {
        return FUO_EPROTO;
    }
    uint64_t left = item.value;
    while (err == FUO_OK && has_more(r, &left)) {
        err = take_pair(r, &record);
    }
    return err == FUO_OK ? senml_take(senml, &record) : err;
}

int senml_cbor_read(const uint8_t *bytes, size_t len, struct lwm2m_list *list)
{
    struct rd r = rd_init(bytes, len);
    struct senml senml = {.list = list};
    struct cbor_item item;
    int err = FUO_OK;
    if (!cbor_next(&r, &item)) {
        return r.err;
    }
    if (item.kind != CBOR_ARRAY) {
        return FUO_EPROTO;
    }
    uint64_t left = item.value;
    while (err == FUO_OK && has_more(&r, &left)) {
        err = take_record(&r, &senml);
    }
    return err == FUO_OK && r.left > 0 ? FUO_EPROTO : err;
}

/* ---- writing ---- */

static void put_value(struct wr *w, const struct lwm2m_value *v)
{
    char text[2 * DECIMAL_TEXT_SIZE];
    struct wr link = wr_init((uint8_t *)text, sizeof(text));
    switch (v->type) {
    case LWM2M_INTEGER:
    case LWM2M_TIME:
        cbor_put_int(w, LABEL_VALUE);
        cbor_put_int(w, v->integer);
        break;
    case LWM2M_FLOAT:
        cbor_put_int(w, LABEL_VALUE);
        cbor_put_double(w, v->real);
        break;
    case LWM2M_BOOLEAN:
        cbor_put_int(w, LABEL_BOOLEAN);
        cbor_put_bool(w, v->integer != 0);
        break;
    case LWM2M_OPAQUE:
        cbor_put_int(w, LABEL_DATA);
        cbor_put_bytes(w, v->bytes, v->len);
        break;
    case LWM2M_LINK:
        lwm2m_value_format(v, &link);
        cbor_put_text(w, "vlo", 3);
        cbor_put_text(w, text, link.len);
        break;
    case LWM2M_UNKNOWN:
    case LWM2M_STRING:
        cbor_put_int(w, LABEL_STRING);
        cbor_put_text(w, (const char *)v->bytes, v->len);
        break;
    }
}

void senml_cbor_write(struct wr *w, const struct lwm2m_path *base,
                      const struct lwm2m_entry *entries, size_t count)
{
    char text[SENML_NAME_SIZE];
    cbor_put_array(w, count);
    for (size_t i = 0; i < count; i++) {
        bool named = entries[i].path.depth > base->depth;
        cbor_put_map(w, 1u + (i == 0) + named);
        if (i == 0) {
            cbor_put_int(w, LABEL_BASE_NAME);
            cbor_put_text(w, text, senml_base(base, text));
        }
        if (named) {
            cbor_put_int(w, LABEL_NAME);
            cbor_put_text(w, text, senml_name(base, &entries[i].path, text));
        }
        put_value(w, &entries[i].value);
    }
}
