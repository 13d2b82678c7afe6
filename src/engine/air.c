/* SPDX-License-Identifier: MIT */
/* air.c - ledgers of the gateways: may this frame be sent, and when. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/air.h"
#include "engine/internal.h"
#include "engine/uplink.h"
#include "radio/airtime.h"
#include "radio/subband.h"

#define PASS_STEP_US   MINUTES_US(1)
#define FRAME_TOLD_US  SECONDS_US(1) /* of those that only their sum is known of */
#define SLOT_MARGIN_US SECONDS_US(5) /* before a ping slot, that a server needs */
#define SLOT_AHEAD_US  MINUTES_US(5) /* one comes in 128 s at the most */
#define PASS_WAIT_MAX_US \
    HOURS_US(2) /* an hour of others' sessions, and one to forget them */

enum {
    LEDGER_CAP_MIN = 64,
    COMMAND_SHARE = 20,
};

/* ---- finding ---- */

static size_t place_of(struct gateway_ledger *const *table, size_t cap, uint64_t gateway,
                       const struct subband *band)
{
    size_t i = engine_home(gateway + ((uint64_t)band->min_hz << 20), cap);
    while (table[i] != NULL && (table[i]->gateway != gateway || table[i]->band != band)) {
        i = (i + 1) & (cap - 1);
    }
    return i;
}

static void table_double(struct engine *e)
{
    size_t cap = e->ledger_table_cap == 0 ? LEDGER_CAP_MIN : e->ledger_table_cap * 2;
    struct gateway_ledger **table = engine_zeroed(cap, sizeof(struct gateway_ledger *));
    for (size_t i = 0; i < e->ledger_count; i++) {
        struct gateway_ledger *l = e->ledgers[i];
        table[place_of(table, cap, l->gateway, l->band)] = l;
    }
    free(e->ledger_table);
    e->ledger_table = table;
    e->ledger_table_cap = cap;
}

static bool before(const struct gateway_ledger *a, const struct gateway_ledger *b)
{
    return a->gateway != b->gateway ? a->gateway < b->gateway
                                    : a->band->min_hz < b->band->min_hz;
}

static void insert(struct engine *e, struct gateway_ledger *l)
{
    if ((e->ledger_count + 1) * 2 > e->ledger_table_cap) {
        table_double(e);
    }
    e->ledger_table[place_of(e->ledger_table, e->ledger_table_cap, l->gateway, l->band)] =
        l;
    if (e->ledger_count == e->ledger_cap) {
        e->ledger_cap = e->ledger_cap == 0 ? LEDGER_CAP_MIN : e->ledger_cap * 2;
        e->ledgers =
            engine_grow(e->ledgers, e->ledger_cap, sizeof(struct gateway_ledger *));
    }
    size_t at = e->ledger_count++;
    while (at > 0 && before(l, e->ledgers[at - 1])) {
        e->ledgers[at] = e->ledgers[at - 1];
        at--;
    }
    e->ledgers[at] = l;
}

/* By how much a frame may leave after it was charged. */
static uint32_t late_us(const struct engine_fleet *fleet)
{
    int64_t us =
        fleet->timing == ENGINE_TIMING_ABSOLUTE ? 0 : 2 * fleet->multicast_jitter_us;
    int64_t most_us = SECONDS_US(LEDGER_DELAY_S);
    return (uint32_t)(us < most_us ? us : most_us);
}

static struct ledger_config config_of(const struct fleet *f, const struct subband *band)
{
    return (struct ledger_config){
        .limit_ppm = band->limit_ppm,
        .share_ppm = SPEC_PPM - f->def.spec->reserve_ppm,
        .reserve_ppm = f->def.spec->reserve_ppm,
        .model = f->def.spec->duty_model == SPEC_DUTY_OFF_TIME ? LEDGER_OFF_TIME
                                                               : LEDGER_SLIDING_HOUR,
        .ceiling_ppm = f->def.priority_ceiling_ppm,
        .late_us = late_us(&f->def),
    };
}

