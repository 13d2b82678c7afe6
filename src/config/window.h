/* SPDX-License-Identifier: MIT */
/* window.h - a Window file: a span of time shared by campaigns, e.g. a freeze. */
#pragma once

#include "campaign/spec.h"
#include "config/kind.h"

struct window_doc {
    struct config_doc doc;
    char name[SPEC_NAME_SIZE];
    const char *timezone;
    const char *from; /* local date or time */
    const char *to;
};

extern const struct config_kind window_kind;

/* As config_load() and config_parse(). */
FUO_MUST_CHECK int window_load(const char *file, struct window_doc **doc,
                               struct diag_list *diags);
FUO_MUST_CHECK int window_parse(const char *file, const char *bytes, size_t len,
                                struct window_doc **doc, struct diag_list *diags);

/* Accepts NULL. */
void window_doc_destroy(struct window_doc *doc);
