/* SPDX-License-Identifier: MIT */
#include "loop/fleets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/plugin_options.h"
#include "config/trust_policy.h"
#include "io/cleanup.h"
#include "io/file.h"
#include "loop/folder.h"
#include "loop/xalloc.h"
#include "profile/shipped.h"
#include "radio/region.h"

enum {
    PATH_SIZE = 4096,
};

/* ---- trust policies ---- */

struct trust_loader {
    struct fleets *fleets;
    struct diag_list *diags;
};

static void load_key(struct trust_policy_doc *doc, size_t i, struct trust_policy *policy,
                     struct diag_list *diags)
{
    const struct trust_policy_key *key = &doc->keys[i];
    const char *path = config_path(&doc->doc, key->file);
    char where[64];
    snprintf(where, sizeof(where), "spec.keys[%zu].file", i);
    struct diag_place place = config_place(&doc->doc, where);
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    struct trust_key read = {
        .not_before = {key->not_before_us},
        .not_after = {key->not_after_us},
    };
    if (file_read(path, MINISIGN_KEY_TEXT_MAX, &bytes, &len) != FUO_OK) {
        diag_error(diags, &place, "cannot read %s", path);
    } else if (minisign_public_parse((const char *)bytes, len, &read.key) != FUO_OK) {
        diag_error(diags, &place, "%s is not a minisign public key", path);
    } else {
        policy->keys[policy->key_count++] = read;
    }
}

static void load_trust(void *arg, const char *path)
{
    struct trust_loader *loader = arg;
    struct trust_policy_doc *doc = NULL;
    if (trust_policy_load(path, &doc, loader->diags) != FUO_OK) {
        return;
    }
    struct fleets *fleets = loader->fleets;
    fleets->trusts =
        xrealloc(fleets->trusts, fleets->trust_count + 1, sizeof(*fleets->trusts));
    struct trust_entry *entry = &fleets->trusts[fleets->trust_count++];
    *entry = (struct trust_entry){
        .policy = {.threshold = doc->threshold,
                   .require_metadata = doc->require_metadata,
                   .allow_downgrade = doc->downgrade == TRUST_POLICY_ALLOW},
    };
    memcpy(entry->name, doc->name, sizeof(entry->name));
    if (doc->product != NULL) {
        snprintf(entry->policy.product, sizeof(entry->policy.product), "%s",
                 doc->product);
    }
    if (doc->key_count > TRUST_KEYS_MAX) {
        struct diag_place place = config_place(&doc->doc, "spec.keys");
        diag_error(loader->diags, &place, "at most %d keys", TRUST_KEYS_MAX);
    } else {
        for (size_t i = 0; i < doc->key_count; i++) {
            load_key(doc, i, &entry->policy, loader->diags);
        }
    }
    trust_policy_doc_destroy(doc);
}

static const struct trust_entry *find_trust(const struct fleets *fleets, const char *name)
{
    for (size_t i = 0; i < fleets->trust_count; i++) {
        if (strcmp(fleets->trusts[i].name, name) == 0) {
            return &fleets->trusts[i];
        }
    }
    return NULL;
}

/* ---- device profiles ---- */

struct profile_loader {
    struct fleets *fleets;
    struct diag_list *diags;
};

static const struct device_profile_doc *find_own(const struct fleets *fleets,
                                                 const char *name)
{
    for (size_t i = 0; i < fleets->profile_count; i++) {
        if (strcmp(fleets->profiles[i]->profile.name, name) == 0) {
            return fleets->profiles[i];
        }
    }
    return NULL;
}

static void load_profile(void *arg, const char *path)
{
    struct profile_loader *loader = arg;
    struct fleets *fleets = loader->fleets;
    struct device_profile_doc *doc = NULL;
    if (device_profile_load(path, &doc, loader->diags) != FUO_OK) {
        return;
    }
    if (find_own(fleets, doc->profile.name) != NULL) {
        struct diag_place place = config_place(&doc->doc, "metadata.name");
        diag_error(loader->diags, &place, "another file has a profile '%s' too",
                   doc->profile.name);
    }
    fleets->profiles = xrealloc(fleets->profiles, fleets->profile_count + 1,
                                sizeof(struct device_profile_doc *));
    fleets->profiles[fleets->profile_count++] = doc;
}

/* The folder need not be there: most use none but the shipped ones. */
static void load_profiles(struct fleets *fleets, const char *folder,
                          struct diag_list *diags)
{
    struct profile_loader loader = {.fleets = fleets, .diags = diags};
    if (access(folder, F_OK) == 0 || errno != ENOENT) {
        folder_each_yaml(folder, diags, load_profile, &loader);
    }
}

