/* SPDX-License-Identifier: MIT */
#include "engine/waves.h"

#include <string.h>

#include "engine/answer.h"
#include "engine/campaign.h"
#include "engine/claim.h"
#include "engine/member.h"
#include "engine/precondition.h"
#include "engine/term.h"

static size_t wave_count(const struct campaign *c)
{
    return c->waves != NULL ? c->def.spec->rollout.wave_count : 0;
}

/* NULL: its campaign runs without waves, or it is in none of them. */
static struct wave *wave_of(const struct member *m)
{
    struct campaign *c = m->campaign;
    return m->rec.wave < wave_count(c) ? &c->waves[m->rec.wave] : NULL;
}

/* The first that is not over; NULL: all are. */
static struct wave *current_of(const struct campaign *c)
{
    for (size_t i = 0; i < wave_count(c); i++) {
        if (c->waves[i].rec.phase < WAVE_DONE) {
            return &c->waves[i];
        }
    }
    return NULL;
}

static void store(struct engine *e, struct campaign *c, const struct wave *w)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_WAVE;
    effect->store.wave = w->rec;
    campaign_touch(c);
}

static void enter(struct engine *e, struct campaign *c, struct wave *w,
                  enum wave_phase phase)
{
    w->rec.phase = phase;
    store(e, c, w);
}

/* ---- reasons, for people ---- */

struct text {
    char bytes[WAVES_REASON_SIZE];
    size_t len;
};

static void add_text(struct text *t, const char *more)
{
    while (*more != '\0' && t->len + 1 < sizeof(t->bytes)) {
        t->bytes[t->len++] = *more++;
    }
    t->bytes[t->len] = '\0';
}

static void add_number(struct text *t, uint32_t value)
{
    char digits[11] = "";
    size_t at = sizeof(digits) - 1;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    add_text(t, digits + at);
}

/* An edited campaign has other waves in its spec, so a wave keeps no pointer to its own. */
static const struct spec_wave *spec_of(const struct campaign *c, const struct wave *w)
{
    return &c->def.spec->rollout.waves[w->rec.no];
}

/* "wave canary failed: 7 of 10 attempted devices succeeded" */
static struct text explain(const struct campaign *c, const struct wave *w)
{
    const struct wave_counts *n = &w->counts;
    bool attempts = w->rec.verdict == WAVE_INCONCLUSIVE;
    bool losses = w->rec.verdict == WAVE_BROKEN;
    struct text t = {.len = 0};
    add_text(&t, "wave ");
    add_text(&t, spec_of(c, w)->name);
    add_text(&t, attempts ? " is inconclusive: " : " failed: ");
    add_number(&t, attempts ? n->attempted
                   : losses ? n->failed + n->unknown
                            : n->succeeded);
    add_text(&t, " of ");
    add_number(&t, attempts ? n->total : n->attempted);
    add_text(&t, attempts ? " devices were attempted"
                 : losses ? " attempted devices failed"
                          : " attempted devices succeeded");
    return t;
}

static void pause_for_approval(struct engine *e, struct campaign *c, const struct wave *w)
{
    struct text t = {.len = 0};
    add_text(&t, "wave ");
    add_text(&t, spec_of(c, w)->name);
    add_text(&t, " waits for approval");
    campaign_pause(e, c, t.bytes);
}

/* Its gate failed, and nobody has overruled that yet. */
static bool is_bad(const struct wave *w)
{
    return w->rec.verdict != WAVE_OPEN && w->rec.verdict != WAVE_SUCCEEDED &&
           !w->rec.waived;
}

/* It was HELD when the operator paused: else one that is bad does not run. */
static bool is_put_off(const struct campaign *c, const struct wave *w)
{
    return c->rec.phase == CAMPAIGN_PAUSED && w->rec.phase == WAVE_RUNNING && is_bad(w);
}

