/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

enum {
    RX_SCAN_MAX = 64,  /* receptions looked at */
    IDS_SCAN_MAX = 64, /* correlation ids */
    ID_DIGITS = 16,
};

#define CORRELATION_PREFIX "fuotad:"
#define CLOCK_SLACK_US     INT64_C(2000000) /* how far a gateway's clock may be off */
#define PACKET_BROKER      "packetbroker"   /* the gateways of other networks */

/* ---- topic ---- */

/* Behind the device: "up", "down/sent"; NULL: it is not ours. */
static const char *parse_topic(const char *topic, const char *uid,
                               char device_id[static NAME_SIZE])
{
    size_t uid_len = strlen(uid);
    if (strncmp(topic, "v3/", 3) != 0 || strncmp(topic + 3, uid, uid_len) != 0 ||
        strncmp(topic + 3 + uid_len, "/devices/", 9) != 0) {
        return NULL;
    }
    const char *id = topic + 3 + uid_len + 9;
    size_t len = strcspn(id, "/");
    if (len == 0 || len >= NAME_SIZE || id[len] == '\0') {
        return NULL;
    }
    memcpy(device_id, id, len);
    device_id[len] = '\0';
    return name_is_valid(device_id) ? id + len + 1 : NULL;
}

/* ---- members ---- */

static bool time_member(struct json_object *o, const char *key, int64_t *us)
{
    size_t len;
    const char *text = json_text(o, key, &len);
    return parse_time(text, len, us);
}

static bool eui_member(struct json_object *o, const char *key, uint64_t *eui)
{
    size_t len;
    const char *text = json_text(o, key, &len);
    return parse_eui(text, len, eui);
}

static bool id_member(struct json_object *o, const char *key, char id[static NAME_SIZE])
{
    size_t len;
    const char *text = json_text(o, key, &len);
    if (len == 0 || len >= NAME_SIZE) {
        return false;
    }
    memcpy(id, text, len + 1);
    return name_is_valid(id);
}

/* ---- receptions ---- */

/* A gateway that we could name in a downlink. */
static bool decode_reception(struct json_object *o, struct fuo_rx *rx,
                             char id[static NAME_SIZE])
{
    struct json_object *ids = json_member(o, "gateway_ids");
    if (!id_member(ids, "gateway_id", id) || strcmp(id, PACKET_BROKER) == 0 ||
        !eui_member(ids, "eui", &rx->gateway)) {
        return false;
    }
    rx->rssi_dbm = json_int16(o, "rssi", 1);
    rx->snr_cdb = json_int16(o, "snr", 100);
    return true;
}

static bool stronger(const struct fuo_rx *a, const struct fuo_rx *b)
{
    return a->rssi_dbm != b->rssi_dbm ? a->rssi_dbm > b->rssi_dbm
                                      : a->snr_cdb > b->snr_cdb;
}

/* In order; the weakest falls out when all places are taken. Returns how many there are. */
static size_t insert(struct message *out, size_t count, const struct fuo_rx *rx,
                     const char *id)
{
    size_t at = count < FUO_RX_MAX ? count : FUO_RX_MAX - 1;
    if (count == FUO_RX_MAX && !stronger(rx, &out->rx[at])) {
        return count;
    }
    for (; at > 0 && stronger(rx, &out->rx[at - 1]); at--) {
        out->rx[at] = out->rx[at - 1];
        memcpy(out->gateway_ids[at], out->gateway_ids[at - 1], NAME_SIZE);
    }
    out->rx[at] = *rx;
    memcpy(out->gateway_ids[at], id, strlen(id) + 1);
    return count < FUO_RX_MAX ? count + 1 : count;
}

/* A gateway with several antennas counts once, with the best. */
static size_t without(struct message *out, size_t count, const struct fuo_rx *rx)
{
    for (size_t i = 0; i < count; i++) {
        if (out->rx[i].gateway != rx->gateway) {
            continue;
        }
        if (!stronger(rx, &out->rx[i])) {
            return SIZE_MAX;
        }
        size_t rest = count - i - 1;
        memmove(&out->rx[i], &out->rx[i + 1], rest * sizeof(out->rx[0]));
        memmove(out->gateway_ids[i], out->gateway_ids[i + 1], rest * NAME_SIZE);
        return count - 1;
    }
    return count;
}

static size_t decode_receptions(struct json_object *receptions, struct message *out)
{
    size_t count = 0;
    size_t n = receptions != NULL ? json_object_array_length(receptions) : 0;
    for (size_t i = 0; i < n && i < RX_SCAN_MAX; i++) {
        struct fuo_rx rx = {0};
        char id[NAME_SIZE];
        if (!decode_reception(json_object_array_get_idx(receptions, i), &rx, id)) {
            continue;
        }
        size_t others = without(out, count, &rx);
        count = others == SIZE_MAX ? count : insert(out, others, &rx, id);
    }
    return count;
}

