/* SPDX-License-Identifier: MIT */
/*
 * internal.h - one run, and who does what in it; nobody outside src/faults includes it.
 *
 *   scenario.c  what the seed says: sizes, rates, dates
 *   files.c     the folder with the daemon's files
 *   system.c    what libraries take from the system: random bytes, writing to the disk
 *   run.c       time, the daemon's life
 *   operator.c  who applies the campaign, lets it go on, edits it, lets devices go again
 *   hooks.c     effects and commits: killed at them, shown to the check, plants
 *   broker.c    MQTT between the plugin and the server
 *   status.c    the broker of the status topics, and who listens there
 *   tap.c       the gateways' own topics
 *   api.c       HTTP between the plugin and the server
 *   world.c     gateways, devices, server, clocks
 */
#pragma once

#include "base/prng.h"
#include "faults/faults.h"
#include "fuota-sim/events.h"
#include "loop/virtual.h"
#include "sim/network.h"

enum {
    RUN_DEVICES_MAX = 20,
    RUN_PATH_SIZE = 256,
    RUN_PPM = 1000000,
    RUN_YAML_SIZE = 2048,
    RUN_VERSION_SIZE = 16,
    RUN_SIGNATURE_SIZE = 1024,
    RUN_SPANS_MAX = 512,
};

/* The DevAddr of device 0 in the simulated server. */
#define RUN_DEV_ADDR 0x26000000u

/* 2026-03-01T00:00:00Z: the day of the start. */
#define RUN_MARCH_US SECONDS_US(1772323200)

#define RUN_CAMPAIGN "faults"
#define RUN_APP      "5a1c0e1e-0000-4000-8000-000000000001"

/* What an edit may change. */
struct edition {
    uint32_t number; /* 0: as it was applied */
    int64_t window_offset_minutes;
    int64_t window_minutes;
    uint32_t duty_percent; /* of the budget; 0: not given */
    bool paused;
};

/* What the seed says. */
struct scenario {
    uint32_t rate_ppm[FAULT_KINDS]; /* of each chance there is; 0: never */
    int64_t every_us[FAULT_KINDS];  /* mean, of what comes by itself; 0: never */
    struct network_config network;
    const struct profile *kinds[RUN_DEVICES_MAX]; /* of each device, if not by the book */
    size_t image_len;
    int64_t apply_after_us;
    int64_t limit_us;  /* the campaign has ended by then */
    int32_t drift_ppm; /* of the daemon's clocks */
    const char *cooldown;
    bool status;           /* there is a broker for it */
    uint32_t window_count; /* a day; 0: always open */
    struct edition first;
    uint32_t pilot_percent; /* of the first of two waves; 0: those of the vocabulary */
    bool approval;          /* the second one waits for the operator */
    const char *on_failure; /* of the rollout */
    const char *radio;      /* more keys of the campaign's file */
    bool tap;               /* the gateways' topics are on the broker */
    bool version_given;     /* image.firmwareVersion; else it is agreed on */
    int64_t not_before_us;  /* behind the start; 0: none */
    int64_t deadline_us;    /* ... */
    enum spec_end_behavior end_behavior;
    uint32_t edits;   /* of the file, while the campaign runs */
    uint32_t retries; /* times that the operator lets devices go again */
};

/* Something on its way, in virtual time. */
enum parcel_kind {
    PARCEL_WAKE,      /* the host wants to deliver */
    PARCEL_PUBLISH,   /* a client's message reaches the broker */
    PARCEL_PUBLISHED, /* to the client: id, err */
    PARCEL_COMMAND,   /* to the server: topic, body */
    PARCEL_MESSAGE,   /* to the client: topic, body */
    PARCEL_CALL,      /* the current call reaches the server */
    PARCEL_ANSWER,    /* the answer to it reaches the client */
    PARCEL_STATUS,    /* a status message reaches the broker: topic, body, id */
    PARCEL_STATUS_ACK /* what became of it, to the client: id, err */
};

struct run;

struct parcel {
    struct sim_timer timer;
    struct parcel *next; /* list of all, to be freed at the end */
    struct parcel **link;
    struct run *run;
    enum parcel_kind kind;
    uint32_t boot; /* of the daemon it is for, or from */
    uint64_t id;
    int err;
    char *topic;   /* owned; of a call: the path */
    uint8_t *body; /* owned */
    size_t len;
    int http_status;
    char grpc_status[8];
    const char *grpc_message;
};

/* A call that waits for its turn: one at a time. */
struct call {
    struct call *next;
    uint64_t id;
    char *path;
    uint8_t *body;
    size_t len;
};

/* Things that come by themselves. */
enum self_kind {
    SELF_BROKER,
    SELF_API,
    SELF_SERVER,
    SELF_GATEWAY,
    SELF_CLOCK,
    SELF_REBOOT,
    SELF_SILENT,
    SELF_MOVE,
    SELF_DISK,
    SELF_COUNT,
};

struct self {
    struct sim_timer timer;
    struct run *run;
    enum self_kind kind;
    bool on;      /* it is happening */
    size_t which; /* gateway */
};

