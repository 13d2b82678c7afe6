/* SPDX-License-Identifier: MIT */
/*
 * rollback: a campaign that brings the version before back to who was updated. It is written
 * to a file and not applied: what is signed, and who lets an older version in again (the trust
 * policy), is not for a program to decide.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/rollback.h"
#include "io/cleanup.h"

struct rollback {
    const struct cli *cli;
    const char *name; /* of the campaign that is to be undone */
    const char *output;
    char made[SPEC_NAME_SIZE]; /* the name of the new one */
    struct rollback_before before;
    json_object *state;  /* owned */
    json_object *fleets; /* owned: names */
    char *devices;       /* owned: a DevEUI a line */
    size_t devices_len;
    size_t count;
    /* Updated, but they did not have the version before from that campaign. */
    size_t left_out;
    bool malformed; /* what the daemon told: it goes into files */
};

static int fail_malformed(const struct rollback *r)
{
    return cli_fail(r->cli, CLI_INTERNAL, NULL, "the daemon's answer is not whole");
}

/* It may go into a comment. */
static bool is_line(const char *text)
{
    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f') {
            return false;
        }
    }
    return text != NULL;
}

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

struct listing {
    struct rollback *r;
    FILE *out;
};

static void list_device(void *arg, const char *eui, const char *fleet)
{
    struct listing *listing = arg;
    struct rollback *r = listing->r;
    uint64_t parsed;
    if (eui_parse(eui, strlen(eui), &parsed) != FUO_OK) {
        r->malformed = true;
        return;
    }
    if (!rollback_had_it(&r->before, eui)) {
        r->left_out++;
        return;
    }
    note_fleet(r, fleet);
    r->count += fprintf(listing->out, "%s\n", eui) > 0;
}

static int take_devices(struct rollback *r, struct remote *remote)
{
    struct listing listing = {r, open_memstream(&r->devices, &r->devices_len)};
    r->fleets = json_object_new_array();
    if (listing.out == NULL) {
        return cli_fail(r->cli, CLI_INTERNAL, NULL, "there is no memory");
    }
    int rc = rollback_each_updated(remote, r->name, list_device, &listing);
    fclose(listing.out);
    if (rc == CLI_OK && r->malformed) {
        return fail_malformed(r);
    }
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
    return is_line(ctl_text(r->state, "version")) ? CLI_OK : fail_malformed(r);
}

/* ---- the file ---- */

/* As JSON, which YAML takes. */
static void put_text(FILE *out, const char *text)
{
    AUTO_JSON json_object *o = json_object_new_string(text);
    fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE), out);
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

static void put_image(const struct rollback *r, FILE *out)
{
    const struct rollback_before *before = &r->before;
    const struct spec_image *image = &before->spec->image;
    fputs("  image:\n    file: ", out);
    put_text(out, before->image);
    fputs("\n    version: ", out);
    put_text(out, image->version);
    fputs("\n    signatures: [", out);
    for (size_t i = 0; i < before->signature_count; i++) {
        fputs(i > 0 ? ", " : "", out);
        put_text(out, before->signatures[i]);
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

static void put_campaign(const struct rollback *r, FILE *out)
{
    const struct spec_activate *activation = &r->before.spec->activation;
    fprintf(
        out,
        "# From %s back to %s, for the %zu devices that campaign %s has updated.\n"
        "# Waves, windows and activation are the defaults: look at them before it is\n"
        "# applied. The trust policy must allow downgrades.\n"
        "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: { name: %s }\nspec:\n",
        ctl_text(r->state, "version"), r->before.spec->image.version, r->count, r->name,
        r->made);
    put_image(r, out);
    fputs("  targets:\n", out);
    put_fleets(r, out);
    fputs("    devicesFile: ", out);
    put_text(out, rollback_base(r->before.files[ROLLBACK_LIST].path));
    fputc('\n', out);
    if (activation->command_data != NULL) {
        fprintf(out, "  activation: { command: { fPort: %u, data: \"%s\" } }\n",
                activation->command_fport, activation->command_data);
    }
}

/* All of them or none. */
static int write_files(struct rollback *r)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return cli_fail(r->cli, CLI_INTERNAL, NULL, "there is no memory");
    }
    put_campaign(r, out);
    fclose(out);
    struct rollback_file *files = r->before.files;
    files[ROLLBACK_CAMPAIGN].bytes = text;
    files[ROLLBACK_CAMPAIGN].len = len;
    files[ROLLBACK_LIST].bytes = r->devices;
    files[ROLLBACK_LIST].len = r->devices_len;
    return rollback_write(&r->before);
}

