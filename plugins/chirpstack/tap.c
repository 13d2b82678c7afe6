/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "events.h"
#include "forms.h"
#include "gateway.pb-c.h"
#include "json.h"
#include "stats.h"
#include "text.h"
#include "topics.h"

enum {
    PHY_MAX = 255,
    HEADER_LEN = 8, /* MHDR, DevAddr, FCtrl, FCnt */
    MTYPE_SHIFT = 5,
    UNCONFIRMED_DOWN = 3,
    CONFIRMED_DOWN = 5,
    DR_FSK = 7, /* in every region that has it */
};

/* TxAckStatus of gw.proto. */
enum tx_ack {
    ACK_IGNORED = 0, /* another item of the frame was taken, or none was tried */
    ACK_OK = 1,
    ACK_TOO_LATE = 2,
    ACK_TOO_EARLY = 3,
    ACK_COLLISION_PACKET = 4,
    ACK_COLLISION_BEACON = 5,
    ACK_DUTY_CYCLE_OVERFLOW = 11,
    ACK_UNKNOWN = 99,
};

/* A PHYPayload and how it is to be sent. */
struct tap_item {
    uint32_t address;
    uint32_t frequency_hz;
    uint16_t f_cnt;
    uint8_t dr;
    uint8_t phy_len;
};

struct tap_frame {
    uint64_t gateway; /* 0: an empty place */
    uint32_t downlink_id;
    uint8_t item_count;
    bool told;
    struct tap_item items[TAP_ITEMS];
};

struct tap {
    struct topic_prefixes prefixes;
    struct forms forms;
    struct tap_frame frames[TAP_FRAMES]; /* a ring */
    size_t next;
};

/* What an answer says of each item. */
struct tap_answer {
    uint32_t downlink_id;
    size_t count;
    int status[TAP_ITEMS]; /* enum tx_ack, or another number */
};

/* ---- open and close ---- */

static int listen_to(struct fuo_ns *ns, const char *what)
{
    const struct topic_prefixes *prefixes = &ns->tap->prefixes;
    int err = FUO_OK;
    for (size_t i = 0; i < prefixes->count && err == FUO_OK; i++) {
        char filter[TOPIC_SIZE];
        snprintf(filter, sizeof(filter), "%sgateway/+/%s", prefixes->text[i], what);
        err = ns->base.ops->subscribe(ns->base.host, filter, 0);
    }
    return err;
}

static int listen(struct fuo_ns *ns)
{
    static const char *const what[] = {"event/stats", "state/conn", "command/down",
                                       "event/ack"};
    int err = FUO_OK;
    for (size_t i = 0; i < sizeof(what) / sizeof(what[0]) && err == FUO_OK; i++) {
        err = listen_to(ns, what[i]);
    }
    return err;
}

int tap_open(struct fuo_ns *ns)
{
    const char *want = ns->config->tap;
    if (strcmp(want, "off") == 0) {
        return FUO_OK;
    }
    if (strcmp(want, "auto") != 0) {
        ns_log(ns, FUO_LOG_ERROR, "tap must be auto or off");
        return FUO_EINVAL;
    }
    struct topic_prefixes prefixes;
    if (!topic_prefixes_parse(ns->config->region_topic, &prefixes)) {
        ns_log(
            ns, FUO_LOG_ERROR,
            "regionTopic must be the topic prefix of a region, such as eu868, or up to "
            "eight with commas in between");
        return FUO_EINVAL;
    }
    ns->tap = calloc(1, sizeof(*ns->tap));
    if (ns->tap == NULL) {
        return FUO_ENOMEM;
    }
    ns->tap->prefixes = prefixes;
    return listen(ns);
}

void tap_close(struct fuo_ns *ns)
{
    if (ns->tap != NULL) {
        forms_finish(&ns->tap->forms);
    }
    free(ns->tap);
    ns->tap = NULL;
}

/* ---- frames ---- */

static const struct tap_frame *find(const struct tap *tap, uint64_t gateway, uint32_t id)
{
    for (size_t i = 0; i < TAP_FRAMES; i++) {
        const struct tap_frame *f = &tap->frames[i];
        if (f->gateway == gateway && f->downlink_id == id) {
            return f;
        }
    }
    return NULL;
}

