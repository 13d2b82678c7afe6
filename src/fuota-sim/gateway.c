/* SPDX-License-Identifier: MIT */
#include "fuota-sim/gateway.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "fuota-sim/events.h"
#include "fuota-sim/gateway_in.h"
#include "fuota-sim/json_out.h"
#include "gw.pb-c.h"

enum {
    POWER_DBM = 16,
    CR_4_5 = 1,
    DEVIATION_HZ = 25000,
    CRC_OK = 2,
};

bool gateway_speaks_protobuf(enum gateway_marshaler marshaler, size_t gateway)
{
    return marshaler == GATEWAY_PROTOBUF ||
           (marshaler == GATEWAY_MIXED && gateway % 2 == 1);
}

static char lower(char c)
{
    if (c < 'A' || c > 'Z') {
        return c;
    }
    return "abcdefghijklmnopqrstuvwxyz"[c - 'A'];
}

/* The region's topic_prefix, as in ChirpStack's own example configuration: eu868. */
static void set_topic(struct gateway_message *m, const struct cs *cs, size_t gateway,
                      const char *what)
{
    char eui[EUI_TEXT_SIZE];
    (void)snprintf(m->topic, sizeof(m->topic), "%s/gateway/%s/%s",
                   cs->config.region->name, eui_format(cs->gateways[gateway], eui), what);
    for (char *c = m->topic; *c != '/'; c++) {
        *c = lower(*c);
    }
}

