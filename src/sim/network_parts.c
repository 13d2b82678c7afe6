/* SPDX-License-Identifier: MIT */
/* network_parts.c - how devices come up, and what gateways and server tell each other. */
#include "sim/network_internal.h"

enum {
    JOINS_PER_HOUR = 400, /* of a gateway: 71 ms each of 36 s in the sub-band */
    STATS_S = 30,         /* stats_interval of the gateways */
};

/* ---- devices ---- */

struct aes_key network_random_key(struct prng *prng)
{
    struct aes_key key;
    for (size_t i = 0; i < sizeof(key.b); i++) {
        key.b[i] = (uint8_t)(prng_next(prng) >> 32);
    }
    return key;
}

/* What the clocks of real devices show after a reset: lorawan.md 2. */
int64_t network_clock_boot_s(const struct network_config *config,
                             const struct profile *profile, size_t index,
                             struct prng *prng)
{
    int64_t right = gps_from_utc(config->start).s;
    if (profile != NULL && profile->clock == PROFILE_CLOCK_EPOCH_TWICE) {
        return -GPS_EPOCH_UNIX_S;
    }
    if (!config->clocks_wrong) {
        return right;
    }
    switch (index % 3) {
    case 0:
        return 0;
    case 1:
        return -GPS_EPOCH_UNIX_S;
    }
    return right + (int64_t)prng_below(prng, UINT64_C(518400)) - 259200;
}

/* Devices come up within a minute, or as fast as their gateways may accept joins. */
int64_t network_boot_spread_us(const struct network_config *config)
{
    int64_t per_gateway = (int64_t)(config->device_count / config->gateway_count);
    if (per_gateway > JOINS_PER_HOUR) {
        return HOURS_US(per_gateway) / JOINS_PER_HOUR;
    }
    int64_t minute = MINUTES_US(1);
    return config->uplink_interval_us < minute ? config->uplink_interval_us : minute;
}

/* ---- gateways ---- */

static bool has_gateway_topics(const struct network *network)
{
    return network->config.dialect != NETWORK_DIALECT_TTS;
}

/* A frame of somebody else is in the gateway's queue for that time. */
bool network_refuses(struct network *network, const struct cs_tx *tx)
{
    return tx->device == NULL && !tx->window && network->config.refuse_ppm > 0 &&
           prng_below(&network->refusals, 1000000) < network->config.refuse_ppm;
}

void network_on_gateway(void *ctx, const struct cs_gateway_frame *frame)
{
    struct network *network = ctx;
    if (network->sink->gateway != NULL && has_gateway_topics(network)) {
        network->sink->gateway(network->ctx, frame);
    }
}

static void on_stats(struct sim_timer *timer, struct utc now)
{
    struct network *network = SIM_TIMER_OWNER(timer, struct network, stats);
    for (size_t g = 0; g < network->config.gateway_count; g++) {
        if (!network->radio.gateways[g].off) {
            network->sink->gateway_stats(network->ctx, g, now);
        }
    }
    sim_timers_set(&network->timers, timer, utc_after(now, SECONDS_US(STATS_S)));
}

void network_start_stats(struct network *network)
{
    network->refusals = prng_seeded(network->config.seed ^ UINT64_C(0x7ef05a15));
    if (network->sink->gateway_stats != NULL && has_gateway_topics(network)) {
        network->stats.fire = on_stats;
        sim_timers_set(&network->timers, &network->stats,
                       utc_after(network->config.start, SECONDS_US(STATS_S)));
    }
}
