/* SPDX-License-Identifier: MIT */
/* forming.c - a group of a round by its links: its partition, and cohorts from that. */
#include <stdlib.h>
#include <string.h>

#include "codec/package.h"
#include "engine/air.h"
#include "engine/forming.h"
#include "engine/limits.h"
#include "engine/round.h"
#include "engine/uplink.h"
#include "engine/variant.h"

#define SHARE_MAX      100 /* devices of a cluster that goes along with another */
#define WORK_OF_MEMBER 32  /* taken into a cohort, in links looked at */

static uint32_t number_of(struct engine *e, struct gateway_ledger *l, struct numbered *n)
{
    if (l->round != e->round) {
        if (n->count == n->cap) {
            n->cap = n->cap == 0 ? 64 : n->cap * 2;
            n->gateways =
                engine_grow(n->gateways, n->cap, sizeof(struct gateway_ledger *));
        }
        l->round = e->round;
        l->number = (uint32_t)n->count;
        n->gateways[n->count++] = l;
    }
    return l->number;
}

static bool is_allowed(const struct eui_list *given, uint64_t gateway)
{
    for (size_t i = 0; i < given->count; i++) {
        if (given->items[i] == gateway) {
            return true;
        }
    }
    return given->count == 0;
}

static uint32_t frequency_of(const struct round *r)
{
    uint32_t given_hz = r->c->def.spec->radio.frequency_hz;
    return given_hz == SPEC_AUTO_U32 ? r->fleet->region->rx2_hz : given_hz;
}

/* A decoder's memory is worth the less the more fragments there are. */
static uint32_t cap_of(const struct round *r, const struct device *d)
{
    uint32_t cap_ppm = profile_cap_ppm(device_profile(d),
                                       d->rec.package_version[PKG_FRAG], r->fragments);
    return cap_ppm < PROFILE_PPM ? cap_ppm : PARTITION_CAP_NONE;
}

struct partition_link forming_link(const struct member *m, const struct device_link *link,
                                   uint8_t attempts)
{
    const struct device_rec *d = &m->device->rec;
    const struct data_rate *rate = device_uplink_rate(m->device);
    int32_t bias_cdb =
        attempts > 0 ? link_bias_cdb(link, rate, device_unheard_ppm(m->device)) : 0;
    return (struct partition_link){
        .snr_p10_cdb = (int16_t)(link_down_snr_cdb(d, link->snr_p10_cdb) - bias_cdb),
        .snr_p50_cdb = (int16_t)(link_down_snr_cdb(d, link->snr_p50_cdb) - bias_cdb),
        .heard_ppk = bias_cdb > 0 ? 0 : link->heard_ppk};
}

static uint32_t links_allowed(const struct round *r, const struct device_rec *d)
{
    uint32_t links = 0;
    for (size_t i = 0; i < d->link_count && i < PARTITION_LINK_MAX; i++) {
        links |= (uint32_t)is_allowed(round_gateways(r), d->link[i].gateway) << i;
    }
    return links;
}

/* One that cannot send now is planned without, unless nobody else hears the device. */
static void describe(struct round *r, const struct member *m, struct numbered *n,
                     struct partition_device *out)
{
    const struct device_rec *d = &m->device->rec;
    uint32_t links = load_links(r->e, d, links_allowed(r, d));
    *out = (struct partition_device){.ts004 = d->package_version[PKG_FRAG],
                                     .ts005 = d->package_version[PKG_MCAST],
                                     .attempts = m->rec.transmissions,
                                     .cap_ppm = cap_of(r, m->device)};
    for (size_t i = 0; i < d->link_count && i < PARTITION_LINK_MAX; i++) {
        const struct device_link *link = &d->link[i];
        struct gateway_ledger *l =
            (links >> i & 1) != 0
                ? air_ledger(r->e, r->fleet, link->gateway, frequency_of(r))
                : NULL;
        if (l == NULL) {
            continue;
        }
        out->link[out->link_count] = forming_link(m, link, m->rec.transmissions);
        out->link[out->link_count++].gateway = number_of(r->e, l, n);
    }
}

