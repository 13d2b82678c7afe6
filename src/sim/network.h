/* SPDX-License-Identifier: MIT */
/*
 * network.h - the whole simulated network: devices (device.h), gateways and channel
 * (radio.h), server (chirpstack.h, seen through tts.h if asked for), on one heap of timers. Time and calls of the
 * application come in; frames on air, events and installed images go out through a sink.
 *
 * The same seed and the same calls at the same times give the same run. Virtual time only;
 * the one thing that belongs to the wall is the server's reply window: the owner gives its
 * length in virtual time, and network_run() is told how far the wall has come, so that a
 * simulator that runs late does not cut the window short.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sim/airlog.h"
#include "sim/chirpstack.h"
#include "sim/device.h"
#include "sim/radio.h"
#include "sim/timers.h"
#include "sim/tts.h"

/* Which versions of TS003, TS004 and TS005 the devices run. */
/* The first DevEUI, if none is given. */
#define NETWORK_DEV_EUI_BASE UINT64_C(0x70b3d57ed0060001)

enum network_packages {
    NETWORK_PACKAGES_V1,
    NETWORK_PACKAGES_V2,
    NETWORK_PACKAGES_MIXED, /* every other device */
};

/* Whom an application takes the server for. */
enum network_dialect {
    NETWORK_DIALECT_CHIRPSTACK,
    NETWORK_DIALECT_TTS,
    NETWORK_DIALECT_GATEWAY, /* there is none: gateways and devices for one elsewhere */
};

struct network_config {
    struct utc start;
    enum network_dialect dialect;
    const struct region *region;
    size_t device_count;
    uint64_t first_dev_eui; /* the others count up from it; 0: 70b3d57ed0060001 */
    size_t gateway_count;
    enum network_packages packages;
    /* Of the devices, in turn; each brings its own versions. NULL: none of them. */
    const struct profile *const *profiles;
    size_t profile_count;
    uint64_t seed;
    uint32_t refuse_ppm; /* of multicast frames, by their gateways */
    uint32_t loss_ppm;   /* of downlink receptions; half of it for uplinks */
    bool half_duplex;
    int capture_db; /* see radio.h; 0: gateways never disturb one another */
    int64_t uplink_interval_us;
    int64_t margin_us;
    int64_t reply_window_us; /* 100 ms of wall time, in virtual time */
    char application_id[CS_ID_SIZE];
    bool server_clock; /* the server answers AppTimeReq itself */
    bool class_c;      /* ... and takes devices for ones of class C: chirpstack.h */
    bool clocks_wrong; /* at boot: uptime only, another epoch, or off by days */
    uint8_t uplink_dr;
    bool keeps_groups; /* of all devices, see device_config; and so the next ones */
    uint8_t lwm2m_fport;
    uint8_t vendor_fport;                 /* they have no TS006 then */
    uint32_t genuine[DEVICE_GENUINE_MAX]; /* the same */
    size_t genuine_count;
    size_t altered_count; /* of the first devices, see device_config.altered */
};

/* Called from network_run() and the server's functions; they only take note. */
struct network_sink {
    void (*frame)(void *ctx, const struct air_frame *frame);
    void (*event)(void *ctx, const struct cs_event *event); /* ChirpStack's */
    void (*installed)(void *ctx, const struct device *device);
    /* ChirpStack's gateway topics: a frame with its answer, and what it tells now and then. */
    void (*gateway)(void *ctx, const struct cs_gateway_frame *frame);
    void (*gateway_stats)(void *ctx, size_t gateway, struct utc now);
    void (*tts_event)(void *ctx, const struct tts_event *event); /* TTS: never NULL */
    /* GATEWAY, never NULL: what gateways heard, at the end of the frame. */
    void (*uplink)(void *ctx, const struct cs_uplink *uplink, struct utc now);
};

struct network {
    struct network_config config;
    const struct network_sink *sink; /* borrowed; members may be NULL */
    void *ctx;
    struct sim_timers timers;
    struct sim_radio radio;
    struct cs cs;
    struct tts tts;           /* NETWORK_DIALECT_TTS; else zeroed */
    struct station *stations; /* device_count */
    uint64_t *gateway_euis;
    uint64_t *received; /* scratch for one frame */
    uint64_t *missed;
    size_t *others;
    struct utc wall; /* how far the wall has come, in virtual time */
    struct flight *flights;
    struct prng refusals;
    struct sim_timer stats;
};

/* FUO_ERANGE or FUO_ENOMEM; then nothing is to be freed. network must not be moved. */
FUO_MUST_CHECK int network_init(struct network *network,
                                const struct network_config *config,
                                const struct network_sink *sink, void *ctx);
void network_free(struct network *network);

/* When network_run() is wanted next. */
struct utc network_deadline(const struct network *network);

/* Everything up to `now`. Call it before any call to the server, too. */
void network_run(struct network *network, struct utc now);

/*
 * Somebody gave a gateway a frame, past the server or because there is none: with a time on
 * air, or (GATEWAY) at once. What the gateway answers; TX_NO_ACK: it is away, or there is none
 * of that number.
 *
 * GATEWAY: devices hear it that are in a class C session on its channel, or open a receive
 * window at the very moment; whether it is for them is theirs to find out.
 */
enum tx_status network_order(struct network *network, const struct cs_tx *tx,
                             struct utc now);

size_t network_device_count(const struct network *network);
const struct device *network_device(const struct network *network, size_t index);
