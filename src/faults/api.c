/* SPDX-License-Identifier: MIT */
/* HTTP between the plugin and the server, without sockets: one call at a time, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/internal.h"
#include "fuota-sim/grpcweb.h"
#include "net/http.h"

/* What becomes of a call. */
enum call_fate {
    CALL_GOOD,
    CALL_LATE,
    CALL_TWICE,
    CALL_SILENT,
    CALL_GARBAGE,
    CALL_ERROR,
};

#define TIMEOUT_US SECONDS_US(15) /* of the client, as a whole */

static void next_call(struct run *r)
{
    if (r->calling || r->calls == NULL) {
        return;
    }
    struct call *call = r->calls;
    r->calling = true;
    if (r->api_away || r->server_away) {
        if (r->api_away) {
            run_count(r, FAULT_API_AWAY);
        }
        struct parcel *p = parcel_send(r, PARCEL_ANSWER, MILLIS_US(20));
        p->id = call->id;
        p->err = FUO_EAGAIN;
        return;
    }
    struct parcel *p =
        parcel_send(r, PARCEL_CALL, run_between_us(r, MILLIS_US(1), MILLIS_US(20)));
    p->id = call->id;
    p->topic = strdup(call->path);
    p->body = malloc(call->len + 1);
    run_abort_if_no_memory(p->topic);
    run_abort_if_no_memory(p->body);
    memcpy(p->body, call->body, call->len);
    p->len = call->len;
}

static void drop_call(struct run *r)
{
    struct call *call = r->calls;
    r->calls = call->next;
    free(call->path);
    free(call->body);
    free(call);
}

int api_http(void *arg, uint64_t id, const struct fuo_http_request *request)
{
    struct run *r = arg;
    size_t count = 0;
    struct call **last = &r->calls;
    for (; *last != NULL; last = &(*last)->next) {
        count++;
    }
    if (count >= HTTP_QUEUE_MAX) {
        return FUO_EAGAIN;
    }
    struct call *call = calloc(1, sizeof(*call));
    run_abort_if_no_memory(call);
    call->id = id;
    call->path = strdup(request->path);
    call->body = malloc(request->body_len + 1);
    run_abort_if_no_memory(call->path);
    run_abort_if_no_memory(call->body);
    memcpy(call->body, request->body, request->body_len);
    call->len = request->body_len;
    *last = call;
    next_call(r);
    return FUO_OK;
}

void api_forget(struct run *r)
{
    while (r->calls != NULL) {
        drop_call(r);
    }
    r->calling = false;
}

/* ---- at the server ---- */

static enum call_fate draw_fate(struct run *r)
{
    static const struct {
        enum fault_kind kind;
        enum call_fate fate;
    } fates[] = {
        {FAULT_API_5XX, CALL_ERROR},     {FAULT_API_GARBAGE, CALL_GARBAGE},
        {FAULT_API_SILENT, CALL_SILENT}, {FAULT_API_TWICE, CALL_TWICE},
        {FAULT_API_LATE, CALL_LATE},
    };
    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
        if (run_fault(r, fates[i].kind)) {
            return fates[i].fate;
        }
    }
    return CALL_GOOD;
}

/* One frame of five waits, and those after it do not. */
static void hold_back(struct run *r, struct cs_group *g)
{
    struct cs *cs = &r->network.cs;
    for (struct cs_row *row = g->rows; row != NULL; row = row->next) {
        bool held = row->f_cnt % 5 == 2;
        if (row->next == NULL) {
            row->run_after = utc_after(r->now, held ? SECONDS_US(40) : 0);
        }
    }
    int64_t tick_us = r->now.us / cs->config.scheduler_us + 1;
    sim_timers_set(cs->timers, &cs->scheduler,
                   (struct utc){tick_us * cs->config.scheduler_us});
}

/* A counter set back, or a frame held back: what no server does. */
static void plant(struct run *r)
{
    for (struct cs_group *g = r->network.cs.groups; g != NULL; g = g->next) {
        if (r->config->plant == PLANT_PAYLOAD && g->settings.f_cnt == 6) {
            g->settings.f_cnt = 4;
        }
        if (r->config->plant == PLANT_FCNT) {
            hold_back(r, g);
        }
    }
}

static void learn_groups(struct run *r)
{
    for (const struct cs_group *g = r->network.cs.groups; g != NULL; g = g->next) {
        check_group(r->check, g->settings.mc_addr, &g->settings.keys);
    }
}

