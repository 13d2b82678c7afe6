/* SPDX-License-Identifier: MIT */
/*
 * trace.h - what a run leaves behind: enough to recompute every figure from.
 *
 * Times are microseconds from the campaign's apply; -1 is never. Frames stand in the order in
 * which they ended on air. `heard` is who of the devices that listened got a frame number of
 * their transmission: one bit for each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum world_frame_kind {
    WORLD_FRAME_FRAGMENT,
    WORLD_FRAME_STATUS,  /* multicast FragSessionStatusReq */
    WORLD_FRAME_UNICAST, /* downlink of class A */
};

#define WORLD_FRAME_HZ             25000U /* the step of frequencies */
#define WORLD_FRAME_AIRTIME_MAX_US 0x7ffffffU
#define WORLD_FRAME_DR_MAX         7U

/* One frame of one gateway on air. A large run has some ten million: they are packed. */
struct world_frame {
    int64_t at_us;
    uint32_t transmission; /* index into trace.transmissions; UINT32_MAX: unicast */
    uint32_t number;       /* FCnt: of the transmission; unicast: the device */
    uint32_t airtime_us : 27;
    uint32_t dr : 3;
    uint32_t kind : 2; /* enum world_frame_kind */
    uint16_t gateway;
    uint16_t frequency; /* in WORLD_FRAME_HZ */
};

/* One frame of a transmission, whichever gateways sent it; by FCnt. */
struct world_number {
    int64_t at_us;   /* first gateway; -1: on no gateway */
    uint64_t *heard; /* bit i: transmission.devices[i] got it; NULL: nobody */
    uint32_t words;  /* of heard */
    uint16_t n;      /* 0: a status request */
};

struct world_transmission {
    uint32_t id;       /* the engine's */
    uint32_t campaign; /* index into trace.campaigns */
    uint32_t mc_addr;
    uint8_t ts004;
    uint8_t dr;
    uint8_t frag_size;
    uint16_t m;
    uint32_t lane_count;
    struct world_number *numbers; /* numbers[FCnt] */
    size_t number_count;
    size_t number_cap;
    uint32_t *devices; /* that accepted its fragmentation session, in that order */
    size_t device_count;
    uint64_t *senders; /* bit g: gateway g sent a fragment; NULL: none did */
};

/* What every uplink adds to comes first. */
struct world_device_trace {
    int64_t first_uplink_us;   /* its first uplink from apply on, lost or not; -1: none */
    int64_t first_received_us; /* start of the first of them that a gateway received */
    uint32_t uplinks;          /* from apply on, lost ones too */
    uint32_t uplinks_received;
    int64_t complete_us;   /* when it had the data block */
    int64_t ended_us;      /* when the engine gave its outcome */
    int64_t listening_us;  /* in class C sessions */
    int64_t unicast_us;    /* airtime of its downlinks */
    uint32_t transmission; /* in which it completed, else the last; UINT32_MAX: none */
    uint16_t sessions;     /* class C sessions it entered */
    uint16_t fragments_unicast;
    uint8_t outcome; /* enum outcome of campaign/record.h */
    uint8_t reason;  /* enum member_reason */
    bool overflow;   /* lost more than its decoder can take, in the last one */
};

/* How a device ended in one of several campaigns. */
struct world_ending {
    uint8_t outcome; /* enum outcome of campaign/record.h; OUTCOME_NONE: it has not */
    uint8_t reason;  /* enum member_reason */
    uint8_t variant; /* what it was sent last, see campaign/variant.h */
    uint8_t delta_failures;
};

struct world_wave_trace {
    uint32_t total;
    uint32_t attempted;
    uint32_t succeeded;
    uint32_t failed;
    uint32_t unknown;
    int64_t started_us;
    int64_t ended_us;
    uint8_t phase;   /* enum wave_phase */
    uint8_t verdict; /* enum wave_verdict of campaign/wave.h */
};

enum { WORLD_REASON_SIZE = 96 };

struct world_campaign_trace {
    struct world_ending *devices; /* trace.device_count */
    struct world_wave_trace *waves;
    size_t wave_count;
    int64_t end_us; /* -1: it did not end */
    uint8_t phase;  /* enum campaign_phase */
    bool held;      /* a gate, or something else that only an operator could undo */
    char reason[WORLD_REASON_SIZE]; /* of a pause, an abort or a failure */
};

struct world_trace {
    struct world_frame *frames; /* NULL: there are none, or config.no_frames */
    size_t frame_count;         /* kept or not */
    struct world_transmission *transmissions;
    size_t transmission_count;
    struct world_device_trace *devices; /* scenario.device_count */
    size_t device_count;
    struct world_campaign_trace *campaigns; /* devices[] has the outcomes of the first */
    size_t campaign_count;
    uint64_t multicast_frames;
    int64_t multicast_us; /* their airtime */
    uint64_t violations;  /* world_trace_violations() of all frames, kept or not */
    int64_t end_us;       /* when all campaigns were over or held, or the run was cut */
    bool cut;             /* run_max_us came first, or the engine hung */
    uint64_t events;      /* engine steps */
    uint64_t effects;
    uint64_t unicast_refused; /* no duty left, or the gateway was busy, in RX1 and RX2 */
    uint64_t multicast_collided; /* frames a gateway could not send: it was sending */
    uint64_t uplinks;
    uint64_t uplinks_lost;
};

void world_trace_finish(struct world_trace *t); /* accepts a zeroed one */

/* Frees frames, transmissions, devices and campaigns; counts and sums stay. */
void world_trace_drop_tables(struct world_trace *t);

static inline bool world_trace_heard(const struct world_transmission *t, size_t device,
                                     size_t number)
{
    return number < t->number_count && device / 64 < t->numbers[number].words &&
           (t->numbers[number].heard[device / 64] >> (device % 64) & 1) != 0;
}

static inline bool world_trace_sent(const struct world_transmission *t, size_t gateway)
{
    return t->senders != NULL && (t->senders[gateway / 64] >> (gateway % 64) & 1) != 0;
}

/* Frames of t->frames at whose end their gateway had sent more in the sub-band, in the hour
 * before, than is legal. */
struct world_scenario;
uint64_t world_trace_violations(const struct world_trace *t,
                                const struct world_scenario *s);
