/* SPDX-License-Identifier: MIT */
/*
 * rollback.h - where a rollback gets the version before from, and the files that it leaves.
 *
 * Either from the campaign file that brought it (--to), whose image and signatures stay where
 * they are; then whoever was updated goes back. Or from the daemon, which has the files of its
 * campaigns and their images: then image and signatures are written beside the new campaign,
 * and only who was brought that version by that campaign goes back to it, because nobody knows
 * what the others ran.
 *
 * Everything is read before the first file is written; of the files all are there in the end,
 * or none. Files that exist are never touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotactl/bundle.h"
#include "fuotactl/cli.h"
#include "fuotactl/remote.h"

enum {
    ROLLBACK_PATH_SIZE = 4096,
    ROLLBACK_LIST = 0, /* the DevEUIs */
    ROLLBACK_IMAGE,
    ROLLBACK_SIGNATURES, /* the first of CTL_SIGNATURES_MAX */
    ROLLBACK_CAMPAIGN = ROLLBACK_SIGNATURES + CTL_SIGNATURES_MAX, /* written last */
    ROLLBACK_FILES,
};

struct rollback_file {
    char path[ROLLBACK_PATH_SIZE];
    const void *bytes; /* borrowed; NULL: it is not written */
    size_t len;
};

struct rollback_before {
    const struct cli *cli;
    const struct campaign_spec *spec; /* of who brought it */
    char *name;  /* owned; of that campaign at the daemon; NULL: from a file */
    char *image; /* owned; its path, from the folder of the new campaign */
    char *signatures[CTL_SIGNATURES_MAX]; /* owned; the same */
    size_t signature_count;
    struct rollback_file files[ROLLBACK_FILES];
    /* what those point into */
    struct bundle bundle;
    struct campaign_doc *doc;
    json_object *stored; /* the daemon's answer */
    uint8_t *bytes;
    uint64_t *devices; /* ascending; of that campaign */
    size_t device_count;
};

/* All after output. CLI_USAGE: it is too long. */
int rollback_name_files(const struct cli *cli, const char *output,
                        struct rollback_before *before);

int rollback_take_file(const struct cli *cli, const char *file,
                       struct rollback_before *before);

/* What campaign `name` has replaced, by what the daemon has stored. */
int rollback_take_stored(struct remote *remote, const char *name,
                         struct rollback_before *before);

/* Whether that device goes back. */
bool rollback_had_it(const struct rollback_before *before, const char *eui);

/* Devices that succeeded in a campaign, in order of DevEUI. */
typedef void rollback_device_fn(void *arg, const char *eui, const char *fleet);
int rollback_each_updated(struct remote *remote, const char *name, rollback_device_fn *fn,
                          void *arg);

/* CLI_FORBIDDEN: one of them exists. */
int rollback_write(const struct rollback_before *before);

/* What a path ends with. */
const char *rollback_base(const char *path);

void rollback_finish(struct rollback_before *before); /* accepts a zeroed one */
