/* SPDX-License-Identifier: MIT */
#include "fuotactl/run.h"

#include <stdlib.h>
#include <unistd.h>

#include "fuotactl/cli.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/words.h"
#include "io/cleanup.h"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static int usage(const struct cli_args *args)
{
    fputs("fuotactl: ", stderr);
    words_print(stderr, args->error);
    fputc('\n', stderr);
    cli_print_usage(args->command, stderr);
    return CLI_USAGE;
}

static int dispatch(const struct cli *cli, const struct cli_args *args)
{
    const struct cli_command *command = args->command;
    if (command != NULL && command->raw != NULL) {
        return command->raw(args->raw_argc, args->raw_argv, cli->json);
    }
    if (cli->version) {
        puts("fuotactl " FUO_VERSION);
        return cmd_finish();
    }
    if (command != NULL && !cli->help) {
        return command->run(cli, args);
    }
    if (command == NULL) {
        cli_print_help(stdout);
    } else {
        (void)cli_print_command_help(command->name, stdout);
    }
    return cmd_finish();
}

int cli_run(int argc, char **argv)
{
    const char *socket = environment("FUOTAD_SOCKET");
    struct cli cli = {
        .socket = socket != NULL ? socket : CLI_SOCKET,
        .server = {.url = environment("FUOTAD_SERVER"),
                   .key = environment("FUOTAD_KEY"),
                   .instance = CLI_INSTANCE,
                   .root = CLI_ROOT},
    };
    AUTO_FREE struct cli_args *args = calloc(1, sizeof(*args));
    if (args == NULL) {
        return CLI_INTERNAL;
    }
    if (cli_parse(argc, argv, &cli, args) != CLI_OK) {
        return usage(args);
    }
    const struct cli_surroundings around = {
        .stdout_tty = isatty(STDOUT_FILENO) == 1,
        .stderr_tty = isatty(STDERR_FILENO) == 1,
        .no_color = getenv("NO_COLOR"),
        .ci = getenv("CI"),
        .term = getenv("TERM"),
    };
    cli_settle(&cli, &around);
    return dispatch(&cli, args);
}
