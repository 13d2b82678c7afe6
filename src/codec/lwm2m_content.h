/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_content.h - payloads of LwM2M requests and answers, in any content format: values
 * with their paths on one side, bytes on the other (lwm2m.md 6.2 to 6.4).
 *
 * Which format a payload has is a number beside it. TLV and the formats for a single value
 * do not tell where they belong: that is the path that was asked for.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state.
 */
#pragma once

#include "codec/lwm2m_value.h"

enum lwm2m_format {
    LWM2M_FORMAT_TEXT = 0,
    LWM2M_FORMAT_LINKS = 40, /* not a payload of values */
    LWM2M_FORMAT_OCTETS = 42,
    LWM2M_FORMAT_CBOR = 60, /* a single value */
    LWM2M_FORMAT_SENML_JSON = 110,
    LWM2M_FORMAT_SENML_CBOR = 112,
    LWM2M_FORMAT_TLV_OLD = 1542,  /* before it was registered */
    LWM2M_FORMAT_JSON_OLD = 1543, /* ... likewise */
    LWM2M_FORMAT_TLV = 11542,
    LWM2M_FORMAT_JSON = 11543,  /* of LwM2M 1.0; read only */
    LWM2M_FORMAT_NONE = 0xffff, /* none was told */
};

enum {
    LWM2M_CONTENT_MAX = 1024, /* bytes of a payload that is written */
};

/* "TLV"; "another format". Never NULL. */
const char *lwm2m_format_name(uint16_t format);

/*
 * Append what a payload says. FUO_ENOTSUP: not in that format, or something in it must be
 * understood and is not; FUO_ESHORT, FUO_EPROTO: malformed; FUO_ERANGE: a number that is too
 * big; FUO_ENOSPC: more than the list takes. On failure the list may have some of it. A value
 * that is not of its resource's type is read as what it looks like: clients differ. A payload
 * of no bytes may be NULL.
 */
FUO_MUST_CHECK int lwm2m_content_read(uint16_t format, const struct lwm2m_path *asked,
                                      const uint8_t *bytes, size_t len,
                                      struct lwm2m_list *list);

/*
 * What is to be written to base: one resource; or resources of one instance, in ascending
 * order if there are several instances of a resource. For a Create base is the object, and
 * the entries are in one instance. FUO_ENOTSUP: the format cannot say that (single values
 * only for a resource); FUO_ENOSPC.
 */
FUO_MUST_CHECK int lwm2m_content_write(uint16_t format, const struct lwm2m_path *base,
                                       const struct lwm2m_entry *entries, size_t count,
                                       struct wr *w);
