/* SPDX-License-Identifier: MIT */
#include "fuota-sim/gateway_in.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "gw.pb-c.h"

#define GATEWAY_LEVEL "/gateway/"
#define DOWN          "/command/down"
#define MICROS        INT64_C(1000000)

enum {
    DEPTH_MAX = 16,
    DIGITS_OF_MICROS = 6,
};

static struct utc utc_from_gps_us(int64_t us)
{
    return (struct utc){us + SECONDS_US(GPS_EPOCH_UNIX_S) - SECONDS_US(GPS_LEAP_S)};
}

static int take_rate(const struct region *region, uint32_t bandwidth_hz, uint32_t sf,
                     struct gateway_item *item)
{
    for (unsigned dr = 0; dr < REGION_DR_COUNT; dr++) {
        const struct data_rate *rate =
            region_data_rate(region, (uint8_t)dr, DIRECTION_DOWN);
        if (rate != NULL && rate->modulation == MODULATION_LORA &&
            rate->bw_hz == bandwidth_hz && rate->sf == sf) {
            item->dr = (uint8_t)dr;
            return FUO_OK;
        }
    }
    return FUO_EPROTO;
}

/* ---- context ---- */

void gateway_context(struct utc end, uint8_t context[static GATEWAY_CONTEXT_BYTES])
{
    uint64_t us = (uint64_t)end.us;
    for (size_t i = GATEWAY_CONTEXT_BYTES; i-- > 0; us >>= 8) {
        context[i] = (uint8_t)us;
    }
}

static int take_delay(const uint8_t *context, size_t len, int64_t delay_us,
                      struct gateway_item *item)
{
    uint64_t us = 0;
    if (len != GATEWAY_CONTEXT_BYTES || context[0] != 0) {
        return FUO_EPROTO; /* it is not of ours, or from a far future */
    }
    for (size_t i = 0; i < len; i++) {
        us = us << 8 | context[i];
    }
    item->timing = ORDER_DELAY;
    item->at = utc_after((struct utc){(int64_t)us}, delay_us);
    return FUO_OK;
}

/* ---- JSON ---- */

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(o, key, &value) ? value : NULL;
}

static uint32_t number(struct json_object *o, const char *key)
{
    return (uint32_t)json_object_get_int64(member(o, key));
}

/* "12.345678s" */
static bool parse_duration(const char *text, int64_t *us)
{
    char *end = NULL;
    int64_t unit = MICROS;
    *us = strtoll(text, &end, 10) * MICROS;
    if (end == text || *us < 0) {
        return false;
    }
    if (*end == '.') {
        end++;
        for (int i = 0; i < DIGITS_OF_MICROS && *end >= '0' && *end <= '9'; i++) {
            unit /= 10;
            *us += unit * (*end++ - '0');
        }
        end += strspn(end, "0123456789");
    }
    return strcmp(end, "s") == 0;
}

static size_t base64_bytes(struct json_object *value, uint8_t *bytes, size_t cap)
{
    const char *text = json_object_get_string(value);
    size_t len = 0;
    bool good =
        text != NULL && sodium_base642bin(bytes, cap, text, strlen(text), NULL, &len,
                                          NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
    return good ? len : 0;
}

static int read_json_timing(struct json_object *tx, struct gateway_item *item)
{
    struct json_object *timing = member(tx, "timing");
    struct json_object *delay = member(timing, "delay");
    struct json_object *gps = member(timing, "gpsEpoch");
    int64_t us = 0;
    item->timing = ORDER_IMMEDIATELY;
    if (delay == NULL && gps == NULL) {
        return member(timing, "immediately") != NULL ? FUO_OK : FUO_EPROTO;
    }
    const char *text = json_object_get_string(
        delay != NULL ? member(delay, "delay") : member(gps, "timeSinceGpsEpoch"));
    if (text == NULL || !parse_duration(text, &us)) {
        return FUO_EPROTO;
    }
    if (delay != NULL) {
        uint8_t context[GATEWAY_CONTEXT_BYTES];
        size_t len = base64_bytes(member(tx, "context"), context, sizeof(context));
        return take_delay(context, len, us, item);
    }
    item->timing = ORDER_GPS;
    item->at = utc_from_gps_us(us);
    return FUO_OK;
}

static int read_json_item(const struct region *region, struct json_object *from,
                          struct gateway_item *item)
{
    struct json_object *tx = member(from, "txInfo");
    struct json_object *lora = member(member(tx, "modulation"), "lora");
    item->phy_len =
        base64_bytes(member(from, "phyPayload"), item->phy, sizeof(item->phy));
    item->frequency_hz = number(tx, "frequency");
    if (lora == NULL) {
        return FUO_ENOENT;
    }
    int err = read_json_timing(tx, item);
    return err != FUO_OK || item->phy_len == 0
               ? FUO_EPROTO
               : take_rate(region, number(lora, "bandwidth"),
                           number(lora, "spreadingFactor"), item);
}

static int read_json(const struct region *region, const uint8_t *payload, size_t len,
                     struct gateway_order *order)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return FUO_ENOMEM;
    }
    struct json_object *root =
        json_tokener_parse_ex(tokener, (const char *)payload, (int)len);
    struct json_object *items = member(root, "items");
    bool list = json_object_is_type(items, json_type_array);
    size_t count = list ? json_object_array_length(items) : 0;
    int err = count > 0 && count <= CS_FRAME_ITEMS ? FUO_OK : FUO_EPROTO;
    order->downlink_id = number(root, "downlinkId");
    for (size_t i = 0; i < count && err == FUO_OK; i++) {
        err =
            read_json_item(region, json_object_array_get_idx(items, i), &order->items[i]);
        order->count++;
    }
    json_object_put(root);
    json_tokener_free(tokener);
    return err;
}

