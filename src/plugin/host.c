/* SPDX-License-Identifier: MIT */
#include "plugin/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "io/cleanup.h"
#include "plugin/lend.h"
#include "plugin/queue.h"

enum {
    LOG_SIZE = 512,
};

struct reject_count {
    const char *kind; /* a constant of the plugin's or ours */
    uint64_t count;
};

struct fuo_host {
    const struct fuo_ns_plugin *plugin;
    struct fuo_ns *ns;
    struct fuo_host_ops ops;
    struct host_handlers handlers;
    const char *version_pointer;
    void *arg;
    struct mqtt_client *mqtt;    /* NULL: none */
    struct http_client *http;    /* NULL: none */
    struct host_carrier carrier; /* zeroed: the two above */
    struct lend lend;
    uv_async_t wake; /* events wait */
    struct event_queue events;
    struct reject_count rejects[HOST_REJECT_KINDS_MAX];
    size_t reject_kinds;
    bool closing;
    int parts_open; /* of connections and wake: closed when all are */
    void (*on_closed)(void *arg);
    void *closed_arg;
};

/* ---- services for the plugin ---- */

static void op_log(struct fuo_host *h, enum fuo_log_level level, const char *text)
{
    char line[LOG_SIZE];
    snprintf(line, sizeof(line), "%.63s: %.440s", h->plugin->name, text);
    h->handlers.log(h->arg, level, line);
}

static void op_reject(struct fuo_host *h, const char *kind)
{
    char line[LOG_SIZE];
    for (size_t i = 0; i < h->reject_kinds; i++) {
        if (strcmp(h->rejects[i].kind, kind) == 0) {
            h->rejects[i].count++;
            return;
        }
    }
    if (h->reject_kinds == HOST_REJECT_KINDS_MAX) {
        return;
    }
    h->rejects[h->reject_kinds++] = (struct reject_count){kind, 1};
    snprintf(line, sizeof(line), "ignored: %s (more of this kind is only counted)", kind);
    op_log(h, FUO_LOG_WARN, line);
}

static bool is_carried(const struct fuo_host *h)
{
    return h->carrier.wake != NULL;
}

static void wake(struct fuo_host *h)
{
    if (is_carried(h)) {
        h->carrier.wake(h->carrier.arg);
    } else {
        uv_async_send(&h->wake);
    }
}

static void op_event(struct fuo_host *h, const struct fuo_event *event)
{
    int err = event_queue_put(&h->events, event);
    switch (err) {
    case FUO_OK:
        wake(h);
        return;
    case FUO_ENOSPC:
        op_reject(h, "event queue full");
        return;
    case FUO_EINVAL:
        op_reject(h, "event out of bounds");
        return;
    default:
        op_reject(h, "event lost: out of memory");
        return;
    }
}

static int op_subscribe(struct fuo_host *h, const char *topic_filter, int qos)
{
    if (is_carried(h)) {
        return h->carrier.subscribe(h->carrier.arg, topic_filter, qos);
    }
    if (h->mqtt == NULL) {
        return FUO_ENOTSUP;
    }
    return mqtt_subscribe(h->mqtt, topic_filter, qos);
}

static int op_publish(struct fuo_host *h, uint64_t id, const char *topic,
                      const uint8_t *payload, size_t payload_len, int qos)
{
    struct mqtt_publish publish = {
        .id = id,
        .topic = topic,
        .payload = payload,
        .payload_len = payload_len,
        .qos = qos,
    };
    if (is_carried(h)) {
        return h->carrier.publish(h->carrier.arg, &publish);
    }
    return h->mqtt != NULL ? mqtt_publish(h->mqtt, &publish) : FUO_ENOTSUP;
}

static int op_http(struct fuo_host *h, uint64_t id,
                   const struct fuo_http_request *request)
{
    if (is_carried(h)) {
        return h->carrier.http(h->carrier.arg, id, request);
    }
    if (h->http == NULL) {
        return FUO_ENOTSUP;
    }
    return http_request(h->http, id, request);
}

/* ---- services for one that is a server itself: lend.c ---- */

static int op_watch(struct fuo_host *h, int fd)
{
    return lend_watch(&h->lend, fd);
}

static void op_wake_after(struct fuo_host *h, int64_t delay_us)
{
    lend_wake_after(&h->lend, delay_us);
}

static int64_t op_now(struct fuo_host *h)
{
    return lend_now(&h->lend);
}

