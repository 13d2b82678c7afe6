/* SPDX-License-Identifier: MIT */
/* planning_refuse.c - why there is no plan, and which devices that concerns. */
#include <stdio.h>

#include "base/eui.h"
#include "loop/planning_internal.h"

enum {
    NAMED_MAX = 20, /* devices in a diagnostic */
    TEXT_SIZE = 512,
    WHAT_SIZE = 1024,
    DEVICES_SIZE = NAMED_MAX * (EUI_TEXT_SIZE + 1) + 32,
};

const char *planning_reason_slug(enum planning_reason reason)
{
    static const char *const slugs[] = {
#define X(name, slug, path, text) [name] = (slug),
        PLANNING_REASON_MAP(X)
#undef X
    };
    return slugs[reason];
}

const char *planning_reason_text(enum planning_reason reason)
{
    static const char *const texts[] = {
#define X(name, slug, path, text) [name] = (text),
        PLANNING_REASON_MAP(X)
#undef X
    };
    return texts[reason];
}

const char *planning_reason_path(enum planning_reason reason)
{
    static const char *const paths[] = {
#define X(name, slug, path, text) [name] = (path),
        PLANNING_REASON_MAP(X)
#undef X
    };
    return paths[reason];
}

/* The first of them by name, the rest by number. */
static void list_devices(const uint64_t *devices, size_t count,
                         char text[static DEVICES_SIZE])
{
    size_t named = count < NAMED_MAX ? count : NAMED_MAX;
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < named; i++) {
        char eui[EUI_TEXT_SIZE];
        len += (size_t)snprintf(text + len, DEVICES_SIZE - len, "%s%s", i > 0 ? " " : "",
                                eui_format(devices[i], eui));
    }
    if (count > named) {
        snprintf(text + len, DEVICES_SIZE - len, " and %zu more", count - named);
    }
}

static void refuse(const struct planning_job *m, const char *path, const char *what,
                   const uint64_t *devices, size_t count)
{
    char names[DEVICES_SIZE];
    struct diag_place place = {.file = m->request.file, .path = path};
    list_devices(devices, count, names);
    diag_error(m->diags, &place, "%s; %zu device%s: %s", what, count,
               count == 1 ? "" : "s", names);
}

int planning_refuse_left_out(const struct planning_job *m)
{
    int err = FUO_OK;
    for (int i = 0; i < PLANNING_PASSING; i++) {
        const struct planning_left_out *out = &m->planning->left_out[i];
        enum planning_reason reason = (enum planning_reason)i;
        char what[TEXT_SIZE];
        if (out->count == 0) {
            continue;
        }
        snprintf(what, sizeof(what), "%s%s%s", planning_reason_text(reason),
                 out->limit[0] != '\0' ? ": " : "", out->limit);
        refuse(m, planning_reason_path(reason), what, out->devices, out->count);
        err = FUO_ERANGE;
    }
    return err;
}

/*
 * How much fits: as the decoders of the fleet have it, or, where that is less, as the frames of
 * the fastest data rate that the campaign may use have it. True: the decoders.
 */
static bool describe_limits(const struct planning_job *m, char text[static TEXT_SIZE])
{
    const struct fragplan_limits *limits = &m->input.limits;
    unsigned count = limits->count_max != 0 ? limits->count_max : FRAGPLAN_COUNT_MAX;
    unsigned size = limits->size_max != 0 ? limits->size_max : UINT8_MAX;
    unsigned room = fragplan_size_for_payload(
        region_max_payload(m->probe.region, m->probe.dr, (struct payload_rules){0}));
    if (limits->size_min > room) {
        snprintf(text, TEXT_SIZE,
                 "decoders take fragments of %u bytes or more, and DR%u has room for %u; "
                 "use a faster data rate",
                 (unsigned)limits->size_min, m->probe.dr, room);
        return false;
    }
    if (room < size && count > FRAGPLAN_COUNT_PLANNED) {
        snprintf(text, TEXT_SIZE,
                 "the image has %zu bytes; at most %u fragments of %u bytes go at DR%u",
                 m->request.image_len, (unsigned)FRAGPLAN_COUNT_PLANNED, room,
                 m->probe.dr);
        return false;
    }
    snprintf(text, TEXT_SIZE,
             "the image has %zu bytes; device profile '%s' takes at most %u fragments of "
             "%u to %u bytes",
             m->request.image_len, m->limiting != NULL ? m->limiting->name : "generic",
             count, (unsigned)limits->size_min, size);
    return true;
}

/* The key that is wrong, and what is wrong with it. */
static const char *describe(const struct planning_job *m, enum plan_error error,
                            char what[static WHAT_SIZE])
{
    const struct spec_radio *radio = &m->request.spec->radio;
    const char *region = m->request.fleet->doc->spec.region;
    char limits[TEXT_SIZE];
    switch (error) {
    case PLAN_DATARATE:
        snprintf(what, WHAT_SIZE, "there is no DR%u for downlinks in %s",
                 (unsigned)radio->dr, region);
        return "spec.radio.datarate";
    case PLAN_FREQUENCY:
        snprintf(what, WHAT_SIZE,
                 "%.4f MHz is outside every sub-band of %s, or no multiple of 100 Hz",
                 m->probe.frequency_hz / 1e6, region);
        return "spec.radio.frequency";
    case PLAN_TOO_MANY:
        snprintf(what, WHAT_SIZE, "%s%s",
                 describe_limits(m, limits) ? "its decoder cannot take the image: " : "",
                 limits);
        return "spec.image";
    case PLAN_SIZE:
        (void)describe_limits(m, limits);
        snprintf(what, WHAT_SIZE, "%s; %s", plan_error_text(error), limits);
        return "spec.image";
    case PLAN_NO_SHARE:
        snprintf(what, WHAT_SIZE,
                 "%s; campaigns may use %.1f s of each hour of a gateway",
                 plan_error_text(error), (double)m->probe.airtime_cap_us / 1e6);
        return "spec.budgets.dutyCycle";
    case PLAN_OK:
    case PLAN_REGION:
    case PLAN_EMPTY:
        break;
    }
    snprintf(what, WHAT_SIZE, "%s", plan_error_text(error));
    return NULL;
}

int planning_refuse_all(const struct planning_job *m, enum plan_error error)
{
    const struct planning_request *r = &m->request;
    char what[WHAT_SIZE];
    const char *path = describe(m, error, what);
    refuse(m, path, what, r->devices, r->device_count);
    return FUO_ERANGE;
}
