/* SPDX-License-Identifier: MIT */
/* test_server_view.c - what a server said: found again, and what is wrong with it. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "loop/server_checks.h"
#include "loop/server_view.h"

static void add_device(struct server_view *view, uint64_t eui, const char *profile,
                       bool class_c)
{
    struct fuo_event e = {.type = FUO_EV_DEVICE};
    e.device.dev_eui = eui;
    e.device.server_profile = profile;
    e.device.lacks_class_b = true;
    e.device.lacks_class_c = !class_c;
    server_view_add_device(view, &e, eui);
}

static void add_gateway(struct server_view *view, uint64_t gateway)
{
    struct fuo_event e = {.type = FUO_EV_LISTED};
    e.listed.gateway = gateway;
    e.listed.state = FUO_GATEWAY_ONLINE;
    server_view_add_gateway(view, &e);
}

static void devices_and_gateways_are_found_again(void **state)
{
    (void)state;
    struct server_view view = {0};
    assert_null(server_view_device(&view, 1));
    assert_null(server_view_gateway(&view, 1));
    for (uint64_t eui = 1000; eui > 0; eui--) {
        add_device(&view, 2 * eui, eui % 2 == 0 ? "even" : "odd", true);
        add_gateway(&view, 3 * eui);
    }
    server_view_end(&view);
    assert_int_equal(server_view_device(&view, 2000)->keys_hash, 2000);
    assert_null(server_view_device(&view, 3));
    assert_int_equal(server_view_gateway(&view, 9)->state, FUO_GATEWAY_ONLINE);
    assert_null(server_view_gateway(&view, 10));
    assert_int_equal(view.profile_count, 2);
    server_view_finish(&view);
    assert_int_equal(view.count, 0);
}

static void the_first_fatal_finding_counts_and_few_are_kept(void **state)
{
    (void)state;
    struct server_view view = {0};
    assert_null(server_view_fatal(&view));
    for (int i = 0; i < SERVER_FINDINGS_MAX + 2; i++) {
        server_view_add_finding(&view, i > 2, "number %d", i);
    }
    assert_int_equal(view.finding_count, SERVER_FINDINGS_MAX);
    assert_string_equal(server_view_fatal(&view), "number 3");
    server_view_finish(&view);
}

static void who_lacks_a_class_is_told_with_the_device_profile(void **state)
{
    (void)state;
    static const uint64_t devices[] = {1, 2, 3, 77};
    struct server_view view = {0};
    char text[SERVER_TEXT_SIZE];
    add_device(&view, 1, "tall", true);
    add_device(&view, 2, "small", false);
    add_device(&view, 3, NULL, false);
    server_view_end(&view);
    assert_false(server_class_text(&view, 'C', devices, 1, text));
    assert_true(server_class_text(&view, 'C', devices, 4, text));
    assert_non_null(strstr(text, "takes 2 devices, the first is 0000000000000002"));
    assert_non_null(strstr(text, "'small' has it not ticked"));
    assert_true(server_class_text(&view, 'B', devices, 4, text));
    assert_non_null(strstr(text, "takes 3 devices"));
    assert_non_null(strstr(text, "Class-B"));
    server_view_finish(&view);
}

/* With LoRaWAN 1.1 the device tells its class itself. */
static void who_is_sent_commands_at_once_is_told(void **state)
{
    (void)state;
    static const uint64_t devices[] = {1, 2, 3};
    struct server_view view = {0};
    char text[SERVER_TEXT_SIZE];
    struct fuo_event newer = {.type = FUO_EV_DEVICE,
                              .device = {.dev_eui = 3, .lorawan_minor = 1}};
    add_device(&view, 1, "small", false);
    add_device(&view, 2, "tall", true);
    server_view_add_device(&view, &newer, 3);
    server_view_end(&view);
    assert_false(server_at_once_text(&view, devices, 1, text));
    assert_true(server_at_once_text(&view, devices, 3, text));
    assert_non_null(strstr(text, "takes 1 devices, the first is 0000000000000002"));
    assert_non_null(strstr(text, "'tall' has 'Device supports Class-C' ticked"));
    assert_non_null(strstr(text, "untick it"));
    server_view_finish(&view);
}

static void a_gateway_that_is_not_there_is_told(void **state)
{
    (void)state;
    uint64_t ids[] = {5, 6};
    struct server_view view = {0};
    char text[SERVER_TEXT_SIZE];
    add_gateway(&view, 5);
    server_view_end(&view);
    assert_false(server_gateway_text(&view, &(struct eui_list){ids, 1}, text));
    assert_true(server_gateway_text(&view, &(struct eui_list){ids, 2}, text));
    assert_non_null(strstr(text, "gateway 0000000000000006"));
    server_view_finish(&view);
}

TEST_MAIN(cmocka_unit_test(devices_and_gateways_are_found_again),
          cmocka_unit_test(the_first_fatal_finding_counts_and_few_are_kept),
          cmocka_unit_test(who_lacks_a_class_is_told_with_the_device_profile),
          cmocka_unit_test(who_is_sent_commands_at_once_is_told),
          cmocka_unit_test(a_gateway_that_is_not_there_is_told))
