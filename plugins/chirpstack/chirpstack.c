/* SPDX-License-Identifier: MIT */
/* chirpstack.c - the declaration of the plugin, and what comes in from MQTT. */
#include "chirpstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "direct.h"
#include "events.h"
#include "tap.h"
#include "text.h"
#include "topics.h"

enum {
    QUEUE_ROWS_MAX = 4,
    REPLY_WINDOW_US = 100000, /* get_downlink_data_delay */
};

static bool usable_topic(const char *key, const char *text, const char *what,
                         const struct fuo_host_ops *ops, struct fuo_host *host)
{
    char line[160];
    const char *problem = topic_template_problem(text, what);
    if (problem != NULL) {
        snprintf(line, sizeof(line), "%s %s: it needs {{dev_eui}} and {{%s}}", key,
                 problem, what);
        ops->log(host, FUO_LOG_ERROR, line);
    }
    return problem == NULL;
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
    bool protobuf = strcmp(c->marshaler, "protobuf") == 0;
    if (!protobuf && strcmp(c->marshaler, "json") != 0 &&
        strcmp(c->marshaler, "auto") != 0) {
        ops->log(host, FUO_LOG_ERROR, "marshaler must be auto, json or protobuf");
        return FUO_EINVAL;
    }
    bool server_clock = strcmp(c->clock_sync, "server") == 0;
    if (!server_clock && strcmp(c->clock_sync, "fuotad") != 0) {
        ops->log(host, FUO_LOG_ERROR, "clockSync must be fuotad or server");
        return FUO_EINVAL;
    }
    bool direct = strcmp(c->multicast, "direct") == 0;
    if (!direct && strcmp(c->multicast, "api") != 0) {
        ops->log(host, FUO_LOG_ERROR, "multicast must be api or direct");
        return FUO_EINVAL;
    }
    if (!usable_topic("eventTopic", c->event_topic, "event", ops, host) ||
        !usable_topic("commandTopic", c->command_topic, "command", ops, host)) {
        return FUO_EINVAL;
    }
    struct fuo_ns *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return FUO_ENOMEM;
    }
    n->config = c;
    n->protobuf = protobuf;
    n->server_clock = server_clock;
    n->direct = direct;
    n->base.ops = ops;
    n->base.host = host;
    topic_filter(c->event_topic, c->application_id, filter);
    int err = ops->subscribe(host, filter, 1);
    if (err == FUO_OK) {
        err = tap_open(n);
    }
    if (err == FUO_OK && n->direct && n->tap == NULL) {
        ops->log(host, FUO_LOG_ERROR,
                 "multicast: direct needs tap: auto, to know how gateways are spoken to "
                 "and what they answer");
        err = FUO_EINVAL;
    }
    if (err != FUO_OK) {
        tap_close(n);
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
        inventory_close(ns);
        tap_close(ns);
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
    if (ns->direct) {
        *caps = (struct fuo_caps){
            .reply_window_us = REPLY_WINDOW_US,
            .timing = FUO_TIMING_ABSOLUTE,
            .multicast_lead_us = ns->config->direct_lead_us,
            .queue_rows_max = UINT32_MAX,
            .direct = true,
        };
    }
}

static int cs_multicast(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    return ns->direct ? direct_send(ns, frame) : multicast_enqueue(ns, frame);
}

/* The gateway answers before its server can tell the application. */
static void note_aired(const struct fuo_ns *ns, struct decoded_event *decoded)
{
    struct fuo_event *e = &decoded->event;
    if (e->type == FUO_EV_FATE && e->fate.fate == FUO_FATE_SENT) {
        e->fate.aired = tap_has_told(ns, e->fate.gateway, decoded->downlink_id);
    }
}

/* A server has one form for both, but who has just been started has seen no event. */
static bool follows_events(const struct config *c)
{
    return strcmp(c->marshaler, "auto") == 0;
}