static struct gateway_ledger *new_ledger(struct engine *e, const struct fleet *f,
                                         uint64_t gateway, const struct subband *band)
{
    struct ledger_config config = config_of(f, band);
    struct gateway_ledger *l = engine_zeroed(1, sizeof(*l));
    memset(l->turn, 0xff, sizeof(l->turn));
    l->gateway = gateway;
    l->band = band;
    if (ledger_init(&l->ledger, &config) != FUO_OK) {
        free(l);
        return NULL;
    }
    insert(e, l);
    return l;
}

/* The limits of a fleet, and what is booked; at the end of each bucket, which off times
 * count from. */
static void adopt(const struct fleet *f, struct gateway_ledger *l)
{
    struct ledger_entry entries[LEDGER_BUCKETS];
    size_t count = ledger_save(&l->ledger, entries);
    struct ledger_config config = config_of(f, l->band);
    l->restored = false;
    if (ledger_init(&l->ledger, &config) != FUO_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t booked_us[] = {entries[i].own_us, entries[i].others_us};
        for (enum ledger_who who = LEDGER_OWN; who <= LEDGER_OTHERS; who++) {
            int64_t idle_us = LEDGER_BUCKET_US - booked_us[who];
            ledger_record(&l->ledger, who,
                          utc_after(entries[i].start, idle_us > 0 ? idle_us : 0),
                          booked_us[who]);
        }
    }
}

static struct gateway_ledger *find(const struct engine *e, uint64_t gateway,
                                   const struct subband *band)
{
    return e->ledger_table_cap == 0
               ? NULL
               : e->ledger_table[place_of(e->ledger_table, e->ledger_table_cap, gateway,
                                          band)];
}

struct gateway_ledger *air_ledger_in(struct engine *e, const struct fleet *f,
                                     uint64_t gateway, const struct subband *band)
{
    struct gateway_ledger *known = find(e, gateway, band);
    if (known != NULL && known->restored) {
        adopt(f, known);
    }
    return known != NULL ? known : new_ledger(e, f, gateway, band);
}

struct gateway_ledger *air_ledger(struct engine *e, const struct fleet *f,
                                  uint64_t gateway, uint32_t frequency_hz)
{
    const struct subband *band = subband_find(f->region, frequency_hz, 0, NULL);
    return band != NULL ? air_ledger_in(e, f, gateway, band) : NULL;
}

/* Of a gateway that is used, or could be; else NULL. */
static struct gateway_ledger *ledger_of_known(struct engine *e, const struct fleet *f,
                                              uint64_t gateway,
                                              const struct subband *band)
{
    struct gateway_ledger *l = find(e, gateway, band);
    return l == NULL && load_knows(e, gateway) ? new_ledger(e, f, gateway, band) : l;
}

void air_raise(struct engine *e, const struct fleet *f, uint64_t gateway,
               const struct subband *band, int64_t used_us)
{
    struct gateway_ledger *l = ledger_of_known(e, f, gateway, band);
    if (l == NULL || band->limit_ppm == SUBBAND_UNLIMITED_PPM) {
        return;
    }
    int64_t left_us = used_us - ledger_used_us(&l->ledger, LEDGER_OWN, e->utc) -
                      ledger_used_us(&l->ledger, LEDGER_OTHERS, e->utc);
    while (left_us > 0) { /* up to now, as frames: an off time is that of the last */
        int64_t frame_us = left_us < FRAME_TOLD_US ? left_us : FRAME_TOLD_US;
        ledger_record(&l->ledger, LEDGER_OTHERS, utc_after(e->utc, -left_us), frame_us);
        left_us -= frame_us;
    }
}

