/* SPDX-License-Identifier: MIT */
/*
 * cli.h - the command line of fuotactl: one table of commands, and what was given.
 *
 * The table (cli_table.c, its options in cli_options.c) drives parsing, --help, usage errors,
 * shell completion and the manual page; nothing about a command is said twice. Commands and
 * options may be mixed in any order; "--" ends the options; the global options are taken
 * before and after the command. "image" and "key" read their own arguments: everything
 * behind their name is handed on.
 *
 * Parsing and printing only: no sockets, no clock. Strings are borrowed from argv.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "fuotactl/exit.h"

#define CLI_SOCKET   "/run/fuotad/control.sock"
#define CLI_INSTANCE "main"
#define CLI_ROOT     "fuotad/v1"

enum {
    CLI_OPTIONS_MAX = 16, /* of one command */
    CLI_OPERANDS_MAX = 1024,
    CLI_MANY = CLI_OPERANDS_MAX,
    CLI_ERROR_SIZE = 256,
};

enum cli_color {
    CLI_COLOR_AUTO,
    CLI_COLOR_ALWAYS,
    CLI_COLOR_NEVER,
};

/* How to reach a daemon by way of a broker; all NULL: over the socket. */
struct cli_server {
    const char *url; /* mqtts://HOST[:PORT] */
    const char *key; /* file of the operator's secret key */
    const char *key_password_file;
    const char *ca;
    const char *cert;
    const char *cert_key;
    const char *username;
    const char *password_file;
    const char *instance;
    const char *root;
};

/* Global options, and what follows from them and the surroundings. */
struct cli {
    const char *socket;
    struct cli_server server;
    bool json;
    bool quiet;
    bool help;
    bool version;
    enum cli_color color;
    bool color_out; /* stdout may be coloured */
    bool color_err; /* stderr may be coloured */
    bool live;      /* stderr can show a line that changes in place */
};

/* One option; a zeroed entry ends a list. */
struct cli_option {
    const char *name;   /* "--timeout" */
    const char *letter; /* "-o"; NULL: none */
    const char *value;  /* "TIME"; NULL: a flag */
    const char *words;  /* "auto always never"; NULL: anything */
    bool file;          /* the value is a file name */
    const char *help;   /* ends with a full stop */
};

struct cli_args;

struct cli_command {
    const char *name;     /* "plan", "image sign" */
    const char *synopsis; /* what follows the name */
    const char *summary;  /* one line, no full stop */
    const char *text;     /* paragraphs, with the fields of --json; may be NULL */
    const struct cli_option *options; /* may be NULL */
    const char *operand;              /* "FILE"; NULL: none is allowed */
    const char *operand_words;        /* "campaign fleet", for completion; may be NULL */
    bool operand_files;
    size_t operand_min;
    size_t operand_max;
    int (*run)(const struct cli *cli, const struct cli_args *args);
    int (*raw)(int argc, char **argv, bool json); /* in place of run */
};

struct cli_args {
    const struct cli_command *command;   /* NULL: none was given */
    const char *values[CLI_OPTIONS_MAX]; /* by option; "" for a flag; NULL: not given */
    const char *operands[CLI_OPERANDS_MAX];
    size_t operand_count;
    int raw_argc; /* command->raw: its argv, name included */
    char **raw_argv;
    char error[CLI_ERROR_SIZE]; /* CLI_USAGE: one line, without the program's name */
};

/* The commands, in the order of the help; ends with a zeroed entry. */
extern const struct cli_command cli_commands[];
extern const struct cli_option cli_globals[];

/*
 * CLI_OK or CLI_USAGE. With --help or --version, what is missing is no error. args is
 * large: better not on a small stack.
 */
int cli_parse(int argc, char **argv, struct cli *cli, struct cli_args *args);

/* The value of an option of the command: NULL not given, "" a flag. */
const char *cli_value(const struct cli_args *args, const char *name);

/* What decides about colours and live lines, beside the options. */
struct cli_surroundings {
    bool stdout_tty;
    bool stderr_tty;
    const char *no_color; /* values of the environment, or NULL */
    const char *ci;
    const char *term;
};

void cli_settle(struct cli *cli, const struct cli_surroundings *around);

/* The command with that name; words are joined by blanks. NULL if there is none. */
const struct cli_command *cli_find(const char *name);

/* ---- printing ---- */

void cli_print_usage(const struct cli_command *command /* may be NULL */, FILE *out);
void cli_print_help(FILE *out);
/* Everything about the commands that are, or begin with, that word; false: none is. */
bool cli_print_command_help(const char *name, FILE *out);
/* bash, zsh or fish; false: another shell. */
bool cli_print_completion(const char *shell, FILE *out);
/* The manual page as scdoc(5) text. */
void cli_print_man(FILE *out);
