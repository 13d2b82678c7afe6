/* SPDX-License-Identifier: MIT */
/*
 * bundle.h - a campaign file with everything that belongs to it, read and checked here,
 * to be given to the daemon, which reads no files for a client.
 *
 * Image, deltas, signatures and lists of devices are found relative to the campaign file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "campaign/variant.h"
#include "config/campaign.h"
#include "fuotactl/cli.h"
#include "fuotactl/remote.h"

struct bundle_file {
    uint8_t *bytes; /* NULL: the campaign names none */
    size_t len;
    char digest[CTL_DIGEST_SIZE];
};

struct bundle {
    const char *file; /* borrowed */
    struct campaign_doc *doc;
    struct bundle_file yaml;
    struct bundle_file image;
    struct bundle_file deltas[VARIANT_DELTAS_MAX]; /* of spec.image.deltas */
    struct bundle_file devices;
    struct bundle_file exclude;
    const char *reason;             /* for the audit log; NULL: none is given */
    struct json_object *signatures; /* [text] */
    struct json_object *delta_list; /* as params have them; NULL: there are none */
};

/* CLI_INVALID: every problem of the file has been printed. Finish it in any case. */
int bundle_load(const struct cli *cli, const char *file, struct bundle *bundle);
void bundle_finish(struct bundle *bundle);

/* Uploads what the daemon does not have yet. */
int bundle_upload(const struct bundle *bundle, struct remote *remote);

/* Fresh params of plan and apply. */
struct json_object *bundle_params(const struct bundle *bundle);

/* Every problem of a file; CLI_OK, CLI_INVALID. Warnings are printed in both cases. */
int bundle_validate(const struct cli *cli, const char *file);

#define AUTO_BUNDLE __attribute__((__cleanup__(bundle_finish)))
