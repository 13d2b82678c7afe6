/* SPDX-License-Identifier: MIT */
/*
 * credentials.h - how to reach a broker or an API, with the secrets that the files hold.
 *
 * The secrets live in locked memory until credentials_release(); the clients copy them.
 * Problems are reported at the key that names the file; the secret itself never is.
 */
#pragma once

#include "config/fleet.h"
#include "config/kind.h"
#include "config/mqtt_options.h"
#include "fuotad/error.h"
#include "io/secrets.h"
#include "net/http.h"
#include "net/mqtt.h"

/* Zeroed is empty. The strings of the configs point into it, and into the document. */
struct credentials {
    struct secret username;
    struct secret password;
    struct secret token;
    struct mqtt_config mqtt;
    struct http_config http;
};

/* path is that of the mapping in doc: "spec.networkServer.mqtt". FUO_EINVAL: reported. */
FUO_MUST_CHECK int credentials_mqtt(struct config_doc *doc,
                                    const struct mqtt_options *options, const char *path,
                                    struct credentials *credentials,
                                    struct diag_list *diags);
FUO_MUST_CHECK int credentials_http(struct config_doc *doc,
                                    const struct fleet_api *options, const char *path,
                                    struct credentials *credentials,
                                    struct diag_list *diags);

void credentials_release(struct credentials *credentials);
