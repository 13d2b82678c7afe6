/* SPDX-License-Identifier: MIT */
/* fail.h - how a command says that it failed: to people on stderr, to programs in JSON */
#pragma once

#include <json-c/json.h>

#include "fuotactl/cli.h"

/*
 * Says the message and the problems (DIAGs of ctl/protocol.h, borrowed, may be NULL) on
 * stderr; with --json also prints a line of type "error" with code, error and errors.
 * Returns code.
 */
__attribute__((format(printf, 4, 5))) int cli_fail(const struct cli *cli,
                                                   enum cli_exit code,
                                                   struct json_object *problems,
                                                   const char *format, ...);

/* A remark for people, on stderr; nothing with --quiet. */
__attribute__((format(printf, 2, 3))) void cli_remark(const struct cli *cli,
                                                      const char *format, ...);
