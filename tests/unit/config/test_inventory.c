/* SPDX-License-Identifier: MIT */
#include "config/inventory_build.h"

#include "config_test.h"

#define KEY "000102030405060708090a0b0c0d0e0f"

static int parse(const char *text, struct inventory *inventory, struct diag_list *diags)
{
    return inventory_parse("f", text, strlen(text), inventory, diags);
}

static void reads_columns_in_any_order(void **state)
{
    (void)state;
    const char *text = "\xef\xbb\xbf"
                       "name,dev_eui,lorawan,gen_app_key,app_key,label:site,profile\r\n"
                       "# passed over\r\n"
                       "\r\n"
                       "\"roof, \"\"left\"\"\" , 70B3D57ED005A1B3,1.1.1,,X,cellar,p1\r\n"
                       ",70b3d57ed005a1b2,1.0.4," KEY ",,,";
    char with_key[512];
    struct inventory inventory;
    struct diag_list diags = {0};
    const char *x = strstr(text, ",X,");
    snprintf(with_key, sizeof(with_key), "%.*s,%s%s", (int)(x - text), text, KEY, x + 2);
    assert_int_equal(parse(with_key, &inventory, &diags), FUO_OK);
    assert_int_equal(inventory.count, 2);
    const struct inventory_device *first = &inventory.devices[0];
    const struct inventory_device *second = &inventory.devices[1];
    assert_true(first->dev_eui == 0x70b3d57ed005a1b2 && first->line == 5);
    assert_string_equal(first->name, "");
    assert_null(first->profile);
    assert_true(first->has_gen_app_key && !first->has_app_key);
    assert_int_equal(first->gen_app_key[15], 0x0f);
    assert_int_equal(first->lorawan_minor, 0);
    assert_null(inventory_label(&inventory, first, "site"));
    assert_string_equal(second->name, "roof, \"left\"");
    assert_string_equal(second->profile, "p1");
    assert_true(second->has_app_key && second->lorawan_minor == 1);
    assert_string_equal(inventory_label(&inventory, second, "site"), "cellar");
    assert_null(inventory_label(&inventory, second, "other"));
    assert_ptr_equal(inventory_find(&inventory, 0x70b3d57ed005a1b3), second);
    assert_null(inventory_find(&inventory, 1));
    assert_null(inventory_find(&inventory, UINT64_MAX));
    static const uint64_t some[] = {1, 0x70b3d57ed005a1b2, 0x70b3d57ed005a1b3,
                                    UINT64_MAX};
    uint64_t in[4] = {0};
    assert_int_equal(inventory_common(&inventory, some, 4, in), 2);
    assert_true(in[0] == some[1] && in[1] == some[2]);
    assert_int_equal(inventory_common(&inventory, &some[3], 1, NULL), 0);
    inventory_finish(&inventory);
}

static void lists_every_bad_line_and_never_a_key(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *diags;
    } rows[] = {
        {"empty", "", "f: is empty; the first line names the columns\n"},
        {"no header", "70b3d57ed005a1b2\n",
         "f:1:1: unknown column \"70b3d57ed005a1b2\"; known: dev_eui, name, lorawan, "
         "gen_app_key, app_key, profile, label:KEY\n"
         "f:1:1: the header line lacks the column dev_eui\n"},
        {"columns twice", "dev_eui,label:a,label:a,label:\n",
         "f:1:17: the column \"label:a\" stands here twice\n"
         "f:1:25: unknown column \"label:\"; known: dev_eui, name, lorawan, "
         "gen_app_key, app_key, profile, label:KEY\n"},
        {"header quote", "\"dev_eui\n",
         "f:1:1: a quoted field does not end, or something follows it\n"},
        {"several",
         "dev_eui,gen_app_key,lorawan\n"
         "70b3d57ed005a1b2\n"
         "x,secret,2.0\n"
         "\"70b3d57ed005a1b2\"x,,\n"
         "70b3d57ed005a1b2,,1.0.x\n",
         "f:2:1: has 1 fields, the header has 3\n"
         "f:3:1: dev_eui: must be 16 hex digits\n"
         "f:3:3: gen_app_key: must be 32 hex digits\n"
         "f:3:10: lorawan: must be 1.0, 1.0.2, 1.0.3, 1.0.4 or 1.1\n"
         "f:4:1: a quoted field does not end, or something follows it\n"
         "f:5:19: lorawan: must be 1.0, 1.0.2, 1.0.3, 1.0.4 or 1.1\n"},
        {"twice", "dev_eui\n70b3d57ed005a1b2\n70B3D57ED005A1B2\n",
         "f:3:1: dev_eui: 70b3d57ed005a1b2 stands in line 2 already\n"},
        {"twice, beside what is wrong otherwise",
         "dev_eui\nx\n70b3d57ed005a1b2\ny\n70b3d57ed005a1b2\n",
         "f:2:1: dev_eui: must be 16 hex digits\n"
         "f:4:1: dev_eui: must be 16 hex digits\n"
         "f:5:1: dev_eui: 70b3d57ed005a1b2 stands in line 3 already\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct inventory inventory = {0};
        struct diag_list diags = {0};
        test_row(rows[i].name);
        assert_int_equal(parse(rows[i].text, &inventory, &diags), FUO_EINVAL);
        assert_null(inventory.devices);
        assert_diags(&diags, rows[i].diags);
    }
}

