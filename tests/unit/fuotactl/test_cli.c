/* SPDX-License-Identifier: MIT */
/* test_cli.c - the command line: what is accepted, what is refused and with which words. */
#include <stdlib.h>
#include <string.h>

#include "fuotactl/cli.h"
#include "test.h"

enum {
    WORDS_MAX = 12,
};

/* Cuts line at blanks into argv; line must outlive it. */
static int split(char *line, char **argv)
{
    int argc = 0;
    char *rest = line;
    for (char *word; (word = strsep(&rest, " ")) != NULL && argc < WORDS_MAX;) {
        argv[argc++] = word;
    }
    return argc;
}

static int parse(char *line, struct cli *cli, struct cli_args *args)
{
    static char *argv[WORDS_MAX + 1]; /* arguments keep pointing into it */
    memset(argv, 0, sizeof(argv));
    int argc = split(line, argv);
    *cli = (struct cli){.socket = CLI_SOCKET};
    return cli_parse(argc, argv, cli, args);
}

static void wrong_command_lines_are_refused_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *error;
    } rows[] = {
        {"fuotactl", "a command is missing"},
        {"fuotactl nope", "no command \"nope\""},
        {"fuotactl images", "no command \"images\""},
        {"fuotactl plan", "FILE is missing"},
        {"fuotactl validate", "FILE is missing"},
        {"fuotactl plan a b", "unexpected argument \"b\""},
        {"fuotactl --nope status", "unknown option --nope"},
        {"fuotactl status --wait", "unknown option --wait"},
        {"fuotactl --timeout 3s apply x", "unknown option --timeout"},
        {"fuotactl apply x --timeout", "--timeout needs a value: TIME"},
        {"fuotactl apply x --timeout=", "--timeout needs a value: TIME"},
        {"fuotactl apply x --wait=1", "--wait takes no value"},
        {"fuotactl apply x --timeout 1s --timeout 2s", "--timeout is given twice"},
        {"fuotactl --color red status",
         "--color takes one of: auto always never; not \"red\""},
        {"fuotactl wait x --for end",
         "--for takes one of: running paused completed aborted failed ended; not "
         "\"end\""},
        {"fuotactl devices x -o xml",
         "--output takes one of: table csv jsonl; not \"xml\""},
        {"fuotactl pause", "NAME is missing"},
        {"fuotactl --socket", "--socket needs a value: PATH"},
        {"fuotactl airtime 5", "unexpected argument \"5\""},
    };
    struct cli_args *args = calloc(1, sizeof(*args));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cli cli;
        char *line = strdup(rows[i].line);
        test_row(rows[i].line);
        assert_int_equal(parse(line, &cli, args), CLI_USAGE);
        assert_string_equal(args->error, rows[i].error);
        free(line);
    }
    free(args);
}

static void options_stand_before_and_behind_the_command(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "fuotactl --json --socket /s plan f.yaml --max-airtime 40h -o p.json -q",
        "fuotactl plan --json -o=p.json --socket=/s --max-airtime=40h --quiet f.yaml",
        "fuotactl -q plan --max-airtime 40h --output p.json --socket /s --json -- f.yaml",
    };
    struct cli_args *args = calloc(1, sizeof(*args));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct cli cli;
        char *line = strdup(lines[i]);
        test_row(lines[i]);
        assert_int_equal(parse(line, &cli, args), CLI_OK);
        assert_string_equal(args->command->name, "plan");
        assert_int_equal(args->operand_count, 1);
        assert_string_equal(args->operands[0], "f.yaml");
        assert_string_equal(cli.socket, "/s");
        assert_true(cli.json && cli.quiet);
        assert_string_equal(cli_value(args, "--max-airtime"), "40h");
        assert_string_equal(cli_value(args, "--output"), "p.json");
        assert_null(cli_value(args, "--max-duration"));
        assert_null(cli_value(args, "--no-such-option"));
        free(line);
    }
    free(args);
}

static void behind_two_hyphens_everything_is_an_operand(void **state)
{
    (void)state;
    struct cli cli;
    struct cli_args *args = calloc(1, sizeof(*args));
    char line[] = "fuotactl validate a.yaml -- --json -";
    assert_int_equal(parse(line, &cli, args), CLI_OK);
    assert_int_equal(args->operand_count, 3);
    assert_string_equal(args->operands[1], "--json");
    assert_string_equal(args->operands[2], "-");
    assert_false(cli.json);
    free(args);
}

