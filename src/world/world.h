/* SPDX-License-Identifier: MIT */
/*
 * world.h - the engine on virtual time against a scenario: a campaign or several at once, from
 * warm-up to their end.
 *
 * The same object code as in the daemon is driven through the same events and effects, by a
 * model of the network server, of the gateways, of the radio and of light devices that answer
 * TS004, TS005 and TS006 as their stacks do and track the rank of their decoders with the true
 * rows. No keys and no encryption: payloads are plain, MIC and keys come from the seed.
 *
 * With deltas (spec.image.deltas) a device runs the base of one of them, drawn by the seed, and
 * every fifth an older version that no delta is for. A delta makes an image only of its own
 * base; where it makes none, the device says that its image is corrupt.
 *
 * Waves are filled as the daemon does it (campaign/wave.h). Light devices have no labels: a
 * twentieth of them, drawn by the seed, is what a wave with `select` may select, and `spread`
 * is over their stacks. Approvals are given; a gate that holds a campaign holds it for good.
 *
 * Not thread-safe, nothing global; a run is a function of scenario and config.
 */
#pragma once

#include "base/time.h"
#include "world/scenario.h"
#include "world/trace.h"

struct campaign_spec;
struct calendar_span;

enum world_timing {
    /* ChirpStack as it is: a row of a group whose queue is empty is due at once, others 5 s
     * after the one before; the scheduler looks once a second. */
    WORLD_TIMING_STOCK,
    WORLD_TIMING_MARGIN1S, /* the same with a margin of 1 s */
    WORLD_TIMING_DIRECT,   /* at the time asked for, all gateways of a lane together */
};

enum { WORLD_TIMING_COUNT = 3 };

struct world_campaign {
    const struct campaign_spec *spec; /* lives as long as the run */
    size_t image_bytes;
    const size_t *delta_bytes; /* of spec->image.deltas; NULL: they are not simulated */
    int64_t apply_us;          /* after the first one */
    /* Times from the apply of the first one. */
    const struct calendar_span
        *windows; /* as struct engine_windows has them; NULL: always */
    size_t window_count;
    struct utc windows_until;
    struct utc not_before;
    struct utc deadline; /* UTC_NEVER or 0: none */
};

enum { WORLD_CAMPAIGN_MAX = 8 };

/* The links of a scenario as a run reads them: 64 bytes a device or more. */
struct world_nears;

struct world_config {
    enum world_timing timing;
    bool install; /* TS006 too; false: the run ends when all is downloaded or given up */
    bool no_frames; /* the trace has their sums only: they are hundreds of megabytes */
    bool progress;  /* a line on stderr per virtual hour */
    const struct world_campaign
        *campaigns; /* NULL: one, with defaults of the vocabulary */
    size_t campaign_count;
    uint32_t broken_ppm;      /* devices on which no new image runs: they roll back */
    uint32_t delta_fails_ppm; /* devices on which no delta makes an image */
    int64_t approve_after_us; /* a wave has waited for its approval so long, or longer */
    int64_t abort_at_us;      /* the first campaign, by an operator; 0: never */
    const struct world_nears *nears; /* of the scenario; NULL: the run makes its own */
    void (*watch)(bool inside);      /* before and after each call of the engine; NULL */
};

/* "stock", "margin1s", "direct" */
const char *world_timing_name(enum world_timing timing);

/* The server's spacing of rows in one group: 5 s, 1 s, 0. */
int64_t world_timing_margin_us(enum world_timing timing);

/* When ChirpStack's scheduler looks next, at or after t: once a second. */
int64_t world_next_tick_us(int64_t t_us);

/* Once, for several runs of a scenario, in other processes too; never NULL. */
struct world_nears *world_nears_make(const struct world_scenario *s);
void world_nears_free(struct world_nears *nears); /* accepts NULL */

/* Defaults of the vocabulary but for its tries, which are those of benchmarks; no waves. Include
 * campaign/spec.h to call it. */
struct campaign_spec world_default_spec(const struct world_scenario *s);

/* *trace is written only on success and then the caller's; FUO_EINVAL: refused at apply. */
FUO_MUST_CHECK int world_run(const struct world_scenario *s,
                             const struct world_config *config,
                             struct world_trace *trace);
