/* SPDX-License-Identifier: MIT */
#include "ctl/finding.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/protocol.h"
#include "test.h"

static void assert_text(struct json_object *list, size_t i, const char *key,
                        const char *want)
{
    assert_string_equal(ctl_text(json_object_array_get_idx(list, i), key), want);
}

static void a_finding_is_clean_and_cut(void **state)
{
    (void)state;
    struct json_object *list = json_object_new_array();
    struct finding_subject subject = {"disk", "/v\xc3\xa4r"};
    char text[2 * FINDING_TEXT_SIZE];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    finding_add(list, FINDING_OK, subject, "%d of %s", 3, "a\nb");
    finding_add(list, FINDING_WARN, subject, "%s", text);
    finding_add(list, FINDING_FAIL, subject, "d");
    assert_text(list, 0, "level", "ok");
    assert_text(list, 0, "check", "disk");
    assert_text(list, 0, "what", "/v??r");
    assert_text(list, 0, "text", "3 of a?b");
    assert_text(list, 1, "level", "warn");
    struct json_object *long_one = json_object_array_get_idx(list, 1);
    assert_int_equal(strlen(ctl_text(long_one, "text")), FINDING_TEXT_SIZE - 1);
    assert_text(list, 2, "level", "fail");
    json_object_put(list);
}

static void many_findings_fit_into_one_answer(void **state)
{
    (void)state;
    struct json_object *list = json_object_new_array();
    char text[FINDING_TEXT_SIZE];
    memset(text, '"', sizeof(text) - 1); /* each takes two */
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 2 * FINDINGS_MAX; i++) {
        finding_add(list, FINDING_OK, (struct finding_subject){"check", text}, "%s",
                    text);
    }
    assert_int_equal(json_object_array_length(list), FINDINGS_MAX + 1);
    assert_text(list, FINDINGS_MAX, "level", "fail");
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "findings", list);
    char *line = ctl_print_data(INT64_MAX, data);
    assert_non_null(line);
    assert_in_range(strlen(line), 1, CTL_LINE_MAX);
    free(line);
}

TEST_MAIN(cmocka_unit_test(a_finding_is_clean_and_cut),
          cmocka_unit_test(many_findings_fit_into_one_answer))
