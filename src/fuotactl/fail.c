/* SPDX-License-Identifier: MIT */
#include "fuotactl/fail.h"

#include <stdarg.h>

#include "fuotactl/cmd_util.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"

enum {
    MESSAGE_SIZE = 1024,
};

static void print_json_error(enum cli_exit code, const char *message,
                             struct json_object *problems)
{
    AUTO_JSON json_object *object = json_object_new_object();
    json_object_object_add(object, "code", json_object_new_int((int)code));
    json_object_object_add(object, "error", json_object_new_string(message));
    json_object_object_add(object, "errors",
                           problems != NULL ? json_object_get(problems)
                                            : json_object_new_array());
    render_json(stdout, "error", object);
    fflush(stdout);
}

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args)
{
    char message[MESSAGE_SIZE];
    vsnprintf(message, sizeof(message), format, args);
    fputs("fuotactl: ", stderr);
    words_print(stderr, message);
    fputc('\n', stderr);
}

int cli_fail(const struct cli *cli, enum cli_exit code, struct json_object *problems,
             const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    render_problems(stderr, problems);
    fputs("fuotactl: ", stderr);
    words_print(stderr, message);
    fputc('\n', stderr);
    if (cli->json) {
        print_json_error(code, message, problems);
    }
    return (int)code;
}

void cli_remark(const struct cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->quiet) {
        return;
    }
    va_start(args, format);
    say(format, args);
    va_end(args);
}
