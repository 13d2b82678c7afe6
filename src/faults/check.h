/* SPDX-License-Identifier: MIT */
/*
 * check.h - what must hold whatever goes wrong, seen from outside.
 *
 * Looks at what is on air, in the flash of the devices, on disk and handed over, never at
 * what the engine thinks. The first violation is kept, with its time. Nothing here decides
 * anything in a run.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/calendar.h"
#include "campaign/record.h"
#include "codec/package.h"
#include "crypto/keys.h"
#include "engine/effect.h"
#include "radio/region.h"
#include "sim/airlog.h"

enum check_invariant {
    CHECK_DUTY = 1, /* legal duty cycle, each gateway and sub-band, any sliding hour */
    CHECK_PAYLOAD,  /* of a McAddr, one payload for each FCnt */
    CHECK_FCNT,     /* of a McAddr, FCnt on air never decreases */
    CHECK_STORED,   /* stored before sent */
    CHECK_WINDOW,   /* nothing to many outside a window */
    CHECK_UNCODED,  /* no uncoded fragment after a coded one */
    CHECK_CODED,    /* no coded index twice */
    CHECK_ACK,      /* a FragSessionSetup is acknowledged before fragments flow */
    CHECK_IMAGE,    /* what is installed is the image that was verified */
    CHECK_OUTCOME,  /* each device ends in exactly one outcome, and it is true */
    CHECK_SEQ,      /* the results of a shard come in order, without a gap */
    CHECK_RESULT,   /* what is told is on disk, and the end of every device is told */
    CHECK_END,      /* the campaign ends */
    CHECK_DEADLINE, /* nothing to many behind a deadline that stops it */
    CHECK_COUNT,
};

const char *check_name(enum check_invariant invariant);

struct check_violation {
    enum check_invariant invariant;
    const char *text; /* static; NULL: none */
    struct utc at;    /* virtual */
};

struct check_config {
    const struct region *region;
    const uint8_t *image; /* that was verified; outlives the check */
    size_t image_len;
    size_t device_count;
    const uint64_t *dev_euis; /* ascending; outlive the check, as the spans */
    uint32_t dev_addr_first;  /* of the devices, by number: other addresses are groups */
    const struct calendar_span *spans; /* NULL: always open */
    size_t span_count;
    struct utc deadline; /* nothing is sent to many behind it; UTC_NEVER: none */
};

struct check;

struct check *check_new(const struct check_config *config);
void check_free(struct check *c); /* accepts NULL */

const struct check_violation *check_result(const struct check *c);

/* What time it is, and how far the daemon's wall clock is ahead of it. */
void check_time(struct check *c, struct utc now, int64_t ahead_us);

/*
 * The windows are edited: what was open before is allowed as well (spans NULL: none) until
 * the daemon is known to go by the new ones. Both outlive the check.
 */
struct check_windows {
    const struct calendar_span *spans;
    size_t span_count;
};
void check_windows(struct check *c, const struct check_windows *now,
                   const struct check_windows *before);

/* The operator lets devices go again: the outcome of each that has not succeeded may be
 * taken back, once. */
void check_may_retry(struct check *c);

/* The batch is on disk. */
void check_stored(struct check *c, const struct effects *batch);

/* The effect is carried out now. */
void check_effect(struct check *c, const struct effect *effect);

/* The keys of a group, known to the server: its frames can be read. */
void check_group(struct check *c, uint32_t mc_addr, const struct session_keys *keys);

/* An uplink that the server has decrypted; what the device may have said in it. */
struct check_uplink {
    size_t device;
    const struct pkg_versions *versions;
    uint8_t fport;
    const uint8_t *payload;
    size_t len;
};
void check_uplink(struct check *c, const struct check_uplink *uplink);

/*
 * The gateway is gone, or back: a server says again what it did not take, in any order, so
 * that the order of its frames is not judged for as long as a frame may wait.
 */
void check_gateway(struct check *c, uint64_t eui);

/* Off air again. */
void check_frame(struct check *c, const struct air_frame *frame);

/* The device runs this image from now on. */
void check_installed(struct check *c, const uint8_t *image, size_t len);

/* Over, or the time is up. runs: by device, whether it runs the image. */
void check_end(struct check *c, bool ended, const bool *runs);

/* A status message reached who listens; with QoS 1, perhaps not for the first time. */
void check_status(struct check *c, const char *topic, const uint8_t *payload, size_t len);

/* At the end, if there was somebody to tell: everything was told, and the phase. */
void check_told(struct check *c, const char *phase);

/* Of the devices, as they are on disk. */
void check_outcomes(const struct check *c, uint32_t counts[static OUTCOME_COUNT]);
