/* SPDX-License-Identifier: MIT */
/*
 * senml.h - SenML (RFC 8428) as LwM2M 1.1 uses it: records whose names are paths, in JSON
 * (content format 110) and in CBOR (112).
 *
 * Of a pack, names and values are read: bn, n, v, vs, vb, vd, and LwM2M's own vlo. Times and
 * units are passed over, and so is what is unknown, unless it says (by a '_' at its end) that
 * it must not be; sums and base values (bs, bv) are refused, because LwM2M has none. A record
 * without a value says nothing. A pack is written with one base name.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state.
 */
#pragma once

#include "codec/lwm2m_value.h"

enum {
    SENML_NAME_SIZE = 48, /* of base name and name together: a path, and slashes */
};

/* One record, as it was read; texts are borrowed. */
struct senml_record {
    bool has_base;
    const uint8_t *base;
    size_t base_len;
    const uint8_t *name;
    size_t name_len;
    bool has_value;
    struct lwm2m_value value;
};

/* A pack being read. */
struct senml {
    struct lwm2m_list *list;
    uint8_t base[SENML_NAME_SIZE];
    size_t base_len;
};

/*
 * A record is complete: its value is added under its path, and its base name holds for those
 * that follow. FUO_EPROTO: the names are no path of a resource; FUO_ERANGE; FUO_ENOSPC.
 */
FUO_MUST_CHECK int senml_take(struct senml *senml, const struct senml_record *record);

/*
 * Append a pack's values to the list; on failure the list may have some of them. FUO_ESHORT:
 * it is cut; FUO_EPROTO: it is no pack; FUO_ENOTSUP: it has something that must not be passed over; FUO_ENOSPC: too many values,
 * or too long ones.
 */
FUO_MUST_CHECK int senml_json_read(const uint8_t *bytes, size_t len,
                                   struct lwm2m_list *list);
FUO_MUST_CHECK int senml_cbor_read(const uint8_t *bytes, size_t len,
                                   struct lwm2m_list *list);

/*
 * LwM2M JSON (11543; LwM2M 1.0, 6.4.4), which came before SenML: {"bn":"/5/0/","e":[{"n":"3",
 * "v":0}]}, values being v, bv, sv, ov. Without a base name names are below what was asked for.
 */
FUO_MUST_CHECK int senml_oma_read(const struct lwm2m_path *asked, const uint8_t *bytes,
                                  size_t len, struct lwm2m_list *list);

/* All entries are in base, which becomes the base name. */
void senml_json_write(struct wr *w, const struct lwm2m_path *base,
                      const struct lwm2m_entry *entries, size_t count);
void senml_cbor_write(struct wr *w, const struct lwm2m_path *base,
                      const struct lwm2m_entry *entries, size_t count);

/* "/5/0/" for an instance, "/5/0/3" for a resource; what follows it. For the writers. */
size_t senml_base(const struct lwm2m_path *base, char text[SENML_NAME_SIZE]);
size_t senml_name(const struct lwm2m_path *base, const struct lwm2m_path *path,
                  char text[SENML_NAME_SIZE]);
