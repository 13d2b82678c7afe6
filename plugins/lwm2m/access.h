/* SPDX-License-Identifier: MIT */
/* access.h - what access.c, access_parse.c and readings.c share. */
#pragma once

#include "codec/lwm2m_content.h"
#include "lwm2m.h"

enum {
    ACCESS_PATH_SIZE = 32,
    ACCESS_QUERY_SIZE = 256,
    DEPTH_OBJECT = 1,
    DEPTH_INSTANCE = 2,
    DEPTH_RESOURCE = 3,
};

/* What is observed without anybody asking. */
enum watch {
    WATCH_NONE,
    WATCH_BATTERY, /* /3/0/9 */
    WATCH_MEMORY,  /* /3/0/10 */
};

/* Something that is asked of a device. */
struct access {
    struct access *next;
    uint64_t id;
    enum fuo_access_type type;
    struct lwm2m_path path;
    char target[ACCESS_PATH_SIZE]; /* of the request: "3303" of a Create */
    char query
        [ACCESS_QUERY_SIZE]; /* attributes that are to be written first; empty: none */
    int64_t until_us;
    uint8_t token[TOKEN_BYTES]; /* of an observation */
    uint32_t last;              /* Observe of what it told last, and when that was */
    int64_t last_us;
    bool asked;       /* the request is under way */
    bool dead;        /* nobody waits for the answer any more */
    enum watch watch; /* ours, for preconditions */
    bool refreshes;   /* a read of what an observation told in part */
    uint8_t attempt;  /* which format is tried */
    size_t entry_count;
    struct lwm2m_entry entries[FUO_ACCESS_VALUES_MAX];
    size_t payload_len;
    uint8_t payload[LWM2M_CONTENT_MAX];
    size_t texts_len;
    uint8_t texts[]; /* what the entries point to */
};

/* Fresh, for free(). FUO_EINVAL: path or values are not usable. */
FUO_MUST_CHECK int access_parse(const struct fuo_access *order, struct access **access);

struct content {
    uint16_t format;
    const uint8_t *bytes;
    size_t len;
};

/*
 * What the device answered to a read of path, as FUO_EV_ACCESSED. id 0: nobody wants it, and
 * it is only read. Texts that are no UTF-8 are cleaned. The errors of lwm2m_content_read().
 */
FUO_MUST_CHECK int readings_tell(struct fuo_ns *ns, const struct peer *p, uint64_t id,
                                 const struct lwm2m_path *path,
                                 const struct content *content, bool more);

/* ... of what is watched: the battery as FUO_EV_REPORTED, the memory into *p. */
FUO_MUST_CHECK int readings_watched(struct fuo_ns *ns, struct peer *p, enum watch watch,
                                    const struct answer *answer);
