/* SPDX-License-Identifier: MIT */
/* What is made from the tables: schema, explain, man pages, samples; and validate. */
#include <json-c/json.h>
#include <sys/stat.h>

#include "config/explain.h"
#include "config/man.h"
#include "config/option_value.h"
#include "config/sample.h"
#include "config/schema.h"
#include "config/validate.h"
#include "config_test.h"
#include "io/file.h"

static struct json_object *at(struct json_object *object, const char *pointer)
{
    struct json_object *found = NULL;
    assert_int_equal(json_pointer_get(object, pointer, &found), 0);
    return found;
}

static void check_properties(struct json_object *schema, const struct option *table)
{
    struct json_object *properties = at(schema, "/properties");
    int count = 0;
    for (const struct option *o = table; o->key != NULL; o++, count++) {
        struct json_object *property;
        assert_true(json_object_object_get_ex(properties, o->key, &property));
        assert_string_equal(json_object_get_string(at(property, "/description")),
                            o->help);
        bool nested = o->type == OPTION_MAP && (o->flags & OPTION_LIST) == 0;
        if (nested && o->word == NULL) {
            check_properties(property, o->sub);
        } else if (o->type == OPTION_MAP && nested) {
            check_properties(at(property, "/anyOf/1"), o->sub);
        } else if (o->type == OPTION_MAP) {
            check_properties(at(property, "/items"), o->sub);
        }
    }
    assert_int_equal(json_object_object_length(properties), count);
    assert_false(json_object_get_boolean(at(schema, "/additionalProperties")));
}

static void a_schema_has_every_key_of_its_table(void **state)
{
    (void)state;
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        struct json_object *schema = schema_build(*k);
        test_row((*k)->name);
        assert_string_equal(json_object_get_string(at(schema, "/$schema")),
                            "http://json-schema.org/draft-07/schema#");
        check_properties(schema, (*k)->options);
        json_object_put(schema);
    }
}

static void a_schema_says_type_range_default_and_words(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        const char *want;
    } rows[] = {
        {"/required", "[\"apiVersion\",\"kind\",\"metadata\",\"spec\"]"},
        {"/properties/spec/properties/paused/type", "\"boolean\""},
        {"/properties/spec/properties/paused/default", "false"},
        {"/properties/spec/properties/priority/anyOf/0/maximum", "1000"},
        {"/properties/spec/properties/priority/default", "500"},
        {"/properties/spec/properties/radio/properties/datarate/anyOf/0/const",
         "\"auto\""},
        {"/properties/spec/properties/radio/properties/class/enum", "[\"C\",\"B\"]"},
        {"/properties/spec/properties/retry/properties/cooldown/pattern",
         "\"^([0-9]+(ms|s|m|h|d))+$\""},
        {"/properties/spec/properties/image/properties/signatures/minItems", "1"},
        {"/properties/spec/properties/verification/properties/require/items/enum",
         "[\"version\",\"uplinks\"]"},
    };
    struct json_object *schema = schema_build(config_kind_find("campaign"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].pointer);
        assert_string_equal(json_object_to_json_string_ext(
                                at(schema, rows[i].pointer),
                                JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                            rows[i].want);
    }
    json_object_put(schema);
}

static char *explained(const char *path, int *err, const char **nearest)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    *err = explain_print(path, out, nearest);
    fclose(out);
    return text;
}

