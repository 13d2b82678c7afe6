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

static size_t keyless(const struct application *a, uint64_t *first)
{
    size_t count = 0;
    for (size_t i = 0; i < a->device_count; i++) {
        const struct inventory_device *device =
            inventory_find(&a->fleet->inventory, a->devices[i]);
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

int apply_check_fatal(struct application *a)
{
    const struct server_state *state = a->fleet->server;
    if (state == NULL || !state->fatal.fatal) {
        return CTL_DONE;
    }
    return ctl_fail(&a->error, CTL_DOES_NOT_FIT, "fleet '%s': %s",
                    a->fleet->doc->spec.name, state->fatal.text);
}

/* Frames past the server are dated by us, and ping slots are the server's. */
static bool is_direct_in_slots(const struct application *a)
{
    struct fuo_caps caps = {0};
    if (a->fleet->host == NULL || !spec_is_class_b(&a->doc->spec.radio)) {
        return false;
    }
    host_caps(a->fleet->host, &caps);
    return caps.direct;
}

int apply_check_server(struct application *a)
{
    const struct server_state *state = a->fleet->server;
    char text[SERVER_TEXT_SIZE];
    uint64_t first = 0;
    if (apply_is_delivered(a)) {
        return CTL_DONE; /* no multicast keys, no gateways */
    }
    size_t without = keyless(a, &first);
    if (a->device_count > 0 && without == a->device_count) {
        return ctl_fail(&a->error, CTL_DOES_NOT_FIT,
                        "none of the %zu devices has a root key, the first is %016llx: "
                        "no multicast key can be given to them; " KEY_REMEDY,
                        without, (unsigned long long)first);
    }
    if (is_direct_in_slots(a)) {
        return ctl_fail(
            &a->error, CTL_DOES_NOT_FIT,
            "spec.radio.class: B does not go with direct mode, which knows no "
            "ping slots; take class C, or set the option multicast of fleet "
            "'%s' to api",
            a->fleet->doc->spec.name);
    }
    if (state == NULL) {
        return CTL_DONE;
    }
    const struct eui_list *given = &a->doc->spec.radio.gateways;
    bool own = given->count > 0;
    if (state->known &&
        server_gateway_text(&state->view, own ? given : &a->fleet->doc->spec.gateways,
                            text)) {
        return ctl_fail(&a->error, CTL_DOES_NOT_FIT, "%s: %s",
                        own ? "spec.radio.gateways" : "spec.gateways of the fleet", text);
    }
    return CTL_DONE;
}

static void add_note(struct json_object *notes, const char *text)
{
    json_object_array_add(notes, json_object_new_string(text));
}

void apply_server_notes(const struct application *a, const struct campaign_spec *spec,
                        struct json_object *plan)
{
    const struct server_state *state = a->fleet->server;
    struct json_object *notes = NULL;
    char text[SERVER_TEXT_SIZE];
    uint64_t first = 0;
    size_t without = apply_is_delivered(a) ? 0 : keyless(a, &first);
    if (!json_object_object_get_ex(plan, "notes", &notes)) {
        return;
    }
    if (without > 0) {
        (void)snprintf(text, sizeof(text),
                       "%zu devices have no root key and will fail, the first is "
                       "%016llx: " KEY_REMEDY,
                       without, (unsigned long long)first);
        add_note(notes, text);
    }
    if (state == NULL) {
        return;
    }
    if (state->known && server_class_text(&state->view, spec->radio.device_class,
                                          a->devices, a->device_count, text)) {
        add_note(notes, text);
    }
    if (state->known &&
        server_at_once_text(&state->view, a->devices, a->device_count, text)) {
        add_note(notes, text);
    }
    for (size_t i = 0; i < state->view.finding_count; i++) {
        add_note(notes, state->view.findings[i].text);
    }
    if (state->tried && state->err != FUO_OK &&
        a->fleet->doc->inventory_source != FLEET_INVENTORY_FILE) {
        (void)snprintf(text, sizeof(text),
                       "the server could not be asked for its devices (%s): planned with "
                       "those it had before",
                       fuo_strerror(state->err));
        add_note(notes, text);
    }
}
