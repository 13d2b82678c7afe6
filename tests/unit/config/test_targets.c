/* SPDX-License-Identifier: MIT */
#include "config/targets.h"

#include "config_test.h"

/* d1 .. d5 */
static const char devices[] = "dev_eui,label:site,label:ring\n"
                              "00000000000000d1,lab,0\n"
                              "00000000000000d2,roof,\n"
                              "00000000000000d3,cellar,1\n"
                              "00000000000000d4,,1\n"
                              "00000000000000d5,roof,1\n";

static struct campaign_doc *campaign(const char *targets)
{
    char text[1024];
    struct diag_list diags = {0};
    snprintf(text, sizeof(text),
             "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n"
             "  image: {file: a, version: \"1\", signatures: [s]}\n"
             "  targets: {fleet: wm1%s%s}\n",
             targets[0] != '\0' ? ", " : "", targets);
    struct config_doc *doc = parse_text("Campaign", text, &diags);
    assert_diags(&diags, "");
    assert_non_null(doc);
    return (struct campaign_doc *)doc;
}

static struct inventory inventory(void)
{
    struct inventory made;
    struct diag_list diags = {0};
    assert_int_equal(inventory_parse("i", devices, sizeof(devices) - 1, &made, &diags),
                     FUO_OK);
    return made;
}

static void selects_by_labels_expressions_and_lists(void **state)
{
    (void)state;
    static const struct {
        const char *targets;
        const char *want; /* last digits of the DevEUIs */
    } rows[] = {
        {"", "12345"},
        {"match: {labels: {site: roof}}", "25"},
        {"match: {labels: {site: roof, ring: \"1\"}}", "5"},
        {"match: {labels: {site: other}}", ""},
        {"match: {expressions: [{key: site, operator: In, values: [lab, roof]}]}", "125"},
        {"match: {expressions: [{key: site, operator: NotIn, values: [lab, roof]}]}",
         "34"},
        {"match: {expressions: [{key: ring, operator: Exists}]}", "1345"},
        {"match: {expressions: [{key: ring, operator: DoesNotExist}]}", "2"},
        {"match: {labels: {ring: \"1\"}, expressions: [{key: site, operator: Exists}]}",
         "35"},
        {"devices: [\"00000000000000d3\"]", "3"},
        {"devicesFile: targets.txt", "24"},
        {"devices: [\"00000000000000d1\"], devicesFile: targets.txt", "124"},
        {"match: {labels: {site: roof}}, devices: [\"00000000000000d1\"]", "125"},
        {"exclude: {devices: [\"00000000000000d1\", \"00000000000000ff\"]}", "2345"},
        {"exclude: {devicesFile: targets.txt}", "135"},
        {"devices: [\"00000000000000d2\"], exclude: {devicesFile: targets.txt}", ""},
        {"limit: 5", "12345"},
    };
    write_file("targets.txt", "00000000000000d2\n00000000000000D4\n");
    struct inventory all = inventory();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_doc *c = campaign(rows[i].targets);
        struct target_selection got;
        struct diag_list diags = {0};
        char text[16] = "";
        test_row(rows[i].targets);
        assert_int_equal(
            targets_select(c, &(struct inventories){&(const struct inventory *){&all}, 1},
                           &got, &diags),
            FUO_OK);
        assert_true(got.count < sizeof(text));
        for (size_t j = 0; j < got.count && j < sizeof(text) - 1; j++) {
            text[j] = (char)('0' + (got.devices[j] & 0xf));
        }
        assert_string_equal(text, rows[i].want);
        assert_int_equal(got.unknown_count, 0);
        target_selection_finish(&got);
        assert_diags(&diags, "");
        campaign_doc_destroy(c);
    }
    inventory_finish(&all);
    unlink("targets.txt");
}

static void lists_devices_that_the_inventory_lacks(void **state)
{
    (void)state;
    struct inventory all = inventory();
    struct campaign_doc *c =
        campaign("devices: [\"00000000000000d1\", \"00000000000000ee\"]");
    struct target_selection got;
    struct diag_list diags = {0};
    assert_int_equal(
        targets_select(c, &(struct inventories){&(const struct inventory *){&all}, 1},
                       &got, &diags),
        FUO_OK);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.unknown_count, 1);
    assert_true(got.unknown[0] == 0xee);
    target_selection_finish(&got);
    campaign_doc_destroy(c);
    inventory_finish(&all);
}