static void explains_a_key(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *text;
    } rows[] = {
        {"spec.radio.datarate",
         "KIND:     Campaign\nKEY:      spec.radio.datarate\n"
         "TYPE:     auto or data rate\nFORM:     DR0 to DR15\nDEFAULT:  auto\n"
         "RANGE:    from DR0 to DR15\nEXAMPLE:  DR3\n\n"
         "Data rate of the region; auto: the fastest that reaches the devices.\n"},
        {"campaign.spec.activation.mode",
         "KIND:     Campaign\nKEY:      spec.activation.mode\nTYPE:     word\n"
         "DEFAULT:  immediate\nRANGE:    one of immediate, scheduled, manual\n\n"
         "When a device installs: as soon as it is complete, inside a window, or "
         "(manual) when an operator says so for its wave, with fuotactl approve "
         "--install. Until then it is told nothing that would make it install at a "
         "reboot of its own.\n"},

        {"trust-policy.metadata",
         "KIND:     TrustPolicy\nKEY:      metadata\nTYPE:     mapping\nREQUIRED: yes\n\n"
         "Which policy.\n\nKEYS\n"
         "  name                 name, required\n"
         "                         The name by which a Fleet chooses it.\n"},
        {"spec.rollout.waves[0].name",
         "KIND:     Campaign\nKEY:      spec.rollout.waves[0].name\nTYPE:     name\n"
         "FORM:     at most 63 lower-case letters, digits and hyphens, as wm1-1-4-3\n"
         "REQUIRED: yes\nEXAMPLE:  all\n\nName of the wave, for status and approve.\n"},
        {"spec.schedule.deadline", NULL},
        {"Daemon", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int err;
        test_row(rows[i].path);
        char *text = explained(rows[i].path, &err, NULL);
        assert_int_equal(err, FUO_OK);
        if (rows[i].text != NULL) {
            assert_string_equal(text, rows[i].text);
        }
        free(text);
    }
}

static void suggests_the_nearest_key(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *nearest;
    } rows[] = {
        {"spec.radio.dataRat", "datarate"},
        {"spec.rdio.datarate", "radio"},
        {"spek", "spec"},
        {"spec.zzzzzz", NULL},
        {"spec.paused.x", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int err;
        const char *nearest = "untouched";
        test_row(rows[i].path);
        char *text = explained(rows[i].path, &err, &nearest);
        assert_int_equal(err, FUO_ENOENT);
        assert_string_equal(text, "");
        assert_true((nearest == NULL) == (rows[i].nearest == NULL));
        if (nearest != NULL && rows[i].nearest != NULL) {
            assert_string_equal(nearest, rows[i].nearest);
        }
        free(text);
    }
}

/* Every default parses by its own table, and every key is helped and shown in a form. */
static void check_table(const struct option *table)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        struct option_value value;
        char message[OPTION_MESSAGE_SIZE];
        test_row(o->key);
        assert_non_null(o->help);
        assert_int_equal(o->help[strlen(o->help) - 1], '.');
        bool is_list = (o->flags & OPTION_LIST) != 0;
        bool is_word = o->def != NULL && o->word != NULL && strcmp(o->def, o->word) == 0;
        if (o->def != NULL && !is_word && !is_list && option_is_scalar(o->type)) {
            assert_true(option_parse(o, o->def, &value, message));
        }
        assert_true(o->sub != NULL || o->def != NULL || o->example != NULL);
        assert_true((o->sub != NULL) == (o->type == OPTION_MAP));
        if (o->sub != NULL) {
            check_table(o->sub);
        }
    }
}

static void every_table_is_sound(void **state)
{
    (void)state;
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        check_table((*k)->options);
    }
    assert_ptr_equal(config_kind_find("trustpolicy"), config_kind_find("Trust-Policy"));
    assert_null(config_kind_find("Camp"));
    assert_null(config_kind_find(""));
}

static void the_sample_files_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        const char *file;
    } rows[] = {
        {"Campaign", "campaigns/every-option.yaml"},
        {"Fleet", "config/fleets/example.yaml"},
        {"TrustPolicy", "config/trust/example.yaml"},
        {"Window", "config/windows/example.yaml"},
        {"DeviceProfile", "config/profiles/example.yaml"},
        {"Daemon", "config/fuotad.yaml"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[1024];
        char *want = NULL;
        size_t want_len = 0;
        uint8_t *got = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&want, &want_len);
        assert_non_null(out);
        sample_print(config_kind_find(rows[i].kind), out);
        fclose(out);
        test_row(rows[i].file);
        assert_int_equal(file_read(source_path(rows[i].file, path), 1 << 20, &got, &len),
                         FUO_OK);
        assert_int_equal(len, want_len);
        assert_memory_equal(got, want, len);
        free(want);
        free(got);
    }
}

