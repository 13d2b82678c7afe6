/* SPDX-License-Identifier: MIT */
/* notify_internal.h - between notify.c and notify_send.c only. */
#pragma once

#include <uv.h>

#include "config/webhook.h"
#include "loop/internal.h"
#include "loop/notify.h"
#include "net/backoff.h"
#include "net/http.h"

enum {
    NOTIFY_ALERT_SIZE = 480,
};

/* One event for one URL; texts owned. */
struct notify_row {
    struct notify_row *next;
    uint64_t id;
    struct utc created;
    char *campaign;
    char *url;
    char *payload;
};

/* A URL that is to be told something. */
struct notify_target {
    struct notify_target *next;
    struct daemon *d;
    char *url;
    struct webhook webhook; /* its parts */
    struct notify_row *head;
    struct notify_row **last;
    struct http_client *http; /* NULL: none is open yet */
    bool busy;                /* a request is under way */
    uint32_t failures;        /* in a row */
    uint32_t refusals;        /* of the first row: answers 4xx */
    uint64_t due_ms;          /* loop time */
    struct backoff backoff;
};

struct notify {
    uv_timer_t timer;
    struct notify_target *targets; /* in no order */
    struct notify_row *fresh;      /* of the batch that is out, last first */
    struct store_batch *rows;      /* ... while it is made up */
    size_t waiting;                /* rows, fresh or not */
    uint64_t last_id;
    uint64_t event_number;
    uint64_t lost;
    size_t clients;
    bool closed;
    char alert[NOTIFY_ALERT_SIZE]; /* ""; none */
    char alert_url[WEBHOOK_URL_MAX + 1];
};

void notify_row_free(struct notify_row *row); /* accepts NULL */

/* ---- notify_send.c ---- */

/* On disk: takes it. */
void notify_enqueue(struct daemon *d, struct notify_row *row);
/* Begin with all that is due. */
void notify_go(struct daemon *d);
__attribute__((format(printf, 3, 4))) void
notify_alert(struct daemon *d, const struct notify_target *target, const char *format,
             ...);
