/* SPDX-License-Identifier: MIT */
/* test_report.c - the parts of a report, as the daemon tells them. */
#include <sqlite3.h>

#include "daemon_fixture.h"
#include "loop/internal.h"

static void run_sql(const struct daemon_fixture *f, const char *sql)
{
    char path[2 * TEMP_PATH_SIZE];
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(temp_path(&f->temp, "state/fuotad.db", path), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int part(struct daemon_fixture *f, const char *name, const char *after)
{
    char params[256];
    if (after != NULL) {
        snprintf(params, sizeof(params),
                 "{\"name\":\"camp\",\"part\":\"%s\",\"after\":\"%s\"}", name, after);
    } else {
        snprintf(params, sizeof(params), "{\"name\":\"camp\",\"part\":\"%s\"}", name);
    }
    return call(f, CTL_REPORT, params);
}

static void apply_camp(struct daemon_fixture *f)
{
    upload(f);
    assert_int_equal(submit(f, CTL_APPLY, campaign_yaml, f->signature), 0);
}

static void each_part_of_a_report_is_told_in_pages(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    apply_camp(&f);
    daemon_stop(&f);
    /* A gateway hears the second device; 1200 gateways sent, in the year 2100. */
    run_sql(&f, "INSERT INTO device(dev_eui, fleet_id, package_version, package_fport,"
                " packages_known, firmware_known, firmware_version, hardware_version,"
                " last_uplink, uplink_interval_us, session_count, link_count,"
                " link_gateway, link_snr_p50_cdb) VALUES(258, 1, zeroblob(5),"
                " zeroblob(5), 0, 0, 0, 0, 1, 0, zeroblob(8), 1,"
                " x'2a00000000000000000000000000000000000000000000000000000000000000',"
                " zeroblob(8));"
                "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g"
                " WHERE i < 1200) INSERT INTO airtime SELECT 1139544, i, 868100000, 9"
                " FROM g;");
    daemon_start(&f);

    assert_int_equal(part(&f, "devices", NULL), 0);
    assert_answer(&f, "/rows/0/dev_eui", "0000000000000101");
    assert_answer(&f, "/rows/0/outcome", "none");
    assert_answer(&f, "/rows/0/wave", "canary");
    assert_answer(&f, "/rows/0/gateway", "null");
    assert_answer(&f, "/rows/1/gateway", "000000000000002a");
    assert_answer(&f, "/rows/2/dev_eui", "0000000000000103");
    assert_answer(&f, "/next", "null");
    assert_int_equal(part(&f, "devices", "0000000000000102"), 0);
    assert_answer(&f, "/rows/0/dev_eui", "0000000000000103");

    assert_int_equal(part(&f, "progress", NULL), 0);
    assert_answer(&f, "/next", "null");
    assert_int_equal(part(&f, "sessions", NULL), 0);
    assert_answer(&f, "/rows", "[ ]");

    assert_int_equal(part(&f, "airtime", NULL), 0);
    assert_answer(&f, "/rows/0/gateway", "0000000000000001");
    assert_answer(&f, "/rows/0/airtime_us", "9");
    assert_answer(&f, "/rows/0/hour", "1139544");
    assert_answer(&f, "/rows/999/gateway", "00000000000003e8");
    assert_answer(&f, "/next", "1139544-0-1000-868100000");
    assert_answer(&f, "/bands/0/legal_cap_us", "3600000");
    assert_answer(&f, "/bands/0/own_cap_us", "2160000");
    assert_int_equal(part(&f, "airtime", "1139544-0-1000-868100000"), 0);
    assert_answer(&f, "/rows/0/gateway", "00000000000003e9");
    assert_answer(&f, "/rows/199/gateway", "00000000000004b0");
    assert_answer(&f, "/next", "null");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void what_no_report_has_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        int code;
    } rows[] = {
        {"{\"name\":\"camp\"}", CTL_USAGE},
        {"{\"part\":\"devices\"}", CTL_USAGE},
        {"{\"name\":\"other\",\"part\":\"devices\"}", CTL_NOT_FOUND},
        {"{\"name\":\"camp\",\"part\":\"keys\"}", CTL_USAGE},
        {"{\"name\":\"camp\",\"part\":\"devices\",\"after\":\"1\"}", CTL_USAGE},
        {"{\"name\":\"camp\",\"part\":\"sessions\",\"after\":\"x\"}", CTL_USAGE},
        {"{\"name\":\"camp\",\"part\":\"progress\",\"after\":\"-1\"}", CTL_USAGE},
        {"{\"name\":\"camp\",\"part\":\"progress\",\"after\":\"1-2\"}", CTL_USAGE},
        {"{\"name\":\"camp\",\"part\":\"progress\","
         "\"after\":\"99999999999999999999\"}",
         CTL_USAGE},
        {"{\"name\":\"camp\",\"part\":\"airtime\",\"after\":\"1-2\"}", CTL_USAGE},
    };
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    apply_camp(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].params);
        assert_int_equal(call(&f, CTL_REPORT, rows[i].params), rows[i].code);
    }
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(each_part_of_a_report_is_told_in_pages),
          cmocka_unit_test(what_no_report_has_is_refused))
