/* SPDX-License-Identifier: MIT */
#include "direct.h"

#include <stdio.h>
#include <string.h>

#include "gateway.pb-c.h"
#include "tap.h"
#include "text.h"
#include "topics.h"

enum {
    PHY_MAX = 255,
    JSON_SIZE = 1024,
    PACKED_SIZE = 512,
    CR_4_5 = 1, /* CodeRate */
    DEVIATION_HZ = 25000,
    MICROS = 1000000,
};

#define GPS_EPOCH_US (INT64_C(315964800) * MICROS)
#define GPS_LEAP_US  (INT64_C(18) * MICROS) /* since 2017-01-01 */

/* One gateway's message. */
struct command {
    const struct fuo_air *air;
    uint64_t gateway;
    uint32_t downlink_id;
    uint32_t power_dbm;
    int64_t gps_us;
};

/* The same for the same frame of the same gateway; the server draws its own. */
static uint32_t id_of(const struct fuo_air *air, uint64_t gateway)
{
    uint64_t x = gateway ^ ((uint64_t)air->mc_addr << 32 | air->f_cnt);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (uint32_t)x | 1u;
}

/* ---- JSON ---- */

static int format_modulation(const struct fuo_air *air, char *text, size_t size)
{
    if (air->sf == 0) {
        return snprintf(text, size, "\"fsk\":{\"frequencyDeviation\":%d,\"datarate\":%u}",
                        (int)DEVIATION_HZ, (unsigned)air->bitrate_bps);
    }
    return snprintf(text, size,
                    "\"lora\":{\"bandwidth\":%u,\"spreadingFactor\":%u,\"codeRate\":"
                    "\"CR_4_5\",\"polarizationInversion\":true}",
                    (unsigned)air->bandwidth_hz, (unsigned)air->sf);
}

static size_t format_json(const struct command *c, uint8_t out[static JSON_SIZE])
{
    char data[BASE64_SIZE(PHY_MAX)];
    char modulation[128];
    format_base64(c->air->phy, c->air->phy_len, data);
    (void)format_modulation(c->air, modulation, sizeof(modulation));
    return (size_t)snprintf(
        (char *)out, JSON_SIZE,
        "{\"downlinkId\":%u,\"gatewayId\":\"%016llx\",\"items\":[{\"phyPayload\":\"%s\","
        "\"txInfo\":{\"frequency\":%u,\"power\":%u,\"modulation\":{%s},\"timing\":{"
        "\"gpsEpoch\":{\"timeSinceGpsEpoch\":\"%lld.%06llds\"}}}}]}",
        (unsigned)c->downlink_id, (unsigned long long)c->gateway, data,
        (unsigned)c->air->frequency_hz, (unsigned)c->power_dbm, modulation,
        (long long)(c->gps_us / MICROS), (long long)(c->gps_us % MICROS));
}

/* ---- protobuf ---- */

/* A message with all that it points to. */
struct packed {
    Gwtap__Down down;
    Gwtap__Item item;
    Gwtap__Item *items[1];
    Gwtap__TxInfo info;
    Gwtap__Modulation modulation;
    Gwtap__Lora lora;
    Gwtap__Fsk fsk;
    Gwtap__Timing timing;
    Gwtap__GpsEpoch gps_epoch;
    Gwtap__Duration duration;
    char gateway[HEX_EUI_SIZE];
    uint8_t phy[PHY_MAX];
};

static void init(struct packed *p)
{
    gwtap__down__init(&p->down);
    gwtap__item__init(&p->item);
    gwtap__tx_info__init(&p->info);
    gwtap__modulation__init(&p->modulation);
    gwtap__lora__init(&p->lora);
    gwtap__fsk__init(&p->fsk);
    gwtap__timing__init(&p->timing);
    gwtap__gps_epoch__init(&p->gps_epoch);
    gwtap__duration__init(&p->duration);
    p->items[0] = &p->item;
    p->down.items = p->items;
    p->down.n_items = 1;
    p->down.gateway_id = p->gateway;
    p->item.tx_info = &p->info;
    p->info.modulation = &p->modulation;
    p->info.timing = &p->timing;
    p->timing.gps_epoch = &p->gps_epoch;
    p->gps_epoch.time_since_gps_epoch = &p->duration;
}

