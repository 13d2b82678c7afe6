/* SPDX-License-Identifier: MIT */
#include "fake_host.h"

static void expect_result(struct rig *rig, uint64_t id, int err)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_RESULT);
    assert_int_equal(e->result.id, id);
    assert_int_equal(e->result.err, err);
}

static void unicast_fails_and_loses_as_asked(void **state)
{
    (void)state;
    static const struct option_pair pairs[] = {{"failEvery", "3"}, {"loseEvery", "2"}};
    static const struct {
        int err;
        bool sent;
    } rows[] = {
        {FUO_OK, true},  {FUO_OK, false}, {FUO_EAGAIN, false},
        {FUO_OK, false}, {FUO_OK, true},  {FUO_EAGAIN, false},
    };
    struct rig rig;
    rig_open(&rig, "null", pairs, ARRAY_LEN(pairs));
    for (uint64_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_unicast downlink = {.id = i, .dev_eui = 5};
        assert_int_equal(rig.loaded.plugin.unicast(rig.ns, &downlink), FUO_OK);
        expect_result(&rig, i, rows[i].err);
        const struct fuo_event *fate = rig_event(&rig);
        assert_true((fate != NULL) == rows[i].sent);
        if (fate != NULL) {
            assert_int_equal(fate->fate.id, i);
            assert_int_equal(fate->fate.dev_eui, 5);
            assert_int_equal(fate->fate.fate, FUO_FATE_SENT);
        }
    }
    rig_close(&rig);
}

static void multicast_counts_what_it_loses(void **state)
{
    (void)state;
    static const struct option_pair pairs[] = {{"loseEvery", "2"}};
    struct rig rig;
    rig_open(&rig, "null", pairs, ARRAY_LEN(pairs));
    const struct fuo_ns_plugin *p = &rig.loaded.plugin;
    struct fuo_group group = {.id = 1, .name = "g", .mc_addr = 0xab, .f_cnt = 10};
    assert_int_equal(p->group_open(rig.ns, &group), FUO_OK);
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_GROUP);
    assert_string_equal(e->group.group, "null-000000ab");
    assert_int_equal(e->group.f_cnt, 10);

    struct fuo_multicast frame = {.id = 2, .group = "null-000000ab"};
    assert_int_equal(p->multicast(rig.ns, &frame), FUO_OK);
    expect_result(&rig, 2, FUO_OK);
    assert_int_equal(p->multicast(rig.ns, &frame), FUO_OK);
    expect_result(&rig, 2, FUO_ETIMEDOUT);
    assert_int_equal(p->queue_poll(rig.ns, 3, frame.group), FUO_OK);
    e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_QUEUE);
    assert_int_equal(e->queue.f_cnt, 12); /* settles the one that was lost */
    assert_int_equal(e->queue.frame_count, 0);
    assert_int_equal(p->queue_flush(rig.ns, 4, frame.group), FUO_OK);
    expect_result(&rig, 4, FUO_OK);
    assert_int_equal(p->group_close(rig.ns, 5, frame.group), FUO_OK);
    expect_result(&rig, 5, FUO_OK);
    assert_int_equal(p->unicast_flush(rig.ns, 6, 5), FUO_OK);
    expect_result(&rig, 6, FUO_OK);
    rig_close(&rig);
}

static const char *open_named(struct rig *rig, const char *name, uint32_t f_cnt)
{
    struct fuo_group group = {.id = 1, .name = name, .mc_addr = 0xab, .f_cnt = f_cnt};
    assert_int_equal(rig->loaded.plugin.group_open(rig->ns, &group), FUO_OK);
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->group.f_cnt, f_cnt);
    return e->group.group; /* until the next event */
}

