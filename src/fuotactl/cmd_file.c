/* SPDX-License-Identifier: MIT */
/* validate, schema, explain, airtime, help, completion: without the daemon. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/explain.h"
#include "config/schema.h"
#include "config/validate.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"
#include "io/cleanup.h"
#include "radio/airtime.h"

/* ---- validate ---- */

static void print_verdict(const struct cli *cli, const char *file, bool valid,
                          const struct diag_list *diags)
{
    AUTO_JSON json_object *problems = diag_list_json(diags);
    if (!cli->json) {
        render_problems(stdout, problems);
        return;
    }
    AUTO_JSON json_object *verdict = json_object_new_object();
    json_object_object_add(verdict, "file", json_object_new_string(file));
    json_object_object_add(verdict, "valid", json_object_new_boolean(valid));
    json_object_object_add(verdict, "problems", json_object_get(problems));
    render_json(stdout, "file", verdict);
}

int cmd_validate(const struct cli *cli, const struct cli_args *args)
{
    size_t wrong_files = 0;
    size_t problems = 0;
    for (size_t i = 0; i < args->operand_count; i++) {
        struct diag_list diags = {0};
        bool valid = config_validate_file(args->operands[i], &diags) == FUO_OK;
        print_verdict(cli, args->operands[i], valid, &diags);
        wrong_files += !valid;
        problems += diags.error_count;
        diag_list_finish(&diags);
    }
    int rc = cmd_finish();
    if (rc != CLI_OK) {
        return rc;
    }
    if (wrong_files == 0) {
        cli_remark(cli, "%zu file%s valid", args->operand_count,
                   args->operand_count == 1 ? " is" : "s are");
        return CLI_OK;
    }
    cmd_say("%zu problem%s in %zu of %zu files", problems, problems == 1 ? "" : "s",
            wrong_files, args->operand_count);
    return CLI_INVALID;
}

/* ---- schema, explain ---- */

static int operand_usage(const struct cli_args *args)
{
    cmd_say("%s is one of: %s; not \"%.40s\"", args->command->operand,
            args->command->operand_words, args->operands[0]);
    cli_print_usage(args->command, stderr);
    return CLI_USAGE;
}

int cmd_schema(const struct cli *cli, const struct cli_args *args)
{
    const struct config_kind *kind = config_kind_find(args->operands[0]);
    if (kind == NULL) {
        return operand_usage(args);
    }
    AUTO_JSON json_object *schema = schema_build(kind);
    int style = cli->json ? JSON_C_TO_STRING_PLAIN
                          : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
    puts(json_object_to_json_string_ext(schema, style | JSON_C_TO_STRING_NOSLASHESCAPE));
    return cmd_finish();
}

static struct json_object *member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

/* The properties of a schema, whether it is one mapping, a list, or one of several. */
static struct json_object *properties_of(struct json_object *schema)
{
    struct json_object *any = member(schema, "anyOf");
    struct json_object *found = member(schema, "properties");
    if (found == NULL) {
        found = member(member(schema, "items"), "properties");
    }
    size_t n =
        json_object_is_type(any, json_type_array) ? json_object_array_length(any) : 0;
    for (size_t i = 0; found == NULL && i < n; i++) {
        struct json_object *one = json_object_array_get_idx(any, i);
        found = member(one, "properties");
        if (found == NULL) {
            found = member(member(one, "items"), "properties");
        }
    }
    return found;
}

/* The part of a kind's schema that a path names; borrowed. NULL: none. */
static struct json_object *walk(struct json_object *schema, const char *path)
{
    while (schema != NULL && *path != '\0') {
        char key[64];
        size_t len = strcspn(path, ".[");
        if (len >= sizeof(key)) {
            return NULL;
        }
        memcpy(key, path, len);
        key[len] = '\0';
        schema = member(properties_of(schema), key);
        path += len;
        path += *path == '[' ? strcspn(path, ".") : 0;
        path += *path == '.';
    }
    return schema;
}

/* The kind that a path begins with, or Campaign; *rest is what follows. */
static const struct config_kind *kind_of(const char *path, const char **rest)
{
    char first[64];
    size_t len = strcspn(path, ".");
    const struct config_kind *kind = NULL;
    if (len > 0 && len < sizeof(first)) {
        memcpy(first, path, len);
        first[len] = '\0';
        kind = config_kind_find(first);
    }
    *rest = kind != NULL ? path + len + (path[len] == '.') : path;
    return kind != NULL ? kind : config_kind_find("Campaign");
}

static void print_explained(const char *path, const char *text)
{
    const char *rest = NULL;
    const struct config_kind *kind = kind_of(path, &rest);
    AUTO_JSON json_object *schema = schema_build(kind);
    AUTO_JSON json_object *line = json_object_new_object();
    json_object_object_add(line, "path", json_object_new_string(path));
    json_object_object_add(line, "text", json_object_new_string(text));
    json_object_object_add(line, "schema", json_object_get(walk(schema, rest)));
    render_json(stdout, "explain", line);
}

int cmd_explain(const struct cli *cli, const struct cli_args *args)
{
    const char *path = args->operands[0];
    const char *nearest = NULL;
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "out of memory");
    }
    int err = explain_print(path, out, &nearest);
    if (fclose(out) != 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "out of memory");
    }
    if (err != FUO_OK) {
        return cli_fail(cli, CLI_NOT_FOUND, NULL, "there is no key %s%s%s%s", path,
                        nearest != NULL ? "; did you mean " : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
    }
    if (cli->json) {
        print_explained(path, text);
    } else {
        fputs(text, stdout);
    }
    return cmd_finish();
}

