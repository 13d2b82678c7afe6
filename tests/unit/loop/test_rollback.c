/* SPDX-License-Identifier: MIT */
/* test_rollback.c - the version before: who brought it, and what is older than what. */
#include <sqlite3.h>

#include "campaign/record.h"
#include "daemon_fixture.h"

/* The image, released as that version. */
static void sign_as(struct daemon_fixture *f, const char *version)
{
    uint8_t seed[MINISIGN_SEED_BYTES];
    uint8_t number[MINISIGN_KEYNUM_BYTES];
    char comment[128];
    struct minisign_secret secret;
    size_t len = 0;
    memset(seed, 1, sizeof(seed)); /* as the fixture's key */
    memset(number, 1, sizeof(number));
    minisign_secret_from_seed(seed, number, &secret);
    snprintf(comment, sizeof(comment), "fuota:v1 product=p version=%s size=700", version);
    struct minisign_signature signature = {.alg = MINISIGN_PREHASHED,
                                           .trusted_comment = comment,
                                           .trusted_comment_len = strlen(comment)};
    assert_int_equal(minisign_sign(&secret, f->image, sizeof(f->image), &signature),
                     FUO_OK);
    assert_int_equal(minisign_signature_format(&signature, f->signature,
                                               sizeof(f->signature) - 1, &len),
                     FUO_OK);
    f->signature[len] = '\0';
}

static void run_sql(const struct daemon_fixture *f, const char *sql)
{
    char path[2 * TEMP_PATH_SIZE];
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(temp_path(&f->temp, "state/fuotad.db", path), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* What is called conf carries data, each by its last letter of a kind of its own. */
static int apply_as(struct daemon_fixture *f, const char *name, const char *version)
{
    char yaml[1024];
    bool data = strncmp(name, "conf", 4) == 0;
    snprintf(
        yaml, sizeof(yaml),
        "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: { name: %s }\nspec:\n"
        "  image: { file: i.bin, signatures: [i.minisig], version: \"%s\", format: %s }\n"
        "  fragmentation: { descriptor: \"000000%02x\" }\n"
        "  targets: { fleet: f }\n",
        name, version, data ? "data" : "raw",
        data ? (unsigned)name[strlen(name) - 1] : 0);
    sign_as(f, version);
    upload(f);
    return submit(f, CTL_APPLY, yaml, f->signature);
}

/* A campaign that has come to its end: these devices succeeded, by the last digit. */
static void end_campaign(struct daemon_fixture *f, const char *name, const char *version,
                         const char *succeeded)
{
    char sql[1024];
    daemon_start(f);
    assert_int_equal(apply_as(f, name, version), 0);
    daemon_stop(f);
    snprintf(sql, sizeof(sql),
             "UPDATE member SET phase = %d, outcome = CASE WHEN '%s' LIKE '%%' ||"
             " (dev_eui & 15) || '%%' THEN %d ELSE %d END"
             " WHERE campaign_id = (SELECT max(id) FROM campaign);"
             "UPDATE campaign SET phase = %d, ended = 1 WHERE phase != %d",
             MEMBER_ENDED, succeeded, OUTCOME_SUCCEEDED, OUTCOME_FAILED,
             CAMPAIGN_COMPLETED, CAMPAIGN_COMPLETED);
    run_sql(f, sql);
}

static void the_newest_one_that_brought_another_version_to_the_same_devices(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *from; /* NULL: refused */
        const char *version;
        int code;
    } rows[] = {
        {"v2", NULL, NULL, CTL_NOT_FOUND}, /* nothing was before */
        {"v3", "v2", "version=2.0 ", 0},
        {"again", "v2", "version=2.0 ", 0}, /* v3 brought the same version */
        {"conf", NULL, NULL, CTL_CONFLICT},
        {"few", NULL, NULL, CTL_NOT_FOUND}, /* its only device never succeeded before */
        {"none", NULL, NULL, CTL_NOT_FOUND},
        {"last", "few", "version=3.5 ", 0}, /* not conf, which is newer, nor none */
        {"other", NULL, NULL, CTL_NOT_FOUND},
    };
    struct daemon_fixture f;
    fixture_files(&f);
    end_campaign(&f, "v2", "2.0", "12");
    end_campaign(&f, "v3", "3.0", "2");
    end_campaign(&f, "again", "3.0", "2");
    end_campaign(&f, "few", "3.5", "3");
    end_campaign(&f, "conf", "c1", "123");
    end_campaign(&f, "none", "3.6", "");
    end_campaign(&f, "last", "4.0", "123");
    daemon_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char params[64];
        test_row(rows[i].name);
        snprintf(params, sizeof(params), "{\"name\":\"%s\"}", rows[i].name);
        assert_int_equal(call(&f, CTL_ROLLBACK, params), rows[i].code);
        if (rows[i].from != NULL) {
            assert_answer(&f, "/name", rows[i].from);
            assert_answer(&f, "/digest", f.digest);
            assert_answer(&f, "/size", "700");
            assert_non_null(strstr(answer_at(&f, "/signatures/0"), rows[i].version));
            assert_non_null(strstr(answer_at(&f, "/campaign"), rows[i].from));
        }
    }
    assert_int_equal(call(&f, CTL_ROLLBACK, NULL), CTL_USAGE);
    daemon_stop(&f);
    fixture_remove(&f);
}

