/* SPDX-License-Identifier: MIT */
/*
 * tts.h - one connection to The Things Stack v3; shared by the plugin's files.
 *
 * Uplinks, class A downlinks and fragments go over the application's MQTT topics; a
 * multicast group is a virtual device, made and deleted by the HTTP API. What a push came to
 * is told by down/queued or down/failed, by a correlation id that we gave it. QoS is 0: an
 * answer that is lost is not waited for beyond the next thing that is asked of the group,
 * and the queue tells then.
 *
 * The server knows devices and gateways by names. They are learned from uplinks; those of a
 * group are kept at the server with it (attributes), for after a restart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"
#include "fuotad/plugin.h"
#include "names.h"
#include "plan.h"
#include "watch.h"

enum {
    ID_SIZE = 37,  /* of applications, devices and gateways */
    UID_SIZE = 75, /* "app@tenant" */
    GATEWAY_MAX = 32,
    PAYLOAD_MAX = 242, /* the longest FRMPayload of any region */
    TOPIC_SIZE = 160,
};

struct config {
    const char *application;
    const char *frequency_plan;
    const char *priority;
    const char *server_address;
    int64_t lead_us;
};

struct call;

/* A virtual device that stands for a group. */
struct group {
    struct group *next;
    char id[ID_SIZE]; /* handle and device id */
    char gateways[GATEWAY_MAX][ID_SIZE];
    size_t gateway_count;
    bool waiting; /* a frame was pushed and not answered yet: */
    uint64_t frame_id;
    bool counts; /* next_f_cnt is what the server will give the next frame */
    uint32_t next_f_cnt;
    uint32_t late; /* frames taken that nobody waited for any more, so far */
};

enum publish_kind {
    PUBLISH_RESULT, /* its result is that it was sent */
    PUBLISH_FRAME,  /* an answer of the server follows */
    PUBLISH_SILENT, /* nobody asked for it */
};

struct publish {
    struct publish *next;
    uint64_t no; /* the host's id of it */
    enum publish_kind kind;
    uint64_t id; /* of the intent */
};

struct fuo_ns {
    struct ns_base base;
    const struct config *config;
    char uid[UID_SIZE];
    char application_id[UID_SIZE];
    const struct plan *plan;
    struct names devices;
    struct names gateways;
    struct watch watch; /* class A downlinks that are queued */
    struct group *groups;
    struct publish *publishes; /* under way, in no order */
    struct call *calls;        /* so are these */
    bool asks_airtime;         /* an intent of airtime_ask() is not answered yet */
    bool sees_no_gateways;     /* the key, by the last probe */
    uint64_t next_no;
};

/* downlink.c: as the functions of the contract; on_published() ends there. */
int downlink_send(struct fuo_ns *ns, const struct fuo_unicast *downlink);
int downlink_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui);
void downlink_published(struct fuo_ns *ns, uint64_t no, int err);

/* An uplink came: what has expired by its time is taken back, it would go out next. */
void downlink_expire(struct fuo_ns *ns, uint64_t dev_eui, int64_t now_us);

/* What became of one. */
void downlink_fate(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui, enum fuo_fate fate);

/* JSON to down/push or down/replace of a device. */
struct push {
    const char *device_id;
    const char *operation; /* "push", "replace" */
    const char *json;
    enum publish_kind kind;
    uint64_t id;
};

FUO_MUST_CHECK int push_publish(struct fuo_ns *ns, const struct push *push);

/* group.c */
int group_open(struct fuo_ns *ns, const struct fuo_group *group);
int group_close(struct fuo_ns *ns, uint64_t id, const char *handle);
struct group *group_find(const struct fuo_ns *ns, const char *id);
struct group *group_add(struct fuo_ns *ns, const char *id); /* NULL: no memory */
void group_forget(struct fuo_ns *ns, const char *id);
/* A frame that was never answered has the outcome FUO_ETIMEDOUT. */
void group_give_up_frame(struct fuo_ns *ns, struct group *group);

/* queue.c */
int multicast_push(struct fuo_ns *ns, const struct fuo_multicast *frame);
int multicast_poll(struct fuo_ns *ns, uint64_t id, const char *handle);
int multicast_flush(struct fuo_ns *ns, uint64_t id, const char *handle);
void multicast_queued(struct fuo_ns *ns, const char *device, uint64_t id, uint32_t f_cnt);
void multicast_failed(struct fuo_ns *ns, const char *device, uint64_t id,
                      const char *error, uint32_t f_cnt);

/* airtime.c: by how much gateways have used their duty cycle; as the function of the contract. */
int airtime_ask(struct fuo_ns *ns, uint64_t id, const uint64_t *gateways, size_t count);

/* probe.c */
int application_probe(struct fuo_ns *ns, uint64_t id);
/* Lists nothing: what is wrong at the server, for plans, or FUO_ENOTSUP. */
int application_inventory(struct fuo_ns *ns, const struct fuo_inventory *inventory);
