/* SPDX-License-Identifier: MIT */
/* test_chirpstack_errors.c - errors in the words that ChirpStack v4.20 was seen to use. */
#include "chirpstack_api.h"

#define OTHER   "99999999-2222-4333-8444-555555555555"
#define NO_ROW  "Object does not exist (id: " GROUP ")"
#define LOCKED  "database is locked"
#define DEVICES "/api.DeviceService/"

/* What an intent came to, whichever event tells. */
static void expect_end(struct rig *rig, int err)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    if (e->type == FUO_EV_QUEUE) {
        assert_int_equal(e->queue.err, err);
    } else {
        assert_int_equal(e->type, FUO_EV_RESULT);
        assert_int_equal(e->result.err, err);
    }
    assert_int_equal(rig->host.answered_count, rig->host.request_count);
}

/* ---- INTERNAL ---- */

static void internal_errors_have_the_code_of_their_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {NO_ROW, FUO_ENOENT}, /* Enqueue for a group that is gone, by an admin's key */
        {"UNIQUE constraint failed: multicast_group_device.dev_eui", FUO_EEXIST},
        {"duplicate key value violates unique constraint \"x\"", FUO_EEXIST},
        {"FOREIGN KEY constraint failed", FUO_EPROTO},
        {"Validation error: FPort must be between 1 - 255", FUO_EPROTO},
        {"", FUO_EPROTO},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].text);
        enqueue(&rig, i);
        answer_status(&rig, "13", rows[i].text);
        expect_end(&rig, rows[i].err);
    }
    rig_close(&rig);
}

static void a_locked_database_is_asked_again_with_the_same_words(void **state)
{
    (void)state;
    static const char *const texts[] = {
        LOCKED, "deadlock detected",
        "Timeout occurred while waiting for a slot to become available"};
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        test_row(texts[i]);
        enqueue(&rig, i);
        const struct fake_request first = *expect(&rig, SERVICE "Enqueue");
        answer_status(&rig, "13", texts[i]);
        assert_null(rig_event(&rig));
        const struct fake_request *second = expect(&rig, SERVICE "Enqueue");
        assert_true(second->id != first.id);
        assert_int_equal(second->body_len, first.body_len);
        assert_memory_equal(second->body, first.body, first.body_len);
        answer_frames(&rig, (const uint8_t *)"\x08\x63", 2, "grpc-status:0\r\n");
        expect_result(&rig, i, FUO_OK, 99);
    }
    rig_close(&rig);
}

static void a_database_that_stays_locked_is_a_server_that_is_away(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    enqueue(&rig, 1);
    for (int i = 0; i < 5; i++) {
        assert_null(rig_event(&rig));
        expect(&rig, SERVICE "Enqueue");
        answer_status(&rig, "13", LOCKED);
    }
    expect_end(&rig, FUO_EAGAIN);

    enqueue(&rig, 2); /* no room to ask again */
    rig.host.refuse = FUO_EAGAIN;
    answer_status(&rig, "13", LOCKED);
    expect_end(&rig, FUO_EAGAIN);

    rig.host.refuse = FUO_OK;
    enqueue(&rig, 3); /* closed while it is asked again */
    answer_status(&rig, "13", LOCKED);
    rig_close(&rig);
}

/* ---- UNAUTHENTICATED: of a group that is gone, to a tenant's key ---- */

static int start(struct rig *rig, const char *method)
{
    const struct fuo_ns_plugin *p = &rig->loaded.plugin;
    if (strcmp(method, "Enqueue") == 0) {
        enqueue(rig, 1);
        return FUO_OK;
    }
    return strcmp(method, "ListQueue") == 0 ? p->queue_poll(rig->ns, 1, GROUP)
           : strcmp(method, "Delete") == 0  ? p->group_close(rig->ns, 1, GROUP)
                                            : p->queue_flush(rig->ns, 1, GROUP);
}

static void a_refused_group_is_looked_for_in_the_application(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *listed; /* NULL: the application has no group at all */
        int err;
    } rows[] = {
        {"Enqueue", NULL, FUO_ENOENT},    {"Enqueue", OTHER, FUO_ENOENT},
        {"Enqueue", GROUP, FUO_EPERM},    {"ListQueue", OTHER, FUO_ENOENT},
        {"ListQueue", GROUP, FUO_EPERM},  {"FlushQueue", OTHER, FUO_ENOENT},
        {"FlushQueue", GROUP, FUO_EPERM}, {"Delete", OTHER, FUO_OK},
        {"Delete", GROUP, FUO_EPERM},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[64];
        test_row(rows[i].method);
        assert_int_equal(start(&rig, rows[i].method), FUO_OK);
        snprintf(path, sizeof(path), SERVICE "%s", rows[i].method);
        expect(&rig, path);
        answer_status(&rig, "16", NULL);
        assert_null(rig_event(&rig));
        const struct fake_request *r = expect(&rig, SERVICE "List");
        Cs__ListGroups *list =
            cs__list_groups__unpack(NULL, r->body_len - 5, r->body + 5);
        assert_string_equal(list->application_id, APP);
        assert_string_equal(list->search, "");
        assert_int_equal(list->limit, 100);
        cs__list_groups__free_unpacked(list, NULL);
        answer_list(&rig, rows[i].listed != NULL ? "a name" : NULL, rows[i].listed, 1);
        expect_end(&rig, rows[i].err);
    }
    rig_close(&rig);
}

