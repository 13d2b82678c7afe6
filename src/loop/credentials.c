/* SPDX-License-Identifier: MIT */
#include "loop/credentials.h"

#include <stdio.h>

enum {
    CREDENTIAL_MAX_BYTES = 8192,
};

/* Where a key of a mapping stands. */
struct key_place {
    struct config_doc *doc;
    const char *path;
    const char *key;
};

static int read_secret(const struct key_place *at, const char *file,
                       struct secret *secret, struct diag_list *diags)
{
    if (file == NULL) {
        return FUO_OK;
    }
    char where[128];
    snprintf(where, sizeof(where), "%s.%s", at->path, at->key);
    struct diag_place place = config_place(at->doc, where);
    struct detail detail = {0};
    int err = secret_read_file(config_path(at->doc, file), CREDENTIAL_MAX_BYTES, secret,
                               &detail);
    if (err != FUO_OK) {
        diag_error(diags, &place, "%s",
                   detail.text[0] != '\0' ? detail.text : fuo_strerror(err));
        return FUO_EINVAL;
    }
    secret_trim(secret);
    return FUO_OK;
}

static enum mqtt_protocol protocol_of(enum mqtt_version version)
{
    switch (version) {
    case MQTT_VERSION_5:
        return MQTT_PROTOCOL_5;
    case MQTT_VERSION_3_1_1:
        return MQTT_PROTOCOL_3_1_1;
    case MQTT_VERSION_AUTO:
        break;
    }
    return MQTT_PROTOCOL_AUTO;
}

static const char *text_of(const struct secret *secret)
{
    return secret->bytes != NULL ? (const char *)secret->bytes : NULL;
}

int credentials_mqtt(struct config_doc *doc, const struct mqtt_options *options,
                     const char *path, struct credentials *credentials,
                     struct diag_list *diags)
{
    struct key_place user = {doc, path, "usernameFile"};
    struct key_place password = {doc, path, "passwordFile"};
    if (read_secret(&user, options->username_file, &credentials->username, diags) !=
            FUO_OK ||
        read_secret(&password, options->password_file, &credentials->password, diags) !=
            FUO_OK) {
        return FUO_EINVAL;
    }
    credentials->mqtt = (struct mqtt_config){
        .url = options->url,
        .username = text_of(&credentials->username),
        .password = text_of(&credentials->password),
        .ca_file = config_path(doc, options->ca_file),
        .cert_file = config_path(doc, options->cert_file),
        .key_file = config_path(doc, options->key_file),
        .protocol = protocol_of(options->version),
    };
    return FUO_OK;
}

int credentials_http(struct config_doc *doc, const struct fleet_api *options,
                     const char *path, struct credentials *credentials,
                     struct diag_list *diags)
{
    struct key_place token = {doc, path, "tokenFile"};
    if (read_secret(&token, options->token_file, &credentials->token, diags) != FUO_OK) {
        return FUO_EINVAL;
    }
    credentials->http = (struct http_config){
        .base_url = options->url,
        .bearer_token = text_of(&credentials->token),
        .ca_file = config_path(doc, options->ca_file),
    };
    return FUO_OK;
}

void credentials_release(struct credentials *credentials)
{
    secret_release(&credentials->username);
    secret_release(&credentials->password);
    secret_release(&credentials->token);
}
