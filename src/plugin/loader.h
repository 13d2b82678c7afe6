/* SPDX-License-Identifier: MIT */
/*
 * loader.h - plugins as shared objects: FOLDER/NAME.so with the symbol FUO_NS_SYMBOL.
 *
 * A name is lower-case letters, digits, '-' and '_', so that nothing outside the folder
 * can be loaded.
 */
#pragma once

#include <stddef.h>

#include "fuotad/error.h"
#include "fuotad/plugin.h"

struct loaded_plugin {
    struct fuo_ns_plugin plugin; /* adopted; valid until plugin_unload() */
    void *handle;
};

/*
 * FUO_EINVAL: not a name, or a bad declaration; FUO_ENOENT: no such file; FUO_EABI; FUO_EIO:
 * not loadable. Then why[0..why_size) says so for people and *loaded is untouched.
 */
FUO_MUST_CHECK int plugin_load(const char *folder, const char *name,
                               struct loaded_plugin *loaded, char *why, size_t why_size);

/* After the last instance is closed. Accepts NULL and twice. */
void plugin_unload(struct loaded_plugin *loaded);
