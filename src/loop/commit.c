/* SPDX-License-Identifier: MIT */
#include "loop/internal.h"
#include "loop/notify.h"

#define LOG_MODULE "store"
#include "io/log.h"
#include "loop/xalloc.h"

enum {
    RETRY_MS = 2000,
    OUTBOX_PRUNE_EVERY = 1000, /* rows */
};

#define STORE_ALERT "store"

#define CHARGES_KEPT_US HOURS_US(2) /* a sliding hour, and what is late or shifted */

/* ---- the driver's ports ---- */

static void port_execute(void *arg, const struct effect *effect)
{
    exec_effect(arg, effect);
}

static bool port_has_rows(void *arg)
{
    const struct daemon *d = arg;
    return d->rows.ops > 0 || d->rows.err != FUO_OK || d->publish_later.len > 0;
}

static bool port_wants_all(void *arg)
{
    const struct daemon *d = arg;
    return d->rows_tied || d->waiters != NULL;
}

void commit_publish_later(struct daemon *d, const struct effects *effects)
{
    for (size_t i = 0; i < effects->len; i++) {
        effects_copy(&d->publish_later, effects->items[i]);
    }
}

static void render_status(struct daemon *d, const struct effects *batch,
                          struct store_batch *rows)
{
    if (d->status != NULL) {
        struct status_source source = {
            .engine = d->engine,
            .campaigns = &d->campaigns,
            .now = clock_utc(&d->clock),
            .boot = d->boot,
        };
        status_render(d->status, &source, batch, rows);
    }
}

/* Airtime that no ledger looks at any more: once an hour, so that they stay few. */
static void prune_charges(struct daemon *d)
{
    struct utc now = clock_utc(&d->clock);
    int64_t age_us = now.us - d->charges_pruned.us;
    if (age_us < 0 || age_us >= HOURS_US(1)) { /* below: the clock was set back */
        d->charges_pruned = now;
        store_batch_charges_prune(&d->rows, utc_after(now, -CHARGES_KEPT_US));
    }
}

struct waiter *commit_wait(struct daemon *d, uint64_t connection, int64_t request_id)
{
    struct waiter *waiter = xcalloc(1, sizeof(*waiter));
    waiter->connection = connection;
    waiter->request_id = request_id;
    waiter->next = d->waiters;
    d->waiters = waiter;
    return waiter;
}

bool commit_waiters_full(const struct daemon *d)
{
    size_t count = 0;
    for (const struct waiter *w = d->waiters; w != NULL; w = w->next) {
        count++;
    }
    return count >= WAITERS_MAX;
}

/* Rows that wait for a status broker: not one per state that nobody can see any more. */
static void prune_outbox(struct daemon *d)
{
    if (d->outbox_added >= OUTBOX_PRUNE_EVERY) {
        d->outbox_added = 0;
        store_batch_outbox_prune(&d->rows);
    }
}

static void add_part(struct daemon *d, const struct effects *batch,
                     struct store_batch *rows)
{
    store_batch_effects(rows, batch);
    render_status(d, &d->publish_later, rows);
    notify_published(d, &d->publish_later, rows);
    effects_finish(&d->publish_later);
    render_status(d, batch, rows);
    notify_batch(d, batch, rows);
    watch_note(d, batch);
}

static void port_gather(void *arg, const struct effects *part)
{
    struct daemon *d = arg;
    add_part(d, part, &d->parts);
}

static void port_commit(void *arg, const struct effects *batch)
{
    struct daemon *d = arg;
    d->rows_tied = false;
    if (d->parts.ops > 0 || d->parts.err != FUO_OK) {
        store_batch_append(&d->rows, &d->parts);
    }
    prune_charges(d);
    prune_outbox(d);
    add_part(d, batch, &d->rows);
    d->waiters_out = d->waiters;
    d->waiters = NULL;
    d->commit_began_ns = uv_hrtime();
    d->submit_err = store_submit(d->store, &d->rows);
    if (d->submit_err != FUO_OK) {
        uv_async_send(&d->store_async); /* told later, never before this returns */
    }
}

/* The engine as the store has it; the one in memory is ahead of it. */
static void rebuild(struct daemon *d)
{
    struct detail detail = {0};
    d->engine_stale = restore_engine(d, &detail) != FUO_OK;
}

/* Nothing that was withheld happened; clients are told, the engine waits for the store. */
static void on_failure(struct daemon *d, int err)
{
    log_err("nothing can be stored, all campaigns wait error=%s", fuo_strerror(err));
    store_batch_finish(&d->rows);
    method_answer_waiters(d, err);
    if (d->draining) {
        return;
    }
    rebuild(d); /* for those who look; nothing is stepped */
    d->store_alert = true;
    commit_tell_alert(d);
    uv_timer_start(&d->retry_timer, d->on_retry, RETRY_MS, 0);
}

