/* SPDX-License-Identifier: MIT */
#include "codec/lwm2m_content.h"

#include "codec/cbor.h"
#include "codec/lwm2m_tlv.h"
#include "codec/senml.h"

enum {
    PATH_OBJECT = 1,
    PATH_INSTANCE = 2,
    PATH_RESOURCE = 3,
    PATH_INDEX = 4,
};

const char *lwm2m_format_name(uint16_t format)
{
    switch (format) {
    case LWM2M_FORMAT_TEXT:
        return "text";
    case LWM2M_FORMAT_LINKS:
        return "links";
    case LWM2M_FORMAT_OCTETS:
        return "opaque";
    case LWM2M_FORMAT_CBOR:
        return "CBOR";
    case LWM2M_FORMAT_SENML_JSON:
        return "SenML JSON";
    case LWM2M_FORMAT_SENML_CBOR:
        return "SenML CBOR";
    case LWM2M_FORMAT_TLV_OLD:
    case LWM2M_FORMAT_TLV:
        return "TLV";
    case LWM2M_FORMAT_JSON_OLD:
    case LWM2M_FORMAT_JSON:
        return "JSON";
    default:
        return "another format";
    }
}

/* ---- TLV ---- */

static bool is_printable(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return false;
        }
    }
    return len > 0;
}

static struct lwm2m_value blob_of(enum lwm2m_type type, const uint8_t *bytes, size_t len)
{
    return (struct lwm2m_value){.type = type, .bytes = bytes, .len = len};
}

/* What it looks like: a text of two letters or more, a small number, bytes: what has four
 * or eight of them could be a float as well. */
static struct lwm2m_value guess(const struct lwm2m_tlv_value *v)
{
    struct lwm2m_value value = {.type = LWM2M_INTEGER};
    bool text = is_printable(v->bytes, v->len);
    if (text && v->len > 1) {
        return blob_of(LWM2M_STRING, v->bytes, v->len);
    }
    if (v->len <= 2 && lwm2m_tlv_int(v, &value.integer) == FUO_OK) {
        return value;
    }
    return blob_of(v->len == 0 ? LWM2M_STRING : LWM2M_OPAQUE, v->bytes, v->len);
}

static bool float_of(const struct lwm2m_tlv_value *v, double *real)
{
    uint8_t bytes[9] = {0};
    struct cbor_item item;
    struct rd r = rd_init(bytes, 1 + v->len);
    if (v->len != 4 && v->len != 8) {
        return false;
    }
    bytes[0] = v->len == 4 ? 0xfa : 0xfb; /* the same bytes, with the head of CBOR */
    memcpy(bytes + 1, v->bytes, v->len);
    bool read = cbor_next(&r, &item);
    *real = read ? item.real : 0;
    return read;
}

static struct lwm2m_value value_of(enum lwm2m_type type, const struct lwm2m_tlv_value *v)
{
    struct lwm2m_value value = {.type = type};
    bool yes = false;
    bool good = false;
    switch (type) {
    case LWM2M_UNKNOWN:
        break;
    case LWM2M_STRING:
    case LWM2M_OPAQUE:
        return blob_of(type, v->bytes, v->len);
    case LWM2M_INTEGER:
    case LWM2M_TIME:
        good = v->len == 0 || lwm2m_tlv_int(v, &value.integer) == FUO_OK;
        break;
    case LWM2M_FLOAT:
        good = float_of(v, &value.real);
        break;
    case LWM2M_BOOLEAN:
        good = lwm2m_tlv_bool(v, &yes) == FUO_OK;
        value.integer = yes;
        break;
    case LWM2M_LINK:
        good = lwm2m_tlv_link(v, &value.object, &value.instance) == FUO_OK;
        break;
    }
    return good ? value : guess(v);
}