/* The name of each key stands in the page, in the bold head of its paragraph. */
static void check_page(const char *page, const struct option *table)
{
    for (const struct option *o = table; o->key != NULL; o++) {
        char head[64];
        snprintf(head, sizeof(head), "%s* (", o->key);
        test_row(o->key);
        assert_non_null(strstr(page, head));
        if (o->sub != NULL) {
            check_page(page, o->sub);
        }
    }
}

static void a_manual_page_has_every_key_of_its_table(void **state)
{
    (void)state;
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        char *page = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&page, &size);
        assert_non_null(out);
        man_print(*k, out);
        fclose(out);
        assert_true(strncmp(page, (*k)->page, strlen((*k)->page)) == 0);
        check_page(page, (*k)->options);
        assert_non_null(strstr(page, (*k)->example));
        free(page);
    }
}

/* ---- validate ---- */

static void validates_every_document_and_the_files_it_names(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    assert_int_equal(mkdir("v", 0755) != 0 && access("v", F_OK) != 0, 0);
    write_file("v/a.bin", "x");
    write_file("v/empty", "");
    write_file("v/all.yaml",
               "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n"
               "  image: {file: a.bin, version: \"1\", signatures: [a.bin, empty, no]}\n"
               "  targets: {fleet: f, devicesFile: ., exclude: {devicesFile: none}}\n"
               "---\n"
               "apiVersion: fuotad/v1\nkind: Nothing\n"
               "---\n"
               "a: 1\n"
               "---\n"
               "kind: window\n"
               "metadata: {name: w}\n");
    assert_int_equal(config_validate_file("v/all.yaml", &diags), FUO_EINVAL);
    assert_diags(
        &diags,
        "v/all.yaml:5:58: spec.image.signatures[1]: v/empty is empty\n"
        "v/all.yaml:5:65: spec.image.signatures[2]: there is no file v/no\n"
        "v/all.yaml:6:36: spec.targets.devicesFile: v/. is not a file\n"
        "v/all.yaml:9:7: kind: must be Campaign, Fleet, TrustPolicy, DeviceProfile, "
        "Daemon or "
        "Window, not \"Nothing\"\n"
        "v/all.yaml:11:1: kind: is required\n"
        "v/all.yaml:13:1: apiVersion: is required\n"
        "v/all.yaml:13:1: spec: is required\n"
        "v/all.yaml:13:7: kind: must be Window, not \"window\"; did you mean "
        "\"Window\"?\n");
    write_file("v/good.yaml",
               "apiVersion: fuotad/v1\nkind: TrustPolicy\nmetadata: {name: t}\n"
               "spec: {keys: [{file: a.bin}], product: p}\n");
    assert_int_equal(config_validate_file("v/good.yaml", &diags), FUO_OK);
    assert_int_equal(config_validate_file("v/none.yaml", &diags), FUO_ENOENT);
    assert_int_equal(config_validate_file("v", &diags), FUO_EINVAL);
    assert_int_equal(config_validate_file("v/empty", &diags), FUO_EINVAL);
    assert_diags(&diags, "v: cannot be read: it is a folder\nv/empty: is empty\n"
                         "v/none.yaml: cannot be read: no such file\n");
    static const char *const made[] = {"v/a.bin", "v/empty", "v/all.yaml", "v/good.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        unlink(made[i]);
    }
    rmdir("v");
}

TEST_MAIN(cmocka_unit_test(a_schema_has_every_key_of_its_table),
          cmocka_unit_test(a_schema_says_type_range_default_and_words),
          cmocka_unit_test(explains_a_key), cmocka_unit_test(suggests_the_nearest_key),
          cmocka_unit_test(every_table_is_sound),
          cmocka_unit_test(the_sample_files_are_those_of_the_tables),
          cmocka_unit_test(a_manual_page_has_every_key_of_its_table),
          cmocka_unit_test(validates_every_document_and_the_files_it_names))
