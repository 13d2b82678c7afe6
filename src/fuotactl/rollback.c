/* SPDX-License-Identifier: MIT */
#include "fuotactl/rollback.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "io/cleanup.h"

enum {
    FILE_MODE = 0644,
};

/* ---- files ---- */

const char *rollback_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool name_file(struct rollback_file *file, const char *output, const char *suffix)
{
    int len = snprintf(file->path, sizeof(file->path), "%s%s", output, suffix);
    return len >= 0 && (size_t)len < sizeof(file->path);
}

int rollback_name_files(const struct cli *cli, const char *output,
                        struct rollback_before *before)
{
    struct rollback_file *files = before->files;
    bool fits = name_file(&files[ROLLBACK_CAMPAIGN], output, "") &&
                name_file(&files[ROLLBACK_LIST], output, ".devices") &&
                name_file(&files[ROLLBACK_IMAGE], output, ".image") &&
                name_file(&files[ROLLBACK_SIGNATURES], output, ".image.minisig");
    for (int i = 1; fits && i < CTL_SIGNATURES_MAX; i++) {
        char suffix[32];
        snprintf(suffix, sizeof(suffix), ".image.%d.minisig", i + 1);
        fits = name_file(&files[ROLLBACK_SIGNATURES + i], output, suffix);
    }
    before->cli = cli;
    return fits ? CLI_OK : cli_fail(cli, CLI_USAGE, NULL, "--output is too long");
}

/* Those before that one. */
static void remove_files(const struct rollback_file *files, int end)
{
    for (int i = 0; i < end; i++) {
        if (files[i].bytes != NULL) {
            remove(files[i].path);
        }
    }
}

int rollback_write(const struct rollback_before *before)
{
    const struct rollback_file *files = before->files;
    for (int i = 0; i < ROLLBACK_FILES; i++) {
        int rc = files[i].bytes == NULL
                     ? CLI_OK
                     : cmd_write_file(files[i].path, O_WRONLY | O_CREAT | O_EXCL,
                                      FILE_MODE, files[i].bytes, files[i].len);
        if (rc != CLI_OK) {
            remove_files(files, i);
            return rc;
        }
    }
    return CLI_OK;
}

void rollback_finish(struct rollback_before *before)
{
    free(before->name);
    free(before->image);
    for (size_t i = 0; i < before->signature_count; i++) {
        free(before->signatures[i]);
    }
    bundle_finish(&before->bundle);
    campaign_doc_destroy(before->doc);
    json_object_put(before->stored);
    free(before->bytes);
    free(before->devices);
}

static int no_memory(const struct rollback_before *before)
{
    return cli_fail(before->cli, CLI_INTERNAL, NULL, "there is no memory");
}

/* ---- from a campaign file ---- */

/* Paths in a campaign begin at its folder. */
static char *path_from(const struct rollback_before *before, const char *name)
{
    const char *path = config_path(&before->bundle.doc->doc, name);
    bool elsewhere = strchr(before->files[ROLLBACK_CAMPAIGN].path, '/') != NULL;
    char *whole = elsewhere ? realpath(path, NULL) : NULL;
    return whole != NULL ? whole : strdup(path);
}

int rollback_take_file(const struct cli *cli, const char *file,
                       struct rollback_before *before)
{
    int rc = bundle_load(cli, file, &before->bundle);
    if (rc != CLI_OK) {
        return rc;
    }
    before->spec = &before->bundle.doc->spec;
    before->image = path_from(before, before->spec->image.file);
    const struct str_list *signatures = &before->spec->image.signatures;
    for (size_t i = 0; i < signatures->count; i++) { /* bundle_load() bounds them */
        before->signatures[before->signature_count++] =
            path_from(before, signatures->items[i]);
    }
    return before->image != NULL ? CLI_OK : no_memory(before);
}

/* ---- devices ---- */

static int each_of_page(struct remote *remote, const char *name,
                        char after[static EUI_TEXT_SIZE], rollback_device_fn *fn,
                        void *arg, bool *more)
{
    AUTO_JSON json_object *page = NULL;
    json_object *rows = NULL;
    json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(name));
    json_object_object_add(params, "outcome", json_object_new_string("succeeded"));
    json_object_object_add(params, "limit", json_object_new_int(CTL_PAGE_MAX));
    if (after[0] != '\0') {
        json_object_object_add(params, "after", json_object_new_string(after));
    }
    int rc = remote_call(remote, CTL_DEVICES, params, &page);
    if (rc != CLI_OK) {
        return rc;
    }
    json_object_object_get_ex(page, "devices", &rows);
    size_t n =
        json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *eui = ctl_text(json_object_array_get_idx(rows, i), "dev_eui");
        const char *fleet = ctl_text(json_object_array_get_idx(rows, i), "fleet");
        if (eui != NULL && fleet != NULL) {
            fn(arg, eui, fleet);
        }
    }
    const char *next = ctl_text(page, "next");
    *more =
        n > 0 && next != NULL && strlen(next) == EUI_TEXT_LEN && strcmp(next, after) > 0;
    if (*more) {
        memcpy(after, next, EUI_TEXT_SIZE);
    }
    return CLI_OK;
}

int rollback_each_updated(struct remote *remote, const char *name, rollback_device_fn *fn,
                          void *arg)
{
    char after[EUI_TEXT_SIZE] = "";
    bool more = true;
    int rc = CLI_OK;
    while (rc == CLI_OK && more) {
        rc = each_of_page(remote, name, after, fn, arg, &more);
    }
    return rc;
}

