/* SPDX-License-Identifier: MIT */
#include "events_pb.h"

#include <stdio.h>
#include <string.h>

#include "api.h"
#include "event.pb-c.h"
#include "text.h"

enum {
    PORT_MAX = UINT8_MAX,
    DR_MAX = UINT8_MAX,
    SNR_MAX_DB = 300,
    CODE_PAYLOAD_SIZE = 1, /* LogCode */
    CODE_F_CNT_DOWN = 10,
    CODE_EXPIRED = 11,
};

#define GPS_EPOCH_US   (INT64_C(315964800) * 1000000)
#define GPS_LEAP_US    (INT64_C(18) * 1000000) /* since 2017-01-01 */
#define CLOCK_SLACK_US INT64_C(2000000)
#define SECONDS_MAX    (INT64_C(1) << 33) /* beyond the year 2200 */

static const char NOT_PROTOBUF[] = "event that is neither JSON nor protobuf";
static const char OTHER_DEVICE[] = "event of another device than its topic says";

/* Every event names its device: that of the topic. */
static bool agrees(const Csev__DeviceInfo *info, uint64_t dev_eui)
{
    uint64_t inner;
    return info != NULL && parse_eui(info->dev_eui, strlen(info->dev_eui), &inner) &&
           inner == dev_eui;
}

static bool time_of(const Csev__Time *time, int64_t *us)
{
    if (time == NULL || time->seconds < 0 || time->seconds > SECONDS_MAX ||
        time->nanos < 0 || time->nanos > 999999999) {
        return false;
    }
    *us = time->seconds * 1000000 + time->nanos / 1000;
    return true;
}

/* ---- uplinks ---- */

/* As for JSON: GPS, else the gateway's clock if it agrees with the server's, else that. */
static bool reception_time(const Csev__RxInfo *rx, bool gps_only, int64_t *us)
{
    int64_t gps_us;
    int64_t ns_us;
    int64_t gw_us;
    if (time_of(rx->time_since_gps_epoch, &gps_us) && gps_us > 0) {
        *us = GPS_EPOCH_US + gps_us - GPS_LEAP_US;
        return true;
    }
    if (gps_only || !time_of(rx->ns_time, &ns_us)) {
        return false;
    }
    bool agree = time_of(rx->gw_time, &gw_us) && gw_us - ns_us <= CLOCK_SLACK_US &&
                 ns_us - gw_us <= CLOCK_SLACK_US;
    *us = agree ? gw_us : ns_us;
    return true;
}

static bool any_reception_time(const Csev__Up *up, bool gps_only, int64_t *us)
{
    for (size_t i = 0; i < up->n_rx_info && i < EVENT_RX_SCAN_MAX; i++) {
        if (reception_time(up->rx_info[i], gps_only, us)) {
            return true;
        }
    }
    return false;
}

static int64_t uplink_time(const Csev__Up *up)
{
    int64_t us = 0;
    if (any_reception_time(up, true, &us) || any_reception_time(up, false, &us) ||
        time_of(up->time, &us)) {
        return us;
    }
    return 0;
}

static int16_t snr_cdb(float snr_db)
{
    bool sane = snr_db > -SNR_MAX_DB && snr_db < SNR_MAX_DB; /* and no NaN */
    if (!sane) {
        return 0;
    }
    return (int16_t)(snr_db * 100 + (snr_db < 0 ? -0.5F : 0.5F));
}

static int16_t rssi_dbm(int32_t rssi)
{
    if (rssi < INT16_MIN) {
        return INT16_MIN;
    }
    if (rssi > INT16_MAX) {
        return INT16_MAX;
    }
    return (int16_t)rssi;
}

static size_t receptions(const Csev__Up *up, struct fuo_rx *rx)
{
    size_t count = 0;
    for (size_t i = 0; i < up->n_rx_info && i < EVENT_RX_SCAN_MAX; i++) {
        const Csev__RxInfo *in = up->rx_info[i];
        struct fuo_rx one = {.rssi_dbm = rssi_dbm(in->rssi), .snr_cdb = snr_cdb(in->snr)};
        if (parse_eui(in->gateway_id, strlen(in->gateway_id), &one.gateway)) {
            event_insert_rx(rx, &count, one);
        }
    }
    return count;
}

