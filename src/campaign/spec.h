/* SPDX-License-Identifier: MIT */
/*
 * spec.h - what an operator asked for: Campaign and Fleet as plain values.
 *
 * Decoded from YAML by src/config (which owns the strings and lists pointed to here) and
 * never changed afterwards. Defaults and ranges stand in the option tables of src/config;
 * the keys are those of the vocabulary. Shares are in ppm, durations in microseconds,
 * sizes in bytes. A pointer may be NULL where the comment says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
    SPEC_NAME_SIZE = 64, /* a DNS label and its NUL */
    SPEC_VERSION_SIZE = 64,
    SPEC_PPM = 1000000, /* 100 % */
};

#define SPEC_AUTO_U32 UINT32_MAX /* "auto" or "none" or "any" of a u32 */
#define SPEC_NONE_US  INT64_MAX  /* "none" of a duration */
#define SPEC_AUTO_US  (-1)       /* "auto" of a duration */

struct str_list {
    const char *const *items;
    size_t count;
};

struct u32_list {
    const uint32_t *items;
    size_t count; /* 0: any */
};

struct eui_list {
    const uint64_t *items;
    size_t count;
};

struct spec_label {
    const char *key;
    const char *value;
};

enum spec_operator {
    SPEC_OP_IN,
    SPEC_OP_NOT_IN,
    SPEC_OP_EXISTS,
    SPEC_OP_DOES_NOT_EXIST,
};

struct spec_expression {
    const char *key;
    enum spec_operator op;
    struct str_list values;
};

/* Labels and expressions are AND-ed; an empty match selects everything. */
struct spec_match {
    const struct spec_label *labels;
    size_t label_count;
    const struct spec_expression *expressions;
    size_t expression_count;
};

enum spec_image_format { SPEC_IMAGE_RAW, SPEC_IMAGE_MCUBOOT, SPEC_IMAGE_DATA };
enum spec_delta_format { SPEC_DELTA_OPAQUE, SPEC_DELTA_BSDIFF };

struct spec_delta {
    const char *from;
    const char *file;
    struct str_list signatures;
    enum spec_delta_format format;
};

struct spec_image {
    const char *file; /* relative to the campaign file */
    const char *version;
    struct str_list signatures;
    enum spec_image_format format;
    uint32_t firmware_version; /* SPEC_AUTO_U32: auto */
    struct u32_list hardware_versions;
    const struct spec_delta *deltas;
    size_t delta_count;
};

enum spec_unknown { SPEC_ALLOW, SPEC_SKIP };

struct spec_preconditions {
    struct str_list running_versions; /* empty: any */
    int64_t max_uplink_age_us;
    uint32_t battery_min_ppm;
    enum spec_unknown battery_unknown;
    int32_t link_margin_cdb;
    enum spec_unknown maintenance;
};

struct spec_targets {
    struct str_list fleets;
    struct spec_match match;
    struct eui_list devices;  /* added */
    const char *devices_file; /* NULL: none */
    struct eui_list exclude_devices;
    const char *exclude_devices_file; /* NULL: none */
    uint32_t limit;                   /* SPEC_AUTO_U32: none */
    struct spec_preconditions preconditions;
};

enum spec_end_behavior { SPEC_END_DRAIN, SPEC_END_STOP, SPEC_END_ABORT };

struct spec_window {
    uint8_t day_mask; /* bit 0 Monday */
    uint16_t start_minute;
    uint16_t end_minute; /* not after start: ends on the next day */
};

struct spec_blackout {
    const char *from; /* local date or time; NULL when window is set */
    const char *to;
    const char *window; /* name of a Window; NULL when from and to are set */
};

struct spec_schedule {
    const char *timezone;
    const char *not_before; /* local text, NULL: none */
    const char *deadline;   /* local text, NULL: none */
    enum spec_end_behavior end_behavior;
    const struct spec_window *windows;
    size_t window_count; /* 0: always */
    const struct spec_blackout *blackouts;
    size_t blackout_count;
};

enum spec_transport {
    SPEC_TRANSPORT_AUTO,
    SPEC_TRANSPORT_MULTICAST,
    SPEC_TRANSPORT_UNICAST
};

struct spec_radio {
    enum spec_transport transport;
    char device_class; /* 'C' or 'B' */
    uint8_t ping_slot_periodicity;
    uint32_t dr;              /* SPEC_AUTO_U32: auto */
    uint32_t frequency_hz;    /* SPEC_AUTO_U32: auto */
    struct eui_list gateways; /* empty: auto */
    int64_t spacing_us;       /* SPEC_AUTO_US */
    int64_t setup_lead_us;    /* SPEC_AUTO_US */
};