static void groups_of_one_address_count_for_themselves(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "null", NULL, 0);
    const struct fuo_ns_plugin *p = &rig.loaded.plugin;
    assert_string_equal(open_named(&rig, "t1", 0), "null-000000ab");
    assert_string_equal(open_named(&rig, "t1.1", 5), "null-000000ab-1");
    struct fuo_multicast frame = {.id = 2, .group = "null-000000ab"};
    assert_int_equal(p->multicast(rig.ns, &frame), FUO_OK);
    expect_result(&rig, 2, FUO_OK);
    assert_string_equal(open_named(&rig, "t1", 1), "null-000000ab"); /* found again */
    assert_string_equal(open_named(&rig, "t1.1", 5), "null-000000ab-1");
    assert_int_equal(p->group_close(rig.ns, 3, "null-000000ab"), FUO_OK);
    expect_result(&rig, 3, FUO_OK);
    assert_int_equal(p->multicast(rig.ns, &frame), FUO_OK);
    expect_result(&rig, 2, FUO_ENOENT);
    assert_int_equal(p->queue_poll(rig.ns, 4, frame.group), FUO_OK);
    assert_int_equal(rig_event(&rig)->queue.err, FUO_ENOENT);
    rig_close(&rig);
}

static void network_input_means_nothing_to_it(void **state)
{
    (void)state;
    struct rig rig;
    struct fuo_caps caps = {0};
    rig_open(&rig, "null", NULL, 0);
    rig.loaded.plugin.caps(rig.ns, &caps);
    assert_int_equal(caps.multicast_spacing_us, 0);
    rig.loaded.plugin.on_mqtt(rig.ns, "a", NULL, 0, false);
    rig.loaded.plugin.on_published(rig.ns, 1, FUO_OK);
    rig.loaded.plugin.on_http(rig.ns, 1, &(struct fuo_http_response){0});
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

static void tell(struct rig *rig, const char *topic, const char *words, bool retained)
{
    rig->loaded.plugin.on_mqtt(rig->ns, topic, (const uint8_t *)words, strlen(words),
                               retained);
}

static void devices_report_on_request(void **state)
{
    (void)state;
    static const struct option_pair pairs[] = {{"reports", "lab/reports"}};
    struct rig rig;
    rig_open(&rig, "null", pairs, ARRAY_LEN(pairs));
    assert_string_equal(rig.host.filter, "lab/reports/+");
    tell(&rig, "lab/reports/0011223344556677",
         "state=2 result=11 package=1.4.3 firmware=1.4.2", false);
    const struct fuo_event *e = rig_event(&rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_REPORTED);
    assert_true(e->reported.dev_eui == 0x0011223344556677);
    assert_true(e->reported.has_state && e->reported.has_result);
    assert_int_equal(e->reported.state, 2);
    assert_int_equal(e->reported.result, 11);
    assert_string_equal(e->reported.package_version, "1.4.3");
    assert_string_equal(e->reported.firmware_version, "1.4.2");
    tell(&rig, "lab/reports/0011223344556677", "battery=64", false);
    e = rig_event(&rig);
    assert_true(e->reported.has_battery && !e->reported.has_state);
    assert_int_equal(e->reported.battery_percent, 64);
    tell(&rig, "lab/reports/0011223344556677", "  result=5", false);
    e = rig_event(&rig);
    assert_true(!e->reported.has_state && e->reported.has_result);
    assert_string_equal(e->reported.package_version, "");
    rig_close(&rig);
}

static void reports_that_say_nothing_are_rejected(void **state)
{
    (void)state;
    static const char *const words[] = {"",          "hello",     "state=", "state=x",
                                        "state=256", "results=1", "state"};
    static const char *const topics[] = {"r/001122334455667", "r/00112233445566778",
                                         "r/001122334455667x", "r", "r/"};
    static const struct option_pair pairs[] = {{"reports", "r"}};
    struct rig rig;
    char longest[300];
    rig_open(&rig, "null", pairs, ARRAY_LEN(pairs));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        test_row(words[i]);
        tell(&rig, "r/0011223344556677", words[i], false);
        assert_null(rig_event(&rig));
        assert_int_equal(rig.host.reject_count, i + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        test_row(topics[i]);
        tell(&rig, topics[i], "state=1", false);
        assert_null(rig_event(&rig));
    }
    tell(&rig, "r/0011223344556677", "state=1", true); /* of another time */
    assert_null(rig_event(&rig));
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    tell(&rig, "r/0011223344556677", longest, false);
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(devices_report_on_request),
          cmocka_unit_test(reports_that_say_nothing_are_rejected),
          cmocka_unit_test(unicast_fails_and_loses_as_asked),
          cmocka_unit_test(multicast_counts_what_it_loses),
          cmocka_unit_test(groups_of_one_address_count_for_themselves),
          cmocka_unit_test(network_input_means_nothing_to_it))