/* Where a value belongs; the depth is 0 if it cannot be told. */
static struct lwm2m_path place_of(const struct lwm2m_path *asked,
                                  const struct lwm2m_tlv_value *v)
{
    struct lwm2m_path path = {.depth = 0};
    bool wrapped = v->instance != LWM2M_TLV_NONE;
    if (asked->depth < PATH_OBJECT || (asked->depth == PATH_OBJECT && !wrapped)) {
        return path;
    }
    path.id[0] = asked->id[0];
    path.id[1] = wrapped ? (uint16_t)v->instance : asked->id[1];
    path.id[2] = v->resource;
    path.depth = PATH_RESOURCE;
    if (v->index != LWM2M_TLV_NONE) {
        path.id[3] = (uint16_t)v->index;
        path.depth = PATH_INDEX;
    }
    for (size_t i = 0; i < path.depth; i++) {
        if (path.id[i] > LWM2M_ID_MAX) {
            path.depth = 0;
        }
    }
    return path;
}

static int read_tlv(const struct lwm2m_path *asked, const uint8_t *bytes, size_t len,
                    struct lwm2m_list *list)
{
    struct lwm2m_tlv tlv = lwm2m_tlv_init(bytes, len);
    struct lwm2m_tlv_value v;
    while (lwm2m_tlv_next(&tlv, &v)) {
        struct lwm2m_path path = place_of(asked, &v);
        if (path.depth == 0) {
            return FUO_EPROTO;
        }
        struct lwm2m_value value = value_of(lwm2m_type_of(&path), &v);
        int err = lwm2m_list_add(list, &path, &value);
        if (err != FUO_OK) {
            return err;
        }
    }
    return lwm2m_tlv_end(&tlv);
}

static void put_float(struct wr *w, enum lwm2m_tlv_kind kind, uint16_t id, double real)
{
    uint8_t bytes[9];
    struct wr cbor = wr_init(bytes, sizeof(bytes));
    cbor_put_double(&cbor, real);
    lwm2m_tlv_put(w, kind, id, bytes + 1, cbor.len - 1);
}

static void put_tlv_value(struct wr *w, enum lwm2m_tlv_kind kind, uint16_t id,
                          const struct lwm2m_value *v)
{
    uint8_t link[4];
    uint8_t yes = v->integer != 0;
    switch (v->type) {
    case LWM2M_INTEGER:
    case LWM2M_TIME:
        lwm2m_tlv_put_int(w, kind, id, v->integer);
        break;
    case LWM2M_FLOAT:
        put_float(w, kind, id, v->real);
        break;
    case LWM2M_BOOLEAN:
        lwm2m_tlv_put(w, kind, id, &yes, 1);
        break;
    case LWM2M_LINK:
        link[0] = (uint8_t)(v->object >> 8);
        link[1] = (uint8_t)v->object;
        link[2] = (uint8_t)(v->instance >> 8);
        link[3] = (uint8_t)v->instance;
        lwm2m_tlv_put(w, kind, id, link, sizeof(link));
        break;
    case LWM2M_UNKNOWN:
    case LWM2M_STRING:
    case LWM2M_OPAQUE:
        lwm2m_tlv_put(w, kind, id, v->bytes, v->len);
        break;
    }
}

/* The instances of the resource of the first entry; returns how many entries they were. */
static size_t put_multiple(struct wr *w, const struct lwm2m_entry *entries, size_t count)
{
    uint8_t nested[LWM2M_CONTENT_MAX];
    struct wr inner = wr_init(nested, sizeof(nested));
    uint16_t resource = entries[0].path.id[2];
    size_t n = 0;
    for (; n < count && entries[n].path.depth == PATH_INDEX &&
           entries[n].path.id[2] == resource;
         n++) {
        put_tlv_value(&inner, LWM2M_TLV_RESOURCE_INSTANCE, entries[n].path.id[3],
                      &entries[n].value);
    }
    w->err = w->err != FUO_OK ? w->err : inner.err;
    lwm2m_tlv_put(w, LWM2M_TLV_MULTIPLE, resource, nested, inner.len);
    return n;
}

static void put_resources(struct wr *w, const struct lwm2m_entry *entries, size_t count)
{
    for (size_t i = 0; i < count;) {
        if (entries[i].path.depth == PATH_INDEX) {
            i += put_multiple(w, entries + i, count - i);
        } else {
            put_tlv_value(w, LWM2M_TLV_RESOURCE, entries[i].path.id[2],
                          &entries[i].value);
            i++;
        }
    }
}

