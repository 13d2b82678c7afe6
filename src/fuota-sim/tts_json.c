/* SPDX-License-Identifier: MIT */
#include "fuota-sim/tts_json.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/rfc3339.h"

enum {
    BACKHAUL_MS = 20, /* from the gateway to the server */
    BASE64_MAX = 4 * (TTS_PAYLOAD_MAX / 3 + 1) + 1,
    DEPTH_MAX = 16,
};

#define JOIN_EUI "70B3D57ED0000000"

static const char *const priorities[] = {"LOWEST",       "LOW",  "BELOW_NORMAL", "NORMAL",
                                         "ABOVE_NORMAL", "HIGH", "HIGHEST"};

/* ---- members ---- */

static void add(struct json_object *to, const char *key, struct json_object *value)
{
    (void)json_object_object_add(to, key, value);
}

static void add_text(struct json_object *to, const char *key, const char *value)
{
    if (value[0] != '\0') {
        add(to, key, json_object_new_string(value));
    }
}

static void add_number(struct json_object *to, const char *key, int64_t value)
{
    if (value != 0) {
        add(to, key, json_object_new_int64(value));
    }
}

static void add_true(struct json_object *to, const char *key, bool value)
{
    if (value) {
        add(to, key, json_object_new_boolean(true));
    }
}

static void add_time(struct json_object *to, const char *key, struct utc time)
{
    char text[RFC3339_SIZE];
    add_text(to, key, rfc3339_format(time, text));
}

static void add_eui(struct json_object *to, const char *key, uint64_t eui)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%016llX", (unsigned long long)eui);
    add_text(to, key, text);
}

static void add_addr(struct json_object *to, uint32_t addr)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%08X", addr);
    add_text(to, "dev_addr", text);
}

static void add_base64(struct json_object *to, const char *key, const uint8_t *bytes,
                       size_t len)
{
    char text[BASE64_MAX];
    sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_ORIGINAL);
    add_text(to, key, text);
}

/* ---- identifiers ---- */

void tts_application_id(const char *uid, char id[static TTS_UID_SIZE])
{
    size_t len = strcspn(uid, "@");
    len = len < TTS_UID_SIZE ? len : TTS_UID_SIZE - 1;
    memcpy(id, uid, len);
    id[len] = '\0';
}

static struct json_object *application_ids(const struct tts_json *context)
{
    char id[TTS_UID_SIZE];
    struct json_object *ids = json_object_new_object();
    tts_application_id(context->uid, id);
    add_text(ids, "application_id", id);
    return ids;
}

static void device_id(const struct tts_event *event, char id[static TTS_ID_SIZE])
{
    if (event->multicast != NULL) {
        memcpy(id, event->multicast->id, TTS_ID_SIZE);
    } else {
        tts_device_id(event->device->index, id);
    }
}

/* A push knows its device by name only until it has been looked up. */
static struct json_object *end_device_ids(const struct tts_json *context,
                                          const struct tts_event *event)
{
    char id[TTS_ID_SIZE];
    struct json_object *ids = json_object_new_object();
    device_id(event, id);
    add_text(ids, "device_id", id);
    add(ids, "application_ids", application_ids(context));
    if (event->multicast != NULL) {
        add_addr(ids, event->multicast->ns.dev_addr);
        return ids;
    }
    add_eui(ids, "dev_eui", event->device->dev_eui);
    add_text(ids, "join_eui", JOIN_EUI);
    if (event->device->active) {
        add_addr(ids, event->device->dev_addr);
    }
    return ids;
}

static struct json_object *correlation_ids(const struct tts_json *context,
                                           const struct tts_event *event)
{
    struct json_object *ids = json_object_new_array();
    const struct tts_downlink *d = event->downlink;
    char own[48];
    (void)snprintf(own, sizeof(own), "as:%s:%016llX", d != NULL ? "downlink" : "up",
                   (unsigned long long)prng_next(context->prng));
    (void)json_object_array_add(ids, json_object_new_string(own));
    for (size_t i = 0; d != NULL && i < d->correlation_count; i++) {
        (void)json_object_array_add(ids, json_object_new_string(d->correlation_ids[i]));
    }
    return ids;
}

/* ---- uplinks ---- */