/* The member of a Struct by the first name of a pointer, whose rest is left in *pointer. */
static Csev__Value *member_of(ProtobufCBinaryData object, const char **pointer)
{
    const char *name = *pointer + 1;
    size_t len = strcspn(name, "/");
    Csev__Struct *all = csev__struct__unpack(&api_allocator, object.len, object.data);
    Csev__Value *value = NULL;
    *pointer = name + len;
    for (size_t i = 0; all != NULL && value == NULL && i < all->n_fields; i++) {
        const Csev__Field *f = all->fields[i];
        if (strlen(f->key) == len && memcmp(f->key, name, len) == 0) {
            value = csev__value__unpack(&api_allocator, f->value.len, f->value.data);
        }
    }
    if (all != NULL) {
        csev__struct__free_unpacked(all, &api_allocator);
    }
    return value;
}

static void put_version(const Csev__Value *value, char text[FUO_REPORT_SIZE])
{
    if (value->kind_case == CSEV__VALUE__KIND_TEXT) {
        size_t len = strlen(value->text);
        for (size_t i = 0; i < len; i++) {
            len = value->text[i] < ' ' || value->text[i] > '~' ? 0 : len;
        }
        if (len < FUO_REPORT_SIZE) {
            memcpy(text, value->text, len);
        }
    } else if (value->kind_case == CSEV__VALUE__KIND_NUMBER) {
        snprintf(text, FUO_REPORT_SIZE, "%.17g", value->number);
    }
}

/* Names with ~ or / in them, and lists, are not gone into. */
static void take_version(ProtobufCBinaryData object, const char *pointer,
                         char text[FUO_REPORT_SIZE])
{
    Csev__Value *value = NULL;
    while (*pointer == '/' && object.len > 0) {
        Csev__Value *next = member_of(object, &pointer);
        object = (ProtobufCBinaryData){0};
        if (value != NULL) {
            csev__value__free_unpacked(value, &api_allocator);
        }
        value = next;
        if (value != NULL && value->kind_case == CSEV__VALUE__KIND_OBJECT) {
            object = value->object;
        }
    }
    if (value != NULL && *pointer == '\0') {
        put_version(value, text);
    }
    if (value != NULL) {
        csev__value__free_unpacked(value, &api_allocator);
    }
}

static const char *take_up(const Csev__Up *up, uint64_t dev_eui,
                           const char *version_pointer, struct decoded_event *out)
{
    struct fuo_event *e = &out->event;
    if (!agrees(up->device_info, dev_eui)) {
        return OTHER_DEVICE;
    }
    if (up->data.len > EVENT_PAYLOAD_MAX) {
        return "uplink with unusable data";
    }
    if (up->f_port > PORT_MAX || up->dr > DR_MAX) {
        return "uplink with a number out of range";
    }
    if (up->data.len > 0) {
        memcpy(out->payload, up->data.data, up->data.len);
    }
    e->type = FUO_EV_UPLINK;
    e->uplink.dev_eui = dev_eui;
    e->uplink.received_us = uplink_time(up);
    e->uplink.payload = out->payload;
    e->uplink.payload_len = up->f_port != 0 ? up->data.len : 0;
    e->uplink.rx_count = receptions(up, out->rx);
    if (version_pointer != NULL) {
        take_version(up->object, version_pointer, e->uplink.version);
    }
    e->uplink.rx = out->rx;
    e->uplink.f_cnt = up->f_cnt;
    e->uplink.fport = (uint8_t)up->f_port;
    e->uplink.dr = (uint8_t)up->dr;
    e->uplink.frequency_hz = up->tx_info != NULL ? up->tx_info->frequency : 0;
    return NULL;
}

const char *event_pb_up(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                        const char *version_pointer, struct decoded_event *out)
{
    Csev__Up *up = csev__up__unpack(&api_allocator, len, bytes);
    if (up == NULL) {
        return NOT_PROTOBUF;
    }
    const char *problem = take_up(up, dev_eui, version_pointer, out);
    csev__up__free_unpacked(up, &api_allocator);
    return problem;
}

