/* SPDX-License-Identifier: MIT */
/*
 * chirpstack.h - a network server that behaves, seen from an application, as ChirpStack v4:
 * what it publishes, what it keeps silent about, its unicast and multicast queues.
 *
 * Facts: network-servers.md 2.1 (events, unicast), 2.2 (API), 2.3 (multicast). In short:
 *  - a class A downlink leaves after an uplink, if it was queued within the reply window, by
 *    any of the gateways that heard it so much above what its spreading factor needs;
 *    it is deleted when the gateway takes it (txack) and stays when the gateway refuses
 *    (log DOWNLINK_GATEWAY); an expired one is dropped (log EXPIRED);
 *  - a join is announced when it is accepted, before the first uplink;
 *  - a multicast frame gets its FCnt at Enqueue and one row per gateway, spaced by the
 *    margin; a row is deleted at any answer of its gateway, good or bad, and resent after
 *    two scheduler intervals without one; expired and oversized rows vanish (the limits are
 *    those of the newest regional parameters); deleting the group forgets its queue; rows
 *    that are due together leave in any order, as after a time in which the server stood
 *    still; the application hears nothing about any of it.
 *
 *  - a class B group's frames go out in its ping slots, by all its gateways in the same one:
 *    the first that is free and multicast_class_b_margin (5 s) away (storage/multicast.rs,
 *    enqueue(); downlink/classb.rs, get_next_ping_slot_after()).
 *
 *  - with class C ticked in the device profile a device of LoRaWAN 1.0.x counts as one of
 *    class C from its join on, whatever it is: what is queued leaves in RX2 at the next run of
 *    the scheduler, class_a_lock and class_c_lock (5 s) behind uplinks and frames before it
 *    (uplink/join.rs; storage/device.rs, get_with_class_b_c_queue_items()).
 *
 * Left out: MAC commands, ADR, GPS-timed emission in class C, other users' permissions.
 * The JSON and protobuf forms are fuota-sim's. No clock, no I/O; seeded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/time.h"
#include "crypto/frame.h"
#include "crypto/keys.h"
#include "fuotad/error.h"
#include "radio/region.h"
#include "sim/radio.h"
#include "sim/timers.h"

enum {
    CS_ID_SIZE = 37, /* a UUID and its NUL */
    CS_NAME_SIZE = 101,
    CS_RX_MAX = 16,
    CS_DEVICE_QUEUE_MAX = 256,
    CS_GROUP_ROWS_MAX = 65536,
};

struct cs_config {
    char application_id[CS_ID_SIZE];
    const struct region *region;
    int64_t dedup_us;        /* deduplication_delay: 200 ms */
    int64_t reply_window_us; /* get_downlink_data_delay: 100 ms; on the wall */
    int64_t scheduler_us;    /* scheduler interval: 1 s */
    int64_t margin_us;       /* multicast_class_c_margin: 5 s */
    int prefer_margin_db; /* gateway_prefer_min_margin: 10; 0: the best gateway replies */
    uint8_t rx1_delay_s;
    bool answers_clock; /* TS003 is enabled in the device profile */
    bool class_c;       /* so is class C */
    uint64_t seed;
};

/* ---- what it knows ---- */

struct cs_rx {
    size_t gateway;
    int rssi_dbm;
    int snr_db;
};

/* A frame of the device queue. */
struct cs_item {
    struct cs_item *next;
    char id[CS_ID_SIZE];
    struct utc expires; /* UTC_NEVER: none */
    uint8_t fport;
    bool confirmed;
    bool pending; /* sent confirmed, waiting for the acknowledgement */
    uint32_t fcnt_down;
    size_t len;
    uint8_t data[FRAME_PAYLOAD_MAX_BYTES];
};

struct cs;

struct cs_device {
    struct cs *cs;
    size_t index;
    uint64_t dev_eui;
    struct aes_key app_key;
    bool active; /* has a session */
    bool join_unannounced;
    uint32_t dev_addr;
    struct session_keys keys;
    uint32_t next_fcnt_up;
    uint32_t fcnt_down;
    struct cs_item *queue; /* oldest first */
    size_t queue_len;
    /* the last uplink: its reply goes by the best gateway, and it maps the device */
    struct cs_rx rx[CS_RX_MAX]; /* strongest first */
    size_t rx_count;
    struct utc rx_time;
    uint32_t rx_frequency_hz;
    uint8_t rx_dr;
    uint32_t rx_fcnt;
    uint8_t rx_fport;
    bool rx_confirmed;
    bool rx_ack;
    uint8_t rx_payload[FRAME_PAYLOAD_MAX_BYTES];
    size_t rx_payload_len;
    struct utc status_due; /* of the next status event */
    struct utc run_after;  /* class C: nothing is sent at once before */
    struct sim_timer publish_timer;
    struct sim_timer reply_timer;
};

