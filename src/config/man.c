/* SPDX-License-Identifier: MIT */
#include "config/man.h"

#include <string.h>

#include "config/describe.h"

/* scdoc gives meaning to these; a backslash takes it away. */
static void print_escaped(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\*_`<>#[]~", *text) != NULL) {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void print_head(const char *path, const struct option *option, FILE *out)
{
    char type[128];
    fputc('*', out);
    print_escaped(path, out);
    fputs("* (", out);
    print_escaped(option_type_text(option, type, sizeof(type)), out);
    if (option->flags & OPTION_REQUIRED) {
        fputs(", required", out);
    } else if (option->def != NULL) {
        fputs(", default ", out);
        print_escaped(option->def, out);
    }
    fputs(")\n", out);
}

static void print_body(const struct option *option, FILE *out)
{
    fputc('\t', out);
    print_escaped(option->help, out);
    if (describe_has_range(option)) {
        fputs(" Values: ", out);
        describe_range(option, out);
        fputc('.', out);
    }
    if (option->later != NULL) {
        bool all = strcmp(option->later, OPTION_LATER) == 0;
        fprintf(out, " This version supports %s", all ? "the default only" : "all but ");
        print_escaped(all ? "" : option->later, out);
        fputc('.', out);
    }
    fputs("\n\n", out);
}

/* The depth is that of the tables. */
static void print_table(const char *prefix, const struct option *table, FILE *out)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        char path[256];
        bool is_list = (o->flags & OPTION_LIST) != 0;
        snprintf(path, sizeof(path), "%s%s", prefix, o->key);
        print_head(path, o, out);
        print_body(o, out);
        if (o->sub != NULL) {
            snprintf(path, sizeof(path), "%s%s%s.", prefix, o->key, is_list ? "[]" : "");
            print_table(path, o->sub, out);
        }
    }
}

static void print_forms(FILE *out)
{
    fputs(
        "# FORMS\n\n"
        "Scalars are read as text: 1.10 stays 1.10. EUIs, versions and times are best "
        "written in quotes, because other tools read them as numbers. Aliases, anchors, "
        "tags and merge keys are not supported. All problems of a file are reported at "
        "once.\n\n",
        out);
    for (int type = 0; type <= OPTION_RAW; type++) {
        const struct option_type_info *info = option_type_info((enum option_type)type);
        if (info->hint != NULL) {
            fputs("*", out);
            print_escaped(info->noun, out);
            fputs("*\n\t", out);
            print_escaped(info->hint, out);
            fputs("\n\n", out);
        }
    }
}

void man_print(const struct config_kind *kind, FILE *out)
{
    fprintf(out, "%s(5) \"fuotad %s\" \"fuotad\"\n\n# NAME\n\n%s - %s\n\n", kind->page,
            FUO_VERSION, kind->page, kind->summary);
    fputs("# DESCRIPTION\n\n", out);
    print_escaped(kind->text, out);
    fputs("\n\nThe file is YAML. *fuotactl validate* checks it, *fuotactl explain* shows "
          "this page key by key, and *fuotactl schema* prints a JSON Schema for "
          "editors.\n\n"
          "# KEYS\n\n",
          out);
    print_table("", kind->options, out);
    print_forms(out);
    fprintf(out, "# EXAMPLE\n\n```\n%s```\n\n# SEE ALSO\n\n*fuotad*(8), *fuotactl*(1)\n",
            kind->example);
}
