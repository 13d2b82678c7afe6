/* SPDX-License-Identifier: MIT */
/* test_chirpstack_group.c - opening a multicast group: every step, every way it can fail. */
#include "chirpstack_api.h"

static const uint8_t nwk_key[16] = {0xa0, 1, 2, 3};
static const uint8_t app_key[16] = {0xb0, 1, 2, 3};
static const uint64_t gateways[] = {0x10, 0x11};
static const uint64_t devices[] = {0x20, 0x21, 0x22};

static struct fuo_group group_intent(void)
{
    return (struct fuo_group){
        .id = 7,
        .name = "wm1-t3",
        .mc_nwk_s_key = nwk_key,
        .mc_app_s_key = app_key,
        .region = "EU868",
        .gateways = gateways,
        .gateway_count = ARRAY_LEN(gateways),
        .devices = devices,
        .device_count = ARRAY_LEN(devices),
        .mc_addr = 0x01ab23cd,
        .frequency_hz = 869525000,
        .f_cnt = 5,
        .dr = 3,
        .device_class = 'C',
    };
}

static void open_group(struct rig *rig)
{
    struct fuo_group group = group_intent();
    assert_int_equal(rig->loaded.plugin.group_open(rig->ns, &group), FUO_OK);
    assert_null(rig_event(rig));
}

/* The server is to choose the gateways. */
static void open_by_devices(struct rig *rig)
{
    struct fuo_group group = group_intent();
    group.gateway_count = 0;
    assert_int_equal(rig->loaded.plugin.group_open(rig->ns, &group), FUO_OK);
}

static void expect_group(struct rig *rig, int err, uint32_t f_cnt)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_GROUP);
    assert_int_equal(e->group.id, 7);
    assert_int_equal(e->group.err, err);
    assert_int_equal(rig->host.answered_count, rig->host.request_count);
    if (err == FUO_OK) {
        assert_string_equal(e->group.group, GROUP);
        assert_int_equal(e->group.f_cnt, f_cnt);
    } else {
        assert_null(e->group.group);
        assert_non_null(strstr(rig->host.log, "multicast group wm1-t3 cannot be opened"));
    }
    assert_null(strstr(rig->host.log, "b0010203")); /* no key in the log */
}

static void check_create(const struct fake_request *r)
{
    Cs__GroupBox *box = cs__group_box__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_non_null(box);
    const Cs__Group *g = box->multicast_group;
    assert_string_equal(g->id, "");
    assert_string_equal(g->name, "wm1-t3");
    assert_string_equal(g->application_id, APP);
    assert_int_equal(g->region, 0);
    assert_string_equal(g->mc_addr, "01ab23cd");
    assert_string_equal(g->mc_nwk_s_key, "a0010203000000000000000000000000");
    assert_string_equal(g->mc_app_s_key, "b0010203000000000000000000000000");
    assert_int_equal(g->f_cnt, 5);
    assert_int_equal(g->group_type, 0);
    assert_int_equal(g->dr, 3);
    assert_int_equal(g->frequency, 869525000);
    cs__group_box__free_unpacked(box, NULL);
}

static void check_member(const struct fake_request *r, const char *eui)
{
    Cs__Member *m = cs__member__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_non_null(m);
    assert_string_equal(m->multicast_group_id, GROUP);
    assert_string_equal(m->eui, eui);
    cs__member__free_unpacked(m, NULL);
}

/* What the server did not let it fill is deleted again. */
static void expect_undone(struct rig *rig)
{
    const struct fake_request *r = expect(rig, SERVICE "Delete");
    Cs__Id *id = cs__id__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_non_null(id);
    assert_string_equal(id->id, GROUP);
    cs__id__free_unpacked(id, NULL);
    assert_null(rig_event(rig));
    answer_message(rig, NULL);
}

static void answer_members(struct rig *rig)
{
    for (size_t i = 0; i < ARRAY_LEN(gateways); i++) {
        expect(rig, SERVICE "AddGateway");
        answer_message(rig, NULL);
    }
}