/* Behind those that are there already. */
static void take_lanes(const struct partition_cohort *from, const struct numbered *n,
                       struct cohort *cohort, struct lane_rec *lanes)
{
    for (size_t i = 0; i < from->gateway_count; i++) {
        const struct partition_gateway *g = &from->gateways[i];
        size_t at = cohort->lane_count + (size_t)g->lane;
        if (at >= RECORD_LANE_MAX || lanes[at].gateway_count == RECORD_GATEWAY_MAX) {
            continue;
        }
        struct lane_rec *l = &lanes[at];
        l->colour = (uint8_t)g->colour;
        l->gateways[l->gateway_count++] = n->gateways[g->gateway]->gateway;
    }
    cohort->lane_count = (uint8_t)(cohort->lane_count + from->lane_count);
    cohort->lanes = lanes;
}

/* Members sorted by cohort: first[k] .. first[k + 1] - 1 are those of cohort k. */
static void sort_members(const struct round *r, const struct partition *p,
                         struct member **sorted, size_t *first)
{
    for (size_t i = 0; i < r->count; i++) {
        if (p->cohort[i] != PARTITION_NONE) {
            first[p->cohort[i] + 1]++;
        }
    }
    for (size_t k = 0; k < p->cohort_count; k++) {
        first[k + 1] += first[k];
    }
    size_t *at = engine_zeroed(p->cohort_count + 1, sizeof(*at));
    memcpy(at, first, p->cohort_count * sizeof(*at));
    for (size_t i = 0; i < r->count; i++) {
        if (p->cohort[i] != PARTITION_NONE) {
            sorted[at[p->cohort[i]]++] = r->members[i];
        }
    }
    free(at);
}

/*
 * Clusters that are too few to be worth a transmission of their own share one: the grid is
 * common to the data rate, so it costs no time.
 */
static bool may_share(const struct partition_cohort *a, const struct partition_cohort *b,
                      size_t lanes)
{
    return a->ts004 == b->ts004 && a->ts005 == b->ts005 && a->dr == b->dr &&
           a->copies == b->copies && a->interval_us == b->interval_us &&
           a->colour_count == b->colour_count && b->device_count < SHARE_MAX &&
           lanes + b->lane_count <= RECORD_LANE_MAX;
}

static void take_members(struct sorted *s, size_t k)
{
    for (size_t i = s->first[k]; i < s->first[k + 1]; i++) {
        struct member *m = s->members[i];
        bool waits = m->rec.phase == MEMBER_READY || m->rec.phase == MEMBER_WAITING ||
                     m->rec.phase == MEMBER_VERSION;
        if (m->rec.outcome == OUTCOME_NONE && m->transmission == NULL && waits) {
            s->shared[s->shared_count++] = m;
        }
    }
}

/* Returns how many are in it. */
static size_t form_from(struct forming *f, size_t k)
{
    struct sorted *s = &f->sorted;
    struct round *r = &f->group;
    const struct partition *p = &f->result;
    const struct partition_cohort *from = &p->cohorts[k];
    struct lane_rec lanes[RECORD_LANE_MAX] = {{0}};
    struct cohort cohort = {.variant = r->variant,
                            .ts004 = from->ts004,
                            .ts005 = from->ts005,
                            .dr = from->dr,
                            .copies = from->copies,
                            .colour_count = (uint8_t)from->colour_count,
                            .interval_us = from->interval_us,
                            .size_bytes = from->fragments.size,
                            .limits = r->limits};
    s->shared_count = 0;
    for (size_t i = k; i < p->cohort_count; i++) {
        const struct partition_cohort *more = &p->cohorts[i];
        if (s->done[i] || (i != k && !may_share(from, more, cohort.lane_count))) {
            continue;
        }
        s->done[i] = true;
        take_lanes(more, &f->numbered, &cohort, lanes);
        cohort.coded_first = more->coded_first > cohort.coded_first ? more->coded_first
                                                                    : cohort.coded_first;
        take_members(s, i);
    }
    if (s->shared_count > 0) {
        round_note(r, cohort_form(r->e, r->c, &cohort, s->shared, s->shared_count),
                   s->shared_count);
    }
    return s->shared_count;
}

static void begin_cohorts(struct forming *f)
{
    struct round *r = &f->group;
    const struct partition *p = &f->result;
    f->sorted = (struct sorted){
        .members = engine_zeroed(r->count, sizeof(struct member *)),
        .first = engine_zeroed(p->cohort_count + 2, sizeof(size_t)),
        .done = engine_zeroed(p->cohort_count, sizeof(bool)),
        .shared = engine_zeroed(r->count, sizeof(struct member *)),
    };
    sort_members(r, p, f->sorted.members, f->sorted.first);
    f->next = 0;
}

