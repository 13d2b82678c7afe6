/* SPDX-License-Identifier: MIT */
/*
 * plan_file.h - what `plan -o` writes and `apply` takes: what was reviewed is what runs.
 *
 *   {"kind":"Plan","format":1,"fuotad":"0.1.0","created":"...","file":"campaign.yaml",
 *    "campaign_digest":hex,"image_digest":hex,"plan_digest":hex,"plan":PLAN}
 *
 * It holds digests, not the files: file is opened from the current folder, as when it was
 * planned. plan_digest names the plan (BLAKE2b-256 of PLAN without blanks): an edited plan
 * is none. A difference to what the daemon plans today is a conflict (exit code 6), not a
 * warning, and all of them are said.
 */
#pragma once

#include <json-c/json.h>

#include "fuotactl/bundle.h"

enum {
    PLAN_FILE_FORMAT = 1,
    PLAN_FILE_TOLERANCE_PERCENT =
        2, /* of devices, those left out or in conflict, airtime */
    PLAN_FILE_FORECAST_PERCENT = 10, /* of duration and energy: links are learned on */
};

struct plan_file {
    struct json_object *root; /* owned; NULL: not a plan */
    const char *campaign;     /* borrowed from root */
};

int plan_file_write(const struct cli *cli, const char *path, const struct bundle *bundle,
                    struct json_object *plan);

/* CLI_OK with root NULL: path is something else, a campaign presumably. */
int plan_file_read(const struct cli *cli, const char *path, struct plan_file *file);
void plan_file_finish(struct plan_file *file);

/* CLI_CONFLICT if campaign or image are not those that were planned. */
int plan_file_match(const struct cli *cli, const struct plan_file *file,
                    const struct bundle *bundle);

/* CLI_CONFLICT if the daemon's answer of today (PLAN) is another one. */
int plan_file_compare(const struct cli *cli, const struct plan_file *file,
                      struct json_object *now);

#define AUTO_PLAN_FILE __attribute__((__cleanup__(plan_file_finish)))