bool waves_put_off(struct engine *e, struct campaign *c)
{
    struct wave *w = current_of(c);
    bool waits = w != NULL && c->rec.phase == CAMPAIGN_PAUSED &&
                 (w->rec.phase == WAVE_APPROVAL || w->rec.phase == WAVE_HELD);
    if (waits) {
        enter(e, c, w, w->rec.phase == WAVE_HELD ? WAVE_RUNNING : WAVE_PENDING);
    }
    return waits;
}

bool waves_hold_again(struct engine *e, struct campaign *c)
{
    struct wave *w = current_of(c);
    if (w == NULL || !is_put_off(c, w)) {
        return false;
    }
    struct text t = explain(c, w);
    enter(e, c, w, WAVE_HELD);
    campaign_enter(c, CAMPAIGN_PAUSED, t.bytes);
    campaign_alert(e, c, t.bytes);
    return true;
}

/* ---- start ---- */

static void allocate(struct campaign *c)
{
    size_t count = c->def.spec->rollout.wave_count;
    c->waves = engine_zeroed(count, sizeof(*c->waves));
    for (size_t i = 0; i < count; i++) {
        c->waves[i].rec.campaign_id = c->rec.id;
        c->waves[i].rec.no = (uint8_t)i;
    }
}

void waves_make(struct engine *e, struct campaign *c, const uint8_t *waves)
{
    size_t count = c->def.spec->rollout.wave_count;
    if (waves == NULL || count == 0 || count > WAVE_MAX) {
        return;
    }
    allocate(c);
    for (size_t i = 0; i < c->member_count; i++) {
        c->members[i].rec.wave = waves[i];
        waves_count(&c->members[i]);
    }
    for (size_t i = 0; i < count; i++) {
        store(e, c, &c->waves[i]);
    }
}

void waves_place(struct engine *e, struct member *m)
{
    const struct campaign *c = m->campaign;
    if (c->waves != NULL && wave_of(m) == NULL) {
        member_end(e, m, OUTCOME_SKIPPED, REASON_NO_WAVE, FW_SEEN_TARGETED);
        return;
    }
    claim_device(e, m);
    bool waits = c->waves != NULL || m->device->active != m;
    if (m->rec.outcome == OUTCOME_NONE && waits) {
        member_hold(m);
    }
}

/* ---- letting in ---- */

static bool may_enter(const struct campaign *c, const struct member *m)
{
    const struct wave *w = wave_of(m);
    bool begun = w != NULL && (w->rec.phase == WAVE_RUNNING ||
                               w->rec.phase == WAVE_SOAKING || w->rec.phase == WAVE_DONE);
    return m->rec.phase == MEMBER_PENDING && m->device->active == m &&
           (c->waves == NULL || begun);
}

static void enter_member(struct engine *e, struct campaign *c, struct member *m)
{
    enum member_reason reason = precondition_at_start(e, m);
    if (reason != REASON_NONE) {
        member_end(e, m, OUTCOME_SKIPPED, reason, FW_SEEN_TARGETED);
        return;
    }
    member_enter(e, m, MEMBER_WAITING);
    c->pump = 0;
}

/* A few at a time; true: there are more. When all are in, time is counted from here. */
static bool let_in(struct engine *e, struct campaign *c)
{
    size_t stop = c->entered + PUMP_MEMBERS;
    bool any = c->entered < c->member_count;
    for (; c->entered < c->member_count && c->entered < stop; c->entered++) {
        struct member *m = &c->members[c->entered];
        if (may_enter(c, m)) {
            enter_member(e, c, m);
        }
    }
    if (c->entered < c->member_count) {
        return true;
    }
    if (any && c->pump == 0) {
        campaign_begin_waiting(e, c);
    }
    return false;
}

/* It alone: to look at all members for each device would cost N^2. */
void waves_let_in(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    if (!campaign_runs(c) || !term_lasts(e, c)) {
        c->entered = 0; /* all are looked at when it goes on */
        engine_wake(e, c->slot, e->utc);
        return;
    }
    if (!may_enter(c, m)) {
        return; /* its wave lets it in */
    }
    size_t pump = c->pump;
    enter_member(e, c, m);
    c->pump = pump;
    if (m->rec.outcome == OUTCOME_NONE) {
        campaign_begin_waiting(e, c);
        member_begin(e, m);
    }
}

