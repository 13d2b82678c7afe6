/* SPDX-License-Identifier: MIT */
#include "loop/planning_devices.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fnv.h"
#include "campaign/link.h"
#include "codec/package.h"
#include "loop/xalloc.h"

/* ---- gateways ---- */

static int compare_euis(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_unique(uint64_t *items, size_t *count)
{
    size_t n = 0;
    if (*count > 0) {
        qsort(items, *count, sizeof(*items), compare_euis);
    }
    for (size_t i = 0; i < *count; i++) {
        if (n == 0 || items[n - 1] != items[i]) {
            items[n++] = items[i];
        }
    }
    *count = n;
}

enum { LATELY = 4096 };

/* Many devices name the same gateways: those that were added lately are passed over. */
static void add_links(struct planning_devices *devices, const struct device_rec *device,
                      uint64_t lately[static LATELY])
{
    for (size_t i = 0; device != NULL && i < device->link_count; i++) {
        uint64_t gateway = device->link[i].gateway;
        uint64_t *place = &lately[fnv1a(&gateway, sizeof(gateway)) % LATELY];
        if (*place != gateway || gateway == 0) {
            *place = gateway;
            devices->gateways[devices->gateway_count++] = gateway;
        }
    }
}

/* Those that the files name, else all that hear a device. */
static void find_gateways(const struct planning_request *request,
                          struct planning_devices *devices)
{
    const struct eui_list *given = &request->spec->radio.gateways;
    if (given->count == 0) {
        given = &request->fleet->doc->spec.gateways;
    }
    devices->gateways_given = given->count > 0;
    size_t most = given->count + request->device_count * RECORD_LINK_MAX;
    devices->gateways = xcalloc(most + 1, sizeof(*devices->gateways));
    for (size_t i = 0; i < given->count; i++) {
        devices->gateways[devices->gateway_count++] = given->items[i];
    }
    uint64_t lately[LATELY] = {0};
    for (size_t i = 0; given->count == 0 && i < request->device_count; i++) {
        add_links(devices, engine_device(request->engine, request->devices[i]), lately);
    }
    sort_unique(devices->gateways, &devices->gateway_count);
    devices->weights = xcalloc(devices->gateway_count + 1, sizeof(*devices->weights));
    for (size_t i = 0; i < devices->gateway_count; i++) {
        devices->weights[i] =
            engine_gateway_weight(request->engine, devices->gateways[i]);
    }
}

static bool gateway_number(const struct planning_devices *devices, uint64_t gateway,
                           uint32_t *number)
{
    const uint64_t *found =
        devices->gateway_count == 0
            ? NULL
            : bsearch(&gateway, devices->gateways, devices->gateway_count,
                      sizeof(*devices->gateways), compare_euis);
    if (found != NULL) {
        *number = (uint32_t)(found - devices->gateways);
    }
    return found != NULL;
}

/* ---- devices ---- */

static void add_link(const struct planning_devices *devices, const struct device_rec *rec,
                     const struct device_link *link, struct partition_device *to)
{
    uint32_t number;
    if (gateway_number(devices, link->gateway, &number)) {
        to->link[to->link_count++] = (struct partition_link){
            .gateway = number,
            .snr_p10_cdb = link_down_snr_cdb(rec, link->snr_p10_cdb),
            .snr_p50_cdb = link_down_snr_cdb(rec, link->snr_p50_cdb),
            .heard_ppk = link->heard_ppk,
        };
    }
}

/* What is not known yet is taken to be of the first version. */
static struct partition_device describe(const struct planning_devices *devices,
                                        const struct device_rec *rec)
{
    struct partition_device device = {
        .ts004 = rec->package_version[PKG_FRAG] != 0 ? rec->package_version[PKG_FRAG] : 1,
        .ts005 =
            rec->package_version[PKG_MCAST] != 0 ? rec->package_version[PKG_MCAST] : 1,
    };
    for (size_t i = 0; i < rec->link_count; i++) {
        add_link(devices, rec, &rec->link[i], &device);
    }
    return device;
}

/* The best downlink as SNR at the device; INT32_MIN if there is no link. */
static int32_t best_snr_cdb(const struct partition_device *device,
                            const struct planning_radio *radio)
{
    int32_t best = INT32_MIN;
    for (size_t i = 0; i < device->link_count; i++) {
        int32_t snr = device->link[i].snr_p50_cdb + radio->gain_cdb;
        best = snr > best ? snr : best;
    }
    return best;
}

int64_t planning_least_us(const struct partition_device *device,
                          const struct planning_radio *radio,
                          const int64_t at_us[static REGION_DR_COUNT])
{
    int64_t least_us = 0;
    for (int dr = 0; dr < REGION_DR_COUNT; dr++) {
        if (at_us[dr] > 0 && (least_us == 0 || at_us[dr] < least_us) &&
            best_snr_cdb(device, radio) >=
                partition_floor_cdb(radio->region, (uint8_t)dr)) {
            least_us = at_us[dr];
        }
    }
    return least_us;
}

/* The list of packages was told by TS007: what is not on it is not there. */
static bool lacks_clock(const struct device_rec *rec)
{
    return rec->packages_known && rec->package_version[PKG_MULTI] != 0 &&
           rec->package_version[PKG_CLOCK] == 0;
}

/* What a device must have (engine/round.c); what is not known yet may be there. */
static bool lacks_any(const struct device_rec *rec, const struct campaign_spec *spec)
{
    const uint8_t *version = rec->package_version;
    return rec->packages_known && (!pkg_version_known(PKG_FRAG, version[PKG_FRAG]) ||
                                   !pkg_version_known(PKG_MCAST, version[PKG_MCAST]) ||
                                   (spec_asks_version(spec) && version[PKG_FWMGMT] == 0 &&
                                    spec->activation.command_fport == 0));
}

/* As far as its profile tells (engine/round.c). */
static bool lacks_class(const struct planning_request *request,
                        const struct device_rec *rec)
{
    const struct profile *profile = engine_profile(request->engine, rec->dev_eui);
    return spec_is_class_b(&request->spec->radio) && profile != NULL &&
           !profile_has_class_b(profile);
}

static bool has_packages(struct planning *planning, const struct device_rec *rec,
                         const struct planning_request *request)
{
    const struct campaign_spec *spec = request->spec;
    if (lacks_any(rec, spec)) {
        planning_leave_out(planning, PLANNING_PACKAGE, rec->dev_eui);
        return false;
    }
    if (lacks_clock(rec)) {
        planning_leave_out(planning, PLANNING_CLOCK, rec->dev_eui);
        return false;
    }
    if (lacks_class(request, rec)) {
        planning_leave_out(planning, PLANNING_CLASS_B, rec->dev_eui);
        return false;
    }
    return true;
}

/* Its links that count are all known: another gateway may hear it only if there is room. */
static bool is_out_of_reach(const struct planning_devices *devices,
                            const struct device_rec *rec,
                            const struct partition_device *device, int32_t margin_cdb)
{
    if (device->link_count == 0) {
        return devices->gateways_given && rec->link_count < RECORD_LINK_MAX;
    }
    return margin_cdb < 0;
}

/* ---- who is skipped, if things stay as they are ---- */

/* PLANNING_REASON_COUNT: nobody would. */
static enum planning_reason passing_reason(enum member_reason reason)
{
    static const struct {
        enum member_reason member;
        enum planning_reason planning;
    } rows[] = {
        {REASON_ALREADY, PLANNING_ALREADY},
        {REASON_WAVE_VERSION, PLANNING_VERSION},
        {REASON_WAVE_AGE, PLANNING_AGE},
        {REASON_WAVE_BATTERY, PLANNING_BATTERY},
        {REASON_WAVE_MARGIN, PLANNING_MARGIN},
        {REASON_WAVE_MAINTENANCE, PLANNING_MAINTENANCE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].member == reason) {
            return rows[i].planning;
        }
    }
    return PLANNING_REASON_COUNT;
}

