/* SPDX-License-Identifier: MIT */
#include "rig_faults.h"

#include "rig.h"

static struct utc some_time_after(struct rig *rig, int64_t mean_us)
{
    if (mean_us == 0) {
        return UTC_NEVER;
    }
    return utc_after(rig->now,
                     (int64_t)prng_below(&rig->faults.prng, (uint64_t)mean_us * 2));
}

void rig_faults_start(struct rig *rig, uint64_t seed)
{
    struct rig_faults *f = &rig->faults;
    f->prng = prng_seeded(seed);
    f->next_away = some_time_after(rig, f->away_every_us);
    f->next_reboot = some_time_after(rig, f->reboot_every_us);
    f->next_step = some_time_after(rig, f->step_every_us);
}

bool rig_fault(struct rig *rig, uint32_t ppm)
{
    return ppm != 0 && prng_below(&rig->faults.prng, SPEC_PPM) < ppm;
}

int rig_fault_of_call(struct rig *rig, bool *takes_effect)
{
    *takes_effect = false;
    if (rig->api_away || rig_fault(rig, rig->faults.refuse_ppm)) {
        return FUO_EAGAIN;
    }
    if (rig_fault(rig, rig->faults.timeout_ppm)) {
        *takes_effect = rig_fault(rig, SPEC_PPM / 2);
        return FUO_ETIMEDOUT;
    }
    *takes_effect = true;
    return FUO_OK;
}

struct utc rig_faults_next(const struct rig *rig)
{
    const struct rig_faults *f = &rig->faults;
    if (f->away_every_us == 0 && f->reboot_every_us == 0 && f->step_every_us == 0) {
        return UTC_NEVER;
    }
    return utc_min(f->next_away, utc_min(f->next_reboot, f->next_step));
}

static void go_away_or_come_back(struct rig *rig)
{
    rig->api_away = !rig->api_away;
    rig->faults.next_away = rig->api_away
                                ? utc_after(rig->now, rig->faults.away_us)
                                : some_time_after(rig, rig->faults.away_every_us);
}

static void reboot_one(struct rig *rig)
{
    size_t count = network_device_count(&rig->net);
    struct device *d = rig_device(rig, (size_t)prng_below(&rig->faults.prng, count));
    d->reboot_at = rig->now;
    sim_timers_set(&rig->net.timers, &d->timer, rig->now);
    rig->faults.next_reboot = some_time_after(rig, rig->faults.reboot_every_us);
}

static void step_clock(struct rig *rig)
{
    int64_t delta_us = -rig->utc_offset_us;
    if (rig->utc_offset_us == 0) {
        uint64_t span = 2 * (uint64_t)rig->faults.step_us;
        delta_us = (int64_t)prng_below(&rig->faults.prng, span) - rig->faults.step_us;
    }
    rig_step_clock(rig, delta_us);
    rig->faults.next_step = some_time_after(
        rig, rig->utc_offset_us != 0 ? MINUTES_US(10) : rig->faults.step_every_us);
}

void rig_faults_run(struct rig *rig)
{
    struct rig_faults *f = &rig->faults;
    if (f->away_every_us != 0 && utc_reached(f->next_away, rig->now)) {
        go_away_or_come_back(rig);
    }
    if (f->reboot_every_us != 0 && utc_reached(f->next_reboot, rig->now)) {
        reboot_one(rig);
    }
    if (f->step_every_us != 0 && utc_reached(f->next_step, rig->now)) {
        step_clock(rig);
    }
}
