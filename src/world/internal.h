/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the parts of a run and how they call each other.
 *
 *   run.c       virtual time, the engine, effects to actions, answers to events
 *   campaigns.c campaigns and their waves, from apply to end; approvals
 *   fleet.c     what the engine is told of devices and server
 *   parts.c     its tables
 *   server.c    queues of unicast and multicast, receive windows, the scheduler's timing
 *   air.c       frames on air: gateways that are busy, deaf or out of duty; who hears what
 *   device.c    light devices: uplinks, sessions, what comes in
 *   answers.c   ... and what they answer to TS004, TS005 and TS006
 *   record.c    the trace
 *   law.c       ... and whether its frames keep to the duty cycle
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "campaign/variant.h"
#include "engine/engine.h"
#include "profile/profile.h"
#include "radio/region.h"
#include "world/heap.h"
#include "world/radio.h"
#include "world/rank.h"
#include "world/world.h"

enum {
    WORLD_FLEET = 1,
    UPLINK_BYTES = 40,
    RX_MAX = 12,
    RING = 8, /* frames a gateway remembers; those of a few seconds are looked at */
    BAND_COUNT = 3,
    ANSWER_BYTES = 34,
    STATUS_BYTES = 6,
    LANE_GATEWAYS = RECORD_GATEWAY_MAX,
    LINE_BYTES = 64, /* of a cache */
};

/* Of a function that only asks for memory ahead: calls of it are dropped else, as without
 * effect. */
#define LOOKS_AHEAD static inline __attribute__((always_inline))

#define NONE         UINT32_MAX
#define MC_ADDR_BASE 0x01f00000U

/* What is in the heap. */
enum happening {
    ON_UPLINK,      /* device: its regular uplink */
    ON_ANSWER,      /* device: what it has to say */
    ON_STATUS,      /* device: its delayed status answer */
    ON_UPLINK_END,  /* uplink slot */
    ON_DELIVER,     /* uplink slot: the server has it from all gateways */
    ON_REPLY,       /* uplink slot: the server makes up its mind */
    ON_RX1,         /* uplink slot */
    ON_RX2,         /* uplink slot */
    ON_DOWN_END,    /* uplink slot: the device may have its downlink */
    ON_ROW,         /* lane: a row of its queue is due */
    ON_FRAME_END,   /* frame slot */
    ON_SESSION,     /* device: its class C session starts */
    ON_SESSION_END, /* device */
    ON_REBOOT,      /* device */
};

/* Airtime of one gateway and band in the hour before. */
struct duty {
    struct {
        int64_t at_us;
        int64_t airtime_us;
    } * items;
    uint32_t head;
    uint32_t count;
    uint32_t cap;
    int64_t sum_us;
};

struct sent {
    int64_t from_us;
    int64_t until_us;
    uint32_t frequency_hz;
    uint8_t dr;
};

struct gateway {
    struct sent ring[RING];
    uint32_t ring_next;
    struct duty duty[BAND_COUNT];
};

/* An uplink and its receive windows. */
struct uplink {
    uint32_t device;
    int64_t from_us;
    int64_t until_us;
    uint32_t frequency_hz;
    uint32_t gateway; /* that hears it best, and answers */
    uint32_t sent;    /* unicast item that is on air */
    uint32_t down_hz;
    uint8_t down_dr;
    uint16_t f_cnt;
    uint8_t dr;
    uint8_t fport;
    uint8_t len;
    uint8_t rx_count;
    uint8_t payload[UPLINK_BYTES];
    struct engine_rx rx[RX_MAX];
    uint32_t next_free;
};

/* A downlink in a device's queue at the server. */
struct unicast {
    uint64_t id;
    struct utc expires;
    uint32_t next;
    uint8_t fport;
    uint8_t len;
    uint8_t payload[255];
};

/* A row of a group's queue: one frame at one gateway, or at all of them at once. */
struct row {
    int64_t due_us;
    uint32_t number; /* FCnt */
    uint16_t n;
    uint16_t gateway; /* index into the lane's; UINT16_MAX: all */
    uint8_t len;
    bool status;
    bool all_participants;
};

struct lane {
    uint32_t tx; /* index */
    uint8_t no;
    bool open;
    uint8_t gateway_count;
    uint32_t gateways[LANE_GATEWAYS];
    uint32_t frequency_hz;
    uint8_t dr;
    bool in_slots; /* class B */
    uint8_t ping_slot_periodicity;
    uint32_t f_cnt;
    int64_t last_due_us;
    struct row *rows;
    uint32_t row_head;
    uint32_t row_count;
    uint32_t row_cap;
};

/* A link of the scenario, packed. */
struct near {
    uint16_t gateway;
    int16_t loss_cdb; /* INT16_MAX: there are no more */
};

struct world_nears {
    struct near *links;
    size_t stride;
};

