/* SPDX-License-Identifier: MIT */
#include "fuotactl/plan_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "io/cleanup.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/rfc3339.h"

enum {
    PLAN_FILE_MAX_BYTES = 1 << 20,
    PLAN_FILE_DEPTH = 16,
};

static void add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

int plan_file_write(const struct cli *cli, const char *path, const struct bundle *bundle,
                    struct json_object *plan)
{
    struct clock clock;
    char now[RFC3339_SIZE];
    if (clock_init(&clock, NULL) != FUO_OK) {
        return CLI_INTERNAL;
    }
    AUTO_JSON json_object *root = json_object_new_object();
    add_text(root, "kind", "Plan");
    add_text(root, "fuotad", FUO_VERSION);
    add_text(root, "created", rfc3339_format_s(clock_utc(&clock), now));
    add_text(root, "file", bundle->file);
    add_text(root, "campaign_digest", bundle->yaml.digest);
    add_text(root, "image_digest", bundle->image.digest);
    json_object_object_add(root, "plan", json_object_get(plan));

    AUTO_FREE char *text = NULL;
    int len = asprintf(&text, "%s\n",
                       json_object_to_json_string_ext(
                           root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                     JSON_C_TO_STRING_NOSLASHESCAPE));
    if (len < 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "out of memory");
    }
    errno = 0;
    int err = file_write_atomic(path, 0644, (const uint8_t *)text, (size_t)len);
    if (err != FUO_OK) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "%s: %s", path,
                        errno != 0 ? strerror(errno) : fuo_strerror(err));
    }
    cli_remark(cli, "wrote %s", path);
    return CLI_OK;
}

static struct json_object *parse(const char *text, size_t len)
{
    struct json_tokener *tokener = json_tokener_new_ex(PLAN_FILE_DEPTH);
    if (tokener == NULL) {
        return NULL;
    }
    struct json_object *root = json_tokener_parse_ex(tokener, text, (int)len);
    json_tokener_free(tokener);
    return root;
}

int plan_file_read(const struct cli *cli, const char *path, struct plan_file *file)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    /* What cannot be read is reported when it is opened as a campaign. */
    if (file_read(path, PLAN_FILE_MAX_BYTES, &bytes, &len) != FUO_OK || len == 0 ||
        bytes[0] != '{') {
        return CLI_OK;
    }
    AUTO_JSON json_object *root = parse((const char *)bytes, len);
    const char *kind = ctl_text(root, "kind");
    if (kind == NULL || strcmp(kind, "Plan") != 0) {
        return CLI_OK;
    }
    struct json_object *plan = NULL;
    json_object_object_get_ex(root, "plan", &plan);
    file->campaign = ctl_text(root, "file");
    if (file->campaign == NULL || ctl_text(root, "campaign_digest") == NULL ||
        ctl_text(root, "image_digest") == NULL ||
        !json_object_is_type(plan, json_type_object)) {
        return cli_fail(cli, CLI_INVALID, NULL, "%s: a plan, but not a whole one", path);
    }
    file->root = TAKE(root);
    return CLI_OK;
}

void plan_file_finish(struct plan_file *file)
{
    json_object_put(file->root);
    *file = (struct plan_file){0};
}

int plan_file_match(const struct cli *cli, const struct plan_file *file,
                    const struct bundle *bundle)
{
    if (strcmp(ctl_text(file->root, "campaign_digest"), bundle->yaml.digest) != 0) {
        return cli_fail(cli, CLI_CONFLICT, NULL,
                        "%s has changed since it was planned; plan it again",
                        file->campaign);
    }
    if (strcmp(ctl_text(file->root, "image_digest"), bundle->image.digest) != 0) {
        return cli_fail(cli, CLI_CONFLICT, NULL,
                        "the image of %s has changed since it was planned; plan it again",
                        file->campaign);
    }
    return CLI_OK;
}

static bool is_near(int64_t then, int64_t now)
{
    int64_t difference = now > then ? now - then : then - now;
    return difference <= then / 100 * PLAN_FILE_TOLERANCE_PERCENT +
                             then % 100 * PLAN_FILE_TOLERANCE_PERCENT / 100;
}

int plan_file_compare(const struct cli *cli, const struct plan_file *file,
                      struct json_object *now)
{
    static const char *const keys[] = {"devices", "airtime_us"};
    struct json_object *then = NULL;
    json_object_object_get_ex(file->root, "plan", &then);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        int64_t was = ctl_int(then, keys[i], 0);
        int64_t is = ctl_int(now, keys[i], 0);
        if (!is_near(was, is)) {
            return cli_fail(cli, CLI_CONFLICT, NULL,
                            "%s: %" PRId64 " when it was planned, %" PRId64
                            " now; plan it again",
                            keys[i], was, is);
        }
    }
    return CLI_OK;
}
