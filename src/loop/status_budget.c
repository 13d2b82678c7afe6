/* SPDX-License-Identifier: MIT */
/* The topics gw/budget/<shard>: airtime of the gateways, now and then. */
#include <stdio.h>
#include <string.h>

#include "base/fnv.h"
#include "io/cleanup.h"
#include "loop/internal.h"
#include "loop/render.h"

enum {
    SHARD_SHIFT = 58,
    EVERY_MS = 10000,
    EXPIRY_S = 7200,
    TOPIC_SIZE = 640,
};

static unsigned shard_of(uint64_t gateway)
{
    return (unsigned)((gateway * UINT64_C(0x9e3779b97f4a7c15)) >> SHARD_SHIFT);
}

/* Takes list. Nothing new is not said again, until what is retained would expire. */
static void say(struct daemon *d, unsigned shard, struct json_object *list)
{
    char topic[TOPIC_SIZE];
    struct json_object *object = json_object_new_object();
    render_add(object, "gateways", list);
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    uint64_t hash = fnv1a(text, strlen(text));
    struct status_budget *said = &d->budgets_said[shard];
    bool fresh = uv_now(d->loop) - said->at_ms < (uint64_t)EXPIRY_S * 1000 / 2;
    snprintf(topic, sizeof(topic), "%s/gw/budget/%02x", status_prefix(d->status), shard);
    struct mqtt_publish publish = {
        .id = MQTT_DIRECT_ID,
        .topic = topic,
        .payload = (const uint8_t *)text,
        .payload_len = strlen(text),
        .retain = true,
        .expiry_s = EXPIRY_S,
    };
    if ((said->hash != hash || !fresh) && mqtt_publish(d->mqtt, &publish) == FUO_OK) {
        *said = (struct status_budget){.hash = hash, .at_ms = uv_now(d->loop)};
    }
    json_object_put(object);
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    struct json_object *lists[STATUS_BUDGET_SHARDS] = {0};
    struct engine_budget budget;
    struct utc now = clock_utc(&d->clock);
    if (d->mqtt == NULL || !mqtt_is_up(d->mqtt) || driver_is_down(d->driver)) {
        return;
    }
    for (size_t i = 0; engine_budget_at(d->engine, i, now, &budget); i++) {
        unsigned shard = shard_of(budget.gateway);
        if (lists[shard] == NULL) {
            lists[shard] = json_object_new_array();
        }
        json_object_array_add(lists[shard], budget_render(&budget));
    }
    for (unsigned shard = 0; shard < STATUS_BUDGET_SHARDS; shard++) {
        if (lists[shard] != NULL) {
            say(d, shard, lists[shard]);
        }
    }
}

void status_budget_start(struct daemon *d)
{
    if (d->status != NULL) {
        uv_timer_start(&d->budget_timer, on_timer, EVERY_MS, EVERY_MS);
    }
}

void status_budget_again(struct daemon *d)
{
    memset(d->budgets_said, 0, sizeof(d->budgets_said));
}
