/* SPDX-License-Identifier: MIT */
/* cohort.c - which members share a transmission, by which gateways, and its plan. */
#include <stdlib.h>
#include <string.h>

#include "codec/package.h"
#include "engine/internal.h"

static bool eligible(const struct engine *e, const struct member *m)
{
    const struct spec_retry *retry = &m->campaign->def.spec->retry;
    return m->rec.phase == MEMBER_READY &&
           (m->rec.transmissions == 0 ||
            utc_reached(utc_after(m->rec.phase_since, retry->cooldown_us), e->utc));
}

/* v1 and v2 never mix (lorawan.md 4.6). Of both the larger group goes first. */
static uint8_t choose_version(const struct engine *e, const struct campaign *c)
{
    size_t count[3] = {0};
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member *m = &c->members[i];
        if (eligible(e, m)) {
            count[m->device->rec.package_version[PKG_FRAG] >= 2 ? 2 : 1]++;
        }
    }
    return count[2] > count[1] ? 2 : 1;
}

static bool in_cohort(const struct engine *e, const struct member *m,
                      const struct transmission_rec *rec)
{
    const uint8_t *version = m->device->rec.package_version;
    return eligible(e, m) && version[PKG_FRAG] == rec->ts004 &&
           (rec->ts005 == 0 || version[PKG_MCAST] == rec->ts005);
}

struct cohort {
    size_t count;
    int16_t weakest_snr_cdb;
};

static struct cohort measure_cohort(const struct campaign *c,
                                    const struct transmission *t)
{
    struct cohort cohort = {.weakest_snr_cdb = INT16_MAX};
    for (size_t i = 0; i < c->member_count; i++) {
        const struct member *m = &c->members[i];
        if (m->transmission != t) {
            continue;
        }
        int16_t snr_cdb = link_best_snr_cdb(&m->device->rec);
        cohort.count++;
        if (snr_cdb < cohort.weakest_snr_cdb) {
            cohort.weakest_snr_cdb = snr_cdb;
        }
    }
    if (cohort.weakest_snr_cdb == INT16_MAX || cohort.weakest_snr_cdb == INT16_MIN) {
        cohort.weakest_snr_cdb = PLAN_SNR_UNKNOWN;
    }
    return cohort;
}

static void choose_gateways(struct campaign *c, struct transmission *t)
{
    const struct eui_list *given = &c->def.spec->radio.gateways;
    if (given->count == 0) {
        given = &c->fleet->def.spec->gateways;
    }
    if (given->count > 0) {
        size_t n = given->count < RECORD_GATEWAY_MAX ? given->count : RECORD_GATEWAY_MAX;
        memcpy(t->rec.gateways, given->items, n * sizeof(uint64_t));
        t->rec.gateway_count = (uint8_t)n;
        return;
    }
    const struct device_rec **devices =
        engine_grow(NULL, c->member_count, sizeof(struct device_rec *));
    size_t count = 0;
    for (size_t i = 0; i < c->member_count; i++) {
        if (c->members[i].transmission == t) {
            devices[count++] = &c->members[i].device->rec;
        }
    }
    t->rec.gateway_count =
        (uint8_t)link_cover(devices, count, t->rec.gateways, RECORD_GATEWAY_MAX);
    free(devices);
}

static enum plan_error make_plan(struct transmission *t, const struct campaign_spec *spec)
{
    const struct campaign *c = t->campaign;
    struct cohort cohort = measure_cohort(c, t);
    struct plan_input in = {
        .spec = spec,
        .fleet = c->fleet->def.spec,
        .image_len = c->def.image_len,
        .device_count = (uint32_t)cohort.count,
        .gateway_count = t->rec.gateway_count,
        .server_spacing_us = c->fleet->def.multicast_spacing_us,
        .weakest_snr_cdb = cohort.weakest_snr_cdb,
        .limits = c->fleet->limits,
    };
    enum plan_error err = plan_make(&in, &t->plan);
    if (err == PLAN_OK &&
        fec_encoder_init(&t->encoder, t->rec.ts004 >= 2 ? FEC_V2 : FEC_V1, c->def.image,
                         c->def.image_len, t->plan.fragments.size) != FUO_OK) {
        return PLAN_TOO_MANY;
    }
    return err;
}

/*
 * The plan again, from what was decided and stored, after a restart. It may fail where it
 * did not before: budgets and reserves can be changed meanwhile.
 */
void transmission_plan(struct transmission *t)
{
    struct campaign_spec spec = *t->campaign->def.spec;
    spec.radio.dr = t->rec.dr;
    spec.radio.frequency_hz = t->rec.frequency_hz;
    spec.fragmentation.size_bytes = t->rec.frag_size_bytes;
    spec.fragmentation.block_ack_delay = t->rec.block_ack_delay;
    t->plan_error = make_plan(t, &spec);
}

static void take_plan(struct transmission *t)
{
    struct transmission_rec *rec = &t->rec;
    rec->dr = t->plan.dr;
    rec->frequency_hz = t->plan.frequency_hz;
    rec->block_ack_delay = t->plan.block_ack_delay;
    rec->timeout_exp = t->plan.timeout_exp;
    rec->frag_size_bytes = t->plan.fragments.size;
    rec->frag_count = t->plan.fragments.count;
    rec->next_n = 1;
    rec->target_n = (uint16_t)(t->plan.fragments.count + t->plan.coded_first);
    t->campaign->rec.fragments_uncoded += rec->frag_count;
}

static void gather(struct engine *e, struct campaign *c, struct transmission *t)
{
    for (size_t i = 0; i < c->member_count; i++) {
        struct member *m = &c->members[i];
        if (!in_cohort(e, m, &t->rec)) {
            continue;
        }
        t->rec.ts005 = m->device->rec.package_version[PKG_MCAST];
        member_attach(m, t);
        if (m->rec.transmissions < UINT8_MAX) {
            m->rec.transmissions++;
        }
        m->rec.session_no = 0;
        m->rec.reason = REASON_NONE;
        m->has_key = false;
        m->has_mic = false;
        m->asked_key = false;
        m->asked_mic = false;
        member_enter(e, m, MEMBER_KEY);
    }
}

/* As if it had never been formed. */
static void disband(struct engine *e, struct campaign *c, const struct transmission *t)
{
    for (size_t i = 0; i < c->member_count; i++) {
        struct member *m = &c->members[i];
        if (m->transmission == t) {
            member_attach(m, NULL);
            m->rec.transmissions--;
            member_enter(e, m, MEMBER_READY);
        }
    }
}

void transmission_create(struct engine *e, struct campaign *c)
{
    struct transmission_rec rec = {
        .id = e->next_transmission,
        .campaign_id = c->rec.id,
        .ts004 = choose_version(e, c),
    };
    struct transmission *t = engine_new_transmission(e, c, &rec);
    gather(e, c, t);
    choose_gateways(c, t);
    enum plan_error err = t->rec.gateway_count > 0 ? make_plan(t, c->def.spec) : PLAN_OK;
    if (t->rec.gateway_count == 0 || err != PLAN_OK) {
        disband(e, c, t);
        transmission_enter(e, t, TX_ENDED);
        campaign_pause(e, c,
                       err == PLAN_OK ? "no gateway is known that reaches the devices; "
                                        "give spec.radio.gateways"
                                      : plan_error_text(err));
        return;
    }
    take_plan(t);
    transmission_enter(e, t, TX_KEY);
}
