/* SPDX-License-Identifier: MIT */
#include "engine/precondition.h"

#include "engine/limits.h"
#include "engine/reported.h"
#include "image/version.h"

/* ---- what it runs ---- */

static bool digit_of(char c, uint32_t base, uint32_t *digit)
{
    if (c >= '0' && c <= '9') {
        *digit = (uint32_t)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
        *digit = (uint32_t)(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
        *digit = (uint32_t)(c - 'A') + 10;
    } else {
        return false;
    }
    return *digit < base;
}

/* "0x01040200" or "17039872"; false: it is another text. */
static bool as_number(const char *text, uint32_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *at = hex ? text + 2 : text;
    uint64_t sum = 0;
    uint32_t digit = 0;
    for (; *at != '\0' && sum <= UINT32_MAX; at++) {
        if (!digit_of(*at, hex ? 16 : 10, &digit)) {
            return false;
        }
        sum = sum * (hex ? 16 : 10) + digit;
    }
    *value = (uint32_t)sum;
    return sum <= UINT32_MAX && at != (hex ? text + 2 : text);
}

bool precondition_version(const struct device *d, const char *text, uint32_t *version)
{
    bool coded = device_profile(d)->version == PROFILE_VERSION_BYTES;
    return as_number(text, version) ||
           (coded && version_as_bytes(text, version) == FUO_OK);
}

static bool runs(const struct campaign_spec *spec, const struct device *d,
                 uint32_t version)
{
    const struct str_list *list = &spec->targets.preconditions.running_versions;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t listed = 0;
        if (precondition_version(d, list->items[i], &listed) && listed == version) {
            return true;
        }
    }
    return list->count == 0;
}

bool precondition_runs(const struct member *m, uint32_t version)
{
    return runs(m->campaign->def.spec, m->device, version);
}

bool precondition_is_target(const struct campaign_spec *spec, const char *text)
{
    uint32_t number = 0;
    return reported_is_same(text, spec->image.version) ||
           (spec->image.firmware_version != SPEC_AUTO_U32 && as_number(text, &number) &&
            number == spec->image.firmware_version);
}

bool precondition_is_told(const struct member *m)
{
    const struct report_rec *report = m->device->report;
    return report != NULL &&
           precondition_is_target(m->campaign->def.spec, report->firmware_version);
}

bool precondition_runs_told(const struct member *m)
{
    const struct campaign_spec *spec = m->campaign->def.spec;
    const struct str_list *list = &spec->targets.preconditions.running_versions;
    const char *told =
        m->device->report != NULL ? m->device->report->firmware_version : "";
    for (size_t i = 0; i < list->count; i++) {
        if (told[0] != '\0' && reported_is_same(told, list->items[i])) {
            return true;
        }
    }
    return list->count == 0;
}

/* ---- whether it can be reached ---- */

/* While nobody listened it may have spoken. */
static bool is_too_old(const struct engine *e, const struct campaign_spec *spec,
                       const struct device *d, struct utc now)
{
    int64_t age_us = now.us - d->rec.last_uplink.us;
    if (d->rec.last_uplink.us < e->resumed_at.us) {
        age_us -= e->away_us;
    }
    return d->rec.last_uplink.us != 0 &&
           age_us > spec->targets.preconditions.max_uplink_age_us;
}

/* Of the data rate that the campaign gives, or of the slowest one. */
static int32_t floor_cdb(const struct campaign_spec *spec, const struct region *region)
{
    uint32_t given = spec->radio.dr;
    int32_t floor = INT16_MAX;
    for (uint32_t dr = 0; dr < REGION_DR_COUNT; dr++) {
        int32_t of_dr = partition_floor_cdb(region, (uint8_t)dr);
        bool meant = given == SPEC_AUTO_U32 || given == dr;
        floor = meant && of_dr < floor ? of_dr : floor;
    }
    return floor;
}

static bool is_too_weak(const struct campaign_spec *spec, const struct device *device)
{
    const struct device_rec *d = &device->rec;
    int32_t needed_cdb = spec->targets.preconditions.link_margin_cdb;
    uint32_t given_hz = spec->radio.frequency_hz;
    const struct region *region = device->fleet->region;
    if (needed_cdb <= 0 || d->link_count == 0) {
        return false; /* rounds see to who cannot be reached at all */
    }
    int32_t best_cdb = INT16_MIN;
    for (size_t i = 0; i < d->link_count; i++) {
        int32_t snr_cdb = link_down_snr_cdb(d, d->link[i].snr_p50_cdb);
        best_cdb = snr_cdb > best_cdb ? snr_cdb : best_cdb;
    }
    best_cdb +=
        partition_gain_cdb(region, given_hz == SPEC_AUTO_U32 ? region->rx2_hz : given_hz);
    return best_cdb - floor_cdb(spec, region) < needed_cdb;
}

bool precondition_battery_is_low(const struct spec_preconditions *p,
                                 const struct device_rec *d)
{
    return d->battery_known &&
           d->battery_percent * (uint64_t)SPEC_PPM < p->battery_min_ppm * UINT64_C(100);
}

static bool is_too_low(const struct spec_preconditions *p, const struct device_rec *d)
{
    return d->battery_known ? precondition_battery_is_low(p, d)
                            : p->battery_unknown == SPEC_SKIP;
}

static enum member_reason at_start(const struct engine *e,
                                   const struct campaign_spec *spec,
                                   const struct device *d, struct utc now)
{
    const struct spec_preconditions *p = &spec->targets.preconditions;
    if (d->maintenance && p->maintenance == SPEC_SKIP) {
        return REASON_WAVE_MAINTENANCE;
    }
    if (is_too_old(e, spec, d, now)) {
        return REASON_WAVE_AGE;
    }
    if (is_too_low(p, &d->rec)) {
        return REASON_WAVE_BATTERY;
    }
    return is_too_weak(spec, d) ? REASON_WAVE_MARGIN : REASON_NONE;
}

enum member_reason precondition_at_start(const struct engine *e, const struct member *m)
{
    return at_start(e, m->campaign->def.spec, m->device, e->utc);
}

enum member_reason engine_precondition(const struct engine *engine,
                                       const struct campaign_spec *spec, uint64_t dev_eui,
                                       struct utc now)
{
    const struct device *d = engine_find_device(engine, dev_eui);
    if (d == NULL) {
        return REASON_NONE;
    }
    enum member_reason reason = at_start(engine, spec, d, now);
    if (reason != REASON_NONE || !d->rec.firmware_known) {
        return reason;
    }
    uint32_t version = d->rec.firmware_version;
    if (spec_installs(spec) && spec->image.firmware_version != SPEC_AUTO_U32 &&
        spec->image.firmware_version == version) {
        return REASON_ALREADY;
    }
    return runs(spec, d, version) ? REASON_NONE : REASON_WAVE_VERSION;
}
