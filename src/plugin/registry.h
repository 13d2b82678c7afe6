/* SPDX-License-Identifier: MIT */
/* registry.h - validation of what a plugin declares about itself. Pure. */
#pragma once

#include "fuotad/error.h"
#include "fuotad/plugin.h"

/*
 * Copy *declared into *plugin; members that the plugin is too old to know are NULL, those
 * too new for us are left out. FUO_EABI: another ABI number, or smaller than the first
 * release. FUO_EINVAL: a mandatory member is missing, only some of the multicast
 * functions are there, or of those that go with orders, or the option table is unusable. On failure *plugin is untouched.
 */
FUO_MUST_CHECK int registry_adopt(const struct fuo_ns_plugin *declared,
                                  struct fuo_ns_plugin *plugin);
