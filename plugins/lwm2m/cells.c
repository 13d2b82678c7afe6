/* SPDX-License-Identifier: MIT */
/*
 * cells.c - pacing: which devices of a cell (/4/0/8) are brought an image at the moment. A cell
 * of NB-IoT that has hundreds of meters carries few downloads at a time, and one by a device
 * that hears it badly takes many times the air of another: everything is repeated for it. So
 * there are at most so many at a time, of the weak ones one, and each begins some time after
 * the one before.
 *
 * A device counts from when it is told where to fetch, or sent the first block, until it is
 * read in another State than Downloading, or its registration ends. A cell in which nothing is
 * under way, and nothing began just now, is forgotten by who passes it next.
 */
#include <stdlib.h>

#include "lwm2m.h"

enum {
    COVERAGE_WEAK = 2, /* /4/0/13: level 1 of 3GPP, the first one with repetitions */
};

struct cell {
    struct cell *next;
    uint32_t id;
    uint32_t count;
    uint32_t weak_count; /* of them */
    int64_t begun_us;    /* the last one */
};

/* The wall clock may have been set back. */
static bool has_just_begun(const struct fuo_ns *ns, const struct cell *cell)
{
    return ns->now_us >= cell->begun_us &&
           ns->now_us - cell->begun_us < ns->config->cell_interval_us;
}

/* On its way it forgets the cells that are of no use any more. */
static struct cell **place_of(struct fuo_ns *ns, uint32_t id)
{
    struct cell **at = &ns->cells[id * UINT32_C(0x9e3779b1) >> 24];
    while (*at != NULL && (*at)->id != id) {
        struct cell *cell = *at;
        if (cell->count == 0 && !has_just_begun(ns, cell)) {
            *at = cell->next;
            free(cell);
        } else {
            at = &cell->next;
        }
    }
    return at;
}

bool cells_wants(const struct fuo_ns *ns, const struct peer *p)
{
    const struct config *c = ns->config;
    return (c->cell_devices > 0 || c->cell_interval_us > 0 || ns->weak_dbm != 0) &&
           p->connectivity && !p->radio_known;
}

void cells_take(struct fuo_ns *ns, struct peer *p, const struct radio *radio)
{
    bool loads = p->loads;
    cells_leave(ns, p);
    p->radio_known = true;
    p->cell_known = radio != NULL && radio->has_cell;
    p->weak = p->cell_known && ns->weak_dbm != 0 &&
              ((radio->has_dbm && radio->dbm < ns->weak_dbm) ||
               (radio->has_coverage && radio->coverage >= COVERAGE_WEAK));
    if (p->cell_known) {
        p->cell = radio->cell;
    }
    if (loads) {
        cells_enter(ns, p);
    }
}

bool cells_is_full(struct fuo_ns *ns, const struct peer *p)
{
    const struct cell *cell = p->cell_known ? *place_of(ns, p->cell) : NULL;
    uint32_t most = ns->config->cell_devices;
    return !p->loads && cell != NULL &&
           ((most > 0 && cell->count >= most) || (p->weak && cell->weak_count > 0) ||
            has_just_begun(ns, cell));
}

void cells_enter(struct fuo_ns *ns, struct peer *p)
{
    if (p->loads || !p->cell_known) {
        return;
    }
    struct cell **at = place_of(ns, p->cell);
    if (*at == NULL) {
        *at = calloc(1, sizeof(**at));
        if (*at == NULL) {
            return; /* without memory nothing is counted */
        }
        (*at)->id = p->cell;
    }
    (*at)->count++;
    (*at)->weak_count += p->weak;
    (*at)->begun_us = ns->now_us;
    p->loads = true;
}

void cells_leave(struct fuo_ns *ns, struct peer *p)
{
    if (!p->loads) {
        return;
    }
    struct cell *cell = *place_of(ns, p->cell);
    p->loads = false;
    if (cell != NULL) {
        cell->count--;
        cell->weak_count -= p->weak;
    }
}

void cells_close(struct fuo_ns *ns)
{
    for (size_t i = 0; i < CELL_BUCKETS; i++) {
        while (ns->cells[i] != NULL) {
            struct cell *next = ns->cells[i]->next;
            free(ns->cells[i]);
            ns->cells[i] = next;
        }
    }
}
