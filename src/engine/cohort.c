/* SPDX-License-Identifier: MIT */
/*
 * cohort.c - a transmission of a cohort: its plan, lanes and order of sending; who joins it
 * late.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/partition.h"
#include "codec/package.h"
#include "engine/air.h"
#include "engine/campaign.h"
#include "engine/group.h"
#include "engine/internal.h"
#include "engine/lane.h"
#include "engine/limits.h"
#include "engine/member.h"
#include "engine/member_setup.h"
#include "engine/round.h"
#include "engine/session.h"
#include "engine/variant.h"
#include "radio/subband.h"

#define JOIN_MIN_US     MINUTES_US(1) /* for the four commands of a set-up */
#define JOIN_MARGIN_CDB 300
#define SEQUENCE_PPM    50000 /* sequence.h: good from 1 to 30 % */
#define JOIN_LOOK_BACK  8     /* transmissions that gateways given by hand are all in */

/* ---- plan ---- */

static int16_t weakest_snr_cdb(const struct transmission *t)
{
    int16_t weakest = INT16_MAX;
    for (size_t i = 0; i < t->member_count; i++) {
        const struct device_rec *d = &t->members[i]->device->rec;
        int16_t snr_cdb = link_down_snr_cdb(d, link_best_snr_cdb(d));
        if (snr_cdb < weakest) {
            weakest = snr_cdb;
        }
    }
    if (weakest == INT16_MAX || weakest == INT16_MIN) {
        return PLAN_SNR_UNKNOWN;
    }
    return weakest;
}

/* Rows of several gateways of one group follow each other at the server's spacing. */
static int64_t row_spacing_us(const struct transmission *t)
{
    const struct engine_fleet *fleet = &t->fleet->def;
    int64_t spacing_us = 0;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        int64_t us = t->lanes[i].rec.gateway_count * fleet->multicast_spacing_us;
        bool queued =
            t->lanes[i].rec.gateway_count > 1 && fleet->timing == ENGINE_TIMING_QUEUE;
        spacing_us = queued && us > spacing_us ? us : spacing_us;
    }
    return spacing_us;
}

static void make_sequence(struct fec_sequence *s, enum fec_version version, uint16_t m,
                          bool natural)
{
    if (natural) {
        fec_sequence_natural(s, version, m);
        return;
    }
    void *workspace = engine_zeroed(1, fec_sequence_workspace_bytes());
    fec_sequence_make(s, version, m, SEQUENCE_PPM, workspace);
    free(workspace);
}

/* Made once for each number of fragments, then kept. */
static const struct fec_sequence *sequence_of(struct engine *e, enum fec_version version,
                                              uint16_t m, bool natural)
{
    for (size_t i = 0; i < e->sequence_count; i++) {
        const struct fec_sequence *s = e->sequences[i];
        if (s->version == version && s->m == m && s->natural == natural) {
            return s;
        }
    }
    struct fec_sequence *s = engine_zeroed(1, sizeof(*s));
    make_sequence(s, version, m, natural);
    e->sequences =
        engine_grow(e->sequences, e->sequence_count + 1, sizeof(struct fec_sequence *));
    e->sequences[e->sequence_count++] = s;
    return s;
}

static enum plan_error make_plan(struct transmission *t, const struct campaign_spec *spec,
                                 const struct fragplan_limits *limits)
{
    const struct campaign *c = t->campaign;
    struct variant_block block = variant_block(c, t->rec.variant);
    struct plan_input in = {
        .spec = spec,
        .fleet = t->fleet->def.spec,
        .image_len = block.len,
        .device_count = (uint32_t)t->member_count,
        .server_spacing_us = row_spacing_us(t),
        .weakest_snr_cdb = weakest_snr_cdb(t),
        .limits = *limits,
        .priority_ceiling_ppm = t->fleet->def.priority_ceiling_ppm,
    };
    enum plan_error err = plan_make(&in, &t->plan);
    if (err == PLAN_OK) {
        t->slot_us = plan_slot_us(t->plan.frame_airtime_us,
                                  t->fleet->def.timing == ENGINE_TIMING_ABSOLUTE,
                                  t->fleet->def.multicast_jitter_us);
        int64_t turns_us = t->slot_us * t->rec.colour_count; /* class B has none */
        in.server_spacing_us =
            turns_us > in.server_spacing_us ? turns_us : in.server_spacing_us;
        in.server_spacing_us = t->rec.interval_us > in.server_spacing_us
                                   ? t->rec.interval_us
                                   : in.server_spacing_us;
        err = plan_make(&in, &t->plan);
    }
    if (err != PLAN_OK) {
        return err;
    }
    t->rec.interval_us =
        t->rec.interval_us > 0 ? t->rec.interval_us : t->plan.interval_us;
    t->plan.interval_us = t->rec.interval_us;
    enum fec_version version = t->rec.ts004 >= 2 ? FEC_V2 : FEC_V1;
    if (fec_encoder_init(&t->encoder, version, block.bytes, block.len,
                         t->plan.fragments.size) != FUO_OK) {
        return PLAN_TOO_MANY;
    }
    /* Without copies it was begun by a version that knew no order but the natural one. */
    t->sequence = sequence_of(c->engine, version, t->encoder.m, t->rec.copies == 0);
    return PLAN_OK;
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
    t->plan_error = make_plan(t, &spec, &(struct fragplan_limits){0});
}