/* ---- sorting ---- */

struct sorter {
    const struct planning_request *request;
    const struct planning_radio *radio;
    struct planning_devices *devices;
    struct planning *planning;
    struct planning_slice *slice; /* that is being filled */
    const int64_t *airtime_us;
    int32_t best_lost_cdb;
    size_t block_len;            /* of the slice's variant */
    const struct profile *taker; /* that was seen to take it; NULL: none yet */
};

static bool is_skipped(const struct sorter *s, uint64_t dev_eui)
{
    enum planning_reason reason = passing_reason(engine_precondition(
        s->request->engine, s->request->spec, dev_eui, s->request->now));
    if (reason != PLANNING_REASON_COUNT) {
        planning_leave_out(s->planning, reason, dev_eui);
    }
    return reason != PLANNING_REASON_COUNT;
}

static void take(struct sorter *s, const struct device_rec *rec,
                 const struct partition_device *device)
{
    struct planning_devices *devices = s->devices;
    int16_t uplink_cdb = link_best_snr_cdb(rec);
    if (s->slice->count == 0 || uplink_cdb < s->slice->weakest_snr_cdb) {
        s->slice->weakest_snr_cdb = uplink_cdb;
    }
    devices->euis[devices->count] = rec->dev_eui;
    devices->items[devices->count++] = *device;
    s->slice->count++;
}

