/* SPDX-License-Identifier: MIT */
/*
 * effect.h - what the engine wants done: an append-only list that the driver drains.
 *
 * Order is meaning: an effect is carried out only when every STORE before it is on disk,
 * unless it is `urgent` (stateless and repeatable: AppTimeAns, FragDataBlockReceivedAns).
 * All STOREs of a step are one transaction. Every other effect is carried out at most
 * once per append; after a crash the engine may append it again, see `repeatable`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/record.h"

enum effect_type {
    EFFECT_STORE = 1,   /* store */
    EFFECT_PUBLISH,     /* publish: goes to the status topics, through the outbox */
    EFFECT_SEND,        /* send: unicast; ENGINE_EV_SEND_RESULT follows */
    EFFECT_SEND_FLUSH,  /* send.dev_eui: drop what is queued for it; no answer */
    EFFECT_NEW_KEY,     /* draw McKey and McAddr, keep the key sealed; EV_MC_KEY */
    EFFECT_WRAP_KEY,    /* wrap the transmission's McKey for a device; EV_KEY_WRAPPED */
    EFFECT_BLOCK_MIC,   /* TS004 v2 MIC of the image for a device; EV_BLOCK_MIC */
    EFFECT_GROUP_OPEN,  /* group: create or find a lane's at the server; EV_GROUP */
    EFFECT_GROUP_CLOSE, /* group.transmission_id, .handle; EV_GROUP */
    EFFECT_SEND_MULTICAST, /* multicast: hand one frame to the group; EV_MC_RESULT */
    EFFECT_QUEUE_POLL,     /* queue; EV_MC_QUEUE */
    EFFECT_QUEUE_FLUSH,    /* queue; EV_MC_RESULT */
    EFFECT_DROP_KEY,       /* key.key_id: forget the McKey for good */
    EFFECT_ORDER, /* order: of a server that delivers by itself; EV_SEND_RESULT */
};

/* What is wanted of a device whose server delivers. */
enum effect_order {
    ORDER_READ = 1, /* its State, Result and versions, together: EV_REPORTED */
    ORDER_DELIVER,
    ORDER_INSTALL,
    ORDER_CANCEL,
};

enum store_kind {
    STORE_CAMPAIGN = 1,
    STORE_MEMBER,
    STORE_TRANSMISSION,
    STORE_DEVICE,
    STORE_CHARGE,
    STORE_HISTORY,
    STORE_LANE,
    STORE_GROUP,
    STORE_REPORT,
    STORE_WAVE,
};

enum publish_kind {
    PUBLISH_CAMPAIGN = 1, /* the campaign's state, and the index */
    PUBLISH_RESULT,       /* a device's state, result or outcome changed */
    PUBLISH_ALERT,        /* text */
};

/* A multicast frame for who makes it: all that the server of a group knows else. */
struct effect_air {
    uint32_t key_id; /* whose McKey */
    uint32_t mc_addr;
    uint32_t f_cnt;
    uint32_t frequency_hz;
    uint8_t dr;
    uint8_t gateway_count;
    uint64_t gateways[RECORD_GATEWAY_MAX];
};

struct effect {
    enum effect_type type;
    uint32_t fleet_id; /* of all but STORE and PUBLISH */
    bool urgent;       /* needs no commit */
    bool repeatable;   /* carrying it out twice after a crash is harmless */
    union {
        struct {
            enum store_kind kind;
            union {
                struct campaign_rec campaign;
                struct member_rec member;
                struct transmission_rec transmission;
                struct lane_rec lane;
                struct group_rec group;
                struct wave_rec wave;
                struct device_rec device;
                struct charge_rec charge;
                struct history_rec history;
                struct report_rec report;
            };
        } store;
        struct {
            enum publish_kind kind;
            uint32_t campaign_id;
            uint64_t dev_eui; /* of a result */
            char text[128];   /* of an alert */
        } publish;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            struct utc expires;
            uint8_t fport;
            uint8_t payload_len;
            uint8_t payload[255];
        } send;
        struct {
            uint32_t transmission_id;
            uint32_t key_id;        /* WRAP_KEY, DROP_KEY: whose, as NEW_KEY drew it */
            uint64_t dev_eui;       /* WRAP_KEY, BLOCK_MIC */
            uint32_t campaign_id;   /* BLOCK_MIC: whose image */
            uint16_t session_count; /* BLOCK_MIC */
            uint8_t frag_index;     /* BLOCK_MIC */
            uint8_t descriptor[4];  /* BLOCK_MIC, as on the wire */
            uint8_t variant; /* BLOCK_MIC: of the campaign's blocks, see variant.h */
        } key;
        struct {
            uint32_t transmission_id;
            uint8_t lane;
            uint32_t campaign_id;
            uint32_t key_id; /* whose McKey */
            uint32_t mc_addr;
            uint32_t f_cnt; /* open: of the first frame; the key has seen those below */
            uint32_t frequency_hz;
            uint8_t dr;
            char device_class; /* open: 'B' or 'C' */
            uint8_t ping_slot_periodicity;
            char handle[RECORD_GROUP_SIZE]; /* close */
            uint8_t gateway_count;
            uint64_t gateways[RECORD_GATEWAY_MAX];
            /* the devices are those of engine_transmission_devices() */
        } group;
        struct {
            uint32_t transmission_id;
            uint8_t lane;
            char handle[RECORD_GROUP_SIZE];
            struct utc
                at; /* exact time on air, ENGINE_TIMING_ABSOLUTE in class C; else 0 */
            struct utc expires;
            uint8_t fport;
            uint8_t payload_len;
            uint8_t payload[255];
            struct effect_air air;
        } multicast;
        struct {
            uint32_t transmission_id;
            uint8_t lane;
            char handle[RECORD_GROUP_SIZE];
            uint32_t f_cnt; /* of the next frame, if one under way has been sent */
        } queue;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            enum effect_order type;
            uint32_t campaign_id; /* whose image */
            uint8_t variant;      /* DELIVER: of it, campaign/variant.h */
            uint32_t mark;        /* DELIVER: member_rec.mark */
        } order;
    };
};

/*
 * Zeroed is empty. A step may yield an effect or two for each of 100 000 devices, so they lie in
 * pieces of memory, one behind the other, each as long as its type needs: a pointer to one holds
 * until it is dropped, and a copy of a whole struct effect may be taken of any.
 */
struct effects {
    struct effect **items;
    size_t len;
    size_t cap;
    size_t dropped; /* pointers that lie before items */
    bool open; /* of a step: what it stores is of no use without what the next one does */
    struct effects_piece *first;
    struct effects_piece *last;
};

/*
 * A zeroed effect of that type at the end of the list; aborts when memory is exhausted. What
 * it is has to be written before the next one is appended: then it is cut to its length.
 */
struct effect *effects_append(struct effects *effects, enum effect_type type);

/* The same with all that it says. */
void effects_copy(struct effects *effects, const struct effect *effect);

/* Without the first ones; their memory goes back. */
void effects_drop(struct effects *effects, size_t count);

/* Empty again; keeps the memory of a short list only. */
void effects_clear(struct effects *effects);

/* Frees the list; accepts a zeroed one. */
void effects_finish(struct effects *effects);