static void take_plan(struct transmission *t, const struct cohort *cohort)
{
    struct transmission_rec *rec = &t->rec;
    uint32_t first = t->plan.coded_first;
    if (cohort->coded_first != SPEC_AUTO_U32 &&
        t->campaign->def.spec->fragmentation.redundancy_ppm == SPEC_AUTO_U32) {
        first = cohort->coded_first < t->plan.coded_max ? cohort->coded_first
                                                        : t->plan.coded_max;
    }
    rec->dr = t->plan.dr;
    rec->frequency_hz = t->plan.frequency_hz;
    rec->block_ack_delay = t->plan.block_ack_delay;
    rec->timeout_exp = t->plan.timeout_exp;
    rec->frag_size_bytes = t->plan.fragments.size;
    rec->frag_count = t->plan.fragments.count;
    rec->next_n = 1;
    rec->target_n = (uint16_t)(t->plan.fragments.count + first);
    t->campaign->rec.fragments_uncoded += rec->frag_count;
}

/* ---- forming ---- */

/* Zeroed: before the first gateway of a transmission. */
struct walk {
    uint8_t lane;
    uint8_t gateway;
};

/* The ledger of the next gateway of any lane; NULL: that was the last. */
static struct gateway_ledger *next_ledger(struct engine *e, const struct transmission *t,
                                          struct walk *w)
{
    while (w->lane < t->rec.lane_count) {
        const struct lane_rec *l = &t->lanes[w->lane].rec;
        if (w->gateway < l->gateway_count) {
            return air_ledger(e, t->fleet, l->gateways[w->gateway++],
                              t->rec.frequency_hz);
        }
        w->lane++;
        w->gateway = 0;
    }
    return NULL;
}

void cohort_enlist(struct engine *e, struct transmission *t)
{
    struct walk w = {0};
    for (struct gateway_ledger *l; (l = next_ledger(e, t, &w)) != NULL;) {
        l->open = engine_grow(l->open, l->open_count + 1, sizeof(struct transmission *));
        l->open[l->open_count++] = t;
    }
}

static void strike_from(struct gateway_ledger *l, const struct transmission *t)
{
    size_t at = 0;
    while (at < l->open_count) {
        if (l->open[at] == t) {
            l->open[at] = l->open[--l->open_count];
        } else {
            at++;
        }
    }
}

void cohort_strike(struct engine *e, struct transmission *t)
{
    struct walk w = {0};
    for (struct gateway_ledger *l; (l = next_ledger(e, t, &w)) != NULL;) {
        strike_from(l, t);
    }
}

void cohort_strike_at(struct engine *e, const struct transmission *t, uint64_t gateway)
{
    struct gateway_ledger *l = air_ledger(e, t->fleet, gateway, t->rec.frequency_hz);
    if (l != NULL) {
        strike_from(l, t);
    }
}

static void attach(struct engine *e, struct member *m, struct transmission *t)
{
    member_attach(m, t);
    m->rec.variant = t->rec.variant;
    if (m->rec.transmissions < UINT8_MAX) {
        m->rec.transmissions++;
    }
    campaign_member_taken(m);
    m->rec.session_no = 0;
    m->rec.reason = REASON_NONE;
    m->unsure = false;
    m->denied_n = 0;
    m->told_n = 0;
    m->tail = 0;
    m->tails = 0;
    m->has_key = false;
    m->has_mic = false;
    m->asked_key = false;
    m->asked_mic = false;
    if (m->rec.phase == MEMBER_READY) {
        member_enter(e, m, MEMBER_KEY);
    } else {
        member_store(e, m); /* first it says what it runs */
    }
}

