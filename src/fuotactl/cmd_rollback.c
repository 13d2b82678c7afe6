/* SPDX-License-Identifier: MIT */
/*
 * rollback: a campaign that brings the version before back to who was updated. It is written
 * to a file and not applied: what is signed, and who lets an older version in again (the trust
 * policy), is not for a program to decide.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "fuotactl/bundle.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "io/cleanup.h"

enum {
    PATH_SIZE = 4096,
    FILE_MODE = 0644,
};

struct rollback {
    const struct cli *cli;
    const char *name; /* of the campaign that is to be undone */
    const char *output;
    char made[SPEC_NAME_SIZE]; /* the name of the new one */
    char list[PATH_SIZE];      /* the file with the devices */
    json_object *state;        /* owned */
    json_object *fleets;       /* owned: names */
    char *devices;             /* owned: a DevEUI a line */
    size_t devices_len;
    size_t count;
};

/* ---- whom ---- */

static void note_fleet(struct rollback *r, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(r->fleets); i++) {
        const char *known =
            json_object_get_string(json_object_array_get_idx(r->fleets, i));
        if (strcmp(known, name) == 0) {
            return;
        }
    }
    json_object_array_add(r->fleets, json_object_new_string(name));
}

static int add_page(struct rollback *r, FILE *out, struct remote *remote,
                    char after[static EUI_TEXT_SIZE], bool *more)
{
    AUTO_JSON json_object *page = NULL;
    json_object *rows = NULL;
    json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(r->name));
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
        if (eui == NULL || fleet == NULL) {
            continue;
        }
        note_fleet(r, fleet);
        r->count += fprintf(out, "%s\n", eui) > 0;
    }
    const char *next = ctl_text(page, "next");
    *more =
        n > 0 && next != NULL && strlen(next) == EUI_TEXT_LEN && strcmp(next, after) > 0;
    if (*more) {
        memcpy(after, next, EUI_TEXT_SIZE);
    }
    return CLI_OK;
}

static int take_devices(struct rollback *r, struct remote *remote)
{
    char after[EUI_TEXT_SIZE] = "";
    bool more = true;
    int rc = CLI_OK;
    FILE *out = open_memstream(&r->devices, &r->devices_len);
    r->fleets = json_object_new_array();
    if (out == NULL) {
        return cli_fail(r->cli, CLI_INTERNAL, NULL, "there is no memory");
    }
    while (rc == CLI_OK && more) {
        rc = add_page(r, out, remote, after, &more);
    }
    fclose(out);
    if (rc == CLI_OK && r->count == 0) {
        return cli_fail(r->cli, CLI_NOT_FOUND, NULL,
                        "no device has succeeded in campaign '%s'", r->name);
    }
    return rc;
}

static int take_state(struct rollback *r, struct remote *remote)
{
    AUTO_JSON json_object *data = NULL;
    json_object *list = NULL;
    json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(r->name));
    int rc = remote_call(remote, CTL_STATUS, params, &data);
    if (rc != CLI_OK) {
        return rc;
    }
    json_object_object_get_ex(data, "campaigns", &list);
    r->state = json_object_get(json_object_array_get_idx(list, 0));
    return ctl_text(r->state, "version") != NULL
               ? CLI_OK
               : cli_fail(r->cli, CLI_INTERNAL, NULL, "the daemon's answer is not whole");
}

/* ---- the file ---- */

/* As JSON, which YAML takes. */
static void put_text(FILE *out, const char *text)
{
    AUTO_JSON json_object *o = json_object_new_string(text);
    fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE), out);
}

/* Paths in a campaign begin at its folder. */
static void put_path(const struct rollback *r, FILE *out, const struct bundle *bundle,
                     const char *name)
{
    const char *path = config_path(&bundle->doc->doc, name);
    AUTO_FREE char *whole = strchr(r->output, '/') != NULL ? realpath(path, NULL) : NULL;
    put_text(out, whole != NULL ? whole : path);
}

