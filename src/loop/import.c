/* SPDX-License-Identifier: MIT */
/*
 * import.c - devices of a CSV file are added to the inventory of a fleet, all or none.
 *
 * The file is read, and its keys are sealed, on another thread; nothing of the daemon that
 * it looks at changes meanwhile, as only one import is under way. The inventory and the
 * engine learn of the devices when they are on disk. A device that the file of a fleet names
 * is not imported: the file would win at the next start. Devices that go (import_remove.c)
 * take the same way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "io/cleanup.h"
#include "loop/import_internal.h"
#include "loop/render.h"
#include "loop/services.h"
#include "loop/xalloc.h"

#define LOG_MODULE "import"
#include "io/log.h"

enum {
    ROWS_MAX_BYTES =
        STORE_BATCH_MAX_BYTES / 4 * 3, /* the rest is for what comes with it */
};

void import_free(struct import *import)
{
    if (import == NULL) {
        return;
    }
    if (import->bytes != NULL) {
        explicit_bzero(import->bytes, import->len);
    }
    free(import->bytes);
    inventory_finish(&import->merged);
    arena_finish(&import->arena);
    store_batch_finish(&import->rows);
    free(import->keys);
    diag_list_finish(&import->diags);
    ctl_error_finish(&import->error);
    json_object_put(import->params);
    free(import);
}

const char *import_file_name(const struct import *import)
{
    const char *file = ctl_text(import->params, "file");
    return file != NULL ? file : "devices.csv";
}

/* ---- on another thread ---- */

static void complain(struct import *import, const struct inventory_device *device,
                     const char *path, const char *text)
{
    const struct diag_place place = {.file = import_file_name(import),
                                     .line = device->line,
                                     .column = 1,
                                     .path = path};
    diag_error(&import->diags, &place, "%s", text);
}

static void check_device(struct import *import, const struct inventory_device *device)
{
    const struct fleets *fleets = &import->d->fleets;
    const struct fleet_entry *fleet = NULL;
    const struct inventory_device *known = fleets_device(fleets, device->dev_eui, &fleet);
    char text[256];
    if (device->profile != NULL && fleets_profile(fleets, device->profile) == NULL) {
        snprintf(text, sizeof(text),
                 "there is no device profile '%.60s': give a shipped one (see "
                 "fuotad-device-profile(5)), or add its file to the daemon's "
                 "spec.profiles",
                 device->profile);
        complain(import, device, "profile", text);
    }
    if (known != NULL && (fleet != import->fleet || !known->imported)) {
        snprintf(text, sizeof(text), "the device is in %s fleet '%.64s': %s",
                 known->imported ? "" : "the inventory file of", fleet->doc->spec.name,
                 known->imported ? "import it there" : "change it there");
        complain(import, device, "dev_eui", text);
    }
    import->added += known == NULL;
}

static void seal_keys(const struct import *import, const struct inventory_device *device,
                      struct services_import *sealed)
{
    const uint8_t *keys[] = {
        [STORE_APP_KEY] = device->has_app_key ? device->app_key : NULL,
        [STORE_GEN_APP_KEY] = device->has_gen_app_key ? device->gen_app_key : NULL};
    sealed->dev_eui = device->dev_eui;
    for (int which = 0; which < STORE_DEVICE_KEYS; which++) {
        sealed->key[which].dev_eui = device->dev_eui;
        sealed->has_key[which] = keys[which] != NULL;
        if (keys[which] != NULL) {
            store_seal_device_key(import->d->store, (enum store_device_key)which,
                                  keys[which], &sealed->key[which]);
        }
    }
}

/* As they are kept: without keys, and marked. */
static void take_devices(struct import *import, struct inventory *file)
{
    struct inventory_device *devices =
        arena_array(&file->arena, file->count, sizeof(*devices));
    import->keys = xcalloc(file->count + 1, sizeof(*import->keys));
    for (size_t i = 0; i < file->count; i++) {
        seal_keys(import, &file->devices[i], &import->keys[i]);
        devices[i] = file->devices[i];
        devices[i].imported = true;
        inventory_put(&import->rows, import->d->store, import->fleet->doc->spec.name,
                      file, &devices[i]);
    }
    file->devices = devices;
    inventory_merge(&import->fleet->inventory, file, &import->merged);
    import->devices = file->count;
}

static void on_work(uv_work_t *work)
{
    struct import *import = work->data;
    struct inventory file;
    if (import->removes) {
        import_remove_read(import);
        return;
    }
    if (inventory_parse(import_file_name(import), import->bytes, import->len, &file,
                        &import->diags) != FUO_OK) {
        return;
    }
    for (size_t i = 0; i < file.count; i++) {
        check_device(import, &file.devices[i]);
    }
    if (import->diags.error_count == 0) {
        take_devices(import, &file);
    }
    inventory_finish(&file);
}

