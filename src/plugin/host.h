/* SPDX-License-Identifier: MIT */
/*
 * host.h - the daemon's side of one plugin instance: one network server connection.
 *
 * Owns the instance, its MQTT connection and its HTTP client, and gives the plugin its
 * fuo_host_ops. Intents go in through host_*() with the codes of plugin.h; events come out
 * through on_event(), always from the loop and never from inside a host_*() call, in the
 * order in which the plugin made them. Everything runs on the loop thread.
 *
 * Bounded: at most HOST_EVENTS_MAX uplinks and fates wait; more are dropped and counted
 * (rejected, kind "event queue full"). Answers to intents are never dropped: there are no
 * more of them than intents.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "fuotad/plugin.h"
#include "net/http.h"
#include "net/mqtt.h"

enum {
    HOST_EVENTS_MAX = 4096,
    HOST_REJECT_KINDS_MAX = 64,
};

/*
 * What carries messages when it is not the connections of net: a simulated network on
 * virtual time. The functions only take note, as those of fuo_host_ops, whose codes they
 * return. What comes back goes in by host_take_...(), never from inside a call to the host
 * or to the carrier.
 */
struct host_carrier {
    int (*subscribe)(void *arg, const char *topic_filter, int qos);
    int (*publish)(void *arg, const struct mqtt_publish *publish);
    int (*http)(void *arg, uint64_t id, const struct fuo_http_request *request);
    void (*wake)(void *arg); /* events wait: host_deliver() is wanted */
    void *arg;
};

/* What a plugin that is a server itself asks of the daemon; as fuo_host_ops. */
struct host_services {
    int64_t (*now)(void *arg);
    void (*random)(void *arg, uint8_t *bytes, size_t len);
    int (*derive)(void *arg, const char *text, uint8_t bytes[16]);
    int (*find_device)(void *arg, const char *name, uint64_t *dev_eui);
    int (*device_key)(void *arg, uint64_t dev_eui, uint8_t key[16]);
    int (*image)(void *arg, uint32_t image, const uint8_t **bytes, size_t *len);
    int (*factory_key)(void *arg, uint64_t dev_eui, uint8_t key[16]);
};

struct host_config {
    const struct fuo_ns_plugin *plugin; /* adopted; must outlive the host */
    const void *plugin_config;          /* by its option table; must outlive the host */
    const struct mqtt_config *mqtt;     /* copied; NULL: publish() gives FUO_ENOTSUP */
    const struct http_config *http;     /* copied; NULL: http() gives FUO_ENOTSUP */
    const struct host_carrier
        *carrier;                /* copied; NULL: connections by mqtt and http, else
                                           those two and the loop are not looked at */
    const char *version_pointer; /* the fleet's versionDecoder; borrowed; NULL: none */
    const struct host_services *services; /* borrowed; NULL: none; all of them or none */
    void *services_arg;
};

/* Each but log may be NULL. */
struct host_handlers {
    void (*on_event)(void *arg, const struct fuo_event *event); /* borrowed */
    void (*on_state)(void *arg, bool mqtt_up);
    void (*log)(void *arg, enum fuo_log_level level, const char *text);
};

/* As the plugin's open(), and FUO_EINVAL for a bad config. *host is set on success only. */
FUO_MUST_CHECK int host_open(struct uv_loop_s *loop, const struct host_config *config,
                             const struct host_handlers *handlers, void *arg,
                             struct fuo_host **host);

/*
 * Close instance and connections; events not delivered yet are forgotten. on_closed (may
 * be NULL) is the last call made, about a second later; with a carrier at once. Accepts
 * NULL: then nothing is called.
 */
void host_close(struct fuo_host *host, void (*on_closed)(void *arg), void *arg);

void host_caps(const struct fuo_host *host, struct fuo_caps *caps);
bool host_mqtt_up(const struct fuo_host *host);

/* Intents, as plugin.h; FUO_ENOTSUP where the plugin has no such function. */
FUO_MUST_CHECK int host_unicast(struct fuo_host *host,
                                const struct fuo_unicast *downlink);
FUO_MUST_CHECK int host_unicast_flush(struct fuo_host *host, uint64_t id,
                                      uint64_t dev_eui);
FUO_MUST_CHECK int host_group_open(struct fuo_host *host, const struct fuo_group *group);
FUO_MUST_CHECK int host_group_close(struct fuo_host *host, uint64_t id,
                                    const char *group);
FUO_MUST_CHECK int host_multicast(struct fuo_host *host,
                                  const struct fuo_multicast *frame);
FUO_MUST_CHECK int host_queue_poll(struct fuo_host *host, uint64_t id, const char *group);
FUO_MUST_CHECK int host_queue_flush(struct fuo_host *host, uint64_t id,
                                    const char *group);

FUO_MUST_CHECK int host_probe(struct fuo_host *host, uint64_t id);
FUO_MUST_CHECK int host_inventory(struct fuo_host *host,
                                  const struct fuo_inventory *inventory);
FUO_MUST_CHECK int host_order(struct fuo_host *host, const struct fuo_order *order);
FUO_MUST_CHECK int host_access(struct fuo_host *host, const struct fuo_access *access);
FUO_MUST_CHECK int host_gateway_airtime(struct fuo_host *host, uint64_t id,
                                        const uint64_t *gateways, size_t count);

/* How the connections are. The texts are borrowed until the next turn of the loop. */
struct host_health {
    bool has_mqtt;
    bool mqtt_up;
    const char *mqtt_problem; /* "": none */
    struct mqtt_stats mqtt;
    bool has_http;
    const char *http_problem; /* "": none */
};

void host_health(const struct fuo_host *host, struct host_health *health);

/* For the owner of a carrier. Events come out of these, too. */
void host_deliver(struct fuo_host *host);
void host_take_message(struct fuo_host *host, const struct mqtt_message *message);
void host_take_published(struct fuo_host *host, uint64_t id, int err);
void host_take_response(struct fuo_host *host, uint64_t id,
                        const struct fuo_http_response *response);

/* What was rejected, by kind: *kind is a borrowed constant. false: index is too big. */
bool host_reject(const struct fuo_host *host, size_t index, const char **kind,
                 uint64_t *count);