static void cs_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                       size_t payload_len, bool retained)
{
    struct decoded_event decoded;
    struct topic_device from;
    if (tap_take_message(ns, topic, payload, payload_len, retained)) {
        return;
    }
    if (retained) {
        ns->base.ops->reject(ns->base.host,
                             "retained event"); /* ChirpStack retains none */
        return;
    }
    if (!topic_parse(ns->config->event_topic, ns->config->application_id, topic, &from)) {
        ns->base.ops->reject(ns->base.host, "message on an unexpected topic");
        return;
    }
    const char *problem =
        event_decode(&from, payload, payload_len, ns_version_pointer(ns), &decoded);
    if (problem != NULL) {
        ns->base.ops->reject(ns->base.host, problem);
    } else if (decoded.event.type != 0) {
        note_aired(ns, &decoded);
        if (decoded.event.type == FUO_EV_UPLINK) {
            decoded.event.uplink.server_clock = ns->server_clock;
        }
        if (follows_events(ns->config)) {
            ns->protobuf = !event_is_json(payload, payload_len);
        }
        ns->base.ops->event(ns->base.host, &decoded.event);
    }
}

static void cs_on_published(struct fuo_ns *ns, uint64_t id, int err)
{
    if (!direct_published(ns, id, err)) {
        ns_result(ns, id, err, 0);
    }
}

static const struct fuo_option options[] = {
    {"applicationId", FUO_OPT_STRING, offsetof(struct config, application_id), NULL,
     "The ChirpStack application (a UUID) that holds the devices."},
    {"eventTopic", FUO_OPT_STRING, offsetof(struct config, event_topic), TOPIC_EVENT,
     "event_topic of the server's MQTT integration, as it stands in its configuration."},
    {"commandTopic", FUO_OPT_STRING, offsetof(struct config, command_topic),
     TOPIC_COMMAND,
     "command_topic of the server's MQTT integration, as it stands in its "
     "configuration."},
    {"regionTopic", FUO_OPT_STRING, offsetof(struct config, region_topic), "eu868",
     "The region's topic_prefix in ChirpStack's configuration: what the topics of its "
     "gateways begin with. Several with commas in between, if the band has several "
     "regions there (us915_0, us915_1); empty if they have none."},
    {"tap", FUO_OPT_STRING, offsetof(struct config, tap), "auto",
     "auto: listen to the topics of the gateways on the same broker, for what is really "
     "transmitted: refused fragments are made good, airtime is charged for what was "
     "sent, that of others is seen, gateways that are away are planned without; the "
     "login "
     "must be allowed to read command/down, event/ack, event/stats and state/conn below "
     "<regionTopic>/gateway/+. off: do not."},
    {"marshaler", FUO_OPT_STRING, offsetof(struct config, marshaler), "auto",
     "What commands are written in: json or protobuf, as the server's integration has it "
     "(json=true or false). auto: as its last event was, and JSON before the first. "
     "Events "
     "are understood in both."},
    {"clockSync", FUO_OPT_STRING, offsetof(struct config, clock_sync), "fuotad",
     "Who answers the devices' AppTimeReq (TS003): fuotad, or the server, whose device "
     "profiles then have TS003 enabled: fuotad is silent on that port and takes the time "
     "that the server sets."},
    {"multicast", FUO_OPT_STRING, offsetof(struct config, multicast), "api",
     "api: multicast goes through groups and queues of the server. direct: fuotad makes "
     "the frames and gives them to the gateways itself, on their command topics, each "
     "with "
     "its GPS time: exact, dense, without the API, and past the server's arbitration. "
     "The "
     "gateways need GPS; the login must be allowed to write command/down below "
     "<regionTopic>/gateway/+."},
    {"directPower", FUO_OPT_U32, offsetof(struct config, direct_power_dbm), "16",
     "With multicast: direct, the power of the frames in dBm EIRP."},
    {"directLead", FUO_OPT_DURATION_US, offsetof(struct config, direct_lead_us), "3s",
     "With multicast: direct, how long before its time on air a gateway is given a "
     "frame."},
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
    .multicast = cs_multicast,
    .queue_poll = multicast_poll,
    .queue_flush = multicast_flush,
    .probe = application_probe,
    .inventory = inventory_scan,
};