const struct profile *fleets_profile(const struct fleets *fleets, const char *name)
{
    const struct device_profile_doc *own = find_own(fleets, name);
    return own != NULL ? &own->profile : profile_shipped(name);
}

static void complain_of_profile(struct diag_list *diags, const struct diag_place *place,
                                const char *name)
{
    diag_error(diags, place,
               "there is no device profile '%s': give a shipped one (see "
               "fuotad-device-profile(5)), or add its file to the daemon's spec.profiles",
               name);
}

/* ---- fleets ---- */

struct fleet_loader {
    struct fleets *fleets;
    struct diag_list *diags;
    const char *const *plugin_folders;
};

/* In FOLDER, where installed, or in FOLDER/NAME, where built. */
static int find_plugin(const char *const *folders, const char *name,
                       struct loaded_plugin *plugin, char *why, size_t why_size)
{
    int err = FUO_ENOENT;
    for (size_t i = 0; err == FUO_ENOENT && folders[i] != NULL; i++) {
        char inner[PATH_SIZE];
        snprintf(inner, sizeof(inner), "%s/%s", folders[i], name);
        err = plugin_load(inner, name, plugin, why, why_size);
        if (err == FUO_ENOENT) {
            err = plugin_load(folders[i], name, plugin, why, why_size);
        }
    }
    return err;
}

static void load_plugin(struct fleet_loader *loader, struct fleet_entry *entry)
{
    struct fleet_doc *doc = entry->doc;
    char why[256] = "no folder to look in";
    int err = find_plugin(loader->plugin_folders, doc->plugin, &entry->plugin, why,
                          sizeof(why));
    if (err != FUO_OK) {
        struct diag_place place = config_place(&doc->doc, "spec.networkServer.plugin");
        diag_error(loader->diags, &place, "plugin '%s': %s", doc->plugin, why);
        return;
    }
    const struct fuo_ns_plugin *plugin = &entry->plugin.plugin;
    entry->plugin_config = xcalloc(1, plugin->config_size + 1);
    /* What is wrong is in diags; the caller counts them. */
    (void)!plugin_options_decode(plugin->options, doc, entry->plugin_config,
                                 loader->diags);
}

static void load_inventory(struct fleet_loader *loader, struct fleet_entry *entry)
{
    struct fleet_doc *doc = entry->doc;
    const struct fuo_ns_plugin *plugin = &entry->plugin.plugin;
    bool served = doc->inventory_source != FLEET_INVENTORY_FILE;
    if (served && plugin->name != NULL && plugin->inventory == NULL) {
        struct diag_place place = config_place(&doc->doc, "spec.inventory.source");
        diag_error(loader->diags, &place,
                   "the plugin '%s' cannot list devices; give a file, and source file",
                   doc->plugin);
    }
    if (doc->inventory_file == NULL) {
        return;
    }
    const char *path = config_path(&doc->doc, doc->inventory_file);
    (void)!inventory_load(path, &entry->inventory, loader->diags);
    for (size_t i = 0; i < entry->inventory.count; i++) {
        const struct inventory_device *device = &entry->inventory.devices[i];
        if (device->profile != NULL &&
            fleets_profile(loader->fleets, device->profile) == NULL) {
            struct diag_place place = {.file = path, .line = device->line};
            complain_of_profile(loader->diags, &place, device->profile);
        }
    }
}

static void check_fleet(struct fleet_loader *loader, struct fleet_entry *entry)
{
    struct fleet_doc *doc = entry->doc;
    struct diag_place place = config_place(&doc->doc, "metadata.name");
    if (fleets_by_name(loader->fleets, doc->spec.name) != entry) {
        diag_error(loader->diags, &place, "another file has a fleet '%s' too",
                   doc->spec.name);
    }
    entry->trust = find_trust(loader->fleets, doc->trust_policy);
    if (entry->trust == NULL) {
        place = config_place(&doc->doc, "spec.trustPolicy");
        diag_error(loader->diags, &place, "there is no TrustPolicy '%s'",
                   doc->trust_policy);
    }
    if (region_by_name(doc->spec.region) == NULL) {
        place = config_place(&doc->doc, "spec.region");
        diag_error(loader->diags, &place, "unknown region '%s'", doc->spec.region);
    }
    entry->profile = fleets_profile(loader->fleets, doc->spec.default_profile);
    if (entry->profile == NULL) {
        place = config_place(&doc->doc, "spec.profiles.default");
        complain_of_profile(loader->diags, &place, doc->spec.default_profile);
    }
}

