/* SPDX-License-Identifier: MIT */
#include "fuotactl/doctor_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/daemon.h"
#include "config/fleet.h"
#include "config/trust_policy.h"
#include "config/validate.h"
#include "ctl/finding.h"
#include "doctor/machine.h"
#include "image/minisign.h"
#include "io/cleanup.h"
#include "io/file.h"
#include "net/reach.h"
#include "store/seal.h"
#include "store/store.h"

enum {
    PATH_SIZE = 4096,
    WHAT_SIZE = 192,
    PROBLEMS_SHOWN = 20, /* of one file */
};

/* ---- is the file right? ---- */

static void add_problems(const struct diag_list *diags, struct finding_subject subject,
                         struct json_object *list)
{
    size_t shown = 0;
    for (size_t i = 0; i < diags->count && shown < PROBLEMS_SHOWN; i++) {
        const struct diag *diag = &diags->items[i];
        if (diag->severity == DIAG_ERROR) {
            AUTO_FREE char *line = diag_format(diag);
            finding_add(list, FINDING_FAIL, subject, "%s", line != NULL ? line : "?");
            shown++;
        }
    }
}

static bool file_is_right(const char *path, struct json_object *list)
{
    struct finding_subject subject = {"config", path};
    struct diag_list diags = {0};
    bool right = config_validate_file(path, &diags) == FUO_OK;
    if (right) {
        finding_add(list, FINDING_OK, subject, "valid");
    } else {
        add_problems(&diags, subject, list);
    }
    diag_list_finish(&diags);
    return right;
}

/* ---- what a file points at ---- */

static void look_at_secret(struct config_doc *doc, const char *file,
                           struct finding_subject subject, struct json_object *list)
{
    if (file != NULL) {
        machine_secret(list, subject, config_path(doc, file), 0);
    }
}

static void look_at_url(const char *url, struct finding_subject subject,
                        struct json_object *list)
{
    struct detail why = {0};
    if (url == NULL) {
        return;
    }
    if (reach_url(url, DOCTOR_TCP_MS, &why) == FUO_OK) {
        finding_add(list, FINDING_OK, subject, "something listens at %s", url);
    } else {
        finding_add(list, FINDING_FAIL, subject,
                    "%s cannot be reached: %s; start it, open the firewall, or correct "
                    "the url",
                    url, why.text);
    }
}

static void look_at_broker(struct config_doc *doc, const struct mqtt_options *mqtt,
                           struct finding_subject subject, struct json_object *list)
{
    look_at_secret(doc, mqtt->username_file, subject, list);
    look_at_secret(doc, mqtt->password_file, subject, list);
    look_at_secret(doc, mqtt->key_file, subject, list);
    look_at_url(mqtt->url, subject, list);
}

static void look_at_fleet(const char *path, struct json_object *list)
{
    struct diag_list diags = {0};
    struct fleet_doc *doc = NULL;
    char broker[WHAT_SIZE];
    char api[WHAT_SIZE];
    if (file_is_right(path, list) && fleet_load(path, &doc, &diags) == FUO_OK) {
        snprintf(broker, sizeof(broker), "broker of fleet %s", doc->spec.name);
        snprintf(api, sizeof(api), "API of fleet %s", doc->spec.name);
        look_at_broker(&doc->doc, &doc->mqtt, (struct finding_subject){"broker", broker},
                       list);
        look_at_secret(&doc->doc, doc->api.token_file,
                       (struct finding_subject){"api", api}, list);
        look_at_url(doc->api.url, (struct finding_subject){"api", api}, list);
    }
    fleet_doc_destroy(doc);
    diag_list_finish(&diags);
}

static bool key_is_usable(const char *path)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    struct minisign_public key;
    return file_read(path, MINISIGN_KEY_TEXT_MAX, &bytes, &len) == FUO_OK &&
           minisign_public_parse((const char *)bytes, len, &key) == FUO_OK;
}

static void look_at_keys(struct trust_policy_doc *doc, struct json_object *list)
{
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "trust policy %s", doc->name);
    struct finding_subject subject = {"trust", what};
    size_t usable = 0;
    for (size_t i = 0; i < doc->key_count; i++) {
        const char *path = config_path(&doc->doc, doc->keys[i].file);
        if (key_is_usable(path)) {
            usable++;
        } else {
            finding_add(list, FINDING_FAIL, subject,
                        "%s is not a readable minisign public key: copy the .pub file of "
                        "the signer there",
                        path);
        }
    }
    if (usable == doc->key_count) {
        finding_add(list, FINDING_OK, subject, "%zu keys readable, %u needed", usable,
                    (unsigned)doc->threshold);
    }
}

