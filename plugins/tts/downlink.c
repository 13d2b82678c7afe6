/* SPDX-License-Identifier: MIT */
/*
 * downlink.c - class A downlinks, and what is published at all.
 *
 * The Things Stack lets no class A downlink expire. One that has is taken back when its
 * device speaks, before the server answers: its queue is replaced by what is left of ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "text.h"
#include "tts.h"

enum {
    JSON_SIZE = 768,
    DEVICE_MAX = 32, /* downlinks of ours that are queued again */
};

/* ---- publishing ---- */

int push_publish(struct fuo_ns *ns, const struct push *push)
{
    char topic[TOPIC_SIZE];
    struct publish *publish = calloc(1, sizeof(*publish));
    if (publish == NULL) {
        return FUO_ENOMEM;
    }
    *publish = (struct publish){.no = ns->next_no++, .kind = push->kind, .id = push->id};
    snprintf(topic, sizeof(topic), "v3/%s/devices/%s/down/%s", ns->uid, push->device_id,
             push->operation);
    int err = ns->base.ops->publish(ns->base.host, publish->no, topic,
                                    (const uint8_t *)push->json, strlen(push->json), 0);
    if (err != FUO_OK) {
        free(publish);
        return err;
    }
    publish->next = ns->publishes;
    ns->publishes = publish;
    return FUO_OK;
}

/* QoS 0: it was written to the socket, or was not sent. */
static void frame_published(struct fuo_ns *ns, uint64_t id, int err)
{
    struct group *group = ns->groups;
    while (group != NULL && !(group->waiting && group->frame_id == id)) {
        group = group->next;
    }
    if (err != FUO_OK && group != NULL) {
        group->waiting = false;
        ns_result(ns, id, err, 0);
    }
}

void downlink_published(struct fuo_ns *ns, uint64_t no, int err)
{
    struct publish **at = &ns->publishes;
    while (*at != NULL && (*at)->no != no) {
        at = &(*at)->next;
    }
    struct publish *publish = *at;
    if (publish == NULL) {
        return;
    }
    *at = publish->next;
    switch (publish->kind) {
    case PUBLISH_RESULT:
        ns_result(ns, publish->id, err, 0);
        break;
    case PUBLISH_FRAME:
        frame_published(ns, publish->id, err);
        break;
    case PUBLISH_SILENT:
        break;
    }
    free(publish);
}

/* ---- class A downlinks ---- */

static const char *device_name(const struct fuo_ns *ns, uint64_t dev_eui,
                               char text[static NAME_SIZE])
{
    const char *name = names_find(&ns->devices, dev_eui);
    if (name != NULL) {
        return name;
    }
    names_default(dev_eui, text);
    return text;
}

int downlink_send(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    char name[NAME_SIZE];
    char data[BASE64_SIZE(PAYLOAD_MAX)];
    char correlation[CORRELATION_SIZE];
    char item[JSON_SIZE];
    char json[JSON_SIZE + 24];
    if (downlink->payload_len > PAYLOAD_MAX || downlink->fport == 0) {
        return FUO_EINVAL;
    }
    format_base64(downlink->payload, downlink->payload_len, data);
    correlation_format(CORRELATION_UNICAST, downlink->id, correlation);
    snprintf(item, sizeof(item),
             "{\"f_port\":%u,\"frm_payload\":\"%s\",\"confirmed\":%s,\"priority\":"
             "\"%s\",\"correlation_ids\":[\"%s\"]}",
             downlink->fport, data, downlink->confirmed ? "true" : "false",
             ns->config->priority, correlation);
    snprintf(json, sizeof(json), "{\"downlinks\":[%s]}", item);
    struct push push = {
        .device_id = device_name(ns, downlink->dev_eui, name),
        .operation = "push",
        .json = json,
        .kind = PUBLISH_RESULT,
        .id = downlink->id,
    };
    int err = push_publish(ns, &push);
    struct watched watched = {.id = downlink->id,
                              .dev_eui = downlink->dev_eui,
                              .expires_us = downlink->expires_us,
                              .json = item};
    if (err == FUO_OK && !watch_add(&ns->watch, &watched)) {
        ns->base.ops->reject(ns->base.host,
                             "class A downlink that cannot be watched: it will not "
                             "expire");
    }
    return err;
}

int downlink_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    char name[NAME_SIZE];
    struct push push = {
        .device_id = device_name(ns, dev_eui, name),
        .operation = "replace",
        .json = "{\"downlinks\":[]}",
        .kind = PUBLISH_RESULT,
        .id = id,
    };
    int err = push_publish(ns, &push);
    if (err == FUO_OK) {
        watch_drop_all(&ns->watch, dev_eui);
    }
    return err;
}

static void tell(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui, enum fuo_fate fate)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_FATE};
    event.fate.id = id;
    event.fate.dev_eui = dev_eui;
    event.fate.fate = fate;
    event.fate.dr = FUO_DR_UNKNOWN;
    ns->base.ops->event(ns->base.host, &event);
}

void downlink_fate(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui, enum fuo_fate fate)
{
    watch_drop(&ns->watch, dev_eui, id);
    tell(ns, id, dev_eui, fate);
}

/* What of ours is left of a device's queue. */
static void queue_again(struct fuo_ns *ns, uint64_t dev_eui)
{
    char name[NAME_SIZE];
    char json[JSON_SIZE * DEVICE_MAX];
    size_t len = (size_t)snprintf(json, sizeof(json), "{\"downlinks\":[");
    size_t count = 0;
    const struct watched *at = NULL;
    while ((at = watch_next(&ns->watch, dev_eui, at)) != NULL && count < DEVICE_MAX - 1) {
        len += (size_t)snprintf(json + len, sizeof(json) - len, "%s%s",
                                count++ > 0 ? "," : "", at->json);
    }
    snprintf(json + len, sizeof(json) - len, "]}");
    struct push push = {
        .device_id = device_name(ns, dev_eui, name),
        .operation = "replace",
        .json = json,
        .kind = PUBLISH_SILENT,
    };
    if (push_publish(ns, &push) != FUO_OK) {
        ns_log(ns, FUO_LOG_WARN, "%s: an expired downlink could not be taken back",
               push.device_id);
    }
}

void downlink_expire(struct fuo_ns *ns, uint64_t dev_eui, int64_t now_us)
{
    bool any = false;
    struct watched *expired;
    while ((expired = watch_take_expired(&ns->watch, dev_eui, now_us)) != NULL) {
        tell(ns, expired->id, dev_eui, FUO_FATE_EXPIRED);
        watched_free(expired);
        any = true;
    }
    if (any) {
        queue_again(ns, dev_eui);
    }
}
