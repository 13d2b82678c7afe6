/* SPDX-License-Identifier: MIT */
#include "net/mqtt_sync.h"

#include <stdlib.h>
#include <uv.h>

#include "io/cleanup.h"

struct mqtt_sync {
    uv_loop_t loop;
    uv_timer_t timer;
    struct mqtt_client *client;
    bool woken;
    bool late;
};

static void on_timer(uv_timer_t *timer)
{
    struct mqtt_sync *sync = timer->data;
    sync->late = true;
}

static void end(struct mqtt_sync *sync)
{
    uv_close((uv_handle_t *)&sync->timer, NULL);
    uv_run(&sync->loop, UV_RUN_DEFAULT);
    uv_loop_close(&sync->loop);
    free(sync);
}

int mqtt_sync_open(const struct mqtt_config *config, const struct mqtt_handlers *handlers,
                   void *arg, struct mqtt_sync **sync)
{
    struct mqtt_sync *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return FUO_ENOMEM;
    }
    if (uv_loop_init(&opened->loop) != 0) {
        free(opened);
        return FUO_ENOMEM;
    }
    uv_timer_init(&opened->loop, &opened->timer);
    opened->timer.data = opened;
    int err = mqtt_client_open(&opened->loop, config, handlers, arg, &opened->client);
    if (err != FUO_OK) {
        end(opened);
        return err;
    }
    *sync = opened;
    return FUO_OK;
}

void mqtt_sync_close(struct mqtt_sync *sync)
{
    if (sync != NULL) {
        mqtt_client_close(sync->client, NULL, NULL);
        end(sync);
    }
}

struct mqtt_client *mqtt_sync_client(const struct mqtt_sync *sync)
{
    return sync->client;
}

int mqtt_sync_wait(struct mqtt_sync *sync, int timeout_ms)
{
    sync->late = false;
    if (timeout_ms >= 0) {
        uv_update_time(&sync->loop);
        uv_timer_start(&sync->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    while (!sync->woken && !sync->late) {
        uv_run(&sync->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&sync->timer);
    bool woken = sync->woken;
    sync->woken = false;
    return woken ? FUO_OK : FUO_ETIMEDOUT;
}

void mqtt_sync_wake(struct mqtt_sync *sync)
{
    sync->woken = true;
}
