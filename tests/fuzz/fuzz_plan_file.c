/* SPDX-License-Identifier: MIT */
/*
 * fuzz_plan_file.c - a plan that `apply` is given, a line "---", and what the daemon plans
 * today: read as it is, and with the digest that it should have; then compared with the
 * campaign's files and with today. Whatever both say, what is printed cannot move the cursor
 * of a terminal, and a refusal says why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuotactl/plan_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PATH_SIZE = 64,
    PLAIN = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* Control characters only where a line ends. */
static void check_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        require((c >= 0x20 || c == '\n') && c != 0x7f);
    }
}

/* In memory; the caller closes it. */
static int file_of(const char *text, size_t len, char path[static PATH_SIZE])
{
    int fd = memfd_create("plan", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
    return fd;
}

static void compare(const struct cli *cli, const struct plan_file *file,
                    struct json_object *now)
{
    struct bundle bundle = {.file = "wm1.yaml"};
    require(file->campaign != NULL);
    snprintf(bundle.yaml.digest, sizeof(bundle.yaml.digest), "%s", "a1");
    snprintf(bundle.image.digest, sizeof(bundle.image.digest), "%s", "b2");
    int rc = plan_file_match(cli, file, &bundle);
    require(rc == CLI_OK || rc == CLI_CONFLICT);
    if (json_object_is_type(now, json_type_object)) {
        rc = plan_file_compare(cli, file, now);
        require(rc == CLI_OK || rc == CLI_CONFLICT);
    }
}

static void try_file(const char *text, size_t len, struct json_object *now)
{
    static const struct cli cli = {.quiet = true};
    char path[PATH_SIZE];
    struct plan_file file = {0};
    int fd = file_of(text, len, path);
    int rc = plan_file_read(&cli, path, &file);
    require(rc == CLI_OK || (rc == CLI_INVALID && file.root == NULL));
    if (file.root != NULL) {
        compare(&cli, &file, now);
    }
    plan_file_finish(&file);
    close(fd);
}

/* As `plan -o` writes it: what was edited has the digest of what it is now. */
static void try_with_digest(const char *text, struct json_object *now)
{
    char digest[CTL_DIGEST_SIZE];
    struct json_object *plan = NULL;
    struct json_object *root = json_tokener_parse(text);
    if (json_object_object_get_ex(root, "plan", &plan)) {
        const char *plain = json_object_to_json_string_ext(plan, PLAIN);
        ctl_digest((const uint8_t *)plain, strlen(plain), digest);
        json_object_object_add(root, "plan_digest", json_object_new_string(digest));
        const char *whole = json_object_to_json_string_ext(root, PLAIN);
        try_file(whole, strlen(whole), now);
    }
    json_object_put(root);
}

static void try_both(char *text)
{
    static const char between[] = "\n---\n";
    char *second = strstr(text, between);
    struct json_object *now = NULL;
    if (second != NULL) {
        *second = '\0';
        now = json_tokener_parse(second + sizeof(between) - 1);
    }
    try_file(text, strlen(text), now);
    try_with_digest(text, now);
    json_object_put(now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *said = NULL;
    size_t said_len = 0;
    FILE *terminal = stderr;
    char *text = malloc(size + 1);
    FILE *out = open_memstream(&said, &said_len);
    require(text != NULL && out != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    stderr = out;
    try_both(text);
    stderr = terminal;
    fclose(out);
    check_text(said, said_len);
    free(said);
    free(text);
    return 0;
}
