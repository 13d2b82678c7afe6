/* SPDX-License-Identifier: MIT */
#include "events_pb.h"

#include <json-c/json.h>
#include <string.h>

#include "json.h"
#include "text.h"

enum {
    SF_MIN = 7,
    SF_MAX = 12,
    DR_250_KHZ = 6,
    DR_500_KHZ = 8, /* and up */
    MARGIN_MIN_DB = -32,
    MARGIN_MAX_DB = 31,
};

#define GPS_EPOCH_US   (INT64_C(315964800) * 1000000)
#define GPS_LEAP_US    (INT64_C(18) * 1000000) /* since 2017-01-01 */
#define CLOCK_SLACK_US INT64_C(2000000)        /* how far gwTime may be from nsTime */

/* ---- uplinks ---- */

static bool time_member(struct json_object *o, const char *key, int64_t *us)
{
    size_t len;
    const char *text = json_text(o, key, &len);
    return parse_time(text, len, us);
}

/* At the gateway if it knows the time of GPS, or agrees with the server within 2 s. */
static bool reception_time(struct json_object *rx, bool gps_only, int64_t *us)
{
    size_t len;
    const char *gps_text = json_text(rx, "timeSinceGpsEpoch", &len);
    int64_t gps_us;
    if (parse_duration(gps_text, len, &gps_us) && gps_us > 0) {
        *us = GPS_EPOCH_US + gps_us - GPS_LEAP_US;
        return true;
    }
    int64_t ns_us;
    int64_t gw_us;
    if (gps_only || !time_member(rx, "nsTime", &ns_us)) {
        return false;
    }
    bool agree = time_member(rx, "gwTime", &gw_us) && gw_us - ns_us <= CLOCK_SLACK_US &&
                 ns_us - gw_us <= CLOCK_SLACK_US;
    *us = agree ? gw_us : ns_us;
    return true;
}

/* The first reception that knows, of the first 64. */
static bool any_reception_time(struct json_object *receptions, bool gps_only, int64_t *us)
{
    size_t count = receptions != NULL ? json_object_array_length(receptions) : 0;
    for (size_t i = 0; i < count && i < EVENT_RX_SCAN_MAX; i++) {
        if (reception_time(json_object_array_get_idx(receptions, i), gps_only, us)) {
            return true;
        }
    }
    return false;
}

static int64_t uplink_time(struct json_object *root, struct json_object *receptions)
{
    int64_t us = 0;
    if (any_reception_time(receptions, true, &us) ||
        any_reception_time(receptions, false, &us) || time_member(root, "time", &us)) {
        return us;
    }
    return 0;
}

static bool stronger(const struct fuo_rx *a, const struct fuo_rx *b)
{
    return a->rssi_dbm != b->rssi_dbm ? a->rssi_dbm > b->rssi_dbm
                                      : a->snr_cdb > b->snr_cdb;
}

void event_insert_rx(struct fuo_rx *rx, size_t *count, struct fuo_rx one)
{
    size_t at = *count;
    if (at == FUO_RX_MAX) {
        if (!stronger(&one, &rx[at - 1])) {
            return;
        }
        at--;
    } else {
        ++*count;
    }
    while (at > 0 && stronger(&one, &rx[at - 1])) {
        rx[at] = rx[at - 1];
        at--;
    }
    rx[at] = one;
}

static size_t decode_receptions(struct json_object *receptions, struct fuo_rx *rx)
{
    size_t count = 0;
    size_t n = receptions != NULL ? json_object_array_length(receptions) : 0;
    for (size_t i = 0; i < n && i < EVENT_RX_SCAN_MAX; i++) {
        struct json_object *o = json_object_array_get_idx(receptions, i);
        size_t len;
        const char *id = json_text(o, "gatewayId", &len);
        struct fuo_rx one = {
            .rssi_dbm = json_int16(o, "rssi", 1),
            .snr_cdb = json_int16(o, "snr", 100),
        };
        if (parse_eui(id, len, &one.gateway)) {
            event_insert_rx(rx, &count, one);
        }
    }
    return count;
}

/* 0: it does not say. */
static uint32_t frequency_of(struct json_object *tx_info)
{
    uint32_t frequency_hz = 0;
    return json_uint(tx_info, "frequency", UINT32_MAX, &frequency_hz) ? frequency_hz : 0;
}