static void refuses_nul_bytes_long_lines_and_many_fields(void **state)
{
    (void)state;
    static char text[16384];
    struct inventory inventory;
    struct diag_list diags = {0};
    assert_int_equal(inventory_parse("f", "dev_eui\na\0b\n", 12, &inventory, &diags),
                     FUO_EINVAL);
    assert_diags(&diags, "f:2:1: holds a NUL byte\n");
    size_t len = (size_t)sprintf(text, "dev_eui\n");
    memset(text + len, 'a', 9000);
    assert_int_equal(parse(text, &inventory, &diags), FUO_EINVAL);
    assert_diags(&diags, "f:2:1: is too long\n");
    memset(text + len, ',', 70);
    text[len + 70] = '\0';
    assert_int_equal(parse(text, &inventory, &diags), FUO_EINVAL);
    assert_diags(&diags, "f:2:1: has too many fields\n");
}

static void reads_a_hundred_thousand_devices(void **state)
{
    (void)state;
    enum { COUNT = 100000, LINE = 80 };
    char *text = malloc((size_t)COUNT * LINE + 100);
    assert_non_null(text);
    size_t len = (size_t)sprintf(text, "dev_eui,name,gen_app_key,label:site\n");
    for (unsigned i = 0; i < COUNT; i++) {
        len +=
            (size_t)sprintf(text + len, "%016x,d%u," KEY ",s%u\n", COUNT - i, i, i % 7);
    }
    write_file("many.csv", text);
    free(text);
    struct inventory inventory;
    struct diag_list diags = {0};
    assert_int_equal(inventory_load("many.csv", &inventory, &diags), FUO_OK);
    assert_int_equal(inventory.count, COUNT);
    assert_true(inventory.devices[0].dev_eui == 1);
    assert_string_equal(inventory.devices[0].name, "d99999");
    inventory_finish(&inventory);
    unlink("many.csv");
}

static void says_why_a_file_cannot_be_read(void **state)
{
    (void)state;
    struct inventory inventory;
    struct diag_list diags = {0};
    struct arena arena = {0};
    struct eui_list list;
    assert_int_equal(inventory_load("no/such", &inventory, &diags), FUO_ENOENT);
    assert_int_equal(device_list_load("no/such", &arena, &list, &diags), FUO_ENOENT);
    assert_diags(&diags, "no/such: cannot be read: no such file\n"
                         "no/such: cannot be read: no such file\n");
}

static void reads_lists_of_devices_with_and_without_a_header(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        size_t count;
        const char *diags;
    } rows[] = {
        {"plain", "70b3d57ed005a1b2\n# x\n70b3d57ed005a1b3\n", 2, ""},
        {"csv", "name,dev_eui\na,70b3d57ed005a1b2\nb,70b3d57ed005a1b3\n", 2, ""},
        {"empty", "", 0, ""},
        {"wrong", "x\n\"y\nname,dev_eui\n", 0,
         "f:1:1: is not a DevEUI of 16 hex digits\n"
         "f:2:1: a quoted field does not end, or something follows it\n"
         "f:3:1: is not a DevEUI of 16 hex digits\n"},
        {"short", "name,dev_eui\na\n", 0, "f:2:1: has no DevEUI\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena = {0};
        struct diag_list diags = {0};
        struct eui_list list = {0};
        test_row(rows[i].name);
        int err = device_list_parse("f", rows[i].text, strlen(rows[i].text), &arena,
                                    &list, &diags);
        assert_int_equal(err, rows[i].diags[0] == '\0' ? FUO_OK : FUO_EINVAL);
        assert_int_equal(list.count, rows[i].count);
        assert_diags(&diags, rows[i].diags);
        arena_finish(&arena);
    }
}

