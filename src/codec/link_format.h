/* SPDX-License-Identifier: MIT */
/*
 * link_format.h - CoRE Link Format (RFC 6690), content format 40: the links that an LwM2M
 * client registers with and that Discover answers (lwm2m.md 6.1).
 *
 *     </>;rt="oma.lwm2m";ct=110,</1/0>,</5>;ver=1.1,</5/0>
 *
 * Reading yields the links one after the other; a link is checked to its end before it is
 * yielded. Spaces are allowed around "," ";" and "=", as some clients write them. Writing
 * appends a link, then its attributes.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. What is read points
 * into the caller's text, which is not 0-terminated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "codec/lwm2m_path.h"
#include "fuotad/error.h"

struct link_attr {
    const char *name;
    size_t name_len;
    const char *value; /* without its quotes, escapes as they were; NULL: none */
    size_t value_len;
};

struct link {
    const char *target; /* without < and > */
    size_t target_len;
    const char *attrs; /* for link_attr_next() */
    size_t attrs_len;
};

/* Links, or the attributes of one, being read. */
struct link_format {
    const char *at;
    size_t left;
    int err;
};

struct link_format link_format_init(const void *text, size_t len);

/* False at the end, and where the text is malformed: then no more is read of it. */
bool link_format_next(struct link_format *list, struct link *link);

/* Why it ended: FUO_OK; FUO_ESHORT: it ends inside of a link; FUO_EPROTO. */
FUO_MUST_CHECK int link_format_end(const struct link_format *list);

/* Of a link that link_format_next() has yielded. */
struct link_format link_attrs(const struct link *link);
bool link_attr_next(struct link_format *attrs, struct link_attr *attr);

/* The first attribute of that name. */
bool link_attr_find(const struct link *link, const char *name, struct link_attr *attr);

/* Whether one of the words of its value, with spaces in between, is that one: rt="a b". */
bool link_attr_has_word(const struct link_attr *attr, const char *word);

/*
 * Object and instance that a link names, below the alternate root (root_len 0: none; the
 * target of the link with rt="oma.lwm2m", "/" at its end or not). FUO_ENOENT: it is not
 * below that root; else the errors of lwm2m_path_parse().
 */
FUO_MUST_CHECK int link_path(const struct link *link, const char *root, size_t root_len,
                             struct lwm2m_path *path);

/* Append a link: with a comma if it is not the first in w. */
void link_format_put(struct wr *w, const char *target);
/* ... an attribute of the last one. value NULL: none; quoted unless it is a token. */
void link_format_put_attr(struct wr *w, const char *name, const char *value);
