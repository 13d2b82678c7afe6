/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum {
    JSON_DEPTH_MAX = 16,
    JSON_MAX_BYTES = 256 << 10,
    RX_SCAN_MAX = 64, /* receptions looked at */
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

/* ---- JSON, forgivingly ---- */

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    if (o == NULL || !json_object_is_type(o, json_type_object) ||
        !json_object_object_get_ex(o, key, &value)) {
        return NULL;
    }
    return value;
}

static struct json_object *array_member(struct json_object *o, const char *key)
{
    struct json_object *value = member(o, key);
    return json_object_is_type(value, json_type_array) ? value : NULL;
}

/* The text of a string member and its length; "" if it is missing or something else. */
static const char *text_member(struct json_object *o, const char *key, size_t *len)
{
    struct json_object *value = member(o, key);
    if (!json_object_is_type(value, json_type_string)) {
        *len = 0;
        return "";
    }
    *len = (size_t)json_object_get_string_len(value);
    return json_object_get_string(value);
}

/* A number or the text of one; 0 if it is missing, neither, or not a number at all. */
static double number_member(struct json_object *o, const char *key)
{
    struct json_object *value = member(o, key);
    double number = 0;
    if (json_object_is_type(value, json_type_int) ||
        json_object_is_type(value, json_type_double)) {
        number = json_object_get_double(value);
    } else if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);
        char *end;
        number = strtod(text, &end);
        if (end == text || *end != '\0') {
            return 0;
        }
    }
    return number == number ? number : 0;
}

static bool bool_member(struct json_object *o, const char *key)
{
    struct json_object *value = member(o, key);
    return json_object_is_type(value, json_type_boolean) &&
           json_object_get_boolean(value);
}

