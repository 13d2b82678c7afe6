/* SPDX-License-Identifier: MIT */
#include "config/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/campaign.h"
#include "config/daemon.h"
#include "config/device_profile.h"
#include "config/fleet.h"
#include "config/option_text.h"
#include "config/trust_policy.h"
#include "config/window.h"

const struct config_kind *const config_kinds[] = {
    &campaign_kind, &fleet_kind, &trust_policy_kind, &device_profile_kind, &daemon_kind,
    &window_kind,   NULL,
};

/* The next character that counts; hyphens and case do not. */
static int next_of(const char **name)
{
    *name += strspn(*name, "-");
    char c = **name;
    *name += c != '\0';
    return text_lower(c);
}

static bool same_name(const char *a, const char *b)
{
    int x;
    int y;
    do {
        x = next_of(&a);
        y = next_of(&b);
    } while (x == y && x != '\0');
    return x == y;
}

const struct config_kind *config_kind_find(const char *name)
{
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        if (same_name((*k)->name, name)) {
            return *k;
        }
    }
    return NULL;
}

static const char *kind_text(const struct node *root)
{
    const struct node *kind = node_get(root, "kind");
    return kind != NULL && kind->type == NODE_SCALAR ? kind->text : NULL;
}

struct config_doc *config_decode(const struct config_kind *kind, const char *file,
                                 const struct node *root, struct diag_list *diags)
{
    struct config_doc *doc = calloc(1, kind->doc_size);
    if (doc == NULL) {
        abort(); /* a few hundred bytes: the machine has no memory left */
    }
    struct option_context ctx = {.arena = &doc->arena, .diags = diags};
    doc->kind = kind;
    doc->file = ctx.file = arena_text(&doc->arena, file, strlen(file));
    doc->root = root;
    if (root->type != NODE_MAPPING) {
        struct diag_place place = {file, root->line, root->column, NULL};
        diag_error(diags, &place, "must be a mapping with apiVersion, kind and so on");
        root = NULL;
    }
    option_decode(&ctx, kind->options, root, doc);
    if (kind->check != NULL && root != NULL) {
        kind->check(doc, &ctx);
    }
    return doc;
}

/* The one document of the kind; a lone document without a kind is taken for it. */
static const struct node *pick(const struct config_kind *kind, const char *file,
                               const struct node_list *documents, struct diag_list *diags)
{
    const struct node *found = NULL;
    if (documents->count == 0) {
        return NULL;
    }
    for (size_t i = 0; i < documents->count; i++) {
        const struct node *root = documents->items[i];
        const char *name = kind_text(root);
        struct diag_place place = {file, root->line, root->column, NULL};
        bool mine = name != NULL ? strcmp(name, kind->name) == 0 : documents->count == 1;
        if (mine && found != NULL) {
            diag_error(diags, &place, "the file holds a second %s", kind->name);
        } else if (mine) {
            found = root;
        }
    }
    if (found == NULL) {
        const char *name = kind_text(documents->items[0]);
        const struct node *at = node_get(documents->items[0], "kind");
        at = at != NULL ? at : documents->items[0];
        struct diag_place place = {file, at->line, at->column, "kind"};
        diag_error(diags, &place, "must be %s, not \"%.60s\"", kind->name,
                   name != NULL ? name : "");
    }
    return found;
}

/* Takes tree. NULL: there is nothing to decode, and it was reported. */
static struct config_doc *decode_file(const struct config_kind *kind, const char *file,
                                      struct arena *tree,
                                      const struct node_list *documents,
                                      struct diag_list *diags)
{
    const struct node *root = pick(kind, file, documents, diags);
    if (root == NULL) {
        arena_finish(tree);
        return NULL;
    }
    struct config_doc *doc = config_decode(kind, file, root, diags);
    doc->tree = *tree;
    return doc;
}

static int give(struct config_doc *made, size_t errors_before, struct config_doc **doc,
                struct diag_list *diags)
{
    diag_list_sort(diags);
    if (made == NULL || diags->error_count != errors_before) {
        config_doc_destroy(made);
        return FUO_EINVAL;
    }
    *doc = made;
    return FUO_OK;
}

int config_parse(const struct config_kind *kind, const char *file, const char *bytes,
                 size_t len, struct config_doc **doc, struct diag_list *diags)
{
    struct arena tree = {0};
    struct node_list documents;
    size_t errors = diags->error_count;
    (void)node_parse(&tree, file, bytes, len, &documents, diags);
    struct config_doc *made = decode_file(kind, file, &tree, &documents, diags);
    return give(made, errors, doc, diags);
}

int config_load(const struct config_kind *kind, const char *file, struct config_doc **doc,
                struct diag_list *diags)
{
    struct arena tree = {0};
    struct node_list documents;
    size_t errors = diags->error_count;
    int err = node_load_all(&tree, file, &documents, diags);
    struct config_doc *made = decode_file(kind, file, &tree, &documents, diags);
    int result = give(made, errors, doc, diags);
    return err != FUO_OK ? err : result;
}

void config_doc_destroy(struct config_doc *doc)
{
    if (doc != NULL) {
        arena_finish(&doc->arena);
        arena_finish(&doc->tree);
        free(doc);
    }
}

void config_unsupported(const struct config_doc *doc, struct diag_list *diags)
{
    struct option_context ctx = {.diags = diags, .file = doc->file};
    option_check_later(&ctx, doc->kind->options, doc->root);
    diag_list_sort(diags);
}

const char *config_path(struct config_doc *doc, const char *path)
{
    const char *slash = strrchr(doc->file, '/');
    if (path == NULL || path[0] == '/' || slash == NULL) {
        return path;
    }
    size_t dir = (size_t)(slash - doc->file) + 1;
    size_t size = dir + strlen(path) + 1;
    char *joined = arena_alloc(&doc->arena, size);
    snprintf(joined, size, "%.*s%s", (int)dir, doc->file, path);
    return joined;
}

/* The deepest part of the path that exists has the position. */
struct diag_place config_place(const struct config_doc *doc, const char *path)
{
    char part[256];
    const struct node *node = doc->root;
    size_t len = strlen(path);
    while (len > 0 && len < sizeof(part)) {
        memcpy(part, path, len);
        part[len] = '\0';
        const struct node *found = node_find(doc->root, part);
        if (found != NULL) {
            node = found;
            break;
        }
        while (len > 0 && path[--len] != '.' && path[len] != '[') {
        }
    }
    return (struct diag_place){doc->file, node->line, node->column, path};
}

void config_place_all(const struct config_doc *doc, struct diag_list *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        struct diag_place *place = &diags->items[i].place;
        if (place->line == 0 && place->path != NULL && place->file != NULL &&
            strcmp(place->file, doc->file) == 0) {
            struct diag_place found = config_place(doc, place->path);
            place->line = found.line;
            place->column = found.column;
        }
    }
}
