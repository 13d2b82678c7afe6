/* SPDX-License-Identifier: MIT */
/* apply_server.c - what the server says against a campaign, and what a plan should tell. */
#include <stdio.h>

#include "loop/apply_internal.h"
#include "loop/scan.h"
#include "loop/server_checks.h"

static bool has_key(const struct inventory_device *device)
{
    return device->lorawan_minor == 0 ? device->has_gen_app_key : device->has_app_key;
}

static size_t keyless(const struct application_fleet *f, uint64_t *first)
{
    size_t count = 0;
    for (size_t i = 0; i < f->device_count; i++) {
        const struct inventory_device *device =
            inventory_find(&f->fleet->inventory, f->devices[i]);
        if (device != NULL && !has_key(device)) {
            *first = count++ == 0 ? device->dev_eui : *first;
        }
    }
    return count;
}

#define KEY_REMEDY                                                                \
    "give it as GenAppKey (LoRaWAN 1.0.x) or AppKey (1.1): with the keys of the " \
    "device at the server, if the fleet's inventory is from there, else as "      \
    "gen_app_key or app_key in the inventory file"

static int refuse(struct application *a)
{
    return apply_refuse(a, CTL_DOES_NOT_FIT,
                        "the network server would not let it happen");
}

int apply_check_fatal(struct application *a)
{
    int code = CTL_DONE;
    for (size_t i = 0; i < a->fleet_count; i++) {
        const struct fleet_entry *fleet = a->fleets[i].fleet;
        const struct server_state *state = fleet->server;
        if (state != NULL && state->fatal.fatal) {
            apply_problem(a, "spec.targets", "fleet '%s': %s", fleet->doc->spec.name,
                          state->fatal.text);
            code = refuse(a);
        }
    }
    return code;
}

/* Frames past the server are dated by us, and ping slots are the server's. */
static bool is_direct_in_slots(const struct application *a,
                               const struct fleet_entry *fleet)
{
    struct fuo_caps caps = {0};
    if (fleet->host == NULL || !spec_is_class_b(&a->doc->spec.radio)) {
        return false;
    }
    host_caps(fleet->host, &caps);
    return caps.direct;
}

static int check_gateways(struct application *a, const struct fleet_entry *fleet)
{
    const struct server_state *state = fleet->server;
    const struct eui_list *given = &a->doc->spec.radio.gateways;
    bool own = given->count > 0;
    char text[SERVER_TEXT_SIZE];
    char which[APPLY_FLEET_SIZE];
    if (state != NULL && state->known &&
        server_gateway_text(&state->view, own ? given : &fleet->doc->spec.gateways,
                            text)) {
        apply_problem(a, own ? "spec.radio.gateways" : "spec.targets", "%s%s%s",
                      apply_fleet_text(a, fleet, which),
                      own ? "" : "spec.gateways of the fleet: ", text);
        return refuse(a);
    }
    return CTL_DONE;
}

static int check_server(struct application *a, const struct application_fleet *f)
{
    char which[APPLY_FLEET_SIZE];
    uint64_t first = 0;
    if (apply_is_delivered(f->fleet)) {
        return CTL_DONE; /* no multicast keys, no gateways */
    }
    int code = check_gateways(a, f->fleet);
    size_t without = keyless(f, &first);
    if (f->device_count > 0 && without == f->device_count) {
        apply_problem(a, "spec.targets",
                      "%snone of the %zu devices has a root key, the first is %016llx: "
                      "no multicast key can be given to them; " KEY_REMEDY,
                      apply_fleet_text(a, f->fleet, which), without,
                      (unsigned long long)first);
        code = refuse(a);
    }
    if (is_direct_in_slots(a, f->fleet)) {
        apply_problem(a, "spec.radio.class",
                      "B does not go with direct mode, which knows no ping slots; take "
                      "class C, or set the option multicast of fleet '%s' to api",
                      f->fleet->doc->spec.name);
        code = refuse(a);
    }
    return code;
}

int apply_check_server(struct application *a)
{
    int code = CTL_DONE;
    for (size_t i = 0; i < a->fleet_count; i++) {
        int one = check_server(a, &a->fleets[i]);
        code = one != CTL_DONE ? one : code;
    }
    return code;
}

/* ---- notes ---- */

static void add_note(const struct application *a, const struct fleet_entry *fleet,
                     struct json_object *notes, const char *text)
{
    char which[APPLY_FLEET_SIZE];
    char note[APPLY_FLEET_SIZE + SERVER_TEXT_SIZE];
    snprintf(note, sizeof(note), "%s%s", apply_fleet_text(a, fleet, which), text);
    json_object_array_add(notes, json_object_new_string(note));
}

static void note_keys(const struct application *a, const struct application_fleet *f,
                      struct json_object *notes)
{
    char text[SERVER_TEXT_SIZE];
    uint64_t first = 0;
    size_t without = apply_is_delivered(f->fleet) ? 0 : keyless(f, &first);
    if (without > 0) {
        (void)snprintf(text, sizeof(text),
                       "%zu devices have no root key and will fail, the first is "
                       "%016llx: " KEY_REMEDY,
                       without, (unsigned long long)first);
        add_note(a, f->fleet, notes, text);
    }
}

static void note_server(const struct application *a, const struct application_fleet *f,
                        const struct campaign_spec *spec, struct json_object *notes)
{
    const struct server_state *state = f->fleet->server;
    char text[SERVER_TEXT_SIZE];
    if (state == NULL) {
        return;
    }
    if (state->known && server_class_text(&state->view, spec->radio.device_class,
                                          f->devices, f->device_count, text)) {
        add_note(a, f->fleet, notes, text);
    }
    if (state->known &&
        server_at_once_text(&state->view, f->devices, f->device_count, text)) {
        add_note(a, f->fleet, notes, text);
    }
    for (size_t i = 0; i < state->view.finding_count; i++) {
        add_note(a, f->fleet, notes, state->view.findings[i].text);
    }
    if (state->tried && state->err != FUO_OK &&
        f->fleet->doc->inventory_source != FLEET_INVENTORY_FILE) {
        (void)snprintf(text, sizeof(text),
                       "the server could not be asked for its devices (%s): planned with "
                       "those it had before",
                       fuo_strerror(state->err));
        add_note(a, f->fleet, notes, text);
    }
}

void apply_server_notes(const struct application *a, const struct campaign_spec *spec,
                        struct json_object *plan)
{
    struct json_object *notes = NULL;
    if (!json_object_object_get_ex(plan, "notes", &notes)) {
        return;
    }
    for (size_t i = 0; i < a->fleet_count; i++) {
        note_keys(a, &a->fleets[i], notes);
        note_server(a, &a->fleets[i], spec, notes);
    }
}
