/* SPDX-License-Identifier: MIT */
/*
 * cells.c - how many devices of each cell (/4/0/8) are being brought an image at the moment:
 * a cell of NB-IoT that has hundreds of meters carries few downloads at a time. A device
 * counts from when it is told where to fetch, or sent the first block, until it is read in
 * another State than Downloading, or its registration ends. Cells in which nothing is under
 * way take no memory.
 */
#include <stdlib.h>

#include "lwm2m.h"

struct cell {
    struct cell *next;
    uint32_t id;
    uint32_t count;
};

static struct cell **place_of(struct fuo_ns *ns, uint32_t id)
{
    struct cell **at = &ns->cells[id * UINT32_C(0x9e3779b1) >> 24];
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    return at;
}

bool cells_is_full(const struct fuo_ns *ns, const struct peer *p)
{
    const struct cell *cell =
        p->cell_known ? *place_of((struct fuo_ns *)(uintptr_t)ns, p->cell) : NULL;
    return !p->loads && cell != NULL && ns->config->cell_devices > 0 &&
           cell->count >= ns->config->cell_devices;
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
    p->loads = true;
}

void cells_leave(struct fuo_ns *ns, struct peer *p)
{
    if (!p->loads) {
        return;
    }
    struct cell **at = place_of(ns, p->cell);
    p->loads = false;
    if (*at != NULL && --(*at)->count == 0) {
        struct cell *gone = *at;
        *at = gone->next;
        free(gone);
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
