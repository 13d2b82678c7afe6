/* SPDX-License-Identifier: MIT */
/*
 * device_profile.h - a DeviceProfile file: the quirks of a device stack (profile/profile.h).
 *
 * Fleets and inventories name profiles: shipped ones, and those of the daemon's folder
 * spec.profiles, which win over shipped ones of the same name.
 */
#pragma once

#include "config/kind.h"
#include "profile/profile.h"

struct device_profile_doc {
    struct config_doc doc;
    const char *stack;
    struct profile profile;
};

extern const struct config_kind device_profile_kind;

/* As config_load() and config_parse(). */
FUO_MUST_CHECK int device_profile_load(const char *file, struct device_profile_doc **doc,
                                       struct diag_list *diags);
FUO_MUST_CHECK int device_profile_parse(const char *file, const char *bytes, size_t len,
                                        struct device_profile_doc **doc,
                                        struct diag_list *diags);

/* Accepts NULL. */
void device_profile_doc_destroy(struct device_profile_doc *doc);
