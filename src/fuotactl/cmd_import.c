/* SPDX-License-Identifier: MIT */
/* devices import, devices remove: a file of devices, checked here, then by the daemon. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "config/inventory.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/remote.h"
#include "fuotactl/render.h"
#include "io/file.h"

/* It has keys. */
struct secret_file {
    uint8_t *bytes;
    size_t len;
};

static void secret_file_wipe(struct secret_file *file)
{
    if (file->bytes != NULL) {
        explicit_bzero(file->bytes, file->len);
    }
    free(file->bytes);
}

#define AUTO_SECRET_FILE __attribute__((__cleanup__(secret_file_wipe)))

static int read_file(const struct cli *cli, const char *path, struct secret_file *file)
{
    errno = 0;
    int err = file_read(path, CTL_IMAGE_MAX, &file->bytes, &file->len);
    if (err == FUO_ERANGE) {
        return cli_fail(cli, CLI_INVALID, NULL, "%s: longer than %d MiB: split it", path,
                        CTL_IMAGE_MAX >> 20);
    }
    return err == FUO_OK ? CLI_OK
                         : cli_fail(cli, CLI_INVALID, NULL, "%s: %s", path,
                                    errno != 0 ? strerror(errno) : fuo_strerror(err));
}

/* What does not depend on the daemon: nothing of a file that is wrong leaves this machine. */
static int check_file(const struct cli *cli, enum ctl_method method, const char *path,
                      const struct secret_file *file)
{
    struct diag_list diags = {0};
    struct inventory inventory = {0};
    struct arena arena = {.wipe = true};
    struct eui_list list = {0};
    const char *text = (const char *)file->bytes;
    int rc = CLI_OK;
    int err = method == CTL_IMPORT
                  ? inventory_parse(path, text, file->len, &inventory, &diags)
                  : device_list_parse(path, text, file->len, &arena, &list, &diags);
    if (err != FUO_OK) {
        diag_list_sort(&diags);
        AUTO_JSON json_object *problems = diag_list_json(&diags);
        rc = cli_fail(cli, CLI_INVALID, problems, "%s: nothing was %s: %zu problem%s",
                      path, method == CTL_IMPORT ? "imported" : "removed",
                      diags.error_count, diags.error_count == 1 ? "" : "s");
    }
    inventory_finish(&inventory);
    arena_finish(&arena);
    diag_list_finish(&diags);
    return rc;
}

static int send(struct remote *remote, enum ctl_method method,
                const struct cli_args *args, const struct secret_file *file,
                struct json_object **data)
{
    static const char *const options[] = {"fleet", "reason"};
    char digest[CTL_DIGEST_SIZE];
    int rc = remote_put(remote, file->bytes, file->len, digest);
    if (rc != CLI_OK) {
        return rc;
    }
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "file", json_object_new_string(args->operands[0]));
    json_object_object_add(params, "digest", json_object_new_string(digest));
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char name[16];
        snprintf(name, sizeof(name), "--%s", options[i]);
        const char *value = cli_value(args, name);
        if (value != NULL) {
            json_object_object_add(params, options[i], json_object_new_string(value));
        }
    }
    return remote_call(remote, method, params, data);
}

static void tell(const struct cli *cli, enum ctl_method method, struct json_object *data)
{
    const char *fleet = ctl_text(data, "fleet");
    if (method == CTL_REMOVE) {
        cli_remark(cli, "%lld devices are not in fleet %s any more",
                   (long long)ctl_int(data, "devices", 0), fleet != NULL ? fleet : "");
        return;
    }
    cli_remark(cli, "%lld devices are in fleet %s now: %lld new, %lld replaced",
               (long long)ctl_int(data, "devices", 0), fleet != NULL ? fleet : "",
               (long long)ctl_int(data, "added", 0),
               (long long)ctl_int(data, "replaced", 0));
}

static int run(const struct cli *cli, enum ctl_method method, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    AUTO_JSON json_object *data = NULL;
    AUTO_SECRET_FILE struct secret_file file = {0};
    if (sodium_init() < 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "libsodium does not start");
    }
    int rc = read_file(cli, args->operands[0], &file);
    if (rc == CLI_OK) {
        rc = check_file(cli, method, args->operands[0], &file);
    }
    if (rc == CLI_OK) {
        rc = remote_open(cli, &remote);
    }
    if (rc == CLI_OK) {
        rc = send(&remote, method, args, &file, &data);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (cli->json) {
        render_json(stdout, ctl_method_name(method), data);
    } else {
        tell(cli, method, data);
    }
    return cmd_finish();
}

int cmd_import(const struct cli *cli, const struct cli_args *args)
{
    return run(cli, CTL_IMPORT, args);
}

int cmd_remove(const struct cli *cli, const struct cli_args *args)
{
    return run(cli, CTL_REMOVE, args);
}
