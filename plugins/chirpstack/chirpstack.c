/* SPDX-License-Identifier: MIT */
/* chirpstack.c - the declaration of the plugin, and what comes in from MQTT. */
#include "chirpstack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "events.h"
#include "text.h"

enum {
    LOG_SIZE = 400,
    TOPIC_SIZE = 128,
    QUEUE_ROWS_MAX = 4,
    REPLY_WINDOW_US = 100000, /* get_downlink_data_delay */
};

void ns_log(struct fuo_ns *ns, enum fuo_log_level level, const char *format, ...)
{
    char text[LOG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ns->ops->log(ns->host, level, text);
}

void ns_result(struct fuo_ns *ns, uint64_t id, int err, uint32_t f_cnt)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_RESULT};
    event.result.id = id;
    event.result.err = err;
    event.result.f_cnt = f_cnt;
    ns->ops->event(ns->host, &event);
}

static int cs_open(struct fuo_ns **ns, const void *config, const struct fuo_host_ops *ops,
                   struct fuo_host *host)
{
    char filter[TOPIC_SIZE];
    const struct config *c = config;
    if (!is_uuid(c->application_id)) {
        ops->log(host, FUO_LOG_ERROR, "applicationId must be a UUID");
        return FUO_EINVAL;
    }
    struct fuo_ns *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return FUO_ENOMEM;
    }
    n->config = c;
    n->ops = ops;
    n->host = host;
    snprintf(filter, sizeof(filter), "application/%s/device/+/event/+",
             c->application_id);
    int err = ops->subscribe(host, filter, 1);
    if (err != FUO_OK) {
        free(n);
        return err;
    }
    *ns = n;
    return FUO_OK;
}

static void cs_close(struct fuo_ns *ns)
{
    if (ns != NULL) {
        api_close(ns);
        free(ns);
    }
}

static void cs_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    caps->multicast_spacing_us = ns->config->multicast_margin_us;
    caps->reply_window_us = REPLY_WINDOW_US;
    caps->queue_rows_max = QUEUE_ROWS_MAX;
    caps->timing = FUO_TIMING_QUEUE;
    caps->multicast_jitter_us = ns->config->scheduler_interval_us;
}

static void cs_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                       size_t payload_len, bool retained)
{
    struct decoded_event decoded;
    if (retained) {
        ns->ops->reject(ns->host, "retained event"); /* ChirpStack retains none */
        return;
    }
    const char *problem =
        event_decode(ns->config->application_id, topic, payload, payload_len, &decoded);
    if (problem != NULL) {
        ns->ops->reject(ns->host, problem);
    } else if (decoded.event.type != 0) {
        ns->ops->event(ns->host, &decoded.event);
    }
}

static void cs_on_published(struct fuo_ns *ns, uint64_t id, int err)
{
    ns_result(ns, id, err, 0);
}

static const struct fuo_option options[] = {
    {"applicationId", FUO_OPT_STRING, offsetof(struct config, application_id), NULL,
     "The ChirpStack application (a UUID) that holds the devices."},
    {"regionTopic", FUO_OPT_STRING, offsetof(struct config, region_topic), "eu868",
     "Topic prefix of the region's gateways, for the gateway tap."},
    {"tap", FUO_OPT_STRING, offsetof(struct config, tap), "auto",
     "Watch the gateway topics for what is really transmitted."},
    {"multicastMargin", FUO_OPT_DURATION_US, offsetof(struct config, multicast_margin_us),
     "5s",
     "The server's multicast_class_c_margin: the time between two multicast frames, for "
     "each gateway of the group."},
    {"schedulerInterval", FUO_OPT_DURATION_US,
     offsetof(struct config, scheduler_interval_us), "1s",
     "The server's network.scheduler interval: how late it may be with a multicast frame "
     "that it could send at once."},
    {0},
};

const struct fuo_ns_plugin fuo_ns_plugin = {
    .abi = FUO_NS_ABI,
    .size = sizeof(struct fuo_ns_plugin),
    .name = "chirpstack",
    .config_size = sizeof(struct config),
    .options = options,
    .open = cs_open,
    .close = cs_close,
    .caps = cs_caps,
    .on_mqtt = cs_on_mqtt,
    .on_published = cs_on_published,
    .on_http = api_on_http,
    .unicast = downlink_send,
    .unicast_flush = device_flush,
    .group_open = group_open,
    .group_close = group_close,
    .multicast = multicast_enqueue,
    .queue_poll = multicast_poll,
    .queue_flush = multicast_flush,
    .probe = application_probe,
};