/* false: out of range, and *out is untouched. */
static bool uint_member(struct json_object *o, const char *key, uint32_t max,
                        uint32_t *out)
{
    double number = number_member(o, key);
    if (number < 0 || number > max) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* Rounded, at the limits of the type if it is beyond them. */
static int16_t clamp_int16(double number)
{
    if (number < INT16_MIN) {
        return INT16_MIN;
    }
    if (number > INT16_MAX) {
        return INT16_MAX;
    }
    return (int16_t)(number + (number < 0 ? -0.5 : 0.5));
}

/* ---- topic ---- */

/* What follows prefix at *at, which moves behind it. */
static bool skip(const char **at, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(*at, prefix, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

static bool parse_topic(const char *topic, const char *application_id, uint64_t *dev_eui,
                        const char **type)
{
    const char *at = topic;
    if (!skip(&at, "application/") || !skip(&at, application_id) ||
        !skip(&at, "/device/") || strnlen(at, 16) < 16 || !parse_eui(at, 16, dev_eui)) {
        return false;
    }
    at += 16;
    if (!skip(&at, "/event/")) {
        return false;
    }
    *type = at;
    return true;
}

/* ---- uplinks ---- */

static bool time_member(struct json_object *o, const char *key, int64_t *us)
{
    size_t len;
    const char *text = text_member(o, key, &len);
    return parse_time(text, len, us);
}

/* At the gateway if it knows the time of GPS, or agrees with the server within 2 s. */
static bool reception_time(struct json_object *rx, bool gps_only, int64_t *us)
{
    size_t len;
    const char *gps_text = text_member(rx, "timeSinceGpsEpoch", &len);
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
    for (size_t i = 0; i < count && i < RX_SCAN_MAX; i++) {
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

/* Insert in order; the weakest falls out when all places are taken. */
static void insert_rx(struct fuo_rx *rx, size_t *count, struct fuo_rx one)
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
    for (size_t i = 0; i < n && i < RX_SCAN_MAX; i++) {
        struct json_object *o = json_object_array_get_idx(receptions, i);
        size_t len;
        const char *id = text_member(o, "gatewayId", &len);
        struct fuo_rx one = {
            .rssi_dbm = clamp_int16(number_member(o, "rssi")),
            .snr_cdb = clamp_int16(number_member(o, "snr") * 100),
        };
        if (parse_eui(id, len, &one.gateway)) {
            insert_rx(rx, &count, one);
        }
    }
    return count;
}

/* 0: it does not say. */
static uint32_t frequency_of(struct json_object *tx_info)
{
    uint32_t frequency_hz = 0;
    return uint_member(tx_info, "frequency", UINT32_MAX, &frequency_hz) ? frequency_hz
                                                                        : 0;
}

static const char *decode_up(struct json_object *root, uint64_t dev_eui,
                             struct decoded_event *out)
{
    struct json_object *receptions = array_member(root, "rxInfo");
    uint32_t fport = 0;
    uint32_t f_cnt = 0;
    uint32_t dr = 0;
    size_t data_len;
    size_t payload_len = 0;
    const char *data = text_member(root, "data", &data_len);
    if (!parse_base64(data, data_len, out->payload, EVENT_PAYLOAD_MAX, &payload_len)) {
        return "uplink with unusable data";
    }
    if (!uint_member(root, "fPort", UINT8_MAX, &fport) ||
        !uint_member(root, "fCnt", UINT32_MAX, &f_cnt) ||
        !uint_member(root, "dr", UINT8_MAX, &dr)) {
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
    e->uplink.frequency_hz = frequency_of(member(root, "txInfo"));
    return NULL;
}

/* ---- what became of a downlink ---- */

static void fate(struct json_object *o, const char *key, uint64_t dev_eui,
                 enum fuo_fate fate, struct decoded_event *out)
{
    size_t len;
    const char *text = text_member(o, key, &len);
    uint64_t id;
    if (!parse_downlink_id(text, len, &id)) {
        return; /* not one of ours */
    }
    out->event.type = FUO_EV_FATE;
    out->event.fate.id = id;
    out->event.fate.dev_eui = dev_eui;
    out->event.fate.fate = fate;
    out->event.fate.dr = FUO_DR_UNKNOWN;
}

/*
 * The data rate of a downlink: in every region 125 kHz are DR0 to DR5 from SF12 on, 500 kHz
 * DR8 to DR13, and 250 kHz only DR6.
 */
static uint8_t downlink_dr(struct json_object *tx_info)
{
    struct json_object *lora = member(member(tx_info, "modulation"), "lora");
    uint32_t bandwidth_hz = 0;
    uint32_t sf = 0;
    if (!uint_member(lora, "bandwidth", UINT32_MAX, &bandwidth_hz) ||
        !uint_member(lora, "spreadingFactor", SF_MAX, &sf) || sf < SF_MIN) {
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

/* Sent, and by whom and how: what a duty cycle is charged with. */
static void decode_txack(struct json_object *root, uint64_t dev_eui,
                         struct decoded_event *out)
{
    struct json_object *tx_info = member(root, "txInfo");
    size_t len;
    const char *gateway = text_member(root, "gatewayId", &len);
    uint64_t eui = 0;
    fate(root, "queueItemId", dev_eui, FUO_FATE_SENT, out);
    if (parse_eui(gateway, len, &eui)) {
        out->event.fate.gateway = eui;
    }
    out->event.fate.frequency_hz = frequency_of(tx_info);
    out->event.fate.dr = downlink_dr(tx_info);
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
    const char *code = text_member(root, "code", &len);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(code, codes[i].code) == 0) {
            fate(member(root, "context"), "queue_item_id", dev_eui, codes[i].fate, out);
        }
    }
}

/* ---- statuses ---- */

/* Proto JSON leaves out what is 0: a margin that is missing is one, of 0 dB. */
static void decode_status(struct json_object *root, uint64_t dev_eui,
                          struct decoded_event *out)
{
    struct json_object *value = member(root, "margin");
    double margin = number_member(root, "margin");
    bool number = value == NULL || json_object_is_type(value, json_type_int) ||
                  json_object_is_type(value, json_type_double);
    if (!number || margin < MARGIN_MIN_DB || margin > MARGIN_MAX_DB) {
        return;
    }
    out->event.type = FUO_EV_STATUS;
    out->event.status.dev_eui = dev_eui;
    out->event.status.margin_db = (int8_t)margin;
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

static struct json_object *parse_json(const uint8_t *json, size_t len)
{
    if (len == 0 || len > JSON_MAX_BYTES) {
        return NULL;
    }
    struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX);
    if (tok == NULL) {
        return NULL;
    }
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tok, (const char *)json, (int)len);
    json_tokener_free(tok);
    if (root != NULL && !json_object_is_type(root, json_type_object)) {
        json_object_put(root);
        return NULL;
    }
    return root;
}

/* The DevEUI in the event, if it is there, must be that of the topic. */
static bool device_agrees(struct json_object *root, uint64_t dev_eui)
{
    size_t len;
    uint64_t inner;
    const char *text = text_member(member(root, "deviceInfo"), "devEui", &len);
    return len == 0 || (parse_eui(text, len, &inner) && inner == dev_eui);
}

static const char *decode(struct json_object *root, enum event_kind kind,
                          uint64_t dev_eui, struct decoded_event *out)
{
    if (!device_agrees(root, dev_eui)) {
        return "event of another device than its topic says";
    }
    switch (kind) {
    case KIND_UP:
        return decode_up(root, dev_eui, out);
    case KIND_TXACK:
        decode_txack(root, dev_eui, out);
        return NULL;
    case KIND_ACK:
        if (bool_member(root, "acknowledged")) {
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

const char *event_decode(const char *application_id, const char *topic,
                         const uint8_t *json, size_t json_len, struct decoded_event *out)
{
    uint64_t dev_eui;
    const char *type;
    out->event = (struct fuo_event){.size = sizeof(out->event)};
    if (!parse_topic(topic, application_id, &dev_eui, &type)) {
        return "message on an unexpected topic";
    }
    enum event_kind kind = kind_of(type);
    if (kind == KIND_OTHER) {
        return NULL;
    }
    struct json_object *root = parse_json(json, json_len);
    if (root == NULL) {
        return "event that is not JSON";
    }
    const char *problem = decode(root, kind, dev_eui, out);
    json_object_put(root);
    return problem;
}
