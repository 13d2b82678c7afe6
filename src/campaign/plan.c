/* SPDX-License-Identifier: MIT */
#include "campaign/plan.h"

#include <stddef.h>
#include <string.h>

#include "codec/frag.h"
#include "codec/mcast.h"
#include "radio/airtime.h"
#include "radio/subband.h"

enum {
    ADAPTIVE_FIRST_PPM = 100000, /* coded before anything is known of the losses */
    SESSION_SLACK_PCT = 60,      /* room for polls and repair in the first session */
    MARGIN_CDB = 300,            /* wanted above the demodulation floor */
    GUARD_EXACT_US = 50000,
    GUARD_QUEUE_US = 300000,
    POLL_US_PER_DEVICE = 30000,
};

const char *plan_error_text(enum plan_error error)
{
    static const char *const texts[] = {
#define X(name, text) [name] = (text),
        PLAN_ERROR_MAP(X)
#undef X
    };
    return texts[error];
}

/*
 * The fastest LoRa data rate that the weakest link carries with margin. The uplink stands
 * in for the downlink, which is the stronger one (performance.md 0.8). Nothing known: the
 * middle of the range.
 */
static uint8_t choose_dr(const struct region *region, int16_t snr_cdb)
{
    int slowest = -1;
    int best = -1;
    for (int dr = 0; dr < REGION_DR_COUNT; dr++) {
        const struct data_rate *rate =
            region_data_rate(region, (uint8_t)dr, DIRECTION_DOWN);
        if (rate == NULL || rate->modulation != MODULATION_LORA || rate->sf < 7 ||
            rate->bw_hz == 250000) {
            continue;
        }
        if (slowest < 0) {
            slowest = dr;
        }
        bool known = snr_cdb != PLAN_SNR_UNKNOWN;
        if (known ? snr_cdb >= data_rate_floor_cdb(rate) + MARGIN_CDB : rate->sf >= 9) {
            best = dr;
        }
    }
    return (uint8_t)(best >= 0 ? best : slowest);
}

uint32_t plan_share_ppm(const struct campaign_spec *spec, const struct fleet_spec *fleet,
                        uint32_t priority_ceiling_ppm)
{
    uint32_t share_ppm = spec->budgets.duty_cycle_ppm;
    uint32_t free_ppm = SPEC_PPM - fleet->reserve_ppm;
    share_ppm = share_ppm < free_ppm ? share_ppm : free_ppm;
    bool limited = priority_ceiling_ppm > 0 && priority_ceiling_ppm < share_ppm;
    return limited ? priority_ceiling_ppm : share_ppm;
}

uint32_t plan_frequency_hz(const struct spec_radio *radio, const struct region *region)
{
    if (radio->frequency_hz != SPEC_AUTO_U32) {
        return radio->frequency_hz;
    }
    return spec_is_class_b(radio) ? region->beacon_hz : region->rx2_hz;
}

static enum plan_error plan_channel(const struct plan_input *in, struct plan *plan)
{
    const struct spec_radio *radio = &in->spec->radio;
    plan->region = region_by_name(in->fleet->region);
    if (plan->region == NULL) {
        return PLAN_REGION;
    }
    plan->dr = radio->dr == SPEC_AUTO_U32 ? choose_dr(plan->region, in->weakest_snr_cdb)
                                          : (uint8_t)radio->dr;
    const struct data_rate *rate =
        radio->dr != SPEC_AUTO_U32 && radio->dr >= REGION_DR_COUNT
            ? NULL
            : region_data_rate(plan->region, plan->dr, DIRECTION_DOWN);
    if (rate == NULL ||
        region_max_payload(plan->region, plan->dr, (struct payload_rules){0}) == 0) {
        return PLAN_DATARATE;
    }
    plan->frequency_hz = plan_frequency_hz(radio, plan->region);
    const struct subband *band =
        subband_find(plan->region, plan->frequency_hz, rate->bw_hz, NULL);
    if (band == NULL || plan->frequency_hz % MC_FREQUENCY_STEP_HZ != 0) {
        return PLAN_FREQUENCY;
    }
    uint32_t share_ppm = plan_share_ppm(in->spec, in->fleet, in->priority_ceiling_ppm);
    plan->legal_cap_us = HOURS_US(1) * band->limit_ppm / SPEC_PPM;
    plan->airtime_cap_us = plan->legal_cap_us * share_ppm / SPEC_PPM;
    return PLAN_OK;
}

static enum plan_error plan_fragments(const struct plan_input *in, struct plan *plan)
{
    struct fragplan_limits limits = in->limits;
    uint8_t room = fragplan_size_for_payload(
        region_max_payload(plan->region, plan->dr, (struct payload_rules){0}));
    if (limits.size_max == 0 || limits.size_max > room) {
        limits.size_max = room;
    }
    uint32_t wanted = in->spec->fragmentation.size_bytes;
    int err;
    if (wanted == SPEC_AUTO_U32) {
        err = fragplan_choose(in->image_len, &limits, &plan->fragments);
    } else if (wanted == 0 || wanted > limits.size_max ||
               !fragplan_fits(&limits, (uint8_t)wanted, 1)) {
        return PLAN_SIZE;
    } else {
        err = fragplan_with_size(in->image_len, (uint8_t)wanted, &plan->fragments);
    }
    bool fits = err == FUO_OK &&
                fragplan_fits(&limits, plan->fragments.size, plan->fragments.count);
    return fits ? PLAN_OK : PLAN_TOO_MANY;
}