void air_observe(struct engine *e, const struct fleet *f, uint64_t gateway,
                 uint32_t frequency_hz, int64_t airtime_us)
{
    const struct subband *band = subband_find(f->region, frequency_hz, 0, NULL);
    struct gateway_ledger *l = band != NULL ? ledger_of_known(e, f, gateway, band) : NULL;
    if (l == NULL) {
        return;
    }
    bool silent = e->utc.us - l->observed_at.us > HOURS_US(1);
    if (l->observer == f->def.id || silent) {
        l->observer = f->def.id;
        l->observed_at = e->utc;
        ledger_record(&l->ledger, LEDGER_OTHERS, e->utc, airtime_us);
    }
}

static struct gateway_ledger *lane_ledger(struct engine *e, const struct transmission *t,
                                          struct lane *l, size_t i)
{
    if (l->ledgers[i] == NULL) {
        l->ledgers[i] = air_ledger(e, t->fleet, l->rec.gateways[i], t->rec.frequency_hz);
    }
    return l->ledgers[i];
}

/* ---- frames of lanes ---- */

bool air_in_slots(const struct transmission *t)
{
    return spec_is_class_b(&t->campaign->def.spec->radio);
}

bool air_is_timed(const struct transmission *t)
{
    return t->fleet->def.timing == ENGINE_TIMING_ABSOLUTE && !air_in_slots(t);
}

int64_t air_late_us(const struct transmission *t)
{
    int64_t jitter_us = t->fleet->def.multicast_jitter_us;
    if (air_in_slots(t)) {
        return jitter_us + SLOT_MARGIN_US +
               2 * spec_ping_period_us(&t->campaign->def.spec->radio);
    }
    return air_is_timed(t) ? 0 : jitter_us;
}

/*
 * What may go out in an hour beyond what is booked in it, because it waited for its ping
 * slot: the ledger knows of delays up to a minute only.
 */
static int64_t delayed_us(const struct transmission *t)
{
    return air_in_slots(t)
               ? (air_late_us(t) / t->plan.interval_us + 1) * t->plan.frame_airtime_us
               : 0;
}

/* Fragments leave a little of the share to commands: set-ups and questions go on. */
static struct ledger_caps caps_of(const struct transmission *t)
{
    int64_t own_us =
        t->plan.airtime_cap_us - t->plan.airtime_cap_us / COMMAND_SHARE - delayed_us(t);
    int64_t least_us = t->plan.frame_airtime_us;
    return (struct ledger_caps){.own_us = own_us > least_us ? own_us : least_us};
}

/* A gateway sends one frame at a time: another transmission's may be on its way. */
static struct utc after_others(const struct gateway_ledger *l, struct utc from,
                               int64_t takes_us)
{
    bool apart = from.us >= l->air_until.us || from.us + takes_us <= l->air_from.us;
    return apart ? from : l->air_until;
}

/* From the time that it is meant for to the end of the frame, as late as it may be. */
static int64_t takes_us(const struct transmission *t, int64_t airtime_us)
{
    return air_is_timed(t) ? airtime_us : airtime_us + t->fleet->def.multicast_jitter_us;
}

/*
 * Commands that are under way may all go out there yet: the law holds for both together. They
 * take no more than half of it, so that there is always something left for frames.
 */
static uint32_t ceiling_beside(const struct gateway_ledger *l)
{
    int64_t total_us = ledger_total_cap_us(&l->ledger);
    int64_t left_us = total_us - l->queued_us;
    left_us = left_us > total_us / 2 ? left_us : total_us / 2;
    return (uint32_t)(left_us / 3600 * SPEC_PPM / l->band->limit_ppm);
}

struct utc air_earliest(struct engine *e, struct transmission *t, struct lane *l,
                        struct utc from, int64_t airtime_us)
{
    struct ledger_caps caps = caps_of(t);
    struct utc latest = from;
    for (size_t i = 0; i < l->rec.gateway_count; i++) {
        const struct gateway_ledger *ledger = lane_ledger(e, t, l, i);
        if (ledger == NULL) {
            return UTC_NEVER;
        }
        caps.ceiling_ppm = ceiling_beside(ledger);
        struct utc at = ledger_earliest_within(&ledger->ledger, from, airtime_us, &caps);
        at = after_others(ledger, at, takes_us(t, airtime_us));
        latest = at.us > latest.us ? at : latest;
    }
    return latest;
}