/* ---- gates ---- */

static void complain(struct engine *e, struct campaign *c, struct wave *w)
{
    struct text t = explain(c, w);
    if (w->rec.verdict != WAVE_INCONCLUSIVE &&
        c->def.spec->rollout.on_failure == SPEC_FAIL_ABORT) {
        enter(e, c, w, WAVE_CANCELLED);
        campaign_alert(e, c, t.bytes);
        campaign_control(e, c, ENGINE_ABORT, t.bytes);
        return;
    }
    if (w->rec.verdict != WAVE_INCONCLUSIVE &&
        c->def.spec->rollout.on_failure == SPEC_FAIL_CONTINUE) {
        w->rec.waived = true;
        store(e, c, w);
        campaign_alert(e, c, t.bytes);
        return;
    }
    enter(e, c, w, WAVE_HELD);
    campaign_pause(e, c, t.bytes);
}

/* Somebody is left for whom it is worth to wait. */
static bool has_followers(const struct campaign *c, const struct wave *w)
{
    for (size_t i = (size_t)w->rec.no + 1; i < wave_count(c); i++) {
        if (c->waves[i].counts.ended < c->waves[i].counts.total) {
            return true;
        }
    }
    return false;
}

static void conclude(struct engine *e, struct campaign *c, struct wave *w)
{
    bool soaks = spec_of(c, w)->soak_us > 0 && w->counts.total > 0 && has_followers(c, w);
    w->rec.ended = e->utc;
    if (soaks) {
        w->rec.soak_until = engine_in(e, spec_of(c, w)->soak_us);
    }
    enter(e, c, w, soaks ? WAVE_SOAKING : WAVE_DONE);
}

static enum wave_verdict judge(const struct campaign *c, const struct wave *w)
{
    return wave_judge(spec_of(c, w), c->def.spec->rollout.unknown_counts_as_failed,
                      &w->counts);
}

/* True: it is over, or the campaign does not run any more. */
static bool run(struct engine *e, struct campaign *c, struct wave *w)
{
    bool over = w->counts.ended == w->counts.total;
    enum wave_verdict verdict = w->rec.waived ? w->rec.verdict : judge(c, w);
    if (!w->rec.waived && verdict != w->rec.verdict) {
        w->rec.verdict = verdict;
        store(e, c, w);
    }
    if (is_bad(w)) {
        complain(e, c, w);
        return true;
    }
    if (over) {
        conclude(e, c, w);
    }
    return over;
}

/* Its turn has come. True: something has changed. */
static bool take_turn(struct engine *e, struct campaign *c, struct wave *w)
{
    if (w->counts.ended == w->counts.total) {
        w->rec.verdict = WAVE_SUCCEEDED; /* there was nobody to be attempted */
        enter(e, c, w, WAVE_DONE);
        return true;
    }
    if (spec_of(c, w)->approval_required && !w->rec.approved) {
        if (w->rec.phase != WAVE_APPROVAL) {
            enter(e, c, w, WAVE_APPROVAL);
        }
        pause_for_approval(e, c, w);
        return false;
    }
    w->rec.started = e->utc;
    c->entered = 0;
    enter(e, c, w, WAVE_RUNNING);
    return true;
}

/* True: look again. */
static bool advance(struct engine *e, struct campaign *c, struct wave *w)
{
    switch (w->rec.phase) {
    case WAVE_PENDING:
    case WAVE_APPROVAL:
        return take_turn(e, c, w);
    case WAVE_RUNNING:
        return run(e, c, w);
    case WAVE_SOAKING:
        if (!utc_reached(w->rec.soak_until, e->utc)) {
            engine_wake(e, c->slot, w->rec.soak_until);
            return false;
        }
        enter(e, c, w, WAVE_DONE);
        return true;
    case WAVE_HELD: /* what had paused the campaign was not waived: once more */
        enter(e, c, w, WAVE_RUNNING);
        return true;
    case WAVE_DONE:
    case WAVE_CANCELLED:
        break;
    }
    return false;
}

