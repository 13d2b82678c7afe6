/* SPDX-License-Identifier: MIT */
/* check_internal.h - what check.c and check_air.c share. */
#pragma once

#include "codec/mpa.h"
#include "faults/check.h"

#define CHECK_CLOCK_SLACK_US SECONDS_US(1)

enum {
    CHECK_SHARDS = 16,
    CHECK_PHASE_SIZE = 32,
};

/* Results as they were heard. */
struct check_shard {
    uint64_t *hashes; /* of the messages, by seq - 1 */
    size_t count;
    size_t cap;
};

struct check_device {
    enum outcome told;    /* heard last */
    enum outcome outcome; /* on disk */
    uint32_t outcomes;    /* that were there at some time, by their bits */
    uint8_t retries;      /* on disk */
    bool may_retry;
    uint64_t command_id;        /* the newest on disk */
    uint64_t sent_id;           /* of the last command */
    struct mpa_answers answers; /* of TS007, being put together */
    uint8_t answers_token;
    struct utc acked;         /* a set-up, last; 0: never */
    uint32_t acked_id;        /* what it took part in then, on disk */
    uint32_t transmission_id; /* that it takes part in, on disk */
};

/* A transmission under the key of a group, from a counter on. */
struct check_run {
    uint32_t transmission_id;
    uint32_t f_cnt;
    struct utc opened; /* its group at the server, first */
    bool begun;        /* a fragment was on air */
    bool any_coded;
    uint32_t first_coded; /* its counter */
    uint16_t uncoded_max; /* M is not below it */
};

/* What was on air under a counter. */
struct check_air_frame {
    uint64_t hash;    /* of the PHYPayload; 0: nothing */
    int64_t start_us; /* when it began first, and where */
    uint64_t gateway;
    uint16_t n; /* of the fragment; 0: none */
    uint32_t run;
};

struct check_group {
    uint32_t mc_addr;
    bool has_keys;
    struct session_keys keys;
    struct check_air_frame *frames; /* by FCnt */
    size_t frame_count;
    size_t frame_cap;
    struct check_run *runs;
    size_t run_count;
    size_t run_cap;
};

struct check_emission {
    uint64_t gateway;
    size_t subband;
    int64_t start_us;
    int64_t end_us;
};

struct check_gateway {
    uint64_t eui;
    struct utc at;
};

struct check {
    struct check_config config;
    struct check_windows before; /* the windows were edited: these are open, too */
    struct check_violation violation;
    struct utc now;
    int64_t ahead_us;
    bool clock_ever_stepped;
    struct utc clock_stepped; /* when the daemon's clock was set last */
    struct check_device *devices;
    struct check_group *groups;
    size_t group_count;
    size_t group_cap;
    struct check_emission *emissions; /* by end; the first ones are forgotten */
    size_t emission_count;
    size_t emission_cap;
    struct check_gateway *gateways; /* that were gone at some time */
    size_t gateway_count;
    size_t gateway_cap;
    struct transmission_rec *transmissions; /* on disk */
    size_t transmission_count;
    size_t transmission_cap;
    struct check_shard shards[CHECK_SHARDS];
    char phase[CHECK_PHASE_SIZE]; /* of the campaign, heard last */
    struct lane_rec *lanes;       /* on disk */
    size_t lane_count;
    size_t lane_cap;
};

void check_violated(struct check *c, enum check_invariant invariant, const char *text);

/* NULL: none of the campaign. */
struct check_device *check_device_of(struct check *c, uint64_t dev_eui);

/* Room for one more. */
void *check_grow(void *items, size_t count, size_t *cap, size_t size);

/* Made at first sight; valid until the next one is made. */
struct check_group *check_group_of(struct check *c, uint32_t mc_addr);

/* N of a DataFragment; 0: it is none. */
uint16_t check_fragment_n(const uint8_t *payload, size_t len);
