/* SPDX-License-Identifier: MIT */
/*
 * options.h - text into a plugin's config struct, by the plugin's own option table.
 *
 * For callers without a file (tests, the simulator); a Fleet file is decoded by
 * config/plugin_options.h with the same table. All problems are reported, each with a text
 * for people; the value of a FUO_OPT_SECRET is never in it. Pure but for the allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "fuotad/plugin.h"

struct option_pair {
    const char *key;
    const char *value;
};

struct plugin_options; /* owns the config struct and its strings */

/*
 * report (may be NULL) is called for each problem with the index of the pair, or count for
 * a required key that is missing. FUO_EINVAL if anything was reported; FUO_ENOMEM. *options
 * is set on FUO_OK only.
 */
FUO_MUST_CHECK int plugin_options_parse(const struct fuo_ns_plugin *plugin,
                                        const struct option_pair *pairs, size_t count,
                                        void (*report)(void *arg, size_t index,
                                                       const char *text),
                                        void *arg, struct plugin_options **options);

/* What fuo_ns_plugin.open() takes. */
const void *plugin_options_config(const struct plugin_options *options);

/* Wipes. Accepts NULL. */
void plugin_options_destroy(struct plugin_options *options);

/* "1.5s", "700ms", "20us", "2h", "1d", "0"; FUO_EINVAL, or FUO_ERANGE above int64_t. */
FUO_MUST_CHECK int option_parse_duration_us(const char *text, int64_t *us);
