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

#include "fuotad/plugin.h"

struct config {
    const char *application_id;
    const char *region_topic;
    const char *tap;
    int64_t multicast_margin_us;
    int64_t scheduler_interval_us;
};

struct call;

struct fuo_ns {
    const struct config *config;
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
    struct call *calls; /* under way, in no order */
    uint64_t next_http_id;
};

/* Cut to a line and hand to the host. */
__attribute__((format(printf, 3, 4))) void
ns_log(struct fuo_ns *ns, enum fuo_log_level level, const char *format, ...);

/* FUO_EV_RESULT. */
void ns_result(struct fuo_ns *ns, uint64_t id, int err, uint32_t f_cnt);

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
