/* SPDX-License-Identifier: MIT */
/* fuota-sim --dialect lwm2m: its options, addresses, inventory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "fuota-sim/files.h"
#include "fuota-sim/lwm2m.h"
#include "fuota-sim/lwm2m_link.h"

static int parse(const char *option, const char *value, struct sim_options *options)
{
    struct detail detail = {0};
    char *argv[] = {(char *)(uintptr_t) "fuota-sim", (char *)(uintptr_t) "--dialect",
                    (char *)(uintptr_t) "lwm2m",     (char *)(uintptr_t)option,
                    (char *)(uintptr_t)value,        NULL};
    return options_parse(option == NULL ? 3 : 5, argv, options, &detail);
}

static void it_has_defaults(void **state)
{
    (void)state;
    struct sim_options o;
    assert_int_equal(parse(NULL, NULL, &o), FUO_OK);
    assert_true(o.lwm2m.wanted);
    assert_string_equal(o.lwm2m.host, "127.0.0.1");
    assert_int_equal(o.lwm2m.port, 5683);
    assert_int_equal(o.lwm2m.lifetime_us, DAYS_US(1));
    assert_int_equal(o.lwm2m.kind_count, 1);
    assert_string_equal(o.lwm2m.kinds[0]->name, "plain");
    assert_null(o.lwm2m.firmware_version);
}

static void a_server_is_a_coap_address(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host; /* NULL: not valid */
        uint16_t port;
    } rows[] = {
        {"coap://127.0.0.1", "127.0.0.1", 5683},
        {"coap://localhost:99", "localhost", 99},
        {"coap://[::1]:5690", "::1", 5690},
        {"coap://[::1]", "::1", 5683},
        {"coaps://localhost", "localhost", 5684},
        {"coaps://[::1]:99", "::1", 99},
        {"coaps:/x", NULL, 0},
        {"coapt://x", NULL, 0},
        {"127.0.0.1", NULL, 0},
        {"http://127.0.0.1", NULL, 0},
        {"coap://", NULL, 0},
        {"coap://x:0", NULL, 0},
        {"coap://x:65536", NULL, 0},
        {"coap://x:1/", NULL, 0},
        {"coap://x/", NULL, 0},
        {"coap://[::1", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sim_options o;
        test_row(rows[i].text);
        int err = parse("--server", rows[i].text, &o);
        assert_int_equal(err, rows[i].host != NULL ? FUO_OK : FUO_EINVAL);
        if (rows[i].host != NULL) {
            assert_string_equal(o.lwm2m.host, rows[i].host);
            assert_int_equal(o.lwm2m.port, rows[i].port);
            assert_int_equal(o.lwm2m.secure, rows[i].text[4] == 's');
        }
    }
}

static void kinds_are_named(void **state)
{
    (void)state;
    struct sim_options o;
    assert_int_equal(parse("--kind", "zephyr,anjay", &o), FUO_OK);
    assert_int_equal(o.lwm2m.kind_count, 2);
    assert_string_equal(o.lwm2m.kinds[1]->name, "anjay");
    assert_int_equal(parse("--kind", "mix", &o), FUO_OK);
    assert_int_equal(o.lwm2m.kind_count, lwm2m_quirks_count);
    assert_int_equal(parse("--kind", "help", &o), FUO_OK);
    assert_true(o.lwm2m.list_kinds);
    assert_int_equal(parse("--kind", "zephyr,", &o), FUO_EINVAL);
    assert_int_equal(parse("--kind", "nobody", &o), FUO_EINVAL);
}

static void other_values_are_checked(void **state)
{
    (void)state;
    struct sim_options o;
    assert_int_equal(parse("--lifetime", "10m", &o), FUO_OK);
    assert_int_equal(o.lwm2m.lifetime_us, MINUTES_US(10));
    assert_int_equal(parse("--lifetime", "9s", &o), FUO_EINVAL);
    assert_int_equal(parse("--firmware-version", "2.0", &o), FUO_OK);
    assert_string_equal(o.lwm2m.firmware_version, "2.0");
    assert_int_equal(parse("--firmware-version", "", &o), FUO_EINVAL);
    assert_int_equal(parse("--dialect", "lorawan", &o), FUO_EINVAL);
}

static void devices_stay_on_this_machine(void **state)
{
    (void)state;
    struct sockaddr_storage a = {0};
    assert_int_equal(lwm2m_link_address("127.0.0.1", 1, &a), FUO_OK);
    assert_int_equal(a.ss_family, AF_INET);
    assert_int_equal(lwm2m_link_address("localhost", 1, &a), FUO_OK);
    assert_int_equal(lwm2m_link_address("::1", 1, &a), FUO_OK);
    assert_int_equal(a.ss_family, AF_INET6);
    assert_int_equal(lwm2m_link_address("192.0.2.1", 1, &a), FUO_EINVAL);
    assert_int_equal(lwm2m_link_address("2001:db8::1", 1, &a), FUO_EINVAL);
    assert_int_equal(lwm2m_link_address("example.org", 1, &a), FUO_EINVAL);
}

static void an_inventory_has_a_key_for_each(void **state)
{
    (void)state;
    struct sim_options o;
    char path[] = "/tmp/fuo-test-XXXXXX";
    char text[512] = "";
    uint8_t first[LWM2M_KEY_BYTES];
    uint8_t second[LWM2M_KEY_BYTES];
    assert_int_equal(parse("--devices", "2", &o), FUO_OK);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(lwm2m_inventory_write(path, &o), FUO_OK);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    unlink(path);
    assert_memory_equal(text, "dev_eui,name,app_key,label:site\n", 32);
    assert_non_null(strstr(text, "\n70b3d57ed0060001,sim-00001,"));
    assert_non_null(strstr(text, "\n70b3d57ed0060002,sim-00002,"));
    assert_non_null(strstr(text, ",site-b\n"));
    lwm2m_key(&o, 0, first);
    lwm2m_key(&o, 1, second);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_int_equal(lwm2m_inventory_write("/nonexistent/x", &o), FUO_EIO);
}

TEST_MAIN(cmocka_unit_test(it_has_defaults), cmocka_unit_test(a_server_is_a_coap_address),
          cmocka_unit_test(kinds_are_named), cmocka_unit_test(other_values_are_checked),
          cmocka_unit_test(devices_stay_on_this_machine),
          cmocka_unit_test(an_inventory_has_a_key_for_each))