/* As if it had never been formed. */
static void disband(struct engine *e, const struct transmission *t)
{
    for (size_t i = t->member_count; i-- > 0;) {
        struct member *m = t->members[i];
        member_attach(m, NULL);
        m->rec.transmissions--;
        if (m->rec.phase == MEMBER_KEY) {
            member_enter(e, m, MEMBER_READY);
        } else {
            member_store(e, m);
        }
    }
}

static enum plan_error form(struct engine *e, struct campaign *c,
                            const struct cohort *cohort, struct member *const *members,
                            size_t count)
{
    struct transmission_rec rec = {
        .id = e->next_transmission,
        .campaign_id = c->rec.id,
        .fleet_id = members[0]->device->rec.fleet_id,
        .variant = cohort->variant,
        .ts004 = cohort->ts004,
        .ts005 = cohort->ts005,
        .copies = cohort->copies,
        .colour_count = cohort->colour_count,
        .interval_us = cohort->interval_us,
        .lane_count = cohort->lane_count,
    };
    struct transmission *t = engine_new_transmission(e, c, &rec);
    engine_new_lanes(t);
    for (uint8_t i = 0; i < rec.lane_count; i++) {
        t->lanes[i].rec = cohort->lanes[i];
        t->lanes[i].rec.transmission_id = rec.id;
        t->lanes[i].rec.no = i;
    }
    for (size_t i = 0; i < count; i++) {
        attach(e, members[i], t);
    }
    struct campaign_spec spec = *c->def.spec;
    spec.radio.dr = cohort->dr != SPEC_AUTO_U32 ? cohort->dr : spec.radio.dr;
    spec.fragmentation.size_bytes = cohort->size_bytes != SPEC_AUTO_U32
                                        ? cohort->size_bytes
                                        : spec.fragmentation.size_bytes;
    enum plan_error err = make_plan(t, &spec, &cohort->limits);
    if (err != PLAN_OK) {
        disband(e, t);
        transmission_enter(e, t, TX_ENDED);
        return err;
    }
    take_plan(t, cohort);
    cohort_enlist(e, t);
    for (uint8_t i = 0; i < rec.lane_count; i++) {
        lane_store(e, &t->lanes[i]);
    }
    transmission_enter(e, t, group_choose(e, t) ? TX_GROUP : TX_KEY);
    return PLAN_OK;
}

/* To the last lane, or to a new one. */
static void lanes_add(struct lane_rec *lanes, uint8_t *count, uint64_t gateway)
{
    if (*count == 0 || lanes[*count - 1].gateway_count == RECORD_GATEWAY_MAX) {
        lanes[(*count)++] = (struct lane_rec){0};
    }
    struct lane_rec *to = &lanes[*count - 1];
    to->gateways[to->gateway_count++] = gateway;
}

/*
 * In class B the gateways of a group send in the same ping slot, one frame that adds up at
 * the devices: lanes are as few as they can be, and have no turns.
 */
static void merge_lanes(struct cohort *cohort, struct lane_rec *lanes)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < cohort->lane_count; i++) {
        const struct lane_rec *from = &cohort->lanes[i];
        for (uint8_t g = 0; g < from->gateway_count; g++) {
            lanes_add(lanes, &count, from->gateways[g]);
        }
    }
    cohort->lanes = lanes;
    cohort->lane_count = count;
    cohort->colour_count = 1;
    cohort->interval_us = 0;
}

enum plan_error cohort_form(struct engine *e, struct campaign *c,
                            const struct cohort *cohort, struct member *const *members,
                            size_t count)
{
    struct lane_rec lanes[RECORD_LANE_MAX];
    struct cohort merged = *cohort;
    if (spec_is_class_b(&c->def.spec->radio)) {
        merge_lanes(&merged, lanes);
    }
    return form(e, c, &merged, members, count);
}

/* ---- joining ---- */

/* It has not begun, and there is time to set up one more. */
static bool is_open(const struct engine *e, const struct transmission *t)
{
    if (t->rec.phase > TX_LEAD || t->rec.next_n > 1 || t->rec.frames_handed > 0) {
        return false;
    }
    return t->rec.phase < TX_LEAD ||
           t->rec.session_start.us >= engine_in(e, JOIN_MIN_US).us;
}