/* ---- the command ---- */

static int check_versions(const struct rollback *r, const char *file)
{
    const char *now = ctl_text(r->state, "version");
    if (!spec_installs(r->before.spec)) {
        return cli_fail(r->cli, CLI_INVALID, NULL,
                        "%s carries data: there is no version to go back to", file);
    }
    if (strcmp(now, r->before.spec->image.version) == 0) {
        return cli_fail(
            r->cli, CLI_CONFLICT, NULL,
            "%s brings %s, as campaign '%s' does: --to takes the campaign file "
            "of the version before",
            file, now, r->name);
    }
    return CLI_OK;
}

/* file: NULL if the daemon shall know what was before. */
static int make(struct rollback *r, const char *file)
{
    AUTO_REMOTE struct remote remote = {0};
    int rc = file != NULL ? rollback_take_file(r->cli, file, &r->before) : CLI_OK;
    if (rc == CLI_OK) {
        rc = remote_open(r->cli, &remote);
    }
    if (rc == CLI_OK) {
        rc = take_state(r, &remote);
    }
    if (rc == CLI_OK && file == NULL) {
        rc = rollback_take_stored(&remote, r->name, &r->before);
    }
    if (rc == CLI_OK) {
        rc = check_versions(r, file != NULL ? file : r->before.name);
    }
    if (rc == CLI_OK) {
        rc = take_devices(r, &remote);
    }
    return rc == CLI_OK ? write_files(r) : rc;
}

static int tell(const struct rollback *r)
{
    const struct rollback_before *before = &r->before;
    const char *list = before->files[ROLLBACK_LIST].path;
    if (r->cli->json) {
        AUTO_JSON json_object *o = json_object_new_object();
        json_object_object_add(o, "type", json_object_new_string("rollback"));
        json_object_object_add(o, "file", json_object_new_string(r->output));
        json_object_object_add(o, "devices_file", json_object_new_string(list));
        json_object_object_add(o, "name", json_object_new_string(r->made));
        json_object_object_add(o, "version",
                               json_object_new_string(before->spec->image.version));
        json_object_object_add(o, "from",
                               before->name != NULL ? json_object_new_string(before->name)
                                                    : NULL);
        json_object_object_add(o, "devices", json_object_new_int64((int64_t)r->count));
        json_object_object_add(o, "left_out",
                               json_object_new_int64((int64_t)r->left_out));
        return cmd_print(o, true);
    }
    if (before->name != NULL) {
        cli_remark(r->cli, "back to %s, as campaign '%s' brought it: %s",
                   before->spec->image.version, before->name,
                   before->files[ROLLBACK_IMAGE].path);
    }
    if (r->left_out > 0) {
        cli_remark(r->cli,
                   "%zu more that '%s' has updated are left out: '%s' did not bring them "
                   "%s. With --to FILE they go along",
                   r->left_out, r->name, before->name, before->spec->image.version);
    }
    cli_remark(r->cli,
               "%zu devices in %s; nothing is applied. Look at it, then: fuotactl "
               "plan %s",
               r->count, list, r->output);
    printf("%s\n", r->output);
    return cmd_finish();
}

int cmd_rollback(const struct cli *cli, const struct cli_args *args)
{
    struct rollback r = {
        .cli = cli, .name = args->operands[0], .output = cli_value(args, "--output")};
    char output[SPEC_NAME_SIZE + sizeof(".yaml")];
    snprintf(r.made, sizeof(r.made), "rollback-%.*s", (int)(sizeof(r.made) - 10), r.name);
    snprintf(output, sizeof(output), "%s.yaml", r.made);
    r.output = r.output != NULL ? r.output : output;
    int rc = rollback_name_files(cli, r.output, &r.before);
    if (rc == CLI_OK) {
        rc = make(&r, cli_value(args, "--to"));
    }
    if (rc == CLI_OK) {
        rc = tell(&r);
    }
    rollback_finish(&r.before);
    json_object_put(r.state);
    json_object_put(r.fleets);
    free(r.devices);
    return rc;
}
