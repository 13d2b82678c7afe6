/* SPDX-License-Identifier: MIT */
#include "config/table.h"

#include "config/mqtt_options.h"

const struct option_word table_api_versions[] = {{CONFIG_API_VERSION, 0}, {0}};
const struct option_word table_mqtt_schemes[] = {{"mqtt", 0}, {"mqtts", 0}, {0}};
const struct option_word table_http_schemes[] = {{"http", 0}, {"https", 0}, {0}};
const struct option_word table_mqtt_versions[] = {
    {"auto", MQTT_VERSION_AUTO},
    {"5", MQTT_VERSION_5},
    {"3.1.1", MQTT_VERSION_3_1_1},
    {0},
};
