/* SPDX-License-Identifier: MIT */
/* Help, usage and the manual page, all from the table. */
#include <string.h>

#include "fuotactl/cli.h"

enum {
    HELP_WIDTH = 80,
    HELP_INDENT = 24,
};

/* ---- text ---- */

/* Words wrapped at HELP_WIDTH, further lines indented; column is where it begins. */
static void print_wrapped(const char *text, size_t len, int indent, int column, FILE *out)
{
    const char *end = text + len;
    bool first = true;
    while (text < end) {
        size_t n = strcspn(text, " ");
        n = n < (size_t)(end - text) ? n : (size_t)(end - text);
        if (!first && column + 1 + (int)n > HELP_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)n, text);
        column += (int)n + !first;
        first = false;
        text += n + (text + n < end);
    }
    fputc('\n', out);
}

static void print_paragraphs(const char *text, FILE *out)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        fputc('\n', out);
        print_wrapped(text, len, 0, 0, out);
        text += len;
        text += strspn(text, "\n");
    }
}

/* "-o, --output FILE" */
static int print_option_name(const struct cli_option *option, FILE *out)
{
    return fprintf(out, "%s%s%s%s%s", option->letter != NULL ? option->letter : "",
                   option->letter != NULL ? ", " : "", option->name,
                   option->value != NULL ? " " : "",
                   option->value != NULL ? option->value : "");
}

static void print_options(const struct cli_option *options, FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        fputs("  ", out);
        int column = 2 + print_option_name(options, out);
        if (column + 2 > HELP_INDENT) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%*s", HELP_INDENT - column, "");
        print_wrapped(options->help, strlen(options->help), HELP_INDENT, HELP_INDENT,
                      out);
    }
}

/* ---- help ---- */

void cli_print_usage(const struct cli_command *command, FILE *out)
{
    if (command == NULL) {
        fputs("usage: fuotactl COMMAND ...; \"fuotactl help\" lists them\n", out);
    } else {
        fprintf(out, "usage: fuotactl %s %s\n", command->name, command->synopsis);
    }
}

void cli_print_help(FILE *out)
{
    fputs(
        "usage: fuotactl [OPTION...] COMMAND ...\n\n"
        "Firmware update campaigns of LoRaWAN fleets: the tool for operators and CI.\n\n"
        "Commands:\n",
        out);
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        fprintf(out, "  %-*s%s\n", HELP_INDENT - 2, c->name, c->summary);
    }
    fputs("\nOptions of every command:\n", out);
    print_options(cli_globals, out);
    fputs("\n\"fuotactl help COMMAND\" explains a command, fuotactl(1) all of them with "
          "the exit\ncodes.\n",
          out);
}

static void print_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: fuotactl %s %s\n\n%s.\n", command->name, command->synopsis,
            command->summary);
    if (command->text != NULL) {
        print_paragraphs(command->text, out);
    }
    if (command->options != NULL) {
        fputs("\nOptions:\n", out);
        print_options(command->options, out);
    }
}

bool cli_print_command_help(const char *name, FILE *out)
{
    size_t len = strlen(name);
    bool found = false;
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (strncmp(c->name, name, len) == 0 &&
            (c->name[len] == '\0' || c->name[len] == ' ')) {
            fputs(found ? "\n" : "", out);
            print_command(c, out);
            found = true;
        }
    }
    return found;
}

/* ---- manual page ---- */

/* scdoc gives meaning to these; a backslash takes it away. */
static void print_escaped(const char *text, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("\\*_`<>#[]~", text[i]) != NULL) {
            fputc('\\', out);
        }
        fputc(text[i], out);
    }
}

static void print_man_options(const struct cli_option *options, FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (options->letter != NULL) {
            fprintf(out, "*%s*, ", options->letter);
        }
        fprintf(out, "*%s*", options->name);
        if (options->value != NULL) {
            fputc(' ', out);
            print_escaped(options->value, strlen(options->value), out);
        }
        fputs("\n\t", out);
        print_escaped(options->help, strlen(options->help), out);
        fputs("\n\n", out);
    }
}

