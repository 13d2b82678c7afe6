/* SPDX-License-Identifier: MIT */
/*
 * services.h - what the daemon lends to a plugin that is a server itself (host_services):
 * time, chance, names and keys of devices, images.
 *
 * Keys stay sealed in memory, as in the store, and are opened when one is asked for. Names are
 * found by their hash: whoever registers, known or not, costs the same in a fleet of any size.
 */
#pragma once

#include "io/detail.h"
#include "plugin/host.h"
#include "store/store.h"

struct daemon;
struct fleet_entry;
struct services;

extern const struct host_services services_ops; /* with a struct services as arg */

/* Of a fleet; reads its keys if its plugin needs them. Before the loop runs. */
FUO_MUST_CHECK int services_open(struct daemon *d, const struct fleet_entry *fleet,
                                 struct services **services, struct detail *detail);

/* A device that was imported; a key that it has not it has no more. */
struct services_import {
    uint64_t dev_eui;
    bool has_key[STORE_DEVICE_KEYS];
    struct store_sealed_key key[STORE_DEVICE_KEYS];
};

/* The fleet's inventory is another one now, and these devices are what is new in it. */
void services_imported(struct services *services, const struct services_import *devices,
                       size_t count);
void services_close(struct services *services); /* accepts NULL */
