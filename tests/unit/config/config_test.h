/* SPDX-License-Identifier: MIT */
/* config_test.h - parse a text of a kind, and look at the diagnostics as text. */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/diag.h"
#include "config/kind.h"
#include "test.h"

/* All problems as lines; the caller frees. Empties the list. */
static inline char *take_diags(struct diag_list *diags)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    diag_list_print(diags, out);
    fclose(out);
    diag_list_finish(diags);
    return text;
}

static inline void assert_diags(struct diag_list *diags, const char *want)
{
    char *got = take_diags(diags);
    assert_string_equal(got, want);
    free(got);
}

/* NULL if it was refused. */
static inline struct config_doc *parse_text(const char *kind, const char *text,
                                            struct diag_list *diags)
{
    struct config_doc *doc = NULL;
    int err = config_parse(config_kind_find(kind), "f", text, strlen(text), &doc, diags);
    assert_true((err == FUO_OK) == (doc != NULL));
    assert_true(err == FUO_OK || err == FUO_EINVAL);
    return doc;
}

/* A file of the source tree. */
static inline const char *source_path(const char *name, char path[static 1024])
{
    const char *root = getenv("FUO_SOURCE");
    assert_non_null(root);
    snprintf(path, 1024, "%s/%s", root, name);
    return path;
}

/* A file in a fresh folder under the working directory of the test. */
static inline void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    fclose(f);
}