/* ---- on the loop ---- */

int import_fail(struct import *import, enum ctl_code code)
{
    diag_list_sort(&import->diags);
    import->error.errors = diag_list_json(&import->diags);
    return ctl_fail(&import->error, code, "no device was %s: %zu problem%s",
                    import->removes ? "removed" : "imported", import->diags.error_count,
                    import->diags.error_count == 1 ? "" : "s");
}

static int check_bounds(struct import *import)
{
    const struct inventory *merged = &import->merged;
    if (import->diags.error_count > 0) {
        return import_fail(import, CTL_INVALID);
    }
    if (import->devices == 0) {
        return ctl_fail(&import->error, CTL_INVALID, "%s has no devices",
                        import_file_name(import));
    }
    if (merged->count > INVENTORY_DEVICES_MAX ||
        merged->label_count > INVENTORY_COLUMNS_MAX) {
        return ctl_fail(&import->error, CTL_DOES_NOT_FIT,
                        "the fleet would have %zu devices and %zu labels; at most %d and "
                        "%d are possible",
                        merged->count, merged->label_count, INVENTORY_DEVICES_MAX,
                        INVENTORY_COLUMNS_MAX);
    }
    if (import->rows.err != FUO_OK || import->rows.len > ROWS_MAX_BYTES) {
        return ctl_fail(&import->error, CTL_DOES_NOT_FIT,
                        "too many devices at once: split the file");
    }
    return CTL_DONE;
}

/* Of a device that was in another fleet the engine still knows that. */
static int check_engine(struct import *import)
{
    struct daemon *d = import->d;
    for (size_t i = 0; i < import->merged.count; i++) {
        const struct device_rec *rec =
            engine_device(d->engine, import->merged.devices[i].dev_eui);
        if (rec != NULL && rec->fleet_id != import->fleet->id) {
            return ctl_fail(&import->error, CTL_CONFLICT,
                            "device %016llx was in another fleet: restart fuotad first",
                            (unsigned long long)rec->dev_eui);
        }
    }
    return CTL_DONE;
}

static int check_store(struct import *import)
{
    struct daemon *d = import->d;
    if (driver_is_down(d->driver) || d->draining || commit_waiters_full(d)) {
        return ctl_fail(&import->error, CTL_INTERNAL,
                        "nothing can be stored now; try again later");
    }
    return CTL_DONE;
}

static void note(const struct import *import)
{
    char detail[64];
    size_t len = (size_t)snprintf(detail, sizeof(detail), "devices=%zu", import->devices);
    if (!import->removes) {
        snprintf(detail + len, sizeof(detail) - len, " added=%zu", import->added);
    }
    struct audit_action action = {
        .action = ctl_method_name(import->removes ? CTL_REMOVE : CTL_IMPORT),
        .object = import->fleet->doc->spec.name,
        .reason = ctl_text(import->params, "reason"),
        .detail = detail,
        .no_campaign = true,
    };
    audit_note(import->d, import->connection, &action);
}

/* Takes the import. */
static void submit(struct import *import)
{
    struct daemon *d = import->d;
    d->removing = import->removes;
    store_batch_append(&d->rows, &import->rows);
    note(import);
    commit_wait(d, import->connection, import->request_id)->import = import;
    driver_flush(d->driver);
}

static void on_looked(uv_work_t *work, int status)
{
    struct import *import = work->data;
    struct daemon *d = import->d;
    (void)status; /* it is never cancelled */
    int code = import->removes ? import_remove_check(import) : check_bounds(import);
    if (code == CTL_DONE && !import->removes) {
        code = check_engine(import);
    }
    if (code == CTL_DONE) {
        code = check_store(import);
    }
    if (code == CTL_DONE && d->running) {
        submit(import);
        return;
    }
    d->importing = false;
    if (d->running) {
        method_refuse(d, import->connection, import->request_id, &import->error);
    }
    import_free(import);
}

void import_tell_engine(struct daemon *d, const struct fleet_entry *fleet)
{
    for (size_t i = 0; i < fleet->inventory.count; i++) {
        const struct inventory_device *device = &fleet->inventory.devices[i];
        const struct device_rec rec = {.dev_eui = device->dev_eui, .fleet_id = fleet->id};
        const struct profile *profile =
            device->profile != NULL ? fleets_profile(&d->fleets, device->profile) : NULL;
        if (!device->imported) {
            continue;
        }
        int err = engine_add_device(d->engine, &rec);
        if (err == FUO_OK || err == FUO_EEXIST) {
            err = engine_set_profile(d->engine, device->dev_eui, profile);
        }
        if (err == FUO_OK) {
            err =
                engine_set_maintenance(d->engine, device->dev_eui,
                                       inventory_maintenance(&fleet->inventory, device));
        }
        if (err != FUO_OK) {
            log_err("device is not known before a restart device=%016llx error=%s",
                    (unsigned long long)device->dev_eui, fuo_strerror(err));
        }
    }
}

