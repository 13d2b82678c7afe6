/* SPDX-License-Identifier: MIT */
#include "engine/budget.h"

#include "engine/campaign.h"

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
