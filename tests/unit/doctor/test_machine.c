/* SPDX-License-Identifier: MIT */
#include "doctor/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/protocol.h"
#include "io/secrets.h"
#include "temp.h"
#include "test.h"

/* The only finding has that level and these words; the list is used up. */
static void assert_found(struct json_object *list, const char *level, const char *words)
{
    assert_int_equal(json_object_array_length(list), 1);
    struct json_object *finding = json_object_array_get_idx(list, 0);
    assert_string_equal(ctl_text(finding, "level"), level);
    assert_non_null(strstr(ctl_text(finding, "text"), words));
    json_object_put(list);
}

static void a_clock_is_judged_by_what_the_system_says(void **state)
{
    (void)state;
    static const struct {
        bool scaled;
        bool synchronised;
        int64_t error_us;
        const char *level;
        const char *words;
    } rows[] = {
        {false, true, 1500, "ok", "within 2 ms"},
        {false, true, 500000, "ok", "synchronised"},
        {false, true, 500001, "warn", "off by up to 500 ms"},
        {false, false, 100, "warn", "start chrony"},
        {false, false, -1, "warn", "does not say"},
        {true, true, 1500, "warn", "--time-scale"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_object *list = json_object_new_array();
        test_row(rows[i].words);
        machine_judge_clock(list, rows[i].scaled, rows[i].synchronised, rows[i].error_us);
        assert_found(list, rows[i].level, rows[i].words);
    }
}

static void the_clock_of_this_machine_is_looked_at(void **state)
{
    (void)state;
    struct json_object *list = json_object_new_array();
    struct clock clock;
    int64_t error_us = 0;
    assert_int_equal(clock_init(&clock, NULL), FUO_OK);
    bool synchronised = clock_is_synchronised(&error_us);
    assert_true(error_us >= 0 || !synchronised);
    machine_clock(list, &clock);
    assert_found(list, synchronised && error_us <= 500000 ? "ok" : "warn", "");
    list = json_object_new_array();
    assert_int_equal(clock_init(&clock, "60@1770000000"), FUO_OK);
    machine_clock(list, &clock);
    assert_found(list, "warn", "--time-scale");
}

static void a_disk_without_room_or_that_is_not_there_fails(void **state)
{
    (void)state;
    struct json_object *list = json_object_new_array();
    machine_disk(list, "/proc"); /* has no room at all */
    assert_found(list, "fail", "are free");
    list = json_object_new_array();
    machine_disk(list, "/nowhere/at/all");
    assert_found(list, "fail", "No such file");
}

static void a_secret_is_closed_to_others_and_has_its_size(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        mode_t mode;
        size_t len;
        const char *level;
        const char *words;
    } rows[] = {
        {"token", 0600, 0, "ok", "closed to others"},
        {"token", 0640, 5, "ok", "closed to others"},
        {"token", 0604, 0, "fail", "chmod o-rwx"},
        {"", 0600, 0, "fail", "0 bytes"},
        {"token", 0600, 32, "fail", "5 bytes"},
    };
    static const struct finding_subject subject = {"api", "API"};
    struct temp temp = temp_create();
    char path[2 * TEMP_PATH_SIZE];
    temp_path(&temp, "secret", path);
    assert_int_equal(secrets_init(), FUO_OK);
    struct json_object *list = json_object_new_array();
    machine_secret(list, subject, path, 0);
    assert_found(list, "fail", "create it with mode 0600");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].words);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(rows[i].content, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, rows[i].mode), 0);
        list = json_object_new_array();
        machine_secret(list, subject, path, rows[i].len);
        assert_found(list, rows[i].level, rows[i].words);
    }
    temp_remove(&temp);
}

TEST_MAIN(cmocka_unit_test(a_clock_is_judged_by_what_the_system_says),
          cmocka_unit_test(the_clock_of_this_machine_is_looked_at),
          cmocka_unit_test(a_disk_without_room_or_that_is_not_there_fails),
          cmocka_unit_test(a_secret_is_closed_to_others_and_has_its_size))
