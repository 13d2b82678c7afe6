/* SPDX-License-Identifier: MIT */
#include "config/fleet.h"

#include <string.h>

#include "config/table.h"

#define AT(member)    OPTION_AT(struct fleet_doc, member)
#define ITEMS(member) OPTION_ITEMS(struct fleet_doc, member)

_Static_assert(offsetof(struct fleet_doc, option_count) ==
                   offsetof(struct fleet_doc, options) + sizeof(void *),
               "a list is a pointer and a count");

static const struct option_word kinds[] = {{"Fleet", 0}, {0}};
static const struct option_word sources[] = {{"file", FLEET_INVENTORY_FILE},
                                             {"server", FLEET_INVENTORY_SERVER},
                                             {"both", FLEET_INVENTORY_BOTH},
                                             {0}};
static const struct option_word models[] = {
    {"sliding-hour", SPEC_DUTY_SLIDING_HOUR}, {"off-time", SPEC_DUTY_OFF_TIME}, {0}};

/* The region is kept as text: the table is also the list of its names. */
static const struct option_word regions[] = {
    {"EU868", 0},   {"US915", 1},   {"AU915", 2}, {"AS923", 3}, {"AS923-2", 4},
    {"AS923-3", 5}, {"AS923-4", 6}, {"IN865", 7}, {"KR920", 8}, {"EU433", 9},
    {"RU864", 10},  {"CN470", 11},  {0}};

static const struct option metadata[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(spec.name),
     .example = "wm1",
     .help = "The name by which campaigns target it."},
    {0},
};

static const struct option mqtt[] = {
    {.key = "url",
     .type = OPTION_URL,
     .words = table_mqtt_schemes,
     .def = "mqtt://127.0.0.1:1883",
     AT(mqtt.url),
     .help = "The broker of the network server; mqtts for TLS."},
    TABLE_MQTT_FILES(offsetof(struct fleet_doc, mqtt)),
    {.key = "version",
     .type = OPTION_ENUM,
     .words = table_mqtt_versions,
     .def = "auto",
     AT(mqtt.version),
     .help = "Version of MQTT; auto: 5, and 3.1.1 where the broker refuses it."},
    {0},
};

static const struct option api[] = {
    {.key = "url",
     .type = OPTION_URL,
     .words = table_http_schemes,
     .def = "http://127.0.0.1:8080",
     AT(api.url),
     .help = "The API of the network server."},
    TABLE_FILE_OR_NONE("tokenFile", "File that holds the API token.", AT(api.token_file)),
    TABLE_FILE_OR_NONE(
        "caFile",
        "Certificates (PEM) that the server's must lead to; none: the system's.",
        AT(api.ca_file)),
    {0},
};

static const struct option network_server[] = {
    {.key = "plugin",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(plugin),
     .example = "chirpstack",
     .help = "Name of the plugin that speaks to the server."},
    {.key = "mqtt", .type = OPTION_MAP, .sub = mqtt, .help = "Its broker."},
    {.key = "api", .type = OPTION_MAP, .sub = api, .help = "Its API."},
    {.key = "options",
     .type = OPTION_RAW,
     .offset = offsetof(struct fleet_doc, options),
     .example = "{ applicationId: \"5a1c0e1e-0000-4000-8000-000000000001\" }",
     .help = "Options of the plugin, from its own table."},
    {0},
};

static const struct option inventory[] = {
    {.key = "source",
     .type = OPTION_ENUM,
     .words = sources,
     .def = "file",
     AT(inventory_source),
     .help = "Where the devices are listed: in the file, at the network server, or both: "
             "then what the file says of a device holds, and what it leaves empty is "
             "taken from the server."},
    {.key = "file",
     .type = OPTION_FILE,
     .flags = OPTION_EXISTS | OPTION_SHOWN,
     AT(inventory_file),
     .example = "wm1.devices.csv",
     .help = "CSV file with the columns dev_eui, name, lorawan, gen_app_key, app_key, "
             "profile and label:KEY. Required unless the source is server."},
    {0},
};

static const struct option profiles[] = {
    {.key = "default",
     .type = OPTION_FILE,
     .def = "lbm-v2",
     AT(spec.default_profile),
     .help = "Profile of devices that name none: a shipped one by name, or a file."},
    {0},
};

static const struct option duty_cycle[] = {
    {.key = "model",
     .type = OPTION_ENUM,
     .words = models,
     .def = "sliding-hour",
     AT(spec.duty_model),
     .help = "How gateways account for airtime: over any hour, or by off-time after each "
             "frame."},
    {.key = "reserve",
     .type = OPTION_SHARE,
     .def = "40%",
     .max = SPEC_PPM,
     AT(spec.reserve_ppm),
     .help = "Share of the legal limit kept for traffic that fuotad does not see."},
    {0},
};