static void image_and_key_get_their_own_arguments(void **state)
{
    (void)state;
    struct cli cli;
    struct cli_args *args = calloc(1, sizeof(*args));
    char line[] = "fuotactl --json image verify f --signature s --key k --version 1";
    assert_int_equal(parse(line, &cli, args), CLI_OK);
    assert_non_null(args->command->raw);
    assert_int_equal(args->raw_argc, 9);
    assert_string_equal(args->raw_argv[0], "image");
    assert_string_equal(args->raw_argv[1], "verify");
    assert_true(cli.json);
    assert_false(cli.version);
    free(args);
}

static void help_and_version_excuse_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool help;
        bool version;
        const char *command;
    } rows[] = {
        {"fuotactl --help", true, false, NULL},
        {"fuotactl -h", true, false, NULL},
        {"fuotactl --version", false, true, NULL},
        {"fuotactl plan --help", true, false, "plan"},
        {"fuotactl -h apply", true, false, "apply"},
    };
    struct cli_args *args = calloc(1, sizeof(*args));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cli cli;
        char *line = strdup(rows[i].line);
        test_row(rows[i].line);
        assert_int_equal(parse(line, &cli, args), CLI_OK);
        assert_int_equal(cli.help, rows[i].help);
        assert_int_equal(cli.version, rows[i].version);
        if (rows[i].command == NULL) {
            assert_null(args->command);
        } else {
            assert_string_equal(args->command->name, rows[i].command);
        }
        free(line);
    }
    free(args);
}

static void more_files_than_fit_are_refused(void **state)
{
    (void)state;
    struct cli cli = {0};
    char *argv[CLI_OPERANDS_MAX + 3];
    char program[] = "fuotactl";
    char command[] = "validate";
    char file[] = "f";
    argv[0] = program;
    argv[1] = command;
    for (size_t i = 2; i < ARRAY_LEN(argv); i++) {
        argv[i] = file;
    }
    struct cli_args *args = calloc(1, sizeof(*args));
    assert_int_equal(cli_parse((int)ARRAY_LEN(argv) - 1, argv, &cli, args), CLI_OK);
    assert_int_equal(args->operand_count, CLI_OPERANDS_MAX);
    assert_int_equal(cli_parse((int)ARRAY_LEN(argv), argv, &cli, args), CLI_USAGE);
    free(args);
}

static void colours_and_live_lines_need_a_terminal_and_no_ci(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct cli_surroundings around;
        struct cli cli;
        bool out;
        bool err;
        bool live;
    } rows[] = {
        {"a terminal", {true, true, NULL, NULL, "xterm"}, {0}, true, true, true},
        {"pipes", {false, false, NULL, NULL, "xterm"}, {0}, false, false, false},
        {"stdout piped", {false, true, NULL, NULL, "xterm"}, {0}, false, true, true},
        {"NO_COLOR", {true, true, "1", NULL, "xterm"}, {0}, false, false, true},
        {"NO_COLOR empty", {true, true, "", NULL, "xterm"}, {0}, true, true, true},
        {"CI", {true, true, NULL, "true", "xterm"}, {0}, false, false, false},
        {"CI=false", {true, true, NULL, "false", "xterm"}, {0}, true, true, true},
        {"dumb", {true, true, NULL, NULL, "dumb"}, {0}, false, false, false},
        {"no TERM", {true, true, NULL, NULL, NULL}, {0}, false, false, false},
        {"always",
         {false, false, "1", "1", "dumb"},
         {.color = CLI_COLOR_ALWAYS},
         true,
         true,
         false},
        {"never",
         {true, true, NULL, NULL, "xterm"},
         {.color = CLI_COLOR_NEVER},
         false,
         false,
         true},
        {"quiet", {true, true, NULL, NULL, "xterm"}, {.quiet = true}, true, true, false},
        {"json", {true, true, NULL, NULL, "xterm"}, {.json = true}, true, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cli cli = rows[i].cli;
        test_row(rows[i].name);
        cli_settle(&cli, &rows[i].around);
        assert_int_equal(cli.color_out, rows[i].out);
        assert_int_equal(cli.color_err, rows[i].err);
        assert_int_equal(cli.live, rows[i].live);
    }
}

