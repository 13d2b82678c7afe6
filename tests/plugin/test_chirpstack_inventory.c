/* SPDX-License-Identifier: MIT */
/* test_chirpstack_inventory.c - what the server has: every call, page and refusal. */
#include "chirpstack_api.h"

#define PROFILE "d0000000-0000-4000-8000-000000000001"
#define TENANT  "7e4a0000-0000-4000-8000-000000000001"
#define ZEROS   "00000000000000000000000000000000"
#define KEY     "000102030405060708090a0b0c0d0e0f"

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static char *str(const char *s)
{
    return (char *)(uintptr_t)s;
}

static void begin(struct rig *rig, const struct fuo_inventory *intent)
{
    setup(rig);
    assert_int_equal(rig->loaded.plugin.inventory(rig->ns, intent), FUO_OK);
    expect(rig, "/api.InternalService/GetVersion");
}

static void answer_application(struct rig *rig)
{
    Cs__Application application;
    Cs__ApplicationBox box;
    cs__application__init(&application);
    cs__application_box__init(&box);
    application.id = str(APP);
    application.tenant_id = str(TENANT);
    box.application = &application;
    const struct fake_request *r = expect(rig, "/api.ApplicationService/Get");
    Cs__Id *asked = cs__id__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_string_equal(asked->id, APP);
    cs__id__free_unpacked(asked, NULL);
    answer_message(rig, &box.base);
}

/* Past the application, with a tenant's key. */
static void begin_devices(struct rig *rig, const struct fuo_inventory *intent)
{
    begin(rig, intent);
    answer_status(rig, "16", NULL);
    answer_application(rig);
}

static void expect_page(struct rig *rig, const char *path, const char *of,
                        uint32_t offset)
{
    const struct fake_request *r = expect(rig, path);
    Cs__ListPage *page = cs__list_page__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_int_equal(page->limit, 100);
    assert_int_equal(page->offset, offset);
    assert_string_equal(page->of, of);
    assert_int_equal(page->order_by, 1);
    cs__list_page__free_unpacked(page, NULL);
}

static void answer_devices(struct rig *rig, const char *const *euis, size_t count,
                           uint32_t total)
{
    Cs__DeviceItem items[4];
    Cs__DeviceItem *result[4];
    Cs__Tag tags[3];
    Cs__Tag *list[] = {&tags[0], &tags[1], &tags[2]};
    static const char *const of_tags[][2] = {
        {"fuotad-profile", "lbm-v2"}, {"site", "b"}, {"bad", "a\nb"}};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        cs__tag__init(&tags[i]);
        tags[i].key = str(of_tags[i][0]);
        tags[i].value = str(of_tags[i][1]);
    }
    Cs__DeviceList out;
    cs__device_list__init(&out);
    for (size_t i = 0; i < count; i++) {
        cs__device_item__init(&items[i]);
        items[i].dev_eui = str(euis[i]);
        items[i].name = str("meter");
        items[i].device_profile_id = str(PROFILE);
        items[i].tags = list;
        items[i].n_tags = ARRAY_LEN(tags);
        result[i] = &items[i];
    }
    out.total_count = total;
    out.result = result;
    out.n_result = count;
    answer_message(rig, &out.base);
}

static void answer_profile(struct rig *rig, int32_t mac_version, bool class_c,
                           int32_t ts003)
{
    Cs__Tag tags[2];
    Cs__Tag *list[] = {&tags[0], &tags[1]};
    static const char *const of_tags[][2] = {{"site", "a"}, {"vendor", "v"}};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        cs__tag__init(&tags[i]);
        tags[i].key = str(of_tags[i][0]);
        tags[i].value = str(of_tags[i][1]);
    }
    Cs__AppLayerParams params;
    cs__app_layer_params__init(&params);
    params.ts003_version = ts003;
    Cs__DeviceProfile profile;
    Cs__DeviceProfileBox box;
    cs__device_profile__init(&profile);
    cs__device_profile_box__init(&box);
    profile.id = str(PROFILE);
    profile.name = str("meters");
    profile.mac_version = mac_version;
    profile.supports_class_c = class_c;
    profile.tags = list;
    profile.n_tags = ARRAY_LEN(tags);
    profile.app_layer_params = &params;
    box.device_profile = &profile;
    const struct fake_request *r = expect(rig, "/api.DeviceProfileService/Get");
    Cs__Id *asked = cs__id__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_string_equal(asked->id, PROFILE);
    cs__id__free_unpacked(asked, NULL);
    answer_message(rig, &box.base);
}

