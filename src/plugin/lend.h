/* SPDX-License-Identifier: MIT */
/*
 * lend.h - what the host lends to a plugin that is a server itself (fuo_ns_plugin.order): a
 * watch on its descriptor, a timer, and what the daemon knows of devices and images.
 *
 * Belongs to host.c, which closes it as one of its parts. The services are the daemon's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "plugin/host.h"

struct lend {
    const struct host_services *services; /* NULL: none */
    void *arg;
    uv_loop_t *loop; /* NULL: there is none, and so nothing is watched */
    uv_poll_t poll;
    uv_timer_t timer;
    uint64_t due_ms; /* of the timer; 0: not set */
    bool opened;     /* the timer is initialised */
    bool watching;   /* the poll is, too */
    int open_count;  /* handles that are not closed yet */
    void (*on_ready)(void *arg);
    void (*on_closed)(void *arg);
    void *owner; /* of these two */
};

/* Copies what *template has of its first three members and of the last three. */
FUO_MUST_CHECK int lend_open(struct lend *lend, const struct lend *template);
/* Nothing is watched any more. */
void lend_stop(struct lend *lend);
/* on_closed() follows, perhaps at once. */
void lend_close(struct lend *lend);

/* The functions of fuo_host_ops. */
FUO_MUST_CHECK int lend_watch(struct lend *lend, int fd);
void lend_wake_after(struct lend *lend, int64_t delay_us);
int64_t lend_now(const struct lend *lend);
void lend_random(const struct lend *lend, uint8_t *bytes, size_t len);
FUO_MUST_CHECK int lend_derive(const struct lend *lend, const char *text,
                               uint8_t bytes[16]);
FUO_MUST_CHECK int lend_find_device(const struct lend *lend, const char *name,
                                    uint64_t *dev_eui);
FUO_MUST_CHECK int lend_device_key(const struct lend *lend, uint64_t dev_eui,
                                   uint8_t key[16]);
FUO_MUST_CHECK int lend_factory_key(const struct lend *lend, uint64_t dev_eui,
                                    uint8_t key[16]);
FUO_MUST_CHECK int lend_image(const struct lend *lend, uint32_t image,
                              const uint8_t **bytes, size_t *len);
