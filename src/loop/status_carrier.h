/* SPDX-License-Identifier: MIT */
/*
 * status_carrier.h - carries status messages in place of a connection, see virtual.h.
 *
 * As the client of mqtt.h: what is taken (FUO_OK) is answered once, with its id, by
 * status_link_published(), never before publish() returns; FUO_EAGAIN: too much is waiting,
 * or the broker is away.
 */
#pragma once

#include "net/mqtt.h"

struct status_carrier {
    int (*publish)(void *arg, const struct mqtt_publish *publish);
    void *arg;
};
