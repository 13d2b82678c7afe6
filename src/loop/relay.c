/* SPDX-License-Identifier: MIT */
#include "loop/relay.h"

#include <string.h>

#define LOG_MODULE "status"
#include "io/log.h"

void relay_init(struct relay *relay, const struct relay_ports *ports, void *arg)
{
    bool up = relay->up;
    *relay = (struct relay){.ports = *ports, .arg = arg, .more = true, .up = up};
}

static void pump(struct relay *relay)
{
    if (!relay->up || relay->stalled || relay->asked > 0 || relay->failed ||
        !relay->more || relay->count > 0) {
        return;
    }
    if (relay->ports.query(relay->arg, relay->sent_id, RELAY_INFLIGHT_MAX) == FUO_OK) {
        relay->asked = RELAY_INFLIGHT_MAX;
    }
}

void relay_set_up(struct relay *relay, bool up)
{
    relay->up = up;
    relay->stalled = false;
    pump(relay);
}

void relay_added(struct relay *relay)
{
    relay->more = true;
    pump(relay);
}

/* false: stop, this row and those behind it are for later. */
static bool publish_row(struct relay *relay, const struct store_outbox *row)
{
    int err = relay->ports.publish(relay->arg, row);
    if (err == FUO_EAGAIN || err == FUO_ENOMEM) {
        return false;
    }
    relay->sent_id = row->id;
    struct relay_slot *slot = &relay->inflight[relay->count++];
    *slot = (struct relay_slot){.id = row->id, .answered = err != FUO_OK};
    if (err == FUO_OK) {
        relay->unanswered++;
    } else {
        log_err("status message is not publishable topic=%s error=%s", row->topic,
                fuo_strerror(err));
    }
    return true;
}

/* What is acknowledged without a gap leaves the store. */
static void advance(struct relay *relay)
{
    size_t n = 0;
    while (n < relay->count && relay->inflight[n].answered) {
        n++;
    }
    if (n > 0) {
        relay->acked_id = relay->inflight[n - 1].id;
        relay->count -= n;
        memmove(relay->inflight, relay->inflight + n,
                relay->count * sizeof(relay->inflight[0]));
        relay->ports.drop(relay->arg, relay->acked_id);
    }
}

static void settle(struct relay *relay)
{
    advance(relay);
    if (relay->failed && relay->unanswered == 0) {
        relay->failed = false;
        relay->count = 0;
        relay->sent_id = relay->acked_id;
        relay->more = true;
    }
    pump(relay);
}

void relay_rows(struct relay *relay, const struct store_outbox *rows, size_t count,
                int err)
{
    size_t asked = relay->asked;
    relay->asked = 0;
    if (err != FUO_OK || asked == 0) {
        return; /* the store is in trouble; relay_added() comes when it is not */
    }
    relay->more = count == asked;
    for (size_t i = 0; i < count; i++) {
        if (!publish_row(relay, &rows[i])) {
            relay->more = true;
            relay->stalled = true;
            break;
        }
    }
    settle(relay);
}

void relay_published(struct relay *relay, uint64_t id, int err)
{
    for (size_t i = 0; i < relay->count; i++) {
        struct relay_slot *slot = &relay->inflight[i];
        if (slot->id != id || slot->answered) {
            continue;
        }
        relay->unanswered--;
        relay->stalled = false;
        slot->answered = true;
        if (err == FUO_EPERM) {
            log_err("the status broker refused a message id=%llu",
                    (unsigned long long)id);
        } else if (err != FUO_OK) {
            /* Answered, but not delivered: it and those behind it go again. */
            relay->failed = true;
            slot->answered = false;
        }
        break;
    }
    settle(relay);
}

bool relay_is_idle(const struct relay *relay)
{
    return relay->count == 0 && relay->asked == 0 && !relay->more;
}
