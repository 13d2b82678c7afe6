/* SPDX-License-Identifier: MIT */
/* folder.h - the YAML files of a folder, one after the other. */
#pragma once

#include <stdbool.h>

#include "config/diag.h"

/* Ends in .yaml or .yml, and is not hidden. */
bool folder_is_yaml(const char *name);

/*
 * Calls load for each file that ends in .yaml or .yml and is not hidden, in order of name.
 * A folder that cannot be read is an error in diags.
 */
void folder_each_yaml(const char *folder, struct diag_list *diags,
                      void (*load)(void *arg, const char *path), void *arg);
