/* SPDX-License-Identifier: MIT */
/*
 * chirpstack.h - one connection to a ChirpStack v4 server; shared by the plugin's files.
 *
 * Uplinks, acknowledgements and unicast go over the application's MQTT topics, multicast
 * groups and their queues over its API: gRPC-Web, one call at a time and in order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"
#include "fuotad/plugin.h"

struct config {
    const char *application_id;
    const char *event_topic;
    const char *command_topic;
    const char *region_topic;
    const char *tap;
    const char *marshaler;
    const char *clock_sync;
    const char *multicast;
    uint32_t direct_power_dbm;
    int64_t direct_lead_us;
    int64_t multicast_margin_us;
    int64_t scheduler_interval_us;
};

enum {
    DIRECT_WAITING_MAX = 64, /* frames that the broker has not acknowledged */
};

/* A frame on its way to the broker, in a message for each of its gateways. */
struct direct_waiting {
    uint64_t id;
    uint32_t left; /* messages; 0: an empty place */
    uint32_t f_cnt;
    int err; /* the best of what became of them */
};

struct call;
struct tap;
struct scan;

struct fuo_ns {
    struct ns_base base;
    const struct config *config;
    struct call *calls; /* under way, in no order */
    uint64_t next_http_id;
    bool server_clock; /* AppTimeReq is the server's */
    bool protobuf;     /* our commands are: the server's last event was, or by option */
    struct tap *tap;   /* NULL: not listened to */
    struct scan *scan; /* NULL: no inventory is read */
    bool direct;       /* frames go past the server */
    struct direct_waiting waiting[DIRECT_WAITING_MAX];
};

/* downlink.c */
int downlink_send(struct fuo_ns *ns, const struct fuo_unicast *downlink);

/* group.c, queue.c: as the functions of the contract. */
int group_open(struct fuo_ns *ns, const struct fuo_group *group);
int group_close(struct fuo_ns *ns, uint64_t id, const char *group);
int multicast_enqueue(struct fuo_ns *ns, const struct fuo_multicast *frame);
int multicast_poll(struct fuo_ns *ns, uint64_t id, const char *group);
int multicast_flush(struct fuo_ns *ns, uint64_t id, const char *group);
int device_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui);

/* probe.c */
int application_probe(struct fuo_ns *ns, uint64_t id);
/* What a refused application means is found out, and told as a finding of that intent; then
 * done is called: FUO_EPERM for the key, FUO_ENOENT for the application. */
typedef void refusal_done(struct fuo_ns *ns, uint64_t id, int err);
void explain_refusal(struct fuo_ns *ns, uint64_t id, refusal_done *done);

/* inventory.c */
int inventory_scan(struct fuo_ns *ns, const struct fuo_inventory *inventory);
void inventory_close(struct fuo_ns *ns);

/* version.c: findings of that intent, if the version is too old or not known. */
void version_look(struct fuo_ns *ns, uint64_t id, const char *version);
