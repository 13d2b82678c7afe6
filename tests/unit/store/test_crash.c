/* SPDX-License-Identifier: MIT */
/*
 * Every write of the database is a place to die, or to find the disk full. SQLite lets us
 * replace its pwrite(): the k-th call is the last, for each k there is.
 */
#include "store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    BATCHES = 6,
    ROWS = 40, /* members per batch: several pages */
};

enum fault {
    FAULT_KILL,      /* before the k-th write */
    FAULT_KILL_TORN, /* in its middle */
    FAULT_FULL,      /* no space from the k-th write on */
};

static enum fault fault;
static atomic_int writes_left; /* until the fault; INT_MAX: never */

static ssize_t faulty_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    int left = atomic_load(&writes_left);
    if (left > 1) {
        atomic_store(&writes_left, left - 1);
        return pwrite(fd, bytes, len, at);
    }
    if (fault == FAULT_FULL) {
        errno = ENOSPC;
        return -1;
    }
    if (fault == FAULT_KILL_TORN) {
        (void)!pwrite(fd, bytes, len / 2, at);
    }
    raise(SIGKILL);
    return -1;
}

static void install(enum fault kind, int k)
{
    static const char *const names[] = {"pwrite", "pwrite64"};
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    fault = kind;
    atomic_store(&writes_left, k);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr)faulty_pwrite);
    }
}

static void uninstall(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    (void)vfs->xSetSystemCall(vfs, NULL, NULL);
}

/* Batch i: every member carries i, and so do an outbox row and a counter. */
static void fill(struct store_batch *batch, uint32_t i)
{
    struct store_outbox row = {.topic = "t", .seq = i};
    for (uint64_t eui = 0; eui < ROWS; eui++) {
        struct member_rec member = {.campaign_id = 1, .dev_eui = eui, .version_after = i};
        store_batch_record(batch, STORE_MEMBER, &member);
    }
    store_batch_outbox(batch, &row);
    store_batch_counter(batch, "batch", i);
}

struct found {
    size_t members;
    uint64_t value; /* of the members */
    bool mixed;
    uint64_t counter;
    uint64_t outbox;
};

static int see_member(void *arg, const void *record)
{
    struct found *found = arg;
    const struct member_rec *member = record;
    found->mixed =
        found->mixed || (found->members > 0 && found->value != member->version_after);
    found->value = member->version_after;
    found->members++;
    return FUO_OK;
}

static int see_counter(void *arg, const char *name, uint64_t value)
{
    (void)name;
    ((struct found *)arg)->counter = value;
    return FUO_OK;
}

static struct found look(struct fixture *f)
{
    struct found found = {0};
    assert_int_equal(store_load_records(f->store, STORE_MEMBER, see_member, &found, NULL),
                     FUO_OK);
    assert_int_equal(store_load_counters(f->store, "batch", see_counter, &found, NULL),
                     FUO_OK);
    assert_int_equal(store_query_outbox(f->store, 0, 0, STORE_PAGE_MAX), FUO_OK);
    struct store_done done = fixture_wait(f);
    for (size_t i = 0; i < done.outbox.count; i++) {
        assert_int_equal(done.outbox.rows[i].seq, i + 1); /* in order, none missing */
    }
    found.outbox = done.outbox.count;
    store_done_finish(&done);
    return found;
}

/* All of the first n batches, and nothing of any other; returns n. */
static uint64_t assert_whole(struct fixture *f)
{
    struct found found = look(f);
    assert_false(found.mixed);
    assert_int_equal(found.members, found.counter == 0 ? 0 : ROWS);
    assert_int_equal(found.value, found.counter);
    assert_int_equal(found.outbox, found.counter);
    return found.counter;
}

/* In the child: no cmocka, the exit code tells. acknowledged counts commits that came back. */
static int write_batches(struct fixture *f, int acknowledged)
{
    if (fixture_try_open(f, NULL) != FUO_OK) {
        return 2;
    }
    for (uint32_t i = 1; i <= BATCHES; i++) {
        struct store_batch batch = {0};
        fill(&batch, i);
        if (fixture_commit(f, &batch) != FUO_OK || write(acknowledged, "x", 1) != 1) {
            return 3;
        }
    }
    fixture_close(f);
    return 0;
}

