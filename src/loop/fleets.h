/* SPDX-License-Identifier: MIT */
/*
 * fleets.h - the folders of the daemon: fleets with their inventories, trust policies, device
 * profiles.
 *
 * Loads and checks everything before anything runs; all problems are reported at once. The
 * inventory kept here has no keys: they go into the store sealed and are wiped.
 * Opens no connection: fleet_link.h does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/daemon.h"
#include "config/device_profile.h"
#include "config/diag.h"
#include "config/fleet.h"
#include "config/inventory.h"
#include "image/trust.h"
#include "plugin/loader.h"

struct trust_entry {
    char name[SPEC_NAME_SIZE];
    struct trust_policy policy;
};

struct fleet_entry {
    struct fleet_doc *doc; /* owned */
    const struct trust_entry *trust;
    const struct profile *profile; /* of devices that name none */
    struct loaded_plugin plugin;
    void *plugin_config;         /* owned */
    struct inventory inventory;  /* with keys until fleets_forget_keys() */
    struct inventory listed;     /* its part that is of files; empty if that is all */
    struct server_state *server; /* scan.c's; NULL: nothing is known */
    uint32_t id;                 /* of the store; 0: not given yet */
    struct fuo_host *host;       /* NULL: not connected; fleet_link.c's, as the next */
    struct fleet_link *link;
};

struct fleets {
    struct fleet_entry *items;
    size_t count;
    struct trust_entry *trusts;
    size_t trust_count;
    struct device_profile_doc **profiles; /* of the daemon's folder */
    size_t profile_count;
};

/*
 * Reads the folders that the daemon's file names. plugin_folders: where plugins are looked
 * for, in that order, ends with NULL. FUO_EINVAL: everything wrong is in diags.
 */
FUO_MUST_CHECK int fleets_load(struct daemon_doc *daemon,
                               const char *const *plugin_folders, struct fleets *fleets,
                               struct diag_list *diags);

/* Replace the inventories by copies without keys, and wipe the originals. The copies still
 * say which devices have some. */
void fleets_forget_keys(struct fleets *fleets);

/* Hosts must be closed before. Accepts a zeroed one. */
void fleets_finish(struct fleets *fleets);

/* NULL if there is none. */
struct fleet_entry *fleets_by_name(const struct fleets *fleets, const char *name);
struct fleet_entry *fleets_by_id(const struct fleets *fleets, uint32_t id);

/* A profile of the daemon's folder, else a shipped one; NULL if there is none. */
const struct profile *fleets_profile(const struct fleets *fleets, const char *name);

/* The name of a device in its fleet's inventory; NULL if it is in none. */
const struct inventory_device *fleets_device(const struct fleets *fleets,
                                             uint64_t dev_eui,
                                             const struct fleet_entry **fleet);
