/* SPDX-License-Identifier: MIT */
#include "config/node.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "io/cleanup.h"
#include "io/file.h"

struct loader {
    yaml_parser_t parser;
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    size_t node_count;
    bool broken; /* reported; nothing after this can be read */
};

/* Grows in the arena by doubling; what is left behind is at most as large again. */
struct list {
    void *items;
    size_t count;
    size_t capacity;
};

static void list_add(struct arena *arena, struct list *list, const void *item,
                     size_t size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? list->capacity * 2 : 4;
        void *items = arena_array(arena, capacity, size);
        if (list->count != 0) {
            memcpy(items, list->items, list->count * size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    memcpy((char *)list->items + list->count * size, item, size);
    list->count++;
}

static struct diag_place place_of(const struct loader *l, yaml_mark_t mark)
{
    return (struct diag_place){l->file, (uint32_t)mark.line + 1,
                               (uint32_t)mark.column + 1, NULL};
}

static void refuse(struct loader *l, yaml_mark_t mark, const char *text)
{
    struct diag_place place = place_of(l, mark);
    diag_error(l->diags, &place, "%s", text);
}

/* libyaml's own words, at the place of the problem. */
static void report_syntax(struct loader *l)
{
    const yaml_parser_t *p = &l->parser;
    struct diag_place place = place_of(l, p->problem_mark);
    const char *problem = p->problem != NULL ? p->problem : "cannot be parsed";
    if (p->error == YAML_READER_ERROR) {
        place = (struct diag_place){.file = l->file};
        diag_error(l->diags, &place, "%s at byte %zu", problem, p->problem_offset);
    } else if (strstr(problem, "cannot start any token") != NULL && p->context != NULL) {
        diag_error(l->diags, &place,
                   "a tab or a reserved character cannot start a value");
    } else if (p->context != NULL) {
        diag_error(l->diags, &place, "%s, %s", problem, p->context);
    } else {
        diag_error(l->diags, &place, "%s", problem);
    }
    l->broken = true;
}

static bool next_event(struct loader *l, yaml_event_t *event)
{
    if (l->broken) {
        return false;
    }
    if (yaml_parser_parse(&l->parser, event) == 0) {
        report_syntax(l);
        return false;
    }
    return true;
}

static const char *event_anchor(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
    }
    return (const char *)anchor;
}

static const char *event_tag(const yaml_event_t *event)
{
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        tag = event->data.sequence_start.tag;
    }
    return (const char *)tag;
}

static void refuse_decoration(struct loader *l, const yaml_event_t *event)
{
    if (event_anchor(event) != NULL) {
        refuse(l, event->start_mark, "anchors (&) are not supported; write it out");
    }
    if (event_tag(event) != NULL) {
        refuse(l, event->start_mark, "tags (!) are not supported");
    }
}

static struct node *new_node(struct loader *l, enum node_type type, yaml_mark_t mark)
{
    struct node *node = arena_alloc(l->arena, sizeof(*node));
    node->type = type;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
    if (++l->node_count > NODE_COUNT_MAX) {
        refuse(l, mark, "the file has too many values");
        l->broken = true;
    }
    return node;
}

