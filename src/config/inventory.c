/* SPDX-License-Identifier: MIT */
#include "config/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "base/hex.h"
#include "config/csv.h"
#include "io/cleanup.h"
#include "io/file.h"

enum column_kind {
    COLUMN_DEV_EUI,
    COLUMN_NAME,
    COLUMN_LORAWAN,
    COLUMN_GEN_APP_KEY,
    COLUMN_APP_KEY,
    COLUMN_PROFILE,
    COLUMN_LABEL,
};

struct column {
    enum column_kind kind;
    size_t label; /* index among the labels */
};

struct reader {
    struct csv csv;
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    struct column columns[INVENTORY_COLUMNS_MAX];
    size_t column_count;
    const char *label_keys[INVENTORY_COLUMNS_MAX];
    size_t label_count;
    struct inventory_device *devices;
    size_t count;
    size_t capacity;
};

/* The text never holds the value of a field that may be a key. */
static void wrong(const struct reader *r, const struct csv_field *field, const char *path,
                  const char *text)
{
    struct diag_place place = {r->file, r->csv.line, field != NULL ? field->column : 1,
                               path};
    diag_error(r->diags, &place, "%s", text);
}

/* ---- the header ---- */

static const char *const column_names[] = {
    [COLUMN_DEV_EUI] = "dev_eui", [COLUMN_NAME] = "name",
    [COLUMN_LORAWAN] = "lorawan", [COLUMN_GEN_APP_KEY] = "gen_app_key",
    [COLUMN_APP_KEY] = "app_key", [COLUMN_PROFILE] = "profile",
};

static bool column_of(const char *name, enum column_kind *kind)
{
    for (size_t i = 0; i < sizeof(column_names) / sizeof(column_names[0]); i++) {
        if (strcmp(column_names[i], name) == 0) {
            *kind = (enum column_kind)i;
            return true;
        }
    }
    *kind = COLUMN_LABEL;
    return strncmp(name, "label:", 6) == 0 && name[6] != '\0';
}

static bool seen_before(const struct csv_field *fields, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(fields[i].text, fields[j].text) == 0) {
            return true;
        }
    }
    return false;
}

static void read_column(struct reader *r, const struct csv_field *fields, size_t i)
{
    const char *name = fields[i].text;
    struct column column = {0};
    struct diag_place place = {r->file, r->csv.line, fields[i].column, NULL};
    if (!column_of(name, &column.kind)) {
        diag_error(r->diags, &place,
                   "unknown column \"%.60s\"; known: dev_eui, name, lorawan, "
                   "gen_app_key, app_key, profile, label:KEY",
                   name);
    } else if (seen_before(fields, i)) {
        diag_error(r->diags, &place, "the column \"%.60s\" stands here twice", name);
    }
    if (column.kind == COLUMN_LABEL) {
        column.label = r->label_count;
        r->label_keys[r->label_count++] =
            arena_text(r->arena, name + (strlen(name) > 6 ? 6 : 0),
                       strlen(name) > 6 ? strlen(name) - 6 : 0);
    }
    r->columns[r->column_count++] = column;
}

static bool read_header(struct reader *r)
{
    struct csv_field fields[INVENTORY_COLUMNS_MAX];
    size_t count = csv_next(&r->csv, fields, INVENTORY_COLUMNS_MAX);
    size_t errors = r->diags->error_count;
    if (count == 0) {
        struct diag_place place = {.file = r->file};
        diag_error(r->diags, &place, "is empty; the first line names the columns");
        return false;
    }
    if (r->csv.error != NULL) {
        wrong(r, NULL, NULL, r->csv.error);
        return false;
    }
    bool has_eui = false;
    for (size_t i = 0; i < count; i++) {
        read_column(r, fields, i);
        has_eui |= r->columns[i].kind == COLUMN_DEV_EUI;
    }
    if (!has_eui) {
        wrong(r, NULL, NULL, "the header line lacks the column dev_eui");
    }
    return r->diags->error_count == errors;
}

/* ---- a device ---- */

