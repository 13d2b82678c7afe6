/* SPDX-License-Identifier: MIT */
/* status, pause, resume, abort, approve, devices, device. */
#include <string.h>

#include "base/eui.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/progress.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"

static void add_text(struct json_object *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_object_add(object, key, json_object_new_string(text));
    }
}

static struct json_object *named(const char *name)
{
    struct json_object *params = json_object_new_object();
    add_text(params, "name", name);
    return params;
}

/* One request on a connection of its own. */
static int ask(const struct cli *cli, enum ctl_method method, struct json_object *params,
               struct json_object **data)
{
    AUTO_REMOTE struct remote remote = {0};
    int rc = remote_open(cli, &remote);
    if (rc != CLI_OK) {
        json_object_put(params);
        return rc;
    }
    return remote_call(&remote, method, params, data);
}

/* ---- status ---- */

static void print_states(const struct cli *cli, struct json_object *list, bool one)
{
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (!cli->json && !one && n > 0) {
        render_campaigns(stdout, list);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *state = json_object_array_get_idx(list, i);
        if (cli->json) {
            render_json(stdout, "campaign", state);
        } else {
            render_campaign(stdout, state, cli->color_out);
        }
    }
    if (n == 0) {
        cli_remark(cli, "there are no campaigns");
    }
}

/* Only what nobody should miss, unless a program asks. */
static void print_daemon(const struct cli *cli, struct json_object *data)
{
    struct json_object *daemon = NULL;
    struct json_object *dropped = NULL;
    if (!json_object_object_get_ex(data, "daemon", &daemon)) {
        return;
    }
    if (cli->json) {
        render_json(stdout, "daemon", daemon);
        return;
    }
    json_object_object_get_ex(daemon, "dropped", &dropped);
    int64_t lost = ctl_int(dropped, "flood", 0) + ctl_int(dropped, "backlog", 0);
    if (lost > 0) {
        cli_remark(cli,
                   "%lld messages of network servers were dropped since the daemon "
                   "started: they came faster than it can take them",
                   (long long)lost);
    }
}

int cmd_status(const struct cli *cli, const struct cli_args *args)
{
    AUTO_JSON json_object *data = NULL;
    bool one = args->operand_count > 0;
    int rc = ask(cli, CTL_STATUS, named(one ? args->operands[0] : NULL), &data);
    if (rc != CLI_OK) {
        return rc;
    }
    struct json_object *list = NULL;
    if (!one) {
        print_daemon(cli, data);
    }
    json_object_object_get_ex(data, "campaigns", &list);
    print_states(cli, list, one);
    return cmd_finish();
}

/* ---- pause, resume, abort ---- */

/* It is no failure, once more does no harm; but nobody should take it for an effect. What was
 * resumed or approved may have ended by that. */
static void tell_ended(const struct cli *cli, enum ctl_method method,
                       struct json_object *state)
{
    struct progress now;
    progress_read(state, &now);
    bool stops = method == CTL_PAUSE || method == CTL_ABORT;
    bool meant = method == CTL_ABORT && now.phase == PROGRESS_ABORTED;
    if (stops && progress_has_ended(&now) && !meant) {
        cli_remark(cli, "%s has ended, it is %s: %s changes nothing", now.name,
                   now.phase_text, ctl_method_name(method));
    }
}

static int control(const struct cli *cli, const struct cli_args *args,
                   enum ctl_method method)
{
    AUTO_JSON json_object *state = NULL;
    struct json_object *params = named(args->operands[0]);
    add_text(params, "reason", cli_value(args, "--reason"));
    add_text(params, "wave", cli_value(args, "--wave"));
    if (cli_value(args, "--install") != NULL) {
        json_object_object_add(params, "install", json_object_new_boolean(true));
    }
    int rc = ask(cli, method, params, &state);
    if (rc != CLI_OK) {
        return rc;
    }
    tell_ended(cli, method, state);
    if (cli->json) {
        render_json(stdout, "campaign", state);
    } else {
        render_campaign(stdout, state, cli->color_out);
    }
    return cmd_finish();
}

int cmd_pause(const struct cli *cli, const struct cli_args *args)
{
    return control(cli, args, CTL_PAUSE);
}

int cmd_resume(const struct cli *cli, const struct cli_args *args)
{
    return control(cli, args, CTL_RESUME);
}

int cmd_abort(const struct cli *cli, const struct cli_args *args)
{
    return control(cli, args, CTL_ABORT);
}

int cmd_approve(const struct cli *cli, const struct cli_args *args)
{
    return control(cli, args, CTL_APPROVE);
}

/* ---- devices ---- */

enum devices_format { DEVICES_TABLE, DEVICES_CSV, DEVICES_JSONL };

