/* SPDX-License-Identifier: MIT */
/* budget.c - what the ledgers of the gateways hold, a page at a time. */
#include <assert.h>
#include <string.h>

#include "base/eui.h"
#include "loop/internal.h"
#include "loop/render.h"

struct budget_filter {
    bool one;         /* only that gateway */
    bool after;       /* only the gateways behind it */
    uint64_t gateway; /* for either */
    size_t limit;
};

/* Missing is no error: false is for what is there and no EUI. */
static bool read_eui(struct json_object *params, const char *key, bool *given,
                     uint64_t *eui)
{
    const char *text = ctl_text(params, key);
    *given = text != NULL;
    return text == NULL || eui_parse(text, strlen(text), eui) == FUO_OK;
}

static bool read_filter(struct json_object *params, struct budget_filter *filter)
{
    int64_t limit = ctl_int(params, "limit", CTL_PAGE_DEFAULT);
    limit = limit < 1 ? 1 : limit > CTL_PAGE_MAX ? CTL_PAGE_MAX : limit;
    *filter = (struct budget_filter){.limit = (size_t)limit};
    return read_eui(params, "after", &filter->after, &filter->gateway) &&
           (filter->after || read_eui(params, "gateway", &filter->one, &filter->gateway));
}

static bool passes(const struct budget_filter *filter, uint64_t gateway)
{
    return filter->one ? gateway == filter->gateway
                       : !filter->after || gateway > filter->gateway;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct json_object *budget_render(const struct engine_budget *budget)
{
    int64_t used_us = budget->own_us + budget->others_us;
    int64_t free_us =
        least(budget->own_cap_us - budget->own_us, budget->legal_cap_us - used_us) -
        budget->waiting_us;
    assert(budget->legal_cap_us > 0); /* or there is no ledger */
    struct json_object *object = json_object_new_object();
    render_add(object, "gateway", render_eui(budget->gateway));
    render_add_int(object, "low_hz", budget->low_hz);
    render_add_int(object, "high_hz", budget->high_hz);
    render_add_int(object, "own_us", budget->own_us);
    render_add_int(object, "waiting_us", budget->waiting_us);
    render_add_int(object, "others_us", budget->others_us);
    render_add_int(object, "own_cap_us", budget->own_cap_us);
    render_add_int(object, "legal_cap_us", budget->legal_cap_us);
    render_add_int(object, "free_us", free_us > 0 ? free_us : 0);
    render_add_int(object, "used_ppm", used_us * 1000000 / budget->legal_cap_us);
    return object;
}

/* What the gateway tells of itself, if it does: load of others among it. */
static void add_told(const struct daemon *d, uint64_t gateway, struct json_object *object)
{
    struct gateway_told told = gateways_told(&d->gateways, gateway);
    if (told.at.us != 0) {
        render_add(object, "online", json_object_new_boolean(told.online));
        render_add_int(object, "tx_given", (int64_t)told.given);
        render_add_int(object, "tx_sent", (int64_t)told.sent);
    }
}

/* A page ends between two gateways; *next is then the last one on it. */
static struct json_object *list_of(const struct daemon *d,
                                   const struct budget_filter *filter,
                                   struct json_object **next)
{
    struct json_object *list = json_object_new_array();
    struct utc now = clock_utc(&d->clock);
    struct engine_budget budget;
    uint64_t last = 0;
    for (size_t i = 0; engine_budget_at(d->engine, i, now, &budget); i++) {
        if (!passes(filter, budget.gateway)) {
            continue;
        }
        if (json_object_array_length(list) >= filter->limit && budget.gateway != last) {
            *next = render_eui(last);
            break;
        }
        struct json_object *row = budget_render(&budget);
        add_told(d, budget.gateway, row);
        json_object_array_add(list, row);
        last = budget.gateway;
    }
    return list;
}

void budget_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    struct budget_filter filter;
    struct ctl_error error = {0};
    if (!read_filter(request->params, &filter)) {
        ctl_fail(&error, CTL_USAGE, "a gateway has 16 hex digits");
        method_refuse(d, connection, request->id, &error);
        return;
    }
    struct json_object *next = NULL;
    struct json_object *list = list_of(d, &filter, &next);
    if (filter.one && json_object_array_length(list) == 0) {
        json_object_put(list);
        ctl_fail(&error, CTL_NOT_FOUND, "nothing has been sent by gateway %s yet",
                 ctl_text(request->params, "gateway"));
        method_refuse(d, connection, request->id, &error);
        return;
    }
    struct json_object *data = json_object_new_object();
    render_add(data, "gateways", list);
    render_add(data, "next", next);
    method_reply(d, connection, request->id, data);
}
