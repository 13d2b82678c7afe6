/* SPDX-License-Identifier: MIT */
#include "fuotactl/bundle.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "config/validate.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "io/cleanup.h"
#include "io/file.h"

enum {
    SIGNATURE_MAX_BYTES = 8 * 1024, /* of a .minisig file */
};

int bundle_validate(const struct cli *cli, const char *file)
{
    struct diag_list diags = {0};
    int rc = CLI_OK;
    if (config_validate_file(file, &diags) != FUO_OK) {
        AUTO_JSON json_object *problems = diag_list_json(&diags);
        rc = cli_fail(cli, CLI_INVALID, problems, "%s is not valid: %zu problem%s", file,
                      diags.error_count, diags.error_count == 1 ? "" : "s");
    } else if (!cli->quiet) {
        diag_list_print(&diags, stderr);
    }
    diag_list_finish(&diags);
    return rc;
}

static int read_file(const struct cli *cli, const char *path, size_t max_bytes,
                     struct bundle_file *file)
{
    errno = 0;
    int err = file_read(path, max_bytes, &file->bytes, &file->len);
    if (err == FUO_ERANGE) {
        return cli_fail(cli, CLI_INVALID, NULL, "%s: longer than %zu bytes", path,
                        max_bytes);
    }
    if (err != FUO_OK) {
        return cli_fail(cli, CLI_INVALID, NULL, "%s: %s", path,
                        errno != 0 ? strerror(errno) : fuo_strerror(err));
    }
    ctl_digest(file->bytes, file->len, file->digest);
    return CLI_OK;
}

/* A file that the campaign names, or not. */
static int read_named(const struct cli *cli, struct bundle *bundle, const char *name,
                      struct bundle_file *file)
{
    const char *path = config_path(&bundle->doc->doc, name);
    return path != NULL ? read_file(cli, path, CTL_IMAGE_MAX, file) : CLI_OK;
}

static int read_signatures(const struct cli *cli, const struct bundle *bundle,
                           const struct str_list *list, struct json_object *signatures)
{
    if (list->count > CTL_SIGNATURES_MAX) {
        return cli_fail(cli, CLI_INVALID, NULL,
                        "%s: spec.image.signatures: more than %d signatures",
                        bundle->file, CTL_SIGNATURES_MAX);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct bundle_file file = {0};
        const char *path = config_path(&bundle->doc->doc, list->items[i]);
        int rc = read_file(cli, path, SIGNATURE_MAX_BYTES, &file);
        if (rc != CLI_OK) {
            return rc;
        }
        json_object_array_add(signatures, json_object_new_string_len(
                                              (const char *)file.bytes, (int)file.len));
        free(file.bytes);
    }
    return CLI_OK;
}

/* There are no more than the bundle has room for: the file was found valid. */
static int read_deltas(const struct cli *cli, struct bundle *bundle)
{
    const struct spec_image *image = &bundle->doc->spec.image;
    int rc = CLI_OK;
    for (size_t i = 0; i < image->delta_count && rc == CLI_OK; i++) {
        struct json_object *o = json_object_new_object();
        struct json_object *signatures = json_object_new_array();
        rc = read_named(cli, bundle, image->deltas[i].file, &bundle->deltas[i]);
        if (rc == CLI_OK) {
            rc = read_signatures(cli, bundle, &image->deltas[i].signatures, signatures);
        }
        json_object_object_add(o, "digest",
                               json_object_new_string(bundle->deltas[i].digest));
        json_object_object_add(o, "signatures", signatures);
        if (bundle->delta_list == NULL) {
            bundle->delta_list = json_object_new_array();
        }
        json_object_array_add(bundle->delta_list, o);
    }
    return rc;
}

static int read_campaign(const struct cli *cli, struct bundle *bundle)
{
    struct diag_list diags = {0};
    int rc = read_file(cli, bundle->file, CTL_CAMPAIGN_MAX, &bundle->yaml);
    if (rc == CLI_OK &&
        campaign_parse(bundle->file, (const char *)bundle->yaml.bytes, bundle->yaml.len,
                       &bundle->doc, &diags) != FUO_OK) {
        AUTO_JSON json_object *problems = diag_list_json(&diags);
        rc = cli_fail(cli, CLI_INVALID, problems, "%s is not a campaign", bundle->file);
    }
    diag_list_finish(&diags);
    return rc;
}

int bundle_load(const struct cli *cli, const char *file, struct bundle *bundle)
{
    *bundle = (struct bundle){.file = file};
    if (sodium_init() < 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "libsodium does not start");
    }
    int rc = bundle_validate(cli, file);
    if (rc == CLI_OK) {
        rc = read_campaign(cli, bundle);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    const struct campaign_spec *spec = &bundle->doc->spec;
    rc = read_named(cli, bundle, spec->image.file, &bundle->image);
    if (rc == CLI_OK) {
        bundle->signatures = json_object_new_array();
        rc = read_signatures(cli, bundle, &spec->image.signatures, bundle->signatures);
    }
    if (rc == CLI_OK) {
        rc = read_deltas(cli, bundle);
    }
    if (rc == CLI_OK) {
        rc = read_named(cli, bundle, spec->targets.devices_file, &bundle->devices);
    }
    if (rc == CLI_OK) {
        rc =
            read_named(cli, bundle, spec->targets.exclude_devices_file, &bundle->exclude);
    }
    return rc;
}

void bundle_finish(struct bundle *bundle)
{
    campaign_doc_destroy(bundle->doc);
    free(bundle->yaml.bytes);
    free(bundle->image.bytes);
    for (size_t i = 0; i < VARIANT_DELTAS_MAX; i++) {
        free(bundle->deltas[i].bytes);
    }
    json_object_put(bundle->delta_list);
    free(bundle->devices.bytes);
    free(bundle->exclude.bytes);
    json_object_put(bundle->signatures);
    *bundle = (struct bundle){0};
}

static int upload(const struct bundle_file *file, struct remote *remote)
{
    char digest[CTL_DIGEST_SIZE];
    return file->bytes != NULL ? remote_put(remote, file->bytes, file->len, digest)
                               : CLI_OK;
}

int bundle_upload(const struct bundle *bundle, struct remote *remote)
{
    const struct bundle_file *files[] = {&bundle->image, &bundle->devices,
                                         &bundle->exclude};
    int rc = CLI_OK;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && rc == CLI_OK; i++) {
        rc = upload(files[i], remote);
    }
    for (size_t i = 0; i < VARIANT_DELTAS_MAX && rc == CLI_OK; i++) {
        rc = upload(&bundle->deltas[i], remote);
    }
    return rc;
}

static void add_digest(struct json_object *params, const char *key,
                       const struct bundle_file *file)
{
    if (file->bytes != NULL) {
        json_object_object_add(params, key, json_object_new_string(file->digest));
    }
}

struct json_object *bundle_params(const struct bundle *bundle)
{
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "file", json_object_new_string(bundle->file));
    json_object_object_add(params, "campaign",
                           json_object_new_string_len((const char *)bundle->yaml.bytes,
                                                      (int)bundle->yaml.len));
    if (bundle->reason != NULL) {
        json_object_object_add(params, "reason", json_object_new_string(bundle->reason));
    }
    add_digest(params, "digest", &bundle->image);
    json_object_object_add(params, "signatures", json_object_get(bundle->signatures));
    if (bundle->delta_list != NULL) {
        json_object_object_add(params, "deltas", json_object_get(bundle->delta_list));
    }
    add_digest(params, "devices_file", &bundle->devices);
    add_digest(params, "exclude_devices_file", &bundle->exclude);
    return params;
}