static void a_group_is_created_filled_and_read_back(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_group(&rig);
    const struct fake_request *r = expect(&rig, SERVICE "List");
    Cs__ListGroups *list = cs__list_groups__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_string_equal(list->search, "wm1-t3");
    assert_string_equal(list->application_id, APP);
    assert_int_equal(list->limit, 100);
    cs__list_groups__free_unpacked(list, NULL);
    answer_list(&rig, "wm1-t33", GROUP, 1); /* found by the search, but another */
    check_create(expect(&rig, SERVICE "Create"));
    answer_id(&rig, GROUP);
    check_member(expect(&rig, SERVICE "AddGateway"), "0000000000000010");
    answer_members(&rig);
    expect(&rig, SERVICE "Get");
    answer_group(&rig, "01AB23CD", 5);
    expect_group(&rig, FUO_OK, 5);
    rig_close(&rig);
}

static void without_gateways_the_server_learns_the_devices(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_by_devices(&rig);
    answer_list(&rig, NULL, NULL, 0);
    check_create(expect(&rig, SERVICE "Create"));
    answer_id(&rig, GROUP);
    check_member(expect(&rig, SERVICE "AddDevice"), "0000000000000020");
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        expect(&rig, SERVICE "AddDevice");
        answer_message(&rig, NULL);
    }
    expect(&rig, SERVICE "Get");
    answer_group(&rig, "01ab23cd", 5);
    expect_group(&rig, FUO_OK, 5);
    rig_close(&rig);
}

/* What a lane costs does not grow with the devices that hear it. */
static void twenty_groups_for_thousands_of_devices_take_few_calls(void **state)
{
    (void)state;
    enum { DEVICES = 5000, LANES = 20 };
    static uint64_t many[DEVICES];
    struct rig rig;
    setup(&rig);
    for (int i = 0; i < LANES; i++) {
        struct fuo_group group = group_intent();
        group.devices = many;
        group.device_count = DEVICES;
        group.gateway_count = 1;
        assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_OK);
        expect(&rig, SERVICE "List");
        answer_list(&rig, NULL, NULL, 0);
        expect(&rig, SERVICE "Create");
        answer_id(&rig, GROUP);
        expect(&rig, SERVICE "AddGateway");
        answer_message(&rig, NULL);
        expect(&rig, SERVICE "Get");
        answer_group(&rig, "01ab23cd", 5);
        expect_group(&rig, FUO_OK, 5);
    }
    assert_int_equal(rig.host.request_count, 4 * LANES);
    rig_close(&rig);
}

static void a_group_left_by_a_lost_answer_is_used_again(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_group(&rig);
    answer_list(&rig, "other", GROUP, 101); /* the first page has it not */
    expect(&rig, SERVICE "List");
    answer_list(&rig, "something", GROUP, 101);
    expect(&rig, SERVICE "Create"); /* nor the second; then somebody is faster */
    answer_status(&rig, "4", "");
    expect_group(&rig, FUO_ETIMEDOUT, 0);

    open_group(&rig);
    expect(&rig, SERVICE "List");
    answer_list(&rig, "wm1-t3", GROUP, 1);
    expect(&rig, SERVICE "AddGateway");
    answer_status(&rig, "6", "already there");
    expect(&rig, SERVICE "AddGateway"); /* ChirpStack's way of saying so */
    answer_status(&rig, "13", "duplicate key value violates unique constraint \"x\"");
    expect(&rig, SERVICE "Get");
    answer_group(&rig, "01ab23cd", 17); /* frames had been sent in it */
    expect_group(&rig, FUO_OK, 17);

    open_by_devices(&rig);
    answer_list(&rig, "wm1-t3", GROUP, 1);
    expect(&rig, SERVICE "AddDevice"); /* with SQLite */
    answer_status(&rig, "13", "UNIQUE%20constraint failed: multicast_group_device");
    answer_status(&rig, "6", NULL);
    answer_message(&rig, NULL);
    expect(&rig, SERVICE "Get");
    answer_group(&rig, "01ab23cd", 18);
    expect_group(&rig, FUO_OK, 18);
    rig_close(&rig);
}

