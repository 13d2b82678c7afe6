/* SPDX-License-Identifier: MIT */
/*
 * cmd_key.h - fuotactl key generate: a minisign key pair, NAME.pub and NAME.key.
 *
 * argv[0] is "key". Data goes to stdout, messages to stderr. Never overwrites a file.
 * Returns an enum cli_exit. Not re-entrant (getopt).
 */
#pragma once

#include <stdbool.h>

int cmd_key(int argc, char **argv, bool json);
