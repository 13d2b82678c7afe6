/* SPDX-License-Identifier: MIT */
/*
 * device.h - a simulated LoRaWAN 1.0.x class A device that can be updated over the air.
 *
 * It joins (OTAA), sends application uplinks, and runs TS003, TS004, TS005, TS006 and TS007
 * with real keys, real frames and the real decoder, as the LoRa Basics Modem does where it
 * keeps to the specifications (lorawan.md 2 to 6), or with the quirks of a profile (13). Frames in, frames out: the network
 * (network.h) carries them and tells when the receive windows are over.
 *
 * Choices that a specification leaves open:
 *  - firmware version: CRC-32 (IEEE) of the image, so that all devices with one image agree;
 *    DevUpgradeImageAns announces it, DevVersionAns tells it after the reboot;
 *  - lost at a reboot: session, multicast groups, fragmentation session, clock. Kept: the
 *    running firmware, the received block, SessionCntPrev, DevNonce;
 *  - a block is installed only if DevUpgradeImageReq found it valid before the reboot;
 *  - a block that is a patch of bsdiff 4 is applied to the running firmware; if that does not
 *    make a genuine image, DevUpgradeImageAns says that the image is corrupt;
 *  - without a clock TimeToStart is FFFFFF, and the session starts when the clock is set.
 *
 * No clock, no I/O; seeded. All times are true UTC; the device's own clock is derived.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/time.h"
#include "codec/frag.h"
#include "codec/mcast.h"
#include "codec/mpa.h"
#include "codec/package.h"
#include "crypto/frame.h"
#include "crypto/keys.h"
#include "fec/decode.h"
#include "fuotad/error.h"
#include "profile/profile.h"
#include "radio/region.h"
#include "sim/timers.h"

enum {
    DEVICE_OUTBOX_MAX = 8,
    DEVICE_MESSAGE_MAX = 132, /* the answer buffer of TS007 and its token */
    DEVICE_APP_FPORT = 2,
};

enum {
    DEVICE_GENUINE_MAX = 4,
    DEVICE_IMAGE_MAX = 16 << 20,
};

struct device_config {
    uint64_t dev_eui;
    uint64_t join_eui;
    struct aes_key app_key;
    struct aes_key gen_app_key;
    const struct region *region;
    struct pkg_versions versions;  /* 0: the package is absent */
    const struct profile *profile; /* how it breaks the rules; NULL: as said above */
    struct utc power_on;
    int64_t uplink_interval_us;
    int64_t clock_boot_gps_s; /* what its clock shows at boot, plus uptime */
    int32_t clock_drift_ppm;
    uint8_t uplink_dr;
    uint32_t hardware_version;
    uint16_t frag_count_max;
    uint16_t lost_max; /* rows its matrix has room for */
    uint8_t frag_size_max;
    uint64_t seed;
    uint32_t genuine[DEVICE_GENUINE_MAX]; /* versions that a patch may lead to ... */
    size_t genuine_count;                 /* ... 0: to any */
    bool altered;      /* its firmware is not quite what was installed */
    bool keeps_groups; /* its multicast groups are where a reboot leaves them */
    /* Its readings go there, as LwM2M TLV: /5/0/3, /5/0/5 and /3/0/3; 0: they do not. */
    uint8_t lwm2m_fport;
    /* It has a vendor's command there, AA and the version to install, and tells the one that
     * runs in its readings; 0: neither. */
    uint8_t vendor_fport;
};

/* A message on its way out. Some are only filled in when they are sent. */
enum device_outbox_kind {
    OUTBOX_BYTES,
    OUTBOX_APP_TIME,       /* AppTimeReq: carries the time of transmission */
    OUTBOX_FRAG_STATUS,    /* FragSessionStatusAns */
    OUTBOX_BLOCK_RECEIVED, /* FragDataBlockReceivedReq */
    OUTBOX_EMPTY,          /* no payload: opens a receive window */
};

struct device_message {
    enum device_outbox_kind kind;
    struct utc due;
    uint8_t fport;
    uint8_t frag_index;
    uint8_t len;
    uint8_t bytes[DEVICE_MESSAGE_MAX];
};

enum mc_session_state {
    MC_SESSION_NONE,
    MC_SESSION_WAITING, /* for its start, or for a clock */
    MC_SESSION_RUNNING,
};

struct device_group {
    bool defined;
    uint32_t addr;
    struct session_keys keys;
    uint32_t next_fcnt; /* the least acceptable */
    uint32_t min_fcnt;  /* as it was set up */
    uint32_t max_fcnt;
    bool heard; /* a frame, whose counter the next ones follow */
    enum mc_session_state state;
    struct gps session_time;
    struct utc started; /* while running */
    uint8_t timeout_exp;
    uint8_t dr;
    uint32_t frequency_hz;
    bool class_b; /* it listens in ping slots only */
    uint8_t periodicity_exp;
};