static void sort_heard(struct sorter *s, const struct device_rec *rec)
{
    struct partition_device device = describe(s->devices, rec);
    int32_t snr_cdb = best_snr_cdb(&device, s->radio);
    int32_t margin_cdb = snr_cdb > INT32_MIN ? snr_cdb - s->radio->floor_cdb : INT32_MIN;
    if (is_out_of_reach(s->devices, rec, &device, margin_cdb)) {
        s->best_lost_cdb = margin_cdb > s->best_lost_cdb ? margin_cdb : s->best_lost_cdb;
        planning_leave_out(s->planning, PLANNING_COVERAGE, rec->dev_eui);
    } else if (device.link_count == 0) {
        s->slice->unheard_count++;
    } else {
        take(s, rec, &device);
    }
}

static void tell_limits(const struct planning_request *request,
                        struct planning_left_out *out, const struct profile *profile)
{
    const struct fragplan_limits *limits = &profile->limits;
    unsigned count = limits->count_max != 0 ? limits->count_max : FRAGPLAN_COUNT_PLANNED;
    unsigned size = limits->size_max != 0 ? limits->size_max : UINT8_MAX;
    uint32_t wanted = request->spec->fragmentation.size_bytes;
    if (out->limit[0] != '\0') {
        return;
    }
    if (wanted < UINT8_MAX && !fragplan_fits(limits, (uint8_t)wanted, 1)) {
        unsigned step = limits->size_multiple != 0 ? limits->size_multiple : 1;
        unsigned least = limits->size_min != 0 ? limits->size_min : step;
        snprintf(out->limit, sizeof(out->limit),
                 "device profile '%s' takes fragments of %u to %u bytes in steps of %u; "
                 "spec.fragmentation.size is %u",
                 profile->name, least, size, step, (unsigned)wanted);
    } else {
        snprintf(out->limit, sizeof(out->limit),
                 "device profile '%s' takes at most %u fragments of at most %u bytes",
                 profile->name, count, size);
    }
}

/* Else the engine gives it up before anything is sent to it (engine/round.c). */
static bool takes_block(struct sorter *s, const struct device_rec *rec)
{
    const struct profile *profile = engine_profile(s->request->engine, rec->dev_eui);
    if (profile == NULL || profile == s->taker) {
        return true;
    }
    if (planning_can_cut(s->request, &profile->limits, s->block_len)) {
        s->taker = profile;
        return true;
    }
    planning_leave_out(s->planning, PLANNING_TOO_BIG, rec->dev_eui);
    tell_limits(s->request, &s->planning->left_out[PLANNING_TOO_BIG], profile);
    return false;
}

