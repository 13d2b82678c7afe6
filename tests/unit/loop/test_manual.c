/* SPDX-License-Identifier: MIT */
/* activation.mode manual through the whole daemon: who may approve what, and who is told. */
#include "daemon_fixture.h"

static const char manual[] =
    "targets: { fleet: f }\n"
    "  activation: { mode: manual }\n"
    "  rollout: { waves: [{ name: pilot, size: 1, approval: required }, { name: rest, "
    "size: 100% }] }\n";

static void installing_is_approved_apart_from_the_wave(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        int code;
    } rows[] = {
        {"{\"name\":\"camp\",\"install\":true}", CTL_CONFLICT}, /* pilot has not begun */
        {"{\"name\":\"camp\",\"install\":true,\"wave\":\"none\"}", CTL_NOT_FOUND},
        {"{\"name\":\"camp\"}", 0},
        {"{\"name\":\"camp\",\"install\":true}", 0},
        {"{\"name\":\"camp\",\"install\":true}", 0}, /* once more does no harm */
        {"{\"name\":\"camp\",\"install\":true,\"wave\":\"rest\"}", 0},
    };
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(
        submit(&f, CTL_APPLY, edited("targets: { fleet: f }\n", manual), f.signature), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(call(&f, CTL_APPROVE, rows[i].params), rows[i].code);
        assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
        assert_answer(&f, "/campaigns/0/devices/installable", "0");
        assert_answer(&f, "/campaigns/0/waves/0/installs", i < 3 ? "false" : "true");
        assert_answer(&f, "/campaigns/0/waves/1/installs", i < 5 ? "false" : "true");
    }
    daemon_kill(&f);
    daemon_start(&f);
    assert_int_equal(call(&f, CTL_STATUS, "{\"name\":\"camp\"}"), 0);
    assert_answer(&f, "/campaigns/0/waves/0/installs", "true");
    assert_int_equal(call(&f, CTL_AUDIT, NULL), 0);
    assert_answer(&f, "/records/1/action", "approve");
    assert_answer(&f, "/records/1/detail", "");
    assert_answer(&f, "/records/2/detail", "install");
    assert_answer(&f, "/records/4/detail", "install rest");
    daemon_stop(&f);
    fixture_remove(&f);
}

static void others_install_by_themselves(void **state)
{
    (void)state;
    struct daemon_fixture f;
    fixture_files(&f);
    daemon_start(&f);
    upload(&f);
    assert_int_equal(submit(&f, CTL_APPLY, campaign_yaml, f.signature), 0);
    assert_int_equal(call(&f, CTL_APPROVE, "{\"name\":\"camp\",\"install\":true}"),
                     CTL_CONFLICT);
    daemon_stop(&f);
    fixture_remove(&f);
}

TEST_MAIN(cmocka_unit_test(installing_is_approved_apart_from_the_wave),
          cmocka_unit_test(others_install_by_themselves))