static const struct option spec[] = {
    {.key = "trustPolicy",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(trust_policy),
     .example = "release-wm1",
     .help = "Name of the TrustPolicy that images for these devices must satisfy."},
    {.key = "region",
     .type = OPTION_ENUM,
     .flags = OPTION_SHOWN,
     .words = regions,
     AT(region_index),
     .example = "EU868",
     .help =
         "LoRaWAN region; has to be given, unless the plugin is lwm2m, which has none."},
    {.key = "networkServer",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = network_server,
     .help = "The server, and how to reach it."},
    {.key = "inventory",
     .type = OPTION_MAP,
     .sub = inventory,
     .help = "The devices and their keys."},
    {.key = "profiles",
     .type = OPTION_MAP,
     .sub = profiles,
     .help = "How the devices behave."},
    {.key = "gateways",
     .type = OPTION_EUI,
     .flags = OPTION_LIST | OPTION_NOT_EMPTY,
     .word = "auto",
     .def = "auto",
     .example = "[\"0016c001f153a14c\"]",
     ITEMS(spec.gateways.items),
     .help = "Gateways that may send; auto: all that hear the devices."},
    {.key = "dutyCycle",
     .type = OPTION_MAP,
     .sub = duty_cycle,
     .help = "How airtime of gateways is limited."},
    {.key = "versionDecoder",
     .type = OPTION_JSON_POINTER,
     .word = "none",
     .def = "none",
     .example = "/firmware/version",
     AT(spec.version_decoder),
     .help = "JSON pointer into the uplink's decoded object that holds the running "
             "version."},
    {0},
};

static const struct option options[] = {
    TABLE_API_VERSION,
    TABLE_KIND("Fleet", kinds),
    {.key = "metadata",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = metadata,
     .help = "Which fleet."},
    {.key = "spec",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = spec,
     .help = "What it is."},
    {0},
};

static void check(struct config_doc *doc, struct option_context *ctx)
{
    struct fleet_doc *fleet = (struct fleet_doc *)doc;
    fleet->spec.region = regions[fleet->region_index].word;
    mqtt_options_check(doc, &fleet->mqtt, "spec.networkServer.mqtt", ctx->diags);
    if (fleet->plugin != NULL && strcmp(fleet->plugin, "lwm2m") != 0 &&
        node_find(doc->root, "spec.region") == NULL) {
        struct diag_place place = config_place(doc, "spec.region");
        diag_error(ctx->diags, &place, "is required: the LoRaWAN region of the fleet");
    }
    bool wants_file = fleet->inventory_source != FLEET_INVENTORY_SERVER;
    if (wants_file && node_find(doc->root, "spec.inventory.file") == NULL &&
        node_find(doc->root, "spec") != NULL) {
        struct diag_place place = config_place(doc, "spec.inventory.file");
        diag_error(ctx->diags, &place, "is required unless the source is server");
    } else if (!wants_file && fleet->inventory_file != NULL) {
        struct diag_place place = config_place(doc, "spec.inventory.file");
        diag_error(ctx->diags, &place,
                   "is not read with the source server; remove it, or make the source "
                   "both");
    }
}

const struct config_kind fleet_kind = {
    .name = "Fleet",
    .page = "fuotad-fleet",
    .summary = "devices of one network server, for fuotad",
    .text =
        "A Fleet names the devices that live on one network server, how to reach that "
        "server, and whose signatures their images need. Credentials are never in the "
        "file itself, only the names of the files that hold them.",
    .example =
        "apiVersion: fuotad/v1\n"
        "kind: Fleet\n"
        "metadata: { name: wm1 }\n"
        "spec:\n"
        "  trustPolicy: release-wm1\n"
        "  region: EU868\n"
        "  networkServer:\n"
        "    plugin: chirpstack\n"
        "    api: { tokenFile: chirpstack.token }\n"
        "    options: { applicationId: \"5a1c0e1e-0000-4000-8000-000000000001\" }\n"
        "  inventory: { file: wm1.devices.csv }\n",
    .options = options,
    .doc_size = sizeof(struct fleet_doc),
    .check = check,
};

int fleet_load(const char *file, struct fleet_doc **doc, struct diag_list *diags)
{
    return config_load(&fleet_kind, file, (struct config_doc **)doc, diags);
}

int fleet_parse(const char *file, const char *bytes, size_t len, struct fleet_doc **doc,
                struct diag_list *diags)
{
    return config_parse(&fleet_kind, file, bytes, len, (struct config_doc **)doc, diags);
}

void fleet_doc_destroy(struct fleet_doc *doc)
{
    config_doc_destroy((struct config_doc *)doc);
}
