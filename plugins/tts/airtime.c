/* SPDX-License-Identifier: MIT */
/*
 * airtime.c - how much gateways have sent in the last hour, as the Gateway Server counts it:
 * Gs.BatchGetGatewayConnectionStats (gatewayserver.proto), a hundred gateways in a request.
 *
 * The server answers for all gateways of a request or, if the key lacks the right for one of
 * them or one has been deleted, for none (grpc.go, AssertGatewayBatchRights) and does not say
 * which. So a refused request is halved until the gateway is alone, and that one is not asked
 * about again before the next probe. A question that is cut off by REFUSED_MAX says nothing of
 * the key: the next one goes on with the gateways that were not refused alone. What the probe
 * says of the key spares one that may see none all this.
 * downlink_utilization is a fraction of the hour, not of the limit (scheduling/sub_band.go,
 * DutyCycleUtilization), whosever frames they were.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "json.h"

enum {
    BATCH_MAX = 100,  /* BatchGetGatewayConnectionStatsRequest */
    REFUSED_MAX = 16, /* of a question; then its answer has to do */
    STACK_MAX = 8,    /* halves of a batch that wait; each is at most half of the last */
    PPM = 1000000,
};

struct slice {
    size_t from;
    size_t to;
};

/* A question: its request under way owns it. */
struct airtime {
    uint64_t id;    /* of the intent */
    size_t batched; /* of the gateways; from there on in further batches */
    size_t refused; /* requests */
    size_t seen;    /* gateways that the key may see, and not */
    size_t closed;
    struct slice stack[STACK_MAX];
    size_t depth;
    struct slice asked;
    size_t count;
    uint64_t gateways[];
};

static void end(struct fuo_ns *ns, struct airtime *a, int err)
{
    bool blind = a->closed > 0 && a->seen == 0 && a->refused < REFUSED_MAX;
    ns->asks_airtime = false;
    ns_result(ns, a->id, err == FUO_OK && blind ? FUO_EPERM : err, 0);
    free(a);
}

/* ---- the answer ---- */

static void tell(struct fuo_ns *ns, uint64_t gateway, struct json_object *band)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_AIRTIME};
    double used = json_number(band, "downlink_utilization");
    event.airtime.gateway = gateway;
    if (json_uint(band, "min_frequency", UINT32_MAX, &event.airtime.min_hz) &&
        json_uint(band, "max_frequency", UINT32_MAX, &event.airtime.max_hz) &&
        used >= 0 && used <= 1) {
        uint32_t ppm = (uint32_t)(used * PPM);
        event.airtime.used_ppm = ppm + (ppm < used * PPM ? 1 : 0);
        ns->base.ops->event(ns->base.host, &event);
    } else {
        ns->base.ops->reject(ns->base.host, "unusable sub-band of a gateway");
    }
}

static void read_entries(struct fuo_ns *ns, const struct airtime *a,
                         struct json_object *json)
{
    struct json_object *entries = json_member(json, "entries");
    for (size_t i = a->asked.from; i < a->asked.to; i++) {
        const char *name = names_find(&ns->gateways, a->gateways[i]);
        struct json_object *stats = name != NULL ? json_member(entries, name) : NULL;
        struct json_object *bands = json_array(stats, "sub_bands");
        size_t count = bands != NULL ? json_object_array_length(bands) : 0;
        for (size_t k = 0; k < count; k++) {
            tell(ns, a->gateways[i], json_object_array_get_idx(bands, k));
        }
    }
}

/* ---- the requests ---- */

static void add_text(struct json_object *o, const char *key, const char *text)
{
    json_object_object_add(o, key, json_object_new_string(text));
}

/* NULL: no memory. The caller's to put. */
static struct json_object *body_of(const struct fuo_ns *ns, const struct airtime *a)
{
    struct json_object *body = json_object_new_object();
    struct json_object *ids = json_object_new_array();
    struct json_object *mask = json_object_new_object();
    struct json_object *paths = json_object_new_array();
    json_object_array_add(paths, json_object_new_string("sub_bands"));
    json_object_object_add(mask, "paths", paths);
    for (size_t i = a->asked.from; i < a->asked.to; i++) {
        struct json_object *one = json_object_new_object();
        add_text(one, "gateway_id", names_find(&ns->gateways, a->gateways[i]));
        json_object_array_add(ids, one);
    }
    json_object_object_add(body, "gateway_ids", ids);
    json_object_object_add(body, "field_mask", mask);
    return body;
}

static void on_stats(struct fuo_ns *ns, void *context, const struct api_answer *answer);

/* false: there is nothing left to ask. */
static bool take_slice(struct airtime *a)
{
    if (a->depth > 0) {
        a->asked = a->stack[--a->depth];
        return true;
    }
    size_t left = a->count - a->batched;
    a->asked =
        (struct slice){a->batched, a->batched + (left < BATCH_MAX ? left : BATCH_MAX)};
    a->batched = a->asked.to;
    return left > 0;
}

/* FUO_OK: on_stats() follows, or a has ended. Else it has not, and is the caller's. */
static int ask_next(struct fuo_ns *ns, struct airtime *a)
{
    if (!take_slice(a) || a->refused == REFUSED_MAX) {
        end(ns, a, FUO_OK);
        return FUO_OK;
    }
    struct json_object *body = body_of(ns, a);
    struct api_request request = {
        .method = "POST",
        .registry = API_GS,
        .rest = "",
        .body = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN),
    };
    int err = api_call(ns, &request, on_stats, free, a);
    json_object_put(body);
    return err;
}

static void split(struct fuo_ns *ns, struct airtime *a)
{
    struct slice s = a->asked;
    a->refused++;
    if (s.to - s.from == 1) {
        names_close(&ns->gateways, a->gateways[s.from]);
        a->closed++;
        return;
    }
    size_t middle = s.from + (s.to - s.from) / 2;
    a->stack[a->depth++] = (struct slice){middle, s.to};
    a->stack[a->depth++] = (struct slice){s.from, middle};
}

static void on_stats(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct airtime *a = context;
    int err = answer->err;
    if (err == FUO_OK) {
        a->seen += a->asked.to - a->asked.from;
        read_entries(ns, a, answer->json);
    } else if (err == FUO_EPERM || err == FUO_ENOENT) {
        split(ns, a);
        err = FUO_OK;
    }
    if (err == FUO_OK) {
        err = ask_next(ns, a);
    }
    if (err != FUO_OK) {
        end(ns, a, err);
    }
}

/* ---- the beginning ---- */

int airtime_ask(struct fuo_ns *ns, uint64_t id, const uint64_t *gateways, size_t count)
{
    if (ns->asks_airtime) {
        return FUO_EAGAIN;
    }
    if (ns->sees_no_gateways) {
        ns_result(ns, id, FUO_EPERM, 0);
        return FUO_OK;
    }
    struct airtime *a = calloc(1, sizeof(*a) + count * sizeof(uint64_t));
    if (a == NULL) {
        return FUO_ENOMEM;
    }
    a->id = id;
    for (size_t i = 0; i < count; i++) {
        if (names_is_closed(&ns->gateways, gateways[i])) {
            a->closed++;
        } else if (names_find(&ns->gateways, gateways[i]) != NULL) {
            a->gateways[a->count++] = gateways[i];
        }
    }
    ns->asks_airtime = true;
    int err = ask_next(ns, a);
    if (err != FUO_OK) {
        ns->asks_airtime = false;
        free(a);
    }
    return err;
}
