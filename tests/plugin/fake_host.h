/* SPDX-License-Identifier: MIT */
/*
 * fake_host.h - a host that records what a plugin asks for, and answers nothing: the test
 * does. No network, no loop.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "plugin/loader.h"
#include "plugin/options.h"
#include "plugin/queue.h"

enum {
    FAKE_MAX = 64,
    FAKE_BODY_MAX = 4096,
};

struct fake_request {
    uint64_t id;
    char method[8];
    char path[192];
    char content_type[48]; /* "": none */
    uint8_t body[FAKE_BODY_MAX];
    size_t body_len;
};

struct fake_publish {
    uint64_t id;
    char topic[160];
    char payload[1024]; /* with a NUL behind it */
    size_t payload_len;
    int qos;
};

struct fuo_host {
    struct fake_request requests[FAKE_MAX]; /* the latest ones, a ring */
    size_t request_count;
    size_t answered_count;
    struct fake_publish published;
    size_t publish_count;
    char filter[160]; /* the latest */
    int filter_qos;
    size_t filter_count;
    struct event_queue events;
    const char *rejected; /* the latest kind */
    size_t reject_count;
    char log[16384];
    const char *version_pointer;
    int refuse; /* what publish() and http() return */
};

static inline void fake_log(struct fuo_host *h, enum fuo_log_level level,
                            const char *text)
{
    size_t used = strlen(h->log);
    (void)level;
    snprintf(h->log + used, sizeof(h->log) - used, "%s\n", text);
}

static inline void fake_reject(struct fuo_host *h, const char *kind)
{
    h->rejected = kind;
    h->reject_count++;
}

static inline void fake_event(struct fuo_host *h, const struct fuo_event *event)
{
    assert_int_equal(event_queue_put(&h->events, event), FUO_OK);
}

static inline int fake_subscribe(struct fuo_host *h, const char *filter, int qos)
{
    snprintf(h->filter, sizeof(h->filter), "%s", filter);
    h->filter_qos = qos;
    h->filter_count++;
    return h->refuse;
}

static inline int fake_publish_op(struct fuo_host *h, uint64_t id, const char *topic,
                                  const uint8_t *payload, size_t len, int qos)
{
    if (h->refuse != FUO_OK) {
        return h->refuse;
    }
    h->publish_count++;
    h->published = (struct fake_publish){.id = id, .qos = qos};
    snprintf(h->published.topic, sizeof(h->published.topic), "%s", topic);
    assert_true(len < sizeof(h->published.payload));
    memcpy(h->published.payload, payload, len);
    h->published.payload_len = len;
    return FUO_OK;
}

static inline int fake_http(struct fuo_host *h, uint64_t id,
                            const struct fuo_http_request *request)
{
    if (h->refuse != FUO_OK) {
        return h->refuse;
    }
    assert_true(request->body_len <= FAKE_BODY_MAX);
    struct fake_request *r = &h->requests[h->request_count++ % FAKE_MAX];
    *r = (struct fake_request){.id = id, .body_len = request->body_len};
    snprintf(r->path, sizeof(r->path), "%s", request->path);
    snprintf(r->method, sizeof(r->method), "%s", request->method);
    snprintf(r->content_type, sizeof(r->content_type), "%s",
             request->content_type != NULL ? request->content_type : "");
    if (request->body_len > 0) {
        memcpy(r->body, request->body, request->body_len);
    }
    return FUO_OK;
}

static inline const char *fake_version_pointer(struct fuo_host *h)
{
    return h->version_pointer;
}

static const struct fuo_host_ops fake_ops = {
    .size = sizeof(struct fuo_host_ops),
    .log = fake_log,
    .reject = fake_reject,
    .event = fake_event,
    .subscribe = fake_subscribe,
    .publish = fake_publish_op,
    .http = fake_http,
    .version_pointer = fake_version_pointer,
};

/* A plugin through the real loader, with options, on a fake host. */
struct rig {
    struct loaded_plugin loaded;
    struct plugin_options *options;
    struct fuo_host host;
    struct fuo_ns *ns;
    struct event_node *node; /* the event given out last */
};

static inline void rig_print(void *arg, size_t index, const char *text)
{
    (void)arg;
    printf("option %zu: %s\n", index, text);
}

static inline void rig_load(struct rig *rig, const char *name,
                            const struct option_pair *pairs, size_t count)
{
    char why[256] = "";
    const char *folder = getenv("FUO_PLUGINS");
    assert_non_null(folder);
    *rig = (struct rig){0};
    int err = plugin_load(folder, name, &rig->loaded, why, sizeof(why));
    assert_string_equal(why, "");
    assert_int_equal(err, FUO_OK);
    assert_int_equal(plugin_options_parse(&rig->loaded.plugin, pairs, count, rig_print,
                                          NULL, &rig->options),
                     FUO_OK);
}

static inline void rig_open(struct rig *rig, const char *name,
                            const struct option_pair *pairs, size_t count)
{
    rig_load(rig, name, pairs, count);
    assert_int_equal(rig->loaded.plugin.open(&rig->ns,
                                             plugin_options_config(rig->options),
                                             &fake_ops, &rig->host),
                     FUO_OK);
}

static inline void rig_close(struct rig *rig)
{
    rig->loaded.plugin.close(rig->ns);
    event_node_free(rig->node);
    event_queue_clear(&rig->host.events);
    plugin_options_destroy(rig->options);
    plugin_unload(&rig->loaded);
}

/* The next event; NULL: none. Valid until the next call. */
static inline const struct fuo_event *rig_event(struct rig *rig)
{
    event_node_free(rig->node);
    rig->node = event_queue_take(&rig->host.events);
    return rig->node != NULL ? event_node_event(rig->node) : NULL;
}
