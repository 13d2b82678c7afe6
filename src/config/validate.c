/* SPDX-License-Identifier: MIT */
#include "config/validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/campaign.h"
#include "config/campaign_image.h"
#include "config/kind.h"
#include "config/option_walk.h"
#include "io/cleanup.h"
#include "io/file.h"

struct file_check {
    struct option_context ctx;
    struct config_doc *doc;
};

/* Only the name is looked at; a wrong value was reported by the decoder. */
static void check_file(struct file_check *f, const struct option *option,
                       const struct node *node)
{
    struct stat st;
    bool is_word = option->word != NULL && strcmp(option->word, node->text) == 0;
    if (node->type != NODE_SCALAR || node->len == 0 || is_word) {
        return;
    }
    const char *path = config_path(f->doc, node->text);
    struct diag_place place = option_place(&f->ctx, node);
    if (stat(path, &st) != 0) {
        diag_error(f->ctx.diags, &place, "there is no file %s", path);
    } else if (!S_ISREG(st.st_mode)) {
        diag_error(f->ctx.diags, &place, "%s is not a file", path);
    } else if (st.st_size == 0) {
        diag_error(f->ctx.diags, &place, "%s is empty", path);
    }
}

static void check_files(struct file_check *f, const struct option *table,
                        const struct node *node);

/* A scalar, a mapping, or a list of either. The depth is that of the table. */
static void check_value(struct file_check *f, const struct option *option,
                        const struct node *node)
{
    if (node->type == NODE_SCALAR && (option->flags & OPTION_EXISTS) != 0) {
        check_file(f, option, node);
    } else if (node->type == NODE_MAPPING && option->sub != NULL) {
        check_files(f, option->sub, node);
    }
    bool is_list = (option->flags & OPTION_LIST) != 0 && node->type == NODE_SEQUENCE;
    for (size_t i = 0; is_list && i < node->len; i++) {
        size_t mark = option_path_push_index(&f->ctx, i);
        if (node->items[i]->type != NODE_SEQUENCE) {
            check_value(f, option, node->items[i]);
        }
        option_path_pop(&f->ctx, mark);
    }
}

static void check_files(struct file_check *f, const struct option *table,
                        const struct node *node)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        const struct node *value = node_get(node, o->key);
        if (value != NULL) {
            size_t mark = option_path_push(&f->ctx, o->key);
            check_value(f, o, value);
            option_path_pop(&f->ctx, mark);
        }
    }
}

static void report_kind(const char *file, const struct node *root, const char *name,
                        struct diag_list *diags)
{
    const struct node *at = node_get(root, "kind");
    at = at != NULL ? at : root;
    struct diag_place place = {file, at->line, at->column, "kind"};
    if (name == NULL) {
        diag_error(diags, &place, "is required");
        return;
    }
    diag_error(
        diags, &place,
        "must be Campaign, Fleet, TrustPolicy, DeviceProfile, Daemon or Window, not "
        "\"%.60s\"",
        name);
}

/* What the file of the image holds; a raw one may be anything. */
static void check_image(struct campaign_doc *doc, const char *file,
                        const struct node *root, struct diag_list *diags)
{
    enum { IMAGE_MAX_BYTES = 16 << 20 };
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    const struct node *spec = node_get(root, "spec");
    const struct node *image = spec != NULL ? node_get(spec, "image") : NULL;
    const struct node *at = image != NULL ? node_get(image, "file") : NULL;
    if (at == NULL || doc->spec.image.format != SPEC_IMAGE_MCUBOOT) {
        return;
    }
    struct diag_place place = {file, at->line, at->column, "spec.image.file"};
    int err = file_read(config_path(&doc->doc, doc->spec.image.file), IMAGE_MAX_BYTES,
                        &bytes, &len);
    if (err != FUO_OK) {
        diag_unreadable(diags, &place, err);
        return;
    }
    err = campaign_image_check(&doc->spec.image, &place, bytes, len, diags);
    (void)err; /* it is in diags */
}

static int64_t size_of(struct campaign_doc *doc, const char *name)
{
    struct stat st;
    return stat(config_path(&doc->doc, name), &st) == 0 ? (int64_t)st.st_size : -1;
}

/* What a delta is for is less airtime. */
static void check_deltas(struct campaign_doc *doc, struct diag_list *diags)
{
    const struct spec_image *image = &doc->spec.image;
    int64_t full = size_of(doc, image->file);
    for (size_t i = 0; i < image->delta_count; i++) {
        char path[64];
        int64_t size = size_of(doc, image->deltas[i].file);
        (void)snprintf(path, sizeof(path), "spec.image.deltas[%zu].file", i);
        struct diag_place place = config_place(&doc->doc, path);
        if (size >= full) {
            diag_error(diags, &place,
                       "%s has %" PRId64 " bytes and the image only %" PRId64
                       ": it would cost more than the image; leave it out",
                       image->deltas[i].file, size, full);
        }
    }
}

static void validate_document(const char *file, const struct node *root,
                              struct diag_list *diags)
{
    const struct node *kind_node = node_get(root, "kind");
    bool named = kind_node != NULL && kind_node->type == NODE_SCALAR;
    const struct config_kind *kind = named ? config_kind_find(kind_node->text) : NULL;
    if (kind == NULL) {
        report_kind(file, root, named ? kind_node->text : NULL, diags);
        return;
    }
    size_t errors = diags->error_count;
    struct config_doc *doc = config_decode(kind, file, root, diags);
    config_unsupported(doc, diags);
    struct file_check f = {.ctx = {.diags = diags, .file = file}, .doc = doc};
    check_files(&f, kind->options, root);
    if (kind == &campaign_kind && diags->error_count == errors) {
        check_image((struct campaign_doc *)doc, file, root, diags);
        check_deltas((struct campaign_doc *)doc, diags);
    }
    config_doc_destroy(doc);
}

int config_validate_file(const char *file, struct diag_list *diags)
{
    struct arena tree = {0};
    struct node_list documents;
    size_t errors = diags->error_count;
    int err = node_load_all(&tree, file, &documents, diags);
    for (size_t i = 0; i < documents.count; i++) {
        validate_document(file, documents.items[i], diags);
    }
    arena_finish(&tree);
    diag_list_sort(diags);
    if (err != FUO_OK) {
        return err;
    }
    return diags->error_count == errors ? FUO_OK : FUO_EINVAL;
}
