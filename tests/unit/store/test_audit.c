/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

#include <sqlite3.h>

#include "crypto/audit.h"

static struct fixture fix;

static int setup(void **state)
{
    (void)state;
    fixture_create(&fix);
    fixture_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(&fix);
    return 0;
}

static void add(struct store_batch *batch, const char *action, int64_t at_us)
{
    struct store_audit record = {
        .at = {at_us},
        .actor = "user:alice",
        .action = action,
        .object = "wm1",
        .reason = "storm",
        .detail = "",
    };
    store_batch_audit(batch, &record);
}

static void write_three(void)
{
    static const char *const actions[] = {"apply", "pause", "resume"};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        struct store_batch batch = {0};
        add(&batch, actions[i], 1000000 + (int64_t)i);
        assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    }
}

static struct store_done query(uint64_t after, size_t max_rows)
{
    assert_int_equal(store_query_audit(fix.store, 5, after, max_rows), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_AUDIT);
    assert_int_equal(done.err, FUO_OK);
    assert_int_equal(done.tag, 5);
    return done;
}

/* What a walk over all of them finds; *number: of the record it stopped at. */
static enum audit_fault walk(uint64_t *number, uint64_t *total)
{
    struct store_done done = query(0, STORE_PAGE_MAX);
    struct audit_chain chain = {0};
    enum audit_fault fault = AUDIT_FITS;
    for (size_t i = 0; i < done.audit.count && fault == AUDIT_FITS; i++) {
        const struct store_audit *row = &done.audit.rows[i];
        struct audit_record record = {
            .number = row->id,
            .time_us = row->at.us,
            .actor = row->actor,
            .action = row->action,
            .object = row->object,
            .reason = row->reason,
            .detail = row->detail,
        };
        memcpy(record.previous, row->previous, sizeof(record.previous));
        *number = row->id;
        fault = audit_follow(&chain, &record, row->hash);
    }
    *total = done.audit.total;
    store_done_finish(&done);
    return fault;
}

static void records_are_numbered_and_chained(void **state)
{
    (void)state;
    uint64_t number = 0;
    uint64_t total = 7;
    assert_int_equal(walk(&number, &total), AUDIT_FITS);
    assert_int_equal(total, 0);
    write_three();
    fixture_reopen(&fix);
    struct store_batch batch = {0};
    add(&batch, "abort", 5);
    add(&batch, "apply", 6); /* two of one transaction */
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(walk(&number, &total), AUDIT_FITS);
    assert_int_equal(number, 5);
    assert_int_equal(total, 5);
    struct store_done done = query(1, 2);
    assert_int_equal(done.audit.count, 2);
    assert_string_equal(done.audit.rows[0].action, "pause");
    assert_string_equal(done.audit.rows[1].action, "resume");
    assert_string_equal(done.audit.rows[1].actor, "user:alice");
    assert_string_equal(done.audit.rows[1].reason, "storm");
    assert_int_equal(done.audit.rows[1].at.us, 1000002);
    store_done_finish(&done);
}

static void an_action_that_is_not_stored_leaves_no_record(void **state)
{
    (void)state;
    uint64_t number = 0;
    uint64_t total = 0;
    write_three();
    struct store_batch batch = {0};
    store_batch_counter(&batch, "seq", 10);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    add(&batch, "abort", 5);
    store_batch_counter(&batch, "seq", 9);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_ERANGE);
    assert_int_equal(walk(&number, &total), AUDIT_FITS);
    assert_int_equal(number, 3);
    assert_int_equal(total, 3);
}

static void tamper(const char *sql)
{
    sqlite3 *db = NULL;
    fixture_close(&fix);
    assert_int_equal(sqlite3_open(fix.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_open(&fix);
}

static void every_change_of_a_record_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum audit_fault fault;
        uint64_t number;
    } rows[] = {
        {"UPDATE audit SET actor = 'user:mallory' WHERE id = 2", AUDIT_CHANGED, 2},
        {"UPDATE audit SET action = 'resume' WHERE id = 2", AUDIT_CHANGED, 2},
        {"UPDATE audit SET object = 'wm' WHERE id = 3", AUDIT_CHANGED, 3},
        {"UPDATE audit SET reason = '' WHERE id = 1", AUDIT_CHANGED, 1},
        {"UPDATE audit SET detail = 'x' WHERE id = 1", AUDIT_CHANGED, 1},
        {"UPDATE audit SET at = at + 1 WHERE id = 3", AUDIT_CHANGED, 3},
        {"UPDATE audit SET object = object || 's', reason = 'torm' WHERE id = 2",
         AUDIT_CHANGED, 2},
        {"UPDATE audit SET hash = zeroblob(32) WHERE id = 2", AUDIT_CHANGED, 2},
        {"UPDATE audit SET hash = x'00' WHERE id = 3", AUDIT_CHANGED, 3},
        {"UPDATE audit SET previous = zeroblob(32) WHERE id = 2", AUDIT_BROKEN, 2},
        {"DELETE FROM audit WHERE id = 2", AUDIT_GAP, 3},
        {"DELETE FROM audit WHERE id = 1", AUDIT_GAP, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t number = 0;
        uint64_t total = 0;
        test_row(rows[i].sql);
        write_three();
        tamper(rows[i].sql);
        assert_int_equal(walk(&number, &total), rows[i].fault);
        assert_int_equal(number, rows[i].number);
        fixture_destroy(&fix);
        setup(NULL);
    }
}

static void the_newest_cannot_be_dropped_unseen(void **state)
{
    (void)state;
    uint64_t number = 0;
    uint64_t total = 0;
    write_three();
    tamper("DELETE FROM audit WHERE id = 3");
    assert_int_equal(walk(&number, &total), AUDIT_FITS);
    assert_int_equal(number, 2);
    assert_int_equal(total, 3);
    struct store_batch batch = {0};
    add(&batch, "abort", 5); /* does not take the place of what is gone */
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(walk(&number, &total), AUDIT_GAP);
    assert_int_equal(number, 4);
}

/* Somebody who damages a record must not stop the campaigns by it. */
static void behind_a_damaged_record_the_log_goes_on(void **state)
{
    (void)state;
    uint64_t number = 0;
    uint64_t total = 0;
    write_three();
    tamper("UPDATE audit SET hash = x'00' WHERE id = 3");
    struct store_batch batch = {0};
    add(&batch, "abort", 5);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(walk(&number, &total), AUDIT_CHANGED);
    assert_int_equal(number, 3);
    assert_int_equal(total, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_are_numbered_and_chained, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_action_that_is_not_stored_leaves_no_record,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(every_change_of_a_record_is_found, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_newest_cannot_be_dropped_unseen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(behind_a_damaged_record_the_log_goes_on, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
