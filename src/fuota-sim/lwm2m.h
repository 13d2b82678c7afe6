/* SPDX-License-Identifier: MIT */
/*
 * lwm2m.h - fuota-sim --dialect lwm2m: devices that register with an LwM2M server over CoAP,
 * each from a socket of its own (sim/lwm2m_client.h), on one libuv loop.
 *
 * There is no network in between but the loss that is asked for. Time is virtual, but for
 * the retransmission of CoAP and the patience of downloads: those are of the wall, as the
 * server's are.
 */
#pragma once

#include "fuota-sim/options.h"

enum {
    LWM2M_KEY_BYTES = 16,
};

/* Until SIGTERM or SIGINT. The exit code of the program. */
int lwm2m_main(const struct sim_options *options);

/* CSV as fuotad imports it, mode 0600: it holds keys. FUO_EIO, see errno. */
FUO_MUST_CHECK int lwm2m_inventory_write(const char *path,
                                         const struct sim_options *options);

/* The key of a device, by its number from 0 on: of the inventory's app_key, and of DTLS. */
void lwm2m_key(const struct sim_options *options, size_t device,
               uint8_t key[LWM2M_KEY_BYTES]);
