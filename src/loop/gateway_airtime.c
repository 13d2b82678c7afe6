/* SPDX-License-Identifier: MIT */
/*
 * gateway_airtime.c - servers are asked now and then how much the gateways that campaigns use
 * have sent, for whomever (gateway_airtime() of plugin.h): the ledgers of the engine take it.
 *
 * Every EVERY_US, of a fleet that has a campaign under way, at most GATEWAYS_MAX_ASKED gateways: the
 * others follow next time. A server that does not let the key see any is asked again when it
 * is read again (scan.c), and that is told once.
 */
#include "loop/gateway_airtime.h"

#include <stdlib.h>

#include "loop/internal.h"
#include "loop/scan.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

#define LOG_MODULE "gateways"
#include "io/log.h"

#define EVERY_US MINUTES_US(1)

enum {
    LOOK_MS = 1000,
    GATEWAYS_MAX_ASKED = 1000,
};

static bool is_due(const struct daemon *d, const struct fleet_entry *fleet)
{
    const struct server_state *state = fleet->server;
    if (state == NULL || state->untold || state->asks_airtime) {
        return false;
    }
    int64_t past_us = clock_utc(&d->clock).us - state->airtime_at.us;
    return past_us < 0 || past_us >= EVERY_US; /* the clock may have been set back */
}

static void ask(struct daemon *d, struct fleet_entry *fleet)
{
    struct server_state *state = fleet->server;
    uint64_t *gateways = xcalloc(GATEWAYS_MAX_ASKED, sizeof(*gateways));
    size_t count = engine_gateways_in_use(d->engine, fleet->id, state->airtime_after,
                                          gateways, GATEWAYS_MAX_ASKED);
    struct request request = {.id = requests_new_id(&d->requests),
                              .kind = REQUEST_AIRTIME,
                              .fleet_id = fleet->id};
    int err = count > 0 ? host_gateway_airtime(fleet->host, request.id, gateways, count)
                        : FUO_EAGAIN;
    state->airtime_after = count == GATEWAYS_MAX_ASKED ? gateways[count - 1] : 0;
    state->airtime_at = clock_utc(&d->clock);
    state->untold = err == FUO_ENOTSUP;
    if (err == FUO_OK) {
        state->asks_airtime = true;
        requests_add(&d->requests, &request);
    }
    free(gateways);
}

void gateway_airtime_answered(struct daemon *d, uint32_t fleet_id, int err)
{
    const struct fleet_entry *fleet = fleets_by_id(&d->fleets, fleet_id);
    struct server_state *state = fleet != NULL ? fleet->server : NULL;
    if (state == NULL) {
        return;
    }
    state->asks_airtime = false;
    if (err == FUO_EPERM) {
        state->untold = true;
        log_info("the server does not tell this key what gateways send: left to the "
                 "reserve fleet=%s",
                 fleet->doc->spec.name);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    for (size_t i = 0; i < d->fleets.count && !d->draining; i++) {
        if (is_due(d, &d->fleets.items[i])) {
            ask(d, &d->fleets.items[i]);
        }
    }
}

void gateway_airtime_start(struct daemon *d)
{
    uv_timer_start(&d->airtime_timer, on_timer, LOOK_MS, LOOK_MS);
}
