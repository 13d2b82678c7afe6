/* SPDX-License-Identifier: MIT */
#include "loop/driver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "loop/xalloc.h"

enum {
    /* The wall clock is looked at that often while something is due. */
    TIMER_MAX_MS = 10000,
};

struct event_queue {
    struct engine_event *items;
    size_t len;
    size_t cap;
    size_t head;
};

struct driver {
    uv_timer_t timer;
    uv_idle_t next; /* what is due already: once a turn, which a timer of 0 ms is not */
    int handles;    /* that are not closed */
    struct clock clock;
    struct driver_ports ports;
    void *arg;
    struct engine *engine;
    struct commitq *commitq;
    struct effects effects;
    struct effects batch;
    struct event_queue queue;
    bool busy;
    bool down;
    bool stopped;
    bool batch_out;
    bool batch_of_engine;
    bool gathering;       /* a batch has begun, and is not out */
    bool held;            /* events follow that belong to the same batch */
    bool in_turn;         /* its next part is for the next turn of the loop */
    int64_t utc_ahead_us; /* UTC minus monotonic when last seen */
    uint64_t dropped;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

struct driver *driver_create(uv_loop_t *loop, const struct clock *clock,
                             const struct driver_ports *ports, void *arg)
{
    struct driver *driver = xcalloc(1, sizeof(*driver));
    uv_timer_init(loop, &driver->timer);
    driver->timer.data = driver;
    uv_idle_init(loop, &driver->next);
    driver->next.data = driver;
    driver->handles = 2;
    driver->clock = *clock;
    driver->ports = *ports;
    driver->arg = arg;
    driver->commitq = commitq_create();
    driver->down = true;
    return driver;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct driver *driver = handle->data;
    if (--driver->handles > 0) {
        return;
    }
    void (*on_closed)(void *arg) = driver->on_closed;
    void *arg = driver->closed_arg;
    free(driver);
    if (on_closed != NULL) {
        on_closed(arg);
    }
}

void driver_close(struct driver *driver, void (*on_closed)(void *arg), void *arg)
{
    driver->down = true;
    driver->on_closed = on_closed;
    driver->closed_arg = arg;
    effects_finish(&driver->effects);
    effects_finish(&driver->batch);
    commitq_destroy(driver->commitq);
    free(driver->queue.items);
    uv_close((uv_handle_t *)&driver->timer, on_handle_closed);
    uv_close((uv_handle_t *)&driver->next, on_handle_closed);
}

static void enqueue(struct event_queue *queue, const struct engine_event *event)
{
    assert(event->type != ENGINE_EV_UPLINK && event->type != ENGINE_EV_APPLY);
    if (queue->len == queue->cap) {
        queue->cap = queue->cap == 0 ? 16 : queue->cap * 2;
        queue->items = xrealloc(queue->items, queue->cap, sizeof(*queue->items));
    }
    queue->items[queue->len++] = *event;
}

static bool dequeue(struct event_queue *queue, struct engine_event *event)
{
    if (queue->head == queue->len) {
        queue->head = queue->len = 0;
        return false;
    }
    *event = queue->items[queue->head++];
    return true;
}

void driver_timeout(struct driver *driver)
{
    driver->in_turn = false;
    struct engine_event event = {.type = ENGINE_EV_TIMEOUT};
    driver_feed(driver, &event);
}

static void on_timer(uv_timer_t *timer)
{
    driver_timeout(timer->data);
}

static void on_next(uv_idle_t *next)
{
    uv_idle_stop(next);
    driver_timeout(next->data);
}

/* Effects that were left for the next turn are due now. */
struct instant driver_deadline(const struct driver *driver)
{
    if (driver->down) {
        return INSTANT_NEVER;
    }
    return commitq_is_ready(driver->commitq) || driver->in_turn
               ? clock_mono(&driver->clock)
               : engine_deadline(driver->engine);
}

static void rearm(struct driver *driver)
{
    struct instant deadline = driver_deadline(driver);
    struct instant now = clock_mono(&driver->clock);
    uv_timer_stop(&driver->timer);
    uv_idle_stop(&driver->next);
    if (deadline.us == INSTANT_NEVER.us) {
        return;
    }
    if (instant_reached(deadline, now)) {
        uv_idle_start(&driver->next, on_next);
        return;
    }
    int64_t wait_us = clock_wall_us(&driver->clock, deadline.us - now.us);
    uint64_t wait_ms = (uint64_t)wait_us / 1000 + (wait_us % 1000 != 0);
    if (wait_ms > TIMER_MAX_MS) {
        wait_ms = TIMER_MAX_MS;
    }
    uv_update_time(driver->timer.loop);
    uv_timer_start(&driver->timer, on_timer, wait_ms, 0);
}

static void step(struct driver *driver, const struct engine_event *event)
{
    effects_clear(&driver->effects);
    engine_step(driver->engine, event, &driver->effects);
    commitq_push(driver->commitq, &driver->effects);
}

bool driver_clock_stepped(int64_t *ahead_us, struct instant now, struct utc utc,
                          int64_t *delta_us)
{
    int64_t delta = utc.us - now.us - *ahead_us;
    *ahead_us += delta;
    if (delta <= DRIVER_CLOCK_SLACK_US && delta >= -DRIVER_CLOCK_SLACK_US) {
        return false;
    }
    *delta_us = delta;
    return true;
}

static void notice_clock_step(struct driver *driver, const struct engine_event *event)
{
    struct engine_event stepped = {
        .type = ENGINE_EV_CLOCK_STEP,
        .now = event->now,
        .utc = event->utc,
    };
    if (driver_clock_stepped(&driver->utc_ahead_us, event->now, event->utc,
                             &stepped.step.delta_us)) {
        step(driver, &stepped);
    }
}

static void stamp_and_step(struct driver *driver, struct engine_event *event)
{
    event->now = clock_mono(&driver->clock);
    event->utc = clock_utc(&driver->clock);
    notice_clock_step(driver, event);
    step(driver, event);
}

void driver_flush(struct driver *driver)
{
    if (driver->down || driver->batch_out || driver->in_turn || driver->held) {
        return;
    }
    size_t max = driver->ports.wants_all(driver->arg) ? SIZE_MAX : DRIVER_BATCH_MAX;
    enum commitq_taken taken =
        commitq_take_batch(driver->commitq, max, DRIVER_BATCH_MAX, &driver->batch);
    if (taken == COMMITQ_PART) {
        driver->gathering = true;
        driver->in_turn = true;
        driver->ports.gather(driver->arg, &driver->batch);
        return;
    }
    bool of_engine = taken == COMMITQ_WHOLE;
    if (!of_engine && (driver->gathering || !driver->ports.has_rows(driver->arg))) {
        return;
    }
    driver->gathering = false;
    driver->batch_out = true;
    driver->batch_of_engine = of_engine;
    driver->ports.commit(driver->arg, &driver->batch);
}

void driver_hold(struct driver *driver)
{
    driver->held = true;
}

void driver_release(struct driver *driver)
{
    driver->held = false;
    driver_flush(driver);
}

/* Carry out what is free to go, step what that led to, and store the lot. */
static void settle(struct driver *driver)
{
    struct effect effect;
    struct engine_event event;
    size_t left = DRIVER_EXECUTE_MAX;
    bool progress = true;
    while (progress) {
        progress = false;
        while (left > 0 && commitq_pop(driver->commitq, &effect)) {
            driver->ports.execute(driver->arg, &effect);
            left--;
            progress = true;
        }
        while (dequeue(&driver->queue, &event)) {
            stamp_and_step(driver, &event);
            progress = true;
        }
    }
    driver->busy = false;
    driver_flush(driver);
    rearm(driver);
}

/* The network could have lost it as well: the engine copes with that. */
static bool may_be_lost(const struct engine_event *event)
{
    return event->type == ENGINE_EV_UPLINK || event->type == ENGINE_EV_STATUS ||
           event->type == ENGINE_EV_REPORTED || event->type == ENGINE_EV_SEND_FATE ||
           event->type == ENGINE_EV_AIRED || event->type == ENGINE_EV_GATEWAY ||
           event->type == ENGINE_EV_AIRTIME;
}

bool driver_feed(struct driver *driver, struct engine_event *event)
{
    if (driver->down) {
        return false;
    }
    if (driver->busy) {
        enqueue(&driver->queue, event);
        return true;
    }
    if (may_be_lost(event) && commitq_len(driver->commitq) > DRIVER_BACKLOG_MAX) {
        driver->dropped++;
        return true;
    }
    driver->busy = true;
    stamp_and_step(driver, event);
    settle(driver);
    return true;
}

static void forget_withheld(struct driver *driver)
{
    commitq_drop_all(driver->commitq);
    driver->queue.len = driver->queue.head = 0;
    driver->batch_out = false;
    driver->gathering = false;
    driver->in_turn = false;
}

void driver_committed(struct driver *driver, int err)
{
    assert(driver->batch_out && !driver->busy);
    driver->batch_out = false;
    if (driver->stopped) {
        driver->ports.settled(driver->arg, err);
        return;
    }
    if (err != FUO_OK) {
        driver->down = true;
        forget_withheld(driver);
        driver->ports.settled(driver->arg, err);
        rearm(driver);
        return;
    }
    if (driver->batch_of_engine) {
        commitq_committed(driver->commitq);
    }
    driver->busy = true;
    driver->ports.settled(driver->arg, FUO_OK);
    settle(driver);
}

void driver_recover(struct driver *driver, struct engine *engine)
{
    assert(!driver->busy);
    forget_withheld(driver);
    driver->engine = engine;
    driver->down = false;
    struct instant now = clock_mono(&driver->clock);
    struct utc utc = clock_utc(&driver->clock);
    driver->utc_ahead_us = utc.us - now.us;
    effects_clear(&driver->effects);
    driver->busy = true;
    engine_resume(engine, now, utc, &driver->effects);
    commitq_push(driver->commitq, &driver->effects);
    settle(driver);
}

void driver_stop(struct driver *driver)
{
    driver->down = true;
    driver->stopped = true;
    rearm(driver);
}

bool driver_is_down(const struct driver *driver)
{
    return driver->down;
}

bool driver_is_idle(const struct driver *driver)
{
    bool gathers = driver->gathering && !driver->stopped;
    return !driver->batch_out &&
           !gathers; /* what waits is taken as soon as none is out */
}

uint64_t driver_dropped(const struct driver *driver)
{
    return driver->dropped;
}