static void a_label_says_who_is_in_maintenance(void **state)
{
    (void)state;
    static const char text[] = "dev_eui,label:maintenance\n"
                               "00000000000000d1,\n"
                               "00000000000000d2,false\n"
                               "00000000000000d3,no\n"
                               "00000000000000d4,0\n"
                               "00000000000000d5,true\n"
                               "00000000000000d6,until spring\n";
    struct inventory made;
    struct diag_list diags = {0};
    assert_int_equal(inventory_parse("i", text, sizeof(text) - 1, &made, &diags), FUO_OK);
    for (size_t i = 0; i < made.count; i++) {
        assert_int_equal(inventory_maintenance(&made, &made.devices[i]), i >= 4);
    }
    inventory_finish(&made);
}

static void two_become_one_without_keys(void **state)
{
    (void)state;
    struct inventory a;
    struct inventory b;
    struct inventory all;
    struct inventory copy;
    struct diag_list diags = {0};
    assert_int_equal(parse("dev_eui,name,gen_app_key,label:site,label:ring\n"
                           "0000000000000001,one,00112233445566778899aabbccddeeff,x,1\n"
                           "0000000000000003,three,,y,2\n",
                           &a, &diags),
                     FUO_OK);
    assert_int_equal(parse("dev_eui,label:site,label:maintenance,profile\n"
                           "0000000000000003,z,yes,lbm-v2\n"
                           "0000000000000002,,,\n"
                           "0000000000000004,w,,\n",
                           &b, &diags),
                     FUO_OK);
    inventory_merge(&a, &b, &all);
    inventory_merge(&(struct inventory){0}, &all, &copy);
    inventory_finish(&a);
    inventory_finish(&b);
    inventory_finish(&all);
    assert_int_equal(copy.count, 4);
    assert_int_equal(copy.label_count, 3);
    for (size_t i = 0; i < copy.count; i++) {
        assert_int_equal(copy.devices[i].dev_eui, i + 1);
        assert_int_equal(copy.devices[i].gen_app_key[1], 0);
        assert_int_equal(copy.devices[i].has_gen_app_key, i == 0);
    }
    assert_string_equal(copy.devices[0].name, "one");
    assert_string_equal(inventory_label(&copy, &copy.devices[0], "ring"), "1");
    assert_null(inventory_label(&copy, &copy.devices[0], "maintenance"));
    assert_string_equal(copy.devices[2].name, ""); /* all of it is of the second */
    assert_string_equal(copy.devices[2].profile, "lbm-v2");
    assert_string_equal(inventory_label(&copy, &copy.devices[2], "site"), "z");
    assert_null(inventory_label(&copy, &copy.devices[2], "ring"));
    assert_true(inventory_maintenance(&copy, &copy.devices[2]));
    assert_string_equal(inventory_label(&copy, &copy.devices[3], "site"), "w");
    const uint64_t gone[] = {0, 2, 4, 5};
    inventory_without(&copy, gone, ARRAY_LEN(gone), &all);
    inventory_finish(&copy);
    assert_int_equal(all.count, 2);
    assert_string_equal(all.devices[0].name, "one");
    assert_int_equal(all.devices[1].dev_eui, 3);
    assert_string_equal(inventory_label(&all, &all.devices[1], "site"), "z");
    inventory_without(&all, NULL, 0, &copy);
    assert_int_equal(copy.count, 2);
    inventory_finish(&copy);
    inventory_finish(&all);
    diag_list_finish(&diags);
}

static void add(struct inventory_builder *builder, uint64_t eui, const char *site,
                const uint8_t *gen_app_key)
{
    struct inventory_label labels[] = {{"site", site}, {"vendor", "v"}};
    struct inventory_entry entry = {
        .dev_eui = eui,
        .name = "served",
        .profile = "lbm-v1",
        .labels = labels,
        .label_count = site != NULL ? 2 : 0,
        .gen_app_key = gen_app_key,
        .lorawan_minor = 1,
    };
    inventory_builder_add(builder, &entry);
}

