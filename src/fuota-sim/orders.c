/* SPDX-License-Identifier: MIT */
#include "fuota-sim/orders.h"

static size_t gateway_number(const struct network *network, uint64_t gateway)
{
    size_t i = 0;
    while (i < network->config.gateway_count && network->gateway_euis[i] != gateway) {
        i++;
    }
    return i;
}

static struct cs_tx tx_of(const struct gateway_item *item, size_t gateway, struct utc now)
{
    bool immediate = item->timing == ORDER_IMMEDIATELY;
    return (struct cs_tx){
        .gateway = gateway,
        .at = immediate ? now : item->at,
        .immediate = immediate,
        .window = item->timing == ORDER_DELAY,
        .frequency_hz = item->frequency_hz,
        .dr = item->dr,
        .phy = item->phy,
        .phy_len = item->phy_len,
    };
}

int order_carry_out(struct network *network, const struct gateway_order *order,
                    struct utc now, struct cs_gateway_frame *frame)
{
    size_t gateway = gateway_number(network, order->gateway);
    enum tx_status status = TX_NO_ACK;
    *frame = (struct cs_gateway_frame){.downlink_id = order->downlink_id,
                                       .count = order->count};
    for (size_t i = 0; i < order->count; i++) {
        frame->items[i] = tx_of(&order->items[i], gateway, now);
        if (status == TX_OK) {
            continue; /* an earlier one is on its way */
        }
        status = network_order(network, &frame->items[i], now);
        frame->status[i] = status;
        frame->tried++;
        if (status == TX_NO_ACK) {
            return FUO_ENOENT;
        }
    }
    return FUO_OK;
}
