/* SPDX-License-Identifier: MIT */
#include "config/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/table.h"

#define AT(member) OPTION_AT(struct daemon_doc, member)

static const struct option_word kinds[] = {{"Daemon", 0}, {0}};
static const struct option_word requests[] = {
    {"signed", DAEMON_REQUESTS_SIGNED}, {"off", DAEMON_REQUESTS_OFF}, {0}};
static const struct option_word levels[] = {{"error", DAEMON_LOG_ERROR},
                                            {"warn", DAEMON_LOG_WARN},
                                            {"info", DAEMON_LOG_INFO},
                                            {"debug", DAEMON_LOG_DEBUG},
                                            {0}};
static const struct option_word formats[] = {
    {"text", DAEMON_LOG_TEXT}, {"json", DAEMON_LOG_JSON}, {0}};

static const struct option metadata[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(name),
     .example = "main",
     .help = "The instance: part of the status topics."},
    {0},
};

static const struct option control[] = {
    {.key = "socket",
     .type = OPTION_FILE,
     .def = "/run/fuotad/control.sock",
     .max = 107,
     AT(control_socket),
     .help = "Unix socket for fuotactl."},
    {.key = "group",
     .type = OPTION_TEXT,
     .def = "fuotad",
     .max = 31,
     AT(control_group),
     .help = "Group that may use it."},
    {0},
};

static const struct option status[] = {
    {.key = "url",
     .type = OPTION_URL,
     .words = table_mqtt_schemes,
     .word = "none",
     .def = "none",
     .example = "mqtts://broker.example:8883",
     AT(status.url),
     .help = "Broker for status; none: no status on MQTT."},
    {.key = "root",
     .type = OPTION_TEXT,
     .def = "fuotad/v1",
     .max = 255,
     AT(status_root),
     .help = "First levels of every topic."},
    {.key = "requests",
     .type = OPTION_ENUM,
     .words = requests,
     .def = "signed",
     AT(status_requests),
     .help =
         "Whether requests over MQTT are taken, signed by an operator, or not at all."},
    TABLE_MQTT_FILES(offsetof(struct daemon_doc, status)),
    {0},
};

static const struct option log_options[] = {
    {.key = "level",
     .type = OPTION_ENUM,
     .words = levels,
     .def = "info",
     AT(log_level),
     .help = "The least that is logged."},
    {.key = "format",
     .type = OPTION_ENUM,
     .words = formats,
     .def = "text",
     AT(log_format),
     .help = "Text lines for people, or a JSON object a line."},
    {0},
};

static const struct option spec[] = {
    {.key = "stateDir",
     .type = OPTION_FILE,
     .def = "/var/lib/fuotad",
     AT(state_dir),
     .help = "Folder of the database and the images."},
    {.key = "campaigns",
     .type = OPTION_FILE,
     .word = "none",
     .def = "none",
     .example = "campaigns",
     AT(campaigns),
     .help =
         "Folder of campaigns that is watched, relative to this file: what is put there "
         "is applied once."},
    {.key = "fleets",
     .type = OPTION_FILE,
     .def = "fleets",
     AT(fleets),
     .help = "Folder of Fleets, relative to this file."},
    {.key = "trust",
     .type = OPTION_FILE,
     .def = "trust",
     AT(trust),
     .help = "Folder of TrustPolicies; they load from here only."},
    {.key = "profiles",
     .type = OPTION_FILE,
     .def = "profiles",
     AT(profiles),
     .help = "Folder of device profiles of your own."},
    {.key = "plugins",
     .type = OPTION_FILE,
     .word = "auto",
     .def = "auto",
     .example = "/usr/lib/fuotad/plugins",
     AT(plugins),
     .help = "Folder of plugins; auto: where they were installed."},
    {.key = "control",
     .type = OPTION_MAP,
     .sub = control,
     .help = "How fuotactl reaches the daemon."},
    {.key = "status", .type = OPTION_MAP, .sub = status, .help = "Status on MQTT."},
    {.key = "operators",
     .type = OPTION_FILE,
     .flags = OPTION_LIST | OPTION_EXISTS,
     .def = "[]",
     .example = "[operators/alice.pub]",
     OPTION_ITEMS(struct daemon_doc, operators.items),
     .help = "minisign public key files whose signatures requests over MQTT may carry."},
    {.key = "sealingKeyFile",
     .type = OPTION_FILE,
     .word = "auto",
     .def = "auto",
     .example = "/etc/fuotad/sealing.key",
     AT(sealing_key_file),
     .help =
         "Key that seals device keys in the database; auto: from "
         "$CREDENTIALS_DIRECTORY, else sealing.key in stateDir, made at first start."},
    {.key = "http",
     .type = OPTION_ADDRESS,
     .word = "none",
     .def = "none",
     .example = "127.0.0.1:9464",
     .later = OPTION_LATER,
     AT(http),
     .help = "Address of metrics and the status page."},
    {.key = "log", .type = OPTION_MAP, .sub = log_options, .help = "What is logged."},
    {0},
};

static const struct option options[] = {
    TABLE_API_VERSION,
    TABLE_KIND("Daemon", kinds),
    {.key = "metadata",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = metadata,
     .help = "Which daemon."},
    {.key = "spec", .type = OPTION_MAP, .sub = spec, .help = "How it runs."},
    {0},
};

static void check(struct config_doc *doc, struct option_context *ctx)
{
    const struct daemon_doc *d = (const struct daemon_doc *)doc;
    mqtt_options_check(doc, &d->status, "spec.status", ctx->diags);
}

const struct config_kind daemon_kind = {
    .name = "Daemon",
    .page = "fuotad.yaml",
    .summary = "the daemon's own file",
    .text = "The file that fuotad is started with. Folders and files are relative to it.",
    .example = "apiVersion: fuotad/v1\n"
               "kind: Daemon\n"
               "metadata: { name: main }\n"
               "spec:\n"
               "  status: { url: \"mqtt://127.0.0.1:1883\" }\n",
    .options = options,
    .doc_size = sizeof(struct daemon_doc),
    .check = check,
};

int daemon_load(const char *file, struct daemon_doc **doc, struct diag_list *diags)
{
    return config_load(&daemon_kind, file, (struct config_doc **)doc, diags);
}

int daemon_parse(const char *file, const char *bytes, size_t len, struct daemon_doc **doc,
                 struct diag_list *diags)
{
    return config_parse(&daemon_kind, file, bytes, len, (struct config_doc **)doc, diags);
}

void daemon_doc_destroy(struct daemon_doc *doc)
{
    config_doc_destroy((struct config_doc *)doc);
}

/* ---- where things are ---- */

static const char *in_folder(struct daemon_doc *doc, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = arena_alloc(&doc->doc.arena, size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

const char *daemon_store_path(struct daemon_doc *doc)
{
    return in_folder(doc, config_path(&doc->doc, doc->state_dir), "fuotad.db");
}

const char *daemon_sealing_key_path(struct daemon_doc *doc)
{
    if (doc->sealing_key_file != NULL) {
        return config_path(&doc->doc, doc->sealing_key_file);
    }
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (credentials != NULL) {
        const char *path = in_folder(doc, credentials, "sealing.key");
        if (access(path, F_OK) == 0) {
            return path;
        }
    }
    return in_folder(doc, config_path(&doc->doc, doc->state_dir), "sealing.key");
}
