/* SPDX-License-Identifier: MIT */
#include "ctl/finding.h"

#include <stdarg.h>
#include <stdio.h>

static const char *level_name(enum finding_level level)
{
    switch (level) {
    case FINDING_OK:
        return "ok";
    case FINDING_WARN:
        return "warn";
    case FINDING_FAIL:
        break;
    }
    return "fail";
}

/* Printable ASCII: a text cut inside a character would make the whole answer unreadable. */
static struct json_object *clean(const char *text, size_t size)
{
    char line[FINDING_TEXT_SIZE];
    size_t len = 0;
    for (; text[len] != '\0' && len + 1 < size; len++) {
        line[len] = '?';
        if (text[len] >= ' ' && text[len] <= '~') {
            line[len] = text[len];
        }
    }
    return json_object_new_string_len(line, (int)len);
}

static void append(struct json_object *list, enum finding_level level,
                   struct finding_subject subject, const char *text)
{
    struct json_object *finding = json_object_new_object();
    json_object_object_add(finding, "level", json_object_new_string(level_name(level)));
    json_object_object_add(finding, "check", clean(subject.check, FINDING_WHAT_SIZE));
    json_object_object_add(finding, "what", clean(subject.what, FINDING_WHAT_SIZE));
    json_object_object_add(finding, "text", clean(text, FINDING_TEXT_SIZE));
    json_object_array_add(list, finding);
}

void finding_add(struct json_object *list, enum finding_level level,
                 struct finding_subject subject, const char *format, ...)
{
    char text[FINDING_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    static const struct finding_subject more = {"daemon", "more"};
    size_t count = json_object_array_length(list);
    if (count < FINDINGS_MAX) {
        append(list, level, subject, text);
    } else if (count == FINDINGS_MAX) {
        append(list, FINDING_FAIL, more,
               "there are more findings than can be shown: mend these first");
    }
}
