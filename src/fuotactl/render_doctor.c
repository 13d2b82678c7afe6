/* SPDX-License-Identifier: MIT */
#include "fuotactl/render.h"

#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/words.h"

static const char *level_color(const char *level)
{
    return strcmp(level, "ok") == 0     ? "\033[32m"
           : strcmp(level, "warn") == 0 ? "\033[33m"
                                        : "\033[31m";
}

static void print_text(FILE *out, struct json_object *finding, const char *key)
{
    const char *text = ctl_text(finding, key);
    words_print(out, text != NULL ? text : "-");
}

void render_findings(FILE *out, struct json_object *list, bool color)
{
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *finding = json_object_array_get_idx(list, i);
        const char *level = ctl_text(finding, "level");
        fputs(color && level != NULL ? level_color(level) : "", out);
        print_text(out, finding, "level");
        fputs(color && level != NULL ? "\033[0m" : "", out);
        fputs(level != NULL && strcmp(level, "ok") == 0 ? "    " : "  ", out);
        print_text(out, finding, "what");
        fputs("  - ", out);
        print_text(out, finding, "text");
        fputc('\n', out);
    }
}