static void sort_one(struct sorter *s, uint64_t dev_eui)
{
    const struct device_rec *rec = engine_device(s->request->engine, dev_eui);
    if (rec == NULL) {
        s->slice->unheard_count++;
    } else if (!is_skipped(s, dev_eui) && has_packages(s->planning, rec, s->request) &&
               takes_block(s, rec)) {
        if (rec->link_count == 0) {
            s->slice->unheard_count++;
        } else {
            sort_heard(s, rec);
        }
    }
}

static bool is_sent(const struct sorter *s, size_t variant, uint64_t dev_eui)
{
    const struct engine_campaign campaign = {.spec = s->request->spec,
                                             .deltas = s->request->deltas,
                                             .delta_count = s->request->delta_count};
    return s->devices->variant_count == 1 ||
           engine_variant(s->request->engine, &campaign, s->airtime_us, dev_eui) ==
               variant;
}

static void sort_wave(struct sorter *s, size_t wave, size_t variant)
{
    const struct planning_request *r = s->request;
    s->slice = &s->devices->slices[wave][variant];
    s->slice->first = s->devices->count;
    s->block_len = variant == VARIANT_FULL ? r->image_len : r->deltas[variant - 1].len;
    s->taker = NULL;
    for (size_t i = 0; i < r->device_count; i++) {
        if ((r->waves == NULL || r->waves[i] == wave) &&
            is_sent(s, variant, r->devices[i])) {
            sort_one(s, r->devices[i]);
        }
    }
}

static void leave_out_rest(const struct sorter *s)
{
    const struct planning_request *r = s->request;
    for (size_t i = 0; r->waves != NULL && i < r->device_count; i++) {
        if (r->waves[i] >= s->devices->wave_count) {
            planning_leave_out(s->planning, PLANNING_NO_WAVE, r->devices[i]);
        }
    }
}

void planning_sort_devices(const struct planning_request *request,
                           const struct planning_radio *radio, const int64_t *airtime_us,
                           struct planning_devices *devices, struct planning *planning)
{
    struct sorter s = {
        .request = request,
        .radio = radio,
        .devices = devices,
        .planning = planning,
        .airtime_us = airtime_us,
        .best_lost_cdb = INT32_MIN,
    };
    *devices = (struct planning_devices){
        .wave_count = request->waves != NULL ? request->spec->rollout.wave_count : 1,
        .variant_count = request->delta_count + 1};
    find_gateways(request, devices);
    devices->items = xcalloc(request->device_count + 1, sizeof(*devices->items));
    devices->euis = xcalloc(request->device_count + 1, sizeof(*devices->euis));
    for (size_t i = 0; i < devices->wave_count * devices->variant_count; i++) {
        sort_wave(&s, i / devices->variant_count, i % devices->variant_count);
    }
    leave_out_rest(&s);
    struct planning_left_out *lost = &planning->left_out[PLANNING_COVERAGE];
    if (s.best_lost_cdb > INT32_MIN) {
        snprintf(lost->limit, sizeof(lost->limit),
                 "downlink margin %.1f dB at best, 0 dB is needed",
                 s.best_lost_cdb / 100.0);
    } else if (lost->count > 0) {
        snprintf(lost->limit, sizeof(lost->limit),
                 "none of the gateways that may be used hears it");
    }
}

void planning_devices_finish(struct planning_devices *devices)
{
    free(devices->items);
    free(devices->euis);
    free(devices->gateways);
    free(devices->weights);
    *devices = (struct planning_devices){0};
}

bool planning_can_cut(const struct planning_request *request,
                      const struct fragplan_limits *limits, size_t block_len)
{
    struct fragplan cut;
    uint32_t wanted = request->spec->fragmentation.size_bytes;
    return fragplan_cut(block_len, limits, UINT8_MAX, wanted, &cut) == FUO_OK;
}

void planning_leave_out(struct planning *planning, enum planning_reason reason,
                        uint64_t dev_eui)
{
    struct planning_left_out *out = &planning->left_out[reason];
    if ((out->count & (out->count - 1)) == 0) { /* room for the next power of two */
        size_t room = out->count == 0 ? 1 : 2 * out->count;
        out->devices = xrealloc(out->devices, room, sizeof(*out->devices));
    }
    out->devices[out->count++] = dev_eui;
}