static void op_random(struct fuo_host *h, uint8_t *bytes, size_t len)
{
    lend_random(&h->lend, bytes, len);
}

static int op_derive(struct fuo_host *h, const char *text, uint8_t bytes[16])
{
    return lend_derive(&h->lend, text, bytes);
}

static int op_find_device(struct fuo_host *h, const char *name, uint64_t *dev_eui)
{
    return lend_find_device(&h->lend, name, dev_eui);
}

static int op_device_key(struct fuo_host *h, uint64_t dev_eui, uint8_t key[16])
{
    return lend_device_key(&h->lend, dev_eui, key);
}

static int op_factory_key(struct fuo_host *h, uint64_t dev_eui, uint8_t key[16])
{
    return lend_factory_key(&h->lend, dev_eui, key);
}

static const char *op_version_pointer(struct fuo_host *h)
{
    return h->version_pointer;
}

static int op_image(struct fuo_host *h, uint32_t image, const uint8_t **bytes,
                    size_t *len)
{
    return lend_image(&h->lend, image, bytes, len);
}

/* ---- from the network into the plugin ---- */

/* At most what waits now: an answer to an intent made meanwhile has to wait its turn. */
static void deliver(struct fuo_host *h)
{
    for (size_t left = h->events.count; left > 0 && !h->closing; left--) {
        struct event_node *node = event_queue_take(&h->events);
        if (node == NULL) {
            return;
        }
        if (h->handlers.on_event != NULL) {
            h->handlers.on_event(h->arg, event_node_event(node));
        }
        event_node_free(node);
    }
}

void host_deliver(struct fuo_host *h)
{
    deliver(h);
    if (h->events.count > 0 && !h->closing) {
        wake(h);
    }
}

void host_take_message(struct fuo_host *h, const struct mqtt_message *m)
{
    h->plugin->on_mqtt(h->ns, m->topic, m->payload, m->payload_len, m->retained);
    deliver(h);
}

void host_take_published(struct fuo_host *h, uint64_t id, int err)
{
    h->plugin->on_published(h->ns, id, err);
    deliver(h);
}

void host_take_response(struct fuo_host *h, uint64_t id,
                        const struct fuo_http_response *response)
{
    h->plugin->on_http(h->ns, id, response);
    deliver(h);
}

static void on_wake(uv_async_t *handle)
{
    host_deliver(handle->data);
}

static void on_ready(void *arg)
{
    struct fuo_host *h = arg;
    if (h->closing || h->ns == NULL || h->plugin->on_ready == NULL) {
        return;
    }
    h->plugin->on_ready(h->ns);
    deliver(h);
}

static void on_mqtt_state(void *arg, bool up)
{
    struct fuo_host *h = arg;
    if (!h->closing && h->handlers.on_state != NULL) {
        h->handlers.on_state(h->arg, up);
    }
}

static void on_mqtt_message(void *arg, const struct mqtt_message *m)
{
    host_take_message(arg, m);
}

static void on_mqtt_published(void *arg, uint64_t id, int err)
{
    host_take_published(arg, id, err);
}

static void on_http_response(void *arg, uint64_t id,
                             const struct fuo_http_response *response)
{
    host_take_response(arg, id, response);
}

static void on_net_log(void *arg, enum fuo_log_level level, const char *text)
{
    struct fuo_host *h = arg;
    h->handlers.log(h->arg, level, text);
}

/* ---- open and close ---- */

static void on_part_closed(void *arg)
{
    struct fuo_host *h = arg;
    if (--h->parts_open > 0) {
        return;
    }
    void (*on_closed)(void *) = h->on_closed;
    void *closed_arg = h->closed_arg;
    event_queue_clear(&h->events);
    free(h);
    if (on_closed != NULL) {
        on_closed(closed_arg);
    }
}

static void on_wake_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void close_parts(struct fuo_host *h)
{
    h->closing = true;
    h->parts_open = 2 + (h->mqtt != NULL) + (h->http != NULL);
    lend_close(&h->lend);
    if (is_carried(h)) {
        on_part_closed(h);
        return;
    }
    mqtt_client_close(TAKE(h->mqtt), on_part_closed, h);
    http_client_close(TAKE(h->http), on_part_closed, h);
    uv_close((uv_handle_t *)&h->wake, on_wake_closed);
}