static struct json_object *rx_metadata(const struct tts_json *context,
                                       const struct cs_device *device,
                                       const struct cs_rx *rx)
{
    char id[TTS_ID_SIZE];
    struct json_object *metadata = json_object_new_object();
    struct json_object *ids = json_object_new_object();
    tts_gateway_id(rx->gateway, id);
    add_text(ids, "gateway_id", id);
    add_eui(ids, "eui", context->tts->cs->gateways[rx->gateway]);
    add(metadata, "gateway_ids", ids);
    add_time(metadata, "time", device->rx_time);
    add_number(metadata, "timestamp", device->rx_time.us & 0xffffffff);
    add_number(metadata, "rssi", rx->rssi_dbm);
    add_number(metadata, "channel_rssi", rx->rssi_dbm);
    add(metadata, "snr", json_object_new_double(rx->snr_db));
    add_base64(metadata, "uplink_token", (const uint8_t *)"token", 5);
    add_time(metadata, "gps_time", device->rx_time);
    add_time(metadata, "received_at", utc_after(device->rx_time, MILLIS_US(BACKHAUL_MS)));
    return metadata;
}

static struct json_object *settings(const struct tts_json *context,
                                    const struct cs_device *device)
{
    const struct data_rate *rate =
        region_data_rate(context->tts->cs->config.region, device->rx_dr, DIRECTION_UP);
    struct json_object *all = json_object_new_object();
    struct json_object *outer = json_object_new_object();
    struct json_object *inner = json_object_new_object();
    char frequency[16];
    if (rate != NULL && rate->modulation == MODULATION_FSK) {
        add_number(inner, "bit_rate", rate->bitrate_bps);
        add(outer, "fsk", inner);
    } else {
        add_number(inner, "bandwidth", rate == NULL ? 0 : rate->bw_hz);
        add_number(inner, "spreading_factor", rate == NULL ? 0 : rate->sf);
        add_text(inner, "coding_rate", "4/5");
        add(outer, "lora", inner);
    }
    add(all, "data_rate", outer);
    (void)snprintf(frequency, sizeof(frequency), "%u", device->rx_frequency_hz);
    add_text(all, "frequency", frequency);
    add_number(all, "timestamp", device->rx_time.us & 0xffffffff);
    return all;
}

static struct json_object *uplink_message(const struct tts_json *context,
                                          const struct cs_device *device)
{
    struct json_object *message = json_object_new_object();
    struct json_object *list = json_object_new_array();
    add_base64(message, "session_key_id", (const uint8_t *)"session", 7);
    add_number(message, "f_port", device->rx_fport);
    add_number(message, "f_cnt", device->rx_fcnt);
    add_base64(message, "frm_payload", device->rx_payload, device->rx_payload_len);
    for (size_t i = 0; i < device->rx_count; i++) {
        (void)json_object_array_add(list, rx_metadata(context, device, &device->rx[i]));
    }
    add(message, "rx_metadata", list);
    add(message, "settings", settings(context, device));
    add_time(message, "received_at", utc_after(device->rx_time, MILLIS_US(BACKHAUL_MS)));
    add_true(message, "confirmed", device->rx_confirmed);
    return message;
}

/* ---- downlinks ---- */

static struct json_object *class_b_c(const struct tts_downlink *d)
{
    struct json_object *all = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < d->path_count; i++) {
        struct json_object *path = json_object_new_object();
        struct json_object *ids = json_object_new_object();
        add_text(ids, "gateway_id", d->paths[i].gateway_id);
        add(path, "gateway_ids", ids);
        add_number(path, "group_index", d->paths[i].group_index);
        (void)json_object_array_add(list, path);
    }
    add(all, "gateways", list);
    if (d->absolute_time.us != INT64_MAX) {
        add_time(all, "absolute_time", d->absolute_time);
    }
    return all;
}

static struct json_object *downlink_json(const struct tts_downlink *d)
{
    struct json_object *all = json_object_new_object();
    struct json_object *ids = json_object_new_array();
    add_number(all, "f_port", d->fport);
    add_number(all, "f_cnt", d->f_cnt);
    add_base64(all, "frm_payload", d->data, d->len);
    add_true(all, "confirmed", d->confirmed);
    if (d->has_class_b_c) {
        add(all, "class_b_c", class_b_c(d));
    }
    if (d->priority != TTS_PRIORITY_LOWEST) {
        add_text(all, "priority", priorities[d->priority]);
    }
    for (size_t i = 0; i < d->correlation_count; i++) {
        (void)json_object_array_add(ids, json_object_new_string(d->correlation_ids[i]));
    }
    add(all, "correlation_ids", ids);
    return all;
}

