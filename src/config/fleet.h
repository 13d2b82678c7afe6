/* SPDX-License-Identifier: MIT */
/*
 * fleet.h - a Fleet file: devices that live on one network server, and how to reach it.
 *
 * The engine sees struct fleet_spec only. Credentials are names of files here; nothing in
 * this module reads them.
 */
#pragma once

#include "campaign/spec.h"
#include "config/kind.h"
#include "config/mqtt_options.h"

enum fleet_inventory_source {
    FLEET_INVENTORY_FILE,
    FLEET_INVENTORY_SERVER,
    FLEET_INVENTORY_BOTH,
};

struct fleet_api {
    const char *url;        /* http:// or https:// */
    const char *token_file; /* NULL: none */
    const char *ca_file;    /* NULL: none */
};

struct fleet_doc {
    struct config_doc doc;
    struct fleet_spec spec;
    const char *trust_policy;
    uint32_t region_index; /* of spec.region among the words of the table */
    const char *plugin;
    struct mqtt_options mqtt;
    struct fleet_api api;
    const struct option_raw *options; /* for plugin_options_decode() */
    size_t option_count;
    enum fleet_inventory_source inventory_source;
    const char *inventory_file; /* as written; NULL: none */
};

extern const struct config_kind fleet_kind;

/* As config_load() and config_parse(). */
FUO_MUST_CHECK int fleet_load(const char *file, struct fleet_doc **doc,
                              struct diag_list *diags);
FUO_MUST_CHECK int fleet_parse(const char *file, const char *bytes, size_t len,
                               struct fleet_doc **doc, struct diag_list *diags);

/* Accepts NULL. */
void fleet_doc_destroy(struct fleet_doc *doc);