struct run {
    const struct faults_config *config;
    struct faults_report *report;
    struct scenario scenario;
    struct prng prng;       /* of faults */
    struct prng entropy;    /* what the daemon takes for random */
    struct prng event_prng; /* identifiers in the server's events */
    struct network network;
    struct sim_timers timers;
    struct clock_hands hands;
    struct utc start;
    struct utc now;     /* true time; the monotonic clock of the daemon */
    int64_t stepped_us; /* wall clock: set ahead by */
    char folder[RUN_PATH_SIZE];
    char config_file[RUN_PATH_SIZE];
    bool own_folder;
    uint8_t *image;
    char yaml[RUN_YAML_SIZE];
    char image_version[RUN_VERSION_SIZE];
    char signature[RUN_SIGNATURE_SIZE];
    struct edition edition;
    struct calendar_span spans[2][RUN_SPANS_MAX]; /* of the edition, and the one before */
    struct check_windows windows;                 /* of the edition */
    uint64_t dev_euis[RUN_DEVICES_MAX];
    struct check *check;

    struct host_carrier carrier;
    struct virtual_daemon *daemon; /* NULL: not running */
    uint32_t boot;
    int files_err; /* what the daemon has against its files; FUO_OK: nothing */
    bool applied;  /* the campaign is on disk */
    uint32_t apply_tries;
    bool never_again;     /* a plant */
    struct effects batch; /* that is on its way to the disk */
    bool batch_forged;    /* a plant: it is not stored */
    struct sim_timer start_timer;
    struct sim_timer disk_timer;
    struct sim_timer retry_timer;
    struct sim_timer look_timer; /* at the clock, after a step */
    struct sim_timer apply_timer;
    struct sim_timer operator_timer;
    struct sim_timer edit_timer;
    enum { EDIT_NONE, EDIT_TOLD, EDIT_TAKEN } edit; /* what is under way */
    uint32_t edits_left;
    uint32_t retries_left;
    struct sim_timer windows_timer;

    struct parcel *parcels;
    struct status_carrier status_carrier;
    struct sim_timer status_timer; /* connects again */
    struct utc status_last;        /* when the message sent last gets there */
    bool status_up;
    bool woken;         /* a PARCEL_WAKE is on its way */
    struct call *calls; /* the first is being made */
    bool calling;
    struct self selves[SELF_COUNT];
    bool broker_away;
    bool api_away;
    bool server_away;
    bool touched[RUN_DEVICES_MAX]; /* got a downlink just now */

    /* plants */
    struct effect planted; /* the fragment to hand over again */
    bool planted_set;
    uint16_t planted_n; /* the first coded fragment */
    bool planted_done;
    struct member_rec planted_member;
};

/* ---- scenario.c ---- */
void scenario_draw(struct scenario *s, uint64_t seed, enum fault_plant plant);
/* Without faults, and with windows so short that it takes months. */
void scenario_stretch(struct scenario *s);
/* Some device announces no image: it has to be known what it will run. */
bool scenario_needs_version(const struct scenario *s);
void scenario_traits(const struct scenario *s, uint64_t traits[static TRAIT_COUNT]);

/* ---- files.c ---- */
FUO_MUST_CHECK int files_make(struct run *r);
void files_write_campaign(struct run *r); /* the edition */
void files_remove(struct run *r);

/* ---- system.c ---- */
enum disk_state { DISK_FINE, DISK_FULL, DISK_BROKEN };
FUO_MUST_CHECK int system_take(struct prng *entropy); /* for the whole process */
void system_disk(enum disk_state state);
int system_nowhere(void); /* a descriptor that swallows what is written */

/* ---- run.c ---- */
bool run_fault(struct run *r, enum fault_kind kind); /* draws, and counts */
bool run_is_calm(const struct run *r);               /* faults are over */
void run_count(struct run *r, enum fault_kind kind);
int64_t run_between_us(struct run *r, int64_t least_us, int64_t most_us);
/* After anything that the daemon did: bury it if it died, wait for its disk. */
void run_look(struct run *r);
void run_set_clock(struct run *r);
void run_abort_if_no_memory(void *p);

/* ---- operator.c ---- */
void operator_start(struct run *r);
/* The campaign has ended: true if that is not the end, as devices go again. */
bool operator_goes_on(struct run *r);
void operator_make_spans(struct run *r); /* of the edition */
/* Minutes of the day, UTC. */
int64_t edition_window_start(const struct run *r, uint32_t i);

/* ---- tap.c ---- */
void tap_on_gateway(void *ctx, const struct cs_gateway_frame *frame);

/* ---- hooks.c ---- */
extern const struct virtual_hooks run_hooks;
void run_on_disk(struct run *r); /* the batch is */

/* ---- broker.c, api.c ---- */
extern const struct host_carrier run_carrier; /* arg is to be set */
struct parcel *parcel_send(struct run *r, enum parcel_kind kind, int64_t delay_us);
void parcel_fill(struct parcel *p, const char *topic, const void *bytes, size_t len);
void parcel_free(struct parcel *p);
void broker_publish_event(struct run *r, const struct cs_event *event);
/* On its way to the client, but that it may be lost. */
void broker_send(struct run *r, const char *topic, const void *bytes, size_t len,
                 int64_t delay_us);
int64_t broker_transit_us(struct run *r);
void broker_take(struct run *r, struct parcel *p);
int broker_publish(void *arg, const struct mqtt_publish *publish);
int api_http(void *arg, uint64_t id, const struct fuo_http_request *request);
void api_take(struct run *r, struct parcel *p);
void api_forget(struct run *r); /* the client is gone */

/* ---- status.c ---- */
void status_open(struct run *r); /* once */
/* The daemon was started; its connection breaks, or it died. */
void status_started(struct run *r);
void status_break(struct run *r);
void status_take(struct run *r, struct parcel *p);

/* ---- world.c ---- */
extern const struct network_sink world_sink;
void world_start(struct run *r);
void world_touched(struct run *r); /* devices that got something: late, twice */