static int open_connections(struct fuo_host *h, uv_loop_t *loop,
                            const struct host_config *config)
{
    static const struct mqtt_handlers mqtt_handlers = {
        .on_state = on_mqtt_state,
        .on_message = on_mqtt_message,
        .on_published = on_mqtt_published,
        .log = on_net_log,
    };
    static const struct http_handlers http_handlers = {
        .on_response = on_http_response,
        .log = on_net_log,
    };
    int err = FUO_OK;
    if (config->mqtt != NULL) {
        err = mqtt_client_open(loop, config->mqtt, &mqtt_handlers, h, &h->mqtt);
    }
    if (err == FUO_OK && config->http != NULL) {
        err = http_client_open(loop, config->http, &http_handlers, h, &h->http);
    }
    return err;
}

static int open_on_loop(struct fuo_host *h, uv_loop_t *loop,
                        const struct host_config *config)
{
    if (uv_async_init(loop, &h->wake, on_wake) != 0) {
        return FUO_ENOMEM;
    }
    h->wake.data = h;
    return open_connections(h, loop, config);
}

static int open_lend(struct fuo_host *h, uv_loop_t *loop,
                     const struct host_config *config)
{
    struct lend lend = {
        .services = config->services,
        .arg = config->services_arg,
        .loop = is_carried(h) ? NULL : loop,
        .on_ready = on_ready,
        .on_closed = on_part_closed,
        .owner = h,
    };
    return lend_open(&h->lend, &lend);
}

static void init(struct fuo_host *h, const struct host_config *config,
                 const struct host_handlers *handlers, void *arg)
{
    h->plugin = config->plugin;
    h->version_pointer = config->version_pointer;
    h->handlers = *handlers;
    h->arg = arg;
    if (config->carrier != NULL) {
        h->carrier = *config->carrier;
    }
    h->ops = (struct fuo_host_ops){
        .size = sizeof(h->ops),
        .log = op_log,
        .reject = op_reject,
        .event = op_event,
        .subscribe = op_subscribe,
        .publish = op_publish,
        .http = op_http,
        .watch = op_watch,
        .wake_after = op_wake_after,
        .now = op_now,
        .random = op_random,
        .derive = op_derive,
        .find_device = op_find_device,
        .device_key = op_device_key,
        .image = op_image,
        .version_pointer = op_version_pointer,
        .factory_key = op_factory_key,
    };
}

int host_open(struct uv_loop_s *loop, const struct host_config *config,
              const struct host_handlers *handlers, void *arg, struct fuo_host **host)
{
    AUTO_FREE struct fuo_host *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return FUO_ENOMEM;
    }
    init(h, config, handlers, arg);
    int err = is_carried(h) ? FUO_OK : open_on_loop(h, loop, config);
    if (err != FUO_OK && h->wake.data == NULL) {
        return err; /* nothing is open */
    }
    int lend_err = open_lend(h, loop, config);
    err = err == FUO_OK ? lend_err : err;
    if (err == FUO_OK) {
        err = h->plugin->open(&h->ns, config->plugin_config, &h->ops, h);
    }
    if (err != FUO_OK) {
        close_parts(TAKE(h)); /* frees it on the loop */
        return err;
    }
    *host = TAKE(h);
    return FUO_OK;
}

void host_close(struct fuo_host *host, void (*on_closed)(void *arg), void *arg)
{
    if (host == NULL) {
        return;
    }
    assert(!host->closing);
    host->on_closed = on_closed;
    host->closed_arg = arg;
    lend_stop(&host->lend); /* before the descriptor is closed */
    host->plugin->close(TAKE(host->ns));
    close_parts(host);
}

/* ---- intents ---- */

/* What is lent to a plugin that may be newer than we are: zeros follow. */
union lent {
    struct fuo_caps caps;
    struct fuo_unicast unicast;
    struct fuo_group group;
    struct fuo_multicast multicast;
    struct fuo_order order;
    struct fuo_access access;
    uint8_t room[sizeof(struct fuo_group) + FUO_SPARE_BYTES];
};

static_assert(sizeof(struct fuo_caps) <= sizeof(struct fuo_group) &&
                  sizeof(struct fuo_unicast) <= sizeof(struct fuo_group) &&
                  sizeof(struct fuo_order) <= sizeof(struct fuo_group) &&
                  sizeof(struct fuo_access) <= sizeof(struct fuo_group) &&
                  sizeof(struct fuo_multicast) <= sizeof(struct fuo_group),
              "the group is the largest");

