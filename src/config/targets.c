/* SPDX-License-Identifier: MIT */
#include "config/targets.h"

#include <string.h>

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

struct marks {
    const struct inventory *inventory;
    bool *wanted; /* per device of the inventory */
    uint64_t *unknown;
    size_t unknown_count;
};

/* A label that no device has is more often misspelt than meant. */
static void warn_label(const struct config_doc *doc, const struct inventory *inventory,
                       const char *key, struct diag_list *diags)
{
    for (size_t i = 0; i < inventory->label_count; i++) {
        if (strcmp(inventory->label_keys[i], key) == 0) {
            return;
        }
    }
    struct diag_place place = config_place(doc, "spec.targets.match");
    diag_warn(diags, &place, "no device has the label \"%.60s\"", key);
}

static void warn_labels(const struct campaign_doc *campaign,
                        const struct inventory *inventory, struct diag_list *diags)
{
    const struct spec_match *match = &campaign->spec.targets.match;
    for (size_t i = 0; i < match->label_count; i++) {
        warn_label(&campaign->doc, inventory, match->labels[i].key, diags);
    }
    for (size_t i = 0; i < match->expression_count; i++) {
        warn_label(&campaign->doc, inventory, match->expressions[i].key, diags);
    }
}

static void mark_matching(struct marks *m, const struct spec_match *match)
{
    for (size_t i = 0; i < m->inventory->count; i++) {
        m->wanted[i] = target_matches(match, m->inventory, &m->inventory->devices[i]);
    }
}

/* Devices to add that are not in the inventory are kept for the caller. */
static void mark_listed(struct marks *m, const struct eui_list *list, bool wanted)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct inventory_device *device =
            inventory_find(m->inventory, list->items[i]);
        if (device != NULL) {
            m->wanted[device - m->inventory->devices] = wanted;
        } else if (wanted) {
            m->unknown[m->unknown_count++] = list->items[i];
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

static void collect(const struct marks *m, struct arena *arena,
                    struct target_selection *selection)
{
    size_t *indices = arena_array(arena, m->inventory->count + 1, sizeof(*indices));
    for (size_t i = 0; i < m->inventory->count; i++) {
        if (m->wanted[i]) {
            indices[selection->count++] = i;
        }
    }
    selection->indices = indices;
    selection->unknown = m->unknown;
    selection->unknown_count = m->unknown_count;
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

static int select_devices(struct campaign_doc *campaign,
                          const struct inventory *inventory,
                          struct target_selection *selection, struct diag_list *diags)
{
    const struct spec_targets *t = &campaign->spec.targets;
    struct eui_list added = {0};
    struct eui_list excluded = {0};
    struct arena *arena = &selection->arena;
    int err = load_list(campaign, t->devices_file, arena, &added, diags);
    int err2 = load_list(campaign, t->exclude_devices_file, arena, &excluded, diags);
    if (err != FUO_OK || err2 != FUO_OK) {
        return err != FUO_OK ? err : err2;
    }
    struct marks m = {
        .inventory = inventory,
        .wanted = arena_array(arena, inventory->count + 1, sizeof(bool)),
        .unknown =
            arena_array(arena, t->devices.count + added.count + 1, sizeof(uint64_t)),
    };
    bool no_match = t->match.label_count == 0 && t->match.expression_count == 0;
    bool only_listed = no_match && (t->devices.count != 0 || t->devices_file != NULL);
    if (!only_listed) {
        warn_labels(campaign, inventory, diags);
        mark_matching(&m, &t->match);
    }
    mark_listed(&m, &t->devices, true);
    mark_listed(&m, &added, true);
    mark_listed(&m, &t->exclude_devices, false);
    mark_listed(&m, &excluded, false);
    collect(&m, arena, selection);
    return check_limit(campaign, selection->count, diags);
}

int targets_select(struct campaign_doc *campaign, const struct inventory *inventory,
                   struct target_selection *selection, struct diag_list *diags)
{
    struct target_selection made = {0};
    int err = select_devices(campaign, inventory, &made, diags);
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
