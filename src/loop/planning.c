/* SPDX-License-Identifier: MIT */
#include "loop/planning.h"

#include <stdio.h>

#include "campaign/profile.h"
#include "loop/render.h"
#include "plugin/host.h"

enum {
    NOTE_SIZE = 160,
};

/* The gateways that hear the devices best, and how well the weakest is heard. */
struct coverage {
    uint64_t gateways[RECORD_GATEWAY_MAX];
    uint8_t gateway_count;
    int16_t weakest_snr_cdb;
};

static void cover(struct coverage *coverage, const struct device_rec *device)
{
    if (device == NULL || device->link_count == 0) {
        return;
    }
    uint64_t best = device->link[0].gateway;
    int16_t snr_cdb = device->link[0].snr_cdb;
    if (coverage->weakest_snr_cdb == PLAN_SNR_UNKNOWN ||
        snr_cdb < coverage->weakest_snr_cdb) {
        coverage->weakest_snr_cdb = snr_cdb;
    }
    for (size_t i = 0; i < coverage->gateway_count; i++) {
        if (coverage->gateways[i] == best) {
            return;
        }
    }
    if (coverage->gateway_count < RECORD_GATEWAY_MAX) {
        coverage->gateways[coverage->gateway_count++] = best;
    }
}

static uint8_t cluster_size(const struct campaign_spec *spec,
                            const struct fleet_spec *fleet,
                            const struct coverage *coverage)
{
    size_t count = spec->radio.gateways.count;
    if (count == 0) {
        count = fleet->gateways.count;
    }
    if (count == 0) {
        count = coverage->gateway_count;
    }
    if (count == 0) {
        count = 1;
    }
    return (uint8_t)(count > RECORD_GATEWAY_MAX ? RECORD_GATEWAY_MAX : count);
}

struct plan_input planning_input(const struct engine *engine,
                                 const struct fleet_entry *fleet,
                                 const struct campaign_spec *spec,
                                 const uint64_t *devices, size_t device_count)
{
    struct coverage coverage = {.weakest_snr_cdb = PLAN_SNR_UNKNOWN};
    for (size_t i = 0; i < device_count; i++) {
        cover(&coverage, engine_device(engine, devices[i]));
    }
    struct fuo_caps caps = {0};
    if (fleet->host != NULL) {
        host_caps(fleet->host, &caps);
    }
    const struct profile *profile = profile_by_name(fleet->doc->spec.default_profile);
    struct plan_input input = {
        .spec = spec,
        .fleet = &fleet->doc->spec,
        .device_count = (uint32_t)device_count,
        .gateway_count = cluster_size(spec, &fleet->doc->spec, &coverage),
        .server_spacing_us = caps.multicast_spacing_us,
        .weakest_snr_cdb = coverage.weakest_snr_cdb,
    };
    if (profile != NULL) {
        input.limits = profile->limits;
    }
    return input;
}

static struct json_object *render_cohort(const struct plan_input *input,
                                         const struct plan *plan)
{
    struct json_object *object = json_object_new_object();
    render_add_int(object, "devices", input->device_count);
    render_add_int(object, "dr", plan->dr);
    render_add_int(object, "frequency_hz", plan->frequency_hz);
    render_add_int(object, "fragment_size", plan->fragments.size);
    render_add_int(object, "fragments", plan->fragments.count);
    render_add_int(object, "coded", plan->coded_first);
    render_add_int(object, "frame_airtime_us", plan->frame_airtime_us);
    render_add_int(object, "airtime_us", plan->airtime_us);
    render_add_int(object, "airtime_cap_us", plan->airtime_cap_us);
    render_add_int(object, "legal_cap_us", plan->legal_cap_us);
    render_add_int(object, "gateways", input->gateway_count);
    render_add_int(object, "sessions", plan->session_count);
    render_add_int(object, "interval_us", plan->interval_us);
    render_add_int(object, "duration_us", plan->duration_us);
    return object;
}

static void add_note(struct json_object *notes, const char *text)
{
    json_object_array_add(notes, json_object_new_string(text));
}

static struct json_object *render_notes(const struct plan_input *input,
                                        const struct plan *plan)
{
    struct json_object *notes = json_object_new_array();
    char text[NOTE_SIZE];
    snprintf(text, sizeof(text),
             "up to %u coded fragments more may follow for what is lost",
             (unsigned)(plan->coded_max - plan->coded_first));
    add_note(notes, text);
    if (plan->legal_cap_us < HOURS_US(1)) {
        snprintf(text, sizeof(text),
                 "other traffic of each gateway is assumed to need %u%% of the legal "
                 "airtime",
                 (unsigned)(input->fleet->reserve_ppm / 10000));
        add_note(notes, text);
    }
    if (input->weakest_snr_cdb == PLAN_SNR_UNKNOWN) {
        add_note(notes, "no device has been heard yet: coverage is not known");
    }
    return notes;
}

struct json_object *planning_render(const struct plan_input *input,
                                    const struct plan *plan)
{
    struct json_object *object = json_object_new_object();
    render_add_text(object, "name", input->spec->name);
    render_add_text(object, "fleet", input->fleet->name);
    render_add_int(object, "devices", input->device_count);
    render_add_int(object, "image_bytes", (int64_t)input->image_len);
    struct json_object *cohorts = json_object_new_array();
    json_object_array_add(cohorts, render_cohort(input, plan));
    render_add(object, "cohorts", cohorts);
    render_add_int(object, "fragments", plan->fragments.count);
    render_add_int(object, "coded", plan->coded_first);
    render_add_int(object, "airtime_us", plan->airtime_us * input->gateway_count);
    render_add_int(object, "duration_us", plan->duration_us);
    render_add(object, "notes", render_notes(input, plan));
    return object;
}