static void the_group_may_go_between_listqueue_and_get(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 1, GROUP), FUO_OK);
    answer_queue(&rig, NULL, 0); /* an admin's key gets that of a lost group, too */
    expect(&rig, SERVICE "Get");
    answer_status(&rig, "16", NULL);
    expect(&rig, SERVICE "List");
    answer_list(&rig, NULL, NULL, 0);
    expect_end(&rig, FUO_ENOENT);
    rig_close(&rig);
}

#define PROFILES "/api.DeviceProfileService/"

static const char *expect_finding(struct rig *rig, uint64_t id)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_FINDING);
    assert_int_equal(e->finding.id, id);
    assert_true(e->finding.fatal);
    return e->finding.text;
}

static void expect_question(struct rig *rig, uint64_t id)
{
    assert_int_equal(rig->loaded.plugin.probe(rig->ns, id), FUO_OK);
    const struct fake_request *r = expect(rig, SERVICE "List");
    Cs__ListGroups *list = cs__list_groups__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_string_equal(list->application_id, APP);
    assert_int_equal(list->limit, 1);
    cs__list_groups__free_unpacked(list, NULL);
}

static void a_refused_probe_tells_a_wrong_key_from_a_wrong_application(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *list;       /* status of List, */
        const char *algorithms; /* of ListAdrAlgorithms, */
        int err;
        const char *finding;
    } rows[] = {
        {"an unknown key", "16", "16", FUO_EPERM, "does not know the API key"},
        {"a foreign application", "16", "0", FUO_ENOENT, "belongs to another tenant"},
        {"refused", "7", "0", FUO_ENOENT, "correct applicationId"},
        {"an administrator's", "5", "0", FUO_ENOENT, "is not there"},
        {"away meanwhile", "16", "14", FUO_EAGAIN, NULL},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        expect_question(&rig, i);
        answer_status(&rig, rows[i].list, "no");
        expect(&rig, PROFILES "ListAdrAlgorithms");
        if (strcmp(rows[i].algorithms, "0") == 0) {
            answer_message(&rig, NULL);
        } else {
            answer_status(&rig, rows[i].algorithms, "");
        }
        if (rows[i].finding != NULL) {
            assert_non_null(strstr(expect_finding(&rig, i), rows[i].finding));
        }
        expect_end(&rig, rows[i].err);
    }
    expect_question(&rig, 7);
    answer_status(&rig, "14", "no");
    expect_end(&rig, FUO_EAGAIN);
    rig.host.refuse = FUO_EAGAIN;
    assert_int_equal(rig.loaded.plugin.probe(rig.ns, 9), FUO_EAGAIN);
    rig.host.refuse = FUO_OK;
    assert_int_equal(rig.loaded.plugin.probe(rig.ns, 9), FUO_OK);
    rig_close(&rig); /* an answer that never comes */
}

static void a_probe_asks_for_a_group_that_cannot_be_made(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *status;
        int err;
        const char *finding;
    } rows[] = {
        {"may write", "3", FUO_OK, NULL},
        {"may write, an older one", "13", FUO_OK, NULL},
        {"read-only", "16", FUO_EPERM, "may read but not write"},
        {"away", "14", FUO_EAGAIN, NULL},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        expect_question(&rig, i);
        answer_list(&rig, "a", OTHER, 1);
        const struct fake_request *r = expect(&rig, SERVICE "Create");
        Cs__GroupBox *box = cs__group_box__unpack(NULL, r->body_len - 5, r->body + 5);
        assert_string_equal(box->multicast_group->application_id, APP);
        assert_string_equal(box->multicast_group->mc_addr, ""); /* no DevAddr */
        cs__group_box__free_unpacked(box, NULL);
        answer_status(&rig, rows[i].status, "Invalid length");
        if (rows[i].finding != NULL) {
            assert_non_null(strstr(expect_finding(&rig, i), rows[i].finding));
        }
        expect_end(&rig, rows[i].err);
    }
    rig_close(&rig);
}

static void a_group_that_a_probe_has_made_is_deleted(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    expect_question(&rig, 1);
    answer_list(&rig, NULL, NULL, 0);
    expect(&rig, SERVICE "Create");
    answer_id(&rig, GROUP);
    const struct fake_request *r = expect(&rig, SERVICE "Delete");
    Cs__Id *id = cs__id__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_string_equal(id->id, GROUP);
    cs__id__free_unpacked(id, NULL);
    answer_message(&rig, NULL);
    expect_end(&rig, FUO_EPROTO);
    rig_close(&rig);
}