/* What a printer prints, as text. */
struct printed {
    char *text;
    size_t len;
    FILE *out;
};

static FILE *begin(struct printed *p)
{
    p->out = open_memstream(&p->text, &p->len);
    assert_non_null(p->out);
    return p->out;
}

static void has(struct printed *p, const char *want)
{
    fflush(p->out);
    if (strstr(p->text, want) == NULL) {
        print_error("not in it: %s\n%s\n", want, p->text);
        fail();
    }
}

static void end(struct printed *p)
{
    fclose(p->out);
    free(p->text);
}

static void every_command_is_complete_and_shown_everywhere(void **state)
{
    (void)state;
    struct printed help = {0};
    struct printed man = {0};
    struct printed bash = {0};
    cli_print_help(begin(&help));
    cli_print_man(begin(&man));
    assert_true(cli_print_completion("bash", begin(&bash)));
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        char text[128];
        test_row(c->name);
        assert_true((c->run != NULL) != (c->raw != NULL));
        assert_true(c->operand_min <= c->operand_max);
        assert_true(c->operand != NULL || c->operand_max == 0);
        assert_true(cli_find(c->name) == c);
        snprintf(text, sizeof(text), "\n  %s ", c->name);
        has(&help, text);
        snprintf(text, sizeof(text), "\n## %s\n", c->name);
        has(&man, text);
        snprintf(text, sizeof(text), "'%s')", c->name);
        has(&bash, text);
        size_t options = 0;
        for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++) {
            options++;
            assert_int_equal(strncmp(o->name, "--", 2), 0);
            assert_int_equal(o->help[strlen(o->help) - 1], '.');
        }
        assert_true(options <= CLI_OPTIONS_MAX);
    }
    end(&help);
    end(&man);
    end(&bash);
}

static void help_of_a_command_wraps_and_lists_options(void **state)
{
    (void)state;
    struct printed p = {0};
    assert_true(cli_print_command_help("wait", begin(&p)));
    has(&p, "usage: fuotactl wait NAME [--for PHASE] [--timeout TIME]\n");
    has(&p, "\n  --for PHASE           What to wait for; default: completed.");
    has(&p, "\n                        ");
    for (char *line = p.text, *lf; (lf = strchr(line, '\n')) != NULL; line = lf + 1) {
        assert_true(lf - line <= 80);
    }
    end(&p);
    p = (struct printed){0};
    assert_true(cli_print_command_help("image", begin(&p)));
    has(&p, "fuotactl image sign FILE");
    has(&p, "fuotactl image fragment FILE");
    assert_false(cli_print_command_help("imag", p.out));
    end(&p);
}

static void only_three_shells_are_completed(void **state)
{
    (void)state;
    struct printed p = {0};
    FILE *out = begin(&p);
    assert_false(cli_print_completion("tcsh", out));
    fflush(out);
    assert_int_equal(p.len, 0);
    assert_true(cli_print_completion("zsh", out));
    has(&p, "#compdef fuotactl\n");
    assert_true(cli_print_completion("fish", out));
    has(&p, "complete -c fuotactl -n __fish_use_subcommand -a plan -d 'Show what");
    end(&p);
}

TEST_MAIN(cmocka_unit_test(wrong_command_lines_are_refused_in_one_line),
          cmocka_unit_test(options_stand_before_and_behind_the_command),
          cmocka_unit_test(behind_two_hyphens_everything_is_an_operand),
          cmocka_unit_test(image_and_key_get_their_own_arguments),
          cmocka_unit_test(help_and_version_excuse_what_is_missing),
          cmocka_unit_test(more_files_than_fit_are_refused),
          cmocka_unit_test(colours_and_live_lines_need_a_terminal_and_no_ci),
          cmocka_unit_test(every_command_is_complete_and_shown_everywhere),
          cmocka_unit_test(help_of_a_command_wraps_and_lists_options),
          cmocka_unit_test(only_three_shells_are_completed))