static void answer_keys(struct rig *rig, const char *eui, const char *app_key,
                        const char *gen_app_key)
{
    Cs__DeviceKeys keys;
    Cs__DeviceKeysBox box;
    cs__device_keys__init(&keys);
    cs__device_keys_box__init(&box);
    keys.dev_eui = str(eui);
    keys.nwk_key = str("ffffffffffffffffffffffffffffffff");
    keys.app_key = str(app_key);
    keys.gen_app_key = str(gen_app_key);
    box.device_keys = &keys;
    const struct fake_request *r = expect(rig, "/api.DeviceService/GetKeys");
    Cs__Id *asked = cs__id__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_string_equal(asked->id, eui);
    cs__id__free_unpacked(asked, NULL);
    answer_message(rig, &box.base);
}

static void answer_gateways(struct rig *rig, const char *const *ids, size_t count,
                            uint32_t total)
{
    Cs__GatewayItem items[4];
    Cs__GatewayItem *result[4];
    Cs__Location location;
    Cs__GatewayList out;
    cs__location__init(&location);
    cs__gateway_list__init(&out);
    location.latitude = 48.5;
    location.longitude = -7.25;
    for (size_t i = 0; i < count; i++) {
        cs__gateway_item__init(&items[i]);
        items[i].gateway_id = str(ids[i]);
        items[i].state = (int32_t)i;
        items[i].location = i == 0 ? &location : NULL;
        result[i] = &items[i];
    }
    out.total_count = total;
    out.result = result;
    out.n_result = count;
    answer_message(rig, &out.base);
}

static const struct fuo_event *expect_device(struct rig *rig, uint64_t eui)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_DEVICE);
    assert_int_equal(e->device.id, 5);
    assert_int_equal(e->device.dev_eui, eui);
    return e;
}

static void expect_end(struct rig *rig, int err)
{
    expect_result(rig, 5, err, 0);
    assert_null(rig_event(rig));
    assert_int_equal(rig->host.answered_count, rig->host.request_count);
}

static void no_gateways(struct rig *rig)
{
    expect_page(rig, "/api.GatewayService/List", TENANT, 0);
    answer_gateways(rig, NULL, 0, 0);
}

static const struct fuo_inventory all = {.id = 5, .keys = true};
static const char *const two[] = {"70b3d57ed0060001", "70b3d57ed0060002"};

static void devices_come_with_profile_tags_and_keys(void **state)
{
    (void)state;
    struct rig rig;
    begin_devices(&rig, &all);
    expect_page(&rig, "/api.DeviceService/List", APP, 0);
    answer_devices(&rig, two, 2, 2);
    answer_profile(&rig, 4, false, 2);
    answer_keys(&rig, two[0], ZEROS, KEY);
    const struct fuo_event *e = expect_device(&rig, 0x70b3d57ed0060001);
    assert_string_equal(e->device.name, "meter");
    assert_string_equal(e->device.profile, "lbm-v2");
    assert_string_equal(e->device.server_profile, "meters");
    assert_int_equal(e->device.lorawan_minor, 0);
    assert_true(e->device.lacks_class_b && e->device.lacks_class_c);
    assert_true(e->device.clock_answered);
    assert_false(e->device.keys_left_out);
    assert_memory_equal(e->device.gen_app_key, key, 16);
    assert_null(e->device.app_key); /* all zeros: none was given */
    assert_int_equal(e->device.label_count, 2);
    assert_string_equal(e->device.labels[0].key, "site");
    assert_string_equal(e->device.labels[0].value, "b"); /* the device's own wins */
    assert_string_equal(e->device.labels[1].value, "v");
    assert_int_equal(rig.host.answered_count + 1, rig.host.request_count);
    expect(&rig, "/api.DeviceService/GetKeys");
    answer_status(&rig, "5", "Object does not exist");
    e = expect_device(&rig, 0x70b3d57ed0060002);
    assert_null(e->device.gen_app_key);
    assert_false(e->device.keys_left_out);

    static const char *const gateways[] = {"0016c001f0000001", "0016c001f0000002",
                                           "0016c001f0000003"};
    expect_page(&rig, "/api.GatewayService/List", TENANT, 0);
    answer_gateways(&rig, gateways, 2, 3);
    expect_page(&rig, "/api.GatewayService/List", TENANT, 2);
    answer_gateways(&rig, gateways + 2, 1, 3);
    static const enum fuo_gateway_state states[] = {
        FUO_GATEWAY_NEVER_SEEN, FUO_GATEWAY_ONLINE, FUO_GATEWAY_NEVER_SEEN};
    for (size_t i = 0; i < 3; i++) {
        e = rig_event(&rig);
        assert_int_equal(e->type, FUO_EV_LISTED);
        assert_int_equal(e->listed.gateway, 0x0016c001f0000001 + i);
        assert_int_equal(e->listed.state, states[i]);
        assert_int_equal(e->listed.located, i != 1);
        assert_int_equal(e->listed.latitude_e6, i != 1 ? 48500000 : 0);
        assert_int_equal(e->listed.longitude_e6, i != 1 ? -7250000 : 0);
    }
    e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_FINDING);
    assert_non_null(strstr(e->finding.text, "2 tags were left out"));
    assert_false(e->finding.fatal);
    expect_end(&rig, FUO_OK);
    rig_close(&rig);
}

