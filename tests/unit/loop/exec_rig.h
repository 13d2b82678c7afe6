/* SPDX-License-Identifier: MIT */
/*
 * exec_rig.h - the effects against a plugin that only remembers: a daemon put together by
 * hand, with a real engine, store and host. What the engine makes of the answers is its own
 * tests' matter.
 */
#pragma once

#include <stdlib.h>

#include "engine_fixture.h"

#include "crypto/keys.h"
#include "io/secrets.h"
#include "loop/internal.h"
#include "loop/notify.h"
#include "plugin/host.h"
#include "store/seal.h"
#include "temp.h"

struct seen {
    size_t calls;
    uint64_t id;
    uint64_t dev_eui;
    char name[96];
    char region[16];
    uint8_t nwk_s_key[16];
    uint64_t devices[4];
    size_t device_count;
    uint32_t mc_addr;
    uint32_t f_cnt;
    uint8_t payload[8];
    int64_t at_us;
    bool direct; /* what caps() says */
    struct fuo_air air;
    uint8_t phy[255];
    char handle[FUO_GROUP_SIZE];
    const char *what;
    int err; /* of the next call */
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
};

struct fuo_ns {
    struct seen *seen;
};

/* The plugin's config: where to write. */
struct seen_config {
    struct seen *seen;
};

static struct fuo_ns the_ns;

static inline int seen_open(struct fuo_ns **ns, const void *config,
                            const struct fuo_host_ops *ops, struct fuo_host *host)
{
    the_ns.seen = ((const struct seen_config *)config)->seen;
    the_ns.seen->ops = ops;
    the_ns.seen->host = host;
    *ns = &the_ns;
    return FUO_OK;
}

static inline void seen_close(struct fuo_ns *ns)
{
    (void)ns;
}

static inline void seen_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    caps->queue_rows_max = 4;
    caps->direct = ns->seen->direct;
}

static inline void seen_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                             size_t payload_len, bool retained)
{
    (void)ns;
    (void)topic;
    (void)payload;
    (void)payload_len;
    (void)retained;
}

static inline void seen_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static inline void seen_http(struct fuo_ns *ns, uint64_t id,
                             const struct fuo_http_response *response)
{
    (void)ns;
    (void)id;
    (void)response;
}

static inline int note(struct fuo_ns *ns, const char *what, uint64_t id)
{
    ns->seen->calls++;
    ns->seen->what = what;
    ns->seen->id = id;
    int err = ns->seen->err;
    ns->seen->err = FUO_OK;
    return err;
}

static inline int seen_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    ns->seen->dev_eui = downlink->dev_eui;
    memcpy(ns->seen->payload, downlink->payload, downlink->payload_len);
    return note(ns, "unicast", downlink->id);
}

static inline int seen_unicast_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    ns->seen->dev_eui = dev_eui;
    return note(ns, "unicast_flush", id);
}

static inline int seen_group_open(struct fuo_ns *ns, const struct fuo_group *group)
{
    struct seen *seen = ns->seen;
    snprintf(seen->name, sizeof(seen->name), "%s", group->name);
    snprintf(seen->region, sizeof(seen->region), "%s", group->region);
    memcpy(seen->nwk_s_key, group->mc_nwk_s_key, sizeof(seen->nwk_s_key));
    seen->device_count = group->device_count;
    seen->mc_addr = group->mc_addr;
    seen->f_cnt = group->f_cnt;
    return note(ns, "group_open", group->id);
}

static inline int seen_group_close(struct fuo_ns *ns, uint64_t id, const char *group)
{
    snprintf(ns->seen->handle, sizeof(ns->seen->handle), "%s", group);
    return note(ns, "group_close", id);
}

static inline int seen_multicast(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    memcpy(ns->seen->payload, frame->payload, frame->payload_len);
    ns->seen->at_us = frame->at_us;
    if (frame->air != NULL) {
        ns->seen->air = *frame->air;
        memcpy(ns->seen->phy, frame->air->phy, frame->air->phy_len);
    }
    return note(ns, "multicast", frame->id);
}

static inline int seen_queue_poll(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)group;
    return note(ns, "queue_poll", id);
}

static inline int seen_queue_flush(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)group;
    return note(ns, "queue_flush", id);
}

static const struct fuo_ns_plugin seen_plugin = {
    .abi = FUO_NS_ABI,
    .size = sizeof(seen_plugin),
    .name = "seen",
    .config_size = sizeof(struct seen_config),
    .open = seen_open,
    .close = seen_close,
    .caps = seen_caps,
    .on_mqtt = seen_mqtt,
    .on_published = seen_published,
    .on_http = seen_http,
    .unicast = seen_unicast,
    .unicast_flush = seen_unicast_flush,
    .group_open = seen_group_open,
    .group_close = seen_group_close,
    .multicast = seen_multicast,
    .queue_poll = seen_queue_poll,
    .queue_flush = seen_queue_flush,
};

/* ---- a daemon by hand ---- */

struct rig {
    uv_loop_t loop;
    struct temp temp;
    struct engine_fixture f;
    struct seen seen;
    struct seen_config config;
    struct fleet_entry fleet;
    struct daemon_doc doc;
    struct daemon d;
    size_t answers;
    uint32_t speaks_for; /* the fleet whose server the host talks to */
};