/* Those that the listed devices are in. */
static void put_fleets(const struct rollback *r, FILE *out)
{
    bool several = json_object_array_length(r->fleets) > 1;
    fprintf(out, "    %s: %s\n", several ? "fleets" : "fleet",
            json_object_to_json_string_ext(
                several ? r->fleets : json_object_array_get_idx(r->fleets, 0),
                JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void put_image(const struct rollback *r, FILE *out, const struct bundle *bundle)
{
    const struct spec_image *image = &bundle->doc->spec.image;
    fputs("  image:\n    file: ", out);
    put_path(r, out, bundle, image->file);
    fputs("\n    version: ", out);
    put_text(out, image->version);
    fputs("\n    signatures: [", out);
    for (size_t i = 0; i < image->signatures.count; i++) {
        fputs(i > 0 ? ", " : "", out);
        put_path(r, out, bundle, image->signatures.items[i]);
    }
    fputs(image->format == SPEC_IMAGE_MCUBOOT ? "]\n    format: mcuboot\n" : "]\n", out);
    if (image->firmware_version != SPEC_AUTO_U32) {
        fprintf(out, "    firmwareVersion: \"0x%08x\"\n", image->firmware_version);
    }
    for (size_t i = 0; i < image->hardware_versions.count; i++) {
        fprintf(out, "%s\"0x%08x\"%s", i == 0 ? "    hardwareVersion: [" : ", ",
                image->hardware_versions.items[i],
                i + 1 == image->hardware_versions.count ? "]\n" : "");
    }
}

static void put_campaign(const struct rollback *r, FILE *out, const struct bundle *bundle)
{
    const struct spec_activate *activation = &bundle->doc->spec.activation;
    const char *list = strrchr(r->list, '/');
    fprintf(
        out,
        "# From %s back to %s, for the %zu devices that campaign %s has updated.\n"
        "# Waves, windows and activation are the defaults: look at them before it is\n"
        "# applied. The trust policy must allow downgrades.\n"
        "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: { name: %s }\nspec:\n",
        ctl_text(r->state, "version"), bundle->doc->spec.image.version, r->count, r->name,
        r->made);
    put_image(r, out, bundle);
    fputs("  targets:\n", out);
    put_fleets(r, out);
    fputs("    devicesFile: ", out);
    put_text(out, list != NULL ? list + 1 : r->list);
    fputc('\n', out);
    if (activation->command_data != NULL) {
        fprintf(out, "  activation: { command: { fPort: %u, data: \"%s\" } }\n",
                activation->command_fport, activation->command_data);
    }
}

static int write_files(const struct rollback *r, const struct bundle *bundle)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return cli_fail(r->cli, CLI_INTERNAL, NULL, "there is no memory");
    }
    put_campaign(r, out, bundle);
    fclose(out);
    int flags = O_WRONLY | O_CREAT | O_EXCL;
    int rc = cmd_write_file(r->list, flags, FILE_MODE, r->devices, r->devices_len);
    if (rc != CLI_OK) {
        return rc;
    }
    rc = cmd_write_file(r->output, flags, FILE_MODE, text, len);
    if (rc != CLI_OK) {
        remove(r->list);
    }
    return rc;
}

/* ---- the command ---- */

static int check_versions(const struct rollback *r, const struct bundle *bundle)
{
    const char *now = ctl_text(r->state, "version");
    const struct campaign_spec *spec = &bundle->doc->spec;
    if (!spec_installs(spec)) {
        return cli_fail(r->cli, CLI_INVALID, NULL,
                        "%s carries data: there is no version to go back to",
                        bundle->file);
    }
    if (strcmp(now, spec->image.version) == 0) {
        return cli_fail(
            r->cli, CLI_CONFLICT, NULL,
            "%s brings %s, as campaign '%s' does: --to takes the campaign file "
            "of the version before",
            bundle->file, now, r->name);
    }
    return CLI_OK;
}

static int make(struct rollback *r, const struct bundle *bundle)
{
    AUTO_REMOTE struct remote remote = {0};
    int rc = remote_open(r->cli, &remote);
    if (rc == CLI_OK) {
        rc = take_state(r, &remote);
    }
    if (rc == CLI_OK) {
        rc = check_versions(r, bundle);
    }
    if (rc == CLI_OK) {
        rc = take_devices(r, &remote);
    }
    return rc == CLI_OK ? write_files(r, bundle) : rc;
}

static int tell(const struct rollback *r)
{
    if (r->cli->json) {
        AUTO_JSON json_object *o = json_object_new_object();
        json_object_object_add(o, "type", json_object_new_string("rollback"));
        json_object_object_add(o, "file", json_object_new_string(r->output));
        json_object_object_add(o, "devices_file", json_object_new_string(r->list));
        json_object_object_add(o, "name", json_object_new_string(r->made));
        json_object_object_add(o, "devices", json_object_new_int64((int64_t)r->count));
        return cmd_print(o, true);
    }
    cli_remark(r->cli,
               "%zu devices in %s; nothing is applied. Look at it, then: fuotactl "
               "plan %s",
               r->count, r->list, r->output);
    printf("%s\n", r->output);
    return cmd_finish();
}

int cmd_rollback(const struct cli *cli, const struct cli_args *args)
{
    AUTO_BUNDLE struct bundle bundle = {0};
    struct rollback r = {
        .cli = cli, .name = args->operands[0], .output = cli_value(args, "--output")};
    const char *to = cli_value(args, "--to");
    char output[SPEC_NAME_SIZE + sizeof(".yaml")];
    if (to == NULL) {
        cmd_say("--to is needed: the campaign file of the version before");
        cli_print_usage(args->command, stderr);
        return CLI_USAGE;
    }
    snprintf(r.made, sizeof(r.made), "rollback-%.*s", (int)(sizeof(r.made) - 10), r.name);
    snprintf(output, sizeof(output), "%s.yaml", r.made);
    r.output = r.output != NULL ? r.output : output;
    if ((size_t)snprintf(r.list, sizeof(r.list), "%s.devices", r.output) >=
        sizeof(r.list)) {
        return cli_fail(cli, CLI_USAGE, NULL, "--output is too long");
    }
    int rc = bundle_load(cli, to, &bundle);
    if (rc == CLI_OK) {
        rc = make(&r, &bundle);
    }
    json_object_put(r.state);
    json_object_put(r.fleets);
    free(r.devices);
    return rc == CLI_OK ? tell(&r) : rc;
}
