/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - the daemon's own file (config/fuotad.yaml).
 *
 * Folders and files are as written; config_path() makes them relative to the file.
 */
#pragma once

#include "campaign/spec.h"
#include "config/kind.h"
#include "config/mqtt_options.h"

enum daemon_log_level {
    DAEMON_LOG_ERROR,
    DAEMON_LOG_WARN,
    DAEMON_LOG_INFO,
    DAEMON_LOG_DEBUG,
};

enum daemon_log_format {
    DAEMON_LOG_TEXT,
    DAEMON_LOG_JSON,
};

enum daemon_requests {
    DAEMON_REQUESTS_SIGNED,
    DAEMON_REQUESTS_OFF,
};

struct daemon_doc {
    struct config_doc doc;
    char name[SPEC_NAME_SIZE]; /* the instance */
    const char *state_dir;
    const char *campaigns; /* NULL: none */
    const char *fleets;
    const char *trust;
    const char *profiles;
    const char *plugins; /* NULL: auto, where they were installed */
    const char *control_socket;
    const char *control_group;
    struct mqtt_options status; /* url NULL: no status on MQTT */
    const char *status_root;
    enum daemon_requests status_requests;
    struct str_list operators;    /* minisign public key files */
    const char *sealing_key_file; /* NULL: auto */
    const char *http;             /* NULL: none; "127.0.0.1:9464" */
    enum daemon_log_level log_level;
    enum daemon_log_format log_format;
};

extern const struct config_kind daemon_kind;

/* As config_load() and config_parse(). */
FUO_MUST_CHECK int daemon_load(const char *file, struct daemon_doc **doc,
                               struct diag_list *diags);
FUO_MUST_CHECK int daemon_parse(const char *file, const char *bytes, size_t len,
                                struct daemon_doc **doc, struct diag_list *diags);

/* <stateDir>/fuotad.db; texts of these are the document's. */
const char *daemon_store_path(struct daemon_doc *doc);

/* The file named; else of systemd's credentials, if it is there; else of the state folder. */
const char *daemon_sealing_key_path(struct daemon_doc *doc);

/* Accepts NULL. */
void daemon_doc_destroy(struct daemon_doc *doc);