static void print_man_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "## %s\n\n*fuotactl %s* ", command->name, command->name);
    print_escaped(command->synopsis, strlen(command->synopsis), out);
    fputs("\n\n", out);
    print_escaped(command->summary, strlen(command->summary), out);
    fputs(".\n\n", out);
    const char *text = command->text != NULL ? command->text : "";
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        print_escaped(text, len, out);
        fputs("\n\n", out);
        text += len;
        text += strspn(text, "\n");
    }
    print_man_options(command->options, out);
}

static const char man_head[] =
    "# NAME\n\nfuotactl - firmware update campaigns of LoRaWAN fleets\n\n"
    "# SYNOPSIS\n\n*fuotactl* \\[OPTION...\\] COMMAND ...\n\n"
    "# DESCRIPTION\n\n"
    "The tool of operators and CI for *fuotad*(8). Data goes to standard output, "
    "everything for people to standard error. It keeps nothing itself: interrupting or "
    "killing it never hurts a campaign. SIGINT detaches and says how to come back.\n\n";

static const char man_tail[] =
    "# JSON\n\n"
    "With *--json* every line of output is one object. Its member type says what it is; "
    "members may be added, never renamed. Times are RFC 3339 in UTC, durations end in "
    "\\_us. A failure is a line of type \"error\": code (the exit code), error, and "
    "errors, the problems of a file as *validate* prints them.\n\n"
    "# EXIT STATUS\n\n"
    "These numbers are for good.\n\n"
    "*0*\n\tDone.\n\n"
    "*1*\n\tInternal error.\n\n"
    "*2*\n\tUsage.\n\n"
    "*3*\n\tWrong from the file alone.\n\n"
    "*4*\n\tNot allowed.\n\n"
    "*5*\n\tNot found.\n\n"
    "*6*\n\tConflicts with what the daemon holds.\n\n"
    "*7*\n\tSignature or trust.\n\n"
    "*8*\n\tStill running: the wait timed out.\n\n"
    "*9*\n\tPaused at a gate, or by somebody.\n\n"
    "*10*\n\tThe campaign failed or was aborted, or devices failed, are unknown or were "
    "cancelled.\n\n"
    "*11*\n\tDoes not fit radio, window, device or budget.\n\n"
    "*12*\n\tThe daemon cannot be reached.\n\n"
    "*130*\n\tInterrupted; the campaign goes on.\n\n"
    "# ENVIRONMENT\n\n"
    "*FUOTAD\\_SOCKET*\n\tThe control socket, if *--socket* is not given.\n\n"
    "*FUOTAD\\_SERVER*, *FUOTAD\\_KEY*\n\tThe broker and the operator's key, if "
    "*--server* and *--key* are not given.\n\n"
    "*NO\\_COLOR*, *CI*, *TERM*\n\tNo colours if NO\\_COLOR or CI is set or TERM is "
    "dumb; "
    "no live line if CI is set or TERM is dumb.\n\n"
    "# EXAMPLE\n\n"
    "```\nfuotactl validate campaign.yaml &&\n"
    "fuotactl plan campaign.yaml -o plan.json --max-airtime 40h &&\n"
    "fuotactl apply plan.json --wait --timeout 6h\n```\n\n"
    "# SEE ALSO\n\n*fuotad*(8), *fuotad-campaign*(5), *fuotad-fleet*(5)\n";

void cli_print_man(FILE *out)
{
    fprintf(out, "fuotactl(1) \"fuotad %s\" \"fuotad\"\n\n%s# OPTIONS\n\n", FUO_VERSION,
            man_head);
    print_man_options(cli_globals, out);
    fputs("# COMMANDS\n\n", out);
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        print_man_command(c, out);
    }
    fputs(man_tail, out);
}
