/* SPDX-License-Identifier: MIT */
/*
 * rig_check.h - what must hold at every effect and every frame, whatever goes wrong.
 *
 * Seen from outside the engine: from the store, from what the server took, and from what the
 * gateways put on air. The first violation is kept as a sentence.
 */
#pragma once

#include "engine/effect.h"
#include "sim/airlog.h"

struct rig;
struct device;

enum {
    RIG_TRANSMISSIONS = 16,
    RIG_WINDOWS = 256,
    RIG_FCNT_MAX = 65536,
    RIG_N_MAX = 16384,
};

struct rig_window {
    struct utc start;
    struct utc end;
};

/* What a group of the server has taken. */
struct rig_lane {
    uint16_t last_n;  /* uncoded */
    uint16_t repeats; /* of it */
    bool any_coded;
    bool coded[RIG_N_MAX]; /* by N */
};

struct rig_check {
    const char *violation; /* NULL: none */
    uint64_t *sent_id;     /* by device: the newest command id on disk */
    struct rig_lane *lanes[RIG_TRANSMISSIONS + 1]; /* RECORD_LANE_MAX of each */
    uint32_t last_f_cnt[RIG_TRANSMISSIONS + 1];    /* on air, over all gateways */
    uint64_t *payloads[RIG_TRANSMISSIONS + 1];     /* by FCnt: hash of the frame on air */
    struct rig_window windows[RIG_WINDOWS];
    size_t window_count;
    struct rig_window *frames; /* multicast on air, by end, of all gateways */
    uint64_t *senders;
    size_t frame_count;
    size_t frame_cap;
    size_t frame_first;   /* the hour begins there */
    int64_t busiest_us;   /* multicast airtime of a gateway in a sliding hour, at most */
    bool clock_was_wrong; /* then dates of sessions are, too */
};

void rig_check_init(struct rig *rig);
void rig_check_free(struct rig *rig);

/* Before it replaces what is stored. */
void rig_check_store(struct rig *rig, const struct effect *effect);
/* Before it is carried out. */
void rig_check_effect(struct rig *rig, const struct effect *effect);
/* Nothing has been sent under this key. */
void rig_check_new_key(struct rig *rig, uint32_t id);
/* The server took it. */
void rig_check_taken(struct rig *rig, const struct effect *effect);
/* The effects of a step; the phase of the campaign before it. */
void rig_check_step(struct rig *rig, enum campaign_phase before);
void rig_check_frame(struct rig *rig, const struct air_frame *frame);
void rig_check_installed(struct rig *rig, const struct device *device);
/* At the end of a campaign. */
void rig_check_outcomes(struct rig *rig);