static void call_server(struct run *r, const struct parcel *call, struct parcel *answer)
{
    struct rpc_request request = {.path = call->topic};
    struct rpc_response response = {.status = RPC_INTERNAL, .message = "malformed frame"};
    if (grpcweb_unframe(call->body, call->len, &request)) {
        rpc_call(&r->network.cs, &request, r->now, &response);
    }
    answer->http_status = 200;
    if (response.status == RPC_OK) {
        answer->body = grpcweb_frame(&response, &answer->len);
        run_abort_if_no_memory(answer->body);
    } else {
        (void)snprintf(answer->grpc_status, sizeof(answer->grpc_status), "%d",
                       (int)response.status);
        answer->grpc_message = response.message;
    }
    free(response.body);
    learn_groups(r);
    plant(r);
}

static void make_garbage(struct run *r, struct parcel *answer)
{
    size_t len = (size_t)prng_below(&r->prng, 40);
    free(answer->body);
    answer->grpc_status[0] = '\0';
    answer->grpc_message = NULL;
    answer->body = malloc(len + 1);
    run_abort_if_no_memory(answer->body);
    for (size_t i = 0; i < len; i++) {
        answer->body[i] = (uint8_t)prng_next(&r->prng);
    }
    answer->len = len;
}

/* A gateway before the server: 503 says that nothing was done, the others do not. */
static bool make_error(struct run *r, struct parcel *answer)
{
    static const int statuses[] = {500, 502, 503, 504};
    answer->http_status = statuses[prng_below(&r->prng, 4)];
    return answer->http_status != 503 && prng_chance(&r->prng, RUN_PPM / 2) != 0;
}

static void copy_answer(struct run *r, const struct parcel *answer)
{
    struct parcel *twin =
        parcel_send(r, PARCEL_ANSWER, run_between_us(r, MILLIS_US(25), SECONDS_US(5)));
    twin->id = answer->id;
    twin->http_status = answer->http_status;
    memcpy(twin->grpc_status, answer->grpc_status, sizeof(twin->grpc_status));
    twin->grpc_message = answer->grpc_message;
    twin->body = malloc(answer->len + 1);
    run_abort_if_no_memory(twin->body);
    if (answer->len > 0) {
        memcpy(twin->body, answer->body, answer->len);
    }
    twin->len = answer->len;
}

static void take_call(struct run *r, const struct parcel *call)
{
    int64_t back_us = run_between_us(r, MILLIS_US(1), MILLIS_US(20));
    if (r->server_away) {
        struct parcel *p = parcel_send(r, PARCEL_ANSWER, back_us);
        p->id = call->id;
        p->boot = call->boot;
        p->err = FUO_ETIMEDOUT; /* the connection broke */
        return;
    }
    enum call_fate fate = draw_fate(r);
    if (fate == CALL_LATE) {
        back_us = run_between_us(r, SECONDS_US(1), TIMEOUT_US);
    } else if (fate == CALL_SILENT) {
        back_us = TIMEOUT_US;
    }
    struct parcel *answer = parcel_send(r, PARCEL_ANSWER, back_us);
    answer->id = call->id;
    answer->boot = call->boot;
    if (fate == CALL_ERROR) {
        if (make_error(r, answer)) {
            int status = answer->http_status;
            call_server(r, call, answer);
            make_garbage(r, answer);
            answer->http_status = status;
        }
        return;
    }
    if (fate != CALL_GARBAGE || prng_chance(&r->prng, RUN_PPM / 2) != 0) {
        call_server(r, call, answer);
    }
    if (fate == CALL_GARBAGE) {
        answer->http_status = 200;
        make_garbage(r, answer);
    } else if (fate == CALL_SILENT) {
        answer->err = FUO_ETIMEDOUT;
    } else if (fate == CALL_TWICE) {
        copy_answer(r, answer);
    }
}

/* ---- back at the client ---- */

static void take_answer(struct run *r, const struct parcel *p)
{
    if (r->daemon == NULL || p->boot != r->boot) {
        return;
    }
    if (r->calls != NULL && r->calling && r->calls->id == p->id) {
        drop_call(r);
        r->calling = false;
        next_call(r);
    }
    struct fuo_http_response response = {
        .err = p->err,
        .status = p->http_status,
        .body = p->body,
        .body_len = p->len,
        .grpc_status = p->grpc_status[0] != '\0' ? p->grpc_status : NULL,
        .grpc_message = p->grpc_status[0] != '\0' ? p->grpc_message : NULL,
    };
    host_take_response(virtual_host(r->daemon), p->id, &response);
}

void api_take(struct run *r, struct parcel *p)
{
    if (p->kind == PARCEL_CALL) {
        take_call(r, p);
    } else {
        take_answer(r, p);
    }
    parcel_free(p);
}