/* ---- sessions ---- */

static int64_t frames_left_us(const struct transmission *t)
{
    int64_t places = (int64_t)t->rec.target_n - t->rec.next_n + 1;
    int64_t copies = t->rec.copies > 1 ? t->rec.copies : 1;
    return places > 0 ? places * copies * t->plan.frame_airtime_us : 0;
}

/* What the other sessions that are dated there will have used of the hour before `at`. */
static int64_t promised_us(const struct gateway_ledger *l, const struct transmission *t,
                           struct utc at)
{
    int64_t sum_us = 0;
    for (size_t i = 0; i < l->open_count; i++) {
        const struct transmission *other = l->open[i];
        bool dated = other->rec.phase == TX_LEAD || other->rec.phase == TX_SENDING;
        if (other != t && dated && other->rec.session_start.us < at.us) {
            sum_us += frames_left_us(other);
        }
    }
    return sum_us;
}

/* Airtime of the hour before `at` that a session may still use there. */
static int64_t room_us(const struct gateway_ledger *l, const struct transmission *t,
                       struct utc at)
{
    return caps_of(t).own_us - ledger_used_us(&l->ledger, LEDGER_OWN, at) -
           promised_us(l, t, at);
}

/* Of the gateway of a lane that has least. */
static int64_t lane_room_us(struct engine *e, const struct transmission *t,
                            struct lane *lane, struct utc at)
{
    int64_t least_us = INT64_MAX;
    for (size_t i = 0; i < lane->rec.gateway_count; i++) {
        const struct gateway_ledger *l = lane_ledger(e, t, lane, i);
        int64_t us = l != NULL ? room_us(l, t, at) : INT64_MAX;
        least_us = us < least_us ? us : least_us;
    }
    return least_us;
}

bool air_pass_fits(struct engine *e, struct transmission *t, struct utc at)
{
    int64_t airtime_us = frames_left_us(t);
    for (uint8_t i = 0; i < t->rec.lane_count; i++) {
        if (lane_room_us(e, t, &t->lanes[i], at) < airtime_us) {
            return false;
        }
    }
    return true;
}

struct utc air_pass_from(struct engine *e, struct transmission *t, struct utc from)
{
    if (frames_left_us(t) > caps_of(t).own_us) {
        return from; /* it is paced over hours, and takes what there is */
    }
    struct utc at = from;
    while (!air_pass_fits(e, t, at)) {
        at = utc_after(at, PASS_STEP_US);
        if (at.us - from.us > PASS_WAIT_MAX_US) {
            return from;
        }
    }
    return at;
}

void air_store_charge(struct engine *e, uint64_t gateway, uint32_t frequency_hz,
                      struct utc at, int64_t airtime_us)
{
    struct effect *effect = engine_emit(e, EFFECT_STORE, NULL);
    effect->store.kind = STORE_CHARGE;
    effect->store.charge = (struct charge_rec){.gateway = gateway,
                                               .frequency_hz = frequency_hz,
                                               .at = at,
                                               .airtime_us = airtime_us};
}

void air_charge(struct engine *e, struct transmission *t, struct lane *l, struct utc at,
                int64_t airtime_us)
{
    for (size_t i = 0; i < l->rec.gateway_count; i++) {
        struct gateway_ledger *ledger = lane_ledger(e, t, l, i);
        ledger_record(&ledger->ledger, LEDGER_OWN, at, airtime_us);
        ledger->air_from = at;
        ledger->air_until = utc_after(at, takes_us(t, airtime_us));
        air_store_charge(e, l->rec.gateways[i], t->rec.frequency_hz, at, airtime_us);
    }
    t->campaign->rec.airtime_us += airtime_us * l->rec.gateway_count;
    l->charged_us = airtime_us;
    l->charged_at = at;
}