bool waves_tick(struct engine *e, struct campaign *c)
{
    struct wave *w = current_of(c);
    c->wave_due = false;
    while (w != NULL && campaign_runs(c) && advance(e, c, w)) {
        w = current_of(c);
    }
    return campaign_runs(c) && let_in(e, c);
}

/* ---- what happens to members ---- */

static void look_later(struct engine *e, struct campaign *c)
{
    if (!c->wave_due) {
        c->wave_due = true;
        engine_wake(e, c->slot, e->utc);
    }
}

/* Its end, counted once more (1), or once less (UINT32_MAX: sums wrap). */
static void count_end(struct wave_counts *n, const struct member *m, uint32_t by)
{
    enum outcome outcome = m->rec.outcome;
    bool passed_over = outcome == OUTCOME_SKIPPED || outcome == OUTCOME_SUPERSEDED ||
                       outcome == OUTCOME_CANCELLED;
    n->ended += by;
    if (m->rec.attempted) {
        n->succeeded += outcome == OUTCOME_SUCCEEDED ? by : 0;
        n->failed += outcome == OUTCOME_FAILED ? by : 0;
        n->unknown += outcome == OUTCOME_UNKNOWN ? by : 0;
        return;
    }
    n->already += outcome == OUTCOME_SUCCEEDED ? by : 0;
    n->passed_over += passed_over ? by : 0;
}

void waves_note_end(struct engine *e, struct member *m)
{
    struct wave *w = wave_of(m);
    if (w != NULL) {
        count_end(&w->counts, m, 1);
        look_later(e, m->campaign);
    }
}

/* A wave that held the campaign, or ended with it, is under way again. */
void waves_take_back(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    struct wave *w = wave_of(m);
    if (w == NULL) {
        return;
    }
    count_end(&w->counts, m, UINT32_MAX);
    w->counts.attempted -= m->rec.attempted;
    bool over = w->rec.phase == WAVE_DONE && c->rec.phase == CAMPAIGN_COMPLETED;
    if (over || w->rec.phase == WAVE_HELD || is_put_off(c, w)) {
        w->rec.verdict = w->rec.waived ? w->rec.verdict : WAVE_OPEN;
        w->rec.ended = (struct utc){0};
        w->rec.soak_until = (struct utc){0};
        enter(e, c, w, WAVE_RUNNING);
    }
}

void waves_note_attempt(struct engine *e, struct member *m)
{
    struct wave *w = wave_of(m);
    if (w != NULL && !m->rec.attempted) {
        m->rec.attempted = true;
        w->counts.attempted++;
        look_later(e, m->campaign);
    }
}

void waves_note_session(struct engine *e, struct transmission *t)
{
    for (size_t i = 0; t->campaign->waves != NULL && i < t->member_count; i++) {
        struct member *m = t->members[i];
        if (m->rec.phase == MEMBER_LISTENING && !m->rec.attempted) {
            waves_note_attempt(e, m);
            member_store(e, m);
        }
    }
}

void waves_count(struct member *m)
{
    struct wave *w = wave_of(m);
    if (w == NULL) {
        return;
    }
    w->counts.total++;
    w->counts.attempted += m->rec.attempted;
    if (m->rec.outcome != OUTCOME_NONE) {
        count_end(&w->counts, m, 1);
    }
}

/* ---- the operator ---- */

void waves_resume(struct engine *e, struct campaign *c)
{
    struct wave *w = current_of(c);
    if (w != NULL && w->rec.phase == WAVE_HELD) {
        w->rec.waived = true;
        enter(e, c, w, WAVE_RUNNING);
    }
}