static void set_json(struct gateway_message *m, struct json_object *root)
{
    char *text = strdup(json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(root);
    m->payload = (uint8_t *)text;
    m->len = text == NULL ? 0 : strlen(text);
}

static void set_protobuf(struct gateway_message *m, const ProtobufCMessage *message)
{
    m->payload = malloc(protobuf_c_message_get_packed_size(message) + 1);
    m->len = m->payload == NULL ? 0 : protobuf_c_message_pack(message, m->payload);
}

/* ---- command/down ---- */

static int64_t gps_us_of(struct utc at)
{
    return at.us - SECONDS_US(GPS_EPOCH_UNIX_S) + SECONDS_US(GPS_LEAP_S);
}

/* Class A after the uplink, class B at a time, class C at once. */
static struct json_object *json_timing(const struct cs_tx *tx)
{
    struct json_object *timing = json_object_new_object();
    struct json_object *how = json_object_new_object();
    if (tx->immediate) {
        out_add(timing, "immediately", how);
    } else if (tx->device != NULL) {
        out_duration(how, "delay", tx->at.us - tx->device->rx_time.us);
        out_add(timing, "delay", how);
    } else {
        out_duration(how, "timeSinceGpsEpoch", gps_us_of(tx->at));
        out_add(timing, "gpsEpoch", how);
    }
    return timing;
}

static struct json_object *json_item(const struct cs *cs, const struct cs_tx *tx)
{
    struct json_object *item = json_object_new_object();
    struct json_object *info = json_object_new_object();
    out_base64(item, "phyPayload", tx->phy, tx->phy_len);
    out_number(info, "frequency", tx->frequency_hz);
    out_number(info, "power", POWER_DBM);
    out_add(info, "modulation", event_modulation(cs, tx->dr, true));
    if (!tx->immediate && tx->device != NULL) {
        uint8_t context[GATEWAY_CONTEXT_BYTES];
        gateway_context(tx->device->rx_time, context);
        out_base64(info, "context", context, sizeof(context));
    }
    out_add(info, "timing", json_timing(tx));
    out_add(item, "txInfo", info);
    return item;
}

static void json_command(struct gateway_message *m, const struct cs *cs,
                         const struct cs_gateway_frame *frame)
{
    struct json_object *root = json_object_new_object();
    struct json_object *items = json_object_new_array();
    out_number(root, "downlinkId", frame->downlink_id);
    for (size_t i = 0; i < frame->count; i++) {
        (void)json_object_array_add(items, json_item(cs, &frame->items[i]));
    }
    out_add(root, "items", items);
    out_eui(root, "gatewayId", cs->gateways[frame->items[0].gateway]);
    set_json(m, root);
}

/* An item with all that it points to. */
struct pb_item {
    Csgw__DownlinkFrameItem item;
    Csgw__DownlinkTxInfo info;
    Csgw__Modulation modulation;
    Csgw__LoraModulationInfo lora;
    Csgw__FskModulationInfo fsk;
    Csgw__Timing timing;
    Csgw__ImmediatelyTimingInfo immediately;
    Csgw__DelayTimingInfo delay;
    Csgw__GPSEpochTimingInfo gps;
    Csgw__Duration duration;
    uint8_t context[GATEWAY_CONTEXT_BYTES];
};

static void set_modulation(struct pb_item *p, const struct data_rate *rate, bool down)
{
    csgw__modulation__init(&p->modulation);
    csgw__lora_modulation_info__init(&p->lora);
    csgw__fsk_modulation_info__init(&p->fsk);
    if (rate != NULL && rate->modulation == MODULATION_FSK) {
        p->fsk.frequency_deviation = DEVIATION_HZ;
        p->fsk.datarate = rate->bitrate_bps;
        p->modulation.parameters_case = CSGW__MODULATION__PARAMETERS_FSK;
        p->modulation.fsk = &p->fsk;
        return;
    }
    p->lora.bandwidth = rate == NULL ? 0 : rate->bw_hz;
    p->lora.spreading_factor = rate == NULL ? 0 : rate->sf;
    p->lora.polarization_inversion = down;
    p->lora.code_rate = CR_4_5;
    p->modulation.parameters_case = CSGW__MODULATION__PARAMETERS_LORA;
    p->modulation.lora = &p->lora;
}

static void set_timing(struct pb_item *p, const struct cs_tx *tx)
{
    csgw__timing__init(&p->timing);
    csgw__immediately_timing_info__init(&p->immediately);
    csgw__delay_timing_info__init(&p->delay);
    csgw__duration__init(&p->duration);
    if (tx->immediate) {
        p->timing.parameters_case = CSGW__TIMING__PARAMETERS_IMMEDIATELY;
        p->timing.immediately = &p->immediately;
        return;
    }
    int64_t us =
        tx->device != NULL ? tx->at.us - tx->device->rx_time.us : gps_us_of(tx->at);
    if (tx->device != NULL) {
        gateway_context(tx->device->rx_time, p->context);
        p->info.context = (ProtobufCBinaryData){sizeof(p->context), p->context};
    }
    p->duration.seconds = us / 1000000;
    p->duration.nanos = (int32_t)(us % 1000000) * 1000;
    if (tx->device == NULL) {
        csgw__gpsepoch_timing_info__init(&p->gps);
        p->gps.time_since_gps_epoch = &p->duration;
        p->timing.parameters_case = CSGW__TIMING__PARAMETERS_GPS_EPOCH;
        p->timing.gps_epoch = &p->gps;
        return;
    }
    p->delay.delay = &p->duration;
    p->timing.parameters_case = CSGW__TIMING__PARAMETERS_DELAY;
    p->timing.delay = &p->delay;
}

static void set_item(struct pb_item *p, const struct cs *cs, const struct cs_tx *tx,
                     uint8_t phy[static FRAME_PHY_MAX_BYTES])
{
    csgw__downlink_frame_item__init(&p->item);
    csgw__downlink_tx_info__init(&p->info);
    set_modulation(p, region_data_rate(cs->config.region, tx->dr, DIRECTION_DOWN), true);
    set_timing(p, tx);
    memcpy(phy, tx->phy, tx->phy_len);
    p->item.phy_payload = (ProtobufCBinaryData){tx->phy_len, phy};
    p->info.frequency = tx->frequency_hz;
    p->info.power = POWER_DBM;
    p->info.modulation = &p->modulation;
    p->info.timing = &p->timing;
    p->item.tx_info = &p->info;
}

static void pb_command(struct gateway_message *m, const struct cs *cs,
                       const struct cs_gateway_frame *frame)
{
    struct pb_item items[CS_FRAME_ITEMS];
    Csgw__DownlinkFrameItem *list[CS_FRAME_ITEMS];
    uint8_t phy[CS_FRAME_ITEMS][FRAME_PHY_MAX_BYTES];
    char eui[EUI_TEXT_SIZE];
    Csgw__DownlinkFrame down;
    csgw__downlink_frame__init(&down);
    (void)eui_format(cs->gateways[frame->items[0].gateway], eui);
    for (size_t i = 0; i < frame->count; i++) {
        set_item(&items[i], cs, &frame->items[i], phy[i]);
        list[i] = &items[i].item;
    }
    down.downlink_id = frame->downlink_id;
    down.gateway_id = eui;
    down.n_items = frame->count;
    down.items = list;
    set_protobuf(m, &down.base);
}

struct gateway_message
gateway_command(const struct cs *cs, const struct cs_gateway_frame *frame, bool protobuf)
{
    struct gateway_message m = {0};
    set_topic(&m, cs, frame->items[0].gateway, "command/down");
    if (protobuf) {
        pb_command(&m, cs, frame);
    } else {
        json_command(&m, cs, frame);
    }
    return m;
}

/* ---- event/ack ---- */

/* TxAckStatus */
static uint32_t status_number(enum tx_status status)
{
    switch (status) {
    case TX_OK:
        return 1;
    case TX_TOO_LATE:
        return 2;
    case TX_COLLISION_PACKET:
        return 4;
    case TX_FREQ:
        return 6;
    case TX_DUTY_CYCLE_OVERFLOW:
        return 11;
    case TX_NO_ACK:
        break;
    }
    return 0;
}

static void json_ack(struct gateway_message *m, const struct cs *cs,
                     const struct cs_gateway_frame *frame)
{
    struct json_object *root = json_object_new_object();
    struct json_object *items = json_object_new_array();
    out_eui(root, "gatewayId", cs->gateways[frame->items[0].gateway]);
    out_number(root, "downlinkId", frame->downlink_id);
    for (size_t i = 0; i < frame->count; i++) {
        struct json_object *item = json_object_new_object();
        out_text(item, "status",
                 i < frame->tried ? tx_status_name(frame->status[i]) : "IGNORED");
        (void)json_object_array_add(items, item);
    }
    out_add(root, "items", items);
    set_json(m, root);
}

static void pb_ack(struct gateway_message *m, const struct cs *cs,
                   const struct cs_gateway_frame *frame)
{
    Csgw__DownlinkTxAckItem items[CS_FRAME_ITEMS];
    Csgw__DownlinkTxAckItem *list[CS_FRAME_ITEMS];
    char eui[EUI_TEXT_SIZE];
    Csgw__DownlinkTxAck ack;
    csgw__downlink_tx_ack__init(&ack);
    (void)eui_format(cs->gateways[frame->items[0].gateway], eui);
    for (size_t i = 0; i < frame->count; i++) {
        csgw__downlink_tx_ack_item__init(&items[i]);
        items[i].status = i < frame->tried ? status_number(frame->status[i]) : 0;
        list[i] = &items[i];
    }
    ack.gateway_id = eui;
    ack.downlink_id = frame->downlink_id;
    ack.n_items = frame->count;
    ack.items = list;
    set_protobuf(m, &ack.base);
}

struct gateway_message gateway_ack(const struct cs *cs,
                                   const struct cs_gateway_frame *frame, bool protobuf)
{
    struct gateway_message m = {0};
    set_topic(&m, cs, frame->items[0].gateway, "event/ack");
    if (protobuf) {
        pb_ack(&m, cs, frame);
    } else {
        json_ack(&m, cs, frame);
    }
    return m;
}

/* ---- event/stats ---- */

struct gateway_message gateway_stats(const struct cs *cs, size_t gateway, struct utc now,
                                     const struct gateway_counts *counts, bool protobuf)
{
    struct gateway_message m = {0};
    char eui[EUI_TEXT_SIZE];
    (void)eui_format(cs->gateways[gateway], eui);
    set_topic(&m, cs, gateway, "event/stats");
    if (!protobuf) {
        struct json_object *root = json_object_new_object();
        out_text(root, "gatewayId", eui);
        out_time(root, "time", now);
        out_number(root, "txPacketsReceived", counts->given);
        out_number(root, "txPacketsEmitted", counts->emitted);
        set_json(&m, root);
        return m;
    }
    Csgw__GatewayStats stats;
    Csgw__Timestamp time;
    csgw__gateway_stats__init(&stats);
    csgw__timestamp__init(&time);
    time.seconds = now.us / 1000000;
    time.nanos = (int32_t)(now.us % 1000000) * 1000;
    stats.gateway_id = eui;
    stats.time = &time;
    stats.tx_packets_received = counts->given;
    stats.tx_packets_emitted = counts->emitted;
    set_protobuf(&m, &stats.base);
    return m;
}

/* ---- event/up ---- */

/* A gateway with a GNSS receiver knows the time. */
static int64_t gps_us(struct utc now)
{
    return now.us - SECONDS_US(GPS_EPOCH_UNIX_S) + SECONDS_US(GPS_LEAP_S);
}

static void json_up(struct gateway_message *m, const struct cs *cs,
                    const struct cs_uplink *uplink, const struct cs_rx *rx,
                    struct utc now, uint32_t id)
{
    struct json_object *root = json_object_new_object();
    struct json_object *tx = json_object_new_object();
    struct json_object *info = json_object_new_object();
    uint8_t context[GATEWAY_CONTEXT_BYTES];
    gateway_context(now, context);
    out_base64(root, "phyPayload", uplink->phy, uplink->phy_len);
    out_number(tx, "frequency", uplink->frequency_hz);
    out_add(tx, "modulation", event_modulation(cs, uplink->dr, false));
    out_add(root, "txInfo", tx);
    out_eui(info, "gatewayId", cs->gateways[rx->gateway]);
    out_number(info, "uplinkId", id);
    out_time(info, "gwTime", now);
    out_duration(info, "timeSinceGpsEpoch", gps_us(now));
    out_number(info, "rssi", rx->rssi_dbm);
    out_number(info, "snr", rx->snr_db);
    out_base64(info, "context", context, sizeof(context));
    out_text(info, "crcStatus", "CRC_OK");
    out_add(root, "rxInfo", info);
    set_json(m, root);
}

static void pb_up(struct gateway_message *m, const struct cs *cs,
                  const struct cs_uplink *uplink, const struct cs_rx *rx, struct utc now,
                  uint32_t id)
{
    Csgw__UplinkFrame up;
    Csgw__UplinkTxInfo tx;
    Csgw__UplinkRxInfo info;
    Csgw__Timestamp time;
    Csgw__Duration gps;
    struct pb_item rate;
    char eui[EUI_TEXT_SIZE];
    uint8_t context[GATEWAY_CONTEXT_BYTES];
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    csgw__uplink_frame__init(&up);
    csgw__uplink_tx_info__init(&tx);
    csgw__uplink_rx_info__init(&info);
    csgw__timestamp__init(&time);
    csgw__duration__init(&gps);
    set_modulation(&rate, region_data_rate(cs->config.region, uplink->dr, DIRECTION_UP),
                   false);
    gateway_context(now, context);
    memcpy(phy, uplink->phy, uplink->phy_len);
    (void)eui_format(cs->gateways[rx->gateway], eui);
    time.seconds = now.us / 1000000;
    time.nanos = (int32_t)(now.us % 1000000) * 1000;
    gps.seconds = gps_us(now) / 1000000;
    gps.nanos = (int32_t)(gps_us(now) % 1000000) * 1000;
    tx.frequency = uplink->frequency_hz;
    tx.modulation = &rate.modulation;
    info.gateway_id = eui;
    info.uplink_id = id;
    info.gw_time = &time;
    info.time_since_gps_epoch = &gps;
    info.rssi = rx->rssi_dbm;
    info.snr = (float)rx->snr_db;
    info.context = (ProtobufCBinaryData){sizeof(context), context};
    info.crc_status = CRC_OK;
    up.phy_payload = (ProtobufCBinaryData){uplink->phy_len, phy};
    up.tx_info = &tx;
    up.rx_info = &info;
    set_protobuf(m, &up.base);
}

struct gateway_message gateway_up(const struct cs *cs, const struct cs_uplink *uplink,
                                  const struct cs_rx *rx, struct utc now, uint32_t id,
                                  bool protobuf)
{
    struct gateway_message m = {0};
    set_topic(&m, cs, rx->gateway, "event/up");
    if (protobuf) {
        pb_up(&m, cs, uplink, rx, now, id);
    } else {
        json_up(&m, cs, uplink, rx, now, id);
    }
    return m;
}
