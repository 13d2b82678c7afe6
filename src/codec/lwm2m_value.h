/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_value.h - values of resources, apart from how they are written on the wire.
 *
 * A value has one of LwM2M's types. Formats differ in what they tell of it: SenML tells
 * numbers from texts, TLV and plain text tell nothing. Which type a resource has is known
 * here for the objects that a server of devices needs (Security, Server, Device,
 * Connectivity, Firmware, their statistics, Advanced Firmware); values of others are read as
 * what they look like.
 *
 * A list is what a message says: values with their paths. Texts and bytes point into the
 * message, or into the list's own scratch where they had to be unpacked.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "codec/lwm2m_path.h"
#include "fuotad/error.h"

enum lwm2m_type {
    LWM2M_UNKNOWN = 0, /* of the resources that are not known here */
    LWM2M_STRING,
    LWM2M_INTEGER,
    LWM2M_FLOAT,
    LWM2M_BOOLEAN,
    LWM2M_OPAQUE,
    LWM2M_TIME, /* seconds since 1970 */
    LWM2M_LINK, /* to an object instance */
};

enum {
    LWM2M_TYPE_COUNT = LWM2M_LINK + 1,
};

struct lwm2m_value {
    enum lwm2m_type type;
    int64_t integer;      /* INTEGER, TIME; BOOLEAN: 0 or 1 */
    double real;          /* FLOAT */
    uint16_t object;      /* LINK, and so is instance */
    uint16_t instance;    /* 65535 with object 65535: to nothing */
    const uint8_t *bytes; /* STRING, OPAQUE */
    size_t len;
};

struct lwm2m_entry {
    struct lwm2m_path path;
    struct lwm2m_value value;
};

struct lwm2m_list {
    struct lwm2m_entry *entries; /* borrowed */
    size_t cap;
    size_t count;
    struct wr scratch;
};

/* "integer"; never NULL. */
const char *lwm2m_type_name(enum lwm2m_type type);
/* By name; false: there is none of that name. LWM2M_UNKNOWN has none. */
bool lwm2m_type_find(const char *name, size_t len, enum lwm2m_type *type);

/* Of a resource or of an instance of it. */
enum lwm2m_type lwm2m_type_of(const struct lwm2m_path *path);
/* Whether the resource is a multiple one; false for those that are not known. */
bool lwm2m_is_multiple(const struct lwm2m_path *path);

/* FUO_ENOSPC: there are too many. The value is given the type that the resource has, if it
 * is another one that means the same (an integer that is a Time or a Float). */
FUO_MUST_CHECK int lwm2m_list_add(struct lwm2m_list *list, const struct lwm2m_path *path,
                                  const struct lwm2m_value *value);

/*
 * A value from text: what people type, and what text/plain has. type LWM2M_UNKNOWN: what it
 * looks like (a number, true, false, else a string). Opaque: base64, unpacked into scratch.
 * FUO_EPROTO: it is not of that type; FUO_ERANGE: too big; FUO_ENOSPC.
 */
FUO_MUST_CHECK int lwm2m_value_parse(enum lwm2m_type type, const char *text, size_t len,
                                     struct wr *scratch, struct lwm2m_value *value);
/* The other way; as text/plain. */
void lwm2m_value_format(const struct lwm2m_value *value, struct wr *w);