bool tap_has_told(const struct fuo_ns *ns, uint64_t gateway, uint32_t downlink_id)
{
    const struct tap_frame *f =
        ns->tap != NULL && gateway != 0 ? find(ns->tap, gateway, downlink_id) : NULL;
    return f != NULL && f->told;
}

static struct tap_item item_of(const uint8_t *phy, size_t len, uint32_t frequency_hz,
                               uint8_t dr)
{
    struct tap_item item = {
        .frequency_hz = frequency_hz, .dr = dr, .phy_len = (uint8_t)len};
    int type = len >= HEADER_LEN ? phy[0] >> MTYPE_SHIFT : 0;
    if (type == UNCONFIRMED_DOWN || type == CONFIRMED_DOWN) {
        item.address = (uint32_t)phy[4] << 24 | (uint32_t)phy[3] << 16 |
                       (uint32_t)phy[2] << 8 | phy[1];
        item.f_cnt = (uint16_t)(phy[7] << 8 | phy[6]);
    }
    return item;
}

static uint8_t dr_of(bool is_lora, uint32_t bandwidth_hz, uint32_t sf)
{
    return is_lora ? event_downlink_dr(bandwidth_hz, sf) : DR_FSK;
}

static void keep(struct tap *tap, const struct tap_frame *frame)
{
    tap->frames[tap->next] = *frame;
    tap->next = (tap->next + 1) % TAP_FRAMES;
}

void tap_note(struct fuo_ns *ns, uint64_t gateway, uint32_t downlink_id,
              const struct fuo_air *air)
{
    struct tap_frame frame = {
        .gateway = gateway, .downlink_id = downlink_id, .item_count = 1};
    frame.items[0] = item_of(air->phy, air->phy_len, air->frequency_hz, air->dr);
    keep(ns->tap, &frame);
}

struct tap_form tap_form_of(const struct fuo_ns *ns, uint64_t gateway)
{
    const struct form *form = forms_find(&ns->tap->forms, gateway);
    return (struct tap_form){
        .prefix = ns->tap->prefixes.text[form != NULL ? form->prefix : 0],
        .json = form != NULL && form->json,
    };
}

/* ---- JSON ---- */

static bool json_item(struct json_object *o, struct tap_item *item)
{
    uint8_t phy[PHY_MAX];
    size_t phy_len = 0;
    size_t text_len;
    uint32_t frequency_hz = 0;
    uint32_t bandwidth_hz = 0;
    uint32_t sf = 0;
    const char *text = json_text(o, "phyPayload", &text_len);
    struct json_object *tx = json_member(o, "txInfo");
    struct json_object *modulation = json_member(tx, "modulation");
    struct json_object *lora = json_member(modulation, "lora");
    if (!parse_base64(text, text_len, phy, sizeof(phy), &phy_len) ||
        !json_uint(tx, "frequency", UINT32_MAX, &frequency_hz) ||
        !json_uint(lora, "bandwidth", UINT32_MAX, &bandwidth_hz) ||
        !json_uint(lora, "spreadingFactor", UINT8_MAX, &sf)) {
        return false;
    }
    bool fsk = json_member(modulation, "fsk") != NULL;
    *item = item_of(phy, phy_len, frequency_hz, dr_of(!fsk, bandwidth_hz, sf));
    return true;
}

static bool json_down(struct json_object *root, struct tap_frame *frame)
{
    struct json_object *items = json_array(root, "items");
    size_t count = items != NULL ? json_object_array_length(items) : 0;
    if (!json_uint(root, "downlinkId", UINT32_MAX, &frame->downlink_id)) {
        return false;
    }
    for (size_t i = 0; i < count && i < TAP_ITEMS; i++) {
        if (!json_item(json_object_array_get_idx(items, i), &frame->items[i])) {
            return false;
        }
        frame->item_count++;
    }
    return true;
}