static bool parse_lorawan(const char *text, uint8_t *minor)
{
    bool known =
        text[0] == '\0' || strncmp(text, "1.0", 3) == 0 || strncmp(text, "1.1", 3) == 0;
    size_t len = strlen(text);
    bool patch = len == 5 && text[3] == '.' && text[4] >= '0' && text[4] <= '9';
    if (!known || !(len == 0 || len == 3 || patch)) {
        return false;
    }
    *minor = len != 0 && text[2] == '1';
    return true;
}

static void read_key(struct reader *r, struct csv_field *field, const char *name,
                     uint8_t key[static INVENTORY_KEY_SIZE], bool *has)
{
    if (field->len == 0) {
        return;
    }
    *has = hex_decode(field->text, field->len, key, INVENTORY_KEY_SIZE) == FUO_OK;
    if (!*has) {
        wrong(r, field, name, "must be 32 hex digits");
    }
    explicit_bzero(field->text, field->len);
}

static void read_field(struct reader *r, const struct column *column,
                       struct csv_field *field, struct inventory_device *device,
                       const char **labels)
{
    switch (column->kind) {
    case COLUMN_DEV_EUI:
        if (eui_parse(field->text, field->len, &device->dev_eui) != FUO_OK) {
            wrong(r, field, "dev_eui", "must be 16 hex digits");
            device->line = 0; /* it is nobody's twin */
        }
        break;
    case COLUMN_NAME:
        device->name = field->text;
        break;
    case COLUMN_LORAWAN:
        if (!parse_lorawan(field->text, &device->lorawan_minor)) {
            wrong(r, field, "lorawan", "must be 1.0, 1.0.2, 1.0.3, 1.0.4 or 1.1");
        }
        break;
    case COLUMN_GEN_APP_KEY:
        read_key(r, field, "gen_app_key", device->gen_app_key, &device->has_gen_app_key);
        break;
    case COLUMN_APP_KEY:
        read_key(r, field, "app_key", device->app_key, &device->has_app_key);
        break;
    case COLUMN_PROFILE:
        device->profile = field->len != 0 ? field->text : NULL;
        break;
    case COLUMN_LABEL:
        labels[column->label] = field->text;
        break;
    }
}

static struct inventory_device *new_device(struct reader *r)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity != 0 ? r->capacity * 2 : 256;
        struct inventory_device *devices =
            arena_array(r->arena, capacity, sizeof(*devices));
        if (r->count != 0) {
            memcpy(devices, r->devices, r->count * sizeof(*devices));
        }
        r->devices = devices;
        r->capacity = capacity;
    }
    return &r->devices[r->count++];
}

static void read_device(struct reader *r, struct csv_field *fields)
{
    const char **labels = arena_array(r->arena, r->label_count, sizeof(*labels));
    struct inventory_device *device = new_device(r);
    *device =
        (struct inventory_device){.name = "", .labels = labels, .line = r->csv.line};
    for (size_t i = 0; i < r->column_count; i++) {
        read_field(r, &r->columns[i], &fields[i], device, labels);
    }
}

static void read_devices(struct reader *r)
{
    struct csv_field fields[INVENTORY_COLUMNS_MAX];
    for (;;) {
        size_t count = csv_next(&r->csv, fields, INVENTORY_COLUMNS_MAX);
        if (count == 0) {
            return;
        }
        if (r->csv.error != NULL) {
            wrong(r, NULL, NULL, r->csv.error);
        } else if (count != r->column_count) {
            struct diag_place place = {r->file, r->csv.line, 1, NULL};
            diag_error(r->diags, &place, "has %zu fields, the header has %zu", count,
                       r->column_count);
        } else if (r->count == INVENTORY_DEVICES_MAX) {
            wrong(r, NULL, NULL, "too many devices");
            return;
        } else {
            read_device(r, fields);
        }
    }
}

