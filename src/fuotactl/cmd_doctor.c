/* SPDX-License-Identifier: MIT */
/* doctor: what is right and wrong, by the daemon if it runs, else by its files. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/finding.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/doctor_files.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"
#include "io/secrets.h"

static int ask_daemon(struct remote *remote, struct json_object *list)
{
    AUTO_JSON json_object *data = NULL;
    struct json_object *found = NULL;
    int rc = remote_call(remote, CTL_DOCTOR, NULL, &data);
    if (rc != CLI_OK) {
        return rc;
    }
    json_object_object_get_ex(data, "findings", &found);
    size_t n =
        json_object_is_type(found, json_type_array) ? json_object_array_length(found) : 0;
    for (size_t i = 0; i < n; i++) {
        json_object_array_add(list, json_object_get(json_object_array_get_idx(found, i)));
    }
    return n > 0 ? CLI_OK : remote_lost(remote, FUO_EPROTO);
}

static void tell_absence(const struct cli *cli, struct json_object *list)
{
    struct finding_subject daemon = {"daemon", cli->socket};
    if (access(cli->socket, R_OK | W_OK) != 0 && errno == EACCES) {
        finding_add(list, FINDING_FAIL, daemon,
                    "%s: you must be in the group of the socket to ask the daemon",
                    strerror(EACCES));
        return;
    }
    finding_add(list, FINDING_WARN, daemon,
                "no daemon answers, its files are looked at: start it with `systemctl "
                "start fuotad`, or name its socket with --socket");
}

/* How many findings have that level. */
static size_t count_level(struct json_object *list, const char *level)
{
    size_t count = 0;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *text = ctl_text(json_object_array_get_idx(list, i), "level");
        count += text != NULL && strcmp(text, level) == 0;
    }
    return count;
}

static int print_findings(const struct cli *cli, struct json_object *list)
{
    size_t fails = count_level(list, "fail");
    size_t warns = count_level(list, "warn");
    if (cli->json) {
        AUTO_JSON json_object *object = json_object_new_object();
        json_object_object_add(object, "findings", json_object_get(list));
        json_object_object_add(object, "fail", json_object_new_int64((int64_t)fails));
        json_object_object_add(object, "warn", json_object_new_int64((int64_t)warns));
        render_json(stdout, "doctor", object);
    } else {
        render_findings(stdout, list, cli->color_out);
        cli_remark(cli, "%zu findings: %zu failed, %zu warnings",
                   json_object_array_length(list), fails, warns);
    }
    int rc = cmd_finish();
    return rc == CLI_OK && fails > 0 ? CLI_FAILED : rc;
}

int cmd_doctor(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {.cli = cli};
    AUTO_JSON json_object *list = json_object_new_array();
    const char *config = cli_value(args, "--config");
    if (secrets_init() != FUO_OK) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "a library cannot be initialised");
    }
    /* Files are looked at here: those of a daemon elsewhere are not. */
    bool elsewhere = cli->server.url != NULL;
    int opened = elsewhere ? remote_open(cli, &remote) : remote_reopen(&remote);
    if (elsewhere && opened != CLI_OK) {
        return opened;
    }
    bool runs = opened == CLI_OK;
    if (runs) {
        int rc = ask_daemon(&remote, list);
        if (rc != CLI_OK) {
            return rc;
        }
    } else {
        tell_absence(cli, list);
    }
    if (!runs || config != NULL) {
        doctor_files(config != NULL ? config : DOCTOR_CONFIG, list);
    }
    return print_findings(cli, list);
}