/* ---- what became of a downlink ---- */

const char *event_pb_ack(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                         struct decoded_event *out)
{
    Csev__Ack *ack = csev__ack__unpack(&api_allocator, len, bytes);
    if (ack == NULL) {
        return NOT_PROTOBUF;
    }
    bool ours = agrees(ack->device_info, dev_eui);
    if (ours && ack->acknowledged) {
        event_fate(ack->queue_item_id, strlen(ack->queue_item_id), dev_eui, FUO_FATE_SENT,
                   out);
    }
    csev__ack__free_unpacked(ack, &api_allocator);
    return ours ? NULL : OTHER_DEVICE;
}

static void take_txack(const Csev__TxAck *ack, uint64_t dev_eui,
                       struct decoded_event *out)
{
    const Csev__DownlinkTxInfo *tx = ack->tx_info;
    const Csev__Modulation *modulation = tx != NULL ? tx->modulation : NULL;
    const Csev__Lora *lora = modulation != NULL ? modulation->lora : NULL;
    uint64_t eui = 0;
    event_fate(ack->queue_item_id, strlen(ack->queue_item_id), dev_eui, FUO_FATE_SENT,
               out);
    if (parse_eui(ack->gateway_id, strlen(ack->gateway_id), &eui)) {
        out->event.fate.gateway = eui;
    }
    out->event.fate.frequency_hz = tx != NULL ? tx->frequency : 0;
    out->event.fate.dr = lora != NULL
                             ? event_downlink_dr(lora->bandwidth, lora->spreading_factor)
                             : FUO_DR_UNKNOWN;
    out->downlink_id = ack->downlink_id;
}

const char *event_pb_txack(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                           struct decoded_event *out)
{
    Csev__TxAck *ack = csev__tx_ack__unpack(&api_allocator, len, bytes);
    if (ack == NULL) {
        return NOT_PROTOBUF;
    }
    bool ours = agrees(ack->device_info, dev_eui);
    if (ours) {
        take_txack(ack, dev_eui, out);
    }
    csev__tx_ack__free_unpacked(ack, &api_allocator);
    return ours ? NULL : OTHER_DEVICE;
}

static const char *queue_item_of(const Csev__Log *log)
{
    for (size_t i = 0; i < log->n_context; i++) {
        if (strcmp(log->context[i]->key, "queue_item_id") == 0) {
            return log->context[i]->value;
        }
    }
    return "";
}

static void take_log(const Csev__Log *log, uint64_t dev_eui, struct decoded_event *out)
{
    const char *id = queue_item_of(log);
    if (log->code == CODE_EXPIRED) {
        event_fate(id, strlen(id), dev_eui, FUO_FATE_EXPIRED, out);
    } else if (log->code == CODE_PAYLOAD_SIZE || log->code == CODE_F_CNT_DOWN) {
        event_fate(id, strlen(id), dev_eui, FUO_FATE_REFUSED, out);
    }
}

const char *event_pb_log(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                         struct decoded_event *out)
{
    Csev__Log *log = csev__log__unpack(&api_allocator, len, bytes);
    if (log == NULL) {
        return NOT_PROTOBUF;
    }
    bool ours = agrees(log->device_info, dev_eui);
    if (ours) {
        take_log(log, dev_eui, out);
    }
    csev__log__free_unpacked(log, &api_allocator);
    return ours ? NULL : OTHER_DEVICE;
}

/* ---- statuses ---- */

const char *event_pb_status(const uint8_t *bytes, size_t len, uint64_t dev_eui,
                            struct decoded_event *out)
{
    Csev__Status *status = csev__status__unpack(&api_allocator, len, bytes);
    if (status == NULL) {
        return NOT_PROTOBUF;
    }
    bool ours = agrees(status->device_info, dev_eui);
    if (ours) {
        event_margin(status->margin, dev_eui, out);
        event_battery((double)status->battery_level, status->external_power_source,
                      status->battery_level_unavailable, out);
    }
    csev__status__free_unpacked(status, &api_allocator);
    return ours ? NULL : OTHER_DEVICE;
}
