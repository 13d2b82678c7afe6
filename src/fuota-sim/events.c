/* SPDX-License-Identifier: MIT */
#include "fuota-sim/events.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/hex.h"
#include "base/wire.h"
#include "fuota-sim/json_out.h"
#include "fuota-sim/transcode.h"
#include "integration.pb-c.h"
#include "io/rfc3339.h"
#include "sim/device.h"

enum {
    BACKHAUL_MS = 20, /* from the gateway to the server */
    POWER_DBM = 16,
    VERSION_READING_BYTES = 10, /* see device_config.vendor_fport */
};

#define TENANT_ID  "52f14cd4-c6f1-4fbd-8f87-4025e1d49242"
#define PROFILE_ID "14855bf7-d10d-4aee-b618-ebfcb64dc7ad"

static void add_uuid(struct json_object *to, const char *key, struct prng *prng)
{
    uint64_t a = prng_next(prng);
    uint64_t b = prng_next(prng);
    char text[CS_ID_SIZE];
    (void)snprintf(text, sizeof(text), "%08x-%04x-4%03x-8%03x-%012llx",
                   (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffffu,
                   (unsigned)a & 0xfffu, (unsigned)(b >> 48) & 0xfffu,
                   (unsigned long long)(b & UINT64_C(0xffffffffffff)));
    out_text(to, key, text);
}

static struct json_object *device_info(const struct event_context *context,
                                       const struct cs_device *device)
{
    struct json_object *info = json_object_new_object();
    char name[32];
    (void)snprintf(name, sizeof(name), "sim-%05zu", device->index + 1);
    out_text(info, "tenantId", TENANT_ID);
    out_text(info, "tenantName", "fuota-sim");
    out_text(info, "applicationId", context->cs->config.application_id);
    out_text(info, "applicationName", "fuota-sim");
    out_text(info, "deviceProfileId", PROFILE_ID);
    out_text(info, "deviceProfileName", "fuota-sim");
    out_text(info, "deviceName", name);
    out_eui(info, "devEui", device->dev_eui);
    out_text(info, "deviceClassEnabled",
             context->cs->config.class_c ? "CLASS_C" : "CLASS_A");
    out_add(info, "tags", json_object_new_object());
    return info;
}

struct json_object *event_modulation(const struct cs *cs, uint8_t dr, bool down)
{
    const struct data_rate *rate =
        region_data_rate(cs->config.region, dr, down ? DIRECTION_DOWN : DIRECTION_UP);
    struct json_object *outer = json_object_new_object();
    struct json_object *inner = json_object_new_object();
    if (rate != NULL && rate->modulation == MODULATION_FSK) {
        out_number(inner, "frequencyDeviation", 25000);
        out_number(inner, "datarate", rate->bitrate_bps);
        out_add(outer, "fsk", inner);
        return outer;
    }
    out_number(inner, "bandwidth", rate == NULL ? 0 : rate->bw_hz);
    out_number(inner, "spreadingFactor", rate == NULL ? 0 : rate->sf);
    out_text(inner, "codeRate", "CR_4_5");
    if (down) {
        out_add(inner, "polarizationInversion", json_object_new_boolean(true));
    }
    out_add(outer, "lora", inner);
    return outer;
}

static struct json_object *rx_info(const struct event_context *context,
                                   const struct cs_device *device, const struct cs_rx *rx)
{
    struct json_object *info = json_object_new_object();
    static const uint8_t radio_context[4];
    struct utc received = device->rx_time;
    int64_t gps_us = received.us - SECONDS_US(GPS_EPOCH_UNIX_S) + SECONDS_US(GPS_LEAP_S);
    out_eui(info, "gatewayId", context->cs->gateways[rx->gateway]);
    out_number(info, "uplinkId", (int64_t)(prng_next(context->prng) & 0xffffffffu));
    out_time(info, "gwTime", received);
    out_time(info, "nsTime", utc_after(received, MILLIS_US(BACKHAUL_MS)));
    out_duration(info, "timeSinceGpsEpoch", gps_us);
    out_number(info, "rssi", rx->rssi_dbm);
    out_add(info, "snr", json_object_new_double(rx->snr_db));
    out_number(info, "channel", (device->rx_frequency_hz - 868100000) / 200000);
    out_add(info, "location", json_object_new_object());
    out_base64(info, "context", radio_context, sizeof(radio_context));
    out_text(info, "crcStatus", "CRC_OK");
    return info;
}

static void add_addr(struct json_object *to, uint32_t addr)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%08x", addr);
    out_text(to, "devAddr", text);
}

