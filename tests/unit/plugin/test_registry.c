/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "plugin/registry.h"

static int dummy_open(struct fuo_ns **ns, const void *config,
                      const struct fuo_host_ops *ops, struct fuo_host *host)
{
    (void)ns;
    (void)config;
    (void)ops;
    (void)host;
    return FUO_OK;
}

static void dummy_close(struct fuo_ns *ns)
{
    (void)ns;
}

static void dummy_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    (void)caps;
}

static void dummy_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                       size_t payload_len, bool retained)
{
    (void)ns;
    (void)topic;
    (void)payload;
    (void)payload_len;
    (void)retained;
}

static void dummy_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static void dummy_http(struct fuo_ns *ns, uint64_t id, const struct fuo_http_response *r)
{
    (void)ns;
    (void)id;
    (void)r;
}

static int dummy_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    (void)ns;
    (void)downlink;
    return FUO_OK;
}

static int dummy_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    (void)ns;
    (void)id;
    (void)dev_eui;
    return FUO_OK;
}

static int dummy_group(struct fuo_ns *ns, const struct fuo_group *group)
{
    (void)ns;
    (void)group;
    return FUO_OK;
}

static int dummy_by_group(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)ns;
    (void)id;
    (void)group;
    return FUO_OK;
}

static int dummy_multicast(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    (void)ns;
    (void)frame;
    return FUO_OK;
}

static struct fuo_ns_plugin good(void)
{
    return (struct fuo_ns_plugin){
        .abi = FUO_NS_ABI,
        .size = sizeof(struct fuo_ns_plugin),
        .name = "good",
        .config_size = 16,
        .open = dummy_open,
        .close = dummy_close,
        .caps = dummy_caps,
        .on_mqtt = dummy_mqtt,
        .on_published = dummy_published,
        .on_http = dummy_http,
        .unicast = dummy_unicast,
        .unicast_flush = dummy_flush,
        .group_open = dummy_group,
        .group_close = dummy_by_group,
        .multicast = dummy_multicast,
        .queue_poll = dummy_by_group,
        .queue_flush = dummy_by_group,
    };
}

static int adopt(struct fuo_ns_plugin declared)
{
    struct fuo_ns_plugin plugin = {.abi = 77};
    int err = registry_adopt(&declared, &plugin);
    if (err != FUO_OK) {
        assert_int_equal(plugin.abi, 77); /* untouched */
    }
    return err;
}

static void each_mandatory_member_is_missed(void **state)
{
    (void)state;
    struct fuo_ns_plugin p = good();
    assert_int_equal(adopt(p), FUO_OK);
#define WITHOUT(member, err)             \
    do {                                 \
        test_row(#member);               \
        p = good();                      \
        p.member = 0;                    \
        assert_int_equal(adopt(p), err); \
    } while (0)
    WITHOUT(abi, FUO_EABI);
    WITHOUT(size, FUO_EABI);
    WITHOUT(name, FUO_EINVAL);
    WITHOUT(open, FUO_EINVAL);
    WITHOUT(close, FUO_EINVAL);
    WITHOUT(caps, FUO_EINVAL);
    WITHOUT(on_mqtt, FUO_EINVAL);
    WITHOUT(on_published, FUO_EINVAL);
    WITHOUT(on_http, FUO_EINVAL);
    WITHOUT(unicast, FUO_EINVAL);
    WITHOUT(unicast_flush, FUO_EINVAL);
    WITHOUT(group_open, FUO_EINVAL); /* multicast: all or nothing */
    WITHOUT(group_close, FUO_EINVAL);
    WITHOUT(multicast, FUO_EINVAL);
    WITHOUT(queue_poll, FUO_EINVAL);
    WITHOUT(queue_flush, FUO_EINVAL);
}

static void members_an_old_plugin_does_not_have_are_null(void **state)
{
    (void)state;
    struct fuo_ns_plugin p = good();
    struct fuo_ns_plugin adopted;
    p.size = offsetof(struct fuo_ns_plugin, group_open);
    assert_int_equal(registry_adopt(&p, &adopted), FUO_OK);
    assert_non_null(adopted.unicast_flush);
    assert_null(adopted.group_open);
    assert_null(adopted.queue_flush);
    p.size--;
    assert_int_equal(adopt(p), FUO_EABI);
}

static void members_of_a_newer_plugin_are_left_out(void **state)
{
    (void)state;
    struct {
        struct fuo_ns_plugin plugin;
        void *later;
    } newer = {.plugin = good()};
    newer.plugin.size = sizeof(newer);
    struct fuo_ns_plugin adopted;
    assert_int_equal(registry_adopt(&newer.plugin, &adopted), FUO_OK);
    assert_non_null(adopted.queue_flush);
}

static void option_tables_must_fit_the_config(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fuo_option option;
        int err;
    } rows[] = {
        {"fits", {"k", FUO_OPT_STRING, 8, "", "help"}, FUO_OK},
        {"beyond", {"k", FUO_OPT_STRING, 16, "", "help"}, FUO_EINVAL},
        {"far beyond", {"k", FUO_OPT_BOOL, SIZE_MAX, "", "help"}, FUO_EINVAL},
        {"crooked", {"k", FUO_OPT_U32, 2, "", "help"}, FUO_EINVAL},
        {"duration", {"k", FUO_OPT_DURATION_US, 0, "0", "help"}, FUO_OK},
        {"no help", {"k", FUO_OPT_BOOL, 0, "", NULL}, FUO_EINVAL},
        {"no name", {"", FUO_OPT_BOOL, 0, "", "help"}, FUO_EINVAL},
        {"unknown type", {"k", (enum fuo_option_type)99, 0, "", "help"}, FUO_EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuo_option table[2] = {rows[i].option, {0}};
        struct fuo_ns_plugin p = good();
        test_row(rows[i].name);
        p.options = table;
        assert_int_equal(adopt(p), rows[i].err);
    }
    struct fuo_option endless[64];
    for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
        endless[i] = rows[0].option;
    }
    struct fuo_ns_plugin p = good();
    p.options = endless;
    assert_int_equal(adopt(p), FUO_EINVAL);
    p = good();
    p.config_size = 1 << 20;
    assert_int_equal(adopt(p), FUO_EINVAL);
}

TEST_MAIN(cmocka_unit_test(each_mandatory_member_is_missed),
          cmocka_unit_test(members_an_old_plugin_does_not_have_are_null),
          cmocka_unit_test(members_of_a_newer_plugin_are_left_out),
          cmocka_unit_test(option_tables_must_fit_the_config))
