/* SPDX-License-Identifier: MIT */
/*
 * kind.h - the kinds of files (Campaign, Fleet, ...) and how any of them is loaded.
 *
 * A decoded document is one heap object that begins with struct config_doc and owns
 * everything it points to. The typed front ends are campaign.h, fleet.h, trust_policy.h,
 * daemon.h and window.h.
 */
#pragma once

#include <stddef.h>

#include "config/arena.h"
#include "config/diag.h"
#include "config/node.h"
#include "config/option.h"
#include "fuotad/error.h"

#define CONFIG_API_VERSION "fuotad/v1"

struct config_kind;

/* First member of every decoded document. */
struct config_doc {
    struct arena arena; /* decoded values */
    struct arena tree;  /* the nodes, if the document owns them */
    const struct config_kind *kind;
    const char *file;        /* as given to the loader */
    const struct node *root; /* for positions in later checks */
};

struct config_kind {
    const char *name;             /* "Campaign" */
    const char *page;             /* "fuotad-campaign", section 5 */
    const char *summary;          /* "firmware campaign for fuotad" */
    const char *text;             /* description, one paragraph */
    const char *example;          /* the smallest useful file */
    const struct option *options; /* apiVersion, kind, metadata, spec */
    size_t doc_size;
    /* Rules across keys; also fills what is derived. May be NULL. */
    void (*check)(struct config_doc *doc, struct option_context *ctx);
};

/* All kinds, ends with NULL. */
extern const struct config_kind *const config_kinds[];

/* By name, case-insensitive ("campaign", "trust-policy" and "TrustPolicy" too). */
const struct config_kind *config_kind_find(const char *name);

/*
 * Load the one document of a kind from a file, or from bytes (file is then only the name).
 * FUO_EINVAL (everything is in diags, sorted), or the code of file_read() if the
 * file cannot be read (reported, too). *doc is set on FUO_OK only; release it with config_doc_destroy().
 */
FUO_MUST_CHECK int config_load(const struct config_kind *kind, const char *file,
                               struct config_doc **doc, struct diag_list *diags);
FUO_MUST_CHECK int config_parse(const struct config_kind *kind, const char *file,
                                const char *bytes, size_t len, struct config_doc **doc,
                                struct diag_list *diags);

/*
 * Decode one node of a file whose tree outlives the document. Always gives a document,
 * with defaults for what was wrong; the errors are in diags. Release it with
 * config_doc_destroy().
 */
struct config_doc *config_decode(const struct config_kind *kind, const char *file,
                                 const struct node *root, struct diag_list *diags);

/* Accepts NULL. */
void config_doc_destroy(struct config_doc *doc);

/* Report (as errors, with positions) what this version does not honour. */
void config_unsupported(const struct config_doc *doc, struct diag_list *diags);

/* dir(doc->file)/path, or path if it is absolute; in doc's arena. NULL if path is. */
const char *config_path(struct config_doc *doc, const char *path);

/* The place of a node of doc, for checks made outside: "spec.image.file". */
struct diag_place config_place(const struct config_doc *doc, const char *path);
/* The same for all problems of that file that say a path and no line. */
void config_place_all(const struct config_doc *doc, struct diag_list *diags);
