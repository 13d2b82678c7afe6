/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tts.c - the plugin tts between a server that says anything and a host that keeps
 * count: exactly one answer for each intent that was accepted, and none for others.
 *
 * Lines: "m TOPIC" and the next line is a message there; "h STATUS" and the next line is
 * the answer to the oldest request; "o", "c", "f", "p", "x" open a group, close it, send a
 * frame, poll and flush its queue; "u", "d" send to a device and flush it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tts.h"

enum {
    LINES_MAX = 200,
    REQUESTS_MAX = 256,
    IDS_MAX = LINES_MAX + 1,
};

struct fuo_host {
    uint64_t requests[REQUESTS_MAX]; /* not answered, a ring */
    size_t first, last;
    uint64_t published; /* the latest */
    int open[IDS_MAX];  /* intents: 1 accepted, 0 not or settled */
    char group[FUO_GROUP_SIZE];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_log(struct fuo_host *h, enum fuo_log_level level, const char *text)
{
    (void)h;
    (void)level;
    if (strchr(text, '\n') != NULL) {
        abort();
    }
}

static void on_reject(struct fuo_host *h, const char *kind)
{
    (void)h;
    (void)kind;
}

static void settle(struct fuo_host *h, uint64_t id)
{
    if (id >= IDS_MAX || h->open[id] != 1) {
        abort(); /* an answer to nothing, or a second one */
    }
    h->open[id] = 0;
}

static void on_event(struct fuo_host *h, const struct fuo_event *e)
{
    switch (e->type) {
    case FUO_EV_UPLINK:
        if (e->uplink.payload_len > 255 || e->uplink.rx_count > FUO_RX_MAX) {
            abort();
        }
        break;
    case FUO_EV_RESULT:
        settle(h, e->result.id);
        break;
    case FUO_EV_GROUP:
        settle(h, e->group.id);
        if (e->group.err == FUO_OK) {
            (void)snprintf(h->group, sizeof(h->group), "%s", e->group.group);
        }
        break;
    case FUO_EV_DEVICE:
    case FUO_EV_LISTED:
    case FUO_EV_FINDING:
        break;
    case FUO_EV_QUEUE:
        settle(h, e->queue.id);
        break;
    case FUO_EV_FATE:
    case FUO_EV_STATUS:
    case FUO_EV_REPORTED:
    case FUO_EV_PROGRESS:
    case FUO_EV_ORDERED:
    case FUO_EV_ACCESSED:
    case FUO_EV_AIRTIME:
    case FUO_EV_AIRED:
    case FUO_EV_GATEWAY:
        break;
    }
}

static int on_subscribe(struct fuo_host *h, const char *filter, int qos)
{
    (void)h;
    (void)filter;
    (void)qos;
    return FUO_OK;
}

static int on_publish(struct fuo_host *h, uint64_t id, const char *topic,
                      const uint8_t *payload, size_t len, int qos)
{
    (void)payload;
    (void)qos;
    h->published = id;
    return strpbrk(topic, "+#") != NULL || len == 0 ? FUO_EINVAL : FUO_OK;
}

static int on_http(struct fuo_host *h, uint64_t id, const struct fuo_http_request *r)
{
    if (r->path[0] != '/' || h->last - h->first == REQUESTS_MAX) {
        return FUO_EAGAIN;
    }
    h->requests[h->last++ % REQUESTS_MAX] = id;
    return FUO_OK;
}

static const struct fuo_host_ops ops = {
    .size = sizeof(ops),
    .log = on_log,
    .reject = on_reject,
    .event = on_event,
    .subscribe = on_subscribe,
    .publish = on_publish,
    .http = on_http,
};

static const uint64_t gateways[] = {0xa1, 0xa2};
static const uint8_t key[16] = {1};

static int intent(struct fuo_ns *ns, const struct fuo_host *h, char what, uint64_t id)
{
    struct fuo_unicast down = {
        .id = id, .dev_eui = 0x1, .fport = 1, .expires_us = INT64_C(1767355200000000)};
    struct fuo_multicast frame = {
        .id = id, .group = h->group, .fport = 201, .at_us = INT64_C(1767355200000000)};
    struct fuo_group group = {.id = id,
                              .name = "g",
                              .mc_nwk_s_key = key,
                              .mc_app_s_key = key,
                              .region = "EU868",
                              .gateways = gateways,
                              .gateway_count = 2,
                              .frequency_hz = 869525000,
                              .device_class = 'C'};
    switch (what) {
    case 'o':
        return fuo_ns_plugin.group_open(ns, &group);
    case 'c':
        return fuo_ns_plugin.group_close(ns, id, h->group);
    case 'f':
        return fuo_ns_plugin.multicast(ns, &frame);
    case 'p':
        return fuo_ns_plugin.queue_poll(ns, id, h->group);
    case 'x':
        return fuo_ns_plugin.queue_flush(ns, id, h->group);
    case 'u':
        return fuo_ns_plugin.unicast(ns, &down);
    case 'd':
        return fuo_ns_plugin.unicast_flush(ns, id, 0x1);
    default:
        return FUO_EINVAL;
    }
}

/* The intent counts from before the call: its answer may come from within. */
static void act(struct fuo_ns *ns, struct fuo_host *h, char what, uint64_t id)
{
    h->open[id] = 1;
    if (intent(ns, h, what, id) != FUO_OK) {
        settle(h, id);
    } else if (h->published != 0 && (what == 'u' || what == 'd')) {
        fuo_ns_plugin.on_published(ns, h->published, FUO_OK);
    }
}

static void take_http(struct fuo_ns *ns, struct fuo_host *h, const char *status,
                      const char *body)
{
    if (h->first == h->last) {
        return;
    }
    struct fuo_http_response response = {.status = (int)strtol(status, NULL, 10),
                                         .body = (const uint8_t *)body,
                                         .body_len = strlen(body)};
    fuo_ns_plugin.on_http(ns, h->requests[h->first++ % REQUESTS_MAX], &response);
}

static void run(struct fuo_ns *ns, struct fuo_host *h, char *text)
{
    char *save = NULL;
    char *line = strtok_r(text, "\n", &save);
    for (uint64_t id = 1; line != NULL && id < LINES_MAX; id++) {
        bool with_body = line[0] == 'm' || line[0] == 'h';
        char *body = with_body ? strtok_r(NULL, "\n", &save) : NULL;
        if (with_body && (line[1] == '\0' || body == NULL)) {
            return;
        }
        if (line[0] == 'm') {
            fuo_ns_plugin.on_mqtt(ns, line + 2, (const uint8_t *)body, strlen(body),
                                  false);
        } else if (line[0] == 'h') {
            take_http(ns, h, line + 2, body);
        } else {
            act(ns, h, line[0], id);
        }
        line = strtok_r(NULL, "\n", &save);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config config = {.application = "app1@ttn",
                                         .frequency_plan = "EU_863_870",
                                         .priority = "NORMAL",
                                         .server_address = "",
                                         .lead_us = 15000000};
    struct fuo_host host = {.group = "fuotad-mc-1"};
    struct fuo_ns *ns = NULL;
    char *text = malloc(size + 1);
    if (text == NULL || fuo_ns_plugin.open(&ns, &config, &ops, &host) != FUO_OK) {
        free(text);
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    run(ns, &host, text);
    fuo_ns_plugin.close(ns);
    free(text);
    return 0;
}
