/* SPDX-License-Identifier: MIT */
#include "engine/retry.h"

#include <stdlib.h>

#include "engine/campaign.h"
#include "engine/member.h"
#include "engine/reported.h"
#include "engine/sweep.h"
#include "engine/term.h"
#include "engine/waves.h"

static bool is_open(const struct campaign *c)
{
    return c->rec.phase == CAMPAIGN_RUNNING || c->rec.phase == CAMPAIGN_PAUSED ||
           c->rec.phase == CAMPAIGN_COMPLETED;
}

static enum engine_retry verdict_of(const struct member *m)
{
    if (m->rec.outcome == OUTCOME_NONE || m->goes_again) {
        return ENGINE_RETRY_UNDER_WAY;
    }
    if (m->rec.outcome == OUTCOME_SUCCEEDED) {
        return ENGINE_RETRY_SUCCEEDED;
    }
    if (m->rec.reason == REASON_NO_WAVE) {
        return ENGINE_RETRY_NO_WAVE;
    }
    return m->device->active == NULL ? ENGINE_RETRY_YES : ENGINE_RETRY_BUSY;
}

/* As it was before its first try, but for what is known of the device. */
static void reset(struct member *m)
{
    const struct member_rec fresh = {
        .campaign_id = m->rec.campaign_id,
        .dev_eui = m->rec.dev_eui,
        .phase = MEMBER_PENDING,
        .state = m->rec.state,
        .result = m->rec.result,
        .source = m->rec.source,
        .reason = REASON_RETRIED,
        .wave = m->rec.wave,
        .missing = UINT16_MAX,
        .delta_failures = m->rec.delta_failures,
        .outcome_before = (uint8_t)m->rec.outcome,
        .reason_before = (uint8_t)m->rec.reason,
        .retries = m->rec.retries < UINT8_MAX ? m->rec.retries + 1 : UINT8_MAX,
    };
    member_replace(m, &fresh, NULL);
    struct member blank = {
        .rec = m->rec, .campaign = m->campaign, .device = m->device, .slot = m->slot};
    *m = blank;
}

/* Counted as one that has not ended, and its device is its own: the rest in its turn. */
static void choose(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    waves_take_back(e, m);
    c->counts.by_outcome[m->rec.outcome]--;
    c->counts.by_outcome[OUTCOME_NONE]++;
    m->device->active = m;
    m->goes_again = true;
}

void retry_member(struct engine *e, struct member *m)
{
    struct campaign *c = m->campaign;
    member_drop_command(m);
    member_part_with(e, m); /* what the server may still hold of the try before */
    reset(m);
    m->rec.phase_since = e->utc;
    (void)reported_infer(e, m, FW_SEEN_TARGETED);
    member_fw_changed(e, m);
    free(c->live); /* it lists those that had not ended */
    c->live = NULL;
    c->entered = 0; /* it is to be let in */
    c->pump = 0;
}

static void reopen(struct engine *e, struct campaign *c)
{
    if (c->rec.phase == CAMPAIGN_COMPLETED) {
        c->rec.ended = (struct utc){0};
        campaign_enter(c, CAMPAIGN_RUNNING, "");
    }
    campaign_touch(c);
    campaign_begin_waiting(e, c);
}

void retry_members(struct engine *e, struct campaign *c, const uint64_t *devices,
                   size_t count)
{
    size_t taken = 0;
    for (size_t i = 0; i < count && is_open(c) && term_lasts(e, c); i++) {
        struct member *m = campaign_find_member(c, devices[i]);
        if (m != NULL && verdict_of(m) == ENGINE_RETRY_YES) {
            choose(e, m);
            taken++;
        }
    }
    if (taken > 0) {
        reopen(e, c);
        sweep_start(e, c);
    }
}

bool engine_may_retry(const struct engine *engine, uint32_t campaign_id, struct utc now)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    return c != NULL && is_open(c) && c->def.image != NULL && !c->term_over &&
           !utc_reached(c->def.deadline, now);
}

enum engine_retry engine_retry_of(const struct engine *engine, uint32_t campaign_id,
                                  uint64_t dev_eui)
{
    const struct campaign *c = engine_find_campaign(engine, campaign_id);
    const struct member *m = c != NULL ? campaign_find_member(c, dev_eui) : NULL;
    return m != NULL ? verdict_of(m) : ENGINE_RETRY_UNKNOWN;
}
