/* SPDX-License-Identifier: MIT */
#include "any_text.h"
#include "command_rows.h"
#include "json_vectors.h"

static enum pkg_id package_of(const char *name)
{
    static const struct {
        const char *name;
        enum pkg_id pkg;
    } names[] = {
        {"clocksync", PKG_CLOCK},
        {"multicastsetup", PKG_MCAST},
        {"fragmentation", PKG_FRAG},
        {"firmwaremanagement", PKG_FWMGMT},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i].name) == 0) {
            return names[i].pkg;
        }
    }
    fail_msg("unknown package %s", name);
    return PKG_MULTI;
}

/* The row of a vector; fails if there is none. */
static size_t find_row(enum pkg_id pkg, unsigned version, enum pkg_dir dir,
                       const char *hex)
{
    for (size_t i = 0; i < ARRAY_LEN(command_rows); i++) {
        const struct command_row *row = &command_rows[i];
        if (row->pkg == pkg && (row->version_mask & version) != 0 && row->dir == dir &&
            strcmp(row->hex, hex) == 0) {
            return i;
        }
    }
    fail_msg("the table has no row for %s", hex);
    return 0;
}

static void check_vector(const struct command_row *row, uint8_t version)
{
    uint8_t bytes[ANY_BYTES_MAX];
    uint8_t again[ANY_BYTES_MAX];
    size_t again_len = 0;
    struct split_cmd cmd;
    struct any_cmd any;

    size_t len = hex_bytes(row->hex, bytes, sizeof(bytes));
    struct split s = split_init(row->pkg, version, row->dir, bytes, len);
    assert_true(split_next(&s, &cmd));
    assert_int_equal(s.offset, len);
    assert_int_equal(any_decode(&any, &cmd, version, row->dir), FUO_OK);
    assert_string_equal(any_format(&any).s, row->text);
    assert_int_equal(any_encode(&any, again, sizeof(again), &again_len), FUO_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, bytes, len);
}

static void every_vector_decodes_to_its_fields_and_encodes_to_its_bytes(void **state)
{
    (void)state;
    unsigned covered[ARRAY_LEN(command_rows)] = {0};
    struct json_object *root = vectors_load("commands.json");
    struct json_object *commands = vec_get(root, "commands");

    assert_int_equal(vec_count(commands), 104);
    for (size_t i = 0; i < vec_count(commands); i++) {
        struct json_object *c = vec_at(commands, i);
        uint8_t version = vec_text(c, "version")[1] == '1' ? V1 : V2;
        enum pkg_dir dir =
            strcmp(vec_text(c, "direction"), "up") == 0 ? PKG_UP : PKG_DOWN;
        test_row(vec_text(c, "name"));
        size_t row = find_row(package_of(vec_text(c, "package")), version, dir,
                              vec_text(c, "hex"));
        check_vector(&command_rows[row], version);
        covered[row] |= version;
    }
    for (size_t i = 0; i < ARRAY_LEN(command_rows); i++) {
        assert_int_equal(covered[i], command_rows[i].version_mask);
    }
    json_object_put(root);
}

TEST_MAIN(cmocka_unit_test(every_vector_decodes_to_its_fields_and_encodes_to_its_bytes))