static void another_group_of_the_same_name_is_a_conflict(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_group(&rig);
    answer_list(&rig, "wm1-t3", GROUP, 1);
    answer_members(&rig);
    answer_group(&rig, "01ab23ce", 5);
    expect_group(&rig, FUO_EEXIST, 0);
    rig_close(&rig);
}

static void a_device_that_the_application_lacks_is_left_out(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_by_devices(&rig);
    answer_list(&rig, "wm1-t3", GROUP, 1);
    answer_message(&rig, NULL);
    answer_status(&rig, "5", "Object does not exist (id: 21)");
    answer_message(&rig, NULL);
    answer_group(&rig, "01ab23cd", 5);
    expect_group(&rig, FUO_OK, 5);
    assert_non_null(strstr(rig.host.log, "device 0000000000000021"));

    open_by_devices(&rig);
    answer_list(&rig, "wm1-t3", GROUP, 1);
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        answer_status(&rig, "5", "no");
    }
    expect_undone(&rig);
    expect_group(&rig, FUO_ENOENT, 0);
    rig_close(&rig);
}

/* The first steps of an opening: List, Create, members. */
static void answer_well(struct rig *rig, int steps)
{
    for (int step = 0; step < steps; step++) {
        if (step == 0) {
            answer_list(rig, NULL, NULL, 0);
        } else if (step == 1) {
            answer_id(rig, GROUP);
        } else {
            answer_message(rig, NULL);
        }
    }
}

/* Answer well up to a step, then badly. */
static void opening_fails_at_every_step(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int good; /* steps that go well: List, Create, 3 devices or 2 gateways */
        bool by_devices;
        const char *status;
        int err;
    } rows[] = {
        {"List refused", 0, false, "16", FUO_EPERM},
        {"Create forbidden", 1, false, "7", FUO_EPERM},
        {"Create: busy", 1, false, "14", FUO_EAGAIN},
        {"Create: quota", 1, false, "8", FUO_EAGAIN},
        {"AddDevice: broken", 2, true, "2", FUO_EPROTO},
        {"AddDevice: internal", 3, true, "13", FUO_EPROTO},
        {"AddGateway: missing", 2, false, "5", FUO_ENOENT},
        {"AddGateway: cancelled", 3, false, "1", FUO_ETIMEDOUT},
        {"Get: gone", 4, false, "5", FUO_ENOENT},
        {"Get: gone, by devices", 5, true, "5", FUO_ENOENT},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        if (rows[i].by_devices) {
            open_by_devices(&rig);
        } else {
            open_group(&rig);
        }
        answer_well(&rig, rows[i].good);
        answer_status(&rig, rows[i].status, "because");
        if (rows[i].good >= 2 && rows[i].err != FUO_ETIMEDOUT) {
            expect_undone(&rig);
        }
        expect_group(&rig, rows[i].err, 0);
        assert_non_null(strstr(rig.host.log, "because"));
    }
    rig_close(&rig);
}

static void a_gateway_of_another_tenant_is_named_and_nothing_is_left(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_group(&rig);
    answer_well(&rig, 3);
    answer_status(&rig, "16", "not%20authorized");
    expect(&rig, SERVICE "Delete");
    answer_status(&rig, "14", "busy"); /* told, and left: the next opening finds it */
    expect_group(&rig, FUO_EPERM, 0);
    assert_non_null(strstr(rig.host.log,
                           "AddGateway 0000000000000011: not authorized; the "
                           "gateway must be one of the tenant"));
    assert_non_null(strstr(rig.host.log, "wm1-t3 stays at the server: Delete: busy"));
    rig_close(&rig);
}

