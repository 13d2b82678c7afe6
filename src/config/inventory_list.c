/* SPDX-License-Identifier: MIT */
/* Files of DevEUIs: the devicesFile of a campaign. */
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "config/csv.h"
#include "config/inventory.h"
#include "io/cleanup.h"

struct list_reader {
    struct csv csv;
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    size_t column; /* of the DevEUI */
    uint64_t *items;
    size_t count;
    size_t capacity;
};

static void add(struct list_reader *r, uint64_t eui)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity != 0 ? r->capacity * 2 : 256;
        uint64_t *items = arena_array(r->arena, capacity, sizeof(*items));
        if (r->count != 0) {
            memcpy(items, r->items, r->count * sizeof(*items));
        }
        r->items = items;
        r->capacity = capacity;
    }
    r->items[r->count++] = eui;
}

static void read_line(struct list_reader *r, const struct csv_field *fields, size_t count)
{
    struct diag_place place = {r->file, r->csv.line, 1, NULL};
    uint64_t eui;
    if (r->csv.error != NULL) {
        diag_error(r->diags, &place, "%s", r->csv.error);
    } else if (r->column >= count) {
        diag_error(r->diags, &place, "has no DevEUI");
    } else if (eui_parse(fields[r->column].text, fields[r->column].len, &eui) != FUO_OK) {
        place.column = fields[r->column].column;
        diag_error(r->diags, &place, "is not a DevEUI of 16 hex digits");
    } else if (r->count == INVENTORY_DEVICES_MAX) {
        diag_error(r->diags, &place, "too many devices");
    } else {
        add(r, eui);
    }
}

/* A header if one of the fields says so: then that column; else the first one. */
static bool is_header(struct list_reader *r, const struct csv_field *fields, size_t count)
{
    for (size_t i = 0; r->csv.error == NULL && i < count; i++) {
        if (strcasecmp(fields[i].text, "dev_eui") == 0) {
            r->column = i;
            return true;
        }
    }
    return false;
}

int device_list_parse(const char *file, const char *bytes, size_t len,
                      struct arena *arena, struct eui_list *list, struct diag_list *diags)
{
    struct csv_field fields[INVENTORY_COLUMNS_MAX];
    struct arena scratch = {.wipe = true};
    struct list_reader r = {.arena = arena, .diags = diags, .file = file};
    size_t errors = diags->error_count;
    r.csv = csv_open(arena_text(&scratch, bytes, len), len);
    size_t count = csv_next(&r.csv, fields, INVENTORY_COLUMNS_MAX);
    if (count != 0 && !is_header(&r, fields, count)) {
        read_line(&r, fields, count);
    }
    while (count != 0) {
        count = csv_next(&r.csv, fields, INVENTORY_COLUMNS_MAX);
        if (count != 0) {
            read_line(&r, fields, count);
        }
    }
    arena_finish(&scratch);
    if (diags->error_count != errors) {
        return FUO_EINVAL;
    }
    *list = (struct eui_list){r.items, r.count};
    return FUO_OK;
}

int device_list_load(const char *file, struct arena *arena, struct eui_list *list,
                     struct diag_list *diags)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    int err = csv_read(file, &bytes, &len, diags);
    if (err != FUO_OK) {
        return err;
    }
    err = device_list_parse(file, (const char *)bytes, len, arena, list, diags);
    explicit_bzero(bytes, len); /* it may be an inventory, with keys */
    return err;
}