static void write_tlv(struct wr *w, const struct lwm2m_path *base,
                      const struct lwm2m_entry *entries, size_t count)
{
    uint8_t nested[LWM2M_CONTENT_MAX];
    struct wr inner = wr_init(nested, sizeof(nested));
    if (base->depth != PATH_OBJECT) {
        put_resources(w, entries, count);
        return;
    }
    put_resources(&inner, entries, count);
    w->err = w->err != FUO_OK ? w->err : inner.err;
    lwm2m_tlv_put(w, LWM2M_TLV_INSTANCE, count > 0 ? entries[0].path.id[1] : 0, nested,
                  inner.len);
}

/* ---- single values ---- */

static int read_text(const struct lwm2m_path *asked, const uint8_t *bytes, size_t len,
                     struct lwm2m_list *list)
{
    struct lwm2m_value value;
    const char *text = (const char *)bytes;
    enum lwm2m_type type = lwm2m_type_of(asked);
    int err = lwm2m_value_parse(type, text, len, &list->scratch, &value);
    if (err == FUO_EPROTO || err == FUO_ERANGE) { /* "_unreadable_" */
        err = lwm2m_value_parse(LWM2M_STRING, text, len, &list->scratch, &value);
    }
    return err == FUO_OK ? lwm2m_list_add(list, asked, &value) : err;
}

static int cbor_value(struct rd *r, struct lwm2m_value *value)
{
    struct cbor_item item;
    bool read = cbor_next(r, &item);
    bool time = read && item.kind == CBOR_TAG && item.value == CBOR_TAG_TIME;
    read = time ? cbor_next(r, &item) : read;
    if (!read) {
        return r->err;
    }
    switch (item.kind) {
    case CBOR_UINT:
    case CBOR_NINT:
        value->type = time ? LWM2M_TIME : LWM2M_INTEGER;
        return cbor_item_int(&item, &value->integer);
    case CBOR_FLOAT:
        *value = (struct lwm2m_value){.type = LWM2M_FLOAT, .real = item.real};
        return FUO_OK;
    case CBOR_BOOL:
        *value =
            (struct lwm2m_value){.type = LWM2M_BOOLEAN, .integer = (int64_t)item.value};
        return FUO_OK;
    case CBOR_TEXT:
        *value = blob_of(LWM2M_STRING, item.bytes, (size_t)item.value);
        return FUO_OK;
    case CBOR_BYTES:
        *value = blob_of(LWM2M_OPAQUE, item.bytes, (size_t)item.value);
        return FUO_OK;
    case CBOR_ARRAY:
    case CBOR_MAP:
    case CBOR_TAG:
    case CBOR_NULL:
    case CBOR_BREAK:
        break;
    }
    return FUO_EPROTO;
}

static int read_cbor(const struct lwm2m_path *asked, const uint8_t *bytes, size_t len,
                     struct lwm2m_list *list)
{
    struct lwm2m_value value = {.type = LWM2M_INTEGER};
    struct rd r = rd_init(bytes, len);
    int err = cbor_value(&r, &value);
    if (err == FUO_OK && value.type == LWM2M_STRING &&
        lwm2m_type_of(asked) == LWM2M_LINK) {
        err = lwm2m_value_parse(LWM2M_LINK, (const char *)value.bytes, value.len,
                                &list->scratch, &value);
    }
    if (err == FUO_OK && r.left > 0) {
        err = FUO_EPROTO;
    }
    return err == FUO_OK ? lwm2m_list_add(list, asked, &value) : err;
}

