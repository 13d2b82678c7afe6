/* SPDX-License-Identifier: MIT */
/* device EUI read|write|create|delete|execute|observe: the objects of a LwM2M device. */
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"

enum {
    OPERAND_DEVICE,
    OPERAND_OP,
    OPERAND_PATH,
    OPERAND_VALUES,
    TIMEOUT_DEFAULT_S = 30,
    GOING_ON = -1, /* not an exit code */
    LATE_S = 5,    /* of the daemon, which ends a request by itself */
};

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return SECONDS_US(ts.tv_sec) + ts.tv_nsec / 1000;
}

static int read_timeout(const struct cli_args *args, int64_t *timeout_us)
{
    const char *text = cli_value(args, "--timeout");
    *timeout_us = SECONDS_US(TIMEOUT_DEFAULT_S);
    if (text != NULL &&
        (words_parse_duration(text, timeout_us) != FUO_OK || *timeout_us <= 0)) {
        cmd_say("--timeout takes a time like 90s, 6h or 2d, not %.40s", text);
        cli_print_usage(args->command, stderr);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static struct json_object *params_of(const struct cli_args *args, int64_t timeout_us)
{
    static const char *const keys[] = {"device", "op", "path"};
    struct json_object *params = json_object_new_object();
    const char *reason = cli_value(args, "--reason");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_object_object_add(params, keys[i],
                               json_object_new_string(args->operands[i]));
    }
    if (args->operand_count > OPERAND_VALUES) {
        struct json_object *list = json_object_new_array();
        for (size_t i = OPERAND_VALUES; i < args->operand_count; i++) {
            json_object_array_add(list, json_object_new_string(args->operands[i]));
        }
        json_object_object_add(params, "values", list);
    }
    json_object_object_add(params, "timeout_us", json_object_new_int64(timeout_us));
    if (reason != NULL) {
        json_object_object_add(params, "reason", json_object_new_string(reason));
    }
    return params;
}

/* ---- what comes ---- */

static void show(const struct cli *cli, struct json_object *data)
{
    struct json_object *list = NULL;
    const char *note = ctl_text(data, "note");
    const char *location = ctl_text(data, "location");
    if (cli->json) {
        render_json(stdout, "values", data);
        fflush(stdout);
        return;
    }
    json_object_object_get_ex(data, "values", &list);
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    AUTO_TABLE struct table table = {.columns = 3};
    for (size_t i = 0; i < count; i++) {
        struct json_object *reading = json_object_array_get_idx(list, i);
        struct json_object *value = NULL;
        json_object_object_get_ex(reading, "value", &value);
        table_add(&table, ctl_text(reading, "path"));
        table_add(&table, ctl_text(reading, "type"));
        table_add(&table, json_object_get_string(value));
    }
    table_print(&table, stdout);
    fflush(stdout);
    if (location != NULL) {
        cli_remark(cli, "created: /%s", location);
    } else if (note != NULL) {
        cli_remark(cli, "%s", note);
    }
}

static int take(struct remote *remote, const struct ctl_message *message)
{
    if (message->type == CTL_MSG_ERROR) {
        return remote_refused(remote, message);
    }
    if (message->type == CTL_MSG_HELLO) {
        return GOING_ON;
    }
    if (!json_object_is_type(message->data, json_type_object)) {
        return remote_lost(remote, FUO_EPROTO);
    }
    struct json_object *list = NULL;
    json_object_object_get_ex(message->data, "values", &list);
    bool event = message->type == CTL_MSG_EVENT;
    bool done = !event && (!json_object_is_type(list, json_type_array) ||
                           json_object_array_length(list) == 0);
    if (event || !done || remote->cli->json || ctl_text(message->data, "location")) {
        show(remote->cli, message->data);
    }
    return event ? GOING_ON : CLI_OK;
}

/* Until the answer that is the last one, or Ctrl-C. */
static int listen_to(struct remote *remote, int64_t until_us)
{
    int code = GOING_ON;
    while (code == GOING_ON) {
        struct ctl_message message = {0};
        int err = ctl_client_next(remote->client, &message);
        if (err == FUO_OK) {
            code = take(remote, &message);
            ctl_message_finish(&message);
        } else if (err != FUO_ETIMEDOUT && err != FUO_EAGAIN) {
            code = remote_lost(remote, err);
        } else if (now_us() > until_us) {
            code = remote_lost(remote, FUO_ETIMEDOUT);
        }
        if (code == GOING_ON && remote_interrupted()) {
            code = CLI_INTERRUPTED;
        }
    }
    return code;
}

int cmd_access(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    int64_t timeout_us = 0;
    int rc = read_timeout(args, &timeout_us);
    rc = rc == CLI_OK ? remote_open(cli, &remote) : rc;
    if (rc != CLI_OK) {
        return rc;
    }
    bool observes = strcmp(args->operands[OPERAND_OP], "observe") == 0;
    ctl_client_set_timeout(remote.client, REMOTE_TICK_MS);
    remote_hold_signals();
    int64_t until_us = now_us() + timeout_us + SECONDS_US(LATE_S);
    int err = ctl_client_send(remote.client, CTL_ACCESS, params_of(args, timeout_us));
    rc = err == FUO_OK ? listen_to(&remote, until_us) : remote_lost(&remote, err);
    bool ended = rc == CLI_INTERRUPTED && observes;
    return rc == CLI_OK || ended ? cmd_finish() : rc;
}
