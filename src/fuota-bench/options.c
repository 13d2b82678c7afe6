/* SPDX-License-Identifier: MIT */
#include "fuota-bench/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuota-bench/faults_cmd.h"

static bool number(const char *text, uint64_t max, uint64_t *value)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || v > max) {
        return false;
    }
    *value = v;
    return true;
}

static bool timing_by_name(const char *name, enum world_timing *timing)
{
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (strcmp(name, world_timing_name((enum world_timing)i)) == 0) {
            *timing = (enum world_timing)i;
            return true;
        }
    }
    return false;
}

static bool scenario_known(const char *name)
{
    static const char *const names[] = {"town",     "town1",    "city",   "twins",
                                        "twins769", "national", "rollout"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool take_flag(struct options *o, const char *arg)
{
    if (strcmp(arg, "--json") == 0) {
        o->json = true;
    } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        o->help = true;
    } else if (strcmp(arg, "--plan-bench") == 0) {
        o->plan_bench = true;
    } else if (strcmp(arg, "--faults") == 0) {
        o->faults = true;
    } else if (strcmp(arg, "--verbose") == 0) {
        o->verbose = true;
    } else if (strcmp(arg, "--months") == 0) {
        o->months = true;
    } else if (strcmp(arg, "--progress") == 0) {
        o->progress = true;
    } else if (strcmp(arg, "--no-solver") == 0) {
        o->no_solver = true;
    } else {
        return false;
    }
    return true;
}

/* "3-40" */
static bool take_seeds(struct options *o, const char *value)
{
    char first[24];
    size_t len = strcspn(value, "-");
    if (len >= sizeof(first) || value[len] != '-') {
        return false;
    }
    memcpy(first, value, len);
    first[len] = '\0';
    return number(first, UINT64_MAX, &o->seed) &&
           number(value + len + 1, UINT64_MAX, &o->last_seed) && o->seed <= o->last_seed;
}

/* An option of --faults with a value. */
static bool take_faults_value(struct options *o, const char *arg, const char *value)
{
    if (strcmp(arg, "--seeds") == 0) {
        return take_seeds(o, value);
    }
    if (strcmp(arg, "--plant") == 0) {
        return plant_by_slug(value, &o->plant) == FUO_OK;
    }
    if (strcmp(arg, "--folder") == 0) {
        o->folder = value;
        return true;
    }
    return false;
}

/* An option with a value; false: unknown, or a bad value. */
static bool take_value(struct options *o, const char *arg, const char *value)
{
    uint64_t n = 0;
    if (take_faults_value(o, arg, value)) {
        return true;
    }
    if (strcmp(arg, "--scenario") == 0 && scenario_known(value)) {
        o->scenario = value;
    } else if (strcmp(arg, "--seed") == 0 && number(value, UINT64_MAX, &n)) {
        o->seed = o->last_seed = n;
    } else if (strcmp(arg, "--dump") == 0) {
        o->dump = value;
    } else if (strcmp(arg, "--timing") == 0 && timing_by_name(value, &o->timing)) {
        o->timing_given = true;
    } else if (strcmp(arg, "--capture") == 0 && number(value, 30, &n) && n > 0) {
        o->capture_db = (uint32_t)n;
    } else if (strcmp(arg, "--devices") == 0 && number(value, 5000000, &n) && n > 0) {
        o->devices = (uint32_t)n;
    } else {
        return false;
    }
    return true;
}

/* What a value has to be; NULL: there is no such option with one. */
static const char *wanted(const char *arg)
{
    static const struct {
        const char *arg;
        const char *text;
    } rows[] = {
        {"--scenario", "town, town1, city, twins, twins769, national or rollout"},
        {"--seed", "a whole number from 0 to 18446744073709551615"},
        {"--seeds", "two whole numbers as 1-20, the second not below the first"},
        {"--timing", "stock, margin1s or direct"},
        {"--dump", "a file"},
        {"--folder", "a folder"},
        {"--capture", "a whole number of dB from 1 to 30"},
        {"--devices", "a whole number from 1 to 5000000"},
        {"--plant", "one of the names that --help lists"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(arg, rows[i].arg) == 0) {
            return rows[i].text;
        }
    }
    return NULL;
}

static void say_bad(const char *arg, const char *value)
{
    const char *text = wanted(arg);
    if (text == NULL) {
        (void)fprintf(stderr, "fuota-bench: there is no option '%s'\n", arg);
    } else if (value == NULL) {
        (void)fprintf(stderr, "fuota-bench: %s needs a value: %s\n", arg, text);
    } else {
        (void)fprintf(stderr, "fuota-bench: %s '%s' is not %s\n", arg, value, text);
    }
}

/* One thing at a time, and nothing that would be passed over. */
static const char *contradiction(const struct options *o)
{
    bool rollout = o->scenario != NULL && strcmp(o->scenario, "rollout") == 0;
    if (o->scenario == NULL && !o->plan_bench && !o->faults) {
        return "--scenario is missing";
    }
    if ((o->scenario != NULL) + o->plan_bench + o->faults > 1) {
        return "only one of --scenario, --plan-bench and --faults can be run";
    }
    if (o->dump != NULL && (o->scenario == NULL || rollout)) {
        return "--dump is of a --scenario other than rollout";
    }
    if (o->devices != 0 && !o->plan_bench && !rollout) {
        return "--devices is of --scenario rollout and of --plan-bench: other scenarios "
               "have their own";
    }
    return NULL;
}

int options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.seed = 1, .last_seed = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (take_flag(o, argv[i])) {
            continue;
        }
        if (value == NULL || !take_value(o, argv[i], value)) {
            say_bad(argv[i], value);
            return FUO_EINVAL;
        }
        i++;
    }
    const char *text = o->help ? NULL : contradiction(o);
    if (text != NULL) {
        (void)fprintf(stderr, "fuota-bench: %s\n", text);
        return FUO_EINVAL;
    }
    return FUO_OK;
}

