/* SPDX-License-Identifier: MIT */
/*
 * look.c - who is being brought an image is asked for its State now and then, though it has
 * told nothing: a notification may be a message that nobody repeats (RFC 7641, 4.5), and one
 * that a full socket drops would leave fuotad with a download that has ended long ago.
 *
 * A notification makes it needless; each reading that says nothing new doubles the time until
 * the next one, up to where the host's own order to read comes.
 */
#include "lwm2m.h"

#define WAIT_MAX_US (320 * SECOND_US)

void look_after(const struct fuo_ns *ns, struct peer *p, int64_t wait_us)
{
    p->look_wait_us = wait_us;
    p->look_at_us = ns->now_us + wait_us;
}

void look_end(struct peer *p)
{
    p->look_wait_us = 0;
}

static bool is_due(const struct fuo_ns *ns, const struct peer *p)
{
    return p->look_at_us <= ns->now_us ||
           p->look_at_us - ns->now_us > p->look_wait_us; /* the clock was set back */
}

void look_tick(const struct fuo_ns *ns, struct peer *p)
{
    if (p->look_wait_us == 0 || !is_due(ns, p)) {
        return;
    }
    if (!bring_is_for(ns, p)) {
        look_end(p);
    } else if (p->wants_read || p->step != STEP_NONE) {
        look_after(ns, p, p->look_wait_us); /* it sleeps, or is being asked */
    } else {
        p->wants_read = true;
        look_after(ns, p, 2 * p->look_wait_us);
        if (p->look_wait_us > WAIT_MAX_US) {
            look_end(p);
        }
    }
}