static void refuses_too_many_devices_and_missing_files(void **state)
{
    (void)state;
    static const struct {
        const char *targets;
        int err;
        const char *diags;
    } rows[] = {
        {"limit: 4", FUO_ERANGE,
         "f:6:32: spec.targets.limit: 5 devices are selected, the limit is 4\n"},
        {"devicesFile: no, exclude: {devicesFile: nope}", FUO_ENOENT,
         "no: cannot be read: no such file\nnope: cannot be read: no such file\n"},
        {"exclude: {devicesFile: nope}", FUO_ENOENT,
         "nope: cannot be read: no such file\n"},
    };
    struct inventory all = inventory();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_doc *c = campaign(rows[i].targets);
        struct target_selection got = {0};
        struct diag_list diags = {0};
        test_row(rows[i].targets);
        assert_int_equal(
            targets_select(c, &(struct inventories){&(const struct inventory *){&all}, 1},
                           &got, &diags),
            rows[i].err);
        assert_null(got.devices);
        assert_diags(&diags, rows[i].diags);
        campaign_doc_destroy(c);
    }
    inventory_finish(&all);
}

/* d6 and d7 of another fleet, which labels its devices in its own way. */
static void selects_from_several_inventories(void **state)
{
    (void)state;
    static const char more[] = "dev_eui,label:ring,label:country\n"
                               "00000000000000d6,1,de\n"
                               "00000000000000c7,2,fr\n";
    static const struct {
        const char *targets;
        const char *want; /* last digits of the DevEUIs, in their order */
        const char *diags;
    } rows[] = {
        {"", "7123456", ""},
        {"match: {labels: {ring: \"1\"}}", "3456", ""},
        {"match: {labels: {country: de}}", "6", ""},
        {"devices: [\"00000000000000d6\", \"00000000000000d1\"]", "16", ""},
        {"exclude: {devices: [\"00000000000000c7\", \"00000000000000d1\"]}", "23456", ""},
        {"match: {labels: {nobody: x}}", "",
         "f:6:32: spec.targets.match: warning: no device has the label \"nobody\"\n"},
    };
    struct inventory first = inventory();
    struct inventory second;
    struct diag_list diags = {0};
    assert_int_equal(inventory_parse("i", more, sizeof(more) - 1, &second, &diags),
                     FUO_OK);
    const struct inventory *items[] = {&first, &second};
    const struct inventories all = {items, ARRAY_LEN(items)};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_doc *c = campaign(rows[i].targets);
        struct target_selection got;
        char text[16] = "";
        diags = (struct diag_list){0};
        test_row(rows[i].targets);
        assert_int_equal(targets_select(c, &all, &got, &diags), FUO_OK);
        assert_true(got.count < sizeof(text));
        for (size_t j = 0; j < got.count && j < sizeof(text) - 1; j++) {
            text[j] = (char)('0' + (got.devices[j] & 0xf));
        }
        assert_string_equal(text, rows[i].want);
        assert_int_equal(got.unknown_count, 0);
        assert_diags(&diags, rows[i].diags);
        target_selection_finish(&got);
        campaign_doc_destroy(c);
    }
    inventory_finish(&first);
    inventory_finish(&second);
}

static void warns_of_labels_that_nobody_has(void **state)
{
    (void)state;
    struct inventory all = inventory();
    struct campaign_doc *c = campaign(
        "match: {labels: {sight: lab}, expressions: [{key: x, operator: Exists}]}");
    struct target_selection got;
    struct diag_list diags = {0};
    assert_int_equal(
        targets_select(c, &(struct inventories){&(const struct inventory *){&all}, 1},
                       &got, &diags),
        FUO_OK);
    assert_int_equal(got.count, 0);
    assert_diags(&diags,
                 "f:6:32: spec.targets.match: warning: no device has the label "
                 "\"sight\"\n"
                 "f:6:32: spec.targets.match: warning: no device has the label \"x\"\n");
    target_selection_finish(&got);
    campaign_doc_destroy(c);
    inventory_finish(&all);
}

TEST_MAIN(cmocka_unit_test(selects_by_labels_expressions_and_lists),
          cmocka_unit_test(lists_devices_that_the_inventory_lacks),
          cmocka_unit_test(refuses_too_many_devices_and_missing_files),
          cmocka_unit_test(selects_from_several_inventories),
          cmocka_unit_test(warns_of_labels_that_nobody_has))
