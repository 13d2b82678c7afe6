/* SPDX-License-Identifier: MIT */
/*
 * services.h - what the daemon lends to a plugin that is a server itself (host_services):
 * time, chance, names and keys of devices, images.
 *
 * Keys stay sealed in memory, as in the store, and are opened when one is asked for. They are
 * those of the start: devices that are imported later have theirs after a restart.
 */
#pragma once

#include "io/detail.h"
#include "plugin/host.h"

struct daemon;
struct fleet_entry;
struct services;

extern const struct host_services services_ops; /* with a struct services as arg */

/* Of a fleet; reads its keys if its plugin needs them. Before the loop runs. */
FUO_MUST_CHECK int services_open(struct daemon *d, const struct fleet_entry *fleet,
                                 struct services **services, struct detail *detail);
void services_close(struct services *services); /* accepts NULL */