/* ---- protobuf ---- */

static int64_t duration_us(const Csgw__Duration *d)
{
    bool sane = d != NULL && d->seconds >= 0 && d->seconds < INT64_MAX / MICROS / 2;
    return sane ? d->seconds * MICROS + d->nanos / 1000 : -1;
}

static int read_timing(const Csgw__DownlinkTxInfo *tx, struct gateway_item *item)
{
    int64_t us = -1;
    switch (tx->timing == NULL ? 0 : tx->timing->parameters_case) {
    case CSGW__TIMING__PARAMETERS_IMMEDIATELY:
        item->timing = ORDER_IMMEDIATELY;
        return FUO_OK;
    case CSGW__TIMING__PARAMETERS_DELAY:
        us = duration_us(tx->timing->delay->delay);
        return us < 0 ? FUO_EPROTO
                      : take_delay(tx->context.data, tx->context.len, us, item);
    case CSGW__TIMING__PARAMETERS_GPS_EPOCH:
        us = duration_us(tx->timing->gps_epoch->time_since_gps_epoch);
        item->timing = ORDER_GPS;
        item->at = utc_from_gps_us(us);
        return us < 0 ? FUO_EPROTO : FUO_OK;
    default:
        return FUO_EPROTO;
    }
}

static int read_item(const struct region *region, const Csgw__DownlinkFrameItem *from,
                     struct gateway_item *item)
{
    const Csgw__DownlinkTxInfo *tx = from->tx_info;
    if (tx == NULL || tx->modulation == NULL ||
        tx->modulation->parameters_case != CSGW__MODULATION__PARAMETERS_LORA) {
        return FUO_ENOENT;
    }
    if (from->phy_payload.len == 0 || from->phy_payload.len > sizeof(item->phy) ||
        read_timing(tx, item) != FUO_OK) {
        return FUO_EPROTO;
    }
    item->frequency_hz = tx->frequency;
    item->phy_len = from->phy_payload.len;
    memcpy(item->phy, from->phy_payload.data, item->phy_len);
    return take_rate(region, tx->modulation->lora->bandwidth,
                     tx->modulation->lora->spreading_factor, item);
}

static int read_protobuf(const struct region *region, const uint8_t *payload, size_t len,
                         struct gateway_order *order)
{
    Csgw__DownlinkFrame *down = csgw__downlink_frame__unpack(NULL, len, payload);
    size_t count = down != NULL ? down->n_items : 0;
    int err = count > 0 && count <= CS_FRAME_ITEMS ? FUO_OK : FUO_EPROTO;
    order->downlink_id = down != NULL ? down->downlink_id : 0;
    for (size_t i = 0; i < count && err == FUO_OK; i++) {
        err = read_item(region, down->items[i], &order->items[i]);
        order->count++;
    }
    csgw__downlink_frame__free_unpacked(down, NULL);
    return err;
}

/* ---- both ---- */

int gateway_order_parse(const struct region *region, const char *topic,
                        const uint8_t *payload, size_t len, struct gateway_order *order)
{
    const char *at = strstr(topic, GATEWAY_LEVEL);
    const char *eui = at != NULL ? at + strlen(GATEWAY_LEVEL) : "";
    *order = (struct gateway_order){.protobuf = len > 0 && payload[0] != '{'};
    if (strlen(eui) <= EUI_TEXT_LEN || strcmp(eui + EUI_TEXT_LEN, DOWN) != 0 ||
        eui_parse(eui, EUI_TEXT_LEN, &order->gateway) != FUO_OK) {
        return FUO_ENOENT;
    }
    if (len == 0) {
        return FUO_EPROTO;
    }
    return order->protobuf ? read_protobuf(region, payload, len, order)
                           : read_json(region, payload, len, order);
}
