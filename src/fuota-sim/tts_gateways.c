/* SPDX-License-Identifier: MIT */
#include "fuota-sim/tts_gateways.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "radio/subband.h"
#include "sim/tts.h"

enum {
    BATCH_MAX = 100,
    FREQUENCY_SIZE = 16,
};

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(o, json_type_object) &&
                   json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

static const char *id_at(struct json_object *ids, size_t i)
{
    const char *id =
        json_object_get_string(member(json_object_array_get_idx(ids, i), "gateway_id"));
    return id != NULL ? id : "";
}

/* Its number; the count of gateways if there is none of that name. */
static size_t number_of(const struct tts_gateways *g, const char *id)
{
    char name[TTS_ID_SIZE];
    size_t i = 0;
    while (i < g->radio->config.gateway_count) {
        tts_gateway_id(i, name);
        if (strcmp(id, name) == 0) {
            break;
        }
        i++;
    }
    return i;
}

static bool is_owned(const struct tts_gateways *g, const char *id)
{
    size_t count = g->radio->config.gateway_count;
    size_t number = number_of(g, id);
    return g->owned && number < count && !(g->foreign && number == count - 1);
}

/* Frequencies are 64-bit numbers, which are texts in JSON. */
static void add_frequency(struct json_object *o, const char *key, uint32_t hz)
{
    char text[FREQUENCY_SIZE];
    (void)snprintf(text, sizeof(text), "%" PRIu32, hz);
    (void)json_object_object_add(o, key, json_object_new_string(text));
}

static struct json_object *sub_bands(const struct tts_gateways *g, size_t gateway)
{
    const struct region *region = g->radio->config.region;
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < subband_count(region); i++) {
        const struct subband *band = subband_at(region, i);
        int64_t used_us = sim_radio_used_us(g->radio, gateway, i, g->now);
        struct json_object *o = json_object_new_object();
        add_frequency(o, "min_frequency", band->min_hz);
        add_frequency(o, "max_frequency", band->max_hz);
        (void)json_object_object_add(o, "downlink_utilization_limit",
                                     json_object_new_double(band->limit_ppm / 1e6));
        if (used_us > 0) { /* a zero is left out */
            (void)json_object_object_add(
                o, "downlink_utilization",
                json_object_new_double((double)used_us / (double)HOURS_US(1)));
        }
        (void)json_object_array_add(list, o);
    }
    return list;
}

/* An empty mask is a full one. */
static bool masked(struct json_object *request, const char *path)
{
    struct json_object *paths = member(member(request, "field_mask"), "paths");
    size_t count =
        json_object_is_type(paths, json_type_array) ? json_object_array_length(paths) : 0;
    size_t i = 0;
    while (i < count) {
        const char *text = json_object_get_string(json_object_array_get_idx(paths, i));
        if (text != NULL && strcmp(text, path) == 0) {
            break;
        }
        i++;
    }
    return count == 0 || i < count;
}

static struct json_object *stats_of(const struct tts_gateways *g, size_t gateway,
                                    struct json_object *request)
{
    struct json_object *stats = json_object_new_object();
    if (masked(request, "protocol")) {
        (void)json_object_object_add(stats, "protocol", json_object_new_string("udp"));
    }
    if (masked(request, "sub_bands")) {
        (void)json_object_object_add(stats, "sub_bands", sub_bands(g, gateway));
    }
    return stats;
}

enum tts_stats_verdict tts_gateways_stats(const struct tts_gateways *gateways,
                                          struct json_object *request,
                                          struct json_object **body)
{
    struct json_object *ids = member(request, "gateway_ids");
    size_t count =
        json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0;
    if (count == 0 || count > BATCH_MAX) {
        return TTS_STATS_BAD_REQUEST;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_owned(gateways, id_at(ids, i))) {
            return TTS_STATS_NO_RIGHTS;
        }
    }
    struct json_object *entries = json_object_new_object();
    for (size_t i = 0; i < count; i++) {
        size_t number = number_of(gateways, id_at(ids, i));
        if (!gateways->radio->gateways[number].off) {
            (void)json_object_object_add(entries, id_at(ids, i),
                                         stats_of(gateways, number, request));
        }
    }
    *body = json_object_new_object();
    (void)json_object_object_add(*body, "entries", entries);
    return TTS_STATS_GIVEN;
}