static void note_device(void *arg, const char *eui, const char *fleet)
{
    struct rollback_before *before = arg;
    uint64_t number;
    (void)fleet;
    if (eui_parse(eui, strlen(eui), &number) != FUO_OK) {
        return;
    }
    uint64_t *grown =
        reallocarray(before->devices, before->device_count + 1, sizeof(*grown));
    if (grown != NULL) { /* else it is left out */
        before->devices = grown;
        before->devices[before->device_count++] = number;
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

bool rollback_had_it(const struct rollback_before *before, const char *eui)
{
    uint64_t number;
    return before->name == NULL ||
           (before->device_count > 0 && eui_parse(eui, strlen(eui), &number) == FUO_OK &&
            bsearch(&number, before->devices, before->device_count, sizeof(number),
                    compare) != NULL);
}

/* ---- from the daemon ---- */

static int not_whole(const struct rollback_before *before)
{
    return cli_fail(before->cli, CLI_INTERNAL, NULL, "the daemon's answer is not whole");
}

static json_object *params_of(const char *name, size_t offset)
{
    json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(name));
    if (offset > 0) {
        json_object_object_add(params, "offset", json_object_new_int64((int64_t)offset));
    }
    return params;
}

/* *have grows. */
static int fetch_piece(struct remote *remote, struct rollback_before *before, size_t size,
                       size_t *have)
{
    AUTO_JSON json_object *piece = NULL;
    size_t len = 0;
    int rc = remote_call(remote, CTL_IMAGE, params_of(before->name, *have), &piece);
    if (rc != CLI_OK) {
        return rc;
    }
    const char *data = ctl_text(piece, "data");
    if (data == NULL ||
        ctl_base64_decode(data, strlen(data), before->bytes + *have, size - *have,
                          &len) != FUO_OK ||
        len == 0) {
        return not_whole(before);
    }
    *have += len;
    return CLI_OK;
}

/* The image, as its digest says. */
static int fetch_image(struct remote *remote, struct rollback_before *before)
{
    char digest[CTL_DIGEST_SIZE];
    char got[CTL_DIGEST_SIZE];
    int64_t size = ctl_int(before->stored, "size", 0);
    size_t have = 0;
    if (size <= 0 || size > CTL_IMAGE_MAX ||
        ctl_digest_text(ctl_text(before->stored, "digest"), digest) != FUO_OK) {
        return not_whole(before);
    }
    before->bytes = malloc((size_t)size);
    if (before->bytes == NULL || sodium_init() < 0) {
        return no_memory(before);
    }
    while (have < (size_t)size) {
        int rc = fetch_piece(remote, before, (size_t)size, &have);
        if (rc != CLI_OK) {
            return rc;
        }
    }
    ctl_digest(before->bytes, have, got);
    before->files[ROLLBACK_IMAGE].bytes = before->bytes;
    before->files[ROLLBACK_IMAGE].len = have;
    before->image = strdup(rollback_base(before->files[ROLLBACK_IMAGE].path));
    return strcmp(digest, got) == 0 ? CLI_OK : not_whole(before);
}

static int take_signatures(struct rollback_before *before)
{
    json_object *list = NULL;
    json_object_object_get_ex(before->stored, "signatures", &list);
    if (!json_object_is_type(list, json_type_array) ||
        json_object_array_length(list) > CTL_SIGNATURES_MAX) {
        return not_whole(before);
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct rollback_file *file = &before->files[ROLLBACK_SIGNATURES + i];
        json_object *text = json_object_array_get_idx(list, i);
        if (!json_object_is_type(text, json_type_string)) {
            return not_whole(before);
        }
        file->bytes = json_object_get_string(text);
        file->len = (size_t)json_object_get_string_len(text);
        before->signatures[before->signature_count++] = strdup(rollback_base(file->path));
    }
    return CLI_OK;
}

/* The daemon has found it valid once. */
static int take_campaign(struct rollback_before *before)
{
    const char *name = ctl_text(before->stored, "name");
    const char *text = ctl_text(before->stored, "campaign");
    struct diag_list diags = {0};
    if (name == NULL || text == NULL) {
        return not_whole(before);
    }
    int err = campaign_parse(name, text, strlen(text), &before->doc, &diags);
    AUTO_JSON json_object *problems = err != FUO_OK ? diag_list_json(&diags) : NULL;
    diag_list_finish(&diags);
    if (err != FUO_OK) {
        return cli_fail(before->cli, CLI_INVALID, problems,
                        "the stored file of campaign '%s' is not valid any more", name);
    }
    before->name = strdup(name);
    before->spec = &before->doc->spec;
    return CLI_OK;
}

int rollback_take_stored(struct remote *remote, const char *name,
                         struct rollback_before *before)
{
    int rc = remote_call(remote, CTL_ROLLBACK, params_of(name, 0), &before->stored);
    if (rc == CLI_OK) {
        rc = take_campaign(before);
    }
    if (rc == CLI_OK) {
        rc = take_signatures(before);
    }
    if (rc == CLI_OK) {
        rc = fetch_image(remote, before);
    }
    if (rc == CLI_OK) {
        rc = rollback_each_updated(remote, before->name, note_device, before);
    }
    if (before->device_count > 0) {
        qsort(before->devices, before->device_count, sizeof(*before->devices), compare);
    }
    return rc;
}