/* A device in a session, and all of that which does not change in it. */
struct listener {
    int64_t from_us;
    uint32_t device;
    uint32_t session;
    uint32_t frequency_hz;
    int16_t loss_cdb;
    uint8_t dr;
};

struct listeners {
    struct listener *items;
    uint32_t count;
    uint32_t cap;
};

/* A transmission as the radio sees it. */
struct tx {
    uint32_t id;
    uint32_t mc_addr;
    uint32_t version; /* of the image that it carries */
    bool is_delta;    /* to this: */
    uint32_t base;
    uint16_t *slot_of; /* per gateway of the scenario: index into at + 1, 0: none */
    struct listeners *at;
    uint32_t at_count;
    uint32_t lane_of[RECORD_LANE_MAX]; /* index into world.lanes + 1 */
    uint32_t row_number;               /* whose row is in `row`; 0: none */
    uint64_t *row;
};

/* A multicast frame on air. */
struct frame {
    int64_t from_us;
    int64_t until_us;
    uint32_t tx;
    uint32_t gateway;
    uint32_t frequency_hz;
    uint32_t number;
    uint16_t n;
    uint8_t dr;
    bool all_participants;
    bool in_slots; /* several gateways send it together */
    uint32_t next_free;
};

/* What every frame looks at comes first, in a cache line of its own; then what uplinks do. */
struct light {
    _Alignas(LINE_BYTES) int64_t busy_from_us; /* sends, or receives a unicast downlink */
    int64_t busy_until_us;
    struct rank rank;
    uint32_t mc_next; /* lowest FCnt it takes */
    uint32_t session; /* number of the one that it is in; 0: none */
    uint32_t tx;      /* transmission of its group; NONE */
    uint32_t rank_tx; /* transmission that its decoder takes part in; NONE */
    uint32_t joined;  /* transmission that `member` belongs to; NONE */
    uint32_t member;  /* its number in the transmission's list */

    int64_t exchange_until_us; /* its receive windows are open: no new uplink */
    int64_t session_from_us;
    int64_t session_until_us;
    uint32_t queue_head; /* struct unicast; NONE: empty */
    uint32_t queue_tail;
    uint32_t saying; /* struct saying; NONE: it has nothing to say */
    uint32_t session_hz;
    uint32_t mc_addr; /* 0: no group */
    uint16_t uplink_count;
    uint16_t session_count_prev; /* TS004 v2; 0xffff: none */
    uint8_t session_dr;
    uint8_t listens_ppt; /* in its session, in thousandths; 0: all the time */
    uint8_t mc_id;
    uint8_t frag_index;
    uint8_t frag_mask;
    uint8_t frag_size;
    uint8_t block_ack_delay;
    uint8_t acks_left;
    bool complete;
    bool ack_reception;
    bool status_pending; /* ON_STATUS is planned */
    bool error_kept;     /* "no matrix memory", where that is never cleared */

    int64_t reboot_at_us;
    uint32_t version;
    uint32_t next_version; /* of `image` */
    bool reboot_planned;
    bool image;   /* the new one is in the other slot */
    bool corrupt; /* a delta made none */
};

_Static_assert(sizeof(struct rank) + 5 * sizeof(int64_t) == LINE_BYTES &&
                   sizeof(struct light) == (size_t)3 * LINE_BYTES,
               "there are a million of them");

/* What a device is about to say, now and then one of them. */
struct saying {
    uint32_t next_free;
    uint8_t answer_fport;
    uint8_t answer_len; /* 0: no answer */
    uint8_t answer[ANSWER_BYTES];
    uint8_t status_len;
    uint8_t status[STATUS_BYTES];
};

/* What the server or the driver tells the engine a moment later. */
struct notice {
    int64_t at_us;
    enum engine_event_type type;
    uint32_t tx_id;
    uint8_t lane;
    uint8_t dr;
    uint8_t fate;
    int err;
    uint32_t gateway;
    uint32_t frequency_hz;
    uint32_t value; /* f_cnt or address */
    uint32_t frames;
    uint64_t id;
    uint64_t dev_eui;
};

struct notices {
    struct notice *items;
    size_t head;
    size_t count;
    size_t cap;
};

/* What a gateway sent in a band in the hour that ends with the frame that it sent last. */
struct law_hour {
    struct law_frame {
        int64_t at_us;
        uint32_t airtime_us;
    } * items; /* a ring */
    uint32_t head;
    uint32_t count;
    uint32_t cap;
    uint32_t ppm; /* the limit */
    int64_t sum_us;
    struct law_frame last; /* not among the items yet, if */
    bool waits;
};

struct law {
    const struct world_params *params;
    struct law_hour *hours; /* by gateway and band */
    size_t hour_count;
    uint64_t over; /* frames at whose end there was too much */
};

