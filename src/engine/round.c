/* SPDX-License-Identifier: MIT */
/*
 * round.c - a round of forming: everybody who is known and in no transmission, into cohorts.
 *
 * A round is made when a campaign begins, over who is known from before, and again when
 * enough time has passed for others to have been discovered or set free. Who is placed need
 * not have been heard yet: it is set up when it speaks.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/partition.h"
#include "codec/package.h"
#include "engine/internal.h"
#include "engine/limits.h"

#define AGAIN_US       HOURS_US(6) /* who was placed nowhere: links are learned on */
#define QUIET_SHARE    20
#define SHARE_MAX      100 /* devices of a cluster that goes along with another */
#define COMPANY_MIN_US MINUTES_US(5)
#define GATHER_US      MINUTES_US(1) /* other sessions may begin as well */

/* ---- who ---- */

bool member_has_packages(const struct member *m)
{
    const uint8_t *version = m->device->rec.package_version;
    return pkg_version_known(PKG_FRAG, version[PKG_FRAG]) &&
           pkg_version_known(PKG_MCAST, version[PKG_MCAST]) && version[PKG_FWMGMT] != 0;
}

/* It answers, but missed too much: time does not help, another way or another try does. */
static bool is_overrun(const struct member *m)
{
    return m->rec.reason == REASON_NO_MEMORY || m->rec.reason == REASON_IMAGE_REFUSED ||
           m->rec.reason == REASON_INCOMPLETE;
}

/* Next to nobody is in a transmission: another try keeps no first one waiting. */
static bool is_quiet(const struct campaign *c)
{
    size_t busy = 0;
    for (int phase = MEMBER_KEY; phase <= MEMBER_STATUS; phase++) {
        busy += c->by_phase[phase];
    }
    return busy * QUIET_SHARE <= c->member_count - c->by_phase[MEMBER_PENDING];
}

/* From when on a READY member may be taken: at once, or after its cooldown. */
struct utc member_ready_from(const struct member *m)
{
    return m->rec.transmissions == 0 || m->rec.late > 0 ||
                   (is_overrun(m) && is_quiet(m->campaign))
               ? m->rec.phase_since
               : utc_after(m->rec.phase_since, m->campaign->def.spec->retry.cooldown_us);
}

/* Who came too late again is waited for: it has to speak before it is taken once more. */
static bool is_awaited(const struct member *m)
{
    return m->rec.late > 1 && m->device->rec.last_uplink.us < m->rec.phase_since.us;
}

static bool is_candidate(const struct engine *e, const struct member *m)
{
    if (m->rec.outcome != OUTCOME_NONE || m->transmission != NULL) {
        return false;
    }
    if (m->rec.phase == MEMBER_READY) {
        return utc_reached(member_ready_from(m), e->utc) && !is_awaited(m);
    }
    return (m->rec.phase == MEMBER_WAITING || m->rec.phase == MEMBER_VERSION) &&
           m->device->rec.packages_known && member_has_packages(m);
}

/* So long others may still come that would share its transmission. */
static int64_t company_us(const struct engine *e, struct campaign *c)
{
    int64_t us = campaign_interval_us(e, c, NULL);
    us += us / 4;
    return us > COMPANY_MIN_US ? us : COMPANY_MIN_US;
}

struct round {
    struct engine *e;
    struct campaign *c;
    struct member **members;
    size_t count;
    enum plan_error err; /* the first */
    size_t placed;
    struct fragplan_limits limits; /* of all in it */
    uint32_t fragments;            /* M at most */
};

static void collect(struct round *r)
{
    struct utc next = UTC_NEVER;
    for (size_t i = 0; i < r->c->member_count; i++) {
        struct member *m = &r->c->members[i];
        m->in_round = false;
        bool joins =
            m->rec.phase == MEMBER_READY && is_candidate(r->e, m) && cohort_join(r->e, m);
        if (joins) {
            continue;
        }
        if (is_candidate(r->e, m)) {
            r->members[r->count++] = m;
        } else if (m->rec.phase == MEMBER_READY && !is_awaited(m)) {
            next = utc_min(next, member_ready_from(m));
        }
    }
    r->c->in_round = 0;
    /* The first whose cooldown is over waits for the others. */
    r->c->round_at =
        next.us == INT64_MAX ? next : utc_after(next, company_us(r->e, r->c));
}

/* ---- gateways given by hand ---- */

static const struct eui_list *given_gateways(const struct campaign *c)
{
    const struct eui_list *given = &c->def.spec->radio.gateways;
    return given->count > 0 ? given : &c->fleet->def.spec->gateways;
}

