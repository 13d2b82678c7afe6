/* SPDX-License-Identifier: MIT */
/*
 * What server and gateways tell each other: what the tap of the plugin listens to. What it
 * hears there may come late, twice, not at all, or be nonsense; that a frame was not sent is
 * never said of one that was, as nothing could keep the law then.
 */
#include <stdlib.h>

#include "faults/internal.h"
#include "fuota-sim/gateway.h"

/* One that was sent: of another frame, that was sent then or was not. Else not to be read. */
static struct gateway_message wrong_ack(struct run *r, struct cs_gateway_frame *frame,
                                        bool protobuf, bool sent)
{
    frame->downlink_id += sent ? 3 - (uint32_t)prng_below(&r->prng, 7) : 0;
    struct gateway_message ack = gateway_ack(&r->network.cs, frame, protobuf);
    run_abort_if_no_memory(ack.payload);
    for (size_t i = 0; !sent && i < ack.len; i += 2) {
        ack.payload[i] = (uint8_t)prng_next(&r->prng);
    }
    return ack;
}

static void tell(struct run *r, const struct gateway_message *message, int64_t later_us)
{
    if (!r->broker_away && r->daemon != NULL && !run_fault(r, FAULT_BROKER_LOST)) {
        broker_send(r, message->topic, message->payload, message->len,
                    later_us + broker_transit_us(r));
    }
}

static void answer(struct run *r, struct cs_gateway_frame *frame, bool protobuf)
{
    if (run_fault(r, FAULT_TAP_LOST)) {
        return;
    }
    bool sent = frame->status[frame->tried - 1] == TX_OK;
    struct gateway_message ack = run_fault(r, FAULT_TAP_WRONG)
                                     ? wrong_ack(r, frame, protobuf, sent)
                                     : gateway_ack(&r->network.cs, frame, protobuf);
    run_abort_if_no_memory(ack.payload);
    int64_t later_us = run_fault(r, FAULT_TAP_LATE)
                           ? run_between_us(r, SECONDS_US(10), MINUTES_US(20))
                           : 0;
    tell(r, &ack, later_us);
    if (run_fault(r, FAULT_BROKER_TWICE)) {
        tell(r, &ack, later_us);
    }
    free(ack.payload);
}

void tap_on_gateway(void *ctx, const struct cs_gateway_frame *frame)
{
    struct run *r = ctx;
    struct cs_gateway_frame copy = *frame;
    enum tx_status status = frame->status[frame->tried - 1];
    bool protobuf = frame->items[0].gateway % 2 == 1;
    if (frame->items[0].device == NULL && status != TX_OK && status != TX_NO_ACK) {
        run_count(r, FAULT_FRAME_REFUSED);
    }
    if (!r->scenario.tap) {
        return;
    }
    struct gateway_message command = gateway_command(&r->network.cs, frame, protobuf);
    run_abort_if_no_memory(command.payload);
    tell(r, &command, 0);
    free(command.payload);
    if (status != TX_NO_ACK) {
        answer(r, &copy, protobuf);
    }
}
