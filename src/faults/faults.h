/* SPDX-License-Identifier: MIT */
/*
 * faults.h - one campaign through everything that goes wrong, by seed, on virtual time.
 *
 * The daemon is the real one (loop/virtual.h): engine, commit queue, SQLite store and
 * plugin; the network server, its JSON and gRPC-Web, the gateways and the devices are those
 * of fuota-sim, of all stacks that there are profiles of. In two of five runs somebody
 * listens to the status topics. Messages go between them by function calls that take
 * virtual time. What is wrong, how often, and in which scenario follows from the seed, and
 * so does the whole run.
 *
 * What must hold is in check.h, which is asked at every effect, commit, frame and
 * installation. A plant is one deliberate violation, in the driver or in the simulator: it
 * shows that the check sees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/spec.h"
#include "faults/check.h"
#include "fuotad/error.h"

/* name, slug, what happens */
#define FAULT_MAP(X)                                                                  \
    X(FAULT_KILLED_AT_EFFECT, "killed_at_effect", "killed between two effects")       \
    X(FAULT_KILLED_AT_COMMIT, "killed_at_commit", "killed around a commit")           \
    X(FAULT_COMMIT_FAILED, "commit_failed", "writing the database fails")             \
    X(FAULT_DISK_FULL, "disk_full", "the disk is full")                               \
    X(FAULT_DISK_SLOW, "disk_slow", "a commit takes seconds")                         \
    X(FAULT_BROKER_GONE, "broker_gone", "the broker is away")                         \
    X(FAULT_BROKER_SLOW, "broker_slow", "a message takes seconds")                    \
    X(FAULT_BROKER_TWICE, "broker_twice", "a message comes twice")                    \
    X(FAULT_BROKER_REORDERED, "broker_reordered", "a message comes after later ones") \
    X(FAULT_BROKER_LOST, "broker_lost", "a message is lost")                          \
    X(FAULT_API_LATE, "api_late", "the API answers after seconds")                    \
    X(FAULT_API_5XX, "api_5xx", "the API answers 5xx")                                \
    X(FAULT_API_GARBAGE, "api_garbage", "the API answers garbage")                    \
    X(FAULT_API_TWICE, "api_twice", "the API answers twice")                          \
    X(FAULT_API_SILENT, "api_silent", "it took effect, but no answer came")           \
    X(FAULT_API_AWAY, "api_away", "the API cannot be reached")                        \
    X(FAULT_SERVER_RESTARTED, "server_restarted", "the server lost its queues")       \
    X(FAULT_GATEWAY_DEAD, "gateway_dead", "a gateway is off for a while")             \
    X(FAULT_TXACK_LOST, "txack_lost", "a txack is lost")                              \
    X(FAULT_CLOCK_STEPPED, "clock_stepped", "the wall clock is set")                  \
    X(FAULT_CLOCK_DRIFTS, "clock_drifts", "a clock drifts")                           \
    X(FAULT_DEVICE_REBOOTED, "device_rebooted", "a device lost what was in RAM")      \
    X(FAULT_DEVICE_SILENT, "device_silent", "a device is silent for days")            \
    X(FAULT_DEVICE_MOVED, "device_moved", "a device hears other gateways")            \
    X(FAULT_DEVICE_LATE, "device_late", "a device answers late")                      \
    X(FAULT_DEVICE_TWICE, "device_twice", "a device answers twice")                   \
    X(FAULT_FRAME_REFUSED, "frame_refused", "a gateway refuses a frame to many")      \
    X(FAULT_TAP_LOST, "tap_lost", "what a gateway made of a frame is lost")           \
    X(FAULT_TAP_LATE, "tap_late", "... comes minutes late")                           \
    X(FAULT_TAP_WRONG, "tap_wrong", "... is garbage, or about another frame")         \
    X(FAULT_RETRIED, "operator_retries", "devices that have ended go again")          \
    X(FAULT_EDITED, "operator_edits", "the file is edited while the campaign runs")

enum fault_kind {
#define X(name, slug, text) name,
    FAULT_MAP(X)
#undef X
        FAULT_KINDS
};