/* Each gateway a lane and a turn of its own: nothing is known of who disturbs whom. */
static void lanes_by_hand(const struct eui_list *given, struct cohort *cohort,
                          struct lane_rec *lanes)
{
    size_t count = given->count < RECORD_LANE_MAX ? given->count : RECORD_LANE_MAX;
    for (size_t i = 0; i < count; i++) {
        lanes[i] = (struct lane_rec){
            .colour = (uint8_t)i, .gateway_count = 1, .gateways = {given->items[i]}};
    }
    cohort->lanes = lanes;
    cohort->lane_count = (uint8_t)count;
    cohort->colour_count = (uint8_t)count;
}

static bool same_versions(const struct member *a, const struct member *b)
{
    const uint8_t *of_a = a->device->rec.package_version;
    const uint8_t *of_b = b->device->rec.package_version;
    return of_a[PKG_FRAG] == of_b[PKG_FRAG] && of_a[PKG_MCAST] == of_b[PKG_MCAST];
}

static void note(struct round *r, enum plan_error err, size_t count)
{
    if (err == PLAN_OK) {
        r->placed += count;
    } else if (r->err == PLAN_OK) {
        r->err = err;
    }
}

/* Moves those of the same versions as the first one out of members; returns what is left. */
static size_t take_same(struct member **members, size_t count, struct member **same,
                        size_t *same_count)
{
    const struct member *first = members[0];
    size_t kept = 0;
    *same_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (same_versions(first, members[i])) {
            same[(*same_count)++] = members[i];
        } else {
            members[kept++] = members[i];
        }
    }
    return kept;
}

/* One cohort for each pair of versions (lorawan.md 4.6). */
static void form_by_hand(struct round *r)
{
    struct lane_rec lanes[RECORD_LANE_MAX];
    struct cohort cohort = {.dr = SPEC_AUTO_U32,
                            .copies = 1,
                            .size_bytes = SPEC_AUTO_U32,
                            .coded_first = SPEC_AUTO_U32,
                            .limits = r->limits};
    lanes_by_hand(given_gateways(r->c), &cohort, lanes);
    struct member **same = engine_zeroed(r->count, sizeof(struct member *));
    size_t left = r->count;
    while (left > 0) {
        size_t count = 0;
        left = take_same(r->members, left, same, &count);
        cohort.ts004 = same[0]->device->rec.package_version[PKG_FRAG];
        cohort.ts005 = same[0]->device->rec.package_version[PKG_MCAST];
        note(r, cohort_form(r->e, r->c, &cohort, same, count), count);
    }
    free(same);
}

/* ---- by partition ---- */

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

static uint32_t frequency_of(const struct campaign *c)
{
    uint32_t given_hz = c->def.spec->radio.frequency_hz;
    return given_hz == SPEC_AUTO_U32 ? c->fleet->region->rx2_hz : given_hz;
}

/* As many fragments as the slowest data rate would make of the image. */
static uint32_t fragments_at_most(const struct round *r)
{
    const struct campaign *c = r->c;
    const struct region *region = c->fleet->region;
    uint32_t dr = c->def.spec->radio.dr == SPEC_AUTO_U32 ? 0 : c->def.spec->radio.dr;
    uint32_t wanted = c->def.spec->fragmentation.size_bytes;
    uint32_t size = fragplan_size_for_payload(
        region_max_payload(region, (uint8_t)dr, (struct payload_rules){0}));
    size =
        r->limits.size_max != 0 && r->limits.size_max < size ? r->limits.size_max : size;
    size = wanted < size ? wanted : size;
    return size == 0 ? 1 : (uint32_t)((c->def.image_len + size - 1) / size);
}

/* A decoder's memory is worth the less the more fragments there are. */
static uint32_t cap_of(const struct round *r, const struct device *d)
{
    uint32_t cap_ppm = profile_cap_ppm(device_profile(d),
                                       d->rec.package_version[PKG_FRAG], r->fragments);
    return cap_ppm < PROFILE_PPM ? cap_ppm : PARTITION_CAP_NONE;
}

