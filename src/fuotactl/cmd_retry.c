/* SPDX-License-Identifier: MIT */
/* retry: devices that have ended go again within their campaign. */
#include <string.h>

#include "base/eui.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"
#include "io/cleanup.h"

enum {
    ITEM_SIZE = 256, /* of a list; a longer one is nothing that could be meant */
};

static int add_device(struct json_object *list, char *item)
{
    uint64_t eui = 0;
    char text[EUI_TEXT_SIZE];
    if (eui_parse(item, strlen(item), &eui) != FUO_OK) {
        cmd_say("--devices: a DevEUI has 16 hex digits, not \"%.40s\"", item);
        return CLI_USAGE;
    }
    json_object_array_add(list, json_object_new_string(eui_format(eui, text)));
    return CLI_OK;
}

static int add_outcome(struct json_object *list, char *item)
{
    json_object_array_add(list, json_object_new_string(item));
    return CLI_OK;
}

static int add_label(struct json_object *labels, char *item)
{
    char *value = strchr(item, '=');
    if (value == NULL || value == item || value[1] == '\0') {
        cmd_say("--label: a label is KEY=VALUE, not \"%.40s\"", item);
        return CLI_USAGE;
    }
    *value++ = '\0';
    json_object_object_add(labels, item, json_object_new_string(value));
    return CLI_OK;
}

/* Of an option "a,b,c", if it was given: each item into what params have under key. */
static int add_list(struct json_object *params, const char *key, const char *text,
                    int (*add)(struct json_object *list, char *item))
{
    if (text == NULL) {
        return CLI_OK;
    }
    struct json_object *list = NULL;
    json_object_object_get_ex(params, key, &list);
    int rc = CLI_OK;
    for (const char *at = text; rc == CLI_OK && at != NULL;) {
        char item[ITEM_SIZE];
        size_t len = strcspn(at, ",");
        snprintf(item, sizeof(item), "%.*s", len < sizeof(item) ? (int)len : 0, at);
        rc = add(list, item);
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return rc;
}

static const char *list_of(struct json_object *params, const struct cli_args *args,
                           const char *option, const char *key)
{
    const char *text = cli_value(args, option);
    if (text != NULL) {
        json_object_object_add(params, key,
                               strcmp(key, "labels") == 0 ? json_object_new_object()
                                                          : json_object_new_array());
    }
    return text;
}

static int read_params(const struct cli_args *args, struct json_object *params)
{
    const char *reason = cli_value(args, "--reason");
    json_object_object_add(params, "name", json_object_new_string(args->operands[0]));
    if (reason != NULL) {
        json_object_object_add(params, "reason", json_object_new_string(reason));
    }
    int rc = add_list(params, "devices", list_of(params, args, "--devices", "devices"),
                      add_device);
    if (rc == CLI_OK) {
        rc = add_list(params, "outcomes", list_of(params, args, "--outcome", "outcomes"),
                      add_outcome);
    }
    return rc != CLI_OK ? rc
                        : add_list(params, "labels",
                                   list_of(params, args, "--label", "labels"), add_label);
}

static void tell(const struct cli *cli, struct json_object *data)
{
    struct json_object *state = NULL;
    json_object_object_get_ex(data, "state", &state);
    long long retried = (long long)ctl_int(data, "retried", 0);
    long long under_way = (long long)ctl_int(data, "under_way", 0);
    long long busy = (long long)ctl_int(data, "busy", 0);
    cli_remark(cli, "%lld device%s again", retried, retried == 1 ? " goes" : "s go");
    if (under_way > 0) {
        cli_remark(cli, "%lld had been told to before", under_way);
    }
    if (busy > 0) {
        cli_remark(cli, "%lld left alone: another campaign has them", busy);
    }
    const char *phase = ctl_text(state, "phase");
    const char *name = ctl_text(state, "name");
    if (phase != NULL && name != NULL && strcmp(phase, "paused") == 0) {
        AUTO_FREE char *operand = remote_operand(cli, name);
        cli_remark(cli, "the campaign is paused; it goes on with: fuotactl resume %s",
                   operand != NULL ? operand : name);
    }
    render_campaign(stdout, state, cli->color_out);
}

int cmd_retry(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    AUTO_JSON json_object *params = json_object_new_object();
    AUTO_JSON json_object *data = NULL;
    int rc = read_params(args, params);
    if (rc == CLI_USAGE) {
        cli_print_usage(args->command, stderr);
    }
    if (rc == CLI_OK) {
        rc = remote_open(cli, &remote);
    }
    if (rc == CLI_OK) {
        rc = remote_call(&remote, CTL_RETRY, json_object_get(params), &data);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (cli->json) {
        render_json(stdout, "retry", data);
    } else {
        tell(cli, data);
    }
    return cmd_finish();
}