static void port_settled(void *arg, int err)
{
    struct daemon *d = arg;
    notify_settled(d, err);
    if (err != FUO_OK) {
        on_failure(d, err);
        return;
    }
    if (d->status != NULL) {
        status_settled(d->status);
    }
    method_answer_waiters(d, FUO_OK);
    watch_committed(d);
}

const struct driver_ports commit_ports = {
    .execute = port_execute,
    .has_rows = port_has_rows,
    .wants_all = port_wants_all,
    .gather = port_gather,
    .commit = port_commit,
    .settled = port_settled,
};

/* ---- trouble ---- */

/* Not through the outbox: that is what cannot be written. */
void commit_tell_alert(struct daemon *d)
{
    status_link_alert(d, STORE_ALERT,
                      d->store_alert ? "nothing can be stored, all campaigns wait"
                                     : NULL);
}

/* Try to write something harmless; what comes back decides. */
void commit_on_retry(struct daemon *d)
{
    struct store_batch probe = {0};
    store_batch_probe(&probe);
    d->probing = store_submit(d->store, &probe) == FUO_OK;
    if (!d->probing) {
        store_batch_finish(&probe);
        uv_timer_start(&d->retry_timer, d->on_retry, RETRY_MS, 0);
    }
}

/* Of the one that failed, commands are under way: the next one needs ids of its own. */
static void rebuild_to_run(struct daemon *d)
{
    struct detail detail = {0};
    uint64_t boot = 0;
    d->engine_stale = true;
    if (store_counter_next(d->store, "boot", &boot, &detail) == FUO_OK) {
        d->boot = (uint32_t)boot;
        rebuild(d);
    }
}

static void on_probed(struct daemon *d, int err)
{
    d->probing = false;
    if (d->draining) {
        return;
    }
    if (err == FUO_OK) {
        rebuild_to_run(d);
    }
    if (err != FUO_OK || d->engine_stale) {
        uv_timer_start(&d->retry_timer, d->on_retry, RETRY_MS, 0);
        return;
    }
    log_warn("the store can be written again, campaigns go on");
    d->store_alert = false;
    commit_tell_alert(d);
    driver_recover(d->driver, d->engine);
    intake_link_recover(d);
}

static void on_batch(struct daemon *d, const struct store_done *done)
{
    if (d->probing) {
        on_probed(d, done->err);
        return;
    }
    if (done->err != FUO_OK) {
        log_err("a transaction failed error=%s detail=%s", fuo_strerror(done->err),
                done->detail.text);
    }
    d->commit_last_us = (uv_hrtime() - d->commit_began_ns) / 1000;
    if (d->commit_worst_us < d->commit_last_us) {
        d->commit_worst_us = d->commit_last_us;
    }
    driver_committed(d->driver, done->err);
    if (done->err == FUO_OK && done->batch.outbox_last != 0 && d->status != NULL) {
        d->outbox_added += done->batch.outbox_last - done->batch.outbox_first + 1;
        relay_added(&d->relay);
    }
}

/* ---- answers of the store ---- */

static void take(struct daemon *d, const struct store_done *done)
{
    switch (done->type) {
    case STORE_DONE_BATCH:
        on_batch(d, done);
        break;
    case STORE_DONE_HISTORY:
        device_history_answer(d, done);
        break;
    case STORE_DONE_OUTBOX:
        if (done->tag == d->outbox_tag) { /* else asked for before a failed commit */
            relay_rows(&d->relay, done->outbox.rows, done->outbox.count, done->err);
        }
        break;
    case STORE_DONE_AUDIT:
        audit_answer(d, done);
        break;
    case STORE_DONE_DEVICE_KEY:
        exec_key_answer(d, done);
        break;
    case STORE_DONE_PROGRESS:
    case STORE_DONE_AIRTIME:
        report_answer(d, done);
        break;
    case STORE_DONE_SOURCE:
        rollback_answer(d, done);
        break;
    }
}

bool commit_take_answer(struct daemon *d)
{
    struct store_done done;
    if (!store_poll(d->store, &done)) {
        return false;
    }
    take(d, &done);
    store_done_finish(&done);
    return true;
}

void commit_on_store(struct daemon *d)
{
    while (commit_take_answer(d)) {
    }
    commit_after_answers(d);
}

void commit_after_answers(struct daemon *d)
{
    if (d->submit_err != FUO_OK) {
        int err = d->submit_err;
        d->submit_err = FUO_OK;
        driver_committed(d->driver, err);
    }
    exec_next_key(d);
    method_answer_unchanged(d);
}

int commit_now(struct daemon *d, struct detail *detail)
{
    struct store_done done;
    int err = store_submit(d->store, &d->rows);
    if (err != FUO_OK) {
        store_batch_finish(&d->rows);
        return err;
    }
    while (!store_poll(d->store, &done)) {
        uv_run(d->loop, UV_RUN_ONCE);
    }
    err = done.err;
    if (err != FUO_OK) {
        detail_set(detail, "%s", done.detail.text);
    }
    store_done_finish(&done);
    return err == FUO_OK && d->draining ? FUO_EAGAIN : err;
}