static void describe(struct round *r, const struct member *m, struct numbered *n,
                     struct partition_device *out)
{
    const struct device_rec *d = &m->device->rec;
    const struct eui_list *given = given_gateways(r->c);
    *out = (struct partition_device){.ts004 = d->package_version[PKG_FRAG],
                                     .ts005 = d->package_version[PKG_MCAST],
                                     .attempts = m->rec.transmissions,
                                     .cap_ppm = cap_of(r, m->device)};
    uint8_t dr = m->device->dr;
    const struct data_rate *rate =
        dr == ENGINE_DR_UNKNOWN ? NULL
                                : region_data_rate(r->c->fleet->region, dr, DIRECTION_UP);
    uint32_t unheard_ppm = device_unheard_ppm(m->device);
    for (size_t i = 0; i < d->link_count && i < PARTITION_LINK_MAX; i++) {
        const struct device_link *link = &d->link[i];
        struct gateway_ledger *l =
            is_allowed(given, link->gateway)
                ? air_ledger(r->e, r->c->fleet, link->gateway, frequency_of(r->c))
                : NULL;
        if (l == NULL) {
            continue;
        }
        int32_t bias_cdb =
            m->rec.transmissions > 0 ? link_bias_cdb(link, rate, unheard_ppm) : 0;
        out->link[out->link_count++] = (struct partition_link){
            .gateway = number_of(r->e, l, n),
            .snr_p10_cdb = (int16_t)(link_down_snr_cdb(d, link->snr_p10_cdb) - bias_cdb),
            .snr_p50_cdb = (int16_t)(link_down_snr_cdb(d, link->snr_p50_cdb) - bias_cdb),
            .heard_ppk = bias_cdb > 0 ? 0 : link->heard_ppk};
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

struct sorted {
    struct member **members; /* by cohort */
    size_t *first;
    bool *done;
    struct member **shared; /* those of one transmission */
};

static void form_from(struct round *r, const struct partition *p,
                      const struct numbered *n, const struct sorted *s, size_t k)
{
    const struct partition_cohort *from = &p->cohorts[k];
    struct lane_rec lanes[RECORD_LANE_MAX] = {{0}};
    struct cohort cohort = {.ts004 = from->ts004,
                            .ts005 = from->ts005,
                            .dr = from->dr,
                            .copies = from->copies,
                            .colour_count = (uint8_t)from->colour_count,
                            .interval_us = from->interval_us,
                            .size_bytes = from->fragments.size,
                            .limits = r->limits};
    size_t count = 0;
    for (size_t i = k; i < p->cohort_count; i++) {
        const struct partition_cohort *more = &p->cohorts[i];
        if (s->done[i] || (i != k && !may_share(from, more, cohort.lane_count))) {
            continue;
        }
        s->done[i] = true;
        take_lanes(more, n, &cohort, lanes);
        cohort.coded_first = more->coded_first > cohort.coded_first ? more->coded_first
                                                                    : cohort.coded_first;
        size_t members = s->first[i + 1] - s->first[i];
        memcpy(&s->shared[count], &s->members[s->first[i]],
               members * sizeof(struct member *));
        count += members;
    }
    if (count > 0) {
        note(r, cohort_form(r->e, r->c, &cohort, s->shared, count), count);
    }
}

static void form_cohorts(struct round *r, const struct partition *p,
                         const struct numbered *n)
{
    struct sorted s = {
        .members = engine_zeroed(r->count, sizeof(struct member *)),
        .first = engine_zeroed(p->cohort_count + 2, sizeof(size_t)),
        .done = engine_zeroed(p->cohort_count, sizeof(bool)),
        .shared = engine_zeroed(r->count, sizeof(struct member *)),
    };
    sort_members(r, p, s.members, s.first);
    for (size_t k = 0; k < p->cohort_count; k++) { /* shortest first */
        if (!s.done[k]) {
            form_from(r, p, n, &s, k);
        }
    }
    free(s.members);
    free(s.first);
    free(s.done);
    free(s.shared);
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
                            .fleet = c->fleet->def.spec,
                            .image_len = c->def.image_len,
                            .device_count = 1,
                            .weakest_snr_cdb = PLAN_SNR_UNKNOWN,
                            .limits = r->limits,
                            .priority_ceiling_ppm = c->fleet->def.priority_ceiling_ppm};
    return plan_make(&in, &plan);
}

static void form_by_links(struct round *r)
{
    struct numbered n = {0};
    struct partition_device *devices = engine_zeroed(r->count, sizeof(*devices));
    r->e->round++;
    for (size_t i = 0; i < r->count; i++) {
        describe(r, r->members[i], &n, &devices[i]);
    }
    const struct engine_fleet *fleet = &r->c->fleet->def;
    struct partition_input in =
        partition_input_of(r->c->def.spec, fleet->spec, r->c->fleet->region,
                           fleet->timing == ENGINE_TIMING_ABSOLUTE,
                           fleet->multicast_jitter_us, fleet->priority_ceiling_ppm);
    in.image_len = r->c->def.image_len;
    in.limits = r->limits;
    in.devices = devices;
    in.device_count = r->count;
    in.gateway_count = n.count;
    uint32_t *weights = weights_of(r->e, &n);
    in.gateway_weight = weights;
    in.again_us = company_us(r->e, r->c) * 2;
    struct partition_grid grids[REGION_DR_COUNT];
    uint16_t *turns;
    in.grids = grids;
    in.grid_count = grid_known(r->e, r->c->fleet, r->count, &n, grids, &turns);
    void *workspace = engine_zeroed(1, partition_workspace_bytes(&in));
    struct partition result;
    if (n.count == 0) {
        r->placed += 0; /* nobody's links are known */
    } else if (partition_make(&in, workspace, &result) == FUO_OK) {
        grid_learn(r->c->fleet, r->count, &n, &result);
        form_cohorts(r, &result, &n);
    } else {
        r->err = reason_of(r);
    }
    free(workspace);
    free(turns);
    free(weights);
    free(devices);
    free(n.gateways);
}

/* ---- a round ---- */

static bool any_link(const struct round *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->members[i]->device->rec.link_count > 0) {
            return true;
        }
    }
    return false;
}

