/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "plugin/nearest.h"
#include "plugin/options.h"

struct config {
    const char *name;
    const char *token;
    int64_t pause_us;
    uint32_t count;
    bool loud;
};

static const struct fuo_option table[] = {
    {"name", FUO_OPT_STRING, offsetof(struct config, name), NULL, "required"},
    {"token", FUO_OPT_SECRET, offsetof(struct config, token), "none", "secret"},
    {"pauseTime", FUO_OPT_DURATION_US, offsetof(struct config, pause_us), "5s", "pause"},
    {"count", FUO_OPT_U32, offsetof(struct config, count), "3", "count"},
    {"loud", FUO_OPT_BOOL, offsetof(struct config, loud), "false", "loud"},
    {0},
};

static const struct fuo_ns_plugin plugin = {.config_size = sizeof(struct config),
                                            .options = table};

struct report {
    char text[512];
    size_t index;
    size_t count;
};

static void on_report(void *arg, size_t index, const char *text)
{
    struct report *r = arg;
    r->index = index;
    r->count++;
    size_t used = strlen(r->text);
    snprintf(r->text + used, sizeof(r->text) - used, "%s\n", text);
}

static void values_and_defaults_reach_the_config(void **state)
{
    (void)state;
    static const struct option_pair pairs[] = {
        {"name", "n"}, {"count", "4294967295"}, {"loud", "true"}};
    struct plugin_options *options;
    assert_int_equal(plugin_options_parse(&plugin, pairs, 3, NULL, NULL, &options),
                     FUO_OK);
    const struct config *c = plugin_options_config(options);
    assert_string_equal(c->name, "n");
    assert_string_equal(c->token, "none");
    assert_int_equal(c->pause_us, 5000000);
    assert_true(c->count == UINT32_MAX);
    assert_true(c->loud);
    plugin_options_destroy(options);
    plugin_options_destroy(NULL);
}

static void each_problem_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct option_pair pairs[2];
        size_t index;
        const char *text;
    } rows[] = {
        {"required", {{"loud", "true"}, {"count", "1"}}, 2, "name: missing"},
        {"near", {{"name", "n"}, {"pausetime", "1s"}}, 1, "did you mean pauseTime?"},
        {"nearer", {{"name", "n"}, {"conut", "1"}}, 1, "did you mean count?"},
        {"nowhere near", {{"name", "n"}, {"zzz", "1"}}, 1, "zzz: unknown option\n"},
        {"twice", {{"name", "n"}, {"name", "m"}}, 1, "name: given twice"},
        {"number", {{"name", "n"}, {"count", "-1"}}, 1, "count: a number"},
        {"too big", {{"name", "n"}, {"count", "4294967296"}}, 1, "count: a number"},
        {"far too big", {{"name", "n"}, {"count", "99999999999999999999"}}, 1, "count"},
        {"no number", {{"name", "n"}, {"count", ""}}, 1, "count: a number"},
        {"bool", {{"name", "n"}, {"loud", "yes"}}, 1, "loud: true or false"},
        {"duration", {{"name", "n"}, {"pauseTime", "5"}}, 1, "pauseTime: a duration"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct report report = {0};
        struct plugin_options *options = NULL;
        test_row(rows[i].name);
        assert_int_equal(
            plugin_options_parse(&plugin, rows[i].pairs, 2, on_report, &report, &options),
            FUO_EINVAL);
        assert_null(options);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.index, rows[i].index);
        assert_non_null(strstr(report.text, rows[i].text));
    }
}

static void all_problems_come_at_once_and_no_secret_is_among_them(void **state)
{
    (void)state;
    char secret[1100];
    memset(secret, 's', sizeof(secret) - 1);
    secret[sizeof(secret) - 1] = '\0';
    const struct option_pair pairs[] = {{"token", secret}, {"x", "1"}, {"count", "x"}};
    struct report report = {0};
    struct plugin_options *options = NULL;
    assert_int_equal(
        plugin_options_parse(&plugin, pairs, 3, on_report, &report, &options),
        FUO_EINVAL);
    assert_int_equal(report.count, 4); /* too long, unknown, no number, name is missing */
    assert_null(strstr(report.text, "sss"));
}

static void a_plugin_without_options_takes_none(void **state)
{
    (void)state;
    static const struct fuo_ns_plugin bare = {0};
    static const struct option_pair pairs[] = {{"x", "1"}};
    struct plugin_options *options = NULL;
    assert_int_equal(plugin_options_parse(&bare, pairs, 1, NULL, NULL, &options),
                     FUO_EINVAL);
    assert_int_equal(plugin_options_parse(&bare, NULL, 0, NULL, NULL, &options), FUO_OK);
    assert_non_null(plugin_options_config(options));
    plugin_options_destroy(options);
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        int64_t us;
    } rows[] = {
        {"0", FUO_OK, 0},
        {"5s", FUO_OK, 5000000},
        {"1.5s", FUO_OK, 1500000},
        {"0.000001s", FUO_OK, 1},
        {"700ms", FUO_OK, 700000},
        {"20us", FUO_OK, 20},
        {"2m", FUO_OK, 120000000},
        {"1.25h", FUO_OK, INT64_C(4500000000)},
        {"1d", FUO_OK, INT64_C(86400000000)},
        {"106751991d", FUO_OK, INT64_C(106751991) * 86400000000},
        {"106751992d", FUO_ERANGE, -1},
        {"9223372036854775808us", FUO_ERANGE, -1},
        {"99999999999999999999s", FUO_EINVAL, -1},
        {"", FUO_EINVAL, -1},
        {"s", FUO_EINVAL, -1},
        {"5", FUO_EINVAL, -1},
        {"5 s", FUO_EINVAL, -1},
        {"5sec", FUO_EINVAL, -1},
        {"-5s", FUO_EINVAL, -1},
        {"5.s", FUO_EINVAL, -1},
        {".5s", FUO_EINVAL, -1},
        {"1.0000001s", FUO_EINVAL, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = -1;
        test_row(rows[i].text);
        assert_int_equal(option_parse_duration_us(rows[i].text, &us), rows[i].err);
        assert_true(us == rows[i].us);
    }
}

static void nearness_has_a_limit(void **state)
{
    (void)state;
    char endless[100];
    memset(endless, 'a', sizeof(endless));
    endless[99] = '\0';
    assert_null(nearest_of(endless, NULL, "name"));
    assert_string_equal(nearest_of("NAME", NULL, "name"), "name");
    assert_string_equal(nearest_of("namee", "nmae", "name"), "name");
}

TEST_MAIN(cmocka_unit_test(values_and_defaults_reach_the_config),
          cmocka_unit_test(each_problem_is_reported),
          cmocka_unit_test(all_problems_come_at_once_and_no_secret_is_among_them),
          cmocka_unit_test(a_plugin_without_options_takes_none),
          cmocka_unit_test(durations_have_units), cmocka_unit_test(nearness_has_a_limit))
