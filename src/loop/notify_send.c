/* SPDX-License-Identifier: MIT */
/* notify_send.c - webhooks are told: one request after the other to each, until it is heard. */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/notify_internal.h"
#include "loop/xalloc.h"

#define LOG_MODULE "notify"
#include "io/log.h"

enum {
    AGAIN_MIN_MS = 500,
    AGAIN_MAX_MS = 600000,
    CLIENTS_MAX = 16,
    TIMEOUT_MS = 10000,
    ANSWER_MAX = 64 << 10,
    ALERT_FAILURES = 4,
    REFUSALS_MAX = 6,
};

#define KEPT_US HOURS_US(24)

static const char alert_id[] = "notify";

/* ---- the alert ---- */

void notify_tell(struct daemon *d)
{
    if (d->notify->alert[0] != '\0') {
        status_link_alert(d, alert_id, d->notify->alert);
    }
}

void notify_alert(struct daemon *d, const struct notify_target *target,
                  const char *format, ...)
{
    struct notify *n = d->notify;
    va_list args;
    va_start(args, format);
    vsnprintf(n->alert, sizeof(n->alert), format, args);
    va_end(args);
    snprintf(n->alert_url, sizeof(n->alert_url), "%s", target != NULL ? target->url : "");
    log_err("%s", n->alert);
    notify_tell(d);
}

static void clear_alert(struct notify_target *t)
{
    struct notify *n = t->d->notify;
    if (n->alert[0] != '\0' &&
        (n->alert_url[0] == '\0' || strcmp(n->alert_url, t->url) == 0)) {
        n->alert[0] = '\0';
        status_link_alert(t->d, alert_id, NULL);
    }
}

/* ---- a target ---- */

static struct notify_target *target_of(struct daemon *d, const char *url)
{
    for (struct notify_target *t = d->notify->targets; t != NULL; t = t->next) {
        if (strcmp(t->url, url) == 0) {
            return t;
        }
    }
    uint64_t seed = 0;
    struct notify_target *t = xcalloc(1, sizeof(*t));
    randombytes_buf(&seed, sizeof(seed));
    t->d = d;
    t->url = xstrdup(url);
    t->last = &t->head;
    t->backoff = backoff_init(AGAIN_MIN_MS, AGAIN_MAX_MS, seed);
    t->next = d->notify->targets;
    d->notify->targets = t;
    return t;
}

static void target_free(struct notify_target *t)
{
    while (t->head != NULL) {
        struct notify_row *row = t->head;
        t->head = row->next;
        notify_row_free(row);
    }
    free(t->url);
    free(t);
}

static void close_client(struct notify_target *t)
{
    if (t->http != NULL) {
        http_client_close(TAKE(t->http), NULL, NULL);
        t->busy = false;
        t->d->notify->clients--;
    }
}

/* Nothing is left to tell there. */
static void drop_target(struct notify_target *t)
{
    struct notify_target **at = &t->d->notify->targets;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    close_client(t);
    target_free(t);
}

void notify_enqueue(struct daemon *d, struct notify_row *row)
{
    struct notify_target *t = target_of(d, row->url);
    *t->last = row;
    t->last = &row->next;
}

/* The first is done with, one way or the other. */
static void drop_row(struct notify_target *t)
{
    struct daemon *d = t->d;
    struct notify_row *row = t->head;
    t->head = row->next;
    t->last = t->head == NULL ? &t->head : t->last;
    t->refusals = 0;
    d->notify->waiting--;
    store_batch_webhook_drop(&d->rows, row->id);
    notify_row_free(row);
    if (t->head == NULL) {
        drop_target(t);
    }
    driver_flush(d->driver);
}

/* ---- an answer ---- */

static bool is_refusal(const struct fuo_http_response *response)
{
    int status = response->err == FUO_OK ? response->status : 0;
    return status >= 400 && status < 500 && status != 408 && status != 425 &&
           status != 429;
}

static void why_not(const struct notify_target *t,
                    const struct fuo_http_response *response, char *text, size_t size)
{
    if (response->err == FUO_OK) {
        snprintf(text, size, "it answers %d", response->status);
    } else {
        snprintf(text, size, "%s", http_problem(t->http));
    }
}

static void on_failure(struct notify_target *t, const struct fuo_http_response *response)
{
    struct daemon *d = t->d;
    const struct notify_row *row = t->head;
    char why[NOTIFY_ALERT_SIZE / 2] = "";
    why_not(t, response, why, sizeof(why));
    t->failures++;
    t->refusals += is_refusal(response);
    bool late = clock_utc(&d->clock).us - row->created.us >= KEPT_US;
    if (late || t->refusals >= REFUSALS_MAX) {
        d->notify->lost++;
        notify_alert(d, t,
                     "campaign %s: the webhook at %s was not told, and is given up: %s",
                     row->campaign, t->webhook.origin, why);
        t->due_ms = uv_now(d->loop) + backoff_next_ms(&t->backoff);
        drop_row(t);
        return;
    }
    log_warn("webhook was not told campaign=%s host=%s tries=%u reason=%s", row->campaign,
             t->webhook.origin, t->failures, why);
    if (t->failures == ALERT_FAILURES) {
        notify_alert(d, t, "campaign %s: the webhook at %s cannot be told: %s",
                     row->campaign, t->webhook.origin, why);
    }
    t->due_ms = uv_now(d->loop) + backoff_next_ms(&t->backoff);
}

