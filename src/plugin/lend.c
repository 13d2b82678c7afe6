/* SPDX-License-Identifier: MIT */
#include "plugin/lend.h"

#include <string.h>

/* ---- the descriptor and the timer ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct lend *lend = poll->data;
    (void)status; /* what is wrong with it the plugin finds out */
    (void)events;
    lend->on_ready(lend->owner);
}

static void on_timer(uv_timer_t *timer)
{
    struct lend *lend = timer->data;
    lend->due_ms = 0;
    lend->on_ready(lend->owner);
}

int lend_open(struct lend *lend, const struct lend *template)
{
    *lend = (struct lend){
        .services = template->services,
        .arg = template->arg,
        .loop = template->loop,
        .on_ready = template->on_ready,
        .on_closed = template->on_closed,
        .owner = template->owner,
    };
    if (lend->loop == NULL) {
        return FUO_OK;
    }
    if (uv_timer_init(lend->loop, &lend->timer) != 0) {
        return FUO_ENOMEM;
    }
    lend->timer.data = lend;
    lend->opened = true;
    lend->open_count = 1;
    return FUO_OK;
}

void lend_stop(struct lend *lend)
{
    if (lend->watching) {
        uv_poll_stop(&lend->poll);
    }
    if (lend->opened) {
        uv_timer_stop(&lend->timer);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct lend *lend = handle->data;
    if (--lend->open_count == 0) {
        lend->on_closed(lend->owner);
    }
}

void lend_close(struct lend *lend)
{
    if (!lend->opened) {
        if (lend->on_closed != NULL) {
            lend->on_closed(lend->owner);
        }
        return;
    }
    if (lend->watching) {
        uv_close((uv_handle_t *)&lend->poll, on_handle_closed);
    }
    uv_close((uv_handle_t *)&lend->timer, on_handle_closed);
}

int lend_watch(struct lend *lend, int fd)
{
    if (!lend->opened) {
        return FUO_ENOTSUP;
    }
    if (lend->watching) {
        return FUO_EEXIST;
    }
    if (uv_poll_init(lend->loop, &lend->poll, fd) != 0) {
        return FUO_EINVAL;
    }
    lend->poll.data = lend;
    lend->watching = true;
    lend->open_count++;
    return uv_poll_start(&lend->poll, UV_READABLE, on_poll) == 0 ? FUO_OK : FUO_EIO;
}

void lend_wake_after(struct lend *lend, int64_t delay_us)
{
    if (!lend->opened) {
        return;
    }
    /* Never 0: libuv runs a timer that its own callback sets to now in the same turn. */
    uint64_t delay_ms = 1 + (delay_us > 0 ? (uint64_t)delay_us / 1000 : 0);
    uint64_t due_ms = uv_now(lend->loop) + delay_ms;
    if (lend->due_ms == 0 || due_ms < lend->due_ms) {
        lend->due_ms = due_ms;
        uv_timer_start(&lend->timer, on_timer, delay_ms, 0);
    }
}

/* ---- what the daemon knows ---- */

int64_t lend_now(const struct lend *lend)
{
    return lend->services != NULL ? lend->services->now(lend->arg) : 0;
}

void lend_random(const struct lend *lend, uint8_t *bytes, size_t len)
{
    memset(bytes, 0, len);
    if (lend->services != NULL) {
        lend->services->random(lend->arg, bytes, len);
    }
}

int lend_derive(const struct lend *lend, const char *text, uint8_t bytes[16])
{
    return lend->services != NULL ? lend->services->derive(lend->arg, text, bytes)
                                  : FUO_ENOTSUP;
}

int lend_find_device(const struct lend *lend, const char *name, uint64_t *dev_eui)
{
    return lend->services != NULL ? lend->services->find_device(lend->arg, name, dev_eui)
                                  : FUO_ENOTSUP;
}

int lend_device_key(const struct lend *lend, uint64_t dev_eui, uint8_t key[16])
{
    return lend->services != NULL ? lend->services->device_key(lend->arg, dev_eui, key)
                                  : FUO_ENOTSUP;
}

int lend_factory_key(const struct lend *lend, uint64_t dev_eui, uint8_t key[16])
{
    return lend->services != NULL ? lend->services->factory_key(lend->arg, dev_eui, key)
                                  : FUO_ENOTSUP;
}

int lend_image(const struct lend *lend, uint32_t image, const uint8_t **bytes,
               size_t *len)
{
    return lend->services != NULL ? lend->services->image(lend->arg, image, bytes, len)
                                  : FUO_ENOTSUP;
}
