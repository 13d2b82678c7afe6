/* SPDX-License-Identifier: MIT */
#include "config/node.h"

#include "config_test.h"

static int parse(const char *text, size_t len, struct arena *arena,
                 struct node_list *documents, struct diag_list *diags)
{
    return node_parse(arena, "f", text, len, documents, diags);
}

static void keeps_scalars_as_text_with_their_place(void **state)
{
    (void)state;
    const char *text = "a: 1.10\nb:\n  - 22:00\n  - \"no\"\n  - [x, {y: |\n";
    struct arena arena = {0};
    struct diag_list diags = {0};
    struct node_list documents;
    assert_int_equal(parse(text, 29, &arena, &documents, &diags), FUO_OK);
    assert_int_equal(documents.count, 1);
    const struct node *root = documents.items[0];
    assert_int_equal(root->type, NODE_MAPPING);
    assert_string_equal(node_find(root, "a")->text, "1.10");
    const struct node *no = node_find(root, "b[1]");
    assert_string_equal(node_find(root, "b[0]")->text, "22:00");
    assert_false(node_find(root, "b[0]")->quoted);
    assert_string_equal(no->text, "no");
    assert_true(no->quoted);
    assert_int_equal(no->line, 4);
    assert_int_equal(no->column, 5);
    assert_null(node_find(root, "b[2]"));
    assert_null(node_find(root, "b[x]"));
    assert_null(node_find(root, "b[0"));
    assert_null(node_find(root, "a.b"));
    assert_null(node_find(root, "c"));
    arena_finish(&arena);
}

static void refuses_what_is_not_plain_data(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *diags;
    } rows[] = {
        {"anchor and alias", "a: &x 1\nb: *x\n",
         "f:1:4: anchors (&) are not supported; write it out\n"
         "f:2:4: aliases (*) are not supported; write it out\n"},
        {"anchored mapping", "a: &x {}\n",
         "f:1:4: anchors (&) are not supported; write it out\n"},
        {"tag", "a: !!str 1\nb: !!map {}\nc: !!seq []\n",
         "f:1:4: tags (!) are not supported\nf:2:4: tags (!) are not supported\n"
         "f:3:4: tags (!) are not supported\n"},
        {"merge key", "a:\n  <<: {b: 1}\n",
         "f:2:3: merge keys (<<) are not supported; write it out\n"},
        {"twice", "a: 1\na: 2\n", "f:2:1: the key \"a\" stands here twice\n"},
        {"key is a list", "[a]: 1\n", "f:1:1: a key must be a word\n"},
        {"tab", "a:\n\tb: 1\n",
         "f:2:1: a tab or a reserved character cannot start a value\n"},
        {"not closed", "a: [1\n",
         "f:2:1: did not find expected ',' or ']', while parsing a flow sequence\n"},
        {"quote", "a: \"x\n",
         "f:2:1: found unexpected end of stream, while scanning a quoted scalar\n"},
        {"not utf-8", "a: \xff\n", "f: invalid leading UTF-8 octet at byte 3\n"},
        {"nul in quotes", "a: \"\\0\"\n", "f:1:4: a NUL byte is not allowed\n"},
        {"empty", "", "f: is empty\n"},
        {"comment only", "# x\n", "f: is empty\n"},
        {"deep", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", "f:1:17: nested too deeply\n"},
        {"control", "\"a\\eb\": 1\n\"a\\eb\": 1\n",
         "f:2:1: the key \"a?b\" stands here twice\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena = {0};
        struct diag_list diags = {0};
        struct node_list documents;
        test_row(rows[i].name);
        assert_int_equal(
            parse(rows[i].text, strlen(rows[i].text), &arena, &documents, &diags),
            FUO_EINVAL);
        diag_list_sort(&diags);
        assert_diags(&diags, rows[i].diags);
        arena_finish(&arena);
    }
}

static void gives_several_documents_and_those_before_an_error(void **state)
{
    (void)state;
    const char *text = "---\na: 1\n---\n---\nb: 2\n...\n---\nc: [\n";
    struct arena arena = {0};
    struct diag_list diags = {0};
    struct node_list documents;
    assert_int_equal(parse(text, strlen(text), &arena, &documents, &diags), FUO_EINVAL);
    assert_int_equal(documents.count, 2);
    assert_non_null(node_get(documents.items[1], "b"));
    diag_list_finish(&diags);
    arena_finish(&arena);
}

static void bounds_documents_nodes_keys_and_bytes(void **state)
{
    (void)state;
    static char text[NODE_FILE_MAX_BYTES + 1];
    struct arena arena = {0};
    struct diag_list diags = {0};
    struct node_list documents;
    size_t len = 0;
    for (int i = 0; i <= NODE_DOCUMENTS_MAX; i++) {
        len += (size_t)sprintf(text + len, "--- x\n");
    }
    assert_int_equal(parse(text, len, &arena, &documents, &diags), FUO_EINVAL);
    assert_diags(&diags, "f:65:5: the file has too many documents\n");

    memset(text, ' ', sizeof(text));
    text[0] = '[';
    for (int i = 1; i <= 2 * NODE_COUNT_MAX; i += 2) {
        text[i] = '1';
        text[i + 1] = ',';
    }
    assert_int_equal(parse(text, sizeof(text) - 1, &arena, &documents, &diags),
                     FUO_EINVAL);
    assert_diags(&diags, "f:1:400000: the file has too many values\n");

    len = 0;
    for (int i = 0; i <= NODE_KEYS_MAX; i++) {
        len += (size_t)sprintf(text + len, "k%d: 1\n", i);
    }
    assert_int_equal(parse(text, len, &arena, &documents, &diags), FUO_EINVAL);
    assert_diags(&diags, "f:1025:1: too many keys in one mapping\n");

    assert_int_equal(parse(text, sizeof(text), &arena, &documents, &diags), FUO_EINVAL);
    assert_diags(&diags, "f: the file is larger than 1 MiB\n");
    arena_finish(&arena);
}

static void says_why_a_file_cannot_be_read(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct diag_list diags = {0};
    struct node_list documents;
    assert_int_equal(node_load_all(&arena, "no/such", &documents, &diags), FUO_ENOENT);
    assert_diags(&diags, "no/such: cannot be read: no such file\n");
    assert_int_equal(documents.count, 0);
    arena_finish(&arena);
}

TEST_MAIN(cmocka_unit_test(keeps_scalars_as_text_with_their_place),
          cmocka_unit_test(refuses_what_is_not_plain_data),
          cmocka_unit_test(gives_several_documents_and_those_before_an_error),
          cmocka_unit_test(bounds_documents_nodes_keys_and_bytes),
          cmocka_unit_test(says_why_a_file_cannot_be_read))