struct json_object *tts_queue_json(const struct tts_downlink *queue)
{
    struct json_object *all = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (const struct tts_downlink *d = queue; d != NULL; d = d->next) {
        (void)json_object_array_add(list, downlink_json(d));
    }
    if (queue != NULL) {
        add(all, "downlinks", list);
    } else {
        json_object_put(list);
    }
    return all;
}

static struct json_object *failure(const struct tts_event *event)
{
    struct json_object *all = json_object_new_object();
    struct json_object *error = json_object_new_object();
    add(all, "downlink", downlink_json(event->downlink));
    add_text(error, "namespace", event->error->name_space);
    add_text(error, "name", event->error->name);
    add_text(error, "message_format", event->error->message_format);
    add_number(error, "code", event->error->code);
    add(all, "error", error);
    return all;
}

static struct json_object *join_accept(const struct tts_event *event)
{
    struct json_object *accept = json_object_new_object();
    add_base64(accept, "session_key_id", (const uint8_t *)"session", 7);
    add_time(accept, "received_at", event->time);
    return accept;
}

/* As it was pushed: pkg/applicationserver/observability.go, registerForwardDownlinks, tells of
 * the items before they were counted and encrypted. */
static struct json_object *queued(const struct tts_event *event)
{
    struct json_object *downlink = downlink_json(event->downlink);
    json_object_object_del(downlink, "f_cnt");
    return downlink;
}

/* ---- messages ---- */

static const char *type_name(enum tts_event_type type)
{
    switch (type) {
    case TTS_EVENT_UP:
        return "up";
    case TTS_EVENT_JOIN:
        return "join";
    case TTS_EVENT_QUEUED:
        return "down/queued";
    case TTS_EVENT_SENT:
        return "down/sent";
    case TTS_EVENT_ACK:
        return "down/ack";
    case TTS_EVENT_NACK:
        return "down/nack";
    case TTS_EVENT_FAILED:
        return "down/failed";
    }
    return "";
}

void tts_topic(const struct tts_json *context, const struct tts_event *event,
               char topic[static TTS_TOPIC_MAX])
{
    char id[TTS_ID_SIZE];
    device_id(event, id);
    (void)snprintf(topic, TTS_TOPIC_MAX, "v3/%s/devices/%s/%s", context->uid, id,
                   type_name(event->type));
}

char *tts_event_json(const struct tts_json *context, const struct tts_event *event)
{
    struct json_object *root = json_object_new_object();
    add(root, "end_device_ids", end_device_ids(context, event));
    add(root, "correlation_ids", correlation_ids(context, event));
    add_time(root, "received_at", event->time);
    switch (event->type) {
    case TTS_EVENT_UP:
        add(root, "uplink_message", uplink_message(context, event->device));
        break;
    case TTS_EVENT_JOIN:
        add(root, "join_accept", join_accept(event));
        break;
    case TTS_EVENT_QUEUED:
        add(root, "downlink_queued", queued(event));
        break;
    case TTS_EVENT_SENT:
        add(root, "downlink_sent", downlink_json(event->downlink));
        break;
    case TTS_EVENT_ACK:
        add(root, "downlink_ack", downlink_json(event->downlink));
        break;
    case TTS_EVENT_NACK:
        add(root, "downlink_nack", downlink_json(event->downlink));
        break;
    case TTS_EVENT_FAILED:
        add(root, "downlink_failed", failure(event));
        break;
    }
    char *text = strdup(json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(root);
    return text;
}

/* ---- pushes ---- */

int tts_topic_parse(const char *uid, const char *topic, struct tts_batch *batch)
{
    char prefix[TTS_TOPIC_MAX];
    int n = snprintf(prefix, sizeof(prefix), "v3/%s/devices/", uid);
    if (n < 0 || strncmp(topic, prefix, (size_t)n) != 0) {
        return FUO_ENOENT;
    }
    const char *id = topic + n;
    size_t len = strcspn(id, "/");
    bool replace = strcmp(id + len, "/down/replace") == 0;
    if (len == 0 || len >= TTS_ID_SIZE ||
        (!replace && strcmp(id + len, "/down/push") != 0)) {
        return FUO_ENOENT;
    }
    memcpy(batch->device_id, id, len);
    batch->device_id[len] = '\0';
    batch->replace = replace;
    return FUO_OK;
}

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(o, json_type_object) &&
                   json_object_object_get_ex(o, key, &value)
               ? value
               : NULL;
}

static bool read_text(struct json_object *o, size_t size, char *text)
{
    if (!json_object_is_type(o, json_type_string) ||
        (size_t)json_object_get_string_len(o) >= size) {
        return false;
    }
    memcpy(text, json_object_get_string(o), (size_t)json_object_get_string_len(o) + 1);
    return true;
}