static const struct node *scalar(struct loader *l, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct node *node = new_node(l, NODE_SCALAR, event->start_mark);
    if (memchr(text, '\0', len) != NULL) {
        refuse(l, event->start_mark, "a NUL byte is not allowed");
        node->type = NODE_REFUSED;
        len = 0;
    }
    node->text = arena_text(l->arena, text, len);
    node->len = len;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static const struct node *build(struct loader *l, const yaml_event_t *event,
                                unsigned depth);

static bool has_key(const struct list *entries, const char *key)
{
    const struct node_entry *entry = entries->items;
    for (size_t i = 0; i < entries->count; i++) {
        if (strcmp(entry[i].key->text, key) == 0) {
            return true;
        }
    }
    return false;
}

/* The first value of a key counts. */
static void add_entry(struct loader *l, struct list *entries, struct node_entry entry)
{
    const struct node *key = entry.key;
    struct diag_place place = {l->file, key->line, key->column, NULL};
    if (key->type == NODE_MAPPING || key->type == NODE_SEQUENCE) {
        diag_error(l->diags, &place, "a key must be a word");
    } else if (key->type == NODE_SCALAR && strcmp(key->text, "<<") == 0) {
        diag_error(l->diags, &place, "merge keys (<<) are not supported; write it out");
    } else if (key->type == NODE_SCALAR && has_key(entries, key->text)) {
        diag_error(l->diags, &place, "the key \"%.60s\" stands here twice", key->text);
    } else if (key->type == NODE_SCALAR && entries->count == NODE_KEYS_MAX) {
        diag_error(l->diags, &place, "too many keys in one mapping");
        l->broken = true;
    } else if (key->type == NODE_SCALAR) {
        list_add(l->arena, entries, &entry, sizeof(entry));
    }
}

static const struct node *mapping(struct loader *l, yaml_mark_t mark, unsigned depth)
{
    struct node *node = new_node(l, NODE_MAPPING, mark);
    struct list entries = {0};
    struct node_entry entry = {0};
    yaml_event_t event;
    while (next_event(l, &event)) {
        bool end = event.type == YAML_MAPPING_END_EVENT;
        const struct node *part = end ? NULL : build(l, &event, depth + 1);
        yaml_event_delete(&event);
        if (end) {
            break;
        }
        if (entry.key == NULL) {
            entry.key = part;
            continue;
        }
        entry.value = part;
        add_entry(l, &entries, entry);
        entry = (struct node_entry){0};
    }
    node->entries = entries.items;
    node->len = entries.count;
    return node;
}

static const struct node *sequence(struct loader *l, yaml_mark_t mark, unsigned depth)
{
    struct node *node = new_node(l, NODE_SEQUENCE, mark);
    struct list items = {0};
    yaml_event_t event;
    while (next_event(l, &event)) {
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        const struct node *part = end ? NULL : build(l, &event, depth + 1);
        yaml_event_delete(&event);
        if (end) {
            break;
        }
        list_add(l->arena, &items, &part, sizeof(void *));
    }
    node->items = (const struct node *const *)items.items;
    node->len = items.count;
    return node;
}

/* Never NULL. Depth is bounded here, so the recursion is. */
static const struct node *build(struct loader *l, const yaml_event_t *event,
                                unsigned depth)
{
    refuse_decoration(l, event);
    bool nested = event->type == YAML_MAPPING_START_EVENT ||
                  event->type == YAML_SEQUENCE_START_EVENT;
    if (nested && depth >= NODE_DEPTH_MAX) {
        refuse(l, event->start_mark, "nested too deeply");
        l->broken = true;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        return mapping(l, event->start_mark, depth);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        return sequence(l, event->start_mark, depth);
    } else if (event->type == YAML_SCALAR_EVENT) {
        return scalar(l, event);
    } else {
        refuse(l, event->start_mark, "aliases (*) are not supported; write it out");
    }
    return new_node(l, NODE_REFUSED, event->start_mark);
}

/* An empty document is a plain empty scalar to libyaml. */
static bool is_empty(const struct node *node)
{
    return node->type == NODE_SCALAR && !node->quoted && node->len == 0;
}

static void read_documents(struct loader *l, struct list *documents)
{
    yaml_event_t event;
    bool end = false;
    while (!end && next_event(l, &event)) {
        end = event.type == YAML_STREAM_END_EVENT;
        bool between = end || event.type == YAML_STREAM_START_EVENT ||
                       event.type == YAML_DOCUMENT_START_EVENT ||
                       event.type == YAML_DOCUMENT_END_EVENT;
        const struct node *root = between ? NULL : build(l, &event, 0);
        if (root != NULL && documents->count == NODE_DOCUMENTS_MAX) {
            refuse(l, event.start_mark, "the file has too many documents");
            l->broken = true;
        } else if (root != NULL && !l->broken && !is_empty(root)) {
            list_add(l->arena, documents, &root, sizeof(void *));
        }
        yaml_event_delete(&event);
    }
}

int node_parse(struct arena *arena, const char *file, const char *bytes, size_t len,
               struct node_list *documents, struct diag_list *diags)
{
    struct loader l = {.arena = arena, .diags = diags, .file = file};
    struct list list = {0};
    size_t errors_before = diags->error_count;
    *documents = (struct node_list){0};
    if (len > NODE_FILE_MAX_BYTES) {
        struct diag_place place = {.file = file};
        diag_error(diags, &place, "the file is larger than 1 MiB");
        return FUO_EINVAL;
    }
    if (yaml_parser_initialize(&l.parser) == 0) {
        return FUO_ENOMEM;
    }
    yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)bytes, len);
    read_documents(&l, &list);
    yaml_parser_delete(&l.parser);
    documents->items = (const struct node *const *)list.items;
    documents->count = list.count;
    if (list.count == 0 && diags->error_count == errors_before) {
        struct diag_place place = {.file = file};
        diag_error(diags, &place, "is empty");
    }
    return diags->error_count == errors_before ? FUO_OK : FUO_EINVAL;
}

int node_load_all(struct arena *arena, const char *path, struct node_list *documents,
                  struct diag_list *diags)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    struct diag_place place = {.file = path};
    *documents = (struct node_list){0};
    int err = file_read(path, NODE_FILE_MAX_BYTES, &bytes, &len);
    if (err == FUO_ERANGE) {
        diag_error(diags, &place, "the file is larger than 1 MiB");
        return FUO_EINVAL;
    }
    if (err != FUO_OK) {
        diag_unreadable(diags, &place, err);
        return err;
    }
    return node_parse(arena, path, (const char *)bytes, len, documents, diags);
}

const struct node *node_get(const struct node *mapping_node, const char *key)
{
    if (mapping_node == NULL || mapping_node->type != NODE_MAPPING) {
        return NULL;
    }
    for (size_t i = 0; i < mapping_node->len; i++) {
        if (strcmp(mapping_node->entries[i].key->text, key) == 0) {
            return mapping_node->entries[i].value;
        }
    }
    return NULL;
}

/* One step of a path: "waves" or "[0]". */
static const struct node *step(const struct node *node, const char **path)
{
    char key[128];
    if (**path == '[') {
        char *end = NULL;
        unsigned long index = strtoul(*path + 1, &end, 10);
        bool ok = *end == ']' && node->type == NODE_SEQUENCE && index < node->len;
        *path = *end == ']' ? end + 1 : end + strlen(end);
        return ok ? node->items[index] : NULL;
    }
    size_t len = strcspn(*path, ".[");
    if (len >= sizeof(key)) {
        return NULL;
    }
    memcpy(key, *path, len);
    key[len] = '\0';
    *path += len;
    return node_get(node, key);
}

const struct node *node_find(const struct node *root, const char *path)
{
    while (root != NULL && *path != '\0') {
        if (*path == '.') {
            path++;
        }
        root = step(root, &path);
    }
    return root;
}
