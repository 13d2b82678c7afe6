/* SPDX-License-Identifier: MIT */
/*
 * grid.c - the turns of gateways, which outlive a round.
 *
 * Transmissions that are on air at the same time with one data rate disturb one another
 * unless they keep to the same turns. So what a round has found is kept: later ones fit
 * their gateways in. It is found anew by a round of more members, which knows more, when
 * nobody uses it any more.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/air.h"
#include "engine/internal.h"
#include "engine/round.h"
#include "engine/session.h"

/* Its gateways were given by hand, and have turns that nobody else knows; or it has no turns
 * but ping slots. */
static bool has_own_turns(const struct campaign *c)
{
    const struct spec_radio *radio = &c->def.spec->radio;
    return radio->gateways.count > 0 || spec_is_class_b(radio);
}

static bool uses(const struct campaign *c, const struct fleet *f, uint8_t dr)
{
    if (has_own_turns(c)) {
        return false;
    }
    for (size_t k = 0; k < c->transmission_count; k++) {
        const struct transmission *t = c->transmissions[k];
        if (t->fleet == f && t->rec.dr == dr && t->rec.phase != TX_ENDED) {
            return true;
        }
    }
    return false;
}

static bool is_in_use(const struct engine *e, const struct fleet *f, uint8_t dr)
{
    for (size_t i = 0; i < e->campaign_count; i++) {
        const struct campaign *c = e->campaigns[i];
        if (c->transmissions_open > 0 && uses(c, f, dr)) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct engine *e, const struct fleet *f, uint8_t dr,
                  size_t member_count)
{
    const struct grid *grid = &f->grids[dr];
    return grid->turn_count > 0 &&
           (member_count <= grid->member_count || is_in_use(e, f, dr));
}

size_t grid_known(struct engine *e, const struct fleet *f, size_t member_count,
                  const struct numbered *n, struct partition_grid *grids,
                  uint16_t **turns)
{
    size_t count = 0;
    *turns = engine_zeroed(REGION_DR_COUNT * (n->count + 1), sizeof(**turns));
    for (uint32_t dr = 0; dr < REGION_DR_COUNT; dr++) {
        uint16_t *turn = *turns + dr * n->count;
        for (size_t g = 0; g < n->count; g++) {
            turn[g] = n->gateways[g]->turn[dr];
        }
        if (holds(e, f, (uint8_t)dr, member_count)) {
            grids[count++] = (struct partition_grid){(uint8_t)dr, f->grids[dr].turn_count,
                                                     f->grids[dr].interval_us, turn};
        }
    }
    return count;
}

void grid_learn(struct fleet *f, size_t member_count, const struct numbered *n,
                const struct partition *p)
{
    for (size_t i = 0; i < p->grid_count; i++) {
        const struct partition_grid *from = &p->grids[i];
        struct grid *grid = &f->grids[from->dr];
        grid->turn_count = from->turn_count;
        grid->interval_us = from->interval_us;
        grid->member_count =
            member_count > grid->member_count ? member_count : grid->member_count;
        for (size_t g = 0; g < n->count; g++) {
            n->gateways[g]->turn[from->dr] = from->turn[g];
        }
    }
}

static void restore_lane(struct engine *e, const struct transmission *t,
                         const struct lane_rec *l)
{
    for (uint8_t k = 0; k < l->gateway_count; k++) {
        struct gateway_ledger *ledger =
            air_ledger(e, t->fleet, l->gateways[k], t->rec.frequency_hz);
        if (ledger != NULL) {
            ledger->turn[t->rec.dr] = l->colour;
        }
    }
}

void grid_restore(struct engine *e, const struct transmission *t)
{
    if (t->rec.phase == TX_ENDED || t->rec.colour_count == 0 ||
        t->rec.dr >= REGION_DR_COUNT || has_own_turns(t->campaign)) {
        return;
    }
    struct grid *grid = &t->fleet->grids[t->rec.dr];
    grid->turn_count = t->rec.colour_count;
    grid->interval_us = t->rec.interval_us;
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        restore_lane(e, t, &t->lanes[i].rec);
    }
}