struct world {
    const struct world_scenario *s;
    const struct world_config *config;
    const struct region *region;
    struct heap heap;
    int64_t now_us;   /* since the start of the warm-up */
    int64_t apply_us; /* INT64_MAX: not yet */
    struct prng prng;
    struct engine *engine;
    struct profile profiles[WORLD_PROFILE_MAX]; /* as the engine knows them */
    struct effects effects;
    struct notices notices;
    struct light *devices;
    const struct near *near; /* by device: strongest first */
    size_t near_stride;      /* of each device; whole lines of the cache */
    uint32_t session_count;
    struct world_nears *own_nears;
    struct gateway *gateways;
    int64_t *silent_at_us; /* by gateway: when its last frame ends */
    struct uplink *uplinks;
    size_t uplink_cap;
    uint32_t uplink_free;
    struct unicast *unicasts;
    size_t unicast_cap;
    uint32_t unicast_free;
    struct saying *sayings;
    size_t saying_cap;
    uint32_t saying_free;
    struct frame *frames;
    size_t frame_cap;
    uint32_t frame_free;
    struct tx *txs;
    size_t tx_count;
    uint32_t *tx_of_id; /* index into txs + 1 */
    size_t tx_of_id_cap;
    struct lane *lanes;
    size_t lane_count;
    struct world_trace trace;
    size_t frame_trace_cap;
    struct law law;
    struct campaign_spec default_spec;
    struct world_campaign first; /* if the config gives none */
    const struct world_campaign *campaigns;
    size_t campaign_count;
    struct running *running; /* of each */
    uint32_t version;   /* that devices run at the beginning; with deltas: the newest */
    size_t delta_count; /* the most of a campaign */
    uint32_t standing;  /* timeouts at this very moment */
    bool over;
};

/* A campaign under way; its id is its number, from 1. */
struct running {
    uint8_t *image;
    uint32_t version; /* of its image */
    struct engine_delta deltas[VARIANT_DELTAS_MAX];
    size_t delta_count;
    int64_t waits_us; /* since then it waits for an approval; -1: it does not */
    bool applied;
};

#define START_UTC_US (INT64_C(1767571200) * 1000000) /* 2026-01-05T00:00:00Z */

static inline struct utc world_utc(int64_t t_us)
{
    return (struct utc){START_UTC_US + t_us};
}

static inline int64_t world_of_utc(struct utc t)
{
    return t.us - START_UTC_US;
}

static inline bool world_applied(const struct world *w)
{
    return w->apply_us != INT64_MAX;
}

static inline void world_watch(const struct world *w, bool inside)
{
    if (w->config->watch != NULL) {
        w->config->watch(inside);
    }
}

/* The links of a device, up to one with loss_cdb INT16_MAX. */
static inline const struct near *world_near(const struct world *w, size_t device)
{
    return w->near + device * w->near_stride;
}

/* Grow an array so that it holds count items; aborts when memory is exhausted. */
void *world_grow(void *items, size_t *cap, size_t count, size_t size);

/* Its next uplink is on the way to the engine. */
static inline void run_expect(const struct world *w, uint32_t device,
                              enum engine_near near)
{
    engine_expect(w->engine, WORLD_DEVICE_EUI_BASE + device, near);
}

/* ---- run.c ---- */
struct engine_event run_event(const struct world *w, enum engine_event_type type);
void run_step(struct world *w, struct engine_event *event);
/* Everything up to a time; what happens earlier at the engine comes first. */
void run_until(struct world *w, int64_t until_us);
void run_notice(struct world *w, const struct notice *n);
void run_uplink(struct world *w, const struct uplink *u);

/* ---- campaigns.c ---- */
void campaigns_init(struct world *w);
void campaigns_finish(struct world *w);
/* Those whose time has come; FUO_EINVAL: one was refused. */
FUO_MUST_CHECK int campaigns_apply(struct world *w);
/* Approvals and the abort that are due. True: all are over, or held for good. */
bool campaigns_tend(struct world *w);
/* Whose transmission it is. */
size_t campaigns_of(const struct world *w, uint32_t tx_id);
/* What the transmission carries. */
void campaigns_describe(const struct world *w, struct tx *tx, size_t campaign);
/* What a device runs at the beginning. */
uint32_t campaigns_version(const struct world *w, size_t device);
/* A device has its outcome. */
void campaigns_note_end(struct world *w, const struct member_rec *m);
/* How they stand, into the trace. */
void campaigns_record(struct world *w);

/* ---- fleet.c ---- */
FUO_MUST_CHECK int world_add_fleet(struct world *w, const struct fleet_spec *spec);

/* ---- parts.c ---- */
void parts_init(struct world *w);
void parts_finish(struct world *w);
/* What others have allocated between two addresses, by huge pages too, where it is large. */
void parts_gather(const void *from, const void *to);
/* The same of all that was allocated in small pieces since there are devices: decoders, lists of
 * listeners, what was heard. Where the heap is elsewhere, it changes nothing. */
