/* SPDX-License-Identifier: MIT */
/* budget: airtime of the gateways in the last hour, against what is allowed. */
#include <string.h>

#include "base/eui.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"

static int ask_page(struct remote *remote, const char *gateway, const char *after,
                    struct json_object **page)
{
    struct json_object *params = json_object_new_object();
    if (gateway != NULL) {
        json_object_object_add(params, "gateway", json_object_new_string(gateway));
    }
    if (after[0] != '\0') {
        json_object_object_add(params, "after", json_object_new_string(after));
    }
    json_object_object_add(params, "limit", json_object_new_int(CTL_PAGE_MAX));
    return remote_call(remote, CTL_BUDGET, params, page);
}

/* Keeps the gateway to go on after; false: that was the last page. */
static bool take_page(struct json_object *page, struct json_object *all,
                      char after[static EUI_TEXT_SIZE])
{
    struct json_object *list = NULL;
    json_object_object_get_ex(page, "gateways", &list);
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        json_object_array_add(all, json_object_get(json_object_array_get_idx(list, i)));
    }
    const char *next = ctl_text(page, "next");
    bool forward =
        n > 0 && next != NULL && strlen(next) == EUI_TEXT_LEN && strcmp(next, after) > 0;
    if (forward) {
        memcpy(after, next, EUI_TEXT_SIZE);
    }
    return forward;
}

static int list_budgets(struct remote *remote, const char *gateway,
                        struct json_object *all)
{
    char after[EUI_TEXT_SIZE] = "";
    bool more = true;
    while (more) {
        AUTO_JSON json_object *page = NULL;
        int rc = ask_page(remote, gateway, after, &page);
        if (rc != CLI_OK) {
            return rc;
        }
        more = take_page(page, all, after) && gateway == NULL;
    }
    return CLI_OK;
}

static void print_budgets(const struct cli *cli, struct json_object *all)
{
    if (cli->json) {
        AUTO_JSON json_object *object = json_object_new_object();
        json_object_object_add(object, "gateways", json_object_get(all));
        render_json(stdout, "budget", object);
    } else if (json_object_array_length(all) > 0) {
        render_budgets(stdout, all);
    } else {
        cli_remark(cli, "nothing has been sent yet: no gateway has a budget on record");
    }
}

int cmd_budget(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    AUTO_JSON json_object *all = json_object_new_array();
    const char *given = args->operand_count > 0 ? args->operands[0] : NULL;
    char gateway[EUI_TEXT_SIZE];
    uint64_t eui = 0;
    if (given != NULL && eui_parse(given, strlen(given), &eui) != FUO_OK) {
        cmd_say("a gateway has 16 hex digits, not \"%.40s\"", given);
        cli_print_usage(args->command, stderr);
        return CLI_USAGE;
    }
    int rc = remote_open(cli, &remote);
    if (rc == CLI_OK) {
        rc = list_budgets(&remote, given != NULL ? eui_format(eui, gateway) : NULL, all);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    print_budgets(cli, all);
    return cmd_finish();
}
