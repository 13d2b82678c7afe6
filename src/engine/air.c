/* SPDX-License-Identifier: MIT */
/* air.c - ledgers of the gateways: may this frame be sent, and when. */
#include <assert.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "radio/subband.h"

static struct gateway_ledger *new_ledger(struct engine *e, const struct fleet *f,
                                         uint64_t gateway, const struct subband *band)
{
    struct ledger_config config = {
        .limit_ppm = band->limit_ppm,
        .share_ppm = SPEC_PPM - f->def.spec->reserve_ppm,
        .reserve_ppm = f->def.spec->reserve_ppm,
        .model = f->def.spec->duty_model == SPEC_DUTY_OFF_TIME ? LEDGER_OFF_TIME
                                                               : LEDGER_SLIDING_HOUR,
    };
    struct gateway_ledger *l = calloc(1, sizeof(*l));
    assert(l != NULL);
    l->gateway = gateway;
    l->band = band;
    if (ledger_init(&l->ledger, &config) != FUO_OK) {
        free(l);
        return NULL;
    }
    e->ledgers =
        engine_grow(e->ledgers, e->ledger_count + 1, sizeof(struct gateway_ledger *));
    e->ledgers[e->ledger_count++] = l;
    return l;
}

struct gateway_ledger *air_ledger(struct engine *e, const struct fleet *f,
                                  uint64_t gateway, uint32_t frequency_hz)
{
    const struct subband *band = subband_find(f->region, frequency_hz, 0, NULL);
    if (band == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < e->ledger_count; i++) {
        if (e->ledgers[i]->gateway == gateway && e->ledgers[i]->band == band) {
            return e->ledgers[i];
        }
    }
    return new_ledger(e, f, gateway, band);
}

/*
 * Two caps: the ledger's own (limit less the fleet's reserve), and the campaign's share,
 * which may be smaller. The share is kept by looking at what the hour holds already.
 */
static struct utc earliest_at(struct gateway_ledger *l, const struct transmission *t,
                              struct utc from, int64_t airtime_us)
{
    struct utc at = ledger_earliest(&l->ledger, from, airtime_us);
    if (at.us == INT64_MAX) {
        return at;
    }
    int64_t used_us = ledger_used_us(&l->ledger, LEDGER_OWN, at);
    if (used_us + airtime_us <= t->plan.airtime_cap_us) {
        return at;
    }
    return utc_after(at, LEDGER_BUCKET_US);
}

struct utc air_earliest(struct engine *e, struct transmission *t, int64_t airtime_us)
{
    struct utc latest = e->utc;
    for (size_t i = 0; i < t->rec.gateway_count; i++) {
        struct gateway_ledger *l =
            air_ledger(e, t->campaign->fleet, t->rec.gateways[i], t->rec.frequency_hz);
        if (l == NULL) {
            return UTC_NEVER;
        }
        struct utc at = earliest_at(l, t, e->utc, airtime_us);
        latest = at.us > latest.us ? at : latest;
    }
    return latest;
}

void air_charge(struct engine *e, struct transmission *t, int64_t airtime_us)
{
    for (size_t i = 0; i < t->rec.gateway_count; i++) {
        struct gateway_ledger *l =
            air_ledger(e, t->campaign->fleet, t->rec.gateways[i], t->rec.frequency_hz);
        ledger_record(&l->ledger, LEDGER_OWN, e->utc, airtime_us);
        struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
        effect->store.kind = STORE_CHARGE;
        effect->store.charge = (struct charge_rec){.gateway = t->rec.gateways[i],
                                                   .frequency_hz = t->rec.frequency_hz,
                                                   .at = e->utc,
                                                   .airtime_us = airtime_us};
    }
    t->campaign->rec.airtime_us += airtime_us * t->rec.gateway_count;
    t->charged_us = airtime_us;
    t->charged_at = e->utc;
}

void air_refund(struct engine *e, struct transmission *t)
{
    for (size_t i = 0; t->charged_us > 0 && i < t->rec.gateway_count; i++) {
        struct gateway_ledger *l =
            air_ledger(e, t->campaign->fleet, t->rec.gateways[i], t->rec.frequency_hz);
        ledger_refund(&l->ledger, t->charged_at, t->charged_us);
    }
    t->campaign->rec.airtime_us -= t->charged_us * t->rec.gateway_count;
    t->charged_us = 0;
}

void air_resume(struct engine *e)
{
    struct ledger_entry entries[LEDGER_BUCKETS];
    for (size_t i = 0; i < e->ledger_count; i++) {
        struct ledger *l = &e->ledgers[i]->ledger;
        size_t count = ledger_save(l, entries);
        int64_t ahead_us = count > 0 ? entries[count - 1].start.us - e->utc.us : 0;
        if (ahead_us > 0) {
            ledger_shift(l, -ahead_us);
        }
    }
}

void air_clock_step(struct engine *e, int64_t delta_us)
{
    for (size_t i = 0; i < e->ledger_count; i++) {
        ledger_shift(&e->ledgers[i]->ledger, delta_us);
    }
}
