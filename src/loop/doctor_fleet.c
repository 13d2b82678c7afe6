/* SPDX-License-Identifier: MIT */
/* doctor_fleet.c - findings about what the fleets consist of: trust, gateways, devices. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/eui.h"
#include "codec/package.h"
#include "ctl/finding.h"
#include "loop/doctor.h"
#include "loop/internal.h"

#define SILENT_US   DAYS_US(1)
#define KEY_SOON_US DAYS_US(30)
#define STATS_US    MINUTES_US(5) /* gateways tell twice a minute */

enum {
    WHAT_SIZE = 128,
    SAMPLE_MAX = 3,
    SAMPLE_SIZE = 80,
    SILENT_INTERVALS = 6, /* so many uplinks in a row may be lost */
    GIVEN_MIN = 20,       /* frames before a gateway is judged by what it sent */
    SENT_MIN_PCT = 80,
};

/* ---- some of many ---- */

struct sample {
    size_t count;
    uint64_t first[SAMPLE_MAX];
};

static void sample_add(struct sample *sample, uint64_t eui)
{
    if (sample->count < SAMPLE_MAX) {
        sample->first[sample->count] = eui;
    }
    sample->count++;
}

/* "0016c001f1000001, 0016c001f1000002 ..." */
static const char *sample_text(const struct sample *sample, char text[SAMPLE_SIZE])
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sample->count && i < SAMPLE_MAX; i++) {
        char eui[EUI_TEXT_SIZE];
        int n = snprintf(text + len, SAMPLE_SIZE - len, "%s%s", i > 0 ? ", " : "",
                         eui_format(sample->first[i], eui));
        len += n > 0 ? (size_t)n : 0;
    }
    if (sample->count > SAMPLE_MAX) {
        (void)snprintf(text + len, SAMPLE_SIZE - len, " ...");
    }
    return text;
}

/* ---- trust ---- */

static void look_trust(const struct trust_entry *trust, struct utc now,
                       struct json_object *list)
{
    const struct trust_policy *policy = &trust->policy;
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "trust policy %s", trust->name);
    struct finding_subject subject = {"trust", what};
    size_t valid = 0;
    size_t soon = 0; /* of these, out of force before long */
    for (size_t i = 0; i < policy->key_count; i++) {
        const struct trust_key *key = &policy->keys[i];
        bool in_force = key->not_before.us <= now.us && now.us < key->not_after.us;
        valid += in_force;
        soon += in_force && key->not_after.us - now.us < KEY_SOON_US;
    }
    if (valid < policy->threshold) {
        finding_add(
            list, FINDING_FAIL, subject,
            "%zu of its %zu keys are in force and %zu are needed: no image can be "
            "applied; add a key, or mend notBefore and notAfter",
            valid, policy->key_count, policy->threshold);
    } else if (valid - soon < policy->threshold) {
        finding_add(list, FINDING_WARN, subject,
                    "within 30 days fewer keys than the %zu needed will be in force: add "
                    "their successors",
                    policy->threshold);
    } else {
        finding_add(list, FINDING_OK, subject, "%zu keys in force, %zu needed", valid,
                    policy->threshold);
    }
}

/* ---- gateways ---- */

static void know_gateways(const struct daemon *d, const struct fleet_entry *fleet,
                          struct gateways *known)
{
    for (size_t i = 0; i < fleet->inventory.count; i++) {
        const struct device_rec *device =
            engine_device(d->engine, fleet->inventory.devices[i].dev_eui);
        for (size_t k = 0; device != NULL && k < device->link_count; k++) {
            uint64_t gateway = device->link[k].gateway;
            gateways_note(known, gateway, gateways_last(&d->gateways, gateway));
        }
    }
}

/* What those that tell of themselves say of that. */
static void look_told(const struct daemon *d, const struct gateways *known,
                      struct finding_subject subject, struct utc now,
                      struct json_object *list)
{
    struct sample away = {0};
    struct sample refusing = {0};
    char text[SAMPLE_SIZE];
    for (size_t i = 0; i < known->count; i++) {
        uint64_t gateway = known->items[i].gateway;
        struct gateway_told told = gateways_told(&d->gateways, gateway);
        if (told.at.us != 0 && (!told.online || now.us - told.at.us > STATS_US)) {
            sample_add(&away, gateway);
        } else if (told.given >= GIVEN_MIN &&
                   told.sent * 100 < told.given * SENT_MIN_PCT) {
            sample_add(&refusing, gateway);
        }
    }
    if (away.count > 0) {
        finding_add(list, FINDING_WARN, subject,
                    "%zu of %zu have no connection to the server: %s; plans do without "
                    "them where devices hear others",
                    away.count, known->count, sample_text(&away, text));
    }
    if (refusing.count > 0) {
        finding_add(list, FINDING_WARN, subject,
                    "%zu of %zu send less than %d %% of what they are given: %s; see to "
                    "their duty cycle (fuotactl budget) and to who else sends there",
                    refusing.count, known->count, SENT_MIN_PCT,
                    sample_text(&refusing, text));
    }
}

