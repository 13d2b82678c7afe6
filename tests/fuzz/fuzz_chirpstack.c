/* SPDX-License-Identifier: MIT */
/*
 * fuzz_chirpstack.c - the whole plugin behind a host without sockets: intents of the engine,
 * and what a server, or something in its place, answers to its calls. Byte 0 of each
 * operation says what it is. Every intent that was accepted has exactly one answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chirpstack.h"
#include "topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CALLS_MAX = 8, /* of HTTP under way; a real host takes 256 */
    IDS_MAX = 1024,
    OPS_MAX = 512,
    BODY_MAX = 4096,
    LOG_MAX = 400,
};

#define GROUP "11111111-2222-4333-8444-555555555555"

struct fuo_host {
    uint64_t calls[CALLS_MAX]; /* oldest first */
    size_t call_count;
    uint64_t next_id;
    bool open[IDS_MAX]; /* by id of intent: accepted, not answered */
    char group[FUO_GROUP_SIZE];
    uint32_t published;
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* ---- the host ---- */

static void host_log(struct fuo_host *host, enum fuo_log_level level, const char *text)
{
    (void)host;
    (void)level;
    require(strnlen(text, LOG_MAX) < LOG_MAX);
}

static void host_reject(struct fuo_host *host, const char *kind)
{
    (void)host;
    require(kind != NULL);
}

static void answered(struct fuo_host *host, uint64_t id)
{
    require(id < IDS_MAX && host->open[id]);
    host->open[id] = false;
}

static void host_event(struct fuo_host *host, const struct fuo_event *event)
{
    require(event->size == sizeof(*event));
    switch (event->type) {
    case FUO_EV_RESULT:
        answered(host, event->result.id);
        break;
    case FUO_EV_DEVICE:
    case FUO_EV_LISTED:
    case FUO_EV_FINDING:
        break;
    case FUO_EV_QUEUE:
        answered(host, event->queue.id);
        break;
    case FUO_EV_GROUP:
        answered(host, event->group.id);
        require((event->group.err == FUO_OK) == (event->group.group != NULL));
        if (event->group.err == FUO_OK) {
            require(strnlen(event->group.group, FUO_GROUP_SIZE) < FUO_GROUP_SIZE);
            snprintf(host->group, sizeof(host->group), "%s", event->group.group);
        }
        break;
    case FUO_EV_UPLINK:
        require(event->uplink.rx_count <= FUO_RX_MAX && event->uplink.payload_len <= 255);
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

static int host_subscribe(struct fuo_host *host, const char *topic_filter, int qos)
{
    (void)host;
    (void)topic_filter;
    (void)qos;
    return FUO_OK;
}

static int host_publish(struct fuo_host *host, uint64_t id, const char *topic,
                        const uint8_t *payload, size_t payload_len, int qos)
{
    (void)id;
    (void)topic;
    (void)qos;
    require(payload != NULL && payload_len > 0);
    return host->published++ % 4 == 3 ? FUO_EAGAIN : FUO_OK;
}

static int host_http(struct fuo_host *host, uint64_t id,
                     const struct fuo_http_request *request)
{
    require(request->body_len >= 5 && request->path[0] == '/');
    if (host->call_count == CALLS_MAX) {
        return FUO_EAGAIN;
    }
    host->calls[host->call_count++] = id;
    return FUO_OK;
}

static const struct fuo_host_ops ops = {
    .size = sizeof(ops),
    .log = host_log,
    .reject = host_reject,
    .event = host_event,
    .subscribe = host_subscribe,
    .publish = host_publish,
    .http = host_http,
};

/* ---- the script ---- */

struct script {
    const uint8_t *at;
    const uint8_t *end;
    struct fuo_host host;
    struct fuo_ns *ns;
};

static uint8_t get8(struct script *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

/* Up to the length that the next two bytes give; borrowed. */
static const uint8_t *get_bytes(struct script *s, size_t *len)
{
    size_t n = (size_t)get8(s) << 8;
    n = (n | get8(s)) % BODY_MAX;
    size_t left = (size_t)(s->end - s->at);
    *len = n < left ? n : left;
    const uint8_t *bytes = s->at;
    s->at += *len;
    return bytes;
}

/* The id of the next intent, which is open until it is answered or was not taken. */
static uint64_t begin(struct script *s)
{
    uint64_t id = s->host.next_id++;
    require(id < IDS_MAX);
    s->host.open[id] = true;
    return id;
}

static void end(struct script *s, uint64_t id, int err)
{
    if (err != FUO_OK) {
        require(s->host.open[id]);
        s->host.open[id] = false;
    }
}

static void do_group_open(struct script *s)
{
    static const uint8_t key[16] = {0xb0, 1, 2, 3};
    static const uint64_t euis[4] = {0x16, 0x17, 0x18, 0x19};
    uint8_t counts = get8(s);
    struct fuo_group group = {
        .id = begin(s),
        .name = "wm1",
        .mc_nwk_s_key = key,
        .mc_app_s_key = key,
        .region = "EU868",
        .gateways = euis,
        .gateway_count = counts & 3,
        .devices = euis,
        .device_count = counts >> 2 & 3,
        .mc_addr = 0x01020304,
        .frequency_hz = 869525000,
        .f_cnt = get8(s),
        .dr = 5,
        .device_class = 'C',
    };
    end(s, group.id, fuo_ns_plugin.group_open(s->ns, &group));
}

static void do_multicast(struct script *s)
{
    struct fuo_multicast frame = {.id = begin(s), .group = s->host.group, .fport = 201};
    frame.payload = get_bytes(s, &frame.payload_len);
    end(s, frame.id, fuo_ns_plugin.multicast(s->ns, &frame));
}

static void do_unicast(struct script *s)
{
    struct fuo_unicast downlink = {.id = begin(s), .dev_eui = 0x101};
    downlink.fport = get8(s);
    downlink.payload = get_bytes(s, &downlink.payload_len);
    int err = fuo_ns_plugin.unicast(s->ns, &downlink);
    end(s, downlink.id, err);
    if (err == FUO_OK) {
        fuo_ns_plugin.on_published(s->ns, downlink.id, -(int)(get8(s) % 2));
    }
}

static void do_intent(struct script *s)
{
    uint8_t which = get8(s) % 5;
    uint64_t id = begin(s);
    int err = which == 0   ? fuo_ns_plugin.group_close(s->ns, id, s->host.group)
              : which == 1 ? fuo_ns_plugin.queue_poll(s->ns, id, s->host.group)
              : which == 2 ? fuo_ns_plugin.queue_flush(s->ns, id, s->host.group)
              : which == 3 ? fuo_ns_plugin.unicast_flush(s->ns, id, 0x101)
                           : fuo_ns_plugin.probe(s->ns, id);
    end(s, id, err);
}

/* To the call at that place; one that was never made if there is none. */
static void answer(struct script *s, uint8_t place,
                   const struct fuo_http_response *response)
{
    struct fuo_host *h = &s->host;
    uint64_t id = UINT64_MAX;
    if (h->call_count > 0) {
        size_t at = place % h->call_count;
        id = h->calls[at];
        h->call_count--;
        memmove(&h->calls[at], &h->calls[at + 1],
                (h->call_count - at) * sizeof(h->calls[0]));
    }
    fuo_ns_plugin.on_http(s->ns, id, response);
}

/* A message in a frame, and trailers that say it is fine. */
static void do_message(struct script *s)
{
    static const char trailers[] = "grpc-status:0\r\n";
    static const uint8_t prefix[] = {0x80, 0, 0, 0, sizeof(trailers) - 1};
    uint8_t body[5 + BODY_MAX + sizeof(prefix) + sizeof(trailers)] = {0};
    uint8_t place = get8(s);
    size_t len = 0;
    const uint8_t *message = get_bytes(s, &len);
    body[3] = (uint8_t)(len >> 8);
    body[4] = (uint8_t)len;
    memcpy(body + 5, message, len);
    memcpy(body + 5 + len, prefix, sizeof(prefix));
    memcpy(body + 5 + len + sizeof(prefix), trailers, sizeof(trailers) - 1);
    answer(s, place,
           &(struct fuo_http_response){
               .status = 200,
               .body = body,
               .body_len = 5 + len + sizeof(prefix) + sizeof(trailers) - 1,
           });
}

/* Whatever else HTTP can bring. */
static void do_http(struct script *s)
{
    static const int errs[] = {FUO_OK, FUO_ETIMEDOUT, FUO_EAGAIN, FUO_ENOSPC};
    static const int statuses[] = {200, 401, 503, 502, 404, 500, 0, 204};
    static const char *const codes[] = {NULL, "0", "5",  "6",   "7", "13",
                                        "14", "4", "16", "16 ", "x"};
    static const char *const texts[] = {NULL,
                                        "database is locked",
                                        "UNIQUE constraint failed",
                                        "object does not exist",
                                        "%e0%A4%",
                                        "%"};
    uint8_t head = get8(s);
    uint8_t place = get8(s);
    struct fuo_http_response response = {
        .err = errs[head & 3],
        .status = statuses[head >> 2 & 7],
        .grpc_status = codes[get8(s) % (sizeof(codes) / sizeof(codes[0]))],
        .grpc_message = texts[get8(s) % (sizeof(texts) / sizeof(texts[0]))],
    };
    response.body = get_bytes(s, &response.body_len);
    answer(s, place, &response);
}

static void do_event(struct script *s)
{
    static const char *const kinds[] = {"up", "ack", "txack", "log", "status", "join"};
    static const char *const parts[] = {"command/down", "event/ack", "event/stats",
                                        "state/conn"};
    char topic[128];
    size_t len = 0;
    uint8_t head = get8(s);
    snprintf(topic, sizeof(topic),
             "application/5a1c0e1e-0000-4000-8000-000000000001/device/"
             "0000000000000101/event/%s",
             kinds[head % (sizeof(kinds) / sizeof(kinds[0]))]);
    if ((head & 0x40) != 0) {
        snprintf(topic, sizeof(topic), "eu868/gateway/0016c001f1000001/%s",
                 parts[head % (sizeof(parts) / sizeof(parts[0]))]);
    }
    const uint8_t *payload = get_bytes(s, &len);
    fuo_ns_plugin.on_mqtt(s->ns, topic, payload, len, (head & 0x80) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const operations[])(struct script *) = {
        do_group_open, do_message, do_http, do_multicast, do_intent, do_event, do_unicast,
    };
    static const struct config config = {
        .application_id = "5a1c0e1e-0000-4000-8000-000000000001",
        .event_topic = TOPIC_EVENT,
        .command_topic = TOPIC_COMMAND,
        .region_topic = "eu868",
        .tap = "auto",
        .marshaler = "auto",
        .clock_sync = "fuotad",
        .multicast = "api",
    };
    struct script s = {.at = data, .end = data + size, .host = {.group = GROUP}};
    require(fuo_ns_plugin.open(&s.ns, &config, &ops, &s.host) == FUO_OK);
    for (int i = 0; i < OPS_MAX && s.at < s.end; i++) {
        operations[get8(&s) % (sizeof(operations) / sizeof(operations[0]))](&s);
    }
    /* The server goes away: nothing may be left without an answer. */
    while (s.host.call_count > 0) {
        answer(&s, 0, &(struct fuo_http_response){.err = FUO_EAGAIN});
    }
    for (size_t i = 0; i < IDS_MAX; i++) {
        require(!s.host.open[i]);
    }
    fuo_ns_plugin.close(s.ns);
    return 0;
}
