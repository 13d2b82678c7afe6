/* SPDX-License-Identifier: MIT */
#include "fuotactl/render.h"

#include <inttypes.h>

#include "campaign/record.h"
#include "ctl/protocol.h"
#include "fuotactl/words.h"

static void print_name(FILE *out, const char *name)
{
    fprintf(out, "%-13s", name);
}

static const char *duration_of(struct json_object *o, const char *key,
                               char text[static WORDS_DURATION_SIZE])
{
    return words_duration(ctl_int(o, key, -1), text);
}

/* "3 gateways", "1 gateway" */
static void print_count(FILE *out, struct json_object *o, const char *key,
                        const char *singular)
{
    int64_t count = ctl_int(o, key, 0);
    fprintf(out, "%" PRId64 " %s%s", count, singular, count == 1 ? "" : "s");
}

static void print_fleet(FILE *out, struct json_object *o)
{
    print_name(out, "simulated");
    print_count(out, o, "devices", "device");
    fputs(", ", out);
    print_count(out, o, "gateways", "gateway");
    fputs(", timing ", out);
    words_print(out, ctl_text(o, "timing"));
    fprintf(out, ", seed %" PRId64 "\n", ctl_int(o, "seed", 0));
}

static void print_complete(FILE *out, struct json_object *o)
{
    char text[WORDS_DURATION_SIZE];
    print_name(out, "complete");
    fprintf(out, "%" PRId64 " of ", ctl_int(o, "complete", 0));
    print_count(out, o, "devices", "device");
    if (ctl_int(o, "complete_95_us", -1) >= 0) {
        fprintf(out, ", 95%% of all after %s", duration_of(o, "complete_95_us", text));
    }
    if (ctl_int(o, "complete_us", -1) >= 0) {
        fprintf(out, ", the last after %s", duration_of(o, "complete_us", text));
    }
    fputc('\n', out);
    if (ctl_text(o, "start") != NULL) {
        print_name(out, "applied");
        words_print(out, ctl_text(o, "start"));
        fputc('\n', out);
    }
    print_name(out, "over");
    fprintf(out, "%s %s\n", ctl_bool(o, "cut", false) ? "not yet after" : "after",
            duration_of(o, "end_us", text));
}

static void print_air(FILE *out, struct json_object *o)
{
    char text[WORDS_DURATION_SIZE];
    int64_t violations = ctl_int(o, "duty_cycle_violations", 0);
    print_name(out, "airtime");
    fprintf(out, "%s of all gateways, ", duration_of(o, "airtime_us", text));
    print_count(out, o, "frames", "frame");
    fputs(", ", out);
    print_count(out, o, "transmissions", "transmission");
    fputc('\n', out);
    print_name(out, "duty cycle");
    if (violations == 0) {
        fputs("never above the legal limit\n", out);
    } else {
        fprintf(out, "above the legal limit in %" PRId64 " hours\n", violations);
    }
}

/* "198 succeeded, 2 failed": those that there are. */
static void print_outcomes(FILE *out, struct json_object *o)
{
    struct json_object *outcomes = NULL;
    const char *comma = "";
    print_name(out, "outcomes");
    json_object_object_get_ex(o, "outcomes", &outcomes);
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        const char *name = outcome_name((enum outcome)i);
        int64_t count = ctl_int(outcomes, name, 0);
        if (count > 0) {
            fprintf(out, "%s%" PRId64 " %s", comma, count,
                    i == OUTCOME_NONE ? "without one" : name);
            comma = ", ";
        }
    }
    fputs(*comma == '\0' ? "-\n" : "\n", out);
}

/* "held: wave canary failed: 7 of 10 attempted devices succeeded" */
static void print_end(FILE *out, struct json_object *campaign)
{
    bool held = ctl_bool(campaign, "held", false);
    const char *reason = ctl_text(campaign, "reason");
    print_name(out, "at the end");
    words_print(out, held ? "held" : ctl_text(campaign, "phase"));
    if (reason != NULL && *reason != '\0') {
        fputs(": ", out);
        words_print(out, reason);
    }
    fputc('\n', out);
}

static void print_campaigns(FILE *out, struct json_object *o)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(o, "campaigns", &list);
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *campaign = json_object_array_get_idx(list, i);
        if (count > 1) {
            print_name(out, "campaign");
            words_print(out, ctl_text(campaign, "name"));
            fprintf(out, ", priority %" PRId64 "\n", ctl_int(campaign, "priority", 0));
        }
        render_waves(out, campaign);
        print_outcomes(out, campaign);
        print_end(out, campaign);
    }
}

void render_simulation(FILE *out, struct json_object *o)
{
    print_name(out, "campaign");
    words_print(out, ctl_text(o, "name"));
    fputc('\n', out);
    print_name(out, "image");
    fprintf(out, "%" PRId64 " bytes\n", ctl_int(o, "image_bytes", 0));
    print_fleet(out, o);
    print_complete(out, o);
    print_air(out, o);
    print_campaigns(out, o);
}
