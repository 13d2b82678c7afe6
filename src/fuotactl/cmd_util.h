/* SPDX-License-Identifier: MIT */
/*
 * cmd_util.h - what the file commands of fuotactl share: options, messages, files and
 * passwords. Messages go to stderr as "fuotactl: text"; whoever returns a code other than
 * CLI_OK has said why.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuotactl/exit.h"

static inline void cmd_json_put(json_object **object)
{
    json_object_put(*object);
}

#define AUTO_JSON __attribute__((__cleanup__(cmd_json_put)))

enum {
    CMD_PASSWORD_SIZE = 1024, /* minisign's bound */
};

/* "--key", or "-o"; exactly one of value and flag is set. A zeroed entry ends a table. */
struct cmd_option {
    const char *name;
    const char **value; /* the next argument, or what follows "="; at most once */
    bool *flag;
};

struct cmd_syntax {
    const char *usage; /* "image sign FILE --key ..." */
    const struct cmd_option *options;
    const char **operand; /* exactly one is required; NULL: none is allowed */
};

__attribute__((__format__(__printf__, 1, 2))) void cmd_say(const char *format, ...);

/* Says the message and the usage line; returns CLI_USAGE. */
__attribute__((__format__(__printf__, 2, 3))) int cmd_usage(const char *usage,
                                                            const char *format, ...);

/* Options and the operand in any order, "--" ends the options; argv[0] is skipped. */
int cmd_parse(int argc, char **argv, const struct cmd_syntax *syntax);

/* true if an argument before "--" is -h or --help. */
bool cmd_wants_help(int argc, char **argv);

/* The caller frees *data. CLI_INVALID if it cannot be read or is too long. */
int cmd_read_file(const char *path, size_t max_bytes, uint8_t **data, size_t *len);

/* CLI_FORBIDDEN if flags have O_EXCL and path exists. */
int cmd_write_file(const char *path, int flags, mode_t mode, const char *text,
                   size_t len);

/*
 * One line from file or, if that is NULL, from the terminal without echo, after prompt.
 * CLI_USAGE if there is no terminal. No NUL is added; wipe text after use.
 */
int cmd_read_password(const char *file, const char *prompt,
                      char text[static CMD_PASSWORD_SIZE], size_t *len);

/* One line of JSON, or "name  value" lines; CLI_INTERNAL if stdout fails. */
int cmd_print(json_object *object, bool json);

/* Flush stdout; a full disk behind it must not look like success. */
int cmd_finish(void);