static void look_at_trust(const char *path, struct json_object *list)
{
    struct diag_list diags = {0};
    struct trust_policy_doc *doc = NULL;
    if (file_is_right(path, list) && trust_policy_load(path, &doc, &diags) == FUO_OK) {
        look_at_keys(doc, list);
    }
    trust_policy_doc_destroy(doc);
    diag_list_finish(&diags);
}

/* ---- folders ---- */

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static void look_into(const char *folder, struct json_object *list,
                      void (*look)(const char *path, struct json_object *list))
{
    struct finding_subject subject = {"config", folder};
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_yaml, alphasort);
    if (n < 0) {
        finding_add(list, FINDING_FAIL, subject,
                    "cannot be read: %s; create the folder, or correct its name in the "
                    "daemon's file",
                    strerror(errno));
        return;
    }
    if (n == 0) {
        finding_add(list, FINDING_WARN, subject,
                    "holds no .yaml file: without it there is nothing to update");
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_SIZE];
        int len = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (len > 0 && (size_t)len < sizeof(path)) {
            look(path, list);
        }
        free(entries[i]);
    }
    free(entries);
}

/* ---- the state ---- */

static void look_at_database(const char *path, struct json_object *list)
{
    static const struct finding_subject store = {"store", "database"};
    struct detail why = {0};
    int err = store_peek(path, &why);
    if (err == FUO_OK) {
        finding_add(list, FINDING_OK, store, "%s can be opened by this version", path);
    } else if (err == FUO_ENOENT) {
        finding_add(list, FINDING_OK, store, "%s is not there yet: made at first start",
                    path);
    } else if (err == FUO_EAGAIN) {
        finding_add(list, FINDING_WARN, store, "%s: a daemon is running; ask it",
                    why.text);
    } else if (err == FUO_ENOTSUP) {
        finding_add(list, FINDING_FAIL, store,
                    "%s; install that version again, or bring back the backup from "
                    "before the upgrade",
                    why.text);
    } else {
        finding_add(list, FINDING_FAIL, store,
                    "%s; run as root or the daemon's user, else bring back a backup",
                    why.text);
    }
}

static void look_at_sealing_key(struct daemon_doc *doc, struct json_object *list)
{
    static const struct finding_subject key = {"key", "sealing key"};
    const char *path = daemon_sealing_key_path(doc);
    const char *store = daemon_store_path(doc);
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        machine_secret(list, key, path, SEAL_KEY_BYTES);
    } else if (access(store, F_OK) == 0) {
        finding_add(
            list, FINDING_FAIL, key,
            "%s is gone, but %s was made with it: bring it back from a backup, or "
            "move the database away to start anew",
            path, store);
    } else {
        finding_add(list, FINDING_OK, key, "%s is not there yet: made at first start",
                    path);
    }
}

static void look_at_state(struct daemon_doc *doc, struct json_object *list)
{
    const char *folder = config_path(&doc->doc, doc->state_dir);
    struct finding_subject subject = {"state", folder};
    if (access(folder, F_OK) != 0 && errno == ENOENT) {
        finding_add(list, FINDING_OK, subject, "is not there yet: made at first start");
        return;
    }
    machine_disk(list, folder);
    if (access(folder, R_OK | W_OK | X_OK) != 0) {
        finding_add(
            list, FINDING_WARN, subject,
            "%s: what is in it was not looked at; run as root or the daemon's user",
            strerror(errno));
        return;
    }
    look_at_sealing_key(doc, list);
    look_at_database(daemon_store_path(doc), list);
}

/* ---- all of it ---- */

void doctor_files(const char *config, struct json_object *list)
{
    static const struct finding_subject status = {"status", "status broker"};
    struct clock clock;
    struct diag_list diags = {0};
    struct daemon_doc *doc = NULL;
    if (clock_init(&clock, NULL) == FUO_OK) {
        machine_clock(list, &clock);
    }
    if (file_is_right(config, list) && daemon_load(config, &doc, &diags) == FUO_OK) {
        look_at_state(doc, list);
        look_into(config_path(&doc->doc, doc->trust), list, look_at_trust);
        look_into(config_path(&doc->doc, doc->fleets), list, look_at_fleet);
        look_at_broker(&doc->doc, &doc->status, status, list);
    }
    daemon_doc_destroy(doc);
    diag_list_finish(&diags);
}