/* Sessions in ping slots of class B. */
static inline bool spec_is_class_b(const struct spec_radio *radio)
{
    return radio->device_class == 'B';
}

/* Class B: 128 s of GPS time have 2^(7-n) ping slots (LoRaWAN L2 1.0.4, 13.1). */
static inline int64_t spec_ping_period_us(const struct spec_radio *radio)
{
    return SECONDS_US(1) << radio->ping_slot_periodicity;
}

/* SessionTimeOut n is 2^n of them: TS005, McClassCSessionReq and McClassBSessionReq. */
static inline int64_t spec_session_unit_us(const struct spec_radio *radio)
{
    return SECONDS_US(spec_is_class_b(radio) ? 128 : 1);
}

struct spec_fragmentation {
    uint32_t size_bytes;     /* SPEC_AUTO_U32: auto */
    uint32_t redundancy_ppm; /* SPEC_AUTO_U32: adaptive */
    uint32_t max_redundancy_ppm;
    uint32_t repair_rounds;
    uint8_t descriptor[4];
    uint32_t block_ack_delay; /* SPEC_AUTO_U32: auto */
};

struct spec_budgets {
    uint32_t duty_cycle_ppm;     /* share of the legal limit for all campaigns together */
    int64_t device_listening_us; /* SPEC_NONE_US */
    uint32_t device_energy_mj;   /* SPEC_AUTO_U32: none */
    int64_t airtime_us;          /* SPEC_NONE_US */
    int64_t duration_us;         /* SPEC_NONE_US */
};

/* "10" or "10%": one of the two, the other is 0. */
struct spec_amount {
    uint32_t count;
    uint32_t ppm;
};

struct spec_wave {
    const char *name;
    struct spec_amount size;
    uint32_t min;
    struct spec_match select;
    struct str_list spread;
    uint32_t success_ppm;
    uint32_t abort_failed_ppm;
    uint32_t abort_attempted;
    int64_t soak_us;
    bool approval_required;
};

enum spec_on_failure { SPEC_FAIL_PAUSE, SPEC_FAIL_ABORT, SPEC_FAIL_CONTINUE };

struct spec_rollout {
    const struct spec_wave *waves;
    size_t wave_count;
    bool waves_given; /* false: the default waves of the vocabulary */
    const char *seed; /* NULL: auto */
    enum spec_on_failure on_failure;
    bool unknown_counts_as_failed;
};

struct spec_retry {
    uint32_t command;
    uint32_t session;
    uint32_t device;
    int64_t cooldown_us;
};

/* Stands for firmwareVersion in activation.command.data. */
#define SPEC_VERSION_WORD "${version_u32_le}"

enum spec_activation {
    SPEC_ACTIVATE_IMMEDIATE,
    SPEC_ACTIVATE_SCHEDULED,
    SPEC_ACTIVATE_MANUAL
};

struct spec_activate {
    enum spec_activation mode;
    int64_t jitter_us;
    uint32_t command_fport;   /* 0: no vendor command */
    const char *command_data; /* hex with ${version_u32_le}; NULL: none */
};

struct spec_verification {
    int64_t within_us;
    bool require_version;
    bool require_uplinks;
    uint32_t uplinks;
};

struct campaign_spec {
    char name[SPEC_NAME_SIZE];
    const struct spec_label *labels;
    size_t label_count;
    bool paused;
    uint32_t priority;
    struct spec_image image;
    struct spec_targets targets;
    struct spec_schedule schedule;
    struct spec_radio radio;
    struct spec_fragmentation fragmentation;
    struct spec_budgets budgets;
    struct spec_rollout rollout;
    struct spec_retry retry;
    struct spec_activate activation;
    struct spec_verification verification;
};

/* Whether devices install what they get; else it is data, and delivered is all. */
static inline bool spec_installs(const struct campaign_spec *spec)
{
    return spec->image.format != SPEC_IMAGE_DATA;
}

/* ... and whether what a device runs is of interest before. */
static inline bool spec_asks_version(const struct campaign_spec *spec)
{
    return spec_installs(spec) || spec->targets.preconditions.running_versions.count > 0;
}

enum spec_duty_model { SPEC_DUTY_SLIDING_HOUR, SPEC_DUTY_OFF_TIME };

/* What the engine knows of a Fleet; servers, credentials and inventory stay outside. */
struct fleet_spec {
    char name[SPEC_NAME_SIZE];
    const char *region;       /* "EU868" */
    struct eui_list gateways; /* empty: auto, learned from uplinks */
    enum spec_duty_model duty_model;
    uint32_t reserve_ppm; /* of the legal limit, for traffic fuotad does not see */
    const char *default_profile;
    const char *version_decoder; /* JSON pointer, NULL: none */
};