static void install(struct daemon *d, struct import *import)
{
    struct fleet_entry *fleet = import->fleet;
    inventory_finish(&fleet->inventory);
    fleet->inventory = import->merged;
    import->merged = (struct inventory){0};
    fleet_link_imported(fleet, import->keys, import->devices);
    if (import->removes) {
        log_info("devices removed fleet=%s devices=%zu", fleet->doc->spec.name,
                 import->devices);
        return;
    }
    import_tell_engine(d, fleet);
    log_info("devices imported fleet=%s devices=%zu added=%zu", fleet->doc->spec.name,
             import->devices, import->added);
}

void import_stored(struct daemon *d, struct waiter *waiter, int err)
{
    struct import *import = TAKE(waiter->import);
    d->importing = false;
    d->removing = false;
    if (err == FUO_OK) {
        install(d, import);
        struct json_object *data = json_object_new_object();
        render_add_text(data, "fleet", import->fleet->doc->spec.name);
        render_add_int(data, "devices", (int64_t)import->devices);
        if (!import->removes) {
            render_add_int(data, "added", (int64_t)import->added);
            render_add_int(data, "replaced", (int64_t)(import->devices - import->added));
        }
        method_reply(d, waiter->connection, waiter->request_id, data);
    } else {
        ctl_fail(&import->error, CTL_INTERNAL, "no device was %s: %s",
                 import->removes ? "removed" : "imported", fuo_strerror(err));
        method_refuse(d, waiter->connection, waiter->request_id, &import->error);
    }
    import_free(import);
}

/* ---- the request ---- */

static int find_fleet(struct import *import)
{
    struct fleets *fleets = &import->d->fleets;
    const char *name = ctl_text(import->params, "fleet");
    if (name == NULL && fleets->count != 1) {
        return ctl_fail(&import->error, CTL_USAGE,
                        "there are %zu fleets: say which one with --fleet",
                        fleets->count);
    }
    import->fleet = name != NULL ? fleets_by_name(fleets, name) : &fleets->items[0];
    if (import->fleet == NULL) {
        return ctl_fail(&import->error, CTL_NOT_FOUND, "there is no fleet '%.64s'", name);
    }
    if (import->fleet->doc->inventory_source != FLEET_INVENTORY_FILE) {
        return ctl_fail(&import->error, CTL_CONFLICT,
                        "the devices of fleet '%s' come from its network server: %s "
                        "them there%s",
                        import->fleet->doc->spec.name, import->removes ? "delete" : "add",
                        import->fleet->doc->inventory_source == FLEET_INVENTORY_BOTH
                            ? ", or in its inventory file"
                            : "");
    }
    return CTL_DONE;
}

/* Out of the uploads: it holds keys. */
static int take_file(struct import *import)
{
    struct uploads *uploads = import->d->uploads;
    char digest[CTL_DIGEST_SIZE];
    if (ctl_digest_text(ctl_text(import->params, "digest"), digest) != FUO_OK) {
        return ctl_fail(&import->error, CTL_USAGE, "params need the digest of the file");
    }
    const uint8_t *bytes = uploads_find(uploads, digest, &import->len);
    if (bytes == NULL) {
        return ctl_fail(&import->error, CTL_NOT_FOUND,
                        "the file has not been uploaded, or not all of it");
    }
    import->bytes = xcalloc(import->len + 1, 1);
    memcpy(import->bytes, bytes, import->len);
    uploads_drop(uploads, digest);
    return CTL_DONE;
}

static int begin(struct import *import)
{
    struct daemon *d = import->d;
    int code = take_file(import);
    if (code == CTL_DONE) {
        code = find_fleet(import);
    }
    if (code == CTL_DONE && (d->importing || !d->running)) {
        code = ctl_fail(&import->error, CTL_INTERNAL,
                        "another file is being imported; try again");
    }
    if (code == CTL_DONE &&
        uv_queue_work(d->loop, &import->work, on_work, on_looked) != 0) {
        code = ctl_fail(&import->error, CTL_INTERNAL, "no thread to read the file");
    }
    d->importing |= code == CTL_DONE;
    return code;
}

void import_request(struct daemon *d, uint64_t connection, struct ctl_request *request)
{
    struct import *import = xcalloc(1, sizeof(*import));
    import->d = d;
    import->connection = connection;
    import->request_id = request->id;
    import->removes = request->method == CTL_REMOVE;
    import->params = json_object_get(request->params);
    import->work.data = import;
    if (begin(import) != CTL_DONE) {
        method_refuse(d, connection, request->id, &import->error);
        import_free(import);
    }
}
