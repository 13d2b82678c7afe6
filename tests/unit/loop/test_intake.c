/* SPDX-License-Identifier: MIT */
#include "loop/intake.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "temp.h"

struct folder {
    struct temp temp;
    struct intake *intake;
    uint64_t now_ms;
    char taken[512]; /* names, in order */
    char gone[512];
    int errnum;
    enum intake_verdict verdict;
    bool hold;              /* the answer comes later */
    const char *named;      /* the file names it; NULL: none */
    const char *edit_while; /* the file is edited while it is being taken */
};

static void put(const struct folder *f, const char *name, const char *text)
{
    char path[2 * TEMP_PATH_SIZE];
    FILE *file = fopen(temp_path(&f->temp, name, path), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void add_name(char *text, const char *path)
{
    size_t len = strlen(text);
    snprintf(text + len, 512 - len, "%s ", strrchr(path, '/') + 1);
}

static void on_take(void *arg, const char *path)
{
    struct folder *f = arg;
    char named[2 * TEMP_PATH_SIZE];
    add_name(f->taken, path);
    if (f->named != NULL) {
        intake_note(f->intake, temp_path(&f->temp, f->named, named));
    }
    if (f->edit_while != NULL) {
        put(f, strrchr(path, '/') + 1, f->edit_while);
        f->edit_while = NULL;
    }
    if (!f->hold) {
        intake_done(f->intake, f->verdict);
    }
}

static void on_gone(void *arg, const char *path)
{
    struct folder *f = arg;
    add_name(f->gone, path);
}

static void on_unreadable(void *arg, int errnum)
{
    struct folder *f = arg;
    f->errnum = errnum;
}

static void begin(struct folder *f)
{
    static const struct intake_ports ports = {on_take, on_gone, on_unreadable};
    *f = (struct folder){.temp = temp_create(), .now_ms = 1000000};
    f->intake = intake_create(f->temp.folder, &ports, f);
}

static void end(struct folder *f)
{
    intake_destroy(f->intake);
    temp_remove(&f->temp);
}

/* What is taken if it is looked at then. */
static const char *look(struct folder *f, uint64_t later_ms)
{
    f->taken[0] = '\0';
    f->gone[0] = '\0';
    f->now_ms += later_ms;
    (void)intake_look(f->intake, f->now_ms);
    return f->taken;
}

static void a_file_is_taken_once_when_it_has_stood_still(void **state)
{
    (void)state;
    struct folder f;
    begin(&f);
    put(&f, "b.yaml", "b");
    put(&f, "a.yml", "a");
    put(&f, ".hidden.yaml", "h");
    put(&f, "image.bin", "i");
    assert_string_equal(look(&f, 0), "");
    assert_int_equal(intake_look(f.intake, f.now_ms), INTAKE_SETTLE_MS);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS - 1), "");
    put(&f, "b.yaml", "b, longer"); /* still being written */
    assert_string_equal(look(&f, 1), "a.yml ");
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "b.yaml ");
    assert_string_equal(look(&f, INTAKE_AGAIN_MS), "");
    assert_int_equal(intake_look(f.intake, f.now_ms), INTAKE_LOOK_MS);
    put(&f, "b.yaml", "another one");
    assert_string_equal(look(&f, 1), "");
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "b.yaml ");
    end(&f);
}

static void a_file_that_is_gone_is_told(void **state)
{
    (void)state;
    struct folder f;
    char path[2 * TEMP_PATH_SIZE];
    begin(&f);
    put(&f, "a.yaml", "a");
    (void)look(&f, 0);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    unlink(temp_path(&f.temp, "a.yaml", path));
    (void)look(&f, 1);
    assert_string_equal(f.gone, "a.yaml ");
    put(&f, "a.yaml", "a");
    (void)look(&f, 1);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    end(&f);
}

static void what_is_wrong_is_taken_again_now_and_then(void **state)
{
    (void)state;
    struct folder f;
    begin(&f);
    f.verdict = INTAKE_WRONG;
    f.named = "image.bin";
    put(&f, "a.yaml", "a");
    (void)look(&f, 0);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    assert_string_equal(look(&f, INTAKE_AGAIN_MS - 1), "");
    assert_string_equal(look(&f, 1), "a.yaml ");
    put(&f, "image.bin", "i"); /* what it names has come */
    assert_string_equal(look(&f, 1), "");
    f.verdict = INTAKE_TAKEN;
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    assert_string_equal(look(&f, INTAKE_AGAIN_MS), "");
    end(&f);
}

static void what_comes_at_a_bad_time_is_taken_at_the_next_look(void **state)
{
    (void)state;
    struct folder f;
    begin(&f);
    f.verdict = INTAKE_LATER;
    put(&f, "a.yaml", "a");
    (void)look(&f, 0);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    f.verdict = INTAKE_TAKEN;
    assert_string_equal(look(&f, 1), "a.yaml ");
    assert_string_equal(look(&f, INTAKE_AGAIN_MS), "");
    end(&f);
}

static void one_is_taken_at_a_time(void **state)
{
    (void)state;
    struct folder f;
    begin(&f);
    f.hold = true;
    put(&f, "a.yaml", "a");
    put(&f, "b.yaml", "b");
    (void)look(&f, 0);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    assert_string_equal(look(&f, INTAKE_AGAIN_MS), "");
    intake_done(f.intake, INTAKE_TAKEN);
    assert_string_equal(look(&f, 1), "b.yaml ");
    intake_done(f.intake, INTAKE_TAKEN);
    end(&f);
}

static void an_edit_while_it_is_taken_is_not_lost(void **state)
{
    (void)state;
    struct folder f;
    begin(&f);
    put(&f, "a.yaml", "a");
    f.edit_while = "edited";
    (void)look(&f, 0);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    assert_string_equal(look(&f, 1), "");
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    assert_string_equal(look(&f, INTAKE_AGAIN_MS), "");
    end(&f);
}

/* A network folder that is away for a while has lost nothing. */
static void a_folder_that_cannot_be_read_is_not_empty(void **state)
{
    (void)state;
    struct folder f;
    char away[2 * TEMP_PATH_SIZE];
    begin(&f);
    put(&f, "a.yaml", "a");
    (void)look(&f, 0);
    assert_string_equal(look(&f, INTAKE_SETTLE_MS), "a.yaml ");
    snprintf(away, sizeof(away), "%s-away", f.temp.folder);
    assert_int_equal(rename(f.temp.folder, away), 0);
    assert_string_equal(look(&f, 1), "");
    assert_int_equal(f.errnum, ENOENT);
    assert_string_equal(f.gone, "");
    assert_int_equal(rename(away, f.temp.folder), 0);
    assert_string_equal(look(&f, 1), "");
    assert_int_equal(f.errnum, 0);
    assert_string_equal(look(&f, INTAKE_AGAIN_MS), "");
    end(&f);
}

TEST_MAIN(cmocka_unit_test(a_file_is_taken_once_when_it_has_stood_still),
          cmocka_unit_test(a_file_that_is_gone_is_told),
          cmocka_unit_test(what_is_wrong_is_taken_again_now_and_then),
          cmocka_unit_test(what_comes_at_a_bad_time_is_taken_at_the_next_look),
          cmocka_unit_test(one_is_taken_at_a_time),
          cmocka_unit_test(an_edit_while_it_is_taken_is_not_lost),
          cmocka_unit_test(a_folder_that_cannot_be_read_is_not_empty))
