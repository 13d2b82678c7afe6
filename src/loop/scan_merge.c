/* SPDX-License-Identifier: MIT */
/* scan_merge.c - what a server has becomes the inventory of its fleet; rows for what has
 * changed. Runs on another thread: nothing that it looks at changes meanwhile. */
#include "loop/scan.h"

#include "loop/xalloc.h"

enum {
    ROWS_PER_PART = 2000,
};

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool same_labels(const struct inventory *a, const struct inventory_device *x,
                        const struct inventory *b, const struct inventory_device *y)
{
    for (size_t i = 0; i < a->label_count; i++) {
        const char *value = inventory_label(a, x, a->label_keys[i]);
        if (!same_text(value, inventory_label(b, y, a->label_keys[i]))) {
            return false;
        }
    }
    return true;
}

static bool same_device(const struct scan *s, const struct inventory_device *now,
                        const struct inventory_device *before)
{
    const struct inventory *was = &s->fleet->inventory;
    return before != NULL && same_text(now->name, before->name) &&
           same_text(now->profile, before->profile) &&
           now->lorawan_minor == before->lorawan_minor &&
           now->has_gen_app_key == before->has_gen_app_key &&
           now->has_app_key == before->has_app_key && now->served == before->served &&
           same_labels(&s->merged, now, was, before) &&
           same_labels(was, before, &s->merged, now);
}

/* Keys that were not asked for are those of the row. */
static bool same_keys(const struct scan *s, uint64_t dev_eui)
{
    const struct server_view *known = &s->fleet->server->view;
    const struct server_device *now = server_view_device(&s->view, dev_eui);
    const struct server_device *before = server_view_device(known, dev_eui);
    return now != NULL && (now->keys_hash == 0 ||
                           (before != NULL && before->keys_hash == now->keys_hash));
}

static struct store_batch *part_for_next(struct scan *s)
{
    if (s->part_count == 0 || s->parts[s->part_count - 1].ops >= ROWS_PER_PART) {
        s->parts = xrealloc(s->parts, s->part_count + 1, sizeof(*s->parts));
        s->parts[s->part_count++] = (struct store_batch){0};
    }
    return &s->parts[s->part_count - 1];
}

static void put(struct scan *s, const struct inventory_device *found)
{
    const struct fleet_entry *fleet = s->fleet;
    const char *name = fleet->doc->spec.name;
    const struct inventory_device *merged = inventory_find(&s->merged, found->dev_eui);
    const struct inventory_device *listed =
        inventory_find(&fleet->listed, found->dev_eui);
    const struct server_device *told = server_view_device(&s->view, found->dev_eui);
    bool left_out = told == NULL || told->keys_hash == 0;
    bool gen_listed = listed != NULL && listed->has_gen_app_key;
    bool app_listed = listed != NULL && listed->has_app_key;
    const struct inventory_keys keys = {
        .gen_app_key = !gen_listed && !left_out && found->has_gen_app_key
                           ? found->gen_app_key
                           : NULL,
        .app_key = !app_listed && !left_out && found->has_app_key ? found->app_key : NULL,
        .keeps_gen_app_key = gen_listed || left_out,
        .keeps_app_key = app_listed || left_out,
    };
    inventory_put_keys(part_for_next(s), s->d->store, name, &s->merged, merged, &keys);
}

/* Gone from the server, and in no file. */
static void drop_absent(struct scan *s)
{
    const struct inventory *was = &s->fleet->inventory;
    for (size_t i = 0; i < was->count; i++) {
        if (inventory_find(&s->merged, was->devices[i].dev_eui) == NULL) {
            store_batch_inventory_drop(part_for_next(s), was->devices[i].dev_eui);
        }
    }
}

/* One that is told no more was there: its list was not complete. */
static void keep_absent(struct scan *s)
{
    struct inventory all;
    inventory_merge(&s->fleet->inventory, &s->merged, &all);
    inventory_finish(&s->merged);
    s->merged = all;
}

void scan_merge(struct scan *scan)
{
    struct scan *s = scan;
    inventory_builder_end(&s->builder, &s->found);
    server_view_end(&s->view);
    if (s->fleet->doc->inventory_source == FLEET_INVENTORY_FILE) {
        return;
    }
    inventory_fill(&s->fleet->listed, &s->found, &s->merged);
    /* A server that has lost its devices is no reason to forget them. */
    if (s->err != FUO_OK || s->found.count == 0) {
        keep_absent(s);
    }
    for (size_t i = 0; i < s->found.count; i++) {
        uint64_t dev_eui = s->found.devices[i].dev_eui;
        if (!same_device(s, inventory_find(&s->merged, dev_eui),
                         inventory_find(&s->fleet->inventory, dev_eui)) ||
            !same_keys(s, dev_eui)) {
            put(s, &s->found.devices[i]);
        }
    }
    drop_absent(s);
}

void scan_free(struct scan *scan)
{
    if (scan == NULL) {
        return;
    }
    server_view_finish(&scan->view);
    inventory_builder_finish(&scan->builder);
    inventory_finish(&scan->found);
    inventory_finish(&scan->merged);
    for (size_t i = 0; i < scan->part_count; i++) {
        store_batch_finish(&scan->parts[i]);
    }
    free(scan->parts);
    free(scan);
}
