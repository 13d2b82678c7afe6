/* SPDX-License-Identifier: MIT */
/* test_budget.c - airtime on record, as the daemon tells it. */
#include <sqlite3.h>
#include <time.h>

#include "daemon_fixture.h"
#include "loop/internal.h"

enum {
    GATEWAYS = 450, /* more than a page */
};

static void run_sql(const struct daemon_fixture *f, const char *sql)
{
    char path[2 * TEMP_PATH_SIZE];
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(temp_path(&f->temp, "state/fuotad.db", path), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Gateways 1 to GATEWAYS sent for 2 s a minute ago; gateway 7 in another band, too. */
static void put_charges(const struct daemon_fixture *f)
{
    char sql[512];
    long long at_us = ((long long)time(NULL) - 60) * 1000000;
    snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < %d)"
        " INSERT INTO charge(gateway, frequency_hz, at, airtime_us)"
        " SELECT i, 869525000, %lld, 2000000 FROM g;"
        "INSERT INTO charge(gateway, frequency_hz, at, airtime_us)"
        " VALUES (7, 868100000, %lld, 500000);",
        (int)GATEWAYS, at_us, at_us);
    run_sql(f, sql);
}

static void the_airtime_on_record_is_told_gateway_by_gateway(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_BUDGET, NULL), 0);
    assert_answer(&f, "/gateways", "[ ]");
    assert_answer(&f, "/next", "null");
    daemon_stop(&f);
    put_charges(&f);
    daemon_start(&f);

    assert_int_equal(call(&f, CTL_BUDGET, "{\"gateway\":\"0000000000000007\"}"), 0);
    assert_answer(&f, "/gateways/0/gateway", "0000000000000007");
    assert_answer(&f, "/gateways/0/low_hz", "868000000");
    assert_answer(&f, "/gateways/0/own_us", "500000");
    assert_answer(&f, "/gateways/0/legal_cap_us", "36000000");
    assert_answer(&f, "/gateways/1/low_hz", "869400000");
    assert_answer(&f, "/gateways/1/high_hz", "869650000");
    assert_answer(&f, "/gateways/1/own_us", "2000000");
    assert_answer(&f, "/gateways/1/others_us", "0");
    assert_answer(&f, "/gateways/1/legal_cap_us", "360000000");
    assert_answer(&f, "/gateways/1/used_ppm", "5555");
    assert_answer(&f, "/next", "null");

    assert_int_equal(call(&f, CTL_BUDGET, "{\"limit\":7}"), 0);
    assert_answer(&f, "/next", "0000000000000007"); /* with both of its bands */
    assert_answer(&f, "/gateways/7/gateway", "0000000000000007");
    assert_int_equal(call(&f, CTL_BUDGET, "{\"after\":\"0000000000000007\"}"), 0);
    assert_answer(&f, "/gateways/0/gateway", "0000000000000008");
    assert_answer(&f, "/next", "00000000000000cf");
    assert_int_equal(
        call(&f, CTL_BUDGET, "{\"after\":\"00000000000000cf\",\"limit\":9999}"), 0);
    assert_answer(&f, "/next", "null");

    assert_int_equal(call(&f, CTL_BUDGET, "{\"gateway\":\"00000000000fffff\"}"),
                     CTL_NOT_FOUND);
    assert_int_equal(call(&f, CTL_BUDGET, "{\"gateway\":\"7\"}"), CTL_USAGE);
    assert_int_equal(call(&f, CTL_BUDGET, "{\"after\":\"x\"}"), CTL_USAGE);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void what_is_free_is_the_tighter_of_two_caps_and_never_negative(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct engine_budget budget;
        int64_t free_us;
        int64_t used_ppm;
    } rows[] = {
        {"the share of campaigns", {1, 0, 0, 16, 10, 0, 216, 360}, 200, 72222},
        {"the law", {1, 0, 0, 16, 300, 0, 216, 360}, 44, 877777},
        {"others are over it", {1, 0, 0, 0, 720, 0, 216, 360}, 0, 2000000},
        {"we were over the share", {1, 0, 0, 220, 0, 0, 216, 360}, 0, 611111},
        {"commands that wait", {1, 0, 0, 36, 0, 50, 216, 360}, 130, 100000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct json_object *object = budget_render(&rows[i].budget);
        assert_int_equal(ctl_int(object, "free_us", -1), rows[i].free_us);
        assert_int_equal(ctl_int(object, "used_ppm", -1), rows[i].used_ppm);
        json_object_put(object);
    }
}

TEST_MAIN(cmocka_unit_test(the_airtime_on_record_is_told_gateway_by_gateway),
          cmocka_unit_test(what_is_free_is_the_tighter_of_two_caps_and_never_negative))