/* What a scenario may be like: name, slug. Each is drawn now and then. */
#define TRAIT_MAP(X)                          \
    X(TRAIT_WINDOWS, "windows")               \
    X(TRAIT_WAVES, "waves")                   \
    X(TRAIT_APPROVAL, "approval")             \
    X(TRAIT_LISTENER, "status_listener")      \
    X(TRAIT_TAP, "gateway_tap")               \
    X(TRAIT_VERSION_GIVEN, "version_given")   \
    X(TRAIT_VERSION_AGREED, "version_agreed") \
    X(TRAIT_NOT_BEFORE, "not_before")         \
    X(TRAIT_DEADLINE_DRAIN, "deadline_drain") \
    X(TRAIT_DEADLINE_STOP, "deadline_stop")   \
    X(TRAIT_DEADLINE_ABORT, "deadline_abort") \
    X(TRAIT_DEADLINE_CAME, "deadline_came")

enum fault_trait {
#define X(name, slug) name,
    TRAIT_MAP(X)
#undef X
        TRAIT_COUNT
};

/* One for each invariant of check.h, in its order; then others, by the one they break. */
#define PLANT_MAP(X)                                                                     \
    X(PLANT_DUTY, "duty-cycle", "gateways repeat each frame, to many or to one")         \
    X(PLANT_PAYLOAD, "one-payload", "the server counts back: another frame, same FCnt")  \
    X(PLANT_FCNT, "fcnt-order", "the server holds a frame back behind later ones")       \
    X(PLANT_STORED, "stored-first", "the disk says yes and stores nothing")              \
    X(PLANT_WINDOW, "window", "the driver gives the engine no windows")                  \
    X(PLANT_UNCODED, "uncoded-first", "the driver hands over an uncoded fragment again") \
    X(PLANT_CODED, "coded-once", "the driver hands over a coded fragment again")         \
    X(PLANT_ACK, "setup-acked", "the server says yes for devices that say no")           \
    X(PLANT_IMAGE, "verified-image", "flash turns a bit of the received image")          \
    X(PLANT_OUTCOME, "one-outcome", "the driver stores another outcome afterwards")      \
    X(PLANT_SEQ, "seq-gapless", "the broker takes a result and forgets it")              \
    X(PLANT_RESULT, "results-told", "the driver does not say how a device ended")        \
    X(PLANT_END, "ends", "the daemon is never started again")                            \
    X(PLANT_DEADLINE, "deadline", "the driver gives the engine no deadline")             \
    X(PLANT_UNICAST, "unicast-alone", "gateways repeat what goes to one device only")

enum fault_plant {
    PLANT_NONE,
#define X(name, slug, text) name,
    PLANT_MAP(X)
#undef X
        PLANT_COUNT
};

/* "killed_at_effect"; "duty-cycle" and what it does. Never NULL. */
const char *fault_slug(enum fault_kind kind);
const char *plant_slug(enum fault_plant plant);
const char *plant_text(enum fault_plant plant);
/* That it breaks. */
enum check_invariant plant_breaks(enum fault_plant plant);
const char *trait_slug(enum fault_trait trait);
FUO_MUST_CHECK int plant_by_slug(const char *slug, enum fault_plant *plant);

enum {
    FAULTS_STACKS_MAX = 32,
};

/* Devices of one kind, see profile/shipped.h; "by-the-book": those without a quirk. */
struct faults_stack {
    const char *name; /* NULL: none */
    uint32_t devices;
    uint32_t updated;
};

struct faults_config {
    uint64_t seed;
    enum fault_plant plant;
    const char *folder; /* where the daemon's files go; NULL: a temporary one */
    bool verbose;       /* the daemon's log on standard error */
    /* Nothing goes wrong, but there is a minute a day to send: a campaign of months. */
    bool months;
};

struct faults_report {
    uint64_t seed;
    uint64_t faults[FAULT_KINDS];
    uint64_t traits[TRAIT_COUNT];
    uint64_t effects; /* carried out */
    uint64_t commits;
    uint64_t frames; /* down, on air */
    uint32_t starts; /* of the daemon */
    size_t devices;
    size_t gateways;
    size_t updated; /* devices that run the image */
    uint32_t outcomes[OUTCOME_COUNT];
    struct faults_stack stacks[FAULTS_STACKS_MAX];
    int64_t virtual_us;
    struct check_violation violation; /* text NULL: none */
};

/* FUO_OK, violated or not; else the run could not be made: a sentence is on stderr. */
FUO_MUST_CHECK int faults_run(const struct faults_config *config,
                              struct faults_report *report);
