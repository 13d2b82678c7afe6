/* SPDX-License-Identifier: MIT */
/* plan and apply. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuotactl/bundle.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/follow.h"
#include "fuotactl/plan_file.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"

/* A duration option of the command; absent: none. */
static int read_time(const struct cli_args *args, const char *name, int64_t absent,
                     int64_t *us)
{
    const char *text = cli_value(args, name);
    *us = absent;
    if (text != NULL && words_parse_duration(text, us) != FUO_OK) {
        cmd_say("%s takes a time like 90s, 6h or 2d, not %s", name, text);
        cli_print_usage(args->command, stderr);
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* ---- plan ---- */

struct plan_options {
    const char *output; /* NULL: none */
    int64_t max_airtime_us;
    int64_t max_duration_us;
};

static int read_plan_options(const struct cli_args *args, struct plan_options *options)
{
    options->output = cli_value(args, "--output");
    int rc = read_time(args, "--max-airtime", INT64_MAX, &options->max_airtime_us);
    return rc == CLI_OK
               ? read_time(args, "--max-duration", INT64_MAX, &options->max_duration_us)
               : rc;
}

static int check_max(const struct cli *cli, struct json_object *plan, const char *key,
                     const char *option, int64_t max_us)
{
    char need[WORDS_DURATION_SIZE];
    char max[WORDS_DURATION_SIZE];
    int64_t us = ctl_int(plan, key, 0);
    if (us <= max_us) {
        return CLI_OK;
    }
    return cli_fail(cli, CLI_DOES_NOT_FIT, NULL, "%s: %s are needed, %s are allowed",
                    option, words_duration(us, need), words_duration(max_us, max));
}

static int check_limits(const struct cli *cli, struct json_object *plan,
                        const struct plan_options *options)
{
    int airtime =
        check_max(cli, plan, "airtime_us", "--max-airtime", options->max_airtime_us);
    int duration =
        check_max(cli, plan, "duration_us", "--max-duration", options->max_duration_us);
    return airtime != CLI_OK ? airtime : duration;
}

static int print_plan(const struct cli *cli, struct json_object *plan)
{
    if (cli->json) {
        render_json(stdout, "plan", plan);
    } else {
        render_plan(stdout, plan);
    }
    return cmd_finish();
}

static int ask_plan(struct remote *remote, const struct bundle *bundle,
                    struct json_object **plan)
{
    int rc = bundle_upload(bundle, remote);
    return rc == CLI_OK ? remote_call(remote, CTL_PLAN, bundle_params(bundle), plan) : rc;
}

int cmd_plan(const struct cli *cli, const struct cli_args *args)
{
    struct plan_options options;
    AUTO_BUNDLE struct bundle bundle = {0};
    AUTO_REMOTE struct remote remote = {0};
    AUTO_JSON json_object *plan = NULL;
    int rc = read_plan_options(args, &options);
    if (rc == CLI_OK) {
        rc = bundle_load(cli, args->operands[0], &bundle);
    }
    if (rc == CLI_OK) {
        rc = remote_open(cli, &remote);
    }
    if (rc == CLI_OK) {
        rc = ask_plan(&remote, &bundle, &plan);
    }
    if (rc == CLI_OK) {
        rc = print_plan(cli, plan);
    }
    if (rc == CLI_OK) {
        rc = check_limits(cli, plan, &options);
    }
    if (rc == CLI_OK && options.output != NULL) {
        rc = plan_file_write(cli, options.output, &bundle, plan);
    }
    return rc;
}

/* ---- apply ---- */

/* Whether the daemon has this already: what it would cost is no question any more. */
static bool is_under_way(struct remote *remote, const struct bundle *bundle)
{
    struct ctl_message message = {0};
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "name",
                           json_object_new_string(bundle->doc->spec.name));
    if (ctl_client_call(remote->client, CTL_STATUS, params, &message) != FUO_OK) {
        return false;
    }
    struct json_object *list = NULL;
    json_object_object_get_ex(message.data, "campaigns", &list);
    const char *digest =
        json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0
            ? ctl_text(json_object_array_get_idx(list, 0), "digest")
            : NULL;
    bool same = digest != NULL && strcmp(digest, bundle->image.digest) == 0;
    ctl_message_finish(&message);
    return same;
}

static int check_plan_file(struct remote *remote, const struct bundle *bundle,
                           const struct plan_file *file)
{
    if (is_under_way(remote, bundle)) {
        return CLI_OK;
    }
    AUTO_JSON json_object *now = NULL;
    int rc = ask_plan(remote, bundle, &now);
    return rc == CLI_OK ? plan_file_compare(remote->cli, file, now) : rc;
}

static int print_applied(const struct cli *cli, struct json_object *applied, bool wait)
{
    const char *name = ctl_text(applied, "name");
    struct json_object *state = NULL;
    struct json_object *plan = NULL;
    json_object_object_get_ex(applied, "state", &state);
    json_object_object_get_ex(applied, "plan", &plan);
    cli_remark(cli, "%s %s", name != NULL ? name : "?",
               ctl_bool(applied, "changed", false) ? "is under way, and was changed"
               : ctl_bool(applied, "existing", false)
                   ? "was applied before; attached to it"
                   : "is applied");
    if (cli->json) {
        render_json(stdout, "applied", applied);
    } else if (!wait && state != NULL) {
        render_campaign(stdout, state, cli->color_out);
    } else if (plan != NULL && !cli->quiet) {
        render_plan(stderr, plan);
    }
    return cmd_finish();
}

static int apply(struct remote *remote, const struct bundle *bundle,
                 const struct follow_options *options, bool wait)
{
    AUTO_JSON json_object *applied = NULL;
    int rc = bundle_upload(bundle, remote);
    if (rc != CLI_OK) {
        return rc;
    }
    if (wait) {
        remote_hold_signals();
    }
    rc = remote_call(remote, CTL_APPLY, bundle_params(bundle), &applied);
    if (rc == CLI_INTERRUPTED) {
        cmd_say("whether it was applied shows: fuotactl status %s", options->name);
    }
    if (rc == CLI_OK) {
        rc = print_applied(remote->cli, applied, wait);
    }
    return rc == CLI_OK && wait ? follow(remote, options) : rc;
}

static int load_either(const struct cli *cli, const char *path, struct plan_file *file,
                       struct bundle *bundle)
{
    int rc = plan_file_read(cli, path, file);
    if (rc != CLI_OK || file->root == NULL) {
        return rc != CLI_OK ? rc : bundle_load(cli, path, bundle);
    }
    rc = bundle_load(cli, file->campaign, bundle);
    return rc == CLI_OK ? plan_file_match(cli, file, bundle) : rc;
}

int cmd_apply(const struct cli *cli, const struct cli_args *args)
{
    struct follow_options options = {.goal = PROGRESS_FOR_COMPLETED};
    AUTO_PLAN_FILE struct plan_file file = {0};
    AUTO_BUNDLE struct bundle bundle = {0};
    AUTO_REMOTE struct remote remote = {0};
    bool wait = cli_value(args, "--wait") != NULL;
    int rc = read_time(args, "--timeout", INT64_MAX, &options.timeout_us);
    if (rc == CLI_OK && !wait && cli_value(args, "--timeout") != NULL) {
        return cmd_usage("apply FILE|PLAN --wait --timeout TIME",
                         "--timeout needs --wait");
    }
    if (rc == CLI_OK) {
        rc = load_either(cli, args->operands[0], &file, &bundle);
    }
    if (rc == CLI_OK) {
        rc = remote_open(cli, &remote);
    }
    if (rc == CLI_OK && file.root != NULL) {
        rc = check_plan_file(&remote, &bundle, &file);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    options.name = bundle.doc->spec.name;
    bundle.reason = cli_value(args, "--reason");
    return apply(&remote, &bundle, &options, wait);
}

/* ---- watch and wait ---- */

int cmd_watch(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    struct follow_options options = {
        .name = args->operands[0],
        .goal = PROGRESS_FOR_WATCH,
        .timeout_us = INT64_MAX,
        .devices = cli_value(args, "--devices") != NULL,
    };
    int rc = remote_open(cli, &remote);
    return rc == CLI_OK ? follow(&remote, &options) : rc;
}

static enum progress_goal goal_of(const char *text)
{
    static const struct {
        const char *text;
        enum progress_goal goal;
    } goals[] = {
        {"completed", PROGRESS_FOR_COMPLETED}, {"ended", PROGRESS_FOR_ENDED},
        {"running", PROGRESS_FOR_RUNNING},     {"paused", PROGRESS_FOR_PAUSED},
        {"aborted", PROGRESS_FOR_ABORTED},     {"failed", PROGRESS_FOR_FAILED},
    };
    for (size_t i = 0; text != NULL && i < sizeof(goals) / sizeof(goals[0]); i++) {
        if (strcmp(goals[i].text, text) == 0) {
            return goals[i].goal;
        }
    }
    return PROGRESS_FOR_COMPLETED;
}

int cmd_wait(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    struct follow_options options = {
        .name = args->operands[0],
        .goal = goal_of(cli_value(args, "--for")),
    };
    int rc = read_time(args, "--timeout", INT64_MAX, &options.timeout_us);
    if (rc == CLI_OK) {
        rc = remote_open(cli, &remote);
    }
    return rc == CLI_OK ? follow(&remote, &options) : rc;
}