enum cs_group_type {
    CS_GROUP_CLASS_C = 0,
    CS_GROUP_CLASS_B = 1,
};

struct cs_group_settings {
    char name[CS_NAME_SIZE];
    char application_id[CS_ID_SIZE];
    uint32_t region; /* as in common.proto */
    uint32_t mc_addr;
    struct session_keys keys;
    uint32_t f_cnt;
    enum cs_group_type type;
    uint8_t dr;
    uint32_t frequency_hz;
    uint32_t scheduling; /* DELAY 0, GPS_TIME 1: kept, DELAY is done */
    uint32_t ping_slot_periodicity;
};

/* One frame at one gateway. */
struct cs_row {
    struct cs_row *next;
    struct utc run_after;
    struct utc slot; /* class B; {0}: at once */
    struct utc expires;
    size_t gateway;
    uint32_t f_cnt;
    uint8_t fport;
    size_t len;
    uint8_t data[FRAME_PAYLOAD_MAX_BYTES];
};

struct cs_group {
    struct cs_group *next;
    char id[CS_ID_SIZE];
    struct utc created;
    struct utc updated;
    struct cs_group_settings settings;
    size_t *devices;
    size_t device_count;
    size_t *gateways;
    size_t gateway_count;
    struct cs_row *rows; /* in order of creation */
    struct cs_row *rows_last;
    size_t row_count;
};

/* ---- what it tells ---- */

enum cs_event_type {
    CS_EVENT_UP,
    CS_EVENT_JOIN,
    CS_EVENT_TXACK,
    CS_EVENT_ACK,
    CS_EVENT_LOG,
    CS_EVENT_STATUS, /* DevStatusAns, once a day; the MAC command itself is left out */
};

struct cs_event {
    enum cs_event_type type;
    struct utc time;
    const struct cs_device *device; /* UP: its rx fields are the uplink's */
    const char *queue_item_id;      /* TXACK, ACK; LOG: in the context, NULL: none */
    uint32_t f_cnt_down;            /* TXACK, ACK */
    bool acknowledged;              /* ACK */
    size_t gateway;                 /* TXACK */
    uint32_t downlink_id;
    uint32_t frequency_hz;
    uint8_t dr;
    int64_t delay_us;  /* TXACK: RX1 or RX2 */
    const char *level; /* LOG */
    const char *code;
    const char *description;
    size_t max_payload_size; /* LOG DOWNLINK_PAYLOAD_SIZE */
    size_t item_size;
    int margin_db; /* STATUS */
    int battery_percent;
};

/* A frame for a gateway. */
struct cs_tx {
    size_t gateway;
    struct cs_device *device; /* NULL: multicast */
    struct utc at;
    bool immediate;
    bool window; /* it answers an uplink, in a window of whoever sent that */
    uint32_t frequency_hz;
    uint8_t dr;
    const uint8_t *phy;
    size_t phy_len;
    uint32_t ceiling_ppm; /* of the legal limit, for frames of its priority; 0: all */
};

enum {
    CS_FRAME_ITEMS = 2, /* RX1 and RX2 */
};

/*
 * What the server gave a gateway, and what that answered for each item: later ones are not
 * tried when one is taken. Multicast: one item.
 */
struct cs_gateway_frame {
    uint32_t downlink_id;
    size_t count;
    size_t tried; /* the first ones */
    struct cs_tx items[CS_FRAME_ITEMS];
    enum tx_status status[CS_FRAME_ITEMS]; /* TX_NO_ACK: it was silent */
};

/* Called from within the functions below; they only take note. */
struct cs_ops {
    enum tx_status (*transmit)(void *ctx, const struct cs_tx *tx);
    void (*publish)(void *ctx, const struct cs_event *event);
    /*
     * An uplink was published and its reply is decided on after the reply window. Returns
     * when that is: the window of a real server is on the wall, so the owner of the wall
     * says. The device is not to close its windows before.
     */
    struct utc (*reply_at)(void *ctx, struct cs_device *device, struct utc published);
    /* Over the gateway's topics, both ways. May be NULL. */
    void (*gateway)(void *ctx, const struct cs_gateway_frame *frame);
};

