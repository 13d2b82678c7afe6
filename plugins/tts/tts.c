/* SPDX-License-Identifier: MIT */
/* tts.c - the declaration of the plugin, and what comes in from MQTT. */
#include "tts.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "events.h"

enum {
    REPLY_WINDOW_US = 100000,
    LEAD_MIN_US =
        8000000, /* the server schedules 6 s ahead, refuses what is 2.5 s away */
};

/* ---- options ---- */

static const struct {
    const char *name;
    uint32_t ceiling_ppm; /* pkg/gatewayserver/scheduling/sub_band.go */
} priorities[] = {
    {"LOWEST", 400000},   {"LOW", 500000},          {"BELOW_NORMAL", 600000},
    {"NORMAL", 700000},   {"ABOVE_NORMAL", 800000}, {"HIGH", 900000},
    {"HIGHEST", 1000000},
};

/* 0: there is no such priority. */
static uint32_t ceiling_of(const char *priority)
{
    for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
        if (strcmp(priority, priorities[i].name) == 0) {
            return priorities[i].ceiling_ppm;
        }
    }
    return 0;
}

/* "app", or "app@tenant". */
static bool is_uid(const char *text)
{
    size_t len = strnlen(text, UID_SIZE);
    size_t id_len = strcspn(text, "@");
    return id_len > 0 && id_len < ID_SIZE && len < UID_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-@") == len;
}

/* Up to 253 letters of a host name, or nothing. */
static bool is_host(const char *text)
{
    size_t len = strnlen(text, 254);
    return len < 254 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        "-.:") == len;
}

static const char *plan_problem(const char *id)
{
    size_t len = strnlen(id, 64);
    return len == 64 || plan_find(id) == NULL ||
                   strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789_.-") != len
               ? "frequencyPlan must be one of the server's, such as EU_863_870 or "
                 "US_902_928_FSB_2"
               : NULL;
}

static const char *problem_of(const struct config *c)
{
    if (!is_uid(c->application)) {
        return "application must be as in the user name of MQTT: APPLICATION@TENANT, or "
               "APPLICATION alone on an open source server";
    }
    if (ceiling_of(c->priority) == 0) {
        return "priority must be LOWEST, LOW, BELOW_NORMAL, NORMAL, ABOVE_NORMAL, HIGH "
               "or "
               "HIGHEST";
    }
    if (c->lead_us < LEAD_MIN_US) {
        return "lead must be 8s at least: the server schedules 6 s ahead";
    }
    if (!is_host(c->server_address)) {
        return "serverAddress must be the host name of the server";
    }
    return plan_problem(c->frequency_plan);
}

/* ---- life ---- */

static int subscribe(const struct fuo_ns *ns)
{
    static const char *const types[] = {"up", "down/queued", "down/sent", "down/ack",
                                        "down/failed"};
    char filter[TOPIC_SIZE];
    int err = FUO_OK;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && err == FUO_OK; i++) {
        snprintf(filter, sizeof(filter), "v3/%s/devices/+/%s", ns->uid, types[i]);
        err = ns->base.ops->subscribe(ns->base.host, filter, 0);
    }
    return err;
}

static void tts_close(struct fuo_ns *ns)
{
    if (ns == NULL) {
        return;
    }
    api_close(ns);
    while (ns->groups != NULL) {
        group_forget(ns, ns->groups->id);
    }
    while (ns->publishes != NULL) {
        struct publish *publish = ns->publishes;
        ns->publishes = publish->next;
        free(publish);
    }
    watch_clear(&ns->watch);
    names_clear(&ns->devices);
    names_clear(&ns->gateways);
    free(ns);
}

static int tts_open(struct fuo_ns **ns, const void *config,
                    const struct fuo_host_ops *ops, struct fuo_host *host)
{
    const struct config *c = config;
    const char *problem = problem_of(c);
    if (problem != NULL) {
        ops->log(host, FUO_LOG_ERROR, problem);
        return FUO_EINVAL;
    }
    struct fuo_ns *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return FUO_ENOMEM;
    }
    n->config = c;
    n->base.ops = ops;
    n->base.host = host;
    n->plan = plan_find(c->frequency_plan);
    snprintf(n->uid, sizeof(n->uid), "%s", c->application);
    snprintf(n->application_id, sizeof(n->application_id), "%.*s",
             (int)strcspn(c->application, "@"), c->application);
    int err = subscribe(n);
    if (err != FUO_OK) {
        free(n);
        return err;
    }
    *ns = n;
    return FUO_OK;
}

static void tts_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    caps->timing = FUO_TIMING_ABSOLUTE;
    caps->multicast_lead_us = ns->config->lead_us;
    caps->reply_window_us = REPLY_WINDOW_US;
    caps->queue_rows_max = UINT32_MAX;
    caps->priority_ceiling_ppm = ceiling_of(ns->config->priority);
}

/* ---- what comes in ---- */