static void keys_of_version_1_1_are_app_keys(void **state)
{
    (void)state;
    struct rig rig;
    begin_devices(&rig, &all);
    answer_devices(&rig, two, 1, 1);
    answer_profile(&rig, 5, true, 0);
    answer_keys(&rig, two[0], KEY, ZEROS);
    const struct fuo_event *e = expect_device(&rig, 0x70b3d57ed0060001);
    assert_int_equal(e->device.lorawan_minor, 1);
    assert_false(e->device.lacks_class_c || e->device.clock_answered);
    assert_memory_equal(e->device.app_key, key, 16);
    assert_null(e->device.gen_app_key);
    no_gateways(&rig);
    assert_int_equal(rig_event(&rig)->type, FUO_EV_FINDING);
    expect_end(&rig, FUO_OK);
    rig_close(&rig);
}

static void keys_that_are_known_or_not_wanted_are_not_asked_for(void **state)
{
    (void)state;
    static const uint64_t known[] = {0x70b3d57ed0060001, 0x70b3d57ed0060002};
    static const struct {
        const char *name;
        struct fuo_inventory intent;
    } rows[] = {
        {"known", {.id = 5, .keys = true, .keyed = known, .keyed_count = 2}},
        {"not wanted", {.id = 5}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i].name);
        begin_devices(&rig, &rows[i].intent);
        answer_devices(&rig, two, 2, 2);
        answer_profile(&rig, 4, true, 0);
        assert_true(expect_device(&rig, known[0])->device.keys_left_out);
        assert_true(expect_device(&rig, known[1])->device.keys_left_out);
        no_gateways(&rig);
        assert_int_equal(rig_event(&rig)->type, FUO_EV_FINDING);
        expect_end(&rig, FUO_OK);
        rig_close(&rig);
    }
}

static void a_list_that_changes_from_page_to_page_is_not_complete(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t total; /* with the second page */
        size_t count;   /* on it */
        int err;
    } rows[] = {
        {"complete", 2, 1, FUO_OK},
        {"one more", 3, 1, FUO_EAGAIN},
        {"one less", 1, 0, FUO_EAGAIN},
    };
    static const struct fuo_inventory without = {.id = 5};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        test_row(rows[i].name);
        begin_devices(&rig, &without);
        expect_page(&rig, "/api.DeviceService/List", APP, 0);
        answer_devices(&rig, two, 1, 2);
        answer_profile(&rig, 4, true, 0);
        (void)expect_device(&rig, 0x70b3d57ed0060001);
        expect_page(&rig, "/api.DeviceService/List", APP, 1);
        answer_devices(&rig, two + 1, rows[i].count, rows[i].total);
        if (rows[i].count > 0) {
            (void)expect_device(&rig, 0x70b3d57ed0060002);
        }
        if (rows[i].total == 3) { /* it is not there any more, either */
            expect_page(&rig, "/api.DeviceService/List", APP, 2);
            answer_devices(&rig, NULL, 0, 3);
        }
        no_gateways(&rig);
        assert_int_equal(rig_event(&rig)->type, FUO_EV_FINDING);
        expect_end(&rig, rows[i].err);
        rig_close(&rig);
    }
}