bool waves_approve(struct engine *e, struct campaign *c, uint8_t no)
{
    struct wave *current = current_of(c);
    struct wave *w = no < wave_count(c) ? &c->waves[no] : current;
    if (w == NULL || w->rec.phase >= WAVE_DONE) {
        return false;
    }
    bool waits = w == current && c->rec.phase == CAMPAIGN_PAUSED &&
                 (w->rec.phase == WAVE_APPROVAL || w->rec.phase == WAVE_HELD);
    if (w->rec.phase <= WAVE_APPROVAL && !w->rec.approved) {
        w->rec.approved = true;
        store(e, c, w);
    } else if (w == current && is_put_off(c, w)) {
        w->rec.waived = true;
        store(e, c, w);
    }
    return waits;
}

/* ---- installing on an operator's word ---- */

bool waves_may_install(const struct member *m)
{
    const struct wave *w = wave_of(m);
    return w != NULL && w->rec.installs;
}

void waves_note_installable(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    struct wave *w = wave_of(m);
    if (w == NULL || w->asked) {
        return;
    }
    struct text t = {.len = 0};
    add_text(&t, "devices of wave ");
    add_text(&t, spec_of(c, w)->name);
    add_text(&t, " wait for approval to install");
    w->asked = true;
    campaign_alert(e, c, t.bytes);
    campaign_touch(c);
}

void waves_install(struct engine *e, struct campaign *c, uint8_t no)
{
    struct wave *w = no < wave_count(c) ? &c->waves[no] : current_of(c);
    if (w == NULL || w->rec.installs) {
        return;
    }
    w->rec.installs = true;
    store(e, c, w);
    for (size_t i = 0; i < c->member_count; i++) {
        struct member *m = &c->members[i];
        if (m->rec.phase == MEMBER_COMPLETE && wave_of(m) == w) {
            engine_wake(e, m->slot, e->utc); /* a few in a step */
        }
    }
}

/* ---- the end, and the rest ---- */

void waves_finish(struct engine *e, struct campaign *c)
{
    bool whole = c->rec.phase != CAMPAIGN_ABORTING;
    for (size_t i = 0; i < wave_count(c); i++) {
        struct wave *w = &c->waves[i];
        if (w->rec.phase >= WAVE_DONE) {
            continue;
        }
        w->rec.ended = e->utc;
        w->rec.verdict = w->rec.waived || !whole ? w->rec.verdict : judge(c, w);
        enter(e, c, w, whole ? WAVE_DONE : WAVE_CANCELLED);
    }
}

void waves_tell_end(const struct campaign *c, char reason[static WAVES_REASON_SIZE])
{
    reason[0] = '\0';
    for (size_t i = 0; i < wave_count(c); i++) {
        if (is_bad(&c->waves[i])) {
            struct text t = explain(c, &c->waves[i]);
            memcpy(reason, t.bytes, WAVES_REASON_SIZE);
            return;
        }
    }
}

void waves_clock_step(struct campaign *c, int64_t delta_us)
{
    for (size_t i = 0; i < wave_count(c); i++) {
        struct wave_rec *rec = &c->waves[i].rec;
        if (rec->soak_until.us != 0) {
            rec->soak_until = utc_after(rec->soak_until, delta_us);
        }
    }
}

int engine_restore_wave(struct engine *engine, const struct wave_rec *rec)
{
    struct campaign *c = engine_find_campaign(engine, rec->campaign_id);
    if (c == NULL || rec->no >= c->def.spec->rollout.wave_count ||
        rec->phase > WAVE_CANCELLED || rec->verdict > WAVE_INCONCLUSIVE) {
        return FUO_ENOENT;
    }
    if (c->waves == NULL) {
        allocate(c);
    }
    c->waves[rec->no].rec = *rec;
    return FUO_OK;
}

bool engine_wants_approval(const struct engine *engine, uint32_t campaign_id)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    const struct wave *w = c != NULL ? current_of(c) : NULL;
    return w != NULL && c->rec.phase == CAMPAIGN_PAUSED &&
           (w->rec.phase == WAVE_HELD || is_put_off(c, w) ||
            (w->rec.phase <= WAVE_APPROVAL && spec_of(c, w)->approval_required &&
             !w->rec.approved));
}
