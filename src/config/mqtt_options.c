/* SPDX-License-Identifier: MIT */
#include "config/mqtt_options.h"

#include <stdio.h>
#include <string.h>

static void report(const struct config_doc *doc, const char *path, const char *key,
                   const char *text, struct diag_list *diags)
{
    char full[128];
    snprintf(full, sizeof(full), "%s.%s", path, key);
    struct diag_place place = config_place(doc, full);
    diag_error(diags, &place, "%s", text);
}

void mqtt_options_check(const struct config_doc *doc, const struct mqtt_options *mqtt,
                        const char *path, struct diag_list *diags)
{
    bool tls = mqtt->url != NULL && strncmp(mqtt->url, "mqtts:", 6) == 0;
    bool tls_files = mqtt->ca_file != NULL || mqtt->cert_file != NULL;
    if (mqtt->password_file != NULL && mqtt->username_file == NULL) {
        report(doc, path, "passwordFile", "needs usernameFile", diags);
    }
    if (mqtt->cert_file != NULL && mqtt->key_file == NULL) {
        report(doc, path, "certFile", "needs keyFile", diags);
    }
    if (mqtt->key_file != NULL && mqtt->cert_file == NULL) {
        report(doc, path, "keyFile", "needs certFile", diags);
    }
    if (tls_files && !tls) {
        report(doc, path, mqtt->ca_file != NULL ? "caFile" : "certFile",
               "needs a URL with mqtts://", diags);
    }
}