static void the_server_fills_what_the_file_leaves_empty(void **state)
{
    (void)state;
    static const uint8_t key[INVENTORY_KEY_SIZE] = {7};
    struct inventory file;
    struct inventory server;
    struct inventory all;
    struct inventory_builder builder = {0};
    struct diag_list diags = {0};
    assert_int_equal(parse("dev_eui,name,gen_app_key,label:site,label:ring\n"
                           "0000000000000001,one,00112233445566778899aabbccddeeff,x,1\n"
                           "0000000000000003,,,,2\n",
                           &file, &diags),
                     FUO_OK);
    add(&builder, 3, "c", key);
    add(&builder, 2, "b", NULL);
    add(&builder, 1, "a", NULL);
    add(&builder, 2, "twice", key);
    inventory_builder_end(&builder, &server);
    assert_int_equal(server.count, 3);
    assert_memory_equal(server.devices[2].gen_app_key, key, sizeof(key));
    assert_string_equal(inventory_label(&server, &server.devices[1], "site"), "b");
    inventory_fill(&file, &server, &all);
    assert_int_equal(all.count, 3);
    static const struct {
        const char *name;
        const char *site;
        const char *ring;
        bool has_key;
    } rows[] = {{"one", "x", "1", true},
                {"served", "b", NULL, false},
                {"served", "c", "2", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct inventory_device *device = &all.devices[i];
        const char *ring = inventory_label(&all, device, "ring");
        test_row(rows[i].site);
        assert_int_equal(device->dev_eui, i + 1);
        assert_string_equal(device->name, rows[i].name);
        assert_string_equal(device->profile, "lbm-v1");
        assert_string_equal(inventory_label(&all, device, "site"), rows[i].site);
        assert_string_equal(inventory_label(&all, device, "vendor"), "v");
        assert_string_equal(ring != NULL ? ring : "-",
                            rows[i].ring != NULL ? rows[i].ring : "-");
        assert_int_equal(device->has_gen_app_key, rows[i].has_key);
        assert_int_equal(device->gen_app_key[0], 0);
        assert_int_equal(device->lorawan_minor, 1); /* the server knows */
        assert_true(device->served && device->imported);
    }
    inventory_finish(&all);
    inventory_fill(&file, &(struct inventory){0}, &all);
    assert_int_equal(all.count, 2);
    assert_false(all.devices[0].served || all.devices[0].imported);
    inventory_finish(&all);
    inventory_finish(&file);
    inventory_finish(&server);
    diag_list_finish(&diags);
}

static void a_server_with_too_many_labels_loses_some(void **state)
{
    (void)state;
    struct inventory_builder builder = {0};
    struct inventory made;
    char keys[INVENTORY_COLUMNS_MAX + 3][16];
    struct inventory_label labels[INVENTORY_COLUMNS_MAX + 3];
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        snprintf(keys[i], sizeof(keys[i]), "key%zu", i);
        labels[i] = (struct inventory_label){keys[i], "v"};
    }
    struct inventory_entry entry = {
        .dev_eui = 1, .labels = labels, .label_count = ARRAY_LEN(labels)};
    inventory_builder_add(&builder, &entry);
    assert_int_equal(builder.labels_lost, 3);
    inventory_builder_end(&builder, &made);
    assert_int_equal(made.label_count, INVENTORY_COLUMNS_MAX);
    assert_string_equal(inventory_label(&made, &made.devices[0], "key63"), "v");
    assert_null(made.devices[0].profile);
    inventory_finish(&made);
    inventory_builder_add(&builder, &entry);
    inventory_builder_finish(&builder); /* in the middle of it */
    assert_int_equal(builder.count, 0);
}

TEST_MAIN(cmocka_unit_test(the_server_fills_what_the_file_leaves_empty),
          cmocka_unit_test(a_server_with_too_many_labels_loses_some),
          cmocka_unit_test(two_become_one_without_keys),
          cmocka_unit_test(a_label_says_who_is_in_maintenance),
          cmocka_unit_test(reads_columns_in_any_order),
          cmocka_unit_test(lists_every_bad_line_and_never_a_key),
          cmocka_unit_test(refuses_nul_bytes_long_lines_and_many_fields),
          cmocka_unit_test(reads_a_hundred_thousand_devices),
          cmocka_unit_test(says_why_a_file_cannot_be_read),
          cmocka_unit_test(reads_lists_of_devices_with_and_without_a_header))
