/* SPDX-License-Identifier: MIT */
/* doctor_server.c - findings about what the servers have: scan.h. */
#include <stdio.h>
#include <string.h>

#include "base/eui.h"
#include "ctl/finding.h"
#include "loop/doctor.h"
#include "loop/scan.h"
#include "loop/server_checks.h"
#include "loop/xalloc.h"

enum {
    WHAT_SIZE = 128,
};

static void look_class(const struct fleet_entry *fleet, struct finding_subject subject,
                       struct json_object *list)
{
    char text[SERVER_TEXT_SIZE];
    size_t count = fleet->inventory.count;
    uint64_t *devices = xcalloc(count + 1, sizeof(*devices));
    for (size_t i = 0; i < count; i++) {
        devices[i] = fleet->inventory.devices[i].dev_eui;
    }
    if (server_class_text(&fleet->server->view, 'C', devices, count, text)) {
        finding_add(list, FINDING_OK, subject, "%s", text);
    }
    if (server_at_once_text(&fleet->server->view, devices, count, text)) {
        finding_add(list, FINDING_WARN, subject, "%s", text);
    }
    free(devices);
}

static void look_absent(const struct fleet_entry *fleet, struct finding_subject subject,
                        struct json_object *list)
{
    size_t absent = 0;
    uint64_t first = 0;
    for (size_t i = 0; i < fleet->inventory.count; i++) {
        uint64_t dev_eui = fleet->inventory.devices[i].dev_eui;
        if (server_view_device(&fleet->server->view, dev_eui) == NULL) {
            first = absent++ == 0 ? dev_eui : first;
        }
    }
    if (absent > 0) {
        finding_add(list, FINDING_WARN, subject,
                    "%zu devices of the inventory are not in its application, the first "
                    "is %016llx: add them there, or take them out of the inventory",
                    absent, (unsigned long long)first);
    }
}

static void look_gateways(const struct fleet_entry *fleet, struct finding_subject subject,
                          struct json_object *list)
{
    const struct server_view *view = &fleet->server->view;
    const struct eui_list *given = &fleet->doc->spec.gateways;
    char text[SERVER_TEXT_SIZE];
    size_t away = 0;
    uint64_t first = 0;
    if (server_gateway_text(view, given, text)) {
        finding_add(list, FINDING_FAIL, subject, "spec.gateways: %s", text);
    }
    for (size_t i = 0; i < view->gateway_count; i++) {
        if (view->gateways[i].state == FUO_GATEWAY_OFFLINE) {
            first = away++ == 0 ? view->gateways[i].gateway : first;
        }
    }
    if (away > 0) {
        finding_add(list, FINDING_WARN, subject,
                    "%zu of %zu gateways are offline, the first is %016llx: see to their "
                    "power and connection",
                    away, view->gateway_count, (unsigned long long)first);
    }
}

static void look_view(const struct fleet_entry *fleet, struct finding_subject subject,
                      struct json_object *list)
{
    const struct server_view *view = &fleet->server->view;
    for (size_t i = 0; i < view->finding_count; i++) {
        finding_add(list, view->findings[i].fatal ? FINDING_FAIL : FINDING_WARN, subject,
                    "%s", view->findings[i].text);
    }
    look_absent(fleet, subject, list);
    look_class(fleet, subject, list);
    look_gateways(fleet, subject, list);
    finding_add(list, FINDING_OK, subject, "it has %zu devices and %zu gateways",
                view->count, view->gateway_count);
}

/* probed: why the API refuses, as another finding has it already; else empty. */
static void look_server(const struct fleet_entry *fleet, const char *probed,
                        struct json_object *list)
{
    const struct server_state *state = fleet->server;
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "server of fleet %s", fleet->doc->spec.name);
    struct finding_subject subject = {"server", what};
    bool needed = fleet->doc->inventory_source != FLEET_INVENTORY_FILE;
    if (state->fatal.fatal && strcmp(state->fatal.text, probed) == 0) {
        return; /* one cause is told once */
    }
    if (state->fatal.fatal) {
        finding_add(list, FINDING_FAIL, subject, "%s", state->fatal.text);
    } else if (state->tried && state->err != FUO_OK && state->err != FUO_EAGAIN) {
        finding_add(list, needed ? FINDING_WARN : FINDING_OK, subject,
                    "its devices and gateways could not be read: %s; the daemon tries "
                    "again by itself",
                    fuo_strerror(state->err));
    }
    if (state->known) {
        look_view(fleet, subject, list);
    }
}

void doctor_look_servers(struct daemon *d, const struct doctor_probe *probes,
                         struct json_object *list)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        if (d->fleets.items[i].server != NULL) {
            look_server(&d->fleets.items[i], probes[i].finding, list);
        }
    }
}