/* ---- time ---- */

static bool any_gateway_time(struct json_object *receptions, const char *key,
                             int64_t near_us, int64_t *us)
{
    size_t n = receptions != NULL ? json_object_array_length(receptions) : 0;
    for (size_t i = 0; i < n && i < RX_SCAN_MAX; i++) {
        int64_t at_us;
        if (time_member(json_object_array_get_idx(receptions, i), key, &at_us) &&
            (near_us == 0 ||
             (at_us - near_us <= CLOCK_SLACK_US && near_us - at_us <= CLOCK_SLACK_US))) {
            *us = at_us;
            return true;
        }
    }
    return false;
}

/* That of GPS; else the gateway's if it agrees with the server's within 2 s. */
static int64_t uplink_time(struct json_object *root, struct json_object *uplink,
                           struct json_object *receptions)
{
    int64_t us = 0;
    int64_t server_us = 0;
    if (any_gateway_time(receptions, "gps_time", 0, &us)) {
        return us;
    }
    if (!time_member(uplink, "received_at", &server_us) &&
        !time_member(root, "received_at", &server_us)) {
        return 0;
    }
    return any_gateway_time(receptions, "time", server_us, &us) ? us : server_us;
}

/* ---- uplinks ---- */

static uint8_t data_rate(const struct plan *plan, struct json_object *settings)
{
    struct json_object *rate = json_member(settings, "data_rate");
    struct json_object *lora = json_member(rate, "lora");
    uint32_t bandwidth_hz = 0;
    uint32_t sf = 0;
    if (lora == NULL && json_member(rate, "fsk") == NULL) {
        return FUO_DR_UNKNOWN;
    }
    if (!json_uint(lora, "bandwidth", UINT32_MAX, &bandwidth_hz) ||
        !json_uint(lora, "spreading_factor", UINT8_MAX, &sf)) {
        return FUO_DR_UNKNOWN;
    }
    return plan_uplink_dr(plan, bandwidth_hz, sf);
}

/* Of the last DevStatusAns (ApplicationUplink.last_battery_percentage). */
static void decode_battery(struct json_object *uplink, struct message *out)
{
    struct json_object *battery = json_member(uplink, "last_battery_percentage");
    double percent = json_number(battery, "value");
    out->has_battery = battery != NULL && percent >= 0 && percent <= 100;
    out->battery_percent = out->has_battery ? (uint8_t)percent : 0;
}

static const char *decode_uplink(struct json_object *root,
                                 const struct message_context *context,
                                 struct message *out)
{
    struct json_object *uplink = json_member(root, "uplink_message");
    struct json_object *receptions = json_array(uplink, "rx_metadata");
    struct json_object *settings = json_member(uplink, "settings");
    struct fuo_event *e = &out->event;
    uint32_t fport = 0;
    uint32_t frequency_hz = 0;
    size_t len;
    if (json_true(root, "simulated")) {
        return NULL;
    }
    if (!eui_member(json_member(root, "end_device_ids"), "dev_eui", &e->uplink.dev_eui)) {
        return "uplink of a device without a DevEUI";
    }
    if (json_member(uplink, "app_s_key") != NULL) {
        return "uplink that is still encrypted: payload crypto is skipped on the server";
    }
    const char *data = json_text(uplink, "frm_payload", &len);
    if (!parse_base64(data, len, out->payload, sizeof(out->payload),
                      &e->uplink.payload_len)) {
        return "uplink with an unusable payload";
    }
    if (!json_uint(uplink, "f_port", UINT8_MAX, &fport) ||
        !json_uint(uplink, "f_cnt", UINT32_MAX, &e->uplink.f_cnt)) {
        return "uplink with a number out of range";
    }
    e->type = FUO_EV_UPLINK;
    e->uplink.fport = (uint8_t)fport;
    e->uplink.payload = out->payload;
    e->uplink.payload_len = fport != 0 ? e->uplink.payload_len : 0;
    e->uplink.received_us = uplink_time(root, uplink, receptions);
    e->uplink.rx_count = decode_receptions(receptions, out);
    e->uplink.rx = out->rx;
    e->uplink.dr = data_rate(context->plan, settings);
    e->uplink.frequency_hz =
        json_uint(settings, "frequency", UINT32_MAX, &frequency_hz) ? frequency_hz : 0;
    if (context->version_pointer != NULL) {
        json_pointed(json_member(uplink, "decoded_payload"), context->version_pointer,
                     e->uplink.version, sizeof(e->uplink.version));
    }
    decode_battery(uplink, out);
    out->kind = MESSAGE_UPLINK;
    return NULL;
}

