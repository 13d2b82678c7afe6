/* SPDX-License-Identifier: MIT */
/* report_sum.c - what a report says of many devices at once. */
#include <stdlib.h>
#include <string.h>

#include "fuotactl/report.h"

const int64_t report_loss_ends[REPORT_LOSS_CLASSES] = {10,  20,  50,  100,
                                                       200, 300, 500, 1000};

uint32_t report_attempted(const uint32_t by_outcome[static REPORT_OUTCOMES])
{
    uint32_t sum = 0;
    for (int i = 0; i < REPORT_OUTCOMES; i++) {
        bool counts = i != REPORT_SKIPPED && i != REPORT_SUPERSEDED;
        sum += counts ? by_outcome[i] : 0;
    }
    return sum;
}

uint32_t report_not_updated(const uint32_t by_outcome[static REPORT_OUTCOMES])
{
    return by_outcome[REPORT_FAILED] + by_outcome[REPORT_UNKNOWN] +
           by_outcome[REPORT_CANCELLED];
}

enum report_verdict report_verdict(const struct report *report)
{
    const char *phase = report_field(report, "phase");
    if (strcmp(phase, "completed") == 0) {
        return report_not_updated(report->by_outcome) > 0 ? REPORT_NOT_PASSED
                                                          : REPORT_PASSED;
    }
    return strcmp(phase, "failed") == 0 || strcmp(phase, "aborted") == 0
               ? REPORT_NOT_PASSED
               : REPORT_OPEN;
}

/* ---- waves and reasons ---- */

static bool add_to_wave(struct report *report, const struct report_device *device)
{
    size_t i = 0;
    while (i < report->wave_count && report->waves[i].name != device->wave) {
        i++;
    }
    if (i == report->wave_count) {
        struct report_wave *more =
            realloc(report->waves, (i + 1) * sizeof(*report->waves));
        if (more == NULL) {
            return false;
        }
        report->waves = more;
        report->waves[report->wave_count++] = (struct report_wave){.name = device->wave};
    }
    struct report_wave *wave = &report->waves[i];
    wave->devices++;
    wave->by_outcome[device->outcome]++;
    if (device->outcome == REPORT_SKIPPED || device->outcome == REPORT_SUPERSEDED) {
        return true; /* it took no part in it */
    }
    if (device->since_us > 0 &&
        (wave->first_us == 0 || device->since_us < wave->first_us)) {
        wave->first_us = device->since_us;
    }
    if (device->ended_us > wave->last_us) {
        wave->last_us = device->ended_us;
    }
    return true;
}

static bool add_to_fleet(struct report *report, const struct report_device *device)
{
    size_t i = 0;
    while (i < report->fleet_count && report->fleets[i].name != device->fleet) {
        i++;
    }
    if (i == report->fleet_count) {
        struct report_fleet *more =
            realloc(report->fleets, (i + 1) * sizeof(*report->fleets));
        if (more == NULL) {
            return false;
        }
        report->fleets = more;
        report->fleets[report->fleet_count++] =
            (struct report_fleet){.name = device->fleet};
    }
    report->fleets[i].devices++;
    report->fleets[i].by_outcome[device->outcome]++;
    return true;
}

static bool add_to_variant(struct report *report, const struct report_device *device)
{
    size_t i = 0;
    if (device->variant[0] == '\0') {
        return true;
    }
    while (i < report->variant_count && (report->variants[i].wave != device->wave ||
                                         report->variants[i].name != device->variant)) {
        i++;
    }
    if (i == report->variant_count) {
        struct report_variant *more =
            realloc(report->variants, (i + 1) * sizeof(*report->variants));
        if (more == NULL) {
            return false;
        }
        report->variants = more;
        report->variants[report->variant_count++] =
            (struct report_variant){.wave = device->wave, .name = device->variant};
    }
    struct report_variant *variant = &report->variants[i];
    variant->devices++;
    variant->succeeded += device->outcome == REPORT_SUCCEEDED;
    variant->fell_back += device->delta_failures > 0;
    return true;
}

bool report_has_deltas(const struct report *report)
{
    for (size_t i = 0; i < report->variant_count; i++) {
        if (report->variants[i].fell_back > 0 ||
            strcmp(report->variants[i].name, "full") != 0) {
            return true;
        }
    }
    return false;
}