static void an_old_version_is_told_with_what_it_lacks(void **state)
{
    (void)state;
    static const struct {
        const char *version; /* NULL: it has no such call */
        const char *lacks;   /* NULL: nothing */
        const char *has;     /* is not said; NULL */
    } rows[] = {
        {"4.19.0", NULL, NULL},
        {"4.14.0", NULL, NULL},
        {"4.20.0-test.1", NULL, NULL},
        {"4.13.1", "(4.14)", "(4.12)"},
        {"4.9.0", "(4.10)", NULL},
        {NULL, "version 4.6", NULL},
        {"3.17.1", "known is ChirpStack 4", NULL},
        {"devel", "known is ChirpStack 4", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        Cs__Version version;
        cs__version__init(&version);
        version.version = str(rows[i].version);
        test_row(rows[i].version != NULL ? rows[i].version : "none");
        begin(&rig, &all);
        if (rows[i].version == NULL) {
            answer_status(&rig, "12", "");
        } else {
            answer_message(&rig, &version.base);
        }
        if (rows[i].lacks != NULL) {
            const struct fuo_event *e = rig_event(&rig);
            assert_int_equal(e->type, FUO_EV_FINDING);
            assert_non_null(strstr(e->finding.text, rows[i].lacks));
            assert_true(rows[i].has == NULL ||
                        strstr(e->finding.text, rows[i].has) == NULL);
        }
        assert_null(rig_event(&rig));
        expect(&rig, "/api.ApplicationService/Get");
        rig_close(&rig); /* in the middle of it */
    }
}

static void a_refused_application_is_explained(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, &all);
    answer_status(&rig, "16", NULL);
    expect(&rig, "/api.ApplicationService/Get");
    answer_status(&rig, "16", NULL);
    expect(&rig, "/api.DeviceProfileService/ListAdrAlgorithms");
    answer_message(&rig, NULL);
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_FINDING);
    assert_true(e->finding.fatal);
    assert_non_null(strstr(e->finding.text, "belongs to another tenant"));
    expect_end(&rig, FUO_ENOENT);
    rig_close(&rig);
}

static void a_call_without_an_answer_is_made_again_a_few_times(void **state)
{
    (void)state;
    static const struct fuo_http_response lost = {.err = FUO_ETIMEDOUT};
    struct rig rig;
    begin(&rig, &all);
    answer_status(&rig, "16", NULL);
    for (int i = 0; i < 3; i++) {
        expect(&rig, "/api.ApplicationService/Get");
        respond(&rig, &lost);
    }
    answer_application(&rig);
    assert_int_equal(rig.loaded.plugin.inventory(rig.ns, &all), FUO_EAGAIN);
    for (int i = 0; i < 4; i++) {
        expect_page(&rig, "/api.DeviceService/List", APP, 0);
        respond(&rig, &lost);
    }
    expect_end(&rig, FUO_ETIMEDOUT);
    assert_int_equal(rig.loaded.plugin.inventory(rig.ns, &all), FUO_OK);
    rig_close(&rig);
}

static void every_bad_answer_ends_it(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int at; /* how many calls go well before */
    } rows[] = {
        {"/api.ApplicationService/Get", 0},   {"/api.DeviceService/List", 1},
        {"/api.DeviceProfileService/Get", 2}, {"/api.DeviceService/GetKeys", 3},
        {"/api.GatewayService/List", 4},
    };
    static const uint8_t junk[] =
        "\0\0\0\0\3\xff\xff\xff\x80\0\0\0\x10grpc-status: 0\r\n";
    static const struct fuo_http_response answers[] = {
        {.status = 200, .grpc_status = "13", .grpc_message = "no"},
        {.status = 200, .body = junk, .body_len = 29},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct rig rig;
        int at = rows[i / 2].at;
        test_row(rows[i / 2].path);
        begin(&rig, &all);
        answer_status(&rig, "16", NULL);
        if (at > 0) {
            answer_application(&rig);
        }
        if (at > 1) {
            answer_devices(&rig, two, 1, 1);
        }
        if (at > 2) {
            answer_profile(&rig, 4, true, 0);
        }
        if (at > 3) {
            answer_keys(&rig, two[0], ZEROS, KEY);
            (void)expect_device(&rig, 0x70b3d57ed0060001);
        }
        expect(&rig, rows[i / 2].path);
        respond(&rig, &answers[i % 2]);
        if (at > 3) {
            assert_int_equal(rig_event(&rig)->type, FUO_EV_FINDING);
        }
        expect_result(&rig, 5, FUO_EPROTO, 0);
        assert_int_equal(rig.host.answered_count, rig.host.request_count);
        rig_close(&rig);
    }
}

TEST_MAIN(cmocka_unit_test(devices_come_with_profile_tags_and_keys),
          cmocka_unit_test(keys_of_version_1_1_are_app_keys),
          cmocka_unit_test(keys_that_are_known_or_not_wanted_are_not_asked_for),
          cmocka_unit_test(a_list_that_changes_from_page_to_page_is_not_complete),
          cmocka_unit_test(an_old_version_is_told_with_what_it_lacks),
          cmocka_unit_test(a_refused_application_is_explained),
          cmocka_unit_test(a_call_without_an_answer_is_made_again_a_few_times),
          cmocka_unit_test(every_bad_answer_ends_it))
