/* SPDX-License-Identifier: MIT */
/*
 * orders.h - gateways that are given frames from outside (gateway_in.h): they try the items
 * of an order, the first one first, until one goes on air, and tell what became of each
 * (gateway.h, event/ack), as a ChirpStack Concentratord does. No I/O.
 */
#pragma once

#include "fuota-sim/gateway_in.h"
#include "sim/network.h"

/*
 * FUO_ENOENT: the gateway is none of ours, or away: nobody answers. Else *frame is what is
 * to be answered; it borrows the frames of *order.
 */
FUO_MUST_CHECK int order_carry_out(struct network *network,
                                   const struct gateway_order *order, struct utc now,
                                   struct cs_gateway_frame *frame);
