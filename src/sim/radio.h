/* SPDX-License-Identifier: MIT */
/*
 * radio.h - the simulated channel: gateways that transmit under a duty cycle, and losses.
 *
 * A gateway transmits one frame at a time and at most the legal airtime per sub-band in any
 * sliding hour (radio/subband.h); what does not fit is refused as a Concentratord does,
 * never shortened or moved, except that a frame without a time goes into the first free gap.
 * The hour is counted exactly and here: nothing of the planner or its ledger is used.
 *
 * Which gateway hears which device follows from the seed: device i is at home at gateway
 * i mod N, until it moves, and is heard by each other one with probability 1/3, more
 * weakly. Every reception
 * is lost independently with a fixed probability; there are no collisions between devices.
 * Gateways that send at once on one frequency and data rate disturb one another at a device
 * that hears both about equally well, if that is asked for (capture_db).
 *
 * No clock, no I/O; seeded. Facts: reference lorawan.md 7 and 8.1, network-servers.md 2.4.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/time.h"
#include "fuotad/error.h"
#include "radio/region.h"
#include "radio/subband.h"

/* TxAckStatus of gw.proto, and the silence of a gateway that is off. */
enum tx_status {
    TX_OK,
    TX_TOO_LATE,
    TX_COLLISION_PACKET,
    TX_FREQ,
    TX_DUTY_CYCLE_OVERFLOW,
    TX_NO_ACK,
};

const char *tx_status_name(enum tx_status status);

struct sim_radio_config {
    const struct region *region;
    size_t gateway_count;
    uint32_t down_loss_ppm;
    uint32_t up_loss_ppm;
    bool half_duplex; /* a gateway hears nothing while it transmits */
    int capture_db;   /* a frame survives others that are weaker by that; 0: any others */
    uint64_t seed;
};

/* One transmission that was admitted. */
struct sim_emission {
    struct utc start;
    int64_t airtime_us;
    uint32_t frequency_hz;
    uint8_t dr;
};

/* Those of the last hour in one sub-band, by start. */
struct sim_band {
    struct sim_emission *list;
    size_t len;
    size_t cap;
};

struct sim_gateway {
    uint64_t eui;
    bool off;     /* dead: acknowledges nothing, hears nothing */
    bool lawless; /* sends whatever the duty cycle says: others have to keep the law */
    struct sim_band bands[SUBBAND_COUNT_MAX];
};

struct sim_radio {
    struct sim_radio_config config;
    struct prng prng;
    struct sim_gateway *gateways;
    uint32_t *moves; /* by device: how often it has moved; NULL: nobody has */
    size_t move_count;
};

/* Gateways get the identifiers 0016c001f1000001, ...02 and so on. */
FUO_MUST_CHECK int sim_radio_init(struct sim_radio *radio,
                                  const struct sim_radio_config *config);
void sim_radio_free(struct sim_radio *radio);

struct sim_tx_request {
    size_t gateway;
    struct utc at;  /* not before */
    bool immediate; /* class C: the first free gap from `at` on */
    uint32_t frequency_hz;
    uint8_t dr;
    size_t phy_bytes;
    uint32_t ceiling_ppm; /* of the legal limit, that the hour may hold; 0: all of it */
};

/*
 * Book a transmission. On TX_OK *emission says when and how long; otherwise nothing was
 * booked and *emission is untouched.
 */
enum tx_status sim_radio_book(struct sim_radio *radio,
                              const struct sim_tx_request *request,
                              struct sim_emission *emission);

/* Airtime booked by a gateway in the hour that ends at `now`, by sub-band number. */
int64_t sim_radio_used_us(const struct sim_radio *radio, size_t gateway, size_t subband,
                          struct utc now);

/* Of a frame with that PHYPayload; 0 if the data rate does not exist. */
int64_t sim_airtime_us(const struct region *region, uint8_t dr, enum direction direction,
                       size_t phy_bytes);

/* The device is somewhere else from now on: at home at the next gateway, other links. */
FUO_MUST_CHECK int sim_radio_move(struct sim_radio *radio, size_t device);

/* Whether the two are in reach of each other, and if so how well. */
bool sim_radio_reaches(const struct sim_radio *radio, size_t gateway, size_t device,
                       int *rssi_dbm);

/* Draws: is this reception good? */
bool sim_radio_received_down(struct sim_radio *radio);
bool sim_radio_received_up(struct sim_radio *radio, size_t gateway, struct utc start,
                           struct utc end);

/*
 * Gateways other than that one that were on air during the emission, on its frequency and
 * data rate: into others, which holds one for each gateway. None if capture is off.
 */
size_t sim_radio_others(const struct sim_radio *radio, size_t gateway,
                        const struct sim_emission *emission, size_t *others);

/* Whether one of the others is too strong at the device for a frame of the gateway. */
bool sim_radio_disturbed(const struct sim_radio *radio, size_t gateway, size_t device,
                         const size_t *others, size_t other_count);

/* SNR in dB that goes with a received level; a rough line, never above 11. */
int sim_snr_db(int rssi_dbm);
