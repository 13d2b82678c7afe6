/* SPDX-License-Identifier: MIT */
/* odd_plugin.c - plugins as they should not be, or no longer are; made by -D. */
#include <stddef.h>

#include "fuotad/plugin.h"

#ifndef ODD_ABI
#define ODD_ABI FUO_NS_ABI
#endif
#ifndef ODD_SIZE
#define ODD_SIZE offsetof(struct fuo_ns_plugin, group_open)
#endif

static int odd_open(struct fuo_ns **ns, const void *config,
                    const struct fuo_host_ops *ops, struct fuo_host *host)
{
    (void)ns;
    (void)config;
    (void)ops;
    (void)host;
    return FUO_ENOTSUP;
}

static void odd_close(struct fuo_ns *ns)
{
    (void)ns;
}

static void odd_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    (void)caps;
}

static void odd_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                        size_t payload_len, bool retained)
{
    (void)ns;
    (void)topic;
    (void)payload;
    (void)payload_len;
    (void)retained;
}

static void odd_on_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static void odd_on_http(struct fuo_ns *ns, uint64_t id,
                        const struct fuo_http_response *response)
{
    (void)ns;
    (void)id;
    (void)response;
}

static int odd_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    (void)ns;
    (void)downlink;
    return FUO_ENOTSUP;
}

#ifndef ODD_INCOMPLETE
static int odd_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    (void)ns;
    (void)id;
    (void)dev_eui;
    return FUO_ENOTSUP;
}
#endif

/* What stands behind the declared size must never be looked at. */
static int odd_never(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)ns;
    (void)id;
    (void)group;
    __builtin_trap();
}

const struct fuo_ns_plugin fuo_ns_plugin = {
    .abi = ODD_ABI,
    .size = ODD_SIZE,
    .name = "old",
    .open = odd_open,
    .close = odd_close,
    .caps = odd_caps,
    .on_mqtt = odd_on_mqtt,
    .on_published = odd_on_published,
    .on_http = odd_on_http,
    .unicast = odd_unicast,
#ifndef ODD_INCOMPLETE
    .unicast_flush = odd_flush,
#endif
    .queue_flush = odd_never,
};
