/* SPDX-License-Identifier: MIT */
#include "config/targets.h"

#include <string.h>

#include "base/sort.h"

/* ---- one device ---- */

static bool value_in(const struct str_list *values, const char *value)
{
    for (size_t i = 0; value != NULL && i < values->count; i++) {
        if (strcmp(values->items[i], value) == 0) {
            return true;
        }
    }
    return false;
}

static bool expression_holds(const struct spec_expression *e, const char *value)
{
    switch (e->op) {
    case SPEC_OP_IN:
        return value_in(&e->values, value);
    case SPEC_OP_NOT_IN:
        return !value_in(&e->values, value);
    case SPEC_OP_EXISTS:
        return value != NULL;
    case SPEC_OP_DOES_NOT_EXIST:
        return value == NULL;
    }
    return false;
}

bool target_matches(const struct spec_match *match, const struct inventory *inventory,
                    const struct inventory_device *device)
{
    for (size_t i = 0; i < match->label_count; i++) {
        const struct spec_label *label = &match->labels[i];
        const char *value = inventory_label(inventory, device, label->key);
        if (value == NULL || strcmp(value, label->value) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < match->expression_count; i++) {
        const struct spec_expression *e = &match->expressions[i];
        if (!expression_holds(e, inventory_label(inventory, device, e->key))) {
            return false;
        }
    }
    return true;
}

/* ---- all of them ---- */

/* Of one inventory. */
struct marks {
    const struct inventory *inventory;
    bool *wanted; /* per device */
};

struct selecting {
    struct campaign_doc *campaign;
    const struct inventories *all;
    struct marks *marks; /* of each inventory */
    struct target_selection *selection;
    struct diag_list *diags;
};

const struct inventory_device *inventories_find(const struct inventories *all,
                                                uint64_t dev_eui,
                                                const struct inventory **of)
{
    const struct inventory_device *device = NULL;
    for (size_t i = 0; device == NULL && i < all->count; i++) {
        *of = all->items[i];
        device = inventory_find(all->items[i], dev_eui);
    }
    return device;
}

static bool has_label(const struct inventory *inventory, const char *key)
{
    for (size_t i = 0; i < inventory->label_count; i++) {
        if (strcmp(inventory->label_keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* A label that no device has is more often misspelt than meant. */
static void warn_label(const struct selecting *s, const char *key)
{
    for (size_t i = 0; i < s->all->count; i++) {
        if (has_label(s->all->items[i], key)) {
            return;
        }
    }
    struct diag_place place = config_place(&s->campaign->doc, "spec.targets.match");
    diag_warn(s->diags, &place, "no device has the label \"%.60s\"", key);
}

static void warn_labels(const struct selecting *s)
{
    const struct spec_match *match = &s->campaign->spec.targets.match;
    for (size_t i = 0; i < match->label_count; i++) {
        warn_label(s, match->labels[i].key);
    }
    for (size_t i = 0; i < match->expression_count; i++) {
        warn_label(s, match->expressions[i].key);
    }
}

static void mark_matching(struct marks *m, const struct spec_match *match)
{
    for (size_t i = 0; i < m->inventory->count; i++) {
        m->wanted[i] = target_matches(match, m->inventory, &m->inventory->devices[i]);
    }
}

static bool mark(const struct selecting *s, uint64_t dev_eui, bool wanted)
{
    for (size_t i = 0; i < s->all->count; i++) {
        const struct inventory *inventory = s->all->items[i];
        const struct inventory_device *device = inventory_find(inventory, dev_eui);
        if (device != NULL) {
            s->marks[i].wanted[device - inventory->devices] = wanted;
            return true;
        }
    }
    return false;
}

static void leave_out(const struct selecting *s, const struct eui_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        (void)mark(s, list->items[i], false);
    }
}

/* Those that no inventory has are kept for the caller. */
static void add(const struct selecting *s, const struct eui_list *list, uint64_t *unknown)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!mark(s, list->items[i], true)) {
            unknown[s->selection->unknown_count++] = list->items[i];
        }
    }
}

static int load_list(struct campaign_doc *campaign, const char *file, struct arena *arena,
                     struct eui_list *list, struct diag_list *diags)
{
    if (file == NULL) {
        return FUO_OK;
    }
    return device_list_load(config_path(&campaign->doc, file), arena, list, diags);
}

static bool eui_is_before(const void *context, const void *a, const void *b)
{
    (void)context;
    return *(const uint64_t *)a < *(const uint64_t *)b;
}

/* Behind the first n; returns how many there are then. */
static size_t take_wanted(const struct marks *m, uint64_t *devices, size_t n)
{
    for (size_t k = 0; k < m->inventory->count; k++) {
        if (m->wanted[k]) {
            devices[n++] = m->inventory->devices[k].dev_eui;
        }
    }
    return n;
}

static void collect(const struct selecting *s)
{
    struct target_selection *selection = s->selection;
    size_t total = 0;
    for (size_t i = 0; i < s->all->count; i++) {
        total += s->all->items[i]->count;
    }
    uint64_t *devices = arena_array(&selection->arena, total + 1, sizeof(*devices));
    for (size_t i = 0; i < s->all->count; i++) {
        selection->count = take_wanted(&s->marks[i], devices, selection->count);
    }
    if (s->all->count > 1) { /* each alone is in order */
        sort_items(devices, selection->count, sizeof(*devices), eui_is_before, NULL);
    }
    selection->devices = devices;
}

static int check_limit(const struct campaign_doc *campaign, size_t count,
                       struct diag_list *diags)
{
    uint32_t limit = campaign->spec.targets.limit;
    if (limit == SPEC_AUTO_U32 || count <= limit) {
        return FUO_OK;
    }
    struct diag_place place = config_place(&campaign->doc, "spec.targets.limit");
    diag_error(diags, &place, "%zu devices are selected, the limit is %u", count, limit);
    return FUO_ERANGE;
}

static void open_marks(struct selecting *s)
{
    struct arena *arena = &s->selection->arena;
    s->marks = arena_array(arena, s->all->count + 1, sizeof(*s->marks));
    for (size_t i = 0; i < s->all->count; i++) {
        const struct inventory *inventory = s->all->items[i];
        s->marks[i].inventory = inventory;
        s->marks[i].wanted = arena_array(arena, inventory->count + 1, sizeof(bool));
    }
}

static int select_devices(struct selecting *s)
{
    const struct spec_targets *t = &s->campaign->spec.targets;
    struct eui_list added = {0};
    struct eui_list excluded = {0};
    struct arena *arena = &s->selection->arena;
    int err = load_list(s->campaign, t->devices_file, arena, &added, s->diags);
    int err2 =
        load_list(s->campaign, t->exclude_devices_file, arena, &excluded, s->diags);
    if (err != FUO_OK || err2 != FUO_OK) {
        return err != FUO_OK ? err : err2;
    }
    uint64_t *unknown =
        arena_array(arena, t->devices.count + added.count + 1, sizeof(*unknown));
    bool no_match = t->match.label_count == 0 && t->match.expression_count == 0;
    bool only_listed = no_match && (t->devices.count != 0 || t->devices_file != NULL);
    s->selection->unknown = unknown;
    open_marks(s);
    if (!only_listed) {
        warn_labels(s);
        for (size_t i = 0; i < s->all->count; i++) {
            mark_matching(&s->marks[i], &t->match);
        }
    }
    add(s, &t->devices, unknown);
    add(s, &added, unknown);
    leave_out(s, &t->exclude_devices);
    leave_out(s, &excluded);
    collect(s);
    return check_limit(s->campaign, s->selection->count, s->diags);
}

int targets_select(struct campaign_doc *campaign, const struct inventories *all,
                   struct target_selection *selection, struct diag_list *diags)
{
    struct target_selection made = {0};
    struct selecting s = {
        .campaign = campaign, .all = all, .selection = &made, .diags = diags};
    int err = select_devices(&s);
    if (err != FUO_OK) {
        target_selection_finish(&made);
        return err;
    }
    *selection = made;
    return FUO_OK;
}

void target_selection_finish(struct target_selection *selection)
{
    arena_finish(&selection->arena);
    *selection = (struct target_selection){0};
}
