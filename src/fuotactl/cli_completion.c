/* SPDX-License-Identifier: MIT */
/* Completion for three shells, all from the table. */
#include <string.h>

#include "fuotactl/cli.h"

/* ---- shared ---- */

/* First word of a command, once for each; NULL if an earlier one has it. */
static const char *first_word(const struct cli_command *command, size_t *len)
{
    *len = strcspn(command->name, " ");
    for (const struct cli_command *c = cli_commands; c != command; c++) {
        if (strncmp(c->name, command->name, *len) == 0 &&
            (c->name[*len] == ' ' || c->name[*len] == '\0')) {
            return NULL;
        }
    }
    return command->name;
}

static void print_first_words(FILE *out)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        size_t len = 0;
        const char *word = first_word(c, &len);
        if (word != NULL) {
            fprintf(out, " %.*s", (int)len, word);
        }
    }
}

/* The second words of "image" or "key". */
static void print_second_words(const char *word, size_t len, FILE *out)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ') {
            fprintf(out, " %s", c->name + len + 1);
        }
    }
}

static void print_option_names(const struct cli_option *options, FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        fprintf(out, " %s", options->name);
    }
}

/* ---- bash ---- */

/* A case for each option that takes a value. */
static void print_bash_values(const struct cli_option *options, const char *command,
                              FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (options->value == NULL) {
            continue;
        }
        fprintf(out, "        '%s %s')\n            ", command, options->name);
        if (options->words != NULL) {
            fprintf(out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", options->words);
        } else if (options->file) {
            fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", out);
        }
        fputs("\n            return ;;\n", out);
    }
}

static void print_bash_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "        '%s')\n            words='%s", command->name,
            command->operand_words != NULL ? command->operand_words : "");
    print_option_names(command->options, out);
    fprintf(out, "'\n            files=%s ;;\n", command->operand_files ? "1" : "");
}

static void print_bash_groups(FILE *out)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        size_t len = 0;
        const char *word = first_word(c, &len);
        if (word != NULL && word[len] == ' ') {
            fprintf(out, "        '%.*s')\n            words='", (int)len, word);
            print_second_words(word, len, out);
            fputs("' ;;\n", out);
        }
    }
}

static void print_bash_options(FILE *out)
{
    fputs("    case \"$command ${COMP_WORDS[COMP_CWORD-1]}\" in\n", out);
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        print_bash_values(c->options, c->name, out);
    }
    fputs("    esac\n    case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
          "        --socket) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
          "        --color) COMPREPLY=($(compgen -W 'auto always never' -- \"$cur\")); "
          "return ;;\n"
          "    esac\n",
          out);
}

static void print_bash(FILE *out)
{
    fputs("# bash completion of fuotactl\n"
          "_fuotactl()\n{\n"
          "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" command='' words='' files='' i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case \"${COMP_WORDS[i]}\" in\n"
          "            --socket|--color) ((i++)) ;;\n"
          "            -*) ;;\n"
          "            *)  if [[ -z $command ]]; then command=\"${COMP_WORDS[i]}\"\n"
          "                elif [[ $command == image || $command == key ]]; then\n"
          "                    command+=\" ${COMP_WORDS[i]}\"\n"
          "                elif [[ \"$command ${COMP_WORDS[i]}\" =~ ^'devices "
          "'(import|remove)$ "
          "]]; then\n"
          "                    command+=\" ${COMP_WORDS[i]}\"\n"
          "                fi ;;\n"
          "        esac\n"
          "    done\n",
          out);
    print_bash_options(out);
    fputs("    case \"$command\" in\n        '')\n            words='", out);
    print_first_words(out);
    fputs("' ;;\n", out);
    print_bash_groups(out);
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        print_bash_command(c, out);
    }
    fputs("    esac\n    words+='", out);
    print_option_names(cli_globals, out);
    fputs("'\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "    if [[ -n $files && $cur != -* ]]; then\n"
          "        COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
          "    fi\n}\n"
          "complete -o filenames -F _fuotactl fuotactl\n",
          out);
}

/* ---- zsh: the same function through its bash layer ---- */

static void print_zsh(FILE *out)
{
    fputs("#compdef fuotactl\n"
          "autoload -U +X bashcompinit && bashcompinit\n",
          out);
    print_bash(out);
}

/* ---- fish ---- */

/* Inside single quotes. */
static void print_fish_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void print_fish_options(const char *condition, const struct cli_option *options,
                               FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        fprintf(out, "complete -c fuotactl %s -l %s", condition, options->name + 2);
        if (options->letter != NULL) {
            fprintf(out, " -s %s", options->letter + 1);
        }
        if (options->value != NULL) {
            fputs(options->file ? " -r -F" : " -x", out);
        }
        if (options->words != NULL) {
            fprintf(out, " -a '%s'", options->words);
        }
        fputs(" -d '", out);
        print_fish_text(options->help, out);
        fputs("'\n", out);
    }
}

static void print_fish_command(const struct cli_command *command, FILE *out)
{
    char condition[128];
    size_t len = 0;
    const char *word = first_word(command, &len);
    size_t whole = strcspn(command->name, " ");
    const char *second = command->name[whole] == ' ' ? command->name + whole + 1 : NULL;
    if (word != NULL) {
        fprintf(out, "complete -c fuotactl -n __fish_use_subcommand -a %.*s -d '",
                (int)len, word);
        print_fish_text(
            second != NULL ? "Work on files, without the daemon" : command->summary, out);
        fputs("'\n", out);
    }
    snprintf(condition, sizeof(condition), "-n '__fish_seen_subcommand_from %.*s%s%s'",
             (int)whole, command->name,
             second != NULL ? "; and __fish_seen_subcommand_from " : "",
             second != NULL ? second : "");
    if (second != NULL) {
        fprintf(out,
                "complete -c fuotactl -n '__fish_seen_subcommand_from %.*s' -a %s -d '",
                (int)whole, command->name, second);
        print_fish_text(command->summary, out);
        fputs("'\n", out);
    }
    if (command->operand_files) {
        fprintf(out, "complete -c fuotactl %s -F\n", condition);
    }
    if (command->operand_words != NULL) {
        fprintf(out, "complete -c fuotactl %s -a '%s'\n", condition,
                command->operand_words);
    }
    print_fish_options(condition, command->options, out);
}

static void print_fish(FILE *out)
{
    fputs("# fish completion of fuotactl\ncomplete -c fuotactl -f\n", out);
    print_fish_options("", cli_globals, out);
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        print_fish_command(c, out);
    }
}

bool cli_print_completion(const char *shell, FILE *out)
{
    static const struct {
        const char *shell;
        void (*print)(FILE *out);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].print(out);
            return true;
        }
    }
    return false;
}
