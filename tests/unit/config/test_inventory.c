/* SPDX-License-Identifier: MIT */
#include "config/inventory.h"

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

TEST_MAIN(cmocka_unit_test(a_label_says_who_is_in_maintenance),
          cmocka_unit_test(reads_columns_in_any_order),
          cmocka_unit_test(lists_every_bad_line_and_never_a_key),
          cmocka_unit_test(refuses_nul_bytes_long_lines_and_many_fields),
          cmocka_unit_test(reads_a_hundred_thousand_devices),
          cmocka_unit_test(says_why_a_file_cannot_be_read),
          cmocka_unit_test(reads_lists_of_devices_with_and_without_a_header))