static void look_gateways(struct daemon *d, const struct fleet_entry *fleet,
                          struct utc now, struct json_object *list)
{
    struct gateways known = {0};
    struct sample silent = {0};
    char what[WHAT_SIZE];
    char text[SAMPLE_SIZE];
    snprintf(what, sizeof(what), "gateways of fleet %s", fleet->doc->spec.name);
    struct finding_subject subject = {"gateways", what};
    know_gateways(d, fleet, &known);
    for (size_t i = 0; i < known.count; i++) {
        struct utc last = known.items[i].last;
        struct utc since = last.us > d->started.us ? last : d->started;
        if (now.us - since.us > SILENT_US) {
            sample_add(&silent, known.items[i].gateway);
        }
    }
    if (known.count == 0) {
        finding_add(list, FINDING_WARN, subject,
                    "none has been heard: no session can be planned; see that uplinks "
                    "reach the server, and that it publishes them to this broker");
    } else if (silent.count > 0) {
        finding_add(list, FINDING_WARN, subject,
                    "%zu of %zu have heard nothing for a day: %s; see whether they are "
                    "connected to the server",
                    silent.count, known.count, sample_text(&silent, text));
    } else {
        finding_add(list, FINDING_OK, subject, "%zu known, none silent for a day",
                    known.count);
    }
    look_told(d, &known, subject, now, list);
    gateways_finish(&known);
}

/* ---- devices ---- */

struct device_samples {
    struct sample keyless;
    struct sample never;
    struct sample silent;
    struct sample contradicting; /* what its profile says */
};

static bool has_key(const struct inventory_device *device)
{
    return device->lorawan_minor == 0 ? device->has_gen_app_key : device->has_app_key;
}

static bool is_silent(const struct device_rec *rec, struct utc now)
{
    int64_t bound_us = rec->uplink_interval_us * SILENT_INTERVALS;
    return now.us - rec->last_uplink.us > (bound_us > SILENT_US ? bound_us : SILENT_US);
}

/* Both are known, and differ. */
static bool differ(uint8_t profile, uint8_t device)
{
    return profile != 0 && device != 0 && profile != device;
}

/* It runs other packages than its profile is about: the quirks are then another stack's. */
static bool contradicts(const struct profile *profile, const struct device_rec *rec)
{
    return profile != NULL && rec->packages_known &&
           (differ(profile->ts003, rec->package_version[PKG_CLOCK]) ||
            differ(profile->ts004, rec->package_version[PKG_FRAG]) ||
            differ(profile->ts005, rec->package_version[PKG_MCAST]));
}

static const struct profile *profile_of(const struct daemon *d,
                                        const struct fleet_entry *fleet,
                                        const struct inventory_device *device)
{
    return device->profile != NULL ? fleets_profile(&d->fleets, device->profile)
                                   : fleet->profile;
}

static void sample_device(const struct daemon *d, const struct fleet_entry *fleet,
                          const struct inventory_device *device, struct utc now,
                          struct device_samples *samples)
{
    const struct device_rec *rec = engine_device(d->engine, device->dev_eui);
    if (rec != NULL && contradicts(profile_of(d, fleet, device), rec)) {
        sample_add(&samples->contradicting, device->dev_eui);
    }
    if (!has_key(device)) {
        sample_add(&samples->keyless, device->dev_eui);
    }
    if (rec == NULL || rec->last_uplink.us == 0) {
        sample_add(&samples->never, device->dev_eui);
    } else if (is_silent(rec, now)) {
        sample_add(&samples->silent, device->dev_eui);
    }
}

static void look_sample(const struct sample *sample, struct finding_subject subject,
                        const char *advice, struct json_object *list)
{
    char text[SAMPLE_SIZE];
    if (sample->count > 0) {
        finding_add(list, FINDING_WARN, subject, "%zu %s: %s", sample->count, advice,
                    sample_text(sample, text));
    }
}

static void look_profiles(const struct fleet_entry *fleet, const struct sample *wrong,
                          struct json_object *list)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "profiles of fleet %s", fleet->doc->spec.name);
    struct finding_subject subject = {"profiles", what};
    if (wrong->count == 0) {
        finding_add(list, FINDING_OK, subject, "all known; %s is the default",
                    fleet->doc->spec.default_profile);
    }
    look_sample(wrong, subject,
                "have packages of other versions than their profile is about: name the "
                "profile of their stack in the inventory, or generic",
                list);
}

static void look_devices(struct daemon *d, const struct fleet_entry *fleet,
                         struct utc now, struct json_object *list)
{
    struct device_samples samples = {0};
    const struct inventory *inventory = &fleet->inventory;
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "devices of fleet %s", fleet->doc->spec.name);
    struct finding_subject devices = {"devices", what};
    for (size_t i = 0; i < inventory->count; i++) {
        sample_device(d, fleet, &inventory->devices[i], now, &samples);
    }
    look_sample(&samples.keyless, devices,
                "have no root key and cannot be given a multicast key; add gen_app_key "
                "(LoRaWAN 1.0.x) or app_key (1.1) to the inventory",
                list);
    look_sample(&samples.never, devices,
                "were never heard; see whether they have joined and send on their own",
                list);
    look_sample(&samples.silent, devices,
                "have been silent for a day or longer; see to power and coverage", list);
    if (samples.keyless.count + samples.never.count + samples.silent.count == 0) {
        finding_add(list, inventory->count > 0 ? FINDING_OK : FINDING_WARN, devices,
                    inventory->count > 0
                        ? "%zu, all with keys, all heard within a day"
                        : "%zu in the inventory: name an inventory file in the fleet",
                    inventory->count);
    }
    look_profiles(fleet, &samples.contradicting, list);
}

void doctor_look_fleets(struct daemon *d, struct json_object *list)
{
    struct utc now = clock_utc(&d->clock);
    for (size_t i = 0; i < d->fleets.trust_count; i++) {
        look_trust(&d->fleets.trusts[i], now, list);
    }
    for (size_t i = 0; i < d->fleets.count; i++) {
        look_gateways(d, &d->fleets.items[i], now, list);
        look_devices(d, &d->fleets.items[i], now, list);
    }
}
