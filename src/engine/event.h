/* SPDX-License-Identifier: MIT */
/*
 * event.h - what happens to the engine.
 *
 * The driver stamps every event with both clocks. Pointers are borrowed for the step. An
 * event for something the engine no longer knows is ignored: answers may come late or twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "campaign/calendar.h"
#include "campaign/record.h"
#include "campaign/spec.h"

enum engine_event_type {
    ENGINE_EV_TIMEOUT = 1, /* engine_deadline() is reached, or may be */
    ENGINE_EV_CLOCK_STEP,  /* the wall clock was set: step.delta_us */
    ENGINE_EV_APPLY,       /* a verified campaign is to run */
    ENGINE_EV_CONTROL,     /* pause, resume, abort, approve */
    ENGINE_EV_UPLINK,
    ENGINE_EV_SEND_RESULT, /* answer to EFFECT_SEND: the server took it, or why not; and to
                              EFFECT_ORDER: the device did */
    ENGINE_EV_SEND_FATE,   /* later: what became of it */
    ENGINE_EV_MC_KEY,      /* answer to EFFECT_NEW_KEY */
    ENGINE_EV_KEY_WRAPPED, /* answer to EFFECT_WRAP_KEY */
    ENGINE_EV_BLOCK_MIC,   /* answer to EFFECT_BLOCK_MIC */
    ENGINE_EV_GROUP,       /* answer to EFFECT_GROUP_OPEN and EFFECT_GROUP_CLOSE */
    ENGINE_EV_MC_RESULT,   /* answer to EFFECT_SEND_MULTICAST and EFFECT_QUEUE_FLUSH */
    ENGINE_EV_MC_QUEUE,    /* answer to EFFECT_QUEUE_POLL */
    ENGINE_EV_STATUS,      /* a device told how well it hears: DevStatusAns */
    ENGINE_EV_WINDOWS,     /* when the campaign may send */
    ENGINE_EV_REPORTED,    /* a device told its State and so on in LwM2M */
    ENGINE_EV_RETRY,       /* devices of a campaign that have ended go again */
    ENGINE_EV_AIRED,       /* a gateway told what it made of a frame */
    ENGINE_EV_GATEWAY,     /* a gateway has its server, or has lost it */
    ENGINE_EV_PROGRESS,    /* how much of its image a device has */
    ENGINE_EV_AIRTIME,     /* how much a gateway has sent, for whomever */
};

enum engine_control {
    ENGINE_PAUSE = 1,
    ENGINE_RESUME,
    ENGINE_ABORT,
    ENGINE_APPROVE, /* control.wave */
    ENGINE_INSTALL, /* control.wave: its devices may install, now and later */
};

/* Approve the wave that waits, and whatever gate holds the campaign; INSTALL: that is on. */
#define ENGINE_WAVE_NEXT UINT8_MAX

enum engine_fate {
    ENGINE_FATE_SENT = 1,
    ENGINE_FATE_EXPIRED,
    ENGINE_FATE_REFUSED,
};

enum engine_aired {
    ENGINE_AIRED_SENT = 1,
    ENGINE_AIRED_REFUSED,
    ENGINE_AIRED_NO_BUDGET,
    ENGINE_AIRED_NO_TIME,
};

enum {
    ENGINE_RX_MAX = 16,
    ENGINE_DR_UNKNOWN = 0xff,
    ENGINE_WINDOWS_MAX = 1024,
};

/*
 * When a campaign may send, until `until`: nothing is known of later, so it is closed then
 * until others are given, in good time, which replace these. Frames and polls lie in
 * windows; set-ups and questions to single devices are not bound to them. Without this, and
 * with spans NULL, it may always send; spans but none of them: never. They are copied, the
 * first ENGINE_WINDOWS_MAX of them.
 */
struct engine_windows {
    uint32_t campaign_id;
    const struct calendar_span *spans; /* ascending by start */
    size_t count;
    struct utc until; /* UTC_NEVER: they are all there are */
};

struct engine_rx {
    uint64_t gateway;
    int16_t snr_cdb;
};

/* spec->image.deltas[i], verified; where the format is known it makes the image out of its
 * base. */
struct engine_delta {
    const uint8_t *bytes;
    size_t len;
    bool from_known; /* how devices say what it is for: else they are asked by the text */
    uint32_t from_firmware; /* as TS006 reports it */
};

/*
 * What ENGINE_EV_APPLY and engine_restore_campaign() need. spec, image and deltas live until
 * the campaign is dropped with engine_forget(); the device list is copied.
 */