static int by_eui(const void *a, const void *b)
{
    const struct inventory_device *x = a;
    const struct inventory_device *y = b;
    if (x->dev_eui != y->dev_eui) {
        return x->dev_eui < y->dev_eui ? -1 : 1;
    }
    return x->line < y->line ? -1 : x->line > y->line;
}

static void refuse_duplicates(struct reader *r)
{
    for (size_t i = 1; i < r->count; i++) {
        const struct inventory_device *device = &r->devices[i];
        if (device->dev_eui == r->devices[i - 1].dev_eui && r->devices[i - 1].line != 0) {
            char eui[EUI_TEXT_SIZE];
            struct diag_place place = {r->file, device->line, 1, "dev_eui"};
            diag_error(r->diags, &place, "%s stands in line %u already",
                       eui_format(device->dev_eui, eui), r->devices[i - 1].line);
        }
    }
}

static const char *const *copy_keys(struct reader *r)
{
    const char **keys = arena_array(r->arena, r->label_count + 1, sizeof(*keys));
    memcpy(keys, r->label_keys, r->label_count * sizeof(*keys));
    return keys;
}

int inventory_parse(const char *file, const char *bytes, size_t len,
                    struct inventory *inventory, struct diag_list *diags)
{
    struct inventory made = {.arena = {.wipe = true}};
    struct reader r = {.arena = &made.arena, .diags = diags, .file = file};
    size_t errors = diags->error_count;
    r.csv = csv_open(arena_text(&made.arena, bytes, len), len);
    if (read_header(&r)) {
        read_devices(&r);
        if (r.count != 0) {
            qsort(r.devices, r.count, sizeof(*r.devices), by_eui);
            refuse_duplicates(&r);
        }
    }
    if (diags->error_count != errors) {
        arena_finish(&made.arena);
        return FUO_EINVAL;
    }
    made.devices = r.devices;
    made.count = r.count;
    made.label_keys = copy_keys(&r);
    made.label_count = r.label_count;
    *inventory = made;
    return FUO_OK;
}

int inventory_load(const char *file, struct inventory *inventory, struct diag_list *diags)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    int err = csv_read(file, &bytes, &len, diags);
    if (err != FUO_OK) {
        return err;
    }
    err = inventory_parse(file, (const char *)bytes, len, inventory, diags);
    explicit_bzero(bytes, len);
    return err;
}

void inventory_finish(struct inventory *inventory)
{
    inventory->arena.wipe = true;
    arena_finish(&inventory->arena);
    *inventory = (struct inventory){0};
}

const struct inventory_device *inventory_find(const struct inventory *inventory,
                                              uint64_t dev_eui)
{
    size_t low = 0;
    size_t high = inventory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (inventory->devices[middle].dev_eui < dev_eui) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < inventory->count && inventory->devices[low].dev_eui == dev_eui;
    return found ? &inventory->devices[low] : NULL;
}

size_t inventory_common(const struct inventory *inventory, const uint64_t *euis,
                        size_t count, uint64_t *in)
{
    size_t at = 0;
    size_t common = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < inventory->count && inventory->devices[at].dev_eui < euis[i]) {
            at++;
        }
        if (at == inventory->count || inventory->devices[at].dev_eui != euis[i]) {
            continue;
        }
        if (in != NULL) {
            in[common] = euis[i];
        }
        common++;
    }
    return common;
}

bool inventory_maintenance(const struct inventory *inventory,
                           const struct inventory_device *device)
{
    static const char *const no[] = {"false", "no", "0"};
    const char *value = inventory_label(inventory, device, "maintenance");
    bool set = value != NULL;
    for (size_t i = 0; set && i < sizeof(no) / sizeof(no[0]); i++) {
        set = strcmp(value, no[i]) != 0;
    }
    return set;
}

const char *inventory_label(const struct inventory *inventory,
                            const struct inventory_device *device, const char *key)
{
    for (size_t i = 0; i < inventory->label_count; i++) {
        if (strcmp(inventory->label_keys[i], key) == 0) {
            return device->labels[i][0] != '\0' ? device->labels[i] : NULL;
        }
    }
    return NULL;
}