struct cs {
    struct cs_config config;
    const struct cs_ops *ops;
    void *ctx;
    struct sim_timers *timers;
    struct prng prng;
    struct prng tasks; /* which of several gateways, or of tasks that run at once */
    struct cs_device *devices;
    size_t device_count;
    const uint64_t *gateways; /* borrowed: identifiers by number */
    size_t gateway_count;
    uint32_t downlink_count; /* given to gateways */
    size_t *by_eui;          /* open addressing, device index + 1 */
    size_t hash_size;
    struct cs_group *groups;
    struct sim_timer scheduler;
};

/* ---- set-up ---- */

struct cs_inventory {
    const uint64_t *dev_euis;
    const struct aes_key *app_keys;
    size_t device_count;
    const uint64_t *gateways; /* outlives the server */
    size_t gateway_count;
};

FUO_MUST_CHECK int cs_init(struct cs *cs, const struct cs_config *config,
                           const struct cs_inventory *inventory, const struct cs_ops *ops,
                           void *ctx, struct sim_timers *timers);
void cs_free(struct cs *cs);

/* ---- from the gateways ---- */

struct cs_uplink {
    const uint8_t *phy;
    size_t phy_len;
    uint32_t frequency_hz;
    uint8_t dr;
    const struct cs_rx *rx; /* at least one */
    size_t rx_count;
};

/* now: the end of the frame. */
void cs_uplink(struct cs *cs, const struct cs_uplink *uplink, struct utc now);

/* ---- from the application ---- */

struct cs_downlink {
    uint64_t dev_eui;
    const char *id; /* NULL: one is made */
    uint8_t fport;
    bool confirmed;
    const uint8_t *data;
    size_t len;
    struct utc expires; /* UTC_NEVER: none */
};

/*
 * Queue for a device. FUO_ENOENT: no such device, FUO_EINVAL: port or id, FUO_ERANGE: too
 * long, FUO_EEXIST: id in use, FUO_ENOSPC. id_out, unless NULL, gets the id.
 */
FUO_MUST_CHECK int cs_enqueue(struct cs *cs, const struct cs_downlink *downlink,
                              char id_out[static CS_ID_SIZE]);
FUO_MUST_CHECK int cs_flush(struct cs *cs, uint64_t dev_eui);
struct cs_device *cs_device_by_eui(const struct cs *cs, uint64_t dev_eui);

/* ---- multicast API. FUO_ENOENT, FUO_EEXIST, FUO_EINVAL, FUO_ENOSPC as the names say. -- */

FUO_MUST_CHECK int cs_group_create(struct cs *cs,
                                   const struct cs_group_settings *settings,
                                   struct utc now, char id[static CS_ID_SIZE]);
struct cs_group *cs_group_find(const struct cs *cs, const char *id);
/* All settings but the application; f_cnt too. */
FUO_MUST_CHECK int cs_group_update(struct cs *cs, const char *id,
                                   const struct cs_group_settings *settings,
                                   struct utc now);
FUO_MUST_CHECK int cs_group_delete(struct cs *cs, const char *id);
FUO_MUST_CHECK int cs_group_add_device(struct cs *cs, const char *id, uint64_t dev_eui);
FUO_MUST_CHECK int cs_group_remove_device(struct cs *cs, const char *id,
                                          uint64_t dev_eui);
FUO_MUST_CHECK int cs_group_add_gateway(struct cs *cs, const char *id, uint64_t gateway);
FUO_MUST_CHECK int cs_group_remove_gateway(struct cs *cs, const char *id,
                                           uint64_t gateway);

struct cs_multicast {
    const char *group;
    uint8_t fport;
    const uint8_t *data;
    size_t len;
    struct utc expires;
};

FUO_MUST_CHECK int cs_group_enqueue(struct cs *cs, const struct cs_multicast *frame,
                                    struct utc now, uint32_t *f_cnt);
FUO_MUST_CHECK int cs_group_flush(struct cs *cs, const char *id);

/* A random UUID (version 4) from the seed. */
void cs_make_id(struct cs *cs, char id[static CS_ID_SIZE]);
