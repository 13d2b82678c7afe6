/* SPDX-License-Identifier: MIT */
/*
 * plugin_options.h - spec.networkServer.options of a Fleet by a plugin's own table.
 *
 * The same errors as for our own keys: unknown key with the nearest known one, position,
 * everything at once. The value of a FUO_OPT_SECRET never appears in a diagnostic.
 */
#pragma once

#include "config/fleet.h"
#include "fuotad/plugin.h"

/*
 * Fill config (plugin->config_size bytes, zeroed by the caller) from doc. Strings are
 * owned by doc, which must outlive config. FUO_EINVAL if anything was reported.
 */
FUO_MUST_CHECK int plugin_options_decode(const struct fuo_option *table,
                                         struct fleet_doc *doc, void *config,
                                         struct diag_list *diags);