/* The application's codec: of readings that end in the version that runs. */
static void add_object(struct json_object *root, const struct cs_device *device)
{
    char text[16];
    if (device->rx_fport != DEVICE_APP_FPORT ||
        device->rx_payload_len != VERSION_READING_BYTES) {
        return;
    }
    struct rd r =
        rd_init(device->rx_payload + VERSION_READING_BYTES - 4, sizeof(uint32_t));
    struct json_object *object = json_object_new_object();
    struct json_object *firmware = json_object_new_object();
    (void)snprintf(text, sizeof(text), "0x%08x", rd_le32(&r));
    out_text(firmware, "version", text);
    out_add(object, "firmware", firmware);
    out_add(root, "object", object);
}

static void fill_up(struct json_object *root, const struct event_context *context,
                    const struct cs_event *event)
{
    const struct cs_device *device = event->device;
    struct json_object *list = json_object_new_array();
    struct json_object *tx = json_object_new_object();
    add_addr(root, device->dev_addr);
    out_add(root, "adr", json_object_new_boolean(true));
    out_number(root, "dr", device->rx_dr);
    out_number(root, "fCnt", device->rx_fcnt);
    out_number(root, "fPort", device->rx_fport);
    out_add(root, "confirmed", json_object_new_boolean(device->rx_confirmed));
    out_base64(root, "data", device->rx_payload, device->rx_payload_len);
    add_object(root, device);
    for (size_t i = 0; i < device->rx_count; i++) {
        (void)json_object_array_add(list, rx_info(context, device, &device->rx[i]));
    }
    out_add(root, "rxInfo", list);
    out_number(tx, "frequency", device->rx_frequency_hz);
    out_add(tx, "modulation", event_modulation(context->cs, device->rx_dr, false));
    out_add(root, "txInfo", tx);
    out_text(root, "regionConfigId", "eu868");
}

static void fill_txack(struct json_object *root, const struct event_context *context,
                       const struct cs_event *event)
{
    struct json_object *tx = json_object_new_object();
    struct json_object *timing = json_object_new_object();
    struct json_object *delay = json_object_new_object();
    out_number(root, "downlinkId", event->downlink_id);
    out_text(root, "queueItemId", event->queue_item_id);
    out_number(root, "fCntDown", event->f_cnt_down);
    out_eui(root, "gatewayId", context->cs->gateways[event->gateway]);
    out_number(tx, "frequency", event->frequency_hz);
    out_number(tx, "power", POWER_DBM);
    out_add(tx, "modulation", event_modulation(context->cs, event->dr, true));
    out_duration(delay, "delay", event->delay_us);
    out_add(timing, "delay", delay);
    out_add(tx, "timing", timing);
    out_add(root, "txInfo", tx);
}

static void fill_log(struct json_object *root, const struct cs_event *event)
{
    struct json_object *context = json_object_new_object();
    char number[24];
    out_text(root, "level", event->level);
    out_text(root, "code", event->code);
    out_text(root, "description", event->description);
    if (event->queue_item_id != NULL) {
        out_text(context, "queue_item_id", event->queue_item_id);
    }
    if (strcmp(event->code, "DOWNLINK_PAYLOAD_SIZE") == 0) {
        (void)snprintf(number, sizeof(number), "%zu", event->max_payload_size);
        out_text(context, "max_payload_size", number);
        (void)snprintf(number, sizeof(number), "%zu", event->item_size);
        out_text(context, "item_size", number);
    }
    out_add(root, "context", context);
}

static void fill_status(struct json_object *root, const struct cs_event *event)
{
    out_number(root, "margin", event->margin_db);
    out_add(root, "externalPowerSource", json_object_new_boolean(false));
    out_add(root, "batteryLevelUnavailable", json_object_new_boolean(false));
    out_add(root, "batteryLevel", json_object_new_double(event->battery_percent));
}