static void on_response(void *arg, uint64_t id, const struct fuo_http_response *response)
{
    struct notify_target *t = arg;
    struct daemon *d = t->d;
    (void)id;
    t->busy = false;
    if (response->err == FUO_OK && response->status >= 200 && response->status < 300) {
        log_info("webhook told campaign=%s host=%s", t->head->campaign,
                 t->webhook.origin);
        t->failures = 0;
        t->due_ms = 0;
        backoff_reset(&t->backoff);
        clear_alert(t);
        drop_row(t);
    } else {
        on_failure(t, response);
    }
    notify_go(d);
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    (void)level; /* what is wrong is told by who knows the campaign */
    log_debug("%s", text);
}

/* ---- sending ---- */

static int open_client(struct notify_target *t)
{
    static const struct http_handlers handlers = {.on_response = on_response,
                                                  .log = on_log};
    int err = webhook_split(t->url, &t->webhook);
    if (err != FUO_OK) {
        return err;
    }
    struct http_config config = {
        .base_url = t->webhook.origin,
        .total_timeout_ms = TIMEOUT_MS,
        .response_max_bytes = ANSWER_MAX,
        .path_secret = true,
    };
    randombytes_buf(&config.jitter_seed, sizeof(config.jitter_seed));
    err = http_client_open(t->d->loop, &config, &handlers, t, &t->http);
    t->d->notify->clients += err == FUO_OK;
    return err;
}

/* "/hook?x", "/?x" or "/". */
static char *path_of(const struct webhook *webhook)
{
    const char *rest = webhook->path;
    if (rest[0] == '/') {
        return xstrdup(rest);
    }
    size_t size = strlen(rest) + 2;
    char *path = xcalloc(1, size);
    snprintf(path, size, "/%s", rest);
    return path;
}

static int ask(struct notify_target *t)
{
    int err = t->http != NULL ? FUO_OK : open_client(t);
    if (err != FUO_OK) {
        return err;
    }
    AUTO_FREE char *path = path_of(&t->webhook);
    struct fuo_http_request request = {
        .method = "POST",
        .path = path,
        .content_type = "application/cloudevents+json; charset=utf-8",
        .body = (const uint8_t *)t->head->payload,
        .body_len = strlen(t->head->payload),
    };
    return http_request(t->http, t->head->id, &request);
}

/* When it is to be looked at again; UINT64_MAX: when it has answered. */
static uint64_t go(struct notify_target *t, uint64_t now_ms)
{
    if (t->busy) {
        return UINT64_MAX;
    }
    if (t->due_ms > now_ms) {
        return t->due_ms;
    }
    if (t->http == NULL && t->d->notify->clients >= CLIENTS_MAX) {
        return now_ms + AGAIN_MIN_MS;
    }
    t->busy = ask(t) == FUO_OK;
    if (!t->busy) {
        t->due_ms = now_ms + backoff_next_ms(&t->backoff);
    }
    return t->busy ? UINT64_MAX : t->due_ms;
}

static void on_timer(uv_timer_t *timer)
{
    notify_go(timer->data);
}

void notify_go(struct daemon *d)
{
    struct notify *n = d->notify;
    if (n->closed || d->draining || !d->running) {
        return;
    }
    uint64_t now_ms = uv_now(d->loop);
    uint64_t next_ms = UINT64_MAX;
    for (struct notify_target *t = n->targets; t != NULL; t = t->next) {
        uint64_t at_ms = go(t, now_ms);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    if (next_ms == UINT64_MAX) {
        uv_timer_stop(&n->timer);
    } else {
        uv_timer_start(&n->timer, on_timer, next_ms - now_ms, 0);
    }
}

/* ---- the end ---- */

void notify_close(struct daemon *d)
{
    struct notify *n = d->notify;
    if (n == NULL || n->closed) {
        return;
    }
    n->closed = true;
    for (struct notify_target *t = n->targets; t != NULL; t = t->next) {
        close_client(t);
    }
    uv_close((uv_handle_t *)&n->timer, NULL);
}

void notify_free(struct daemon *d)
{
    struct notify *n = d->notify;
    if (n == NULL) {
        return;
    }
    while (n->targets != NULL) {
        struct notify_target *t = n->targets;
        n->targets = t->next;
        target_free(t);
    }
    while (n->fresh != NULL) {
        struct notify_row *row = n->fresh;
        n->fresh = row->next;
        notify_row_free(row);
    }
    free(TAKE(d->notify));
}
