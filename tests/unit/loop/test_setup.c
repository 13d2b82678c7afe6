/* SPDX-License-Identifier: MIT */
#include "loop/setup.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/secrets.h"
#include "temp.h"
#include "test.h"

struct rig {
    struct temp temp;
    struct daemon_doc *doc;
    struct detail detail;
};

static void put(const struct rig *rig, const char *name, const char *text)
{
    char path[2 * TEMP_PATH_SIZE];
    FILE *file = fopen(temp_path(&rig->temp, name, path), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static bool is_there(const struct rig *rig, const char *name)
{
    char path[2 * TEMP_PATH_SIZE];
    return access(temp_path(&rig->temp, name, path), F_OK) == 0;
}

/* A daemon's file with these keys in its spec. */
static void start(struct rig *rig, const char *spec)
{
    char text[512];
    char path[2 * TEMP_PATH_SIZE];
    struct diag_list diags = {0};
    *rig = (struct rig){.temp = temp_create()};
    assert_int_equal(secrets_init(), FUO_OK);
    snprintf(text, sizeof(text),
             "apiVersion: fuotad/v1\nkind: Daemon\nmetadata: { name: main }\n"
             "spec:\n  stateDir: a/state\n%s",
             spec);
    put(rig, "fuotad.yaml", text);
    assert_int_equal(
        daemon_load(temp_path(&rig->temp, "fuotad.yaml", path), &rig->doc, &diags),
        FUO_OK);
    diag_list_finish(&diags);
}

static void stop(struct rig *rig)
{
    daemon_doc_destroy(rig->doc);
    temp_remove(&rig->temp);
}

static void folders_are_made_or_named(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, "  control: { socket: b/run/s }\n");
    assert_int_equal(setup_folders(rig.doc, &rig.detail), FUO_OK);
    assert_int_equal(setup_folders(rig.doc, &rig.detail), FUO_OK);
    assert_true(is_there(&rig, "a/state") && is_there(&rig, "b/run"));
    stop(&rig);

    static const struct {
        const char *spec;
        const char *file; /* in the way */
        const char *says;
    } rows[] = {
        {"  control: { socket: b/run/s }\n", "a", "a/state"},
        {"  control: { socket: b/run/s }\n", "b", "b/run"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].file);
        start(&rig, rows[i].spec);
        put(&rig, rows[i].file, "");
        assert_true(setup_folders(rig.doc, &rig.detail) < 0);
        assert_non_null(strstr(rig.detail.text, rows[i].says));
        stop(&rig);
    }
}

static void the_sealing_key_comes_from_where_the_operator_put_it(void **state)
{
    (void)state;
    static const char bytes[] = "0123456789abcdef0123456789abcdef";
    static const struct {
        const char *spec;
        const char *file;
        bool credentials;
    } rows[] = {
        {"  sealingKeyFile: k\n", "k", false},
        {"  sealingKeyFile: k\n", "k", true}, /* the file's word is the last */
        {"", "sealing.key", true},
        {"", "a/state/sealing.key", false},
        {"", "a/state/sealing.key", true}, /* the folder of credentials has none */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        struct secret key = {0};
        test_row(rows[i].file);
        start(&rig, rows[i].spec);
        if (rows[i].credentials) {
            setenv("CREDENTIALS_DIRECTORY", rig.temp.folder, 1);
        }
        assert_int_equal(setup_folders(rig.doc, &rig.detail), FUO_OK);
        put(&rig, rows[i].file, bytes);
        assert_int_equal(setup_sealing_key(rig.doc, &key, &rig.detail), FUO_OK);
        assert_memory_equal(key.bytes, bytes, key.len);
        secret_release(&key);
        unsetenv("CREDENTIALS_DIRECTORY");
        stop(&rig);
    }
}

static void a_new_sealing_key_is_made_for_a_new_database_only(void **state)
{
    (void)state;
    struct rig rig;
    struct secret key = {0};
    char path[2 * TEMP_PATH_SIZE];
    start(&rig, "");
    assert_int_equal(setup_folders(rig.doc, &rig.detail), FUO_OK);
    assert_int_equal(setup_sealing_key(rig.doc, &key, &rig.detail), FUO_OK);
    assert_true(is_there(&rig, "a/state/sealing.key"));
    secret_release(&key);
    put(&rig, "a/state/fuotad.db", "");
    assert_int_equal(unlink(temp_path(&rig.temp, "a/state/sealing.key", path)), 0);
    assert_int_equal(setup_sealing_key(rig.doc, &key, &rig.detail), FUO_ENOENT);
    assert_non_null(strstr(rig.detail.text, "the sealing key is gone"));
    assert_false(is_there(&rig, "a/state/sealing.key"));
    stop(&rig);
}

static void plugins_are_where_the_file_says_or_where_they_were_built(void **state)
{
    (void)state;
    const char *folders[SETUP_FOLDERS_MAX];
    struct rig rig;
    start(&rig, "  plugins: p\n");
    setup_plugin_folders(rig.doc, "/installed", folders);
    assert_non_null(strstr(folders[0], "/p"));
    assert_null(folders[1]);
    stop(&rig);
    start(&rig, "");
    setup_plugin_folders(rig.doc, "/installed", folders);
    size_t last = folders[0] != NULL && strcmp(folders[0], "/installed") == 0 ? 0 : 1;
    assert_string_equal(folders[last], "/installed");
    assert_null(folders[last + 1]);
    stop(&rig);
}

TEST_MAIN(cmocka_unit_test(folders_are_made_or_named),
          cmocka_unit_test(the_sealing_key_comes_from_where_the_operator_put_it),
          cmocka_unit_test(a_new_sealing_key_is_made_for_a_new_database_only),
          cmocka_unit_test(plugins_are_where_the_file_says_or_where_they_were_built))