static const char *decode_up(struct json_object *root, uint64_t dev_eui,
                             const char *version_pointer, struct decoded_event *out)
{
    struct json_object *receptions = json_array(root, "rxInfo");
    uint32_t fport = 0;
    uint32_t f_cnt = 0;
    uint32_t dr = 0;
    size_t data_len;
    size_t payload_len = 0;
    const char *data = json_text(root, "data", &data_len);
    if (!parse_base64(data, data_len, out->payload, EVENT_PAYLOAD_MAX, &payload_len)) {
        return "uplink with unusable data";
    }
    if (!json_uint(root, "fPort", UINT8_MAX, &fport) ||
        !json_uint(root, "fCnt", UINT32_MAX, &f_cnt) ||
        !json_uint(root, "dr", UINT8_MAX, &dr)) {
        return "uplink with a number out of range";
    }
    struct fuo_event *e = &out->event;
    e->type = FUO_EV_UPLINK;
    e->uplink.dev_eui = dev_eui;
    e->uplink.received_us = uplink_time(root, receptions);
    e->uplink.payload = out->payload;
    e->uplink.payload_len = fport != 0 ? payload_len : 0;
    e->uplink.rx_count = decode_receptions(receptions, out->rx);
    e->uplink.rx = out->rx;
    e->uplink.f_cnt = f_cnt;
    e->uplink.fport = (uint8_t)fport;
    e->uplink.dr = (uint8_t)dr;
    e->uplink.frequency_hz = frequency_of(json_member(root, "txInfo"));
    if (version_pointer != NULL) {
        json_pointed(json_member(root, "object"), version_pointer, e->uplink.version,
                     sizeof(e->uplink.version));
    }
    return NULL;
}

/* ---- what became of a downlink ---- */

void event_fate(const char *queue_item_id, size_t len, uint64_t dev_eui,
                enum fuo_fate fate, struct decoded_event *out)
{
    uint64_t id;
    if (!parse_downlink_id(queue_item_id, len, &id)) {
        return; /* not one of ours */
    }
    out->event.type = FUO_EV_FATE;
    out->event.fate.id = id;
    out->event.fate.dev_eui = dev_eui;
    out->event.fate.fate = fate;
    out->event.fate.dr = FUO_DR_UNKNOWN;
}

static void fate(struct json_object *o, const char *key, uint64_t dev_eui,
                 enum fuo_fate fate, struct decoded_event *out)
{
    size_t len;
    const char *text = json_text(o, key, &len);
    event_fate(text, len, dev_eui, fate, out);
}

/*
 * In every region 125 kHz are DR0 to DR5 from SF12 on, 500 kHz DR8 to DR13, and 250 kHz
 * only DR6.
 */
uint8_t event_downlink_dr(uint32_t bandwidth_hz, uint32_t sf)
{
    if (sf < SF_MIN || sf > SF_MAX) {
        return FUO_DR_UNKNOWN;
    }
    switch (bandwidth_hz) {
    case 125000:
        return (uint8_t)(SF_MAX - sf);
    case 250000:
        return sf == SF_MIN ? DR_250_KHZ : FUO_DR_UNKNOWN;
    case 500000:
        return (uint8_t)(SF_MAX - sf + DR_500_KHZ);
    default:
        return FUO_DR_UNKNOWN;
    }
}

static uint8_t downlink_dr(struct json_object *tx_info)
{
    struct json_object *lora = json_member(json_member(tx_info, "modulation"), "lora");
    uint32_t bandwidth_hz = 0;
    uint32_t sf = 0;
    if (!json_uint(lora, "bandwidth", UINT32_MAX, &bandwidth_hz) ||
        !json_uint(lora, "spreadingFactor", SF_MAX, &sf)) {
        return FUO_DR_UNKNOWN;
    }
    return event_downlink_dr(bandwidth_hz, sf);
}

/* Sent, and by whom and how: what a duty cycle is charged with. */
static void decode_txack(struct json_object *root, uint64_t dev_eui,
                         struct decoded_event *out)
{
    struct json_object *tx_info = json_member(root, "txInfo");
    size_t len;
    const char *gateway = json_text(root, "gatewayId", &len);
    uint64_t eui = 0;
    fate(root, "queueItemId", dev_eui, FUO_FATE_SENT, out);
    if (parse_eui(gateway, len, &eui)) {
        out->event.fate.gateway = eui;
    }
    out->event.fate.frequency_hz = frequency_of(tx_info);
    out->event.fate.dr = downlink_dr(tx_info);
    (void)json_uint(root, "downlinkId", UINT32_MAX, &out->downlink_id);
}

/* DOWNLINK_GATEWAY is no fate: the item stays queued and is tried again. */
static void decode_log(struct json_object *root, uint64_t dev_eui,
                       struct decoded_event *out)
{
    static const struct {
        const char *code;
        enum fuo_fate fate;
    } codes[] = {
        {"EXPIRED", FUO_FATE_EXPIRED},
        {"DOWNLINK_PAYLOAD_SIZE", FUO_FATE_REFUSED},
        {"F_CNT_DOWN", FUO_FATE_REFUSED},
    };
    size_t len;
    const char *code = json_text(root, "code", &len);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(code, codes[i].code) == 0) {
            fate(json_member(root, "context"), "queue_item_id", dev_eui, codes[i].fate,
                 out);
        }
    }
}

/* ---- statuses ---- */

