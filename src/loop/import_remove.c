/* SPDX-License-Identifier: MIT */
/*
 * import_remove.c - devices that were imported go out of the inventory, all of a list or none.
 *
 * Their keys are deleted with them. What campaigns that are over tell of them stays: the
 * engine keeps their records. A device that the file of a fleet names is not removed, as it
 * would be back at the next start; nor one that a campaign under way has, as its set-up may
 * need the keys.
 */
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "loop/import_internal.h"
#include "loop/services.h"
#include "loop/xalloc.h"

static void complain(struct import *import, uint64_t dev_eui, const char *text)
{
    char eui[EUI_TEXT_SIZE];
    const struct diag_place place = {.file = import_file_name(import),
                                     .path = eui_format(dev_eui, eui)};
    diag_error(&import->diags, &place, "%s", text);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A list may well name a device twice: it goes once. */
static void take_list(struct import *import, const struct eui_list *list)
{
    import->gone = arena_array(&import->arena, list->count + 1, sizeof(*import->gone));
    if (list->count > 0) {
        memcpy(import->gone, list->items, list->count * sizeof(*list->items));
        qsort(import->gone, list->count, sizeof(*import->gone), compare);
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t kept = import->devices;
        if (kept == 0 || import->gone[i] != import->gone[kept - 1]) {
            import->gone[import->devices++] = import->gone[i];
        }
    }
    import->keys = xcalloc(import->devices + 1, sizeof(*import->keys));
    for (size_t i = 0; i < import->devices; i++) {
        import->keys[i].dev_eui = import->gone[i]; /* it has none any more */
    }
}

void import_remove_read(struct import *import)
{
    struct eui_list list = {0};
    if (device_list_parse(import_file_name(import), import->bytes, import->len,
                          &import->arena, &list, &import->diags) == FUO_OK) {
        take_list(import, &list);
        inventory_without(&import->fleet->inventory, import->gone, import->devices,
                          &import->merged);
    }
}

/* ---- on the loop ---- */

/* The campaign under way that has not ended with it; NULL: none. */
static const char *campaign_of(const struct engine *engine, uint64_t dev_eui)
{
    const struct campaign_rec *rec;
    for (size_t i = 0; (rec = engine_campaign_at(engine, i)) != NULL; i++) {
        const struct member_rec *member =
            campaign_phase_is_final(rec->phase)
                ? NULL
                : engine_member_find(engine, rec->id, dev_eui);
        if (member != NULL && member->outcome == OUTCOME_NONE) {
            return rec->name;
        }
    }
    return NULL;
}

static int check_device(struct import *import, uint64_t dev_eui)
{
    const struct inventory_device *device =
        inventory_find(&import->fleet->inventory, dev_eui);
    char text[256];
    if (device == NULL) {
        snprintf(text, sizeof(text), "is not in fleet '%.64s'",
                 import->fleet->doc->spec.name);
        complain(import, dev_eui, text);
        return CTL_NOT_FOUND;
    }
    if (!device->imported) {
        complain(import, dev_eui,
                 "is in the inventory file of the fleet: remove it there");
        return CTL_CONFLICT;
    }
    const char *campaign = campaign_of(import->d->engine, dev_eui);
    if (campaign != NULL) {
        snprintf(
            text, sizeof(text),
            "campaign '%.64s', which is under way, has it: wait for its end, or abort "
            "it",
            campaign);
        complain(import, dev_eui, text);
        return CTL_CONFLICT;
    }
    return CTL_DONE;
}

/* Its record stays for campaigns of the past, also if it was never heard. */
static void drop(struct import *import, uint64_t dev_eui)
{
    const struct device_rec *rec = engine_device(import->d->engine, dev_eui);
    if (rec != NULL) {
        store_batch_record(&import->rows, STORE_DEVICE, rec);
    }
    store_batch_inventory_drop(&import->rows, dev_eui);
}

int import_remove_check(struct import *import)
{
    int code = CTL_DONE;
    if (import->diags.error_count > 0) {
        return import_fail(import, CTL_INVALID);
    }
    if (import->devices == 0) {
        return ctl_fail(&import->error, CTL_INVALID, "%s has no devices",
                        import_file_name(import));
    }
    for (size_t i = 0; i < import->devices; i++) {
        int found = check_device(import, import->gone[i]);
        code = found > code ? found : code; /* a conflict outranks who is not there */
    }
    if (code != CTL_DONE) {
        return import_fail(import, (enum ctl_code)code);
    }
    for (size_t i = 0; i < import->devices; i++) {
        drop(import, import->gone[i]);
    }
    return import->rows.err == FUO_OK
               ? CTL_DONE
               : ctl_fail(&import->error, CTL_DOES_NOT_FIT,
                          "too many devices at once: split the file");
}