static int status_of_name(const char *name)
{
    static const struct {
        const char *name;
        enum tx_ack status;
    } names[] = {
        {"", ACK_IGNORED}, /* a default is left out */
        {"IGNORED", ACK_IGNORED},
        {"OK", ACK_OK},
        {"TOO_LATE", ACK_TOO_LATE},
        {"TOO_EARLY", ACK_TOO_EARLY},
        {"COLLISION_PACKET", ACK_COLLISION_PACKET},
        {"COLLISION_BEACON", ACK_COLLISION_BEACON},
        {"DUTY_CYCLE_OVERFLOW", ACK_DUTY_CYCLE_OVERFLOW},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i].name) == 0) {
            return (int)names[i].status;
        }
    }
    return ACK_UNKNOWN;
}

static bool json_ack(struct json_object *root, struct tap_answer *answer)
{
    struct json_object *items = json_array(root, "items");
    size_t count = items != NULL ? json_object_array_length(items) : 0;
    if (!json_uint(root, "downlinkId", UINT32_MAX, &answer->downlink_id)) {
        return false;
    }
    for (size_t i = 0; i < count && i < TAP_ITEMS; i++) {
        size_t len;
        struct json_object *item = json_object_array_get_idx(items, i);
        answer->status[answer->count++] = status_of_name(json_text(item, "status", &len));
    }
    return true;
}

/* ---- protobuf ---- */

static bool pb_item(const Gwtap__Item *in, struct tap_item *item)
{
    const Gwtap__TxInfo *tx = in->tx_info;
    const Gwtap__Modulation *modulation = tx != NULL ? tx->modulation : NULL;
    const Gwtap__Lora *lora = modulation != NULL ? modulation->lora : NULL;
    bool fsk = modulation != NULL && modulation->fsk != NULL;
    if (in->phy_payload.len > PHY_MAX) {
        return false;
    }
    *item =
        item_of(in->phy_payload.data, in->phy_payload.len, tx != NULL ? tx->frequency : 0,
                dr_of(!fsk, lora != NULL ? lora->bandwidth : 0,
                      lora != NULL ? lora->spreading_factor : 0));
    return true;
}

static bool pb_down(const uint8_t *bytes, size_t len, struct tap_frame *frame)
{
    Gwtap__Down *down = gwtap__down__unpack(&api_allocator, len, bytes);
    bool usable = down != NULL;
    for (size_t i = 0; usable && i < down->n_items && i < TAP_ITEMS; i++) {
        usable = pb_item(down->items[i], &frame->items[i]);
        frame->item_count++;
    }
    if (down != NULL) {
        frame->downlink_id = down->downlink_id;
        gwtap__down__free_unpacked(down, &api_allocator);
    }
    return usable;
}

static bool pb_ack(const uint8_t *bytes, size_t len, struct tap_answer *answer)
{
    Gwtap__Ack *ack = gwtap__ack__unpack(&api_allocator, len, bytes);
    if (ack == NULL) {
        return false;
    }
    answer->downlink_id = ack->downlink_id;
    for (size_t i = 0; i < ack->n_items && i < TAP_ITEMS; i++) {
        answer->status[answer->count++] = ack->items[i]->status;
    }
    gwtap__ack__free_unpacked(ack, &api_allocator);
    return true;
}

/* ---- what comes in ---- */

static bool read_down(const uint8_t *payload, size_t len, struct tap_frame *frame)
{
    if (!event_is_json(payload, len)) {
        return pb_down(payload, len, frame);
    }
    struct json_object *root = json_read(payload, len);
    bool usable = root != NULL && json_down(root, frame);
    json_object_put(root);
    return usable;
}

static bool read_ack(const uint8_t *payload, size_t len, struct tap_answer *answer)
{
    if (!event_is_json(payload, len)) {
        return pb_ack(payload, len, answer);
    }
    struct json_object *root = json_read(payload, len);
    bool usable = root != NULL && json_ack(root, answer);
    json_object_put(root);
    return usable;
}

