/* SPDX-License-Identifier: MIT */
#include "config/campaign_change.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BIT(member) offsetof(struct campaign_change, member)

enum { PATH_SIZE = 512 };

/* With all that is below them. */
static const struct {
    const char *path;
    size_t flag; /* of struct campaign_change, to be set */
} changeable[] = {
    {"metadata.labels", BIT(any)},
    {"spec.paused", BIT(paused)},
    {"spec.schedule.windows", BIT(schedule)},
    {"spec.schedule.blackouts", BIT(schedule)},
    {"spec.budgets", BIT(any)},
};

struct comparison {
    const struct campaign_doc *now;
    struct campaign_change *change;
    struct diag_list *diags;
    bool refused;
};

static bool is_within(const char *path, const char *whole)
{
    size_t len = strlen(whole);
    return strncmp(path, whole, len) == 0 && (path[len] == '\0' || path[len] == '.');
}

/* The values at that path are not the same. */
static void differ(struct comparison *c, const char *path)
{
    c->change->any = true;
    for (size_t i = 0; i < sizeof(changeable) / sizeof(changeable[0]); i++) {
        if (is_within(path, changeable[i].path)) {
            *((bool *)c->change + changeable[i].flag) = true;
            return;
        }
    }
    c->refused = true;
    struct diag_place place = config_place(&c->now->doc, path);
    diag_error(c->diags, &place,
               "is fixed since the campaign was applied; put it back, or give the file "
               "another metadata.name");
}

static bool is_same(const struct node *a, const struct node *b)
{
    if (a->type != b->type || a->len != b->len) {
        return false;
    }
    if (a->type == NODE_SCALAR) {
        return memcmp(a->text, b->text, a->len) == 0;
    }
    for (size_t i = 0; i < a->len; i++) {
        bool list = a->type == NODE_SEQUENCE;
        const struct node *x = list ? a->items[i] : a->entries[i].value;
        const struct node *y = list ? b->items[i] : node_get(b, a->entries[i].key->text);
        if (y == NULL || !is_same(x, y)) {
            return false;
        }
    }
    return true;
}

static bool is_mapping(const struct node *node)
{
    return node != NULL && node->type == NODE_MAPPING;
}

static void compare(struct comparison *c, const char *path, const struct node *old,
                    const struct node *now);

/* Of the keys of `from`: those that `other` has too are left to it, if it comes first. */
static void compare_keys(struct comparison *c, const char *path, const struct node *from,
                         const struct node *other, bool from_is_old)
{
    for (size_t i = 0; from != NULL && i < from->len; i++) {
        const char *key = from->entries[i].key->text;
        const struct node *value = from->entries[i].value;
        const struct node *its = other != NULL ? node_get(other, key) : NULL;
        char below[PATH_SIZE];
        if (from_is_old && its != NULL) {
            continue; /* was compared from the other side */
        }
        snprintf(below, sizeof(below), "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        compare(c, below, from_is_old ? value : its, from_is_old ? its : value);
    }
}

/* Either may be absent. Lists are compared as a whole. */
static void compare(struct comparison *c, const char *path, const struct node *old,
                    const struct node *now)
{
    bool below = (is_mapping(old) || old == NULL) && (is_mapping(now) || now == NULL);
    if (below) {
        compare_keys(c, path, now, old, false);
        compare_keys(c, path, old, now, true);
    } else if (old == NULL || now == NULL || !is_same(old, now)) {
        differ(c, path);
    }
}

int campaign_change_find(const struct campaign_doc *old, const struct campaign_doc *now,
                         struct campaign_change *change, struct diag_list *diags)
{
    struct comparison c = {.now = now, .change = change, .diags = diags};
    *change = (struct campaign_change){0};
    compare(&c, "", old->doc.root, now->doc.root);
    return c.refused ? FUO_EPERM : FUO_OK;
}
