/* SPDX-License-Identifier: MIT */
/* fuzz_link_format.c - bytes as links; what is read is written and read again. */
#include <assert.h>
#include <string.h>

#include "codec/link_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct link *link)
{
    static uint8_t buf[1 << 16];
    char target[256];
    struct wr w = wr_init(buf, sizeof(buf));
    size_t len = 0;
    if (link->target_len >= sizeof(target)) {
        return;
    }
    memcpy(target, link->target, link->target_len);
    target[link->target_len] = '\0';
    assert(memchr(target, '\0', link->target_len) == NULL);
    link_format_put(&w, target);
    int err = wr_end(&w, &len);
    assert(err == FUO_OK);
    struct link_format list = link_format_init(buf, len);
    struct link again;
    bool read = link_format_next(&list, &again);
    assert(read && again.target_len == link->target_len);
    assert(memcmp(again.target, link->target, link->target_len) == 0);
}

static void read_attrs(const struct link *link)
{
    struct link_format attrs = link_attrs(link);
    struct link_attr attr;
    while (link_attr_next(&attrs, &attr)) {
        assert(attr.name_len > 0);
        (void)link_attr_has_word(&attr, "oma.lwm2m");
    }
    int err = link_format_end(&attrs);
    assert(err == FUO_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_format list = link_format_init(data, size);
    struct link link;
    struct lwm2m_path path;
    while (link_format_next(&list, &link)) {
        read_attrs(&link);
        int found = link_path(&link, "/lwm2m", 6, &path);
        assert(found != FUO_OK || path.depth <= LWM2M_PATH_DEPTH);
        write_again(&link);
    }
    int err = link_format_end(&list);
    assert(err == FUO_OK || err == FUO_ESHORT || err == FUO_EPROTO);
    return 0;
}