void event_margin(double margin_db, uint64_t dev_eui, struct decoded_event *out)
{
    if (margin_db < MARGIN_MIN_DB || margin_db > MARGIN_MAX_DB) {
        return;
    }
    out->event.type = FUO_EV_STATUS;
    out->event.status.dev_eui = dev_eui;
    out->event.status.margin_db = (int8_t)margin_db;
}

/* The least level that a device can tell is more than 0: that is one that was left out. */
void event_battery(double percent, bool external, bool unavailable,
                   struct decoded_event *out)
{
    bool known = external || (!unavailable && percent > 0 && percent <= 100);
    if (out->event.type == FUO_EV_STATUS && known) {
        out->event.status.has_battery = true;
        out->event.status.battery_percent = external ? 100 : (uint8_t)percent;
    }
}

/* Proto JSON leaves out what is 0: a margin that is missing is one, of 0 dB. */
static void decode_status(struct json_object *root, uint64_t dev_eui,
                          struct decoded_event *out)
{
    struct json_object *value = json_member(root, "margin");
    double margin = json_number(root, "margin");
    bool number = value == NULL || json_object_is_type(value, json_type_int) ||
                  json_object_is_type(value, json_type_double);
    if (number) {
        event_margin(margin, dev_eui, out);
        event_battery(json_number(root, "batteryLevel"),
                      json_true(root, "externalPowerSource"),
                      json_true(root, "batteryLevelUnavailable"), out);
    }
}

/* ---- all of them ---- */

enum event_kind {
    KIND_OTHER, /* join, location, integration */
    KIND_UP,
    KIND_ACK,
    KIND_TXACK,
    KIND_LOG,
    KIND_STATUS,
};

static enum event_kind kind_of(const char *type)
{
    static const struct {
        const char *type;
        enum event_kind kind;
    } kinds[] = {
        {"up", KIND_UP},   {"ack", KIND_ACK},       {"txack", KIND_TXACK},
        {"log", KIND_LOG}, {"status", KIND_STATUS},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(type, kinds[i].type) == 0) {
            return kinds[i].kind;
        }
    }
    return KIND_OTHER;
}

/* The DevEUI in the event, if it is there, must be that of the topic. */
static bool device_agrees(struct json_object *root, uint64_t dev_eui)
{
    size_t len;
    uint64_t inner;
    const char *text = json_text(json_member(root, "deviceInfo"), "devEui", &len);
    return len == 0 || (parse_eui(text, len, &inner) && inner == dev_eui);
}

static const char *decode(struct json_object *root, enum event_kind kind,
                          uint64_t dev_eui, const char *version_pointer,
                          struct decoded_event *out)
{
    if (!device_agrees(root, dev_eui)) {
        return "event of another device than its topic says";
    }
    switch (kind) {
    case KIND_UP:
        return decode_up(root, dev_eui, version_pointer, out);
    case KIND_TXACK:
        decode_txack(root, dev_eui, out);
        return NULL;
    case KIND_ACK:
        if (json_true(root, "acknowledged")) {
            fate(root, "queueItemId", dev_eui, FUO_FATE_SENT, out);
        }
        return NULL;
    case KIND_LOG:
        decode_log(root, dev_eui, out);
        return NULL;
    case KIND_STATUS:
        decode_status(root, dev_eui, out);
        return NULL;
    case KIND_OTHER:
        return NULL;
    }
    return NULL;
}

bool event_is_json(const uint8_t *payload, size_t len)
{
    return len > 0 && payload[0] == '{';
}

static const char *decode_protobuf(enum event_kind kind, const uint8_t *bytes, size_t len,
                                   uint64_t dev_eui, const char *version_pointer,
                                   struct decoded_event *out)
{
    switch (kind) {
    case KIND_UP:
        return event_pb_up(bytes, len, dev_eui, version_pointer, out);
    case KIND_ACK:
        return event_pb_ack(bytes, len, dev_eui, out);
    case KIND_TXACK:
        return event_pb_txack(bytes, len, dev_eui, out);
    case KIND_LOG:
        return event_pb_log(bytes, len, dev_eui, out);
    case KIND_STATUS:
        return event_pb_status(bytes, len, dev_eui, out);
    case KIND_OTHER:
        break;
    }
    return NULL;
}

const char *event_decode(const struct topic_device *from, const uint8_t *payload,
                         size_t payload_len, const char *version_pointer,
                         struct decoded_event *out)
{
    out->event = (struct fuo_event){.size = sizeof(out->event)};
    out->downlink_id = 0;
    enum event_kind kind = kind_of(from->kind);
    if (kind == KIND_OTHER) {
        return NULL;
    }
    if (!event_is_json(payload, payload_len)) {
        return decode_protobuf(kind, payload, payload_len, from->dev_eui, version_pointer,
                               out);
    }
    struct json_object *root = json_read(payload, payload_len);
    if (root == NULL) {
        return "event that is not JSON";
    }
    const char *problem = decode(root, kind, from->dev_eui, version_pointer, out);
    json_object_put(root);
    return problem;
}
