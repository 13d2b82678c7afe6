/* SPDX-License-Identifier: MIT */
#include "config/window.h"

#include <string.h>

#include "config/table.h"

#define AT(member) OPTION_AT(struct window_doc, member)

static const struct option_word kinds[] = {{"Window", 0}, {0}};

static const struct option metadata[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(name),
     .example = "org-freeze",
     .help = "The name by which campaigns refer to it."},
    {0},
};

static const struct option spec[] = {
    {.key = "timezone",
     .type = OPTION_ZONE,
     .def = "UTC",
     .example = "Europe/Berlin",
     AT(timezone),
     .help = "IANA zone of from and to."},
    {.key = "from",
     .type = OPTION_LOCAL_TIME,
     .flags = OPTION_REQUIRED,
     AT(from),
     .example = "\"2026-12-23\"",
     .help = "Local date or time at which it begins."},
    {.key = "to",
     .type = OPTION_LOCAL_TIME,
     .flags = OPTION_REQUIRED,
     AT(to),
     .example = "\"2027-01-04\"",
     .help = "Local date or time at which it is over."},
    {0},
};

static const struct option options[] = {
    TABLE_API_VERSION,
    TABLE_KIND("Window", kinds),
    {.key = "metadata",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = metadata,
     .help = "Which window."},
    {.key = "spec",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = spec,
     .help = "When it is."},
    {0},
};

static void check(struct config_doc *doc, struct option_context *ctx)
{
    const struct window_doc *window = (const struct window_doc *)doc;
    if (window->from != NULL && window->to != NULL &&
        strcmp(window->from, window->to) >= 0) {
        struct diag_place place = config_place(doc, "spec.to");
        diag_error(ctx->diags, &place, "must be after from");
    }
}

const struct config_kind window_kind = {
    .name = "Window",
    .page = "fuotad-window",
    .summary = "span of time shared by campaigns",
    .text =
        "A Window is a span of time that campaigns refer to by name, for instance a "
        "freeze of the whole organisation in their blackouts. The daemon reads those in "
        "the folder windows beside its own file when it starts.",
    .example =
        "apiVersion: fuotad/v1\n"
        "kind: Window\n"
        "metadata: { name: org-freeze }\n"
        "spec: { timezone: Europe/Berlin, from: \"2026-12-23\", to: \"2027-01-04\" }\n",
    .options = options,
    .doc_size = sizeof(struct window_doc),
    .check = check,
};

int window_load(const char *file, struct window_doc **doc, struct diag_list *diags)
{
    return config_load(&window_kind, file, (struct config_doc **)doc, diags);
}

int window_parse(const char *file, const char *bytes, size_t len, struct window_doc **doc,
                 struct diag_list *diags)
{
    return config_parse(&window_kind, file, bytes, len, (struct config_doc **)doc, diags);
}

void window_doc_destroy(struct window_doc *doc)
{
    config_doc_destroy((struct config_doc *)doc);
}
