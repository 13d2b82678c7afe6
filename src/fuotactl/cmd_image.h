/* SPDX-License-Identifier: MIT */
/*
 * cmd_image.h - fuotactl image inspect|sign|verify|fragment.
 *
 * Works on files alone, without the daemon. argv[0] is "image". Data goes to stdout,
 * messages to stderr; json is the global --json, which every one of them also takes
 * itself. Returns an enum cli_exit. Not re-entrant (getopt).
 */
#pragma once

#include <stdbool.h>

int cmd_image(int argc, char **argv, bool json);