static inline void on_event(void *arg, const struct fuo_event *event)
{
    struct rig *rig = arg;
    rig->answers++;
    answers_take(&rig->d, rig->speaks_for, event);
}

static inline void wake(void *arg)
{
    struct rig *rig = arg;
    uv_async_send(&rig->d.store_async);
}

static inline void on_wake(uv_async_t *handle)
{
    commit_on_store(handle->data);
}

static inline void open_store(struct rig *rig)
{
    char path[2 * TEMP_PATH_SIZE];
    struct secret key = {0};
    struct detail detail = {0};
    assert_int_equal(secret_alloc(SEAL_KEY_BYTES, &key), FUO_OK);
    struct store_config config = {
        .path = temp_path(&rig->temp, "db", path),
        .sealing_key = &key,
        .notify = wake,
        .arg = rig,
    };
    assert_int_equal(store_open(&config, &rig->d.store, &detail), FUO_OK);
    secret_release(&key);
}

static inline void open_host(struct rig *rig)
{
    static const struct host_handlers handlers = {.on_event = on_event};
    struct host_config config = {
        .plugin = &seen_plugin,
        .plugin_config = &rig->config,
    };
    rig->config.seen = &rig->seen;
    assert_int_equal(host_open(&rig->loop, &config, &handlers, rig, &rig->fleet.host),
                     FUO_OK);
}

static inline void add_campaign(struct rig *rig)
{
    struct campaign_entry *entry = calloc(1, sizeof(*entry));
    entry->id = FIXTURE_CAMPAIGN;
    entry->doc = rig->f.campaign;
    entry->image = malloc(FIXTURE_IMAGE_BYTES);
    memcpy(entry->image, rig->f.image, FIXTURE_IMAGE_BYTES);
    entry->image_len = FIXTURE_IMAGE_BYTES;
    campaigns_add(&rig->d.campaigns, entry);
    struct engine_event event = fixture_apply(&rig->f);
    driver_feed(rig->d.driver, &event);
}

static inline void run(struct rig *rig)
{
    while (!driver_is_idle(rig->d.driver) || rig->d.key_jobs.tag != 0) {
        uv_run(&rig->loop, UV_RUN_ONCE);
    }
}

static inline void on_retry(uv_timer_t *timer)
{
    commit_on_retry(timer->data);
}

static inline void start(struct rig *rig)
{
    struct daemon *d = &rig->d;
    *rig = (struct rig){.temp = temp_create(), .speaks_for = FIXTURE_FLEET};
    assert_int_equal(secrets_init(), FUO_OK);
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    fixture_start(&rig->f);
    memcpy(rig->doc.name, "main", 5);
    d->loop = &rig->loop;
    d->doc = &rig->doc;
    assert_int_equal(clock_init(&d->clock, NULL), FUO_OK);
    uv_async_init(&rig->loop, &d->store_async, on_wake);
    uv_timer_init(&rig->loop, &d->retry_timer);
    uv_timer_init(&rig->loop, &d->watch_timer);
    d->store_async.data = d;
    d->retry_timer.data = d;
    d->on_retry = on_retry;
    d->driver = driver_create(&rig->loop, &d->clock, &commit_ports, d);
    d->engine = rig->f.engine;
    assert_int_equal(keyring_create(&d->keyring), FUO_OK);
    open_store(rig);
    rig->fleet.doc = rig->f.fleet;
    rig->fleet.id = FIXTURE_FLEET;
    d->fleets.items = &rig->fleet;
    d->fleets.count = 1;
    open_host(rig);
    notify_init(d);
    driver_recover(d->driver, d->engine);
    add_campaign(rig);
    run(rig);
    exec_forget(d); /* what the engine asked for by itself */
    rig->seen.calls = 0;
}

static inline void stop(struct rig *rig)
{
    struct daemon *d = &rig->d;
    host_close(rig->fleet.host, NULL, NULL);
    notify_close(d);
    driver_close(d->driver, NULL, NULL);
    uv_close((uv_handle_t *)&d->store_async, NULL);
    uv_close((uv_handle_t *)&d->retry_timer, NULL);
    uv_close((uv_handle_t *)&d->watch_timer, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    store_close(d->store);
    store_batch_finish(&d->rows);
    exec_forget(d);
    notify_free(d);
    gateways_finish(&d->gateways);
    keyring_destroy(d->keyring);
    d->campaigns.head->doc = NULL;
    fixture_stop(&rig->f);
    campaigns_clear(&d->campaigns);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    temp_remove(&rig->temp);
}

/* The answer of the plugin to the last intent, taken by the loop. */
static inline void answer(struct rig *rig, struct fuo_event event)
{
    size_t before = rig->answers;
    event.size = sizeof(event);
    rig->seen.ops->event(rig->seen.host, &event);
    while (rig->answers == before) {
        uv_run(&rig->loop, UV_RUN_ONCE);
    }
    run(rig);
}

static inline struct effect effect_of(enum effect_type type)
{
    return (struct effect){.type = type, .fleet_id = FIXTURE_FLEET};
}
