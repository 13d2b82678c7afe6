/* SPDX-License-Identifier: MIT */
/* One device whose server brings images by itself (LwM2M), and its steps. */
#pragma once

#include <stdio.h>

#include "flow_steps.h"

enum {
    NOTHING = -1,
};

static inline void begin_delivering(struct flow *f)
{
    flow_init(f, 1);
    f->delivers = true;
    f->spec.activation.jitter_us = 0;
    flow_rebuild(f);
    flow_apply(f);
}

/* The order that waits for an answer; 0: none does. */
static inline int order_of(const struct flow *f)
{
    const struct member_rec *m = flow_member(f, 0);
    const struct effect *order = &f->last_order[0];
    return m->command_id != 0 && m->command_id == order->order.id ? (int)order->order.type
                                                                  : NOTHING;
}

static inline void answer(struct flow *f, enum effect_order expected, int err)
{
    assert_int_equal(order_of(f), expected);
    struct engine_event event = {.type = ENGINE_EV_SEND_RESULT,
                                 .send_result = {.id = f->last_order[0].order.id,
                                                 .dev_eui = f->devices[0].dev_eui,
                                                 .err = err}};
    flow_step(f, &event);
}

/* State, Result and the version that runs, read together. */
static inline void say(struct flow *f, enum fw_state fw, unsigned result,
                       const char *version)
{
    struct engine_event event = {.type = ENGINE_EV_REPORTED,
                                 .reported = {.dev_eui = f->devices[0].dev_eui,
                                              .fw = {.has_state = true,
                                                     .has_result = true,
                                                     .state = (uint8_t)fw,
                                                     .result = (uint8_t)result},
                                              .whole = true}};
    (void)snprintf(event.reported.firmware_version,
                   sizeof(event.reported.firmware_version), "%s", version);
    flow_step(f, &event);
}

/* It is asked what runs, and says so; then it is to be brought the image. */
static inline void to_deliver(struct flow *f)
{
    say(f, FW_IDLE, FW_RESULT_INITIAL, "1.4.2");
    assert_int_equal(order_of(f), ORDER_DELIVER);
}

static inline void to_install(struct flow *f)
{
    to_deliver(f);
    answer(f, ORDER_DELIVER, FUO_OK);
    say(f, FW_DOWNLOADING, FW_RESULT_INITIAL, "1.4.2");
    say(f, FW_DOWNLOADED, FW_RESULT_INITIAL, "1.4.2");
    flow_wait(f, SECONDS_US(1));
    assert_int_equal(order_of(f), ORDER_INSTALL);
}

static inline void to_verify(struct flow *f)
{
    to_install(f);
    answer(f, ORDER_INSTALL, FUO_OK);
    assert_int_equal(flow_member(f, 0)->phase, MEMBER_VERIFY);
}

static inline void over(struct flow *f, enum outcome outcome, enum member_reason reason,
                        unsigned result)
{
    const struct member_rec *m = flow_member(f, 0);
    assert_int_equal(m->outcome, outcome);
    assert_int_equal(m->reason, reason);
    assert_int_equal(m->result, result);
    assert_int_equal(f->members[0].outcome, outcome); /* stored */
    flow_free(f);
}