void parts_gather_heap(const struct world *w);

/* ---- server.c ---- */
void server_send(struct world *w, const struct effect *effect);
void server_flush_device(struct world *w, uint32_t device);
void server_reply(struct world *w, uint32_t slot);
void server_window(struct world *w, uint32_t slot, bool second);
void server_open_group(struct world *w, const struct effect *effect);
void server_close_group(struct world *w, const struct effect *effect);
void server_enqueue(struct world *w, const struct effect *effect);
void server_poll_queue(struct world *w, const struct effect *effect);
void server_flush_queue(struct world *w, const struct effect *effect);
void server_row_due(struct world *w, uint32_t slot);
/* The transmission with that address; NULL. */
struct tx *server_tx_by_address(struct world *w, uint32_t mc_addr);
struct tx *server_add_tx(struct world *w, uint32_t id);

/* ---- air.c ---- */
enum band { BAND_P, BAND_M, BAND_L };
enum band air_band(uint32_t frequency_hz);
int64_t air_downlink_us(const struct world *w, uint8_t dr, size_t bytes);
bool air_gateway_free(const struct world *w, uint32_t gateway, int64_t from_us,
                      int64_t until_us);
/* Whether duty is left for a frame of unicast. */
bool air_duty_left(struct world *w, uint32_t gateway, uint32_t frequency_hz,
                   int64_t airtime_us);
/* A frame of a gateway starts now; the caller has seen to it that it is free. */
void air_start(struct world *w, uint32_t gateway, uint32_t frequency_hz, uint8_t dr,
               int64_t airtime_us);
/* Who of the gateways hears the uplink, best first, into u->rx. */
void air_uplink(struct world *w, struct uplink *u);
/* Whether the device hears the unicast downlink of its uplink that ends now. */
bool air_unicast_heard(struct world *w, const struct uplink *u, int64_t from_us);
uint32_t air_frame_new(struct world *w, const struct frame *frame);
void air_frame_end(struct world *w, uint32_t slot);
/* A device begins to listen to a transmission's gateways. */
void air_listen(struct world *w, uint32_t device);

/* ---- device.c ---- */
void world_device_init(struct world *w, uint32_t device);
void device_uplink(struct world *w, uint32_t device);
void device_answer(struct world *w, uint32_t device);
void device_status_answer(struct world *w, uint32_t device);
void device_uplink_end(struct world *w, uint32_t slot);
void device_downlink(struct world *w, uint32_t device, uint8_t fport,
                     const uint8_t *payload, size_t len);
void device_session(struct world *w, uint32_t device);
void device_session_end(struct world *w, uint32_t device);
void device_reboot(struct world *w, uint32_t device);
/* A multicast frame came in. */
void device_multicast(struct world *w, uint32_t device, const struct frame *frame);
void device_fragment(struct world *w, uint32_t device, uint16_t n);
void device_leave_session(struct world *w, uint32_t device);
void device_free_uplink(struct world *w, uint32_t slot);

/* What it says next, to be filled; stays where it is until the next call. */
struct saying *device_saying(struct world *w, uint32_t device);

/* ---- answers.c ---- */
/* Carry out the commands of one downlink; what it answers goes into the device. */
void world_answers_take(struct world *w, uint32_t device, uint8_t fport,
                        const uint8_t *payload, size_t len);
/* The status answer of its stack; false: it keeps silent. */
bool answers_status(struct world *w, uint32_t device, bool all_participants);
/* Say this after a moment. */
void answers_say(struct world *w, uint32_t device, uint8_t fport, const uint8_t *payload,
                 size_t len, int64_t delay_us);
void answers_block_received(struct world *w, uint32_t device);
/* A session begins, or a fragment comes: its decoder is for what its group brings. */
void answers_take_part(struct world *w, uint32_t device);

/* ---- record.c ---- */
void record_init(struct world *w);
void record_frame(struct world *w, const struct world_frame *frame);
uint32_t record_join(struct world *w, uint32_t tx, uint32_t device);
void record_number(struct world *w, uint32_t tx, uint32_t number, uint16_t n,
                   int64_t at_us);
void record_heard(struct world *w, uint32_t tx, uint32_t member, uint32_t number);
/* Time since apply; times before it are 0. */
int64_t record_time(const struct world *w, int64_t t_us);
/* Nothing more is recorded of frames; the end, and what law.c found. */
void record_end(struct world *w);

/* ---- law.c ---- */
void law_init(struct law *l, const struct world_scenario *s);
/* Frames of a gateway come in order but for one that ends as the next begins. */
void law_take(struct law *l, const struct world_frame *frame);
/* Frees it; how many frames broke the law. Accepts a zeroed one. */
uint64_t law_finish(struct law *l);