/* Their decoders cannot take the image, those of others can. */
static void give_up(struct round *r, const struct round *group)
{
    for (size_t i = 0; i < group->count; i++) {
        member_end(r->e, group->members[i], OUTCOME_FAILED, REASON_TOO_BIG,
                   FW_SEEN_NO_FLASH);
    }
    r->placed += group->count;
}

/* Each group that can be sent the same fragments on its own. */
static void form_groups(struct round *r, bool by_hand)
{
    struct member **members = engine_zeroed(r->count, sizeof(struct member *));
    size_t left = r->count;
    while (left > 0) {
        struct round group = {.e = r->e, .c = r->c, .members = members};
        left = limits_take_group(r->members, left, members, &group.count, &group.limits);
        group.fragments = fragments_at_most(&group);
        (by_hand ? form_by_hand : form_by_links)(&group);
        if (group.err == PLAN_TOO_MANY && group.count < r->count) {
            give_up(r, &group);
            continue;
        }
        r->placed += group.placed;
        r->err = r->err == PLAN_OK ? group.err : r->err;
    }
    free(members);
}

/* Nobody was placed, nothing is under way: somebody has to know. */
static void complain(struct round *r)
{
    if (r->err != PLAN_OK) {
        campaign_pause(r->e, r->c, plan_error_text(r->err));
    } else if (r->placed == 0 && r->c->transmission_count == 0 &&
               r->c->by_phase[MEMBER_READY] > 0) {
        campaign_pause(r->e, r->c,
                       "no gateway is known that reaches the devices; "
                       "give spec.radio.gateways");
    }
}

void round_form(struct engine *e, struct campaign *c)
{
    struct round r = {.e = e, .c = c};
    r.members = engine_zeroed(c->member_count, sizeof(struct member *));
    collect(&r);
    bool by_hand = c->def.spec->radio.gateways.count > 0 ||
                   (given_gateways(c)->count > 0 && !any_link(&r));
    size_t count = r.count;
    form_groups(&r, by_hand);
    if (r.placed < count) {
        c->round_at = utc_min(c->round_at, engine_in(e, AGAIN_US));
    }
    free(r.members);
    complain(&r);
}

/* ---- when ---- */

static bool is_all_there(const struct campaign *c)
{
    return campaign_undecided(c) == 0 && c->by_phase[MEMBER_READY] == c->in_round;
}

void round_wish(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    struct utc from = member_ready_from(m);
    bool soon = c->round_at.us <= engine_in(e, company_us(e, c)).us;
    if (is_awaited(m) || (m->in_round && soon)) {
        return;
    }
    if (utc_reached(from, e->utc) && cohort_join(e, m)) {
        return;
    }
    c->in_round += !m->in_round;
    m->in_round = true;
    struct utc at = from.us > e->utc.us ? from : e->utc;
    bool alone = is_all_there(c) && from.us <= e->utc.us;
    if (!alone && c->round_at.us > at.us) {
        at = utc_after(at, company_us(e, c));
    }
    c->round_at = utc_min(c->round_at, at);
    engine_wake(e, c->slot, c->round_at);
}

void round_soon(struct engine *e, struct campaign *c)
{
    c->round_at = utc_min(c->round_at, engine_in(e, GATHER_US));
    engine_wake(e, c->slot, c->round_at);
}

void round_look(struct engine *e, struct campaign *c)
{
    if (c->in_round > 0 && is_all_there(c) && c->round_at.us > e->utc.us) {
        c->round_at = e->utc;
        engine_wake(e, c->slot, e->utc);
    }
}