void options_help(FILE *to)
{
    (void)fputs(
        "usage: fuota-bench --scenario town|town1|city|twins|twins769|national "
        "[options]\n"
        "       fuota-bench --scenario rollout [--devices N] [options]\n"
        "       fuota-bench --plan-bench [--devices N]\n"
        "       fuota-bench --faults [--seed S | --seeds A-B] [--plant NAME]\n"
        "\n"
        "Runs a campaign on virtual time, in a simulated radio world, and measures it.\n"
        "\n"
        "  --seed S      of places, links, losses and uplinks; 1\n"
        "  --timing T    stock, margin1s or direct only; else all three, as\n"
        "                many at once as there are processors\n"
        "  --json        one JSON object on the last line\n"
        "  --dump FILE   CSV tables from which every figure can be recomputed\n"
        "  --capture DB  threshold of two frames at once, 1 to 30; 6\n"
        "  --no-solver   do not look for a better cover with cbc\n"
        "  --progress    a line per virtual hour on stderr\n"
        "  rollout       three waves with gates, at night, over 100 000 devices: how "
        "many "
        "times\n"
        "                faster than real time, and how many bytes a device\n"
        "  --plan-bench  time the planner: 1 000 000 devices, 10 000 gateways\n"
        "\n"
        "  --faults      a campaign through crashes, a bad disk, a bad broker, a bad "
        "server,\n"
        "                bad clocks and bad devices, all of them by seed; exits with 1 "
        "if\n"
        "                anything happened that must not, and says what, when and the "
        "seed\n"
        "  --seed S      the run to make, or to make again; 1\n"
        "  --seeds A-B   these, one after the other\n"
        "  --folder DIR  leave the daemon's files and database there (one seed)\n"
        "  --verbose     the daemon's log on stderr\n"
        "  --months      without faults, but with windows of a minute a day\n"
        "  --plant NAME  break one invariant on purpose:\n",
        to);
    faults_cmd_help(to);
}
