/* SPDX-License-Identifier: MIT */
#include "fuotactl/cmd_util.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "fuotactl/words.h"
#include "io/cleanup.h"
#include "io/file.h"

enum {
    CTRL_C = 3,
    MESSAGE_SIZE = 1024,
};

__attribute__((__format__(__printf__, 1, 0))) static void vsay(const char *format,
                                                               va_list args)
{
    char text[MESSAGE_SIZE]; /* part of it may come from the daemon, or from a file */
    vsnprintf(text, sizeof(text), format, args);
    fputs("fuotactl: ", stderr);
    words_print(stderr, text);
    fputc('\n', stderr);
}

void cmd_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsay(format, args);
    va_end(args);
}

int cmd_usage(const char *usage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsay(format, args);
    va_end(args);
    fprintf(stderr, "usage: fuotactl %s\n", usage);
    return CLI_USAGE;
}

/* The entry that arg names; *inline_value is what follows its "=", or NULL. */
static const struct cmd_option *find_option(const struct cmd_option *options,
                                            const char *arg, const char **inline_value)
{
    size_t len = strcspn(arg, "=");
    *inline_value = arg[len] == '=' ? arg + len + 1 : NULL;
    for (; options->name != NULL; options++) {
        if (strlen(options->name) == len && memcmp(options->name, arg, len) == 0) {
            return options;
        }
    }
    return NULL;
}

/* The option at argv[*at]; *at moves on if its value is an argument of its own. */
static int parse_option(int argc, char **argv, const struct cmd_syntax *syntax, int *at)
{
    const char *arg = argv[*at];
    const char *value;
    const struct cmd_option *option = find_option(syntax->options, arg, &value);
    if (option == NULL) {
        return cmd_usage(syntax->usage, "unknown option %s", arg);
    }
    if (option->flag != NULL) {
        if (value != NULL) {
            return cmd_usage(syntax->usage, "%s takes no value", option->name);
        }
        *option->flag = true;
        return CLI_OK;
    }
    if (value == NULL && *at + 1 < argc) {
        value = argv[++*at];
    }
    if (value == NULL || *value == '\0') {
        return cmd_usage(syntax->usage, "%s needs a value", option->name);
    }
    if (*option->value != NULL) {
        return cmd_usage(syntax->usage, "%s is given twice", option->name);
    }
    *option->value = value;
    return CLI_OK;
}

static int take_operand(const struct cmd_syntax *syntax, const char *arg)
{
    if (syntax->operand == NULL || *syntax->operand != NULL) {
        return cmd_usage(syntax->usage, "unexpected argument \"%s\"", arg);
    }
    *syntax->operand = arg;
    return CLI_OK;
}

int cmd_parse(int argc, char **argv, const struct cmd_syntax *syntax)
{
    bool options_over = false;
    for (int i = 1; i < argc; i++) {
        int rc = CLI_OK;
        if (!options_over && strcmp(argv[i], "--") == 0) {
            options_over = true;
        } else if (!options_over && argv[i][0] == '-' && argv[i][1] != '\0') {
            rc = parse_option(argc, argv, syntax, &i);
        } else {
            rc = take_operand(syntax, argv[i]);
        }
        if (rc != CLI_OK) {
            return rc;
        }
    }
    if (syntax->operand != NULL && *syntax->operand == NULL) {
        return cmd_usage(syntax->usage, "FILE is missing");
    }
    return CLI_OK;
}

bool cmd_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int cmd_read_file(const char *path, size_t max_bytes, uint8_t **data, size_t *len)
{
    errno = 0;
    switch (file_read(path, max_bytes, data, len)) {
    case FUO_OK:
        return CLI_OK;
    case FUO_ERANGE:
        cmd_say("%s: larger than %zu bytes", path, max_bytes);
        return CLI_INVALID;
    case FUO_ENOMEM:
        cmd_say("%s: out of memory", path);
        return CLI_INTERNAL;
    }
    cmd_say("%s: %s", path, errno != 0 ? strerror(errno) : "cannot be read");
    return CLI_INVALID;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

int cmd_write_file(const char *path, int flags, mode_t mode, const char *text, size_t len)
{
    int fd = open(path, flags | O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST) {
        cmd_say("%s: exists already, not overwritten", path);
        return CLI_FORBIDDEN;
    }
    if (fd < 0) {
        cmd_say("%s: %s", path, strerror(errno));
        return CLI_INTERNAL;
    }
    bool written = write_all(fd, text, len);
    if (close(fd) != 0 || !written) {
        cmd_say("%s: %s", path, strerror(errno));
        if ((flags & O_EXCL) != 0) {
            (void)unlink(path); /* ours alone: half a key is worse than none */
        }
        return CLI_INTERNAL;
    }
    return CLI_OK;
}

/* One line in canonical mode; Ctrl-C ends it too, so that the echo can be restored. */
static ssize_t read_silently(int tty, const char *prompt, char *text, size_t size)
{
    struct termios old;
    if (tcgetattr(tty, &old) != 0) {
        return -1;
    }
    struct termios silent = old;
    silent.c_lflag &= (tcflag_t) ~(tcflag_t)(ECHO | ISIG);
    silent.c_cc[VEOL] = CTRL_C;
    if (tcsetattr(tty, TCSAFLUSH, &silent) != 0) {
        return -1;
    }
    bool asked = write_all(tty, prompt, strlen(prompt));
    ssize_t n = asked ? read(tty, text, size) : -1;
    (void)tcsetattr(tty, TCSAFLUSH, &old);
    (void)write_all(tty, "\n", 1);
    return n;
}

static int prompt_password(const char *prompt, char text[static CMD_PASSWORD_SIZE],
                           size_t *len)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0) {
        cmd_say("the secret key needs a password and there is no terminal: use "
                "--password-file FILE");
        return CLI_USAGE;
    }
    ssize_t n = read_silently(tty, prompt, text, CMD_PASSWORD_SIZE);
    (void)close(tty);
    if (n <= 0 || text[n - 1] == CTRL_C) {
        cmd_say("no password");
        return CLI_INTERRUPTED;
    }
    *len = text[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n;
    return CLI_OK;
}

int cmd_read_password(const char *file, const char *prompt,
                      char text[static CMD_PASSWORD_SIZE], size_t *len)
{
    if (file == NULL) {
        return prompt_password(prompt, text, len);
    }
    AUTO_FREE uint8_t *data = NULL;
    size_t size = 0;
    int rc = cmd_read_file(file, CMD_PASSWORD_SIZE, &data, &size);
    if (rc != CLI_OK) {
        return rc;
    }
    size_t line = 0;
    while (line < size && data[line] != '\n' && data[line] != '\r') {
        line++;
    }
    if (line == 0) {
        cmd_say("%s: the first line, the password, is empty", file);
        return CLI_INVALID;
    }
    memcpy(text, data, line);
    sodium_memzero(data, size);
    *len = line;
    return CLI_OK;
}

static void print_lines(json_object *object)
{
    struct json_object_iterator end = json_object_iter_end(object);
    for (struct json_object_iterator it = json_object_iter_begin(object);
         !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        json_object *value = json_object_iter_peek_value(&it);
        printf("%-22s %s\n", json_object_iter_peek_name(&it),
               value != NULL ? json_object_get_string(value) : "-");
    }
}

int cmd_print(json_object *object, bool json)
{
    if (json) {
        puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    } else {
        print_lines(object);
    }
    return cmd_finish();
}

int cmd_finish(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cmd_say("stdout: %s", strerror(errno));
        return CLI_INTERNAL;
    }
    return CLI_OK;
}
