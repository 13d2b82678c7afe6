/* SPDX-License-Identifier: MIT */
/* Paths, and the links that clients register with: lwm2m.md 4.3, 5, 6.1, and RFC 6690. */
#include <string.h>

#include "test.h"

#include "codec/link_format.h"

enum {
    TEXT_MAX = 512,
};

/* ---- paths ---- */

static void paths_are_read_and_written_again(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        uint8_t depth;
        uint16_t id[LWM2M_PATH_DEPTH];
    } rows[] = {
        {"/", FUO_OK, 0, {0}},
        {"/5", FUO_OK, 1, {5}},
        {"/5/0/3", FUO_OK, 3, {5, 0, 3}},
        {"/65534/65534/65534/65534", FUO_OK, 4, {65534, 65534, 65534, 65534}},
        {"/65535", FUO_ERANGE, 0, {0}},
        {"/4294967301", FUO_ERANGE, 0, {0}},
        {"5", FUO_EPROTO, 0, {0}},
        {"/5/", FUO_EPROTO, 0, {0}},
        {"//", FUO_EPROTO, 0, {0}},
        {"/05", FUO_EPROTO, 0, {0}},
        {"/-1", FUO_EPROTO, 0, {0}},
        {"/5x", FUO_EPROTO, 0, {0}},
        {"/1/2/3/4/5", FUO_EPROTO, 0, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lwm2m_path path = {.depth = 9};
        char text[LWM2M_PATH_TEXT_SIZE];
        test_row(rows[i].text);
        assert_int_equal(lwm2m_path_parse(rows[i].text, strlen(rows[i].text), &path),
                         rows[i].err);
        if (rows[i].err != FUO_OK) {
            assert_int_equal(path.depth, 9);
            continue;
        }
        assert_int_equal(path.depth, rows[i].depth);
        assert_memory_equal(path.id, rows[i].id, sizeof(path.id));
        assert_string_equal(lwm2m_path_format(&path, text), rows[i].text);
    }
    struct lwm2m_path root = {.depth = 7};
    assert_int_equal(lwm2m_path_parse("", 0, &root), FUO_OK);
    assert_int_equal(root.depth, 0);
}

static void a_path_is_in_another_step_by_step(void **state)
{
    (void)state;
    const struct lwm2m_path resource = {{5, 0, 3}, 3};
    const struct lwm2m_path instance = {{5, 0}, 2};
    const struct lwm2m_path other = {{5, 1}, 2};
    const struct lwm2m_path root = {{0}, 0};
    assert_true(lwm2m_path_is_in(&resource, &instance));
    assert_true(lwm2m_path_is_in(&resource, &resource));
    assert_true(lwm2m_path_is_in(&resource, &root));
    assert_false(lwm2m_path_is_in(&resource, &other));
    assert_false(lwm2m_path_is_in(&instance, &resource));
}

/* ---- links ---- */

/* "TARGET name=value flag|TARGET": all that is read. */
static int list(const char *links, size_t len, char text[TEXT_MAX])
{
    struct link_format format = link_format_init(links, len);
    struct link link;
    char *at = text;
    *at = '\0';
    while (link_format_next(&format, &link)) {
        struct link_format attrs = link_attrs(&link);
        struct link_attr attr;
        at += snprintf(at, (size_t)(text + TEXT_MAX - at), "%s%.*s",
                       at == text ? "" : "|", (int)link.target_len, link.target);
        while (link_attr_next(&attrs, &attr)) {
            at += snprintf(at, (size_t)(text + TEXT_MAX - at), " %.*s%s%.*s",
                           (int)attr.name_len, attr.name, attr.value != NULL ? "=" : "",
                           (int)attr.value_len, attr.value != NULL ? attr.value : "");
        }
        assert_int_equal(link_format_end(&attrs), FUO_OK);
    }
    return link_format_end(&format);
}

static const struct {
    const char *name;
    const char *links;
    const char *values;
} good[] = {
    {"nothing", "", ""},
    {"the least", "</1/0>,</3/0>,</5/0>", "/1/0|/3/0|/5/0"},
    {"a root and its format", "</>;rt=\"oma.lwm2m\";ct=110,</1/0>",
     "/ rt=oma.lwm2m ct=110|/1/0"},
    {"an alternate root", "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/5/0>",
     "/lwm2m rt=oma.lwm2m|/lwm2m/5/0"},
    {"versions", "</5>;ver=1.1,</5/0>", "/5 ver=1.1|/5/0"},
    {"a quoted version", "</5>;ver=\"1.1\"", "/5 ver=1.1"},
    {"coap-node", "</>;ct=11543;hb,</3/0>", "/ ct=11543 hb|/3/0"},
    {"several formats", "</>;ct=\"60 110 112\"", "/ ct=60 110 112"},
    {"separators in quotes", "</a>;title=\"x,</b>;y\",</c>", "/a title=x,</b>;y|/c"},
    {"an escaped quote", "</a>;title=\"x\\\"y\"", "/a title=x\\\"y"},
    {"an empty quoted value", "</a>;title=\"\"", "/a title="},
    {"spaces and line ends", " </a> ; x = 1 ,\r\n\t</b> ", "/a x=1|/b"},
    {"an equals sign in a value", "</a>;x=a=b", "/a x=a=b"},
    {"an empty target", "<>", ""},
};

static void what_clients_register_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char text[TEXT_MAX];
        test_row(good[i].name);
        assert_int_equal(list(good[i].links, strlen(good[i].links), text), FUO_OK);
        assert_string_equal(text, good[i].values);
    }
}