struct engine_campaign {
    uint32_t id; /* unique for good, given by the driver */
    const struct campaign_spec *spec;
    const uint8_t *image; /* verified */
    size_t image_len;
    const struct engine_delta *deltas; /* as many as spec has; NULL with no image */
    size_t delta_count;
    /* Selected DevEUIs, known to the engine, ascending; of one fleet or several. */
    const uint64_t *devices;
    size_t device_count;
    struct utc not_before; /* nothing is sent earlier */
    struct utc deadline;   /* then spec->schedule.end_behavior applies; 0: none */
    /* Of each device the wave of spec->rollout.waves that it is in, or WAVE_NOWHERE. NULL,
     * or no waves in spec: all at once, without gates. Copied; not needed to restore. */
    const uint8_t *waves;
};

/* What a device said in LwM2M, a part of it or all. */
struct engine_report {
    uint64_t dev_eui;
    struct fw_report fw;                       /* /5/0/3 and /5/0/5 */
    char package_version[RECORD_REPORT_SIZE];  /* /5/0/7; empty: it did not say */
    char firmware_version[RECORD_REPORT_SIZE]; /* /3/0/3, the one that runs */
    bool whole; /* all of it was asked for together; what lacks it does not have */
    bool has_battery;
    uint8_t battery_percent; /* /3/0/9 */
};

struct engine_event {
    enum engine_event_type type;
    struct instant now; /* both set by the driver */
    struct utc utc;
    union {
        struct {
            int64_t delta_us;
        } step;
        struct engine_campaign apply;
        struct engine_windows windows;
        struct {
            uint32_t campaign_id;
            enum engine_control verb;
            const char *reason; /* shown to people; may be NULL */
            uint8_t wave;       /* APPROVE, INSTALL: its number, or ENGINE_WAVE_NEXT */
        } control;
        struct {
            uint64_t dev_eui;
            struct utc received;
            const uint8_t *payload;
            size_t payload_len;
            const struct engine_rx *rx;
            size_t rx_count;
            uint32_t f_cnt;        /* if it is not above the last one it says nothing */
            uint32_t frequency_hz; /* 0: unknown */
            uint8_t dr;            /* ENGINE_DR_UNKNOWN */
            uint8_t fport;
            bool server_clock; /* its server answers what it asks by TS003 */
        } uplink;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            int err;
        } send_result;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            enum engine_fate fate;
            uint64_t gateway;      /* that sent it; 0: unknown */
            uint32_t frequency_hz; /* 0: unknown */
            uint8_t dr;            /* ENGINE_DR_UNKNOWN */
            bool aired;            /* ENGINE_EV_AIRED has told of its airtime */
        } send_fate;
        struct {
            uint32_t transmission_id;
            uint32_t mc_addr;
        } mc_key;
        struct {
            uint32_t transmission_id;
            uint64_t dev_eui;
            int err; /* FUO_ENOENT: no root key is known for the device */
            uint8_t wrapped[16];
        } key_wrapped;
        struct {
            uint32_t transmission_id;
            uint64_t dev_eui;
            int err;
            uint8_t mic[4];
        } block_mic;
        struct {
            uint32_t transmission_id;
            uint8_t lane;
            int err;
            const char *group; /* NULL after a close */
            uint32_t f_cnt;
        } group;
        struct {
            uint32_t transmission_id;
            uint8_t lane;
            int err; /* FUO_ETIMEDOUT: it may have been taken */
            uint32_t f_cnt;
        } mc_result;
        struct {
            uint32_t transmission_id;
            uint8_t lane;
            int err;
            uint32_t frame_count; /* still queued */
            uint32_t f_cnt;
        } mc_queue;
        struct {
            uint64_t dev_eui;
            int8_t margin_db;
            bool has_battery;
            uint8_t battery_percent;
        } status;
        struct engine_report reported;
        struct {
            uint32_t campaign_id;
            const uint64_t *devices; /* those that cannot are passed over */
            size_t count;
        } retry;
        struct {
            uint32_t fleet_id;
            uint32_t address; /* DevAddr or McAddr; 0: no data frame */
            uint64_t gateway;
            uint32_t frequency_hz;
            uint16_t f_cnt;
            uint8_t dr; /* ENGINE_DR_UNKNOWN */
            uint8_t phy_len;
            enum engine_aired status;
        } aired;
        struct {
            uint32_t fleet_id;
            uint64_t gateway;
            bool online;
        } gateway;
        struct {
            uint64_t dev_eui;
            uint32_t ppm;
            uint32_t mark; /* kept for ORDER_DELIVER; 0: as before */
        } progress;
        struct {
            uint32_t fleet_id;
            uint64_t gateway;
            uint32_t min_hz; /* of the sub-band */
            uint32_t max_hz;
            uint32_t used_ppm; /* of the hour that ends now */
        } airtime;
    };
};
