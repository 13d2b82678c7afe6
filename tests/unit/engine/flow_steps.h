/* SPDX-License-Identifier: MIT */
/* What the tests with crafted events have in common. */
#pragma once

#include "test.h"

#include "flow.h"

static inline void begin(struct flow *f, size_t devices)
{
    flow_init(f, devices);
    flow_apply(f);
}

static inline void ended(const struct flow *f, size_t device, enum outcome outcome,
                         enum member_reason reason, enum fw_result result)
{
    const struct member_rec *m = flow_member(f, device);
    assert_int_equal(m->phase, MEMBER_ENDED);
    assert_int_equal(m->outcome, outcome);
    assert_int_equal(m->reason, reason);
    assert_int_equal(m->result, result);
}

static inline void all_is_cleaned_up(struct flow *f)
{
    flow_wait(f, DAYS_US(1));
    assert_int_equal(f->transmission.phase, TX_ENDED);
    assert_int_equal(f->dropped_keys, 1);
    assert_int_equal(engine_deadline(f->engine).us, INSTANT_NEVER.us);
}

/* Walks to a session in which the server has taken a few fragments. */
static inline void begin_session(struct flow *f)
{
    flow_init(f, 1);
    f->spec.radio.spacing_us = SECONDS_US(100);
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    while (f->frame_count < 3) {
        flow_wait(f, SECONDS_US(1));
    }
}