static bool fits(const struct engine *e, const struct member *m,
                 const struct transmission *t)
{
    const uint8_t *version = m->device->rec.package_version;
    return t->campaign == m->campaign && t->fleet == m->device->fleet &&
           t->rec.ts004 == version[PKG_FRAG] && t->rec.ts005 == version[PKG_MCAST] &&
           is_open(e, t) && t->rec.variant == variant_of(m) &&
           fragplan_fits(&device_profile(m->device)->limits, t->rec.frag_size_bytes,
                         t->rec.frag_count);
}

static bool hears(const struct member *m, const struct device_link *link,
                  const struct transmission *t)
{
    const struct region *region = m->device->fleet->region;
    const struct data_rate *rate = region_data_rate(region, t->rec.dr, DIRECTION_DOWN);
    int32_t gain_cdb =
        partition_gain_cdb(region, t->rec.frequency_hz) + m->device->rec.down_cdb;
    int32_t wanted_cdb =
        t->rec.dr == 0 ? 0 : JOIN_MARGIN_CDB * (1 + m->rec.transmissions);
    return rate != NULL &&
           link_margin_cdb(link->snr_p50_cdb, rate, gain_cdb) >= wanted_cdb;
}

/* Not much slower than the device could: what is long for it is done sooner in a round. */
static bool is_worth_joining(const struct member *m, const struct transmission *t)
{
    const struct region *region = m->device->fleet->region;
    const struct data_rate *faster =
        t->rec.dr + 2 < REGION_DR_COUNT
            ? region_data_rate(region, (uint8_t)(t->rec.dr + 2), DIRECTION_DOWN)
            : NULL;
    int32_t gain_cdb =
        partition_gain_cdb(region, t->rec.frequency_hz) + m->device->rec.down_cdb;
    return faster == NULL || faster->modulation != MODULATION_LORA ||
           link_margin_cdb(link_best_snr_cdb(&m->device->rec), faster, gain_cdb) <
               JOIN_MARGIN_CDB * (1 + m->rec.transmissions);
}

/* The fastest so far, or one of this gateway's. */
static struct transmission *better_of(const struct engine *e, const struct member *m,
                                      const struct device_link *link,
                                      const struct gateway_ledger *l,
                                      struct transmission *best)
{
    for (size_t k = 0; k < l->open_count; k++) {
        struct transmission *t = l->open[k];
        bool faster = best == NULL || t->rec.dr > best->rec.dr;
        if (faster && fits(e, m, t) && hears(m, link, t) && is_worth_joining(m, t)) {
            best = t;
        }
    }
    return best;
}

/* The fastest that its gateways carry. */
static struct transmission *best_heard(struct engine *e, const struct member *m)
{
    const struct device_rec *d = &m->device->rec;
    uint32_t frequency_hz =
        plan_frequency_hz(&m->campaign->def.spec->radio, m->device->fleet->region);
    struct transmission *best = NULL;
    for (size_t i = 0; i < d->link_count; i++) {
        const struct gateway_ledger *l =
            air_ledger(e, m->device->fleet, d->link[i].gateway, frequency_hz);
        best = l != NULL ? better_of(e, m, &d->link[i], l, best) : best;
    }
    return best;
}

/* Gateways given by hand: every transmission has them all. */
static struct transmission *latest_open(const struct engine *e, const struct member *m)
{
    const struct campaign *c = m->campaign;
    size_t stop = c->transmission_count > JOIN_LOOK_BACK
                      ? c->transmission_count - JOIN_LOOK_BACK
                      : 0;
    for (size_t i = c->transmission_count; i-- > stop;) {
        if (fits(e, m, c->transmissions[i])) {
            return c->transmissions[i];
        }
    }
    return NULL;
}

bool cohort_join(struct engine *e, struct member *m)
{
    struct transmission *t = m->campaign->def.spec->radio.gateways.count > 0
                                 ? latest_open(e, m)
                                 : best_heard(e, m);
    if (t == NULL) {
        return false;
    }
    attach(e, m, t);
    if (t->rec.phase == TX_LEAD && m->rec.phase == MEMBER_KEY) {
        member_setup_begin(e, m);
    }
    return true;
}
