/* SPDX-License-Identifier: MIT */
#include "fuotactl/plan_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
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

/* Of the plan as it is printed without blanks: what was reviewed has a name. */
static const char *digest_of(struct json_object *plan,
                             char digest[static CTL_DIGEST_SIZE])
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        plan, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    ctl_digest((const uint8_t *)text, len, digest);
    return digest;
}

int plan_file_write(const struct cli *cli, const char *path, const struct bundle *bundle,
                    struct json_object *plan)
{
    struct clock clock;
    char now[RFC3339_SIZE];
    char digest[CTL_DIGEST_SIZE];
    if (clock_init(&clock, NULL) != FUO_OK) {
        return CLI_INTERNAL;
    }
    AUTO_JSON json_object *root = json_object_new_object();
    add_text(root, "kind", "Plan");
    json_object_object_add(root, "format", json_object_new_int(PLAN_FILE_FORMAT));
    add_text(root, "fuotad", FUO_VERSION);
    add_text(root, "created", rfc3339_format_s(clock_utc(&clock), now));
    add_text(root, "file", bundle->file);
    add_text(root, "campaign_digest", bundle->yaml.digest);
    add_text(root, "image_digest", bundle->image.digest);
    if (bundle->delta_list != NULL) {
        json_object_object_add(root, "deltas", json_object_get(bundle->delta_list));
    }
    add_text(root, "plan_digest", digest_of(plan, digest));
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
        ctl_text(root, "image_digest") == NULL || ctl_text(root, "plan_digest") == NULL ||
        !json_object_is_type(plan, json_type_object)) {
        return cli_fail(cli, CLI_INVALID, NULL, "%s: a plan, but not a whole one", path);
    }
    char digest[CTL_DIGEST_SIZE];
    if (ctl_int(root, "format", 0) != PLAN_FILE_FORMAT) {
        return cli_fail(cli, CLI_INVALID, NULL,
                        "%s: a plan of another version of fuotactl; plan it again", path);
    }
    if (strcmp(digest_of(plan, digest), ctl_text(root, "plan_digest")) != 0) {
        return cli_fail(cli, CLI_INVALID, NULL,
                        "%s: edited since it was written: plan_digest does not match",
                        path);
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
    struct json_object *deltas = NULL;
    json_object_object_get_ex(file->root, "deltas", &deltas);
    if (!json_object_equal(deltas, bundle->delta_list)) {
        return cli_fail(cli, CLI_CONFLICT, NULL,
                        "a delta of %s, or its signature, has changed since it was "
                        "planned; plan it again",
                        file->campaign);
    }
    return CLI_OK;
}

/* ---- what has changed since ---- */

struct comparison {
    struct json_object *then;
    struct json_object *now;
    const char *file;             /* of the campaign */
    struct json_object *problems; /* DIAGs: what differs, path being a key of the plan */
};

__attribute__((format(printf, 3, 4))) static void
differs(struct comparison *c, const char *key, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct json_object *problem = json_object_new_object();
    add_text(problem, "severity", "error");
    add_text(problem, "file", c->file);
    add_text(problem, "path", key);
    add_text(problem, "text", text);
    json_object_array_add(c->problems, problem);
}

static bool is_near(int64_t then, int64_t now, int64_t percent)
{
    int64_t difference = now > then ? now - then : then - now;
    return difference <= then / 100 * percent + then % 100 * percent / 100;
}

static void compare_numbers(struct comparison *c)
{
    static const struct {
        const char *key;
        int64_t percent;
    } rows[] = {
        {"devices", PLAN_FILE_TOLERANCE_PERCENT},
        {"airtime_us", PLAN_FILE_TOLERANCE_PERCENT},
        {"energy_mj", PLAN_FILE_FORECAST_PERCENT},
        {"duration_us", PLAN_FILE_FORECAST_PERCENT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t was = ctl_int(c->then, rows[i].key, -1);
        int64_t is = ctl_int(c->now, rows[i].key, -1);
        if (was >= 0 && !is_near(was, is, rows[i].percent)) {
            differs(c, rows[i].key, "%" PRId64 " when it was planned, %" PRId64 " now",
                    was, is);
        }
    }
}

static struct json_object *list_of(struct json_object *plan, const char *key)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(plan, key, &list);
    return json_object_is_type(list, json_type_array) ? list : NULL;
}

static size_t length_of(struct json_object *list)
{
    return list != NULL ? json_object_array_length(list) : 0;
}

/* The number of the element whose member id says so; 0 if there is none. */
static int64_t number_of(struct json_object *list, const char *id, const char *text,
                         const char *number)
{
    for (size_t i = 0; text != NULL && i < length_of(list); i++) {
        struct json_object *element = json_object_array_get_idx(list, i);
        const char *name = ctl_text(element, id);
        if (name != NULL && strcmp(name, text) == 0) {
            return ctl_int(element, number, 0);
        }
    }
    return 0;
}

/* Fewer devices with a trouble is no reason to plan again; more is. */
static void compare_troubles(struct comparison *c, const char *key, const char *id,
                             const char *number, const char *what)
{
    struct json_object *then = list_of(c->then, key);
    struct json_object *now = list_of(c->now, key);
    int64_t slack = ctl_int(c->then, "devices", 0) / 100 * PLAN_FILE_TOLERANCE_PERCENT;
    for (size_t i = 0; i < length_of(now); i++) {
        struct json_object *element = json_object_array_get_idx(now, i);
        const char *name = ctl_text(element, id);
        int64_t was = number_of(then, id, name, number);
        int64_t is = ctl_int(element, number, 0);
        if (name != NULL && is > was + slack) {
            differs(c, key,
                    "%s %.64s: %" PRId64 " devices when it was planned, %" PRId64 " now",
                    what, name, was, is);
        }
    }
}

int plan_file_compare(const struct cli *cli, const struct plan_file *file,
                      struct json_object *now)
{
    AUTO_JSON json_object *problems = json_object_new_array();
    struct comparison c = {.now = now, .file = file->campaign, .problems = problems};
    json_object_object_get_ex(file->root, "plan", &c.then);
    compare_numbers(&c);
    compare_troubles(&c, "left_out", "reason", "count", "left out for");
    compare_troubles(&c, "conflicts", "campaign", "devices", "conflict with");
    if (json_object_array_length(problems) == 0) {
        return CLI_OK;
    }
    return cli_fail(cli, CLI_CONFLICT, problems,
                    "the world is not the one of the plan: plan it again");
}