/* The one fragmentation session and its decoder. */
struct device_block {
    bool active;
    bool complete;
    bool mic_error;
    bool cnt_stored; /* SessionCntPrev was written at the first fragment */
    bool ack_pending;
    uint8_t acks_sent;
    bool stalled;  /* it is never called complete */
    bool corrupt;  /* the block is not what was sent, and only its signature tells */
    bool no_image; /* the block was a patch that made none */
    struct frag_setup_req setup;
    struct fec_decoder decoder;
    uint8_t *block;          /* owned */
    uint8_t *late;           /* owned: uncoded ones behind coded ones, a byte each */
    void *workspace;         /* owned */
    uint32_t fragment_count; /* all that were for it */
};

/* Bytes of an image; owned. */
struct device_image {
    uint8_t *bytes;
    size_t len;
    uint32_t version;
};

struct device_transmission {
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    size_t len;
    uint32_t frequency_hz;
    uint8_t dr;
};

struct device;

/* What happens to the world. Called from device_*() and its timer. */
struct device_ops {
    /* The device transmits now. device_transmitted() follows, then device_windows_over(). */
    void (*transmit)(void *ctx, struct device *device,
                     const struct device_transmission *transmission, struct utc now);
    /* It runs another image since its reboot: device->running. */
    void (*installed)(void *ctx, struct device *device, struct utc now);
};

struct device {
    struct device_config config;
    const struct device_ops *ops;
    void *ctx;
    struct sim_timers *timers; /* borrowed */
    struct sim_timer timer;
    struct prng prng;
    size_t index; /* for the owner */

    bool on;
    bool joined;
    bool busy; /* transmitting, or waiting for its receive windows */
    struct utc tx_start;
    struct utc tx_end;
    uint16_t dev_nonce;
    int join_tries;
    uint32_t dev_addr;
    uint8_t rx1_delay_s;
    struct session_keys keys;
    uint32_t fcnt_up;
    uint32_t next_fcnt_down;
    bool ack_due; /* the last downlink was confirmed */
    struct utc next_uplink;
    struct utc quiet_until; /* spacing between uplinks */
    uint32_t reading;

    struct device_message outbox[DEVICE_OUTBOX_MAX];
    size_t outbox_len;

    struct utc booted;
    bool clock_set;
    int64_t clock_correction_s;
    uint8_t clock_token;
    uint8_t clock_requests_left; /* of a forced resync */
    bool clock_asked;            /* awaits its answer */
    int64_t clock_period_us;
    struct utc clock_due;

    struct device_group groups[MC_GROUP_COUNT_MAX];
    struct device_block frag;
    bool error_kept;         /* "no matrix memory", where that is never cleared */
    uint16_t stale_received; /* counts of the session that was, as a status has them */
    uint8_t stale_missing;
    int32_t session_cnt_prev[FRAG_INDEX_MAX + 1]; /* -1: none yet */

    struct device_image running;
    struct device_image received; /* bytes NULL: none */
    bool upgrade_requested;
    struct utc reboot_at;
    struct utc rx1_at; /* of the last transmission; UTC_NEVER before it */

    uint8_t mpa_answers[MPA_BUFFER_BYTES]; /* the answer buffer of TS007 */
    uint8_t mpa_answers_len;
    uint8_t mpa_token;

    uint32_t transmission_count;
    uint32_t install_count;
};

/* Sets the timer for power_on. */
FUO_MUST_CHECK int device_init(struct device *device, const struct device_config *config,
                               const struct device_ops *ops, void *ctx,
                               struct sim_timers *timers);
/* Take a copy of `firmware` as the running image, before power_on. */
FUO_MUST_CHECK int device_flash(struct device *device, const uint8_t *firmware,
                                size_t len);
void device_free(struct device *device);

/* Its transmission is on air no longer. */
void device_transmitted(struct device *device, struct utc now);

/* Both receive windows are over. */
void device_windows_over(struct device *device, struct utc now);

/* A frame was received well, in a receive window or in a multicast session. */
void device_received(struct device *device, const uint8_t *phy, size_t len,
                     struct utc now);

/* Whether it is in a class C session on that channel; its own transmissions aside. */
bool device_listens(const struct device *device, uint32_t frequency_hz, uint8_t dr);
/* ... and whether its receiver is on when a frame begins: in class B in its ping slots. */
bool device_is_open(const struct device *device, struct utc start);

/* Whether it was transmitting or opening RX1 or RX2 in that time. */
bool device_was_deaf(const struct device *device, struct utc from, struct utc to);

/* What its clock shows: GPS time in microseconds, not reduced. */
int64_t device_clock_us(const struct device *device, struct utc now);

/* CRC-32 (IEEE 802.3) of an image: its firmware version. */
uint32_t device_firmware_version(const uint8_t *image, size_t len);
