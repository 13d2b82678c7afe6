/* SPDX-License-Identifier: MIT */
/* The waves of a plan and of a campaign. */
#include <inttypes.h>
#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"

static struct json_object *waves_of(struct json_object *object, size_t *count)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(object, "waves", &list);
    *count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    return list;
}

static void print_heading(FILE *out, struct json_object *wave)
{
    int64_t devices = ctl_int(wave, "devices", 0);
    fprintf(out, "%-13s", "wave");
    words_print(out, ctl_text(wave, "name"));
    fprintf(out, ": %" PRId64 " device%s", devices, devices == 1 ? "" : "s");
}

static void print_share(FILE *out, int64_t ppm)
{
    fprintf(out, "%" PRId64, ppm / 10000);
    if (ppm % 10000 != 0) {
        fprintf(out, ".%02" PRId64, ppm % 10000 / 100);
    }
    fputs(" %", out);
}

/* "wave canary: 10 devices, then soak 24h; succeeds with 95 %, fails with 5 % of 10" */
static void print_planned(FILE *out, struct json_object *wave)
{
    char text[WORDS_DURATION_SIZE];
    int64_t soak_us = ctl_int(wave, "soak_us", 0);
    print_heading(out, wave);
    if (ctl_int(wave, "devices", 0) == 0) {
        fputs(": those before have them all\n", out);
        return;
    }
    fputs(ctl_bool(wave, "approval", false) ? ", after approval" : "", out);
    fputs("; needs ", out);
    print_share(out, ctl_int(wave, "success_ppm", 0));
    fputs(" success, fails at ", out);
    print_share(out, ctl_int(wave, "abort_failed_ppm", 0));
    fprintf(out, " of at least %" PRId64 " attempted",
            ctl_int(wave, "abort_attempted", 0));
    if (soak_us > 0) {
        fprintf(out, "; soaks %s", words_duration(soak_us, text));
    }
    fputc('\n', out);
}

/* "airtime 2h 3m, sending 40m (p90 1h), up to 12.3 J a device and 0.4 kJ, 3 skipped" */
static void print_cost(FILE *out, struct json_object *wave)
{
    char text[WORDS_DURATION_SIZE];
    int64_t skipped = ctl_int(wave, "skipped", 0);
    if (ctl_int(wave, "airtime_us", -1) < 0) {
        return;
    }
    fprintf(out, "%-13sairtime %s", "  cost",
            words_duration(ctl_int(wave, "airtime_us", 0), text));
    fprintf(out, ", sending %s", words_duration(ctl_int(wave, "duration_us", 0), text));
    fprintf(out, " (p90 %s)", words_duration(ctl_int(wave, "duration_p90_us", 0), text));
    fprintf(out, ", up to %.1f J a device and %.3f kJ of all",
            (double)ctl_int(wave, "device_energy_mj", 0) / 1e3,
            (double)ctl_int(wave, "energy_mj", 0) / 1e6);
    if (skipped > 0) {
        fprintf(out, "; %" PRId64 " device%s left out", skipped, skipped == 1 ? "" : "s");
    }
    fputc('\n', out);
}

/* "delta from 1.4.2: 1163 bytes to 40 devices, airtime 3m" */
void render_planned_variants(FILE *out, struct json_object *plan)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(plan, "variants", &list);
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        char text[WORDS_DURATION_SIZE];
        const char *name = ctl_text(v, "variant");
        int64_t devices = ctl_int(v, "devices", 0);
        bool full = name != NULL && strcmp(name, "full") == 0;
        fprintf(out, "%-13s", full ? "image" : "delta from ");
        words_print(out, full ? ctl_text(v, "file") : name);
        fprintf(out, ": %" PRId64 " bytes to %" PRId64 " device%s, airtime %s\n",
                ctl_int(v, "bytes", 0), devices, devices == 1 ? "" : "s",
                words_duration(ctl_int(v, "airtime_us", 0), text));
    }
}

/* "fleet wm1: 40 devices" and what they cost, of several fleets */
void render_planned_fleets(FILE *out, struct json_object *plan)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(plan, "by_fleet", &list);
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *fleet = json_object_array_get_idx(list, i);
        int64_t devices = ctl_int(fleet, "devices", 0);
        fprintf(out, "%-13s", "fleet");
        words_print(out, ctl_text(fleet, "fleet"));
        fprintf(out, ": %" PRId64 " device%s", devices, devices == 1 ? "" : "s");
        if (ctl_bool(fleet, "delivered", false)) {
            fputs(", each over IP by itself\n", out);
        } else {
            fputc('\n', out);
            print_cost(out, fleet);
        }
    }
}

void render_planned_waves(FILE *out, struct json_object *plan)
{
    size_t count;
    struct json_object *list = waves_of(plan, &count);
    int64_t left = ctl_int(plan, "devices", 0);
    for (size_t i = 0; i < count; i++) {
        struct json_object *wave = json_object_array_get_idx(list, i);
        left -= ctl_int(wave, "devices", 0);
        print_planned(out, wave);
        print_cost(out, wave);
    }
    if (count > 0 && left > 0) {
        fprintf(out, "%-13s%" PRId64 " device%s in no wave: skipped\n", "", left,
                left == 1 ? "" : "s");
    }
}

/* ", 3 failed"; nothing for 0. */
static void print_count(FILE *out, struct json_object *wave, const char *key,
                        const char *what)
{
    int64_t n = ctl_int(wave, key, 0);
    if (n > 0) {
        fprintf(out, ", %" PRId64 " %s", n, what);
    }
}

static void print_wave(FILE *out, struct json_object *wave)
{
    const char *verdict = ctl_text(wave, "verdict");
    const char *until = ctl_text(wave, "soak_until");
    const char *phase = ctl_text(wave, "phase");
    print_heading(out, wave);
    fputs(", ", out);
    words_print(out, phase);
    if (verdict != NULL && strcmp(verdict, "open") != 0) {
        fputs(", ", out);
        words_print(out, verdict);
        fputs(ctl_bool(wave, "waived", false) ? " (overruled)" : "", out);
    }
    print_count(out, wave, "attempted", "attempted");
    print_count(out, wave, "succeeded", "succeeded");
    print_count(out, wave, "failed", "failed");
    print_count(out, wave, "unknown", "unknown");
    print_count(out, wave, "already", "up to date before");
    print_count(out, wave, "passed_over", "passed over");
    if (phase != NULL && strcmp(phase, "soaking") == 0 && until != NULL) {
        fputs(", until ", out);
        words_print(out, until);
    }
    fputc('\n', out);
}

static void print_variants(FILE *out, struct json_object *state)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(state, "variants", &list);
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        const char *name = ctl_text(v, "variant");
        int64_t devices = ctl_int(v, "devices", 0);
        bool full = name != NULL && strcmp(name, "full") == 0;
        fprintf(out, "%-13s", full ? "image" : "delta from ");
        words_print(out, full ? ctl_text(v, "file") : name);
        fprintf(out, ": %" PRId64 " device%s", devices, devices == 1 ? "" : "s");
        print_count(out, v, "succeeded", "succeeded");
        print_count(out, v, "fell_back", "on which a delta had failed");
        fputc('\n', out);
    }
}

void render_waves(FILE *out, struct json_object *state)
{
    size_t count;
    struct json_object *list = waves_of(state, &count);
    for (size_t i = 0; i < count; i++) {
        print_wave(out, json_object_array_get_idx(list, i));
    }
    print_variants(out, state);
}