/* ---- downlinks ---- */

void correlation_format(enum correlation correlation, uint64_t id,
                        char text[static CORRELATION_SIZE])
{
    char digits[HEX_EUI_SIZE];
    format_eui(id, digits);
    snprintf(text, CORRELATION_SIZE, CORRELATION_PREFIX "%c:%s",
             correlation == CORRELATION_UNICAST ? 'u' : 'm', digits);
}

static bool parse_correlation(const char *text, size_t len, struct message *out)
{
    size_t prefix = strlen(CORRELATION_PREFIX);
    if (len != prefix + 2 + ID_DIGITS || memcmp(text, CORRELATION_PREFIX, prefix) != 0 ||
        (text[prefix] != 'u' && text[prefix] != 'm') || text[prefix + 1] != ':') {
        return false;
    }
    out->correlation = text[prefix] == 'u' ? CORRELATION_UNICAST : CORRELATION_FRAME;
    return parse_eui(text + prefix + 2, ID_DIGITS, &out->id);
}

/* Somewhere among those of the server. */
static bool find_correlation(struct json_object *o, struct message *out)
{
    struct json_object *ids = json_array(o, "correlation_ids");
    size_t n = ids != NULL ? json_object_array_length(ids) : 0;
    for (size_t i = 0; i < n && i < IDS_SCAN_MAX; i++) {
        struct json_object *id = json_object_array_get_idx(ids, i);
        if (json_object_is_type(id, json_type_string) &&
            parse_correlation(json_object_get_string(id),
                              (size_t)json_object_get_string_len(id), out)) {
            return true;
        }
    }
    return false;
}

static void copy_error(struct json_object *error, struct message *out)
{
    size_t len;
    const char *name = json_text(error, "name", &len);
    len = len < ERROR_NAME_SIZE ? len : ERROR_NAME_SIZE - 1;
    memcpy(out->error, name, len);
    out->error[len] = '\0';
    for (size_t i = 0; i < len; i++) { /* it goes to the log */
        if (out->error[i] <= ' ' || out->error[i] >= 0x7f) {
            out->error[i] = '?';
        }
    }
}

static const char *decode_downlink(struct json_object *root, const char *key,
                                   enum message_kind kind, struct message *out)
{
    struct json_object *body = json_member(root, key);
    struct json_object *downlink =
        kind == MESSAGE_FAILED ? json_member(body, "downlink") : body;
    if (!find_correlation(downlink, out) && !find_correlation(root, out)) {
        return NULL; /* somebody else's */
    }
    if (!json_uint(downlink, "f_cnt", UINT32_MAX, &out->f_cnt)) {
        return "downlink with a number out of range";
    }
    if (!eui_member(json_member(root, "end_device_ids"), "dev_eui", &out->dev_eui)) {
        out->dev_eui = 0;
    }
    if (kind == MESSAGE_FAILED) {
        copy_error(json_member(body, "error"), out);
    }
    out->kind = kind;
    return NULL;
}

static const char *decode(struct json_object *root, const struct message_context *context,
                          const char *type, struct message *out)
{
    if (strcmp(type, "up") == 0) {
        return decode_uplink(root, context, out);
    }
    if (strcmp(type, "down/queued") == 0) {
        return decode_downlink(root, "downlink_queued", MESSAGE_QUEUED, out);
    }
    if (strcmp(type, "down/sent") == 0) {
        return decode_downlink(root, "downlink_sent", MESSAGE_SENT, out);
    }
    if (strcmp(type, "down/ack") == 0) {
        return decode_downlink(root, "downlink_ack", MESSAGE_ACKED, out);
    }
    if (strcmp(type, "down/failed") == 0) {
        return decode_downlink(root, "downlink_failed", MESSAGE_FAILED, out);
    }
    return NULL;
}

const char *message_decode(const struct message_context *context, const char *topic,
                           const uint8_t *json, size_t json_len, struct message *out)
{
    *out = (struct message){.event = {.size = sizeof(struct fuo_event)}};
    const char *type = parse_topic(topic, context->uid, out->device_id);
    if (type == NULL) {
        return "message on a topic of no device";
    }
    struct json_object *root = json_read(json, json_len);
    if (root == NULL) {
        return "message that is not JSON";
    }
    const char *problem = decode(root, context, type, out);
    json_object_put(root);
    return problem;
}
