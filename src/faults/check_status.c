/* SPDX-License-Identifier: MIT */
/* What somebody who listens to the status topics may rely on (design 3.4). */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/fnv.h"
#include "faults/check_internal.h"

static const char *text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    const char *text = json_object_object_get_ex(object, key, &value)
                           ? json_object_get_string(value)
                           : NULL;
    return text != NULL ? text : "";
}

static uint64_t number_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value)
               ? (uint64_t)json_object_get_int64(value)
               : 0;
}

static enum outcome outcome_of(const char *name)
{
    int i = 0;
    while (i < OUTCOME_COUNT && strcmp(outcome_name((enum outcome)i), name) != 0) {
        i++;
    }
    return (enum outcome)i;
}

/* What is told is what the disk has, or had before the device went again. */
static void take_result(struct check *c, struct json_object *result)
{
    uint64_t dev_eui = 0;
    const char *eui = text_of(result, "dev_eui");
    bool good = eui_parse(eui, strlen(eui), &dev_eui) == FUO_OK;
    struct check_device *d = good ? check_device_of(c, dev_eui) : NULL;
    enum outcome outcome = outcome_of(text_of(result, "outcome"));
    if (d == NULL || outcome == OUTCOME_COUNT) {
        check_violated(c, CHECK_RESULT, "a result is of no device or has no outcome");
        return;
    }
    if (outcome != OUTCOME_NONE && (d->outcomes >> outcome & 1) == 0) {
        check_violated(c, CHECK_RESULT, "an outcome was told that is not on disk");
    }
    d->told = outcome;
}

static void take_results(struct check *c, struct json_object *message)
{
    struct json_object *list = NULL;
    if (!json_object_object_get_ex(message, "results", &list)) {
        return;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        take_result(c, json_object_array_get_idx(list, i));
    }
}

/* Each one once or more often, but not before all that are before it. */
static void take_shard(struct check *c, struct check_shard *shard,
                       struct json_object *message, uint64_t hash)
{
    uint64_t seq = number_of(message, "seq");
    if (seq == 0 || number_of(message, "prev") != seq - 1 || seq > shard->count + 1) {
        check_violated(c, CHECK_SEQ, "there is a gap in the results of a shard");
        return;
    }
    if (seq <= shard->count) {
        if (shard->hashes[seq - 1] != hash) {
            check_violated(c, CHECK_SEQ, "a number of the results was used twice");
        }
        return;
    }
    shard->hashes =
        check_grow(shard->hashes, shard->count, &shard->cap, sizeof(*shard->hashes));
    shard->hashes[shard->count++] = hash;
    take_results(c, message);
}

static void take_state(struct check *c, struct json_object *message)
{
    (void)snprintf(c->phase, sizeof(c->phase), "%s", text_of(message, "phase"));
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

void check_status(struct check *c, const char *topic, const uint8_t *payload, size_t len)
{
    const char *shard = strstr(topic, "/results/");
    struct json_tokener *parser = json_tokener_new();
    struct json_object *message =
        json_tokener_parse_ex(parser, (const char *)payload, (int)len);
    if (message != NULL && shard != NULL) {
        unsigned long no = strtoul(shard + strlen("/results/"), NULL, 16);
        take_shard(c, &c->shards[no % CHECK_SHARDS], message, fnv1a(payload, len));
    } else if (message != NULL && ends_with(topic, "/state") &&
               strstr(topic, "/wave/") == NULL) {
        take_state(c, message);
    }
    json_object_put(message);
    json_tokener_free(parser);
}

void check_told(struct check *c, const char *phase)
{
    for (size_t i = 0; i < c->config.device_count; i++) {
        if (c->devices[i].told != c->devices[i].outcome) {
            check_violated(c, CHECK_RESULT, "how a device ended was not told");
        }
    }
    if (strcmp(c->phase, phase) != 0) {
        check_violated(c, CHECK_RESULT, "how the campaign ended was not told");
    }
}
