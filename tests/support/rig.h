/* SPDX-License-Identifier: MIT */
/*
 * rig.h - the real engine and commit queue against the simulated network, on virtual time.
 *
 * The rig is a driver like the daemon's: it stamps events, keeps what is stored in memory,
 * carries out effects on the simulated server, and can die and come back at any effect. No
 * socket, no clock, no thread: an hour takes milliseconds, and a seed is a run.
 */
#pragma once

#include "campaign/spec.h"
#include "crypto/keys.h"
#include "engine/commitq.h"
#include "engine/engine.h"
#include "rig_check.h"
#include "rig_faults.h"
#include "sim/network.h"

enum {
    RIG_CHARGES = 65536,
    RIG_BATCH_MAX = 8, /* effects of a transaction, but whole steps */
    RIG_GROUPS = 4,
    RIG_WAVES = 4,
};

struct rig_store {
    bool has_campaign;
    struct campaign_rec campaign;
    struct member_rec *members; /* by device number */
    struct device_rec *devices;
    struct transmission_rec transmissions[RIG_TRANSMISSIONS + 1]; /* by id */
    struct lane_rec lanes[RIG_TRANSMISSIONS + 1][RECORD_LANE_MAX];
    struct group_rec groups[RIG_GROUPS];
    struct wave_rec waves[RIG_WAVES]; /* campaign_id 0: not there */
    struct charge_rec *charges;
    size_t charge_count;
    size_t history_count;
};

struct rig_event {
    struct utc due;
    struct engine_event event;
    uint8_t payload[256];
    struct engine_rx rx[CS_RX_MAX];
    char group[CS_ID_SIZE];
};

struct rig {
    struct network net;
    struct engine *engine;
    struct commitq *queue;
    struct effects effects;
    struct effects batch;
    struct utc now;        /* true time, and the engine's monotonic clock */
    int64_t utc_offset_us; /* of the engine's wall clock from it */
    struct utc commit_at;  /* UTC_NEVER: no batch is out */
    int64_t commit_us;     /* how long a commit takes */
    struct campaign_spec spec;
    struct fleet_spec fleet;
    uint8_t *image;
    size_t image_len;
    struct rig_store store;
    struct aes_key mc_keys[RIG_TRANSMISSIONS + 1];
    uint32_t mc_addrs[RIG_TRANSMISSIONS + 1];
    struct rig_event *events; /* waiting to be fed */
    size_t event_count;
    size_t event_cap;
    uint32_t boot;
    uint64_t effect_count; /* carried out so far */
    uint64_t crash_at;     /* die just before carrying out that effect; 0: never */
    bool lose_answer;      /* ... or just after it took effect, before its answer */
    bool dead;
    uint64_t crashes;
    bool api_away; /* calls fail without effect */
    uint32_t published;
    uint32_t alerts;
    uint32_t multicast_count;
    uint32_t group_setups;  /* McGroupSetupReq that the server took */
    bool tells_profiles;    /* the engine is told what kinds of devices there are */
    const uint8_t *wave_of; /* of each device; NULL: no waves */
    uint32_t campaign_id;
    struct utc not_before; /* of the campaign; set before rig_apply(), as is the next */
    struct utc deadline;   /* 0: none */
    const struct calendar_span *windows; /* of the campaign; NULL: always */
    size_t window_count;
    struct rig_check check;
    struct rig_faults faults;
};

struct rig_config {
    struct network_config net;
    size_t image_len;
    int64_t commit_us;
};

/* Defaults of the vocabulary, one fleet, one campaign over all devices. */
void rig_init(struct rig *rig, const struct rig_config *config);
void rig_free(struct rig *rig);

/* Apply the campaign (spec may have been changed). */
void rig_apply(struct rig *rig);

/* Give the campaign its windows; they live as long as the rig, and are kept to by check. */
void rig_windows(struct rig *rig, const struct calendar_span *spans, size_t count);

/* After its end: it is forgotten, and another one applied, with another image. */
void rig_apply_next(struct rig *rig);

/* Until the campaign has ended and its transmissions too, or for that long. */
bool rig_run(struct rig *rig, int64_t limit_us);

/* Run for so long, whatever happens. */
void rig_run_for(struct rig *rig, int64_t duration_us);

void rig_control(struct rig *rig, enum engine_control verb);

/* Set the engine's wall clock. */
void rig_step_clock(struct rig *rig, int64_t delta_us);

/* Kill the engine now and build another one from what is stored. */
void rig_restart(struct rig *rig);

/* Devices whose flash is the image. */
size_t rig_updated(const struct rig *rig);
bool rig_runs_image(const struct rig *rig, size_t index);
/* It has received it, whole. */
bool rig_holds_image(const struct rig *rig, size_t index);

/* To tamper with. */
struct device *rig_device(struct rig *rig, size_t index);
