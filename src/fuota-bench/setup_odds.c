/* SPDX-License-Identifier: MIT */
#include "fuota-bench/setup_odds.h"

#include "base/time.h"
#include "world/radio.h"

enum {
    JITTER_PART = 20, /* an interval is short by one in that many at most */
    MEDIAN_MAX_S = 1 << 30,
};

#define PPB     INT64_C(1000000000)
#define PPB_PPM (PPB / WORLD_PPM)

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t times_ppb(int64_t a, int64_t b)
{
    return a * b / PPB;
}

/* No gateway hears an uplink. */
static int64_t uplink_lost_ppb(const struct world_scenario *s,
                               const struct geometry_losses *losses, size_t device)
{
    const struct world_link *link = world_links(s, device);
    int32_t floor_cdb = world_floor_cdb(s->devices[device].uplink_dr);
    int64_t lost = PPB;
    for (size_t i = 0; i < world_link_count(s, device) && lost > 0; i++) {
        int32_t margin_cdb = world_uplink_snr_cdb(s, link[i].loss_cdb) - floor_cdb;
        uint32_t ppm = geometry_loss_ppm(losses, margin_cdb);
        if (ppm >= WORLD_PPM) {
            break; /* links are sorted: the others are weaker */
        }
        lost = lost * ppm / WORLD_PPM;
    }
    return PPB - times_ppb((WORLD_PPM - s->params.uplink_loss_ppm) * PPB_PPM, PPB - lost);
}

static int64_t downlink_lost_ppb(const struct world_scenario *s,
                                 const struct geometry_losses *losses, size_t device)
{
    if (world_link_count(s, device) == 0) {
        return PPB;
    }
    uint8_t rx1_dr = s->devices[device].uplink_dr;
    uint8_t rx2_dr = s->params.rx2_dr;
    int32_t loss_cdb = world_links(s, device)[0].loss_cdb;
    int32_t rx1_cdb = world_rx1_snr_cdb(s, loss_cdb) - world_floor_cdb(rx1_dr);
    uint32_t rx1 = geometry_loss_ppm(losses, rx1_cdb);
    uint32_t rx2 = geometry_loss_ppm(losses, world_margin_cdb(s, loss_cdb, rx2_dr));
    return min_i64(rx1, rx2) * PPB_PPM;
}

void setup_odds_of(const struct world_scenario *s, const struct geometry_losses *losses,
                   size_t device, struct setup_odds *odds)
{
    int64_t interval_us = SECONDS_US(s->devices[device].interval_s);
    odds->interval_us = interval_us - interval_us / JITTER_PART;
    odds->success_ppb = times_ppb(PPB - uplink_lost_ppb(s, losses, device),
                                  PPB - downlink_lost_ppb(s, losses, device));
}

int64_t setup_odds_downlink_us(const struct world_scenario *s, size_t device,
                               uint32_t frm_bytes)
{
    return min_i64(geometry_downlink_us(s->devices[device].uplink_dr, frm_bytes),
                   geometry_downlink_us(s->params.rx2_dr, frm_bytes));
}

/* Rounded down. */
static int64_t power_ppb(int64_t base, int64_t exponent)
{
    int64_t power = PPB;
    for (; exponent > 0 && power > 0; exponent /= 2) {
        if (exponent % 2 != 0) {
            power = times_ppb(power, base);
        }
        base = times_ppb(base, base);
    }
    return power;
}

/* At most k of the attempts fail before the second success. */
int64_t setup_odds_done_ppb(const struct setup_odds *odds, int64_t t_us)
{
    if (t_us < odds->soonest_us || odds->success_ppb == 0) {
        return 0;
    }
    int64_t tries = 2;
    if (odds->interval_us > 0) {
        tries += (t_us - odds->soonest_us) / odds->interval_us;
    }
    int64_t failure = PPB - odds->success_ppb;
    int64_t none = power_ppb(failure, tries);
    int64_t one = times_ppb(odds->success_ppb, power_ppb(failure, tries - 1));
    return PPB - none - tries * one;
}

static int64_t all_done_ppb(const struct setup_odds *odds, size_t count, int64_t t_us)
{
    int64_t all = PPB;
    for (size_t i = 0; i < count && all > 0; i++) {
        if (odds[i].success_ppb > 0) {
            /* Rounded up. */
            all = (all * setup_odds_done_ppb(&odds[i], t_us) + PPB - 1) / PPB;
        }
    }
    return all;
}

int64_t setup_odds_median_us(const struct setup_odds *odds, size_t count)
{
    int64_t low_s = 0; /* not in half of the cases, if it is above 0 */
    int64_t high_s = MEDIAN_MAX_S;
    while (low_s + 1 < high_s) {
        int64_t middle_s = low_s + (high_s - low_s) / 2;
        if (all_done_ppb(odds, count, SECONDS_US(middle_s)) < PPB / 2) {
            low_s = middle_s;
        } else {
            high_s = middle_s;
        }
    }
    return SECONDS_US(low_s);
}