void host_caps(const struct fuo_host *host, struct fuo_caps *caps)
{
    union lent lent = {.room = {0}};
    host->plugin->caps(host->ns, &lent.caps);
    *caps = lent.caps;
}

bool host_mqtt_up(const struct fuo_host *host)
{
    return host->mqtt != NULL && mqtt_is_up(host->mqtt);
}

int host_unicast(struct fuo_host *host, const struct fuo_unicast *downlink)
{
    union lent lent = {.room = {0}};
    memcpy(&lent, downlink, sizeof(*downlink));
    return host->plugin->unicast(host->ns, &lent.unicast);
}

int host_unicast_flush(struct fuo_host *host, uint64_t id, uint64_t dev_eui)
{
    return host->plugin->unicast_flush(host->ns, id, dev_eui);
}

int host_group_open(struct fuo_host *host, const struct fuo_group *group)
{
    if (host->plugin->group_open == NULL) {
        return FUO_ENOTSUP;
    }
    union lent lent = {.room = {0}};
    memcpy(&lent, group, sizeof(*group));
    return host->plugin->group_open(host->ns, &lent.group);
}

int host_group_close(struct fuo_host *host, uint64_t id, const char *group)
{
    if (host->plugin->group_close == NULL) {
        return FUO_ENOTSUP;
    }
    return host->plugin->group_close(host->ns, id, group);
}

int host_multicast(struct fuo_host *host, const struct fuo_multicast *frame)
{
    if (host->plugin->multicast == NULL) {
        return FUO_ENOTSUP;
    }
    union lent lent = {.room = {0}};
    memcpy(&lent, frame, sizeof(*frame));
    return host->plugin->multicast(host->ns, &lent.multicast);
}

int host_queue_poll(struct fuo_host *host, uint64_t id, const char *group)
{
    if (host->plugin->queue_poll == NULL) {
        return FUO_ENOTSUP;
    }
    return host->plugin->queue_poll(host->ns, id, group);
}

int host_queue_flush(struct fuo_host *host, uint64_t id, const char *group)
{
    if (host->plugin->queue_flush == NULL) {
        return FUO_ENOTSUP;
    }
    return host->plugin->queue_flush(host->ns, id, group);
}

int host_probe(struct fuo_host *host, uint64_t id)
{
    return host->plugin->probe == NULL ? FUO_ENOTSUP : host->plugin->probe(host->ns, id);
}

int host_inventory(struct fuo_host *host, const struct fuo_inventory *inventory)
{
    return host->plugin->inventory == NULL ? FUO_ENOTSUP
                                           : host->plugin->inventory(host->ns, inventory);
}

int host_order(struct fuo_host *host, const struct fuo_order *order)
{
    if (host->plugin->order == NULL) {
        return FUO_ENOTSUP;
    }
    union lent lent = {.room = {0}};
    memcpy(&lent, order, sizeof(*order));
    return host->plugin->order(host->ns, &lent.order);
}

int host_access(struct fuo_host *host, const struct fuo_access *access)
{
    if (host->plugin->access == NULL) {
        return FUO_ENOTSUP;
    }
    union lent lent = {.room = {0}};
    memcpy(&lent, access, sizeof(*access));
    return host->plugin->access(host->ns, &lent.access);
}

int host_gateway_airtime(struct fuo_host *host, uint64_t id, const uint64_t *gateways,
                         size_t count)
{
    return host->plugin->gateway_airtime == NULL
               ? FUO_ENOTSUP
               : host->plugin->gateway_airtime(host->ns, id, gateways, count);
}

void host_health(const struct fuo_host *host, struct host_health *health)
{
    *health = (struct host_health){
        .has_mqtt = host->mqtt != NULL,
        .mqtt_up = host_mqtt_up(host),
        .mqtt_problem = host->mqtt != NULL ? mqtt_problem(host->mqtt) : "",
        .has_http = host->http != NULL,
        .http_problem = host->http != NULL ? http_problem(host->http) : "",
    };
    if (host->mqtt != NULL) {
        health->mqtt = mqtt_stats(host->mqtt);
    }
}

bool host_reject(const struct fuo_host *host, size_t index, const char **kind,
                 uint64_t *count)
{
    if (index >= host->reject_kinds) {
        return false;
    }
    *kind = host->rejects[index].kind;
    *count = host->rejects[index].count;
    return true;
}
