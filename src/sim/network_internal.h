/* SPDX-License-Identifier: MIT */
/*
 * network_internal.h - what network.c, network_parts.c (how devices come up, what gateways
 * tell) and network_orders.c (frames that a server elsewhere gives the gateways) share.
 */
#pragma once

#include "sim/network.h"

enum {
    NETWORK_WINDOW_MS = 100, /* RX2 has opened and heard nothing */
};

/* A device and what the network knows of it. */
struct station {
    struct device device;
    struct network *network;
    struct sim_timer windows; /* its receive windows are over */
};

/* A frame on air. */
struct flight {
    struct flight *next;
    struct flight **link;
    struct network *network;
    struct sim_timer timer; /* at its end */
    struct utc start;
    struct utc end;
    enum direction direction;
    size_t gateway;          /* down */
    struct station *station; /* the sender (up) or the addressee; NULL: multicast */
    bool at_once;            /* to a device, whether it listens or not */
    uint32_t frequency_hz;
    uint8_t dr;
    size_t *listeners; /* multicast: devices tuned to it at its start; owned */
    size_t listener_count;
    size_t phy_len;
    uint8_t phy[FRAME_PHY_MAX_BYTES];
};

struct aes_key network_random_key(struct prng *prng);
int64_t network_clock_boot_s(const struct network_config *config,
                             const struct profile *profile, size_t index,
                             struct prng *prng);
int64_t network_boot_spread_us(const struct network_config *config);

bool network_refuses(struct network *network, const struct cs_tx *tx);
void network_on_gateway(void *ctx, const struct cs_gateway_frame *frame);
void network_start_stats(struct network *network);

/* A frame on air, and its end: the owner fills in the rest and sets the timer. */
struct flight *network_take_off(struct network *network, const uint8_t *phy, size_t len);
void network_land(struct flight *flight);
void network_log_frame(const struct flight *flight, size_t received, size_t missed);

bool network_in_reach(const struct flight *flight, const struct device *device);
/* The gateways that disturb a downlink, into the scratch of the network. */
size_t network_disturbers(const struct flight *flight);
/* Whether a downlink is readable where the device is. One draw, whatever comes of it. */
bool network_readable(struct flight *flight, const struct device *device, size_t others);
/* Whether a listener gets the frame to its end. */
bool network_gets(struct flight *flight, const struct device *device, size_t others);
/* The device keeps its windows open at least until then. */
void network_hold_windows(struct network *network, struct station *station,
                          struct utc until);

/* What gateways heard, to whoever serves them. */
void network_hear(struct network *network, const struct cs_uplink *uplink,
                  struct utc now);
/* A frame of a server elsewhere goes on air: a timer of a flight. */
void network_on_order_start(struct sim_timer *timer, struct utc now);
