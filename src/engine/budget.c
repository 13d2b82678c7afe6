/* SPDX-License-Identifier: MIT */
#include "engine/budget.h"

#include "engine/campaign.h"
#include "engine/member.h"
#include "radio/energy.h"

enum {
    UJ_PER_MJ = 1000,
};

/* A spec that no file was decoded into may leave it at 0. */
static bool is_limited(int64_t budget_us)
{
    return budget_us > 0 && budget_us != SPEC_NONE_US;
}

static struct utc end_of(const struct campaign *c)
{
    int64_t us = c->def.spec->budgets.duration_us;
    return is_limited(us) && c->rec.started.us != 0 ? utc_after(c->rec.started, us)
                                                    : UTC_NEVER;
}

bool budget_admits(struct engine *e, struct campaign *c, int64_t airtime_us)
{
    int64_t limit_us = c->def.spec->budgets.airtime_us;
    if (!is_limited(limit_us) || c->rec.airtime_us + airtime_us <= limit_us) {
        return true;
    }
    campaign_pause(e, c, "spec.budgets.airtime is used up");
    return false;
}

struct utc budget_tick(struct engine *e, struct campaign *c)
{
    struct utc end = end_of(c);
    if (!campaign_runs(c) || end.us == INT64_MAX) {
        return UTC_NEVER;
    }
    if (utc_reached(end, e->utc)) {
        campaign_pause(e, c, "spec.budgets.duration is over");
        return UTC_NEVER;
    }
    return end;
}

/* ---- listening ---- */

/* The receiver, in so much of a session. */
static int64_t on_us(const struct transmission *t, int64_t us)
{
    const struct spec_radio *radio = &t->campaign->def.spec->radio;
    const struct energy_slots how = {.periodicity = radio->ping_slot_periodicity,
                                     .frame_us = t->plan.frame_airtime_us,
                                     .interval_us = t->plan.interval_us};
    return spec_is_class_b(radio) ? energy_slots_us(us, &how) : us;
}

/* In the session that is dated, so far. */
static int64_t listening_us(const struct engine *e, const struct transmission *t)
{
    struct utc until = utc_min(e->utc, t->rec.session_end);
    int64_t us = until.us - t->rec.session_start.us;
    return t->rec.session_start.us != 0 && us > 0 ? on_us(t, us) : 0;
}

void budget_note_listening(const struct engine *e, struct member *m)
{
    const struct transmission *t = m->transmission;
    bool listens = m->rec.phase == MEMBER_LISTENING || m->rec.phase == MEMBER_STATUS;
    if (t != NULL && listens) {
        m->rec.listened_s +=
            (uint32_t)((listening_us(e, t) + SECONDS_US(1) - 1) / SECONDS_US(1));
    }
}

/* Of the member that listened longest in the sessions before. */
static int64_t listened_before_us(struct transmission *t)
{
    if (t->listened_no != t->rec.session_no || t->rec.session_no == 0) {
        t->listened_no = t->rec.session_no;
        t->listened_s = 0;
        for (size_t i = 0; i < t->member_count; i++) {
            uint32_t s = t->members[i]->rec.listened_s;
            t->listened_s = s > t->listened_s ? s : t->listened_s;
        }
    }
    return SECONDS_US(1) * t->listened_s;
}

/* us: in the session that it is about. */
static bool may_listen(struct engine *e, struct transmission *t, int64_t us)
{
    const struct spec_budgets *budgets = &t->campaign->def.spec->budgets;
    bool energy =
        budgets->device_energy_mj != 0 && budgets->device_energy_mj != SPEC_AUTO_U32;
    if (!energy && !is_limited(budgets->device_listening_us)) {
        return true;
    }
    us += listened_before_us(t);
    if (is_limited(budgets->device_listening_us) && us > budgets->device_listening_us) {
        campaign_pause(e, t->campaign, "spec.budgets.deviceListening is used up");
        return false;
    }
    if (energy && energy_run_uj(us) / UJ_PER_MJ > budgets->device_energy_mj) {
        campaign_pause(e, t->campaign, "spec.budgets.deviceEnergy is used up");
        return false;
    }
    return true;
}

bool budget_lets_send(struct engine *e, struct transmission *t)
{
    return may_listen(e, t, listening_us(e, t) + t->frame_airtime_us);
}

/* Those of the session that is over have left it. */
bool budget_lets_date(struct engine *e, struct transmission *t)
{
    t->listened_no = 0;
    return may_listen(e, t, on_us(t, t->plan.interval_us));
}
