/* SPDX-License-Identifier: MIT */
/*
 * mqtt_sync.h - a connection to a broker for programs without a loop: it brings one, and
 * turns it while the caller waits.
 *
 * Handlers run inside mqtt_sync_wait() and nowhere else. One thread.
 */
#pragma once

#include "net/mqtt.h"

struct mqtt_sync;

/* As mqtt_client_open(); arg is the handlers'. */
FUO_MUST_CHECK int mqtt_sync_open(const struct mqtt_config *config,
                                  const struct mqtt_handlers *handlers, void *arg,
                                  struct mqtt_sync **sync);

/* Says goodbye, frees; no handler runs. Accepts NULL. */
void mqtt_sync_close(struct mqtt_sync *sync);

struct mqtt_client *mqtt_sync_client(const struct mqtt_sync *sync);

/*
 * Turn the loop until a handler calls mqtt_sync_wake(), or until timeout_ms are over (-1:
 * never). FUO_ETIMEDOUT: they are.
 */
FUO_MUST_CHECK int mqtt_sync_wait(struct mqtt_sync *sync, int timeout_ms);
void mqtt_sync_wake(struct mqtt_sync *sync);
