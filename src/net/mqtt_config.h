/* SPDX-License-Identifier: MIT */
/* mqtt_config.h - an owned copy of struct mqtt_config with the defaults filled in. */
#pragma once

#include "net/mqtt.h"
#include "net/mqtt_text.h"

struct mqtt_owned_config {
    struct mqtt_config config; /* its pointers are owned */
    char uri[MQTT_URI_SIZE];
    bool tls;
};

/* Why config cannot be used, for people; NULL if it can. */
const char *mqtt_config_problem(const struct mqtt_config *config);

/* FUO_EINVAL if there is a problem; FUO_ENOMEM. */
FUO_MUST_CHECK int mqtt_owned_config_init(struct mqtt_owned_config *owned,
                                          const struct mqtt_config *config);

/* Wipes the password. */
void mqtt_owned_config_clear(struct mqtt_owned_config *owned);