static void write_cbor(struct wr *w, const struct lwm2m_value *v)
{
    uint8_t text[2 * LWM2M_PATH_TEXT_SIZE];
    struct wr link = wr_init(text, sizeof(text));
    switch (v->type) {
    case LWM2M_TIME:
        cbor_put_tag(w, CBOR_TAG_TIME);
        cbor_put_int(w, v->integer);
        break;
    case LWM2M_INTEGER:
        cbor_put_int(w, v->integer);
        break;
    case LWM2M_FLOAT:
        cbor_put_double(w, v->real);
        break;
    case LWM2M_BOOLEAN:
        cbor_put_bool(w, v->integer != 0);
        break;
    case LWM2M_OPAQUE:
        cbor_put_bytes(w, v->bytes, v->len);
        break;
    case LWM2M_LINK:
        lwm2m_value_format(v, &link);
        cbor_put_text(w, (const char *)text, link.len);
        break;
    case LWM2M_UNKNOWN:
    case LWM2M_STRING:
        cbor_put_text(w, (const char *)v->bytes, v->len);
        break;
    }
}

/* ---- by format ---- */

static int read_single(uint16_t format, const struct lwm2m_path *asked,
                       const uint8_t *bytes, size_t len, struct lwm2m_list *list)
{
    struct lwm2m_value value = blob_of(LWM2M_OPAQUE, bytes, len);
    if (asked->depth < PATH_RESOURCE) {
        return FUO_EPROTO;
    }
    if (format == LWM2M_FORMAT_OCTETS) {
        return lwm2m_list_add(list, asked, &value);
    }
    return format == LWM2M_FORMAT_CBOR ? read_cbor(asked, bytes, len, list)
                                       : read_text(asked, bytes, len, list);
}

int lwm2m_content_read(uint16_t format, const struct lwm2m_path *asked,
                       const uint8_t *bytes, size_t len, struct lwm2m_list *list)
{
    static const uint8_t none[1];
    bytes = bytes != NULL ? bytes : none; /* to NULL not even 0 may be added */
    switch (format) {
    case LWM2M_FORMAT_TEXT:
    case LWM2M_FORMAT_OCTETS:
    case LWM2M_FORMAT_CBOR:
        return read_single(format, asked, bytes, len, list);
    case LWM2M_FORMAT_SENML_JSON:
        return senml_json_read(bytes, len, list);
    case LWM2M_FORMAT_SENML_CBOR:
        return senml_cbor_read(bytes, len, list);
    case LWM2M_FORMAT_TLV:
    case LWM2M_FORMAT_TLV_OLD:
        return read_tlv(asked, bytes, len, list);
    case LWM2M_FORMAT_JSON_OLD:
    case LWM2M_FORMAT_JSON:
        return senml_oma_read(asked, bytes, len, list);
    default:
        return FUO_ENOTSUP;
    }
}

static int write_single(uint16_t format, const struct lwm2m_path *base,
                        const struct lwm2m_entry *entries, size_t count, struct wr *w)
{
    if (count != 1 || base->depth < PATH_RESOURCE ||
        entries[0].path.depth != base->depth) {
        return FUO_ENOTSUP;
    }
    if (format == LWM2M_FORMAT_OCTETS) {
        if (entries[0].value.type != LWM2M_OPAQUE) {
            return FUO_ENOTSUP;
        }
        wr_bytes(w, entries[0].value.bytes, entries[0].value.len);
    } else if (format == LWM2M_FORMAT_CBOR) {
        write_cbor(w, &entries[0].value);
    } else {
        lwm2m_value_format(&entries[0].value, w);
    }
    return w->err;
}

int lwm2m_content_write(uint16_t format, const struct lwm2m_path *base,
                        const struct lwm2m_entry *entries, size_t count, struct wr *w)
{
    switch (format) {
    case LWM2M_FORMAT_TEXT:
    case LWM2M_FORMAT_OCTETS:
    case LWM2M_FORMAT_CBOR:
        return write_single(format, base, entries, count, w);
    case LWM2M_FORMAT_SENML_JSON:
        senml_json_write(w, base, entries, count);
        return w->err;
    case LWM2M_FORMAT_SENML_CBOR:
        senml_cbor_write(w, base, entries, count);
        return w->err;
    case LWM2M_FORMAT_TLV:
    case LWM2M_FORMAT_TLV_OLD:
        write_tlv(w, base, entries, count);
        return w->err;
    default:
        return FUO_ENOTSUP;
    }
}
