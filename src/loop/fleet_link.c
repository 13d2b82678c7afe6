/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/eui.h"
#include "loop/credentials.h"
#include "loop/internal.h"
#include "loop/services.h"
#include "loop/xalloc.h"
#include "plugin/host.h"

#define LOG_MODULE "fleet"
#include "io/log.h"

enum {
    CLIENT_ID_SIZE = 160,
    SESSION_EXPIRY_S = 86400,
};

/* What a host's handlers get. */
struct fleet_link {
    struct daemon *daemon;
    struct services *services;
    uint32_t fleet_id;
    char name[SPEC_NAME_SIZE];
};

static void on_event(void *arg, const struct fuo_event *event)
{
    const struct fleet_link *link = arg;
    answers_take(link->daemon, link->fleet_id, event);
}

static void on_state(void *arg, bool mqtt_up)
{
    const struct fleet_link *link = arg;
    log_info("broker is %s fleet=%s", mqtt_up ? "connected" : "away", link->name);
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    const struct fleet_link *link = arg;
    enum log_level mapped = LOG_LEVEL_DEBUG;
    switch (level) {
    case FUO_LOG_ERROR:
        mapped = LOG_LEVEL_ERROR;
        break;
    case FUO_LOG_WARN:
        mapped = LOG_LEVEL_WARN;
        break;
    case FUO_LOG_INFO:
        mapped = LOG_LEVEL_INFO;
        break;
    case FUO_LOG_DEBUG:
        break;
    }
    log_write(mapped, LOG_MODULE, "%s fleet=%s", text, link->name);
}

static void free_link(struct fleet_link *link)
{
    if (link != NULL) {
        services_close(link->services);
    }
    free(link);
}

static int open_host(struct daemon *d, struct fleet_entry *fleet,
                     struct credentials *credentials)
{
    static const struct host_handlers handlers = {on_event, on_state, on_log};
    bool is_server = fleet->plugin.plugin.order != NULL;
    char client_id[CLIENT_ID_SIZE];
    snprintf(client_id, sizeof(client_id), "fuotad-%s-%s", d->doc->name,
             fleet->doc->spec.name);
    credentials->mqtt.client_id = client_id;
    credentials->mqtt.persistent = true;
    credentials->mqtt.session_expiry_s = SESSION_EXPIRY_S;
    randombytes_buf(&credentials->mqtt.jitter_seed,
                    sizeof(credentials->mqtt.jitter_seed));
    credentials->http.jitter_seed = credentials->mqtt.jitter_seed;
    struct host_config config = {
        .plugin = &fleet->plugin.plugin,
        .plugin_config = fleet->plugin_config,
        .mqtt = !is_server && credentials->mqtt.url != NULL ? &credentials->mqtt : NULL,
        .http =
            !is_server && credentials->http.base_url != NULL ? &credentials->http : NULL,
        .carrier = d->carrier,
        .version_pointer = fleet->doc->spec.version_decoder,
        .services = &services_ops,
        .services_arg = fleet->link->services,
    };
    return host_open(d->loop, &config, &handlers, fleet->link, &fleet->host);
}

static int make_link(struct daemon *d, struct fleet_entry *fleet, struct detail *detail)
{
    fleet->link = xcalloc(1, sizeof(*fleet->link));
    fleet->link->daemon = d;
    fleet->link->fleet_id = fleet->id;
    snprintf(fleet->link->name, sizeof(fleet->link->name), "%s", fleet->doc->spec.name);
    return services_open(d, fleet, &fleet->link->services, detail);
}

static void open_link(struct daemon *d, struct fleet_entry *fleet,
                      struct diag_list *diags)
{
    struct fleet_doc *doc = fleet->doc;
    struct credentials credentials = {0};
    struct detail detail = {0};
    if (make_link(d, fleet, &detail) != FUO_OK) {
        struct diag_place place = config_place(&doc->doc, "spec.inventory");
        diag_error(diags, &place, "the keys cannot be read: %s", detail.text);
    } else if (credentials_mqtt(&doc->doc, &doc->mqtt, "spec.networkServer.mqtt",
                                &credentials, diags) == FUO_OK &&
               credentials_http(&doc->doc, &doc->api, "spec.networkServer.api",
                                &credentials, diags) == FUO_OK) {
        int err = open_host(d, fleet, &credentials);
        if (err != FUO_OK) {
            struct diag_place place = config_place(&doc->doc, "spec.networkServer");
            diag_error(diags, &place, "plugin '%s' cannot be started: %s", doc->plugin,
                       fuo_strerror(err));
        }
    }
    credentials_release(&credentials);
}

int fleet_link_open_all(struct daemon *d, struct diag_list *diags)
{
    size_t before = diags->error_count;
    for (size_t i = 0; i < d->fleets.count; i++) {
        open_link(d, &d->fleets.items[i], diags);
    }
    return diags->error_count == before ? FUO_OK : FUO_EINVAL;
}

static bool find_by_name(const struct fleet_entry *fleet, const char *name,
                         uint64_t *dev_eui)
{
    return fleet->link != NULL && fleet->link->services != NULL &&
           services_ops.find_device(fleet->link->services, name, dev_eui) == FUO_OK;
}

bool fleet_link_device(const struct daemon *d, const char *text, uint64_t *dev_eui,
                       uint32_t *fleet_id)
{
    const struct fleet_entry *fleet = NULL;
    if (eui_parse(text, strlen(text), dev_eui) == FUO_OK &&
        fleets_device(&d->fleets, *dev_eui, &fleet) != NULL) {
        *fleet_id = fleet->id;
        return true;
    }
    for (size_t i = 0; i < d->fleets.count; i++) {
        if (find_by_name(&d->fleets.items[i], text, dev_eui)) {
            *fleet_id = d->fleets.items[i].id;
            return true;
        }
    }
    return false;
}

void fleet_link_imported(const struct fleet_entry *fleet,
                         const struct services_import *devices, size_t count)
{
    if (fleet->link != NULL && fleet->link->services != NULL) {
        services_imported(fleet->link->services, devices, count);
    }
}

static void on_closed(void *arg)
{
    struct fleet_link *link = arg;
    link->daemon->closing--;
    free_link(link);
}

void fleet_link_close_all(struct daemon *d)
{
    for (size_t i = 0; i < d->fleets.count; i++) {
        struct fleet_entry *fleet = &d->fleets.items[i];
        if (fleet->host != NULL) {
            d->closing++;
            host_close(fleet->host, on_closed, fleet->link);
        } else {
            free_link(fleet->link);
        }
        fleet->host = NULL;
        fleet->link = NULL;
    }
}