static void take_uplink(struct fuo_ns *ns, const struct message *m)
{
    char usual[NAME_SIZE];
    uint64_t dev_eui = m->event.uplink.dev_eui;
    names_default(dev_eui, usual);
    if (strcmp(m->device_id, usual) != 0 || names_find(&ns->devices, dev_eui) != NULL) {
        names_note(&ns->devices, dev_eui, m->device_id);
    }
    for (size_t i = 0; i < m->event.uplink.rx_count; i++) {
        names_note(&ns->gateways, m->rx[i].gateway, m->gateway_ids[i]);
    }
    downlink_expire(ns, dev_eui, m->event.uplink.received_us);
    ns->base.ops->event(ns->base.host, &m->event);
    if (m->has_battery) {
        struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_REPORTED};
        event.reported.dev_eui = dev_eui;
        event.reported.has_battery = true;
        event.reported.battery_percent = m->battery_percent;
        ns->base.ops->event(ns->base.host, &event);
    }
}

static void take_unicast(struct fuo_ns *ns, const struct message *m)
{
    bool told = m->kind == MESSAGE_ACKED && !watch_has(&ns->watch, m->dev_eui, m->id);
    if (m->dev_eui == 0 || m->kind == MESSAGE_QUEUED || told) {
        return; /* an acknowledged one is news only if it was not heard that it left */
    }
    enum fuo_fate fate = FUO_FATE_SENT;
    if (m->kind == MESSAGE_FAILED) {
        fate = strcmp(m->error, "downlink_expired") == 0 ? FUO_FATE_EXPIRED
                                                         : FUO_FATE_REFUSED;
        ns_log(ns, FUO_LOG_INFO, "%s: a downlink failed: %s", m->device_id, m->error);
    }
    downlink_fate(ns, m->id, m->dev_eui, fate);
}

static void take_frame(struct fuo_ns *ns, const struct message *m)
{
    if (m->kind == MESSAGE_QUEUED) {
        multicast_queued(ns, m->device_id, m->id, m->f_cnt);
    } else if (m->kind == MESSAGE_FAILED) {
        multicast_failed(ns, m->device_id, m->id, m->error, m->f_cnt);
    }
}

static void tts_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                        size_t payload_len, bool retained)
{
    struct message m;
    if (retained) {
        ns->base.ops->reject(ns->base.host,
                             "retained message"); /* The Things Stack retains none */
        return;
    }
    struct message_context context = {ns->uid, ns->plan, ns_version_pointer(ns)};
    const char *problem = message_decode(&context, topic, payload, payload_len, &m);
    if (problem != NULL) {
        ns->base.ops->reject(ns->base.host, problem);
    } else if (m.kind == MESSAGE_UPLINK) {
        take_uplink(ns, &m);
    } else if (m.kind != MESSAGE_OTHER) {
        m.correlation == CORRELATION_UNICAST ? take_unicast(ns, &m) : take_frame(ns, &m);
    }
}

static const struct fuo_option options[] = {
    {"application", FUO_OPT_STRING, offsetof(struct config, application), NULL,
     "The application that holds the devices, as in the user name of MQTT: "
     "APPLICATION@TENANT, or APPLICATION alone on an open source server."},
    {"frequencyPlan", FUO_OPT_STRING, offsetof(struct config, frequency_plan),
     "EU_863_870", "The frequency plan of multicast groups, by its name on the server."},
    {"priority", FUO_OPT_STRING, offsetof(struct config, priority), "NORMAL",
     "The priority of everything that is sent: LOWEST, LOW, BELOW_NORMAL, NORMAL, "
     "ABOVE_NORMAL, HIGH or HIGHEST. A gateway refuses what would leave more than 40 %, "
     "50 %, 60 %, 70 %, 80 %, 90 % or all of the duty cycle in use."},
    {"lead", FUO_OPT_DURATION_US, offsetof(struct config, lead_us), "15s",
     "How long before its time on air a fragment is handed over. The server schedules 6 "
     "s "
     "ahead."},
    {"serverAddress", FUO_OPT_STRING, offsetof(struct config, server_address), "",
     "The host name that the server's Console expects in a device "
     "(network_server_address "
     "and application_server_address); empty: none is set."},
    {0},
};

const struct fuo_ns_plugin fuo_ns_plugin = {
    .abi = FUO_NS_ABI,
    .size = sizeof(struct fuo_ns_plugin),
    .name = "tts",
    .config_size = sizeof(struct config),
    .options = options,
    .open = tts_open,
    .close = tts_close,
    .caps = tts_caps,
    .on_mqtt = tts_on_mqtt,
    .on_published = downlink_published,
    .on_http = api_on_http,
    .unicast = downlink_send,
    .unicast_flush = downlink_flush,
    .group_open = group_open,
    .group_close = group_close,
    .multicast = multicast_push,
    .queue_poll = multicast_poll,
    .queue_flush = multicast_flush,
    .probe = application_probe,
    .inventory = application_inventory,
    .gateway_airtime = airtime_ask,
};