static uint16_t share_of(uint32_t count, uint32_t ppm)
{
    uint64_t share = ((uint64_t)count * ppm + SPEC_PPM - 1) / SPEC_PPM;
    return (uint16_t)(share > FRAG_COUNT_MAX ? FRAG_COUNT_MAX : share);
}

static void plan_redundancy(const struct plan_input *in, struct plan *plan)
{
    const struct spec_fragmentation *f = &in->spec->fragmentation;
    uint32_t m = plan->fragments.count;
    uint32_t most = share_of(m, f->max_redundancy_ppm);
    if (most > FRAG_COUNT_MAX - m) {
        most = FRAG_COUNT_MAX - m;
    }
    uint32_t first = share_of(m, f->redundancy_ppm == SPEC_AUTO_U32 ? ADAPTIVE_FIRST_PPM
                                                                    : f->redundancy_ppm);
    plan->coded_max = (uint16_t)most;
    plan->coded_first = (uint16_t)(first < most ? first : most);
}

uint8_t plan_timeout_exp(int64_t unit_us, int64_t duration_us)
{
    uint8_t n = 0;
    while (n < MC_TIMEOUT_EXP_MAX && unit_us << n < duration_us) {
        n++;
    }
    return n;
}

/* Answers of those who miss something, a part of all, spread over 2^(exp+4) s (TS004
 * BlockAckDelay). */
static uint8_t ack_delay_for(uint32_t device_count)
{
    uint8_t n = 0;
    while (n < FRAG_BLOCK_ACK_DELAY_MAX &&
           SECONDS_US(16) << n < (int64_t)device_count * POLL_US_PER_DEVICE) {
        n++;
    }
    return n;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t decide_interval_us(const struct plan_input *in, const struct plan *plan)
{
    const struct spec_radio *radio = &in->spec->radio;
    bool slots = spec_is_class_b(radio); /* all gateways in the same one: no spacing */
    int64_t interval_us =
        larger(slots ? spec_ping_period_us(radio) : in->server_spacing_us,
               plan->frame_airtime_us);
    if (radio->spacing_us != SPEC_AUTO_US) {
        interval_us = larger(interval_us, radio->spacing_us);
    }
    /* More than an hour's budget: an even pace, so that nobody listens to silence. */
    if (plan->airtime_us > plan->airtime_cap_us) {
        int64_t even_us =
            plan->frame_airtime_us * (HOURS_US(1) / 1000) / (plan->airtime_cap_us / 1000);
        interval_us = larger(interval_us, even_us);
    }
    return interval_us;
}

static void plan_pace(const struct plan_input *in, struct plan *plan)
{
    int64_t frames = (int64_t)plan->fragments.count + plan->coded_first;
    plan->airtime_us = frames * plan->frame_airtime_us;
    plan->interval_us = decide_interval_us(in, plan);
    plan->duration_us = frames * plan->interval_us;

    uint32_t delay = in->spec->fragmentation.block_ack_delay;
    plan->block_ack_delay =
        delay == SPEC_AUTO_U32 ? ack_delay_for(in->device_count) : (uint8_t)delay;
    plan->poll_window_us = SECONDS_US(16) << plan->block_ack_delay;

    int64_t with_repair_us = plan->duration_us / 100 * (100 + SESSION_SLACK_PCT) +
                             4 * plan->poll_window_us + MINUTES_US(2);
    plan->session_unit_us = spec_session_unit_us(&in->spec->radio);
    int64_t longest_us = plan->session_unit_us << MC_TIMEOUT_EXP_MAX;
    plan->timeout_exp = plan_timeout_exp(plan->session_unit_us, with_repair_us);
    plan->session_count = (uint32_t)((plan->duration_us + longest_us - 1) / longest_us);
}

int64_t plan_slot_us(int64_t airtime_us, bool absolute, int64_t jitter_us)
{
    if (absolute) {
        return airtime_us + GUARD_EXACT_US;
    }
    int64_t looks = jitter_us > 0 ? (airtime_us + jitter_us - 1) / jitter_us : 0;
    return (looks > 0 ? looks * jitter_us : airtime_us) + GUARD_QUEUE_US;
}

int64_t plan_least_time_us(int64_t airtime_us, int64_t cap_us)
{
    if (airtime_us <= 0 || cap_us <= 0) {
        return 0;
    }
    int64_t hours = (airtime_us - 1) / cap_us;
    return hours * HOURS_US(1) + airtime_us - hours * cap_us;
}

enum plan_error plan_make(const struct plan_input *in, struct plan *plan)
{
    memset(plan, 0, sizeof(*plan));
    if (in->image_len == 0) {
        return PLAN_EMPTY;
    }
    enum plan_error err = plan_channel(in, plan);
    if (err != PLAN_OK) {
        return err;
    }
    if (plan->airtime_cap_us < 1000) {
        return PLAN_NO_SHARE;
    }
    err = plan_fragments(in, plan);
    if (err != PLAN_OK) {
        return err;
    }
    plan_redundancy(in, plan);
    if (airtime_downlink_us(plan->region, plan->dr,
                            (size_t)plan->fragments.size + FRAG_DATA_OVERHEAD_BYTES,
                            &plan->frame_airtime_us) != FUO_OK) {
        return PLAN_DATARATE;
    }
    if (plan->frame_airtime_us > plan->airtime_cap_us) {
        return PLAN_NO_SHARE;
    }
    plan_pace(in, plan);
    plan->lower_bound_us = plan_least_time_us(
        plan->fragments.count * plan->frame_airtime_us, plan->airtime_cap_us);
    return PLAN_OK;
}
