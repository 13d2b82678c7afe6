/* SPDX-License-Identifier: MIT */
/* probe.c - may we do in the application what a campaign will do? Groups are listed, and
 * what is listed is not looked at. */
#include <stdlib.h>
#include <string.h>

#include "api.h"

static void on_listed(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    uint64_t id;
    memcpy(&id, context, sizeof(id));
    free(context);
    if (answer->err != FUO_OK) {
        ns_log(ns, FUO_LOG_WARN,
               "the API was asked for the groups of the application: %s", answer->text);
    }
    ns_result(ns, id, answer->err, 0);
}

int application_probe(struct fuo_ns *ns, uint64_t id)
{
    Cs__ListGroups request;
    cs__list_groups__init(&request);
    char application_id[64];
    size_t len = strnlen(ns->config->application_id, sizeof(application_id) - 1);
    memcpy(application_id, ns->config->application_id, len);
    application_id[len] = '\0';
    request.limit = 1;
    request.application_id = application_id;
    uint64_t *context = malloc(sizeof(*context));
    if (context == NULL) {
        return FUO_ENOMEM;
    }
    *context = id;
    int err = api_call(ns, API_GROUP "List", &request.base, on_listed, free, context);
    if (err != FUO_OK) {
        free(context);
    }
    return err;
}
