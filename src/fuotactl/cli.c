/* SPDX-License-Identifier: MIT */
#include "fuotactl/cli.h"

#include <stdarg.h>
#include <string.h>

/* Where parsing stands. */
enum {
    COMMAND_NAME_SIZE = 64,
};

struct scan {
    int argc;
    char **argv;
    int at;
    int command_at; /* where the command's (first) word stands */
    bool options_over;
    struct cli *cli;
    struct cli_args *args;
};

__attribute__((format(printf, 2, 3))) static int fail(struct cli_args *args,
                                                      const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(args->error, sizeof(args->error), format, list);
    va_end(list);
    return CLI_USAGE;
}

/* ---- commands ---- */

/* Matches a whole name, or its first word if the command reads its own arguments. */
static bool names(const struct cli_command *command, const char *word)
{
    size_t len = strlen(word);
    return strncmp(command->name, word, len) == 0 &&
           (command->name[len] == '\0' ||
            (command->raw != NULL && command->name[len] == ' '));
}

static const struct cli_command *find_word(const char *word)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (names(c, word)) {
            return c;
        }
    }
    return NULL;
}

const struct cli_command *cli_find(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

/* "devices import": a command of two words, whose first is a command, too. */
static const struct cli_command *find_sub(const struct cli_command *command,
                                          const char *word)
{
    char name[COMMAND_NAME_SIZE];
    int len = snprintf(name, sizeof(name), "%s %s", command->name, word);
    return len > 0 && (size_t)len < sizeof(name) ? cli_find(name) : NULL;
}

/* ---- options ---- */

static bool is_called(const char *name, const char *arg, size_t len)
{
    return name != NULL && strlen(name) == len && memcmp(name, arg, len) == 0;
}

static const struct cli_option *find_option(const struct cli_option *options,
                                            const char *arg, size_t len)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (is_called(options->name, arg, len) || is_called(options->letter, arg, len)) {
            return options;
        }
    }
    return NULL;
}

static bool is_word_of(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, word, len) == 0) {
            return true;
        }
        at += n;
    }
    return false;
}

/* The value of the option at scan->at, "" for a flag. */
static int take_value(struct scan *scan, const struct cli_option *option,
                      const char **value)
{
    const char *arg = scan->argv[scan->at];
    const char *inline_value = strchr(arg, '=');
    if (option->value == NULL) {
        *value = "";
        return inline_value == NULL ? CLI_OK
                                    : fail(scan->args, "%s takes no value", option->name);
    }
    if (inline_value != NULL) {
        *value = inline_value + 1;
    } else if (scan->at + 1 < scan->argc) {
        *value = scan->argv[++scan->at];
    } else {
        *value = "";
    }
    if (**value == '\0') {
        return fail(scan->args, "%s needs a value: %s", option->name, option->value);
    }
    if (option->words != NULL && !is_word_of(option->words, *value)) {
        return fail(scan->args, "%s takes one of: %s; not \"%.40s\"", option->name,
                    option->words, *value);
    }
    return CLI_OK;
}

static bool set_server(struct cli_server *server, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **slot;
    } slots[] = {
        {"--server", &server->url},
        {"--key", &server->key},
        {"--key-password-file", &server->key_password_file},
        {"--ca", &server->ca},
        {"--cert", &server->cert},
        {"--cert-key", &server->cert_key},
        {"--username", &server->username},
        {"--password-file", &server->password_file},
        {"--instance", &server->instance},
        {"--root", &server->root},
    };
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        if (strcmp(slots[i].name, name) == 0) {
            *slots[i].slot = value;
            return true;
        }
    }
    return false;
}

static void set_global(struct cli *cli, const char *name, const char *value)
{
    if (set_server(&cli->server, name, value)) {
        return;
    }
    if (strcmp(name, "--socket") == 0) {
        cli->socket = value;
    } else if (strcmp(name, "--json") == 0) {
        cli->json = true;
    } else if (strcmp(name, "--quiet") == 0) {
        cli->quiet = true;
    } else if (strcmp(name, "--help") == 0) {
        cli->help = true;
    } else if (strcmp(name, "--version") == 0) {
        cli->version = true;
    } else {
        cli->color = strcmp(value, "always") == 0  ? CLI_COLOR_ALWAYS
                     : strcmp(value, "never") == 0 ? CLI_COLOR_NEVER
                                                   : CLI_COLOR_AUTO;
    }
}

