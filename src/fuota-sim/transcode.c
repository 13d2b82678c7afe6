/* SPDX-License-Identifier: MIT */
#include "fuota-sim/transcode.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "io/rfc3339.h"

enum {
    SIZE_MAX_BYTES = 1 << 16,
    BYTES_MAX = 512,
    NAME_SIZE = 64,
    WIRE_VARINT = 0,
    WIRE_LEN = 2,
    WIRE_32 = 5,
};

/* Bytes so far; what does not fit or is wrong spoils the rest. */
struct out {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    bool bad;
};

static void message(struct out *o, const ProtobufCMessageDescriptor *descriptor,
                    struct json_object *value);

/* ---- the wire ---- */

static void put(struct out *o, const void *bytes, size_t len)
{
    o->bad |= len > o->cap - o->len;
    if (!o->bad && len > 0) {
        memcpy(o->bytes + o->len, bytes, len);
        o->len += len;
    }
}

static void varint(struct out *o, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    for (; value > 0x7f; value >>= 7) {
        bytes[len++] = (uint8_t)(value | 0x80);
    }
    bytes[len++] = (uint8_t)value;
    put(o, bytes, len);
}

static void tag(struct out *o, uint32_t id, unsigned wire)
{
    varint(o, (uint64_t)id << 3 | wire);
}

static void number(struct out *o, uint32_t id, int64_t value)
{
    if (value != 0) {
        tag(o, id, WIRE_VARINT);
        varint(o, (uint64_t)value);
    }
}

static void chunk(struct out *o, uint32_t id, const void *bytes, size_t len)
{
    tag(o, id, WIRE_LEN);
    varint(o, len);
    put(o, bytes, len);
}

/* ---- values ---- */

static void bytes_of(struct out *o, uint32_t id, struct json_object *value)
{
    uint8_t bytes[BYTES_MAX];
    size_t len = 0;
    o->bad |= sodium_base642bin(bytes, sizeof(bytes), json_object_get_string(value),
                                (size_t)json_object_get_string_len(value), NULL, &len,
                                NULL, sodium_base64_VARIANT_ORIGINAL) != 0;
    if (len > 0) {
        chunk(o, id, bytes, len);
    }
}

static void enum_of(struct out *o, const ProtobufCFieldDescriptor *field,
                    struct json_object *value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(
        field->descriptor, json_object_get_string(value));
    o->bad |= v == NULL;
    number(o, field->id, v != NULL ? v->value : 0);
}

static void float_of(struct out *o, uint32_t id, struct json_object *value)
{
    float f = (float)json_object_get_double(value);
    if (f == 0) {
        return;
    }
    tag(o, id, WIRE_32);
    put(o, &f, sizeof(f)); /* the wire is little-endian, as we are */
}

/* "1.500000s", or a time: seconds and nanos. */
static void span(struct out *o, bool is_time, struct json_object *value)
{
    const char *text = json_object_get_string(value);
    struct utc utc = {(int64_t)(strtod(text, NULL) * 1e6)};
    if (is_time) {
        o->bad |= rfc3339_parse(text, strlen(text), &utc) != FUO_OK;
    }
    number(o, 1, utc.us / 1000000);
    number(o, 2, utc.us % 1000000 * 1000);
}

static void sub_message(struct out *o, const ProtobufCFieldDescriptor *field,
                        struct json_object *value)
{
    uint8_t *room = malloc(o->cap);
    struct out inner = {.bytes = room, .cap = o->cap, .bad = room == NULL};
    const ProtobufCMessageDescriptor *d = field->descriptor;
    bool is_time = strcmp(d->short_name, "Timestamp") == 0;
    if (is_time || (strcmp(d->short_name, "Duration") == 0 &&
                    json_object_is_type(value, json_type_string))) {
        span(&inner, is_time, value);
    } else {
        message(&inner, d, value);
    }
    o->bad |= inner.bad;
    if (!o->bad) {
        chunk(o, field->id, inner.bytes, inner.len);
    }
    free(room);
}

static void single(struct out *o, const ProtobufCFieldDescriptor *field,
                   struct json_object *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (json_object_get_string_len(value) > 0) {
            chunk(o, field->id, json_object_get_string(value),
                  (size_t)json_object_get_string_len(value));
        }
        break;
    case PROTOBUF_C_TYPE_BYTES:
        bytes_of(o, field->id, value);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        enum_of(o, field, value);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        sub_message(o, field, value);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        float_of(o, field->id, value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        number(o, field->id, json_object_get_boolean(value));
        break;
    default: /* of protobuf's types only whole numbers are left in our messages */
        number(o, field->id, json_object_get_int64(value));
        break;
    }
}

/* ---- messages ---- */

static void camel_case(const char *name, char text[static NAME_SIZE])
{
    size_t len = 0;
    for (; *name != '\0' && len + 1 < NAME_SIZE; name++) {
        bool up = *name == '_' && name[1] >= 'a' && name[1] <= 'z';
        name += up;
        text[len++] = (char)(up ? *name - 'a' + 'A' : *name);
    }
    text[len] = '\0';
}

static void entry(struct out *o, const ProtobufCFieldDescriptor *field, const char *key,
                  struct json_object *value)
{
    struct json_object *pair = json_object_new_object();
    (void)json_object_object_add(pair, "key", json_object_new_string(key));
    (void)json_object_object_add(pair, "value", json_object_get(value));
    sub_message(o, field, pair);
    json_object_put(pair);
}

/* A list, or an object that is a map. */
static void repeated(struct out *o, const ProtobufCFieldDescriptor *field,
                     struct json_object *value)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            sub_message(o, field, json_object_array_get_idx(value, i));
        }
        return;
    }
    struct json_object_iterator at = json_object_iter_begin(value);
    struct json_object_iterator end = json_object_iter_end(value);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        entry(o, field, json_object_iter_peek_name(&at),
              json_object_iter_peek_value(&at));
    }
}

static void message(struct out *o, const ProtobufCMessageDescriptor *descriptor,
                    struct json_object *value)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        char name[NAME_SIZE];
        struct json_object *member = NULL;
        camel_case(field->name, name);
        if (!json_object_object_get_ex(value, name, &member)) {
            continue;
        }
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            repeated(o, field, member);
        } else {
            single(o, field, member);
        }
    }
}

uint8_t *transcode(const ProtobufCMessageDescriptor *descriptor, struct json_object *root,
                   size_t *len)
{
    uint8_t *bytes = malloc(SIZE_MAX_BYTES);
    struct out o = {.bytes = bytes, .cap = SIZE_MAX_BYTES, .bad = bytes == NULL};
    message(&o, descriptor, root);
    if (o.bad) {
        free(bytes);
        return NULL;
    }
    *len = o.len;
    return bytes;
}