static bool add_to_reason(struct report *report, const struct report_device *device)
{
    size_t i = 0;
    if (device->outcome == REPORT_ACTIVE) {
        return true;
    }
    while (i < report->reason_count && (report->reasons[i].reason != device->reason ||
                                        report->reasons[i].outcome != device->outcome)) {
        i++;
    }
    if (i == report->reason_count) {
        struct report_reason *more =
            realloc(report->reasons, (i + 1) * sizeof(*report->reasons));
        if (more == NULL) {
            return false;
        }
        report->reasons = more;
        report->reasons[report->reason_count++] =
            (struct report_reason){.outcome = device->outcome,
                                   .reason = device->reason,
                                   .text = device->reason_text};
    }
    report->reasons[i].devices++;
    return true;
}

static int most_devices(const void *a, const void *b)
{
    const struct report_reason *left = a;
    const struct report_reason *right = b;
    if (left->devices != right->devices) {
        return left->devices < right->devices ? 1 : -1;
    }
    int order = strcmp(left->reason, right->reason);
    return order != 0 ? order : (int)left->outcome - (int)right->outcome;
}

/* In the order in which they began; those that did not, by name. */
static int first_wave(const void *a, const void *b)
{
    const struct report_wave *left = a;
    const struct report_wave *right = b;
    int64_t l = left->first_us > 0 ? left->first_us : INT64_MAX;
    int64_t r = right->first_us > 0 ? right->first_us : INT64_MAX;
    return l != r ? (l > r) - (l < r) : strcmp(left->name, right->name);
}

static size_t wave_place(const struct report *report, const char *name)
{
    size_t i = 0;
    while (i < report->wave_count && report->waves[i].name != name) {
        i++;
    }
    return i;
}

/* In the order of the waves, the image before its deltas. */
static int first_variant(const void *a, const void *b, void *arg)
{
    const struct report_variant *left = a;
    const struct report_variant *right = b;
    size_t l = wave_place(arg, left->wave);
    size_t r = wave_place(arg, right->wave);
    bool left_full = strcmp(left->name, "full") == 0;
    bool right_full = strcmp(right->name, "full") == 0;
    if (l != r || left_full != right_full) {
        return l != r ? (l > r) - (l < r) : right_full - left_full;
    }
    return strcmp(left->name, right->name);
}

/* ---- gateways ---- */

static int by_gateway(const void *a, const void *b)
{
    uint64_t left = ((const struct report_gateway *)a)->gateway;
    uint64_t right = ((const struct report_gateway *)b)->gateway;
    return (left > right) - (left < right);
}

static int by_gateway_hour(const void *a, const void *b)
{
    const struct report_hour *left = a;
    const struct report_hour *right = b;
    if (left->gateway != right->gateway) {
        return left->gateway > right->gateway ? 1 : -1;
    }
    if (left->hour != right->hour) {
        return left->hour > right->hour ? 1 : -1;
    }
    return (left->band > right->band) - (left->band < right->band);
}

/* Frequencies of one sub-band in one hour count together. */
static void merge_hours(struct report *report)
{
    size_t n = 0;
    for (size_t i = 0; i < report->hour_count; i++) {
        if (n > 0 && by_gateway_hour(&report->hours[n - 1], &report->hours[i]) == 0) {
            report->hours[n - 1].airtime_us += report->hours[i].airtime_us;
        } else {
            report->hours[n++] = report->hours[i];
        }
    }
    report->hour_count = n;
}

/* All ids that are sent by, or hear a device best; each once, ascending. */
static bool list_gateways(struct report *report)
{
    size_t cap = report->hour_count + report->device_count;
    struct report_gateway *list = calloc(cap + 1, sizeof(*list));
    size_t n = 0;
    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < report->hour_count; i++) {
        if (n == 0 || list[n - 1].gateway != report->hours[i].gateway) {
            list[n++].gateway = report->hours[i].gateway;
        }
    }
    for (size_t i = 0; i < report->device_count; i++) {
        if (report->devices[i].gateway != 0) {
            list[n++].gateway = report->devices[i].gateway;
        }
    }
    qsort(list, n, sizeof(*list), by_gateway);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || list[kept - 1].gateway != list[i].gateway) {
            list[kept++] = list[i];
        }
    }
    report->gateways = list;
    report->gateway_count = kept;
    return true;
}

