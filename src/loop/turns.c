/* SPDX-License-Identifier: MIT */
#include "loop/turns.h"

#include "io/clock.h"

#define LOG_MODULE "loop"
#include "io/log.h"

enum {
    LOG_EVERY_MS = 60000,
};

static void report(struct turns *turns, int64_t turn_us)
{
    uint64_t now_ms = uv_now(turns->prepare.loop);
    if (turns->logged_count != 0 && now_ms - turns->logged_ms < LOG_EVERY_MS) {
        return;
    }
    log_info("a turn of the loop took long cpu_ms=%lld such_turns=%llu",
             (long long)(turn_us / 1000), (unsigned long long)turns->long_count);
    turns->logged_count = turns->long_count;
    turns->logged_ms = now_ms;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct turns *turns = prepare->data;
    int64_t now_us = clock_thread_cpu_us();
    int64_t turn_us = now_us - turns->since_us;
    turns->since_us = now_us;
    turns->count++;
    if (turn_us > turns->longest_us) {
        turns->longest_us = turn_us;
    }
    if (turn_us > TURN_LONG_US) {
        turns->long_count++;
        report(turns, turn_us);
    }
}

void turns_start(struct turns *turns, uv_loop_t *loop)
{
    *turns = (struct turns){.since_us = clock_thread_cpu_us()};
    uv_prepare_init(loop, &turns->prepare);
    turns->prepare.data = turns;
    uv_prepare_start(&turns->prepare, on_prepare);
    uv_unref((uv_handle_t *)&turns->prepare);
}

void turns_close(struct turns *turns)
{
    if (turns->prepare.data != NULL && !uv_is_closing((uv_handle_t *)&turns->prepare)) {
        uv_close((uv_handle_t *)&turns->prepare, NULL);
    }
}