/* Lets a child die at its k-th write; false when it lived. */
static bool die_at(struct fixture *f, enum fault kind, int k, uint64_t *acknowledged)
{
    int fds[2];
    char bytes[BATCHES];
    int status = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        install(kind, k);
        _exit(write_batches(f, fds[1]));
    }
    close(fds[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t n = read(fds[0], bytes, sizeof(bytes));
    close(fds[0]);
    assert_true(n >= 0);
    *acknowledged = (uint64_t)n;
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void survive_every_write(enum fault kind)
{
    int k = 1;
    for (bool died = true; died; k++) {
        struct fixture f;
        uint64_t acknowledged;
        fixture_create(&f);
        died = die_at(&f, kind, k, &acknowledged);
        fixture_open(&f);
        uint64_t durable = assert_whole(&f);
        assert_true(durable >= acknowledged);
        assert_true(died || durable == BATCHES);

        /* It goes on as if nothing had been. */
        struct store_batch batch = {0};
        fill(&batch, (uint32_t)durable + 1);
        assert_int_equal(fixture_commit(&f, &batch), FUO_OK);
        assert_int_equal(assert_whole(&f), durable + 1);
        fixture_destroy(&f);
    }
    assert_true(k > BATCHES); /* the fault was really in the way */
}

static void batches_are_whole_after_a_kill_before_any_write(void **state)
{
    (void)state;
    survive_every_write(FAULT_KILL);
}

static void batches_are_whole_after_a_kill_inside_any_write(void **state)
{
    (void)state;
    survive_every_write(FAULT_KILL_TORN);
}

/* The disk is full from the k-th write of a batch on; later there is room again. */
static bool fill_up_at(struct fixture *f, int k)
{
    struct store_batch batch = {0};
    install(FAULT_FULL, k);
    fill(&batch, 2);
    int err = fixture_commit(f, &batch);
    if (err != FUO_OK) {
        assert_int_equal(err, FUO_ENOSPC);
        assert_int_equal(assert_whole(f), 1);
        store_batch_probe(&batch); /* and it stays full */
        assert_int_equal(fixture_commit(f, &batch), FUO_ENOSPC);
        assert_int_equal(assert_whole(f), 1);
    }
    uninstall();
    store_batch_probe(&batch);
    assert_int_equal(fixture_commit(f, &batch), FUO_OK);
    if (err != FUO_OK) {
        fill(&batch, 2);
        assert_int_equal(fixture_commit(f, &batch), FUO_OK);
    }
    assert_int_equal(assert_whole(f), 2);
    return err != FUO_OK;
}

static void a_full_disk_fails_the_batch_and_nothing_else(void **state)
{
    (void)state;
    int k = 1;
    for (bool failed = true; failed; k++) {
        struct fixture f;
        struct store_batch batch = {0};
        fixture_create(&f);
        fixture_open(&f);
        fill(&batch, 1);
        assert_int_equal(fixture_commit(&f, &batch), FUO_OK);
        failed = fill_up_at(&f, k);
        fixture_close(&f);
        fixture_open(&f);
        assert_int_equal(assert_whole(&f), 2);
        fixture_destroy(&f);
    }
    assert_true(k > 2);
}

/* Files must not grow beyond that: as on a disk that others have filled. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static off_t size_of_log(const struct fixture *f)
{
    char path[2 * TEMP_PATH_SIZE];
    struct stat st;
    assert_int_equal(stat(temp_path(&f->temp, "fuotad.db-wal", path), &st), 0);
    return st.st_size;
}

static void a_log_that_fills_the_disk_makes_room_again(void **state)
{
    (void)state;
    struct fixture f;
    struct store_batch batch = {0};
    signal(SIGXFSZ, SIG_IGN);
    fixture_create(&f);
    fixture_open(&f);
    for (int i = 0; i < 60; i++) {
        store_batch_probe(&batch);
        assert_int_equal(fixture_commit(&f, &batch), FUO_OK);
    }
    off_t full = size_of_log(&f);
    limit_files((rlim_t)full);
    int err = FUO_OK;
    for (int i = 0; err == FUO_OK && i < 300; i++) {
        store_batch_probe(&batch);
        err = fixture_commit(&f, &batch);
    }
    assert_true(err == FUO_ENOSPC || err == FUO_EIO);
    store_batch_probe(&batch);
    err = fixture_commit(&f, &batch); /* no more room than before */
    off_t after = size_of_log(&f);
    limit_files(RLIM_INFINITY);
    assert_int_equal(err, FUO_OK);
    assert_true(after < full);
    fixture_destroy(&f);
}

static void a_full_disk_at_the_first_start_is_said(void **state)
{
    (void)state;
    struct fixture f;
    struct detail detail = {0};
    fixture_create(&f);
    install(FAULT_FULL, 1);
    int err = fixture_try_open(&f, &detail);
    uninstall();
    assert_int_equal(err, FUO_ENOSPC);
    assert_non_null(strstr(detail.text, "full"));
    fixture_open(&f); /* once there is room */
    fixture_destroy(&f);
}

TEST_MAIN(cmocka_unit_test(batches_are_whole_after_a_kill_before_any_write),
          cmocka_unit_test(batches_are_whole_after_a_kill_inside_any_write),
          cmocka_unit_test(a_full_disk_fails_the_batch_and_nothing_else),
          cmocka_unit_test(a_log_that_fills_the_disk_makes_room_again),
          cmocka_unit_test(a_full_disk_at_the_first_start_is_said))