static const char *type_name(enum cs_event_type type)
{
    switch (type) {
    case CS_EVENT_UP:
        return "up";
    case CS_EVENT_JOIN:
        return "join";
    case CS_EVENT_TXACK:
        return "txack";
    case CS_EVENT_ACK:
        return "ack";
    case CS_EVENT_LOG:
        return "log";
    case CS_EVENT_STATUS:
        return "status";
    }
    return "";
}

void event_topic(const struct event_context *context, const struct cs_event *event,
                 char topic[static EVENT_TOPIC_MAX])
{
    char eui[EUI_TEXT_SIZE];
    (void)snprintf(topic, EVENT_TOPIC_MAX, "application/%s/device/%s/event/%s",
                   context->cs->config.application_id,
                   eui_format(event->device->dev_eui, eui), type_name(event->type));
}

static struct json_object *event_object(const struct event_context *context,
                                        const struct cs_event *event)
{
    struct json_object *root = json_object_new_object();
    if (event->type != CS_EVENT_TXACK && event->type != CS_EVENT_LOG) {
        add_uuid(root, "deduplicationId", context->prng);
    }
    out_time(root, "time", event->time);
    out_add(root, "deviceInfo", device_info(context, event->device));
    switch (event->type) {
    case CS_EVENT_UP:
        fill_up(root, context, event);
        break;
    case CS_EVENT_JOIN:
        add_addr(root, event->device->dev_addr);
        break;
    case CS_EVENT_TXACK:
        fill_txack(root, context, event);
        break;
    case CS_EVENT_ACK:
        out_text(root, "queueItemId", event->queue_item_id);
        out_add(root, "acknowledged", json_object_new_boolean(event->acknowledged));
        out_number(root, "fCntDown", event->f_cnt_down);
        break;
    case CS_EVENT_LOG:
        fill_log(root, event);
        break;
    case CS_EVENT_STATUS:
        fill_status(root, event);
        break;
    }
    return root;
}

char *event_json(const struct event_context *context, const struct cs_event *event)
{
    struct json_object *root = event_object(context, event);
    char *text = strdup(json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(root);
    return text;
}

static const ProtobufCMessageDescriptor *descriptor_of(enum cs_event_type type)
{
    switch (type) {
    case CS_EVENT_UP:
        return &csint__uplink_event__descriptor;
    case CS_EVENT_JOIN:
        return &csint__join_event__descriptor;
    case CS_EVENT_TXACK:
        return &csint__tx_ack_event__descriptor;
    case CS_EVENT_ACK:
        return &csint__ack_event__descriptor;
    case CS_EVENT_LOG:
        return &csint__log_event__descriptor;
    case CS_EVENT_STATUS:
        break;
    }
    return &csint__status_event__descriptor;
}

uint8_t *event_protobuf(const struct event_context *context, const struct cs_event *event,
                        size_t *len)
{
    struct json_object *root = event_object(context, event);
    uint8_t *bytes = transcode(descriptor_of(event->type), root, len);
    json_object_put(root);
    return bytes;
}

/* ---- commands ---- */

static const char *take_prefix(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int parse_topic(const char *application_id, const char *topic, uint64_t *dev_eui)
{
    const char *at = take_prefix(topic, "application/");
    at = at == NULL ? NULL : take_prefix(at, application_id);
    at = at == NULL ? NULL : take_prefix(at, "/device/");
    if (at == NULL || strlen(at) < EUI_TEXT_LEN ||
        strcmp(at + EUI_TEXT_LEN, "/command/down") != 0) {
        return FUO_ENOENT;
    }
    return eui_parse(at, EUI_TEXT_LEN, dev_eui) == FUO_OK ? FUO_OK : FUO_ENOENT;
}

static struct json_object *member(struct json_object *root, const char *camel,
                                  const char *snake)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(root, camel, &value)) {
        (void)json_object_object_get_ex(root, snake, &value);
    }
    return value;
}