/* ---- airtime ---- */

struct airtime_request {
    const struct region *region;
    uint32_t dr;
    uint32_t bytes;
};

static int airtime_usage(const struct cli_args *args, const char *text)
{
    cmd_say("%s", text);
    cli_print_usage(args->command, stderr);
    return CLI_USAGE;
}

static const struct region *find_region(const char *text)
{
    char name[16] = "";
    for (size_t i = 0; text[i] != '\0' && i + 1 < sizeof(name); i++) {
        bool lower = text[i] >= 'a' && text[i] <= 'z';
        name[i] = (char)(lower ? text[i] - 'a' + 'A' : text[i]);
    }
    return region_by_name(name);
}

static int read_request(const struct cli_args *args, struct airtime_request *request)
{
    const char *region = cli_value(args, "--region");
    const char *dr = cli_value(args, "--dr");
    const char *bytes = cli_value(args, "--bytes");
    if (region == NULL || dr == NULL || bytes == NULL) {
        return airtime_usage(args, "--region, --dr and --bytes are needed");
    }
    request->region = find_region(region);
    if (request->region == NULL) {
        return airtime_usage(args, "--region takes a region like EU868 or AS923-2");
    }
    bool prefixed = (dr[0] == 'D' || dr[0] == 'd') && (dr[1] == 'R' || dr[1] == 'r');
    if (words_parse_u32(prefixed ? dr + 2 : dr, REGION_DR_COUNT - 1, &request->dr) !=
        FUO_OK) {
        return airtime_usage(args, "--dr takes a data rate from 0 to 15");
    }
    if (words_parse_u32(bytes, UINT16_MAX, &request->bytes) != FUO_OK) {
        return airtime_usage(args, "--bytes takes a number");
    }
    return CLI_OK;
}

static void add_int(json_object *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

static void add_modulation(json_object *object, const struct data_rate *rate)
{
    char text[32] = "";
    if (rate->modulation == MODULATION_LORA) {
        snprintf(text, sizeof(text), "SF%u/%" PRIu32 "kHz", (unsigned)rate->sf,
                 rate->bw_hz / 1000);
    } else {
        snprintf(text, sizeof(text), "FSK %" PRIu32 " bit/s", rate->bitrate_bps);
    }
    json_object_object_add(object, "modulation", json_object_new_string(text));
}

static int print_airtime(const struct cli *cli, const struct airtime_request *request,
                         int64_t airtime_us)
{
    uint8_t dr = (uint8_t)request->dr;
    const struct payload_rules safe = {0};
    uint8_t max = region_max_payload(request->region, dr, safe);
    AUTO_JSON json_object *out = json_object_new_object();
    json_object_object_add(out, "region", json_object_new_string(request->region->name));
    add_int(out, "dr", dr);
    add_int(out, "bytes", request->bytes);
    add_int(out, "phy_bytes", (int64_t)request->bytes + AIRTIME_MAC_BYTES);
    add_int(out, "airtime_us", airtime_us);
    add_modulation(out, region_data_rate(request->region, dr, DIRECTION_DOWN));
    add_int(out, "max_bytes", max);
    json_object_object_add(out, "fits", json_object_new_boolean(request->bytes <= max));
    if (request->bytes > max) {
        cli_remark(cli, "more than the %u bytes that every device takes at DR%u", max,
                   (unsigned)dr);
    }
    if (!cli->json) {
        return cmd_print(out, false);
    }
    render_json(stdout, "airtime", out);
    return cmd_finish();
}

int cmd_airtime(const struct cli *cli, const struct cli_args *args)
{
    struct airtime_request request = {0};
    int rc = read_request(args, &request);
    if (rc != CLI_OK) {
        return rc;
    }
    int64_t airtime_us = 0;
    if (region_data_rate(request.region, (uint8_t)request.dr, DIRECTION_DOWN) == NULL) {
        return cli_fail(cli, CLI_DOES_NOT_FIT, NULL,
                        "DR%" PRIu32 " does not exist in downlinks of %s", request.dr,
                        request.region->name);
    }
    if (airtime_downlink_us(request.region, (uint8_t)request.dr, request.bytes,
                            &airtime_us) != FUO_OK) {
        return cli_fail(cli, CLI_DOES_NOT_FIT, NULL,
                        "no downlink at DR%" PRIu32 " of %s carries %" PRIu32 " bytes",
                        request.dr, request.region->name, request.bytes);
    }
    return print_airtime(cli, &request, airtime_us);
}

/* ---- help, completion ---- */

int cmd_help(const struct cli *cli, const struct cli_args *args)
{
    char name[64];
    (void)cli;
    if (args->operand_count == 0) {
        cli_print_help(stdout);
        return cmd_finish();
    }
    snprintf(name, sizeof(name), "%s%s%s", args->operands[0],
             args->operand_count > 1 ? " " : "",
             args->operand_count > 1 ? args->operands[1] : "");
    if (!cli_print_command_help(name, stdout)) {
        cmd_say("no command \"%.40s\"", name);
        cli_print_usage(NULL, stderr);
        return CLI_USAGE;
    }
    return cmd_finish();
}

int cmd_completion(const struct cli *cli, const struct cli_args *args)
{
    (void)cli;
    if (!cli_print_completion(args->operands[0], stdout)) {
        return operand_usage(args);
    }
    return cmd_finish();
}
