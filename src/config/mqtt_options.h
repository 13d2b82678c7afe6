/* SPDX-License-Identifier: MIT */
/* mqtt_options.h - how to reach a broker; shared by Fleet and Daemon. */
#pragma once

#include "config/kind.h"

enum mqtt_version {
    MQTT_VERSION_AUTO, /* 5, and 3.1.1 if the broker refuses it */
    MQTT_VERSION_5,
    MQTT_VERSION_3_1_1,
};

/* File names are as written, relative to the file they stand in (config_path()). */
struct mqtt_options {
    const char *url;           /* mqtt://host:1883 or mqtts://host:8883; NULL: none */
    const char *username_file; /* NULL: none; so the others */
    const char *password_file;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    enum mqtt_version version;
};

/* Login and TLS must come in pairs and need mqtts; path is that of the mapping. */
void mqtt_options_check(const struct config_doc *doc, const struct mqtt_options *mqtt,
                        const char *path, struct diag_list *diags);
