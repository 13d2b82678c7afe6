/* SPDX-License-Identifier: MIT */
/* apply_trust.c - signatures as clients send them, and what a fleet's policy says of them. */
#include <stdio.h>

#include "loop/internal.h"

int apply_signatures(struct json_object *array, struct trust_signature *signatures,
                     size_t max, size_t *count)
{
    if (!json_object_is_type(array, json_type_array)) {
        return FUO_EPROTO;
    }
    size_t n = json_object_array_length(array);
    if (n > max) {
        return FUO_ERANGE;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *text = json_object_array_get_idx(array, i);
        if (!json_object_is_type(text, json_type_string)) {
            return FUO_EPROTO;
        }
        signatures[i] = (struct trust_signature){
            .text = json_object_get_string(text),
            .len = (size_t)json_object_get_string_len(text),
        };
    }
    *count = n;
    return FUO_OK;
}

int apply_check_trust(const struct fleet_entry *fleet,
                      const struct trust_request *request, char *text, size_t text_size)
{
    struct trust_report report;
    int err = trust_check(&fleet->trust->policy, request, &report);
    int n = snprintf(text, text_size, "%s", trust_verdict_text(report.verdict));
    for (size_t i = 0; i < report.finding_count && n > 0 && (size_t)n < text_size; i++) {
        n += snprintf(text + n, text_size - (size_t)n, "; signature %zu: %s", i + 1,
                      trust_reason_text(report.findings[i].reason));
    }
    if (report.finding_count == 0 && n > 0 && (size_t)n < text_size) {
        snprintf(text + n, text_size - (size_t)n, "; there is no signature");
    }
    return err;
}