static void versions_are_compared_with_those_of_the_same_kind_only(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *version;
        int code;
    } rows[] = {
        {"older", "1.9", CTL_UNTRUSTED},
        {"conf-older-a", "2026.1", CTL_UNTRUSTED},
        {"conf-b", "1.0", 0}, /* of another kind */
        {"conf-newer-a", "2027.2", 0},
        {"newer", "2.1", 0}, /* older than any configuration */
    };
    struct daemon_fixture f;
    fixture_files(&f);
    end_campaign(&f, "v2", "2.0", "123");
    end_campaign(&f, "conf-a", "2027.1", "123");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        if (rows[i].code == 0) {
            end_campaign(&f, rows[i].name, rows[i].version, "123");
            continue;
        }
        daemon_start(&f);
        assert_int_equal(apply_as(&f, rows[i].name, rows[i].version), rows[i].code);
        daemon_stop(&f);
    }
    fixture_remove(&f);
}

static void an_image_is_told_in_pieces(void **state)
{
    (void)state;
    uint8_t bytes[DAEMON_IMAGE_BYTES];
    size_t len = 0;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(call(&f, CTL_IMAGE, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/offset", "0");
    assert_answer(&f, "/digest", f.digest);
    const char *data = answer_at(&f, "/data");
    assert_int_equal(ctl_base64_decode(data, strlen(data), bytes, sizeof(bytes), &len),
                     FUO_OK);
    assert_int_equal(len, sizeof(bytes));
    assert_memory_equal(bytes, f.image, sizeof(bytes));
    assert_int_equal(call(&f, CTL_IMAGE, "{\"name\":\"camp\",\"offset\":697}"), 0);
    data = answer_at(&f, "/data");
    assert_int_equal(ctl_base64_decode(data, strlen(data), bytes, sizeof(bytes), &len),
                     FUO_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, f.image + 697, 3);
    assert_int_equal(call(&f, CTL_IMAGE, "{\"name\":\"camp\",\"offset\":700}"), 0);
    assert_answer(&f, "/data", "");
    assert_int_equal(call(&f, CTL_IMAGE, "{\"name\":\"camp\",\"offset\":-1}"), CTL_USAGE);
    assert_int_equal(call(&f, CTL_IMAGE, "{\"name\":\"no\"}"), CTL_NOT_FOUND);
    assert_int_equal(call(&f, CTL_IMAGE, NULL), CTL_USAGE);
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(
    cmocka_unit_test(the_newest_one_that_brought_another_version_to_the_same_devices),
    cmocka_unit_test(versions_are_compared_with_those_of_the_same_kind_only),
    cmocka_unit_test(an_image_is_told_in_pieces))
