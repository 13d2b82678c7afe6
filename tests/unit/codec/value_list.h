/* SPDX-License-Identifier: MIT */
/* value_list.h - a list of LwM2M values with room for some, and as text. */
#pragma once

#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/lwm2m_content.h"

enum {
    ENTRIES_MAX = 16,
    SCRATCH_MAX = 512,
    TEXT_MAX = 1024,
    BYTES_MAX = 256,
};

struct rig {
    struct lwm2m_entry entries[ENTRIES_MAX];
    uint8_t scratch[SCRATCH_MAX];
    struct lwm2m_list list;
    char text[TEXT_MAX];
};

static inline void rig_init(struct rig *r)
{
    r->list = (struct lwm2m_list){.entries = r->entries,
                                  .cap = ENTRIES_MAX,
                                  .scratch = wr_init(r->scratch, sizeof(r->scratch))};
}

static inline struct lwm2m_path path_of(const char *text)
{
    struct lwm2m_path path;
    assert_int_equal(lwm2m_path_parse(text, strlen(text), &path), FUO_OK);
    return path;
}

/* "/5/0/3 integer 0; /5/0/7 string 1.0" */
static inline const char *rig_text(struct rig *r)
{
    struct wr w = wr_init((uint8_t *)r->text, TEXT_MAX - 1);
    for (size_t i = 0; i < r->list.count; i++) {
        char path[LWM2M_PATH_TEXT_SIZE];
        char head[64];
        int len = snprintf(head, sizeof(head), "%s%s %s ", i > 0 ? "; " : "",
                           lwm2m_path_format(&r->entries[i].path, path),
                           lwm2m_type_name(r->entries[i].value.type));
        wr_bytes(&w, (const uint8_t *)head, (size_t)len);
        lwm2m_value_format(&r->entries[i].value, &w);
    }
    assert_int_equal(w.err, FUO_OK);
    r->text[w.len] = '\0';
    return r->text;
}

/* hex, or text behind a '=' */
static inline size_t bytes_of(const char *given, uint8_t bytes[BYTES_MAX])
{
    size_t len = given[0] == '=' ? strlen(given + 1) : strlen(given) / 2;
    assert_true(len <= BYTES_MAX);
    if (given[0] == '=') {
        memcpy(bytes, given + 1, len);
    } else {
        assert_int_equal(hex_decode(given, 2 * len, bytes, len), FUO_OK);
    }
    return len;
}

static inline int rig_read(struct rig *r, uint16_t format, const char *asked,
                           const uint8_t *bytes, size_t len)
{
    struct lwm2m_path path = path_of(asked);
    rig_init(r);
    return lwm2m_content_read(format, &path, bytes, len, &r->list);
}