struct devices_query {
    const char *name;
    const char *outcome; /* NULL: any */
    int state;           /* -1: any */
    enum devices_format format;
};

static int state_of(const char *text)
{
    static const char *const names[] = {"idle", "downloading", "downloaded", "updating"};
    for (int i = 0; text != NULL && i < 4; i++) {
        if (strcmp(names[i], text) == 0 || (text[0] == '0' + i && text[1] == '\0')) {
            return i;
        }
    }
    return -1;
}

static enum devices_format format_of(const struct cli *cli, const char *text)
{
    if (text == NULL) {
        return cli->json ? DEVICES_JSONL : DEVICES_TABLE;
    }
    return strcmp(text, "csv") == 0     ? DEVICES_CSV
           : strcmp(text, "jsonl") == 0 ? DEVICES_JSONL
                                        : DEVICES_TABLE;
}

static int ask_page(struct remote *remote, const struct devices_query *query,
                    const char *after, struct json_object **page)
{
    struct json_object *params = named(query->name);
    add_text(params, "outcome", query->outcome);
    add_text(params, "after", after);
    if (query->state >= 0) {
        json_object_object_add(params, "state", json_object_new_int(query->state));
    }
    json_object_object_add(params, "limit", json_object_new_int(CTL_PAGE_MAX));
    return remote_call(remote, CTL_DEVICES, params, page);
}

/* A table needs all rows for its widths; the others go out as they come. */
static void take_device(const struct devices_query *query, struct json_object *device,
                        struct json_object *all)
{
    switch (query->format) {
    case DEVICES_TABLE:
        json_object_array_add(all, json_object_get(device));
        break;
    case DEVICES_CSV:
        render_csv_row(stdout, device);
        break;
    case DEVICES_JSONL:
        render_json(stdout, "device", device);
        break;
    }
}

/* Keeps the DevEUI to go on after; false: that was the last page. */
static bool take_page(const struct devices_query *query, struct json_object *page,
                      struct json_object *all, char after[static EUI_TEXT_SIZE])
{
    struct json_object *list = NULL;
    json_object_object_get_ex(page, "devices", &list);
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        take_device(query, json_object_array_get_idx(list, i), all);
    }
    const char *next = ctl_text(page, "next");
    bool forward =
        n > 0 && next != NULL && strlen(next) == EUI_TEXT_LEN && strcmp(next, after) > 0;
    if (forward) {
        memcpy(after, next, EUI_TEXT_SIZE);
    }
    return forward;
}

static int list_devices(struct remote *remote, const struct devices_query *query,
                        struct json_object *all)
{
    char after[EUI_TEXT_SIZE] = "";
    bool more = true;
    while (more) {
        AUTO_JSON json_object *page = NULL;
        int rc = ask_page(remote, query, after[0] != '\0' ? after : NULL, &page);
        if (rc != CLI_OK) {
            return rc;
        }
        /* Only now: a refusal leaves stdout empty. */
        if (after[0] == '\0' && query->format == DEVICES_CSV) {
            render_csv_heading(stdout);
        }
        more = take_page(query, page, all, after);
    }
    return CLI_OK;
}

int cmd_devices(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    AUTO_JSON json_object *all = json_object_new_array();
    struct devices_query query = {
        .name = args->operands[0],
        .outcome = cli_value(args, "--outcome"),
        .state = state_of(cli_value(args, "--state")),
        .format = format_of(cli, cli_value(args, "--output")),
    };
    int rc = remote_open(cli, &remote);
    if (rc == CLI_OK) {
        rc = list_devices(&remote, &query, all);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (query.format == DEVICES_TABLE) {
        render_devices(stdout, all);
    }
    return cmd_finish();
}

/* ---- device ---- */

int cmd_device(const struct cli *cli, const struct cli_args *args)
{
    uint64_t eui = 0;
    char text[EUI_TEXT_SIZE];
    AUTO_JSON json_object *data = NULL;
    if (args->operand_count > 2) {
        return cmd_access(cli, args);
    }
    if (args->operand_count == 2) {
        cmd_say("%.40s what? A path follows, like /3/0/9", args->operands[1]);
        cli_print_usage(args->command, stderr);
        return CLI_USAGE;
    }
    const char *device = args->operands[0];
    bool by_eui = eui_parse(device, strlen(device), &eui) == FUO_OK;
    struct json_object *params = json_object_new_object();
    add_text(params, by_eui ? "dev_eui" : "device",
             by_eui ? eui_format(eui, text) : device);
    int rc = ask(cli, CTL_DEVICE, params, &data);
    if (rc != CLI_OK) {
        return rc;
    }
    if (cli->json) {
        render_json(stdout, "device", data);
    } else {
        render_device(stdout, data);
    }
    return cmd_finish();
}
