/* SPDX-License-Identifier: MIT */
/*
 * first.c - a plugin built against the header of the first commit that had one, which is kept
 * beside it. It takes everything, says one thing of each kind, and must go on loading.
 */
#include <stdlib.h>
#include <string.h>

#include "fuotad/plugin.h"

struct config {
    uint32_t start;
};

struct fuo_ns {
    const struct config *config;
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
};

static int first_open(struct fuo_ns **ns, const void *config,
                      const struct fuo_host_ops *ops, struct fuo_host *host)
{
    *ns = calloc(1, sizeof(**ns));
    if (*ns == NULL) {
        return FUO_ENOMEM;
    }
    **ns = (struct fuo_ns){config, ops, host};
    return FUO_OK;
}

static void first_close(struct fuo_ns *ns)
{
    free(ns);
}

/* Its struct is shorter than ours: what it does not know stays zero. */
static void first_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    *caps = (struct fuo_caps){.multicast_spacing_us = 1, .queue_rows_max = 3};
}

static void result(struct fuo_ns *ns, uint64_t id, uint32_t f_cnt)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_RESULT};
    event.result.id = id;
    event.result.f_cnt = f_cnt;
    ns->ops->event(ns->host, &event);
}

/* Any message is an uplink of device 7, with its payload. */
static void first_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                          size_t payload_len, bool retained)
{
    const struct fuo_rx rx = {.gateway = 9, .rssi_dbm = -80, .snr_cdb = 500};
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_UPLINK};
    (void)topic;
    (void)retained;
    event.uplink.dev_eui = 7;
    event.uplink.received_us = 1;
    event.uplink.payload = payload;
    event.uplink.payload_len = payload_len;
    event.uplink.rx = &rx;
    event.uplink.rx_count = 1;
    event.uplink.fport = 2;
    event.uplink.dr = 5;
    ns->ops->event(ns->host, &event);
}

static void first_on_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static void first_on_http(struct fuo_ns *ns, uint64_t id,
                          const struct fuo_http_response *response)
{
    (void)ns;
    (void)id;
    (void)response;
}

static int first_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_FATE};
    result(ns, downlink->id, 0);
    event.fate.id = downlink->id;
    event.fate.dev_eui = downlink->dev_eui;
    event.fate.fate = FUO_FATE_SENT;
    ns->ops->event(ns->host, &event);
    return FUO_OK;
}

static int first_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    (void)dev_eui;
    result(ns, id, 0);
    return FUO_OK;
}

static int first_group_open(struct fuo_ns *ns, const struct fuo_group *group)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_GROUP};
    event.group.id = group->id;
    event.group.group = group->name;
    event.group.f_cnt = ns->config->start;
    ns->ops->event(ns->host, &event);
    return FUO_OK;
}

static int first_with_group(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)group;
    result(ns, id, 0);
    return FUO_OK;
}

static int first_multicast(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    result(ns, frame->id, (uint32_t)frame->payload_len);
    return FUO_OK;
}

static int first_queue_poll(struct fuo_ns *ns, uint64_t id, const char *group)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_QUEUE};
    (void)group;
    event.queue.id = id;
    event.queue.frame_count = 4;
    event.queue.f_cnt = 5;
    ns->ops->event(ns->host, &event);
    return FUO_OK;
}

static const struct fuo_option options[] = {
    {"start", FUO_OPT_U32, offsetof(struct config, start), "3", "The first counter."},
    {0},
};

const struct fuo_ns_plugin fuo_ns_plugin = {
    .abi = FUO_NS_ABI,
    .size = sizeof(struct fuo_ns_plugin),
    .name = "first",
    .config_size = sizeof(struct config),
    .options = options,
    .open = first_open,
    .close = first_close,
    .caps = first_caps,
    .on_mqtt = first_on_mqtt,
    .on_published = first_on_published,
    .on_http = first_on_http,
    .unicast = first_unicast,
    .unicast_flush = first_flush,
    .group_open = first_group_open,
    .group_close = first_with_group,
    .multicast = first_multicast,
    .queue_poll = first_queue_poll,
    .queue_flush = first_with_group,
};
