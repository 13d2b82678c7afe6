/* SPDX-License-Identifier: MIT */
/* network_orders.c - frames that others than the simulated server give the gateways. */
#include "sim/network_internal.h"

#include <stdlib.h>

enum {
    ORDER_LEAD_MS = 50, /* a gateway wants a frame that long before it transmits */
};

void network_hear(struct network *network, const struct cs_uplink *uplink, struct utc now)
{
    if (network->config.dialect != NETWORK_DIALECT_GATEWAY) {
        cs_uplink(&network->cs, uplink, now);
    } else if (uplink->rx_count > 0) {
        network->sink->uplink(network->ctx, uplink, now);
    }
}

static bool opens_window(const struct device *device, struct utc at)
{
    if (!device->on || !device->busy || device->rx1_at.us == INT64_MAX) {
        return false;
    }
    return at.us == device->rx1_at.us || at.us == device->rx1_at.us + SECONDS_US(1);
}

/* To its end, through the window or in a class C session. */
static bool hears(struct flight *flight, const struct device *device, size_t others)
{
    if (!opens_window(device, flight->start)) {
        return network_gets(flight, device, others);
    }
    return network_readable(flight, device, others);
}

static void on_order_end(struct sim_timer *timer, struct utc now)
{
    struct flight *flight = SIM_TIMER_OWNER(timer, struct flight, timer);
    struct network *network = flight->network;
    size_t received = 0;
    size_t missed = 0;
    size_t others = network_disturbers(flight);
    for (size_t i = 0; i < flight->listener_count; i++) {
        struct station *station = &network->stations[flight->listeners[i]];
        struct device *device = &station->device;
        bool window = opens_window(device, flight->start);
        if (!hears(flight, device, others)) {
            network->missed[missed++] = device->config.dev_eui;
            continue;
        }
        network->received[received++] = device->config.dev_eui;
        device_received(device, flight->phy, flight->phy_len, now);
        if (window) {
            sim_timers_cancel(&network->timers, &station->windows);
            device_windows_over(device, now);
        }
    }
    network_log_frame(flight, received, missed);
    network_land(flight);
}

void network_on_order_start(struct sim_timer *timer, struct utc now)
{
    struct flight *flight = SIM_TIMER_OWNER(timer, struct flight, timer);
    struct network *network = flight->network;
    flight->listeners =
        calloc(network->config.device_count + 1, sizeof(*flight->listeners));
    if (flight->listeners == NULL) {
        abort();
    }
    for (size_t i = 0; i < network->config.device_count; i++) {
        struct station *station = &network->stations[i];
        const struct device *device = &station->device;
        bool window = opens_window(device, now);
        bool session = device_listens(device, flight->frequency_hz, flight->dr) &&
                       device->tx_end.us <= now.us;
        if ((!window && !session) || !network_in_reach(flight, device)) {
            continue;
        }
        flight->listeners[flight->listener_count++] = i;
        if (window) {
            network_hold_windows(network, station,
                                 utc_after(flight->end, MILLIS_US(NETWORK_WINDOW_MS)));
        }
    }
    flight->timer.fire = on_order_end;
    sim_timers_set(&network->timers, &flight->timer, flight->end);
}

enum tx_status network_order(struct network *network, const struct cs_tx *tx,
                             struct utc now)
{
    if (tx->gateway >= network->config.gateway_count) {
        return TX_NO_ACK;
    }
    if (!tx->immediate && tx->at.us - now.us < MILLIS_US(ORDER_LEAD_MS)) {
        return network->radio.gateways[tx->gateway].off ? TX_NO_ACK : TX_TOO_LATE;
    }
    return network->cs.ops->transmit(network, tx);
}
