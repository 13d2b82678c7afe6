/* SPDX-License-Identifier: MIT */
#include "net/mqtt_config.h"

#include <stdlib.h>
#include <string.h>

enum {
    WILL_MAX_BYTES = 4096,
    CLIENT_ID_MAX = 128,
};

static bool text_within(const char *text, size_t max)
{
    size_t len = text != NULL ? strnlen(text, max + 1) : 0;
    return len > 0 && len <= max;
}

const char *mqtt_config_problem(const struct mqtt_config *config)
{
    char uri[MQTT_URI_SIZE];
    bool tls;
    if (config->url == NULL || mqtt_uri_from_url(config->url, uri, &tls) != FUO_OK) {
        return "the URL is not mqtt://host[:port] or mqtts://host[:port]";
    }
    if (!text_within(config->client_id, CLIENT_ID_MAX)) {
        return "the client id must have 1 to 128 bytes";
    }
    if (config->password != NULL && config->username == NULL) {
        return "a password needs a user name";
    }
    if ((config->cert_file == NULL) != (config->key_file == NULL)) {
        return "certificate and key come together";
    }
    if (!tls && (config->ca_file != NULL || config->cert_file != NULL)) {
        return "certificates need mqtts://";
    }
    if (config->will_topic != NULL && (!mqtt_topic_valid(config->will_topic) ||
                                       config->will_payload_len > WILL_MAX_BYTES)) {
        return "the last will is not publishable";
    }
    return NULL;
}

/* A failed copy shows as a NULL where there was something. */
static bool copy_text(const char **slot)
{
    if (*slot != NULL) {
        *slot = strdup(*slot);
        return *slot != NULL;
    }
    return true;
}

static bool copy_will(struct mqtt_config *c)
{
    const uint8_t *payload = c->will_payload;
    uint8_t *copy = malloc(c->will_payload_len + 1);
    if (copy != NULL && c->will_payload_len > 0) {
        memcpy(copy, payload, c->will_payload_len);
    }
    c->will_payload = copy;
    return copy != NULL;
}

static void fill(uint32_t *value, uint32_t fallback)
{
    if (*value == 0) {
        *value = fallback;
    }
}

int mqtt_owned_config_init(struct mqtt_owned_config *owned,
                           const struct mqtt_config *config)
{
    if (mqtt_config_problem(config) != NULL) {
        return FUO_EINVAL;
    }
    *owned = (struct mqtt_owned_config){.config = *config};
    struct mqtt_config *c = &owned->config;
    int err = mqtt_uri_from_url(config->url, owned->uri, &owned->tls);
    const char **texts[] = {&c->url,     &c->client_id, &c->username, &c->password,
                            &c->ca_file, &c->cert_file, &c->key_file, &c->will_topic};
    bool copied = copy_will(c);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        copied = copy_text(texts[i]) && copied; /* all: only copies and NULL are left */
    }
    fill(&c->keep_alive_s, 30);
    fill(&c->backoff_min_ms, 100);
    fill(&c->backoff_max_ms, 30000);
    fill(&c->publish_timeout_ms, 60000);
    if (err == FUO_OK && copied) {
        return FUO_OK;
    }
    mqtt_owned_config_clear(owned);
    return err != FUO_OK ? err : FUO_ENOMEM;
}

static void free_text(const char *text)
{
    char *p;
    memcpy(&p, &text, sizeof(p));
    if (p != NULL) {
        explicit_bzero(p, strlen(p));
    }
    free(p);
}

void mqtt_owned_config_clear(struct mqtt_owned_config *owned)
{
    struct mqtt_config *c = &owned->config;
    const char *texts[] = {c->url,     c->client_id, c->username, c->password,
                           c->ca_file, c->cert_file, c->key_file, c->will_topic};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free_text(texts[i]);
    }
    void *will;
    memcpy(&will, &c->will_payload, sizeof(will));
    free(will);
    *owned = (struct mqtt_owned_config){0};
}