static void set_modulation(struct packed *p, const struct fuo_air *air)
{
    p->lora.bandwidth = air->bandwidth_hz;
    p->lora.spreading_factor = air->sf;
    p->lora.code_rate = CR_4_5;
    p->lora.polarization_inversion = true;
    p->fsk.frequency_deviation = DEVIATION_HZ;
    p->fsk.datarate = air->bitrate_bps;
    if (air->sf == 0) {
        p->modulation.fsk = &p->fsk;
    } else {
        p->modulation.lora = &p->lora;
    }
}

static size_t format_protobuf(const struct command *c, uint8_t out[static JSON_SIZE])
{
    struct packed p;
    init(&p);
    set_modulation(&p, c->air);
    format_eui(c->gateway, p.gateway);
    memcpy(p.phy, c->air->phy, c->air->phy_len);
    p.item.phy_payload = (ProtobufCBinaryData){c->air->phy_len, p.phy};
    p.info.frequency = c->air->frequency_hz;
    p.info.power = (int32_t)c->power_dbm;
    p.duration.seconds = c->gps_us / MICROS;
    p.duration.nanos = (int32_t)(c->gps_us % MICROS) * 1000;
    p.down.downlink_id = c->downlink_id;
    return gwtap__down__get_packed_size(&p.down) <= PACKED_SIZE
               ? gwtap__down__pack(&p.down, out)
               : 0;
}

/* ---- out ---- */

static struct direct_waiting *place_of(struct fuo_ns *ns, uint64_t id)
{
    for (size_t i = 0; i < DIRECT_WAITING_MAX; i++) {
        struct direct_waiting *w = &ns->waiting[i];
        if (w->left > 0 ? w->id == id && id != 0 : id == 0) {
            return w;
        }
    }
    return NULL;
}

static int publish(struct fuo_ns *ns, const struct command *c, uint64_t id)
{
    char topic[TOPIC_SIZE];
    uint8_t payload[JSON_SIZE];
    struct tap_form form = tap_form_of(ns, c->gateway);
    snprintf(topic, sizeof(topic), "%sgateway/%016llx/command/down", form.prefix,
             (unsigned long long)c->gateway);
    size_t len = form.json ? format_json(c, payload) : format_protobuf(c, payload);
    return ns->base.ops->publish(ns->base.host, id, topic, payload, len, 1);
}

/* How many gateways are told; 0: *err says why. */
static uint32_t tell_all(struct fuo_ns *ns, const struct fuo_multicast *frame, int *err)
{
    uint32_t told = 0;
    for (size_t i = 0; i < frame->air->gateway_count; i++) {
        struct command c = {
            .air = frame->air,
            .gateway = frame->air->gateways[i],
            .downlink_id = id_of(frame->air, frame->air->gateways[i]),
            .power_dbm = ns->config->direct_power_dbm,
            .gps_us = frame->at_us - GPS_EPOCH_US + GPS_LEAP_US,
        };
        int one = publish(ns, &c, frame->id);
        if (one == FUO_OK) {
            told++;
            tap_note(ns, c.gateway, c.downlink_id, frame->air);
        } else {
            *err = one;
        }
    }
    return told;
}

int direct_send(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    const struct fuo_air *air = frame->air;
    struct direct_waiting *w = place_of(ns, 0);
    int err = FUO_EINVAL;
    if (air == NULL || air->phy_len > PHY_MAX || frame->at_us <= GPS_EPOCH_US) {
        return FUO_EINVAL;
    }
    if (w == NULL) {
        return FUO_EAGAIN;
    }
    uint32_t told = tell_all(ns, frame, &err);
    if (told == 0) {
        return err;
    }
    *w = (struct direct_waiting){
        .id = frame->id, .left = told, .f_cnt = air->f_cnt, .err = FUO_EAGAIN};
    return FUO_OK;
}

bool direct_published(struct fuo_ns *ns, uint64_t id, int err)
{
    struct direct_waiting *w = id != 0 ? place_of(ns, id) : NULL;
    if (w == NULL) {
        return false;
    }
    if (err != FUO_EAGAIN) {
        w->err = err == FUO_EPERM && w->err != FUO_OK ? FUO_EPERM : FUO_OK;
    }
    if (--w->left == 0) {
        ns_result(ns, id, w->err, w->f_cnt);
    }
    return true;
}
