/* SPDX-License-Identifier: MIT */
/* table.h - rows that several kinds share; internal to src/config. */
#pragma once

#include "config/kind.h"
#include "config/mqtt_options.h"

/* The first two rows of every kind; words is { {"Campaign", 0}, {0} }. */
#define TABLE_API_VERSION                                                   \
    {                                                                       \
        .key = "apiVersion", .type = OPTION_ENUM, .flags = OPTION_REQUIRED, \
        .words = table_api_versions, .example = CONFIG_API_VERSION,         \
        .help = "Version of the file format.",                              \
    }
#define TABLE_KIND(name, words_)                                                         \
    {                                                                                    \
        .key = "kind", .type = OPTION_ENUM, .flags = OPTION_REQUIRED, .words = (words_), \
        .example = (name), .help = "What the file is.",                                  \
    }

/* A file that need not be given; OPTION_AT() comes last. */
#define TABLE_FILE_OR_NONE(key_, help_, ...)                                        \
    {                                                                               \
        .key = (key_), .type = OPTION_FILE, .flags = OPTION_EXISTS, .word = "none", \
        .def = "none", .help = (help_), __VA_ARGS__                                 \
    }

/* Rows of the login and TLS files of a struct mqtt_options, which begins at that offset. */
#define TABLE_MQTT_FILES(offset_)                                                     \
    TABLE_FILE_OR_NONE("usernameFile", "File that holds the user name.",              \
                       TABLE_MQTT_AT(offset_, username_file)),                        \
        TABLE_FILE_OR_NONE("passwordFile", "File that holds the password.",           \
                           TABLE_MQTT_AT(offset_, password_file)),                    \
        TABLE_FILE_OR_NONE(                                                           \
            "caFile",                                                                 \
            "Certificates (PEM) that the broker's must lead to; none: the system's.", \
            TABLE_MQTT_AT(offset_, ca_file)),                                         \
        TABLE_FILE_OR_NONE("certFile", "Client certificate (PEM).",                   \
                           TABLE_MQTT_AT(offset_, cert_file)),                        \
        TABLE_FILE_OR_NONE("keyFile", "Key of the client certificate (PEM).",         \
                           TABLE_MQTT_AT(offset_, key_file))
#define TABLE_MQTT_AT(offset_, member)                           \
    .offset = (offset_) + offsetof(struct mqtt_options, member), \
    .size = sizeof(((struct mqtt_options *)0)->member)

extern const struct option_word table_api_versions[];
extern const struct option_word table_mqtt_schemes[];
extern const struct option_word table_http_schemes[];
extern const struct option_word table_mqtt_versions[];