static void cut_anywhere_it_is_noticed_or_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        test_row(good[i].name);
        for (size_t len = 0; len < strlen(good[i].links); len++) {
            /* Of its own size, so that a sanitizer sees what reads beyond. */
            char *cut = test_malloc(len > 0 ? len : 1);
            char text[TEXT_MAX];
            memcpy(cut, good[i].links, len);
            int err = list(cut, len, text);
            assert_true(err == FUO_OK || err == FUO_ESHORT);
            test_free(cut);
        }
    }
}

static void what_is_malformed_ends_there(void **state)
{
    (void)state;
    static const struct {
        const char *links;
        int err;
        const char *values;
    } rows[] = {
        {"/1/0", FUO_EPROTO, ""},
        {"</1/0></3/0>", FUO_EPROTO, ""},
        {"</1/0>,/3/0", FUO_EPROTO, "/1/0"},
        {"</1/0>,", FUO_ESHORT, ""},
        {"</1/0>,,</3/0>", FUO_EPROTO, "/1/0"},
        {"</1/0", FUO_ESHORT, ""},
        {"</1 0>", FUO_EPROTO, ""},
        {"</a<b>", FUO_EPROTO, ""},
        {"</a>;", FUO_ESHORT, ""},
        {"</a>;;b", FUO_EPROTO, ""},
        {"</a>;x=", FUO_ESHORT, ""},
        {"</a>;x=,</b>", FUO_EPROTO, ""},
        {"</a>;x=\"y", FUO_ESHORT, ""},
        {"</a>;x=\"y\\", FUO_ESHORT, ""},
        {"</a>;x=\"y\"z", FUO_EPROTO, ""},
        {"</a>;x y", FUO_EPROTO, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[TEXT_MAX];
        test_row(rows[i].links);
        assert_int_equal(list(rows[i].links, strlen(rows[i].links), text), rows[i].err);
        assert_string_equal(text, rows[i].values);
    }
    char text[TEXT_MAX];
    assert_int_equal(list("</a\0b>", 6, text), FUO_EPROTO);
}

static struct link only(const char *text)
{
    struct link_format list = link_format_init(text, strlen(text));
    struct link link = {0};
    assert_true(link_format_next(&list, &link));
    return link;
}

static void attributes_are_found_by_name_and_word(void **state)
{
    (void)state;
    struct link link = only("</>;rt=\"x oma.lwm2m\";ct=\"60 110\";hb");
    struct link_attr attr;
    assert_true(link_attr_find(&link, "rt", &attr));
    assert_true(link_attr_has_word(&attr, "oma.lwm2m"));
    assert_true(link_attr_has_word(&attr, "x"));
    assert_false(link_attr_has_word(&attr, "oma"));
    assert_false(link_attr_has_word(&attr, "oma.lwm2m2"));
    assert_false(link_attr_has_word(&attr, ""));
    assert_true(link_attr_find(&link, "hb", &attr));
    assert_null(attr.value);
    assert_false(link_attr_has_word(&attr, "hb"));
    assert_false(link_attr_find(&link, "h", &attr));
    assert_false(link_attr_find(&link, "ver", &attr));
}

static void links_name_objects_below_their_root(void **state)
{
    (void)state;
    static const struct {
        const char *link;
        const char *root;
        int err;
        const char *path;
    } rows[] = {
        {"</5/0>", "", FUO_OK, "/5/0"},
        {"</5/0>", "/", FUO_OK, "/5/0"},
        {"</lwm2m/5/0>", "/lwm2m", FUO_OK, "/5/0"},
        {"</lwm2m/5/0>", "/lwm2m/", FUO_OK, "/5/0"},
        {"</lwm2m>", "/lwm2m", FUO_OK, "/"},
        {"</5/0>", "/lwm2m", FUO_ENOENT, ""},
        {"</x>", "/lwm2m", FUO_ENOENT, ""},
        {"</lwm2mx/5>", "/lwm2m", FUO_EPROTO, ""},
        {"</hello>", "", FUO_EPROTO, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct link link = only(rows[i].link);
        struct lwm2m_path path;
        char text[LWM2M_PATH_TEXT_SIZE];
        test_row(rows[i].link);
        assert_int_equal(link_path(&link, rows[i].root, strlen(rows[i].root), &path),
                         rows[i].err);
        if (rows[i].err == FUO_OK) {
            assert_string_equal(lwm2m_path_format(&path, text), rows[i].path);
        }
    }
}

static void links_are_written(void **state)
{
    (void)state;
    char text[TEXT_MAX] = "";
    struct wr w = wr_init((uint8_t *)text, sizeof(text) - 1);
    size_t len = 0;
    link_format_put(&w, "/");
    link_format_put_attr(&w, "rt", "oma.lwm2m");
    link_format_put_attr(&w, "ct", "60 110");
    link_format_put_attr(&w, "hb", NULL);
    link_format_put_attr(&w, "title", "a\"b\\");
    link_format_put(&w, "/1/0");
    link_format_put_attr(&w, "x", "");
    assert_int_equal(wr_end(&w, &len), FUO_OK);
    assert_string_equal(
        text, "</>;rt=oma.lwm2m;ct=\"60 110\";hb;title=\"a\\\"b\\\\\",</1/0>;x=\"\"");
    w = wr_init((uint8_t *)text, 3);
    link_format_put(&w, "/1/0");
    assert_int_equal(wr_end(&w, &len), FUO_ENOSPC);
}

TEST_MAIN(cmocka_unit_test(paths_are_read_and_written_again),
          cmocka_unit_test(a_path_is_in_another_step_by_step),
          cmocka_unit_test(what_clients_register_is_read),
          cmocka_unit_test(cut_anywhere_it_is_noticed_or_whole),
          cmocka_unit_test(what_is_malformed_ends_there),
          cmocka_unit_test(attributes_are_found_by_name_and_word),
          cmocka_unit_test(links_name_objects_below_their_root),
          cmocka_unit_test(links_are_written))