static uint32_t *weights_of(const struct engine *e, const struct numbered *n)
{
    uint32_t *weights = engine_zeroed(n->count, sizeof(*weights));
    for (size_t g = 0; g < n->count; g++) {
        weights[g] = engine_gateway_weight(e, n->gateways[g]->gateway);
    }
    return weights;
}

/* What is wrong with the spec, if that is why there is no partition. */
static enum plan_error reason_of(const struct round *r)
{
    const struct campaign *c = r->c;
    struct plan plan;
    struct plan_input in = {.spec = c->def.spec,
                            .fleet = r->fleet->def.spec,
                            .image_len = variant_block(c, r->variant).len,
                            .device_count = 1,
                            .weakest_snr_cdb = PLAN_SNR_UNKNOWN,
                            .limits = r->limits,
                            .priority_ceiling_ppm = r->fleet->def.priority_ceiling_ppm};
    return plan_make(&in, &plan);
}

static void describe_all(struct forming *f)
{
    struct round *r = &f->group;
    r->e->round++;
    f->devices = engine_zeroed(r->count, sizeof(*f->devices));
    for (size_t i = 0; i < r->count; i++) {
        describe(r, r->members[i], &f->numbered, &f->devices[i]);
    }
}

/* Class B has ping slots instead. */
static bool has_turns(const struct campaign *c)
{
    return !spec_is_class_b(&c->def.spec->radio);
}

void forming_open(struct forming *f)
{
    struct round *r = &f->group;
    const struct engine_fleet *fleet = &r->fleet->def;
    struct partition_input *in = &f->input;
    describe_all(f);
    *in = partition_input_of(r->c->def.spec, fleet->spec, r->fleet->region,
                             fleet->timing == ENGINE_TIMING_ABSOLUTE,
                             fleet->multicast_jitter_us, fleet->priority_ceiling_ppm);
    in->image_len = variant_block(r->c, r->variant).len;
    in->limits = r->limits;
    in->devices = f->devices;
    in->device_count = r->count;
    in->gateway_count = f->numbered.count;
    f->weights = weights_of(r->e, &f->numbered);
    in->gateway_weight = f->weights;
    in->again_us = round_company_us(r->e, r->c) * 2;
    in->grids = f->grids;
    in->grid_count = has_turns(r->c) ? grid_known(r->e, r->fleet, r->count, &f->numbered,
                                                  f->grids, &f->turns)
                                     : 0;
    f->workspace = engine_zeroed(1, partition_workspace_bytes(in));
    f->stage = f->numbered.count > 0 ? FORMING_PARTITION : FORMING_DONE;
    if (f->stage == FORMING_PARTITION && partition_begin(in, f->workspace) != FUO_OK) {
        r->err = reason_of(r);
        f->stage = FORMING_DONE;
    }
}

void forming_close(struct forming *f)
{
    free(f->numbered.gateways);
    free(f->devices);
    free(f->weights);
    free(f->turns);
    free(f->workspace);
    free(f->sorted.members);
    free(f->sorted.first);
    free(f->sorted.done);
    free(f->sorted.shared);
    f->numbered = (struct numbered){0};
    f->devices = NULL;
    f->weights = NULL;
    f->turns = NULL;
    f->workspace = NULL;
    f->sorted = (struct sorted){0};
}

static void spend(uint64_t *work, uint64_t done)
{
    *work -= done < *work ? done : *work;
}

static void go_on_dividing(struct forming *f, uint64_t *work)
{
    if (!partition_go(f->workspace, work, &f->result)) {
        return;
    }
    if (has_turns(f->group.c)) {
        grid_learn(f->group.fleet, f->group.count, &f->numbered, &f->result);
    }
    begin_cohorts(f);
    f->stage = FORMING_COHORTS;
}

static void go_on(struct forming *f, uint64_t *work)
{
    if (f->stage == FORMING_PARTITION) {
        go_on_dividing(f, work);
        return;
    }
    if (f->next == f->result.cohort_count) {
        f->stage = FORMING_DONE;
        return;
    }
    size_t count =
        f->sorted.done[f->next] ? 0 : form_from(f, f->next); /* in their order */
    f->next++;
    spend(work, 1 + count * WORK_OF_MEMBER);
}

bool forming_go(struct forming *f, uint64_t *work)
{
    while (f->stage != FORMING_DONE && *work > 0) {
        go_on(f, work);
    }
    if (f->stage != FORMING_DONE) {
        return false;
    }
    forming_close(f);
    return true;
}
