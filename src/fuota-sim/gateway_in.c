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
                     struct gateway_order *order)
{
    for (unsigned dr = 0; dr < REGION_DR_COUNT; dr++) {
        const struct data_rate *rate =
            region_data_rate(region, (uint8_t)dr, DIRECTION_DOWN);
        if (rate != NULL && rate->modulation == MODULATION_LORA &&
            rate->bw_hz == bandwidth_hz && rate->sf == sf) {
            order->dr = (uint8_t)dr;
            return FUO_OK;
        }
    }
    return FUO_EPROTO;
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

static int read_json_item(const struct region *region, struct json_object *item,
                          struct gateway_order *order)
{
    struct json_object *tx = member(item, "txInfo");
    struct json_object *gps = member(member(tx, "timing"), "gpsEpoch");
    struct json_object *lora = member(member(tx, "modulation"), "lora");
    const char *phy = json_object_get_string(member(item, "phyPayload"));
    int64_t us = 0;
    if (gps == NULL) {
        return FUO_ENOENT;
    }
    const char *time = json_object_get_string(member(gps, "timeSinceGpsEpoch"));
    if (time == NULL || phy == NULL || !parse_duration(time, &us) ||
        sodium_base642bin(order->phy, sizeof(order->phy), phy, strlen(phy), NULL,
                          &order->phy_len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        return FUO_EPROTO;
    }
    order->at = utc_from_gps_us(us);
    order->frequency_hz = number(tx, "frequency");
    return take_rate(region, number(lora, "bandwidth"), number(lora, "spreadingFactor"),
                     order);
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
    int err = FUO_EPROTO;
    if (json_object_is_type(items, json_type_array) &&
        json_object_array_length(items) > 0) {
        order->downlink_id = number(root, "downlinkId");
        err = read_json_item(region, json_object_array_get_idx(items, 0), order);
    }
    json_object_put(root);
    json_tokener_free(tokener);
    return err;
}

/* ---- protobuf ---- */

static int read_item(const struct region *region, const Csgw__DownlinkFrameItem *item,
                     struct gateway_order *order)
{
    const Csgw__DownlinkTxInfo *tx = item->tx_info;
    bool timed = tx != NULL && tx->timing != NULL &&
                 tx->timing->parameters_case == CSGW__TIMING__PARAMETERS_GPS_EPOCH &&
                 tx->timing->gps_epoch->time_since_gps_epoch != NULL;
    if (!timed) {
        return FUO_ENOENT;
    }
    if (item->phy_payload.len > sizeof(order->phy) || tx->modulation == NULL ||
        tx->modulation->parameters_case != CSGW__MODULATION__PARAMETERS_LORA) {
        return FUO_EPROTO;
    }
    const Csgw__Duration *time = tx->timing->gps_epoch->time_since_gps_epoch;
    order->at = utc_from_gps_us(time->seconds * MICROS + time->nanos / 1000);
    order->frequency_hz = tx->frequency;
    order->phy_len = item->phy_payload.len;
    memcpy(order->phy, item->phy_payload.data, order->phy_len);
    return take_rate(region, tx->modulation->lora->bandwidth,
                     tx->modulation->lora->spreading_factor, order);
}

static int read_protobuf(const struct region *region, const uint8_t *payload, size_t len,
                         struct gateway_order *order)
{
    Csgw__DownlinkFrame *down = csgw__downlink_frame__unpack(NULL, len, payload);
    int err = FUO_EPROTO;
    if (down != NULL && down->n_items > 0) {
        order->downlink_id = down->downlink_id;
        err = read_item(region, down->items[0], order);
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