/* A number of 0 to max; absent is 0. */
static bool read_number(struct json_object *o, int64_t max, int64_t *value)
{
    *value = o == NULL ? 0 : json_object_get_int64(o);
    return (o == NULL || json_object_is_type(o, json_type_int)) && *value >= 0 &&
           *value <= max;
}

static bool read_time(struct json_object *o, struct utc *time)
{
    return json_object_is_type(o, json_type_string) &&
           rfc3339_parse(json_object_get_string(o), (size_t)json_object_get_string_len(o),
                         time) == FUO_OK;
}

static bool read_payload(struct json_object *o, struct tts_downlink *d)
{
    if (o == NULL) {
        return true;
    }
    return json_object_is_type(o, json_type_string) &&
           sodium_base642bin(d->data, sizeof(d->data), json_object_get_string(o),
                             (size_t)json_object_get_string_len(o), NULL, &d->len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

static bool read_priority(struct json_object *o, enum tts_priority *priority)
{
    *priority = TTS_PRIORITY_LOWEST;
    for (size_t i = 0; o != NULL && i < sizeof(priorities) / sizeof(priorities[0]); i++) {
        if (strcmp(json_object_get_string(o), priorities[i]) == 0) {
            *priority = (enum tts_priority)i;
            return true;
        }
    }
    return o == NULL;
}

static bool read_path(struct json_object *o, struct tts_path *path)
{
    int64_t group = 0;
    if (!read_text(member(member(o, "gateway_ids"), "gateway_id"), TTS_ID_SIZE,
                   path->gateway_id) ||
        !read_number(member(o, "group_index"), UINT32_MAX, &group)) {
        return false;
    }
    path->group_index = (uint32_t)group;
    return true;
}

static bool read_class_b_c(struct json_object *o, struct tts_downlink *d)
{
    struct json_object *gateways = member(o, "gateways");
    struct json_object *time = member(o, "absolute_time");
    size_t count = json_object_is_type(gateways, json_type_array)
                       ? json_object_array_length(gateways)
                       : 0;
    if (o == NULL) {
        return true;
    }
    d->has_class_b_c = true;
    if (count > TTS_PATH_MAX || (time != NULL && !read_time(time, &d->absolute_time))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_path(json_object_array_get_idx(gateways, i), &d->paths[i])) {
            return false;
        }
    }
    d->path_count = count;
    return true;
}

static bool read_correlation_ids(struct json_object *o, struct tts_downlink *d)
{
    size_t count =
        json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
    for (size_t i = 0; i < count && i < TTS_CORRELATION_MAX; i++) {
        if (!read_text(json_object_array_get_idx(o, i), TTS_CORRELATION_SIZE,
                       d->correlation_ids[d->correlation_count++])) {
            return false;
        }
    }
    return true;
}

static bool read_downlink(struct json_object *o, struct tts_downlink *d)
{
    int64_t fport = 0;
    *d = (struct tts_downlink){.absolute_time = UTC_NEVER};
    if (!json_object_is_type(o, json_type_object) ||
        !read_number(member(o, "f_port"), UINT8_MAX, &fport) || fport == 224) {
        return false;
    }
    d->fport = (uint8_t)fport;
    d->confirmed = json_object_get_boolean(member(o, "confirmed")) != 0;
    return read_payload(member(o, "frm_payload"), d) &&
           read_priority(member(o, "priority"), &d->priority) &&
           read_class_b_c(member(o, "class_b_c"), d) &&
           read_correlation_ids(member(o, "correlation_ids"), d);
}

static int read_batch(struct json_object *root, struct tts_batch *batch)
{
    struct json_object *list = member(root, "downlinks");
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    batch->count = 0;
    if (!json_object_is_type(root, json_type_object) || count > TTS_BATCH_MAX) {
        return FUO_EPROTO;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_downlink(json_object_array_get_idx(list, i),
                           &batch->downlinks[batch->count++])) {
            return FUO_EPROTO;
        }
    }
    return FUO_OK;
}

int tts_batch_parse(const uint8_t *json, size_t len, struct tts_batch *batch)
{
    if (len == 0 || len > TTS_MESSAGE_MAX) {
        return FUO_EPROTO;
    }
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return FUO_ENOMEM;
    }
    struct json_object *root =
        json_tokener_parse_ex(tokener, (const char *)json, (int)len);
    int err = read_batch(root, batch);
    json_object_put(root);
    json_tokener_free(tokener);
    return err;
}