static struct report_gateway *find_gateway(struct report *report, uint64_t gateway)
{
    struct report_gateway key = {.gateway = gateway};
    return bsearch(&key, report->gateways, report->gateway_count,
                   sizeof(*report->gateways), by_gateway);
}

static void add_hour(struct report *report, size_t at)
{
    const struct report_hour *hour = &report->hours[at];
    struct report_gateway *gateway = find_gateway(report, hour->gateway);
    int64_t cap_us =
        hour->band < report->band_count ? report->bands[hour->band].own_cap_us : 0;
    int64_t ppm = cap_us > 0 ? hour->airtime_us * 1000 / cap_us * 1000 : 0;
    if (gateway->hour_count++ == 0) {
        gateway->first_hour = at;
    }
    gateway->airtime_us += hour->airtime_us;
    if (ppm > gateway->peak_ppm || gateway->peak_us == 0) {
        gateway->peak_us = hour->airtime_us;
        gateway->peak_hour = hour->hour;
        gateway->peak_band = hour->band;
        gateway->peak_ppm = ppm;
    }
}

static void add_device(struct report *report, const struct report_device *device)
{
    struct report_gateway *gateway = find_gateway(report, device->gateway);
    int64_t lost_ppk = 1000 - device->heard_ppk;
    size_t class = 0;
    if (gateway == NULL) {
        return;
    }
    while (class + 1 < REPORT_LOSS_CLASSES && lost_ppk > report_loss_ends[class]) {
        class ++;
    }
    gateway->devices++;
    gateway->by_loss[class]++;
    gateway->not_succeeded +=
        device->outcome == REPORT_FAILED || device->outcome == REPORT_UNKNOWN;
    if (device->outcome != REPORT_ACTIVE && device->downloaded_us == 0 &&
        device->missing > 0) {
        gateway->incomplete++;
        gateway->missing += device->missing;
    }
}

static bool sum_gateways(struct report *report)
{
    if (report->hour_count > 0) {
        qsort(report->hours, report->hour_count, sizeof(*report->hours), by_gateway_hour);
        merge_hours(report);
    }
    if (!list_gateways(report)) {
        return false;
    }
    for (size_t i = 0; i < report->hour_count; i++) {
        add_hour(report, i);
    }
    for (size_t i = 0; i < report->device_count; i++) {
        add_device(report, &report->devices[i]);
    }
    return true;
}

/* ---- completion ---- */

static int ascending(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static bool sum_completion(struct report *report)
{
    report->downloaded_us = calloc(report->device_count + 1, sizeof(int64_t));
    report->ended = calloc(report->device_count + 1, sizeof(int64_t));
    if (report->downloaded_us == NULL || report->ended == NULL) {
        return false;
    }
    for (size_t i = 0; i < report->device_count; i++) {
        const struct report_device *device = &report->devices[i];
        if (device->downloaded_us > 0) {
            report->downloaded_us[report->downloaded_count++] = device->downloaded_us;
        }
        if (device->ended_us > 0 && device->outcome == REPORT_SUCCEEDED) {
            report->ended[report->ended_count++] = device->ended_us;
        }
    }
    report->with_image = (uint32_t)report->downloaded_count;
    qsort(report->downloaded_us, report->downloaded_count, sizeof(int64_t), ascending);
    qsort(report->ended, report->ended_count, sizeof(int64_t), ascending);
    return true;
}

bool report_sum(struct report *report)
{
    for (size_t i = 0; i < report->device_count; i++) {
        const struct report_device *device = &report->devices[i];
        report->by_outcome[device->outcome]++;
        if (!add_to_wave(report, device) || !add_to_fleet(report, device) ||
            !add_to_reason(report, device) || !add_to_variant(report, device)) {
            return false;
        }
    }
    if (report->wave_count > 1) {
        qsort(report->waves, report->wave_count, sizeof(*report->waves), first_wave);
    }
    if (report->variant_count > 1) {
        qsort_r(report->variants, report->variant_count, sizeof(*report->variants),
                first_variant, report);
    }
    if (report->reason_count > 1) {
        qsort(report->reasons, report->reason_count, sizeof(*report->reasons),
              most_devices);
    }
    return sum_gateways(report) && sum_completion(report);
}
