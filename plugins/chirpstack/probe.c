/* SPDX-License-Identifier: MIT */
/*
 * probe.c - may we do in the application what a campaign will do? Groups are listed, and
 * what is listed is not looked at; then one is asked for that cannot be made, because it has
 * no address: a key that may write is told so (INVALID_ARGUMENT), another is refused before
 * (api/multicast.rs, create()).
 *
 * ChirpStack answers alike to a key that it does not know and to one that has nothing to do
 * with the application (UNAUTHENTICATED). Any valid key may list the ADR algorithms
 * (api/device_profile.rs): that tells them apart.
 */
#include <stdlib.h>
#include <string.h>

#include "api.h"

struct question {
    uint64_t id;
    refusal_done *done; /* of explain_refusal() */
};

static struct question *question_new(uint64_t id, refusal_done *done)
{
    struct question *q = calloc(1, sizeof(*q));
    if (q != NULL) {
        q->id = id;
        q->done = done;
    }
    return q;
}

static void say(struct fuo_ns *ns, uint64_t id, int err)
{
    ns_result(ns, id, err, 0);
}

/* Takes q. */
static void end(struct fuo_ns *ns, struct question *q, int err)
{
    uint64_t id = q->id;
    refusal_done *done = q->done;
    free(q);
    done(ns, id, err);
}

/* ---- a refusal ---- */

static void on_algorithms(struct fuo_ns *ns, void *context,
                          const struct api_answer *answer)
{
    struct question *q = context;
    if (answer->err == FUO_OK) {
        ns_finding(ns, q->id, true,
                   "the API key is valid, but application %.40s is not there, or belongs "
                   "to another tenant: correct applicationId, or make the key in the "
                   "tenant that has the application",
                   ns->config->application_id);
        end(ns, q, FUO_ENOENT);
    } else if (answer->err == FUO_EPERM) {
        ns_finding(ns, q->id, true,
                   "the server does not know the API key%s%.100s: make one in the tenant "
                   "that has the application (API keys), put it into the tokenFile and "
                   "start the daemon again",
                   answer->text[0] != '\0' ? ", " : "", answer->text);
        end(ns, q, FUO_EPERM);
    } else {
        end(ns, q, answer->err);
    }
}

void explain_refusal(struct fuo_ns *ns, uint64_t id, refusal_done *done)
{
    Cs__Empty request;
    cs__empty__init(&request);
    struct question *q = question_new(id, done);
    int err = q != NULL ? api_call(ns, API_PROFILE "ListAdrAlgorithms", &request.base,
                                   on_algorithms, free, q)
                        : FUO_ENOMEM;
    if (err != FUO_OK) {
        free(q);
        done(ns, id, FUO_EPERM);
    }
}

/* ---- may it write? ---- */

static void on_deleted(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    (void)answer;
    end(ns, context, FUO_EPROTO);
}

/* No ChirpStack does so: what it made goes at once. */
static void take_back(struct fuo_ns *ns, struct question *q,
                      const struct api_answer *answer)
{
    Cs__Id *made = cs__id__unpack(&api_allocator, answer->message_len, answer->message);
    int err = made != NULL
                  ? api_call(ns, API_GROUP "Delete", &made->base, on_deleted, free, q)
                  : FUO_EPROTO;
    cs__id__free_unpacked(made, &api_allocator);
    if (err != FUO_OK) {
        end(ns, q, err);
    }
}

static void on_tried(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct question *q = context;
    if (answer->err == FUO_OK) {
        take_back(ns, q, answer);
    } else if (answer->err == FUO_EPERM) {
        ns_finding(ns, q->id, true,
                   "the API key may read but not write: make one that is not read-only, "
                   "put it into the tokenFile and start the daemon again");
        end(ns, q, FUO_EPERM);
    } else if (answer->status == GRPC_INVALID_ARGUMENT ||
               answer->status == GRPC_INTERNAL) {
        end(ns, q, FUO_OK);
    } else {
        end(ns, q, answer->err);
    }
}

static int try_to_write(struct fuo_ns *ns, struct question *q)
{
    Cs__Group group;
    Cs__GroupBox request;
    cs__group__init(&group);
    cs__group_box__init(&request);
    char application_id[64] = "";
    memcpy(application_id, ns->config->application_id,
           strnlen(ns->config->application_id, sizeof(application_id) - 1));
    group.application_id = application_id;
    request.multicast_group = &group;
    return api_call(ns, API_GROUP "Create", &request.base, on_tried, free, q);
}

/* ---- the question ---- */

static void on_listed(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct question *q = context;
    int err = answer->err;
    if (err == FUO_OK) {
        err = try_to_write(ns, q);
        if (err == FUO_OK) {
            return;
        }
    } else {
        ns_log(ns, FUO_LOG_WARN,
               "the API was asked for the groups of the application: %s", answer->text);
    }
    uint64_t id = q->id;
    free(q);
    if (err == FUO_EPERM || err == FUO_ENOENT) {
        explain_refusal(ns, id, say);
    } else {
        ns_result(ns, id, err, 0);
    }
}

int application_probe(struct fuo_ns *ns, uint64_t id)
{
    Cs__ListGroups request;
    cs__list_groups__init(&request);
    char application_id[64] = "";
    memcpy(application_id, ns->config->application_id,
           strnlen(ns->config->application_id, sizeof(application_id) - 1));
    request.limit = 1;
    request.application_id = application_id;
    struct question *q = question_new(id, say);
    if (q == NULL) {
        return FUO_ENOMEM;
    }
    int err = api_call(ns, API_GROUP "List", &request.base, on_listed, free, q);
    if (err != FUO_OK) {
        free(q);
    }
    return err;
}
