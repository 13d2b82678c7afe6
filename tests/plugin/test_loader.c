/* SPDX-License-Identifier: MIT */
#include "fake_host.h"

static void every_unloadable_plugin_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int err;
        const char *why;
    } rows[] = {
        {"old", FUO_OK, ""},
        {"null", FUO_OK, ""},
        {"chirpstack", FUO_OK, ""},
        {"abi", FUO_EABI, "another version"},
        {"tiny", FUO_EABI, "another version"},
        {"incomplete", FUO_EINVAL, "incomplete"},
        {"nosymbol", FUO_EINVAL, "no symbol"},
        {"missing", FUO_ENOENT, "no such file"},
        {"", FUO_EINVAL, "not a plugin name"},
        {"../plugins/null", FUO_EINVAL, "not a plugin name"},
        {"Null", FUO_EINVAL, "not a plugin name"},
        {"broken", FUO_EIO, "broken.so"},
    };
    const char *folders[] = {getenv("FUO_PLUGINS"), getenv("FUO_TEST_PLUGINS")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded_plugin loaded = {0};
        char why[256] = "";
        bool ours =
            strcmp(rows[i].name, "null") == 0 || strcmp(rows[i].name, "chirpstack") == 0;
        test_row(rows[i].name);
        assert_int_equal(
            plugin_load(folders[!ours], rows[i].name, &loaded, why, sizeof(why)),
            rows[i].err);
        assert_non_null(strstr(why, rows[i].why));
        assert_true((loaded.handle != NULL) == (rows[i].err == FUO_OK));
        plugin_unload(&loaded);
        plugin_unload(&loaded);
    }
    plugin_unload(NULL);
}

static void an_old_plugin_has_no_multicast(void **state)
{
    (void)state;
    struct loaded_plugin loaded = {0};
    char why[256];
    assert_int_equal(
        plugin_load(getenv("FUO_TEST_PLUGINS"), "old", &loaded, why, sizeof(why)),
        FUO_OK);
    assert_string_equal(loaded.plugin.name, "old");
    assert_non_null(loaded.plugin.unicast_flush);
    assert_null(loaded.plugin.group_open);
    assert_null(loaded.plugin.queue_flush);
    plugin_unload(&loaded);
}

static void an_overlong_folder_is_refused(void **state)
{
    (void)state;
    static char folder[8192];
    struct loaded_plugin loaded = {0};
    char why[256];
    memset(folder, 'x', sizeof(folder) - 1);
    assert_int_equal(plugin_load(folder, "null", &loaded, why, sizeof(why)), FUO_EINVAL);
}

TEST_MAIN(cmocka_unit_test(every_unloadable_plugin_says_why),
          cmocka_unit_test(an_old_plugin_has_no_multicast),
          cmocka_unit_test(an_overlong_folder_is_refused))