void air_refund(struct engine *e, struct transmission *t, struct lane *l)
{
    for (size_t i = 0; l->charged_us > 0 && i < l->rec.gateway_count; i++) {
        ledger_refund(&lane_ledger(e, t, l, i)->ledger, l->charged_at, l->charged_us);
    }
    t->campaign->rec.airtime_us -= l->charged_us * l->rec.gateway_count;
    l->charged_us = 0;
}

void air_sent_at(struct engine *e, const struct transmission *t, struct lane *l, size_t i,
                 struct utc *charged, int64_t airtime_us)
{
    struct ledger *ledger = &lane_ledger(e, t, l, i)->ledger;
    if (charged != NULL) {
        ledger_refund(ledger, *charged, airtime_us);
    }
    ledger_record(ledger, LEDGER_OWN, e->utc, airtime_us);
    air_store_charge(e, l->rec.gateways[i], t->rec.frequency_hz, e->utc, airtime_us);
}

void air_not_sent(struct engine *e, struct transmission *t, struct lane *l, size_t i,
                  struct utc charged, int64_t airtime_us)
{
    ledger_refund(&lane_ledger(e, t, l, i)->ledger, charged, airtime_us);
    t->campaign->rec.airtime_us -= airtime_us;
}

/* ---- time ---- */

/* A charge does not tell which fleet's it is. NULL: none has such a frequency. */
static struct gateway_ledger *restored_ledger(struct engine *e,
                                              const struct charge_rec *rec)
{
    struct gateway_ledger *l = NULL;
    for (size_t i = 0; l == NULL && i < e->fleet_count; i++) {
        const struct fleet *f = e->fleets[i];
        const struct subband *band = subband_find(f->region, rec->frequency_hz, 0, NULL);
        struct gateway_ledger *known = band != NULL ? find(e, rec->gateway, band) : NULL;
        l = band != NULL && known == NULL ? new_ledger(e, f, rec->gateway, band) : known;
        if (l != NULL && known == NULL) {
            l->restored = true;
        }
    }
    return l;
}

int air_restore_charge(struct engine *e, const struct charge_rec *rec)
{
    struct gateway_ledger *l = restored_ledger(e, rec);
    if (l == NULL) {
        return FUO_ENOENT;
    }
    ledger_record(&l->ledger, LEDGER_OWN, rec->at, rec->airtime_us);
    return FUO_OK;
}

/* Frames are charged before they are on air: by the lead of a server, or for a ping slot. */
static int64_t ahead_most_us(const struct engine *e)
{
    int64_t most_us = SLOT_AHEAD_US;
    for (size_t i = 0; i < e->fleet_count; i++) {
        int64_t lead_us = e->fleets[i]->def.multicast_lead_us;
        most_us = lead_us > most_us ? lead_us : most_us;
    }
    return most_us;
}

void air_resume(struct engine *e)
{
    struct ledger_entry entries[LEDGER_BUCKETS];
    int64_t most_us = ahead_most_us(e);
    for (size_t i = 0; i < e->ledger_count; i++) {
        struct ledger *l = &e->ledgers[i]->ledger;
        size_t count = ledger_save(l, entries);
        int64_t ahead_us = count > 0 ? entries[count - 1].start.us - e->utc.us : 0;
        if (ahead_us > most_us) {
            ledger_shift(l, -ahead_us);
        }
    }
}

void air_clock_step(struct engine *e, int64_t delta_us)
{
    for (size_t i = 0; i < e->ledger_count; i++) {
        ledger_shift(&e->ledgers[i]->ledger, delta_us);
        e->ledgers[i]->air_from = (struct utc){0};
        e->ledgers[i]->air_until = (struct utc){0};
        e->ledgers[i]->observed_at = (struct utc){0};
    }
}
