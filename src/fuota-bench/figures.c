/* SPDX-License-Identifier: MIT */
#include "fuota-bench/figures.h"

#include <stdlib.h>

#include "io/cleanup.h"

double figures_ratio(int64_t num, int64_t den)
{
    return den <= 0 || num < 0 ? -1.0 : (double)num / (double)den;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* The time at which that share of all reachable devices is complete; -1: never. */
static int64_t quantile(const int64_t *sorted, const struct figures *f, uint32_t percent)
{
    size_t wanted = (f->reachable * percent + 99) / 100;
    return wanted == 0 || wanted > f->completed ? -1 : sorted[wanted - 1];
}

static int sum_devices(const struct world_trace *t, const uint8_t *reachable,
                       struct figures *f)
{
    AUTO_FREE int64_t *times = calloc(t->device_count + 1, sizeof(*times));
    if (times == NULL) {
        return FUO_ENOMEM;
    }
    for (size_t i = 0; i < t->device_count; i++) {
        const struct world_device_trace *d = &t->devices[i];
        f->completed_all += d->complete_us >= 0;
        f->outcomes[d->outcome & 7]++;
        f->unicast_us += d->unicast_us;
        if (reachable[i] == 0) {
            continue;
        }
        f->reachable++;
        f->listening_us += d->listening_us;
        if (d->complete_us >= 0) {
            times[f->completed++] = d->complete_us;
        }
    }
    qsort(times, f->completed, sizeof(*times), compare);
    f->makespan_us = f->completed > 0 ? times[f->completed - 1] : -1;
    f->t95_us = quantile(times, f, 95);
    f->t99_us = quantile(times, f, 99);
    return FUO_OK;
}

static void span_transmissions(const struct world_trace *t, struct figures *f)
{
    for (size_t i = 0; i < t->transmission_count; i++) {
        uint32_t m = t->transmissions[i].m;
        if (m == 0) {
            continue; /* nobody was set up for it */
        }
        f->m_min = f->m_min == 0 || m < f->m_min ? m : f->m_min;
        f->m_max = m > f->m_max ? m : f->m_max;
    }
}

int figures_compute(const struct world_scenario *s, const struct world_trace *t,
                    bool solver, const uint8_t *reachable, struct figures *f)
{
    *f = (struct figures){.violations = t->violations,
                          .frames = t->multicast_frames,
                          .multicast_us = t->multicast_us};
    span_transmissions(t, f);
    int err = sum_devices(t, reachable, f);
    if (err == FUO_OK) {
        err = bounds_compute(s, t, reachable, &f->bounds);
    }
    if (err == FUO_OK) {
        err = oracle_compute(s, t, &f->oracle);
    }
    if (err == FUO_OK && solver) {
        err = cover_best_compute(s, t, reachable, &f->cover);
    }
    return err;
}
