/* SPDX-License-Identifier: MIT */
#include "fuota-sim/sim_loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define LOG_MODULE "sim"
#include "io/log.h"

enum {
    AIRLOG_BUFFER = 1 << 16,
    FLUSH_MS = 500,
    WAIT_MAX_MS = 3600000,
};

static void on_timer(uv_timer_t *timer)
{
    struct sim_loop *loop = timer->data;
    loop->handlers.due(loop->arg);
}

/* What failed since the last time shows here, too. */
static void flush(struct sim_loop *loop)
{
    if (loop->airlog != NULL &&
        (fflush(loop->airlog) != 0 || ferror(loop->airlog) != 0)) {
        log_err("cannot write the air log: %s", strerror(errno));
        clearerr(loop->airlog);
        loop->failed = true;
    }
}

static void on_flush(uv_timer_t *timer)
{
    flush(timer->data);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct sim_loop *loop = signal->data;
    (void)number;
    loop->handlers.stop(loop->arg);
}

void sim_loop_init(struct sim_loop *loop, const struct clock *clock,
                   const struct sim_loop_handlers *handlers, void *arg)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    loop->clock = clock;
    loop->handlers = *handlers;
    loop->arg = arg;
    uv_loop_init(&loop->uv);
    uv_timer_init(&loop->uv, &loop->timer);
    uv_timer_init(&loop->uv, &loop->flusher);
    loop->timer.data = loop;
    loop->flusher.data = loop;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&loop->uv, &loop->signals[i]);
        loop->signals[i].data = loop;
        uv_signal_start(&loop->signals[i], on_signal, numbers[i]);
    }
    uv_timer_start(&loop->flusher, on_flush, FLUSH_MS, FLUSH_MS);
}

int sim_loop_open_airlog(struct sim_loop *loop, const char *path)
{
    if (path == NULL) {
        return FUO_OK;
    }
    loop->airlog = fopen(path, "we");
    if (loop->airlog == NULL) {
        log_err("%s: %s", path, strerror(errno));
        return FUO_EIO;
    }
    (void)setvbuf(loop->airlog, NULL, _IOFBF, AIRLOG_BUFFER);
    return FUO_OK;
}

void sim_loop_wake(struct sim_loop *loop, struct utc next)
{
    struct utc now = clock_utc(loop->clock);
    if (loop->stopping || next.us == INT64_MAX) {
        uv_timer_stop(&loop->timer);
        return;
    }
    int64_t wait_us =
        next.us <= now.us ? 0 : clock_wall_us(loop->clock, next.us - now.us);
    int64_t wait_ms =
        wait_us / 1000 >= WAIT_MAX_MS ? WAIT_MAX_MS : (wait_us + 999) / 1000;
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->timer, on_timer, (uint64_t)wait_ms, 0);
}

void sim_loop_run(struct sim_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
}

bool sim_loop_stop(struct sim_loop *loop)
{
    if (loop->stopping) {
        return false;
    }
    loop->stopping = true;
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->flusher, NULL);
    uv_close((uv_handle_t *)&loop->signals[0], NULL);
    uv_close((uv_handle_t *)&loop->signals[1], NULL);
    return true;
}

void sim_loop_finish(struct sim_loop *loop)
{
    flush(loop);
    if (loop->airlog != NULL) {
        (void)fclose(loop->airlog);
        loop->airlog = NULL;
    }
}