static enum fuo_aired refusal_of(int status)
{
    switch (status) {
    case ACK_DUTY_CYCLE_OVERFLOW:
        return FUO_AIRED_NO_BUDGET;
    case ACK_TOO_LATE:
    case ACK_TOO_EARLY:
    case ACK_COLLISION_PACKET:
    case ACK_COLLISION_BEACON:
        return FUO_AIRED_NO_TIME;
    default:
        return FUO_AIRED_REFUSED;
    }
}

static void tell(struct fuo_ns *ns, const struct tap_frame *f,
                 const struct tap_answer *answer)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_AIRED};
    size_t at = 0;
    int refusal = ACK_IGNORED;
    for (size_t i = 0; i < answer->count && i < f->item_count; i++) {
        if (answer->status[i] == ACK_OK) {
            at = i;
            event.aired.status = FUO_AIRED_SENT;
            break;
        }
        refusal = answer->status[i] != ACK_IGNORED ? answer->status[i] : refusal;
    }
    if (event.aired.status != FUO_AIRED_SENT) {
        event.aired.status = refusal_of(refusal);
    }
    event.aired.gateway = f->gateway;
    event.aired.address = f->items[at].address;
    event.aired.frequency_hz = f->items[at].frequency_hz;
    event.aired.f_cnt = f->items[at].f_cnt;
    event.aired.dr = f->items[at].dr;
    event.aired.phy_len = f->items[at].phy_len;
    ns->base.ops->event(ns->base.host, &event);
}

static void take_down(struct fuo_ns *ns, uint64_t gateway, const uint8_t *payload,
                      size_t len)
{
    struct tap_frame frame = {.gateway = gateway};
    if (!read_down(payload, len, &frame) || frame.item_count == 0) {
        ns->base.ops->reject(ns->base.host, "unusable command of a gateway");
    } else if (find(ns->tap, gateway, frame.downlink_id) == NULL) { /* not our own */
        keep(ns->tap, &frame);
    }
}

static void take_ack(struct fuo_ns *ns, uint64_t gateway, const uint8_t *payload,
                     size_t len)
{
    struct tap_answer answer = {0};
    if (!read_ack(payload, len, &answer)) {
        ns->base.ops->reject(ns->base.host, "unusable acknowledgement of a gateway");
        return;
    }
    const struct tap_frame *f = find(ns->tap, gateway, answer.downlink_id);
    if (f != NULL && !f->told) {
        ns->tap->frames[f - ns->tap->frames].told = true;
        tell(ns, f, &answer);
    }
}

static void take_self(struct fuo_ns *ns, uint64_t gateway, const uint8_t *payload,
                      size_t len,
                      bool (*read)(uint64_t, const uint8_t *, size_t, struct fuo_event *))
{
    struct fuo_event event;
    if (read(gateway, payload, len, &event)) {
        ns->base.ops->event(ns->base.host, &event);
    } else {
        ns->base.ops->reject(ns->base.host, "unusable statistics of a gateway");
    }
}

bool tap_take_message(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                      size_t payload_len, bool retained)
{
    uint64_t gateway = 0;
    size_t prefix = 0;
    const char *what =
        ns->tap != NULL ? topic_of_gateway(&ns->tap->prefixes, topic, &gateway, &prefix)
                        : NULL;
    if (what == NULL) {
        return false;
    }
    if (gateway != 0) {
        forms_note(&ns->tap->forms,
                   &(struct form){.gateway = gateway,
                                  .prefix = (uint8_t)prefix,
                                  .json = event_is_json(payload, payload_len)});
    }
    if (gateway == 0) {
        ns->base.ops->reject(ns->base.host, "message of a gateway without an EUI");
    } else if (strcmp(what, "/state/conn") == 0) {
        take_self(ns, gateway, payload, payload_len, conn_read);
    } else if (retained) {
        ns->base.ops->reject(ns->base.host, "retained message of a gateway");
    } else if (strcmp(what, "/command/down") == 0) {
        take_down(ns, gateway, payload, payload_len);
    } else if (strcmp(what, "/event/ack") == 0) {
        take_ack(ns, gateway, payload, payload_len);
    } else if (strcmp(what, "/event/stats") == 0) {
        take_self(ns, gateway, payload, payload_len, stats_read);
    }
    return true;
}
