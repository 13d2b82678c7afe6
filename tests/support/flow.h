/* SPDX-License-Identifier: MIT */
/*
 * flow.h - the engine alone, fed with crafted events: each answer is the test's to give.
 *
 * The driver's part (keys, MICs, a server that takes everything) is answered at once unless
 * a test holds it back. Devices run TS003, TS004, TS005 v2 and TS006, known beforehand.
 */
#pragma once

#include "engine/engine.h"

enum {
    FLOW_DEVICES = 6,
    FLOW_SENDS = 64,
    FLOW_WAVES = 4,
    FLOW_DELTAS = 2,
    FLOW_VERSION = 2, /* that right answers announce, and the campaign gives */
};

struct flow {
    struct engine *engine;
    struct engine_config config;
    struct effects effects;
    struct utc now;
    struct campaign_spec spec;
    struct fleet_spec fleet;
    uint32_t more_fleets; /* beside fleet 1, with the same spec: 2 and so on */
    uint32_t delivering;  /* the one of them whose server delivers; 0: none */
    size_t first_device;  /* of the campaign */
    size_t device_count;
    const uint8_t *wave_of; /* of each device; NULL: no waves */
    uint8_t image[600];
    uint8_t delta[FLOW_DELTAS][200]; /* of the image, see flow_add_delta() */
    struct engine_delta deltas[FLOW_DELTAS];
    struct spec_delta spec_deltas[FLOW_DELTAS];
    uint64_t gateways[2];
    struct utc deadline;  /* 0: none */
    uint32_t campaign_id; /* 1, unless a test goes on */
    uint8_t uplink_dr;
    uint32_t uplink_f_cnt;
    bool server_clock;  /* the server sets the clocks of its devices */
    bool delivers;      /* the server brings images by itself; before flow_rebuild() */
    bool ignores_f_cnt; /* a server that begins every group at 0 */
    enum engine_timing timing;
    bool names_gateways;
    uint32_t priority_ceiling_ppm;
    int64_t multicast_jitter_us;
    uint32_t f_cnt;                       /* of lane 0 */
    uint32_t lane_f_cnt[RECORD_LANE_MAX]; /* of the others */
    uint32_t queued;
    /* held back: the test answers */
    bool hold_txack;
    bool hold_group;
    bool hold_frame;
    bool hold_queue;
    int wrap_err;
    int mic_err;
    int group_err;
    int frame_err;
    int queue_err;
    int close_err;
    /* seen */
    struct effect last_send[FLOW_DEVICES];
    size_t send_count[FLOW_DEVICES];
    struct effect last_order[FLOW_DEVICES];
    size_t orders;
    struct effect last_frame;
    size_t frame_count;
    size_t poll_count;
    size_t open_count;
    size_t close_count;
    size_t dropped_keys;
    size_t alerts;
    size_t flushes;
    size_t group_setups; /* McGroupSetupReq sent */
    size_t frag_setups;  /* FragSessionSetupReq */
    size_t status_asks;  /* FragSessionStatusReq to one device */
    size_t upgrade_asks; /* DevUpgradeImageReq */
    struct effect last_open;
    struct transmission_rec transmission; /* as stored last */
    struct lane_rec lane;                 /* the only one */
    struct group_rec group;               /* the only one that is kept */
    struct report_rec report;             /* of the device that told last */
    size_t reports_stored;
    struct campaign_rec campaign;
    struct member_rec members[FLOW_DEVICES];
    struct wave_rec waves[FLOW_WAVES];
    struct device_rec devices[FLOW_DEVICES];
    const struct profile *profiles[FLOW_DEVICES]; /* NULL: nothing is known */
    void (*watch)(
        const struct effect *effect); /* before it is carried out; NULL: nobody */
};

/* With a campaign applied, over the first device_count devices. */
void flow_init(struct flow *f, size_t device_count);
/* Before flow_apply(): a delta of so many bytes for devices that run the version from; or,
 * with a firmware that is not 0, that say this by TS006. */
void flow_add_delta(struct flow *f, const char *from, uint32_t firmware, size_t len);
void flow_apply(struct flow *f);
void flow_free(struct flow *f);

void flow_step(struct flow *f, struct engine_event *event);
/* Time passes; timers fire as they are due. */
void flow_wait(struct flow *f, int64_t duration_us);
void flow_control(struct flow *f, enum engine_control verb);
void flow_uplink(struct flow *f, size_t device, uint8_t fport, const char *hex);
/* One more that says nothing. */
void flow_noise(struct flow *f, size_t device);
void flow_fate(struct flow *f, size_t device, enum engine_fate fate);

/* Another engine that knows fleet and devices only. */
void flow_rebuild(struct flow *f);
/* Another engine, from what was stored. */
void flow_restart(struct flow *f);

const struct member_rec *flow_member(const struct flow *f, size_t device);
/* What the device would say in the phase that its member is in. */
void flow_answer(struct flow *f, size_t device);
/* Through the campaign with right answers, until the member is in that phase or beyond. */
void flow_walk(struct flow *f, size_t device, enum member_phase phase);
/* Several of them, together through the session, so that they share it. */
void flow_walk_all(struct flow *f, size_t first, size_t count, enum member_phase last);
/* It says that its image is none, after a session. */
void flow_refuse(struct flow *f, size_t device);