static void malformed_answers_end_the_opening(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0xff, 0xff, 0xff};
    struct rig rig;
    setup(&rig);
    for (int step = 0; step < 3; step++) {
        open_group(&rig);
        if (step >= 1) {
            answer_list(&rig, NULL, NULL, 0);
        }
        if (step >= 2) {
            answer_id(&rig, GROUP);
            answer_members(&rig);
        }
        answer_frames(&rig, junk, sizeof(junk), "grpc-status: 0\r\n");
        if (step >= 2) {
            expect_undone(&rig);
        }
        expect_group(&rig, FUO_EPROTO, 0);
    }
    open_group(&rig);
    answer_list(&rig, "wm1-t3", "../../etc", 1); /* not a UUID */
    expect_group(&rig, FUO_EPROTO, 0);
    open_group(&rig);
    answer_list(&rig, NULL, NULL, 0);
    answer_id(&rig, "");
    expect_group(&rig, FUO_EPROTO, 0);
    rig_close(&rig);
}

static void unusable_groups_are_refused_at_once(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    struct fuo_group group = group_intent();
    group.region = "EU867";
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EINVAL);
    group = group_intent();
    group.device_class = 'A';
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EINVAL);
    group = group_intent();
    group.device_count = group.gateway_count = 0;
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EINVAL);
    group = group_intent();
    group.name = "";
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EINVAL);
    group = group_intent();
    rig.host.refuse = FUO_EAGAIN;
    assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_EAGAIN);
    assert_int_equal(rig.host.request_count, 0);
    rig_close(&rig);
}

static void a_full_host_in_the_middle_ends_the_opening(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_group(&rig);
    rig.host.refuse = FUO_EAGAIN;
    answer_list(&rig, "wm1-t3", GROUP, 1);
    expect_group(&rig, FUO_EAGAIN, 0);
    rig_close(&rig);
}

static void class_b_and_regions_have_their_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        int number;
    } rows[] = {
        {"EU868", 0},    {"US915", 2}, {"EU433", 4},    {"AU915", 5},
        {"CN470", 6},    {"AS923", 7}, {"AS923-2", 12}, {"AS923-3", 13},
        {"AS923-4", 14}, {"KR920", 8}, {"IN865", 9},    {"RU864", 10},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_group group = group_intent();
        group.region = rows[i].region;
        group.device_class = 'B';
        group.ping_slot_periodicity = 4;
        test_row(rows[i].region);
        assert_int_equal(rig.loaded.plugin.group_open(rig.ns, &group), FUO_OK);
        answer_list(&rig, NULL, NULL, 0);
        const struct fake_request *r = expect(&rig, SERVICE "Create");
        Cs__GroupBox *box = cs__group_box__unpack(NULL, r->body_len - 5, r->body + 5);
        assert_int_equal(box->multicast_group->region, rows[i].number);
        assert_int_equal(box->multicast_group->group_type, 1);
        assert_int_equal(box->multicast_group->class_b_ping_slot_periodicity, 4);
        cs__group_box__free_unpacked(box, NULL);
        answer_status(&rig, "14", "");
        assert_non_null(rig_event(&rig));
    }
    rig_close(&rig);
}

static void calls_under_way_are_freed_at_close(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    open_group(&rig);
    enqueue(&rig, 1);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 2, GROUP), FUO_OK);
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(a_group_is_created_filled_and_read_back),
          cmocka_unit_test(without_gateways_the_server_learns_the_devices),
          cmocka_unit_test(twenty_groups_for_thousands_of_devices_take_few_calls),
          cmocka_unit_test(a_group_left_by_a_lost_answer_is_used_again),
          cmocka_unit_test(another_group_of_the_same_name_is_a_conflict),
          cmocka_unit_test(a_device_that_the_application_lacks_is_left_out),
          cmocka_unit_test(opening_fails_at_every_step),
          cmocka_unit_test(a_gateway_of_another_tenant_is_named_and_nothing_is_left),
          cmocka_unit_test(malformed_answers_end_the_opening),
          cmocka_unit_test(unusable_groups_are_refused_at_once),
          cmocka_unit_test(a_full_host_in_the_middle_ends_the_opening),
          cmocka_unit_test(class_b_and_regions_have_their_numbers),
          cmocka_unit_test(calls_under_way_are_freed_at_close))