static void load_fleet(void *arg, const char *path)
{
    struct fleet_loader *loader = arg;
    struct fleets *fleets = loader->fleets;
    struct fleet_doc *doc = NULL;
    if (fleet_load(path, &doc, loader->diags) != FUO_OK) {
        return;
    }
    config_unsupported(&doc->doc, loader->diags);
    fleets->items = xrealloc(fleets->items, fleets->count + 1, sizeof(*fleets->items));
    struct fleet_entry *entry = &fleets->items[fleets->count++];
    *entry = (struct fleet_entry){.doc = doc};
    check_fleet(loader, entry);
    load_plugin(loader, entry);
    load_inventory(loader, entry);
}

/* A device belongs to one fleet. Both lists are sorted. */
static void check_overlap(const struct fleet_entry *a, struct fleet_entry *b,
                          struct diag_list *diags)
{
    for (size_t i = 0; i < b->inventory.count; i++) {
        const struct inventory_device *device = &b->inventory.devices[i];
        if (inventory_find(&a->inventory, device->dev_eui) == NULL) {
            continue;
        }
        struct diag_place place = {
            .file = config_path(&b->doc->doc, b->doc->inventory_file),
            .line = device->line,
        };
        diag_error(diags, &place, "device %016llx is in fleet '%s' too",
                   (unsigned long long)device->dev_eui, a->doc->spec.name);
    }
}

int fleets_load(struct daemon_doc *daemon, const char *const *plugin_folders,
                struct fleets *fleets, struct diag_list *diags)
{
    load_profiles(fleets, config_path(&daemon->doc, daemon->profiles), diags);
    struct trust_loader trust_loader = {.fleets = fleets, .diags = diags};
    folder_each_yaml(config_path(&daemon->doc, daemon->trust), diags, load_trust,
                     &trust_loader);
    struct fleet_loader loader = {
        .fleets = fleets,
        .diags = diags,
        .plugin_folders = plugin_folders,
    };
    folder_each_yaml(config_path(&daemon->doc, daemon->fleets), diags, load_fleet,
                     &loader);
    for (size_t i = 1; i < fleets->count; i++) {
        for (size_t k = 0; k < i; k++) {
            check_overlap(&fleets->items[k], &fleets->items[i], diags);
        }
    }
    return diags->error_count == 0 ? FUO_OK : FUO_EINVAL;
}

void fleets_finish(struct fleets *fleets)
{
    for (size_t i = 0; i < fleets->count; i++) {
        struct fleet_entry *entry = &fleets->items[i];
        inventory_finish(&entry->inventory);
        inventory_finish(&entry->listed);
        free(entry->plugin_config);
        plugin_unload(&entry->plugin);
        fleet_doc_destroy(entry->doc);
    }
    for (size_t i = 0; i < fleets->profile_count; i++) {
        device_profile_doc_destroy(fleets->profiles[i]);
    }
    free(fleets->items);
    free(fleets->trusts);
    free(fleets->profiles);
    *fleets = (struct fleets){0};
}

/* ---- inventories without keys ---- */

void fleets_forget_keys(struct fleets *fleets)
{
    for (size_t i = 0; i < fleets->count; i++) {
        struct inventory copy;
        inventory_merge(&fleets->items[i].inventory, &(struct inventory){0}, &copy);
        inventory_finish(&fleets->items[i].inventory);
        fleets->items[i].inventory = copy;
    }
}

/* ---- look-ups ---- */

struct fleet_entry *fleets_by_name(const struct fleets *fleets, const char *name)
{
    for (size_t i = 0; i < fleets->count; i++) {
        if (strcmp(fleets->items[i].doc->spec.name, name) == 0) {
            return &fleets->items[i];
        }
    }
    return NULL;
}

struct fleet_entry *fleets_by_id(const struct fleets *fleets, uint32_t id)
{
    for (size_t i = 0; i < fleets->count; i++) {
        if (fleets->items[i].id == id) {
            return &fleets->items[i];
        }
    }
    return NULL;
}

const struct inventory_device *fleets_device(const struct fleets *fleets,
                                             uint64_t dev_eui,
                                             const struct fleet_entry **fleet)
{
    for (size_t i = 0; i < fleets->count; i++) {
        const struct inventory_device *device =
            inventory_find(&fleets->items[i].inventory, dev_eui);
        if (device != NULL) {
            *fleet = &fleets->items[i];
            return device;
        }
    }
    return NULL;
}