static int parse_option(struct scan *scan)
{
    struct cli_args *args = scan->args;
    const char *arg = scan->argv[scan->at];
    size_t len = strcspn(arg, "=");
    const struct cli_option *mine = args->command != NULL ? args->command->options : NULL;
    const struct cli_option *option = find_option(mine, arg, len);
    const struct cli_option *global = find_option(cli_globals, arg, len);
    const char *value = NULL;
    if (option == NULL && global == NULL) {
        return fail(args, "unknown option %.60s", arg);
    }
    int rc = take_value(scan, option != NULL ? option : global, &value);
    if (rc != CLI_OK) {
        return rc;
    }
    if (option == NULL) {
        set_global(scan->cli, global->name, value);
        return CLI_OK;
    }
    const char **slot = &args->values[option - mine];
    if (*slot != NULL && option->value != NULL) {
        return fail(args, "%s is given twice", option->name);
    }
    *slot = value;
    return CLI_OK;
}

/* ---- operands ---- */

static int take_word(struct scan *scan)
{
    struct cli_args *args = scan->args;
    const char *word = scan->argv[scan->at];
    if (args->command == NULL) {
        args->command = find_word(word);
        scan->command_at = scan->at;
        return args->command != NULL ? CLI_OK : fail(args, "no command \"%.40s\"", word);
    }
    if (scan->at == scan->command_at + 1 && !scan->options_over) {
        const struct cli_command *sub = find_sub(args->command, word);
        if (sub != NULL) {
            args->command = sub;
            return CLI_OK;
        }
    }
    const struct cli_command *command = args->command;
    if (args->operand_count == command->operand_max) {
        return fail(args, "unexpected argument \"%.60s\"", word);
    }
    args->operands[args->operand_count++] = word;
    return CLI_OK;
}

static int parse_one(struct scan *scan)
{
    const char *arg = scan->argv[scan->at];
    if (!scan->options_over && strcmp(arg, "--") == 0) {
        scan->options_over = true;
        return CLI_OK;
    }
    bool option = !scan->options_over && arg[0] == '-' && arg[1] != '\0';
    return option ? parse_option(scan) : take_word(scan);
}

int cli_parse(int argc, char **argv, struct cli *cli, struct cli_args *args)
{
    struct scan scan = {.argc = argc, .argv = argv, .at = 1, .cli = cli, .args = args};
    *args = (struct cli_args){0};
    for (; scan.at < argc; scan.at++) {
        int rc = parse_one(&scan);
        if (rc != CLI_OK) {
            return rc;
        }
        if (args->command != NULL && args->command->raw != NULL) {
            args->raw_argc = argc - scan.at;
            args->raw_argv = argv + scan.at;
            return CLI_OK;
        }
    }
    if (cli->help || cli->version) {
        return CLI_OK;
    }
    if (args->command == NULL) {
        return fail(args, "a command is missing");
    }
    if (args->operand_count < args->command->operand_min) {
        return fail(args, "%s is missing", args->command->operand);
    }
    return CLI_OK;
}

const char *cli_value(const struct cli_args *args, const char *name)
{
    const struct cli_option *options = args->command->options;
    const struct cli_option *option = find_option(options, name, strlen(name));
    return option != NULL ? args->values[option - options] : NULL;
}

/* ---- surroundings ---- */

static bool is_set(const char *value)
{
    return value != NULL && *value != '\0';
}

static bool is_ci(const char *value)
{
    return is_set(value) && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

void cli_settle(struct cli *cli, const struct cli_surroundings *around)
{
    bool dumb = around->term == NULL || strcmp(around->term, "dumb") == 0;
    bool ci = is_ci(around->ci);
    bool plain = dumb || ci || is_set(around->no_color);
    cli->color_out = cli->color == CLI_COLOR_ALWAYS ||
                     (cli->color == CLI_COLOR_AUTO && around->stdout_tty && !plain);
    cli->color_err = cli->color == CLI_COLOR_ALWAYS ||
                     (cli->color == CLI_COLOR_AUTO && around->stderr_tty && !plain);
    cli->live = around->stderr_tty && !dumb && !ci && !cli->quiet && !cli->json;
}
