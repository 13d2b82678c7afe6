/* SPDX-License-Identifier: MIT */
/*
 * no_delay.h - small messages leave at once (TCP_NODELAY, tcp(7)).
 *
 * Without it a message waits while the one before it is not acknowledged, which the other side
 * may put off for 40 ms: two of them, and the receive window of a class A device is missed.
 * The MQTT library neither sets it nor shows its socket, so this looks at what the process has
 * open.
 */
#pragma once

#include <stddef.h>

/* Of every TCP connection of this process; how many did not have it before. */
size_t no_delay(void);