static int read_command(struct json_object *root, struct command *command)
{
    struct json_object *dev_eui = member(root, "devEui", "dev_eui");
    struct json_object *fport = member(root, "fPort", "f_port");
    struct json_object *data = member(root, "data", "data");
    struct json_object *id = member(root, "id", "id");
    struct json_object *expires = member(root, "expiresAt", "expires_at");
    struct cs_downlink *down = &command->downlink;
    uint64_t eui = 0;
    if (!json_object_is_type(dev_eui, json_type_string) ||
        eui_parse(json_object_get_string(dev_eui),
                  (size_t)json_object_get_string_len(dev_eui), &eui) != FUO_OK ||
        eui != down->dev_eui || !json_object_is_type(fport, json_type_int)) {
        return FUO_EPROTO;
    }
    int port = json_object_get_int(fport);
    if (port < 1 || port > 255) {
        return FUO_EPROTO;
    }
    down->fport = (uint8_t)port;
    down->confirmed =
        json_object_get_boolean(member(root, "confirmed", "confirmed")) != 0;
    if (data != NULL &&
        (!json_object_is_type(data, json_type_string) ||
         sodium_base642bin(command->data, sizeof(command->data),
                           json_object_get_string(data),
                           (size_t)json_object_get_string_len(data), NULL, &down->len,
                           NULL, sodium_base64_VARIANT_ORIGINAL) != 0)) {
        return FUO_EPROTO;
    }
    down->data = command->data;
    const char *id_text = id == NULL ? "" : json_object_get_string(id);
    if (id_text[0] != '\0') {
        if (strlen(id_text) != CS_ID_SIZE - 1) {
            return FUO_EPROTO;
        }
        memcpy(command->id, id_text, CS_ID_SIZE);
        down->id = command->id;
    }
    return expires == NULL ? FUO_OK
                           : rfc3339_parse(json_object_get_string(expires),
                                           (size_t)json_object_get_string_len(expires),
                                           &down->expires);
}

static int take_pb(const Csint__DownlinkCommand *from, struct command *command)
{
    struct cs_downlink *down = &command->downlink;
    uint64_t eui = 0;
    if (eui_parse(from->dev_eui, strlen(from->dev_eui), &eui) != FUO_OK ||
        eui != down->dev_eui || from->f_port < 1 || from->f_port > 255 ||
        from->data.len > sizeof(command->data)) {
        return FUO_EPROTO;
    }
    down->fport = (uint8_t)from->f_port;
    down->confirmed = from->confirmed;
    down->len = from->data.len;
    down->data = command->data;
    if (from->data.len > 0) {
        memcpy(command->data, from->data.data, from->data.len);
    }
    if (from->expires_at != NULL) {
        down->expires.us =
            from->expires_at->seconds * 1000000 + from->expires_at->nanos / 1000;
    }
    if (from->id[0] != '\0') {
        if (strlen(from->id) != CS_ID_SIZE - 1) {
            return FUO_EPROTO;
        }
        memcpy(command->id, from->id, CS_ID_SIZE);
        down->id = command->id;
    }
    return FUO_OK;
}

static int read_protobuf(const uint8_t *payload, size_t len, struct command *command)
{
    Csint__DownlinkCommand *from = csint__downlink_command__unpack(NULL, len, payload);
    int err = from != NULL ? take_pb(from, command) : FUO_EPROTO;
    if (from != NULL) {
        csint__downlink_command__free_unpacked(from, NULL);
    }
    return err;
}

int command_parse(const char *application_id, const char *topic, const uint8_t *payload,
                  size_t len, struct command *command)
{
    *command = (struct command){.downlink = {.expires = UTC_NEVER}};
    int err = parse_topic(application_id, topic, &command->downlink.dev_eui);
    if (err != FUO_OK) {
        return err;
    }
    if (len == 0 || len > COMMAND_MAX_BYTES) {
        return FUO_EPROTO;
    }
    if (payload[0] != '{') {
        return read_protobuf(payload, len, command);
    }
    struct json_tokener *tokener = json_tokener_new_ex(8);
    if (tokener == NULL) {
        return FUO_ENOMEM;
    }
    struct json_object *root =
        json_tokener_parse_ex(tokener, (const char *)payload, (int)len);
    err = json_object_is_type(root, json_type_object) ? read_command(root, command)
                                                      : FUO_EPROTO;
    json_object_put(root);
    json_tokener_free(tokener);
    return err;
}
