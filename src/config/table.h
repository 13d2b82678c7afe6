/* SPDX-License-Identifier: MIT */
/* table.h - rows that several kinds share; internal to src/config. */
#pragma once

#include "config/kind.h"

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

extern const struct option_word table_api_versions[];
extern const struct option_word table_mqtt_schemes[];
extern const struct option_word table_http_schemes[];
extern const struct option_word table_mqtt_versions[];