static void every_page_is_searched(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    enqueue(&rig, 1);
    answer_status(&rig, "16", NULL);
    answer_list(&rig, "a", OTHER, 201);
    answer_list(&rig, "b", OTHER, 201);
    const struct fake_request *r = expect(&rig, SERVICE "List");
    Cs__ListGroups *list = cs__list_groups__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_int_equal(list->offset, 200);
    cs__list_groups__free_unpacked(list, NULL);
    answer_list(&rig, "c", GROUP, 201);
    expect_end(&rig, FUO_EPERM);

    enqueue(&rig, 1);
    answer_status(&rig, "16", NULL);
    rig.host.refuse = FUO_EAGAIN; /* no room for the next page */
    answer_list(&rig, "a", OTHER, 201);
    expect_end(&rig, FUO_EAGAIN);

    rig.host.refuse = FUO_OK;
    enqueue(&rig, 1);
    rig.host.refuse = FUO_EAGAIN; /* nor for the first */
    answer_status(&rig, "16", NULL);
    expect_end(&rig, FUO_EPERM);
    rig_close(&rig);
}

static void a_search_that_fails_says_why(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0xff, 0xff, 0xff};
    static const struct {
        const char *status; /* NULL: junk */
        const char *text;
        int err;
    } rows[] = {
        {"16", "InvalidToken", FUO_EPERM}, /* the key itself is bad */
        {"16", NULL, FUO_EPERM},           /* or is of another tenant */
        {"14", "", FUO_EAGAIN},
        {NULL, NULL, FUO_EPROTO},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enqueue(&rig, i);
        answer_status(&rig, "16", rows[i].text);
        expect(&rig, SERVICE "List");
        if (rows[i].status != NULL) {
            answer_status(&rig, rows[i].status, rows[i].text);
        } else {
            answer_frames(&rig, junk, sizeof(junk), "grpc-status:0\r\n");
        }
        expect_end(&rig, rows[i].err);
    }
    enqueue(&rig, 9); /* closed while it is searched for */
    answer_status(&rig, "16", NULL);
    rig_close(&rig);
}

static void a_refused_device_is_not_looked_for(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    assert_int_equal(rig.loaded.plugin.unicast_flush(rig.ns, 1, 0xab), FUO_OK);
    expect(&rig, DEVICES "FlushQueue");
    answer_status(&rig, "16", NULL);
    expect_end(&rig, FUO_EPERM);
    rig_close(&rig);
}

/* ---- too much ---- */

static void a_queue_that_nobody_can_have_is_not_counted(void **state)
{
    (void)state;
    static const char trailers[] = "grpc-status:0\r\n";
    static const size_t rows[] = {4096, 4097};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static uint8_t body[5 + 2 * 4097 + 5 + sizeof(trailers)];
        struct rig rig;
        size_t len = 2 * rows[i];
        memset(body, 0, sizeof(body));
        body[3] = (uint8_t)(len >> 8);
        body[4] = (uint8_t)len;
        for (size_t k = 0; k < len; k += 2) {
            body[5 + k] = 0x0a; /* an item without members */
        }
        body[5 + len] = 0x80;
        body[5 + len + 4] = sizeof(trailers) - 1;
        memcpy(body + 5 + len + 5, trailers, sizeof(trailers) - 1);
        setup(&rig);
        assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 4, GROUP), FUO_OK);
        respond(&rig, &(struct fuo_http_response){
                          .status = 200,
                          .body = body,
                          .body_len = 5 + len + 5 + sizeof(trailers) - 1,
                      });
        if (rows[i] == 4096) {
            answer_group(&rig, "01020304", 7);
        }
        expect_end(&rig, rows[i] == 4096 ? FUO_OK : FUO_EPROTO);
        rig_close(&rig);
    }
}

TEST_MAIN(cmocka_unit_test(a_refused_probe_tells_a_wrong_key_from_a_wrong_application),
          cmocka_unit_test(a_probe_asks_for_a_group_that_cannot_be_made),
          cmocka_unit_test(a_group_that_a_probe_has_made_is_deleted),
          cmocka_unit_test(internal_errors_have_the_code_of_their_words),
          cmocka_unit_test(a_locked_database_is_asked_again_with_the_same_words),
          cmocka_unit_test(a_database_that_stays_locked_is_a_server_that_is_away),
          cmocka_unit_test(a_refused_group_is_looked_for_in_the_application),
          cmocka_unit_test(the_group_may_go_between_listqueue_and_get),
          cmocka_unit_test(every_page_is_searched),
          cmocka_unit_test(a_search_that_fails_says_why),
          cmocka_unit_test(a_refused_device_is_not_looked_for),
          cmocka_unit_test(a_queue_that_nobody_can_have_is_not_counted))
