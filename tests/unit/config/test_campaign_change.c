/* SPDX-License-Identifier: MIT */
#include "config/campaign_change.h"

#include "config_test.h"

#define HEAD                                                              \
    "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n" \
    "  image: {file: a, version: \"1\", signatures: [s]}\n  targets: {fleet: wm1}\n"

static struct campaign_doc *parse(const char *text)
{
    struct diag_list diags = {0};
    struct config_doc *doc = parse_text("Campaign", text, &diags);
    assert_diags(&diags, "");
    assert_non_null(doc);
    return (struct campaign_doc *)doc;
}

static const struct row {
    const char *name;
    const char *old;
    const char *now;
    int err;
    bool any;
    bool paused;
    bool schedule;
    const char *diags;
} rows[] = {
    {"the same", HEAD, HEAD, FUO_OK, false, false, false, ""},
    {"order and comments",
     HEAD "  priority: 3 # three\n  schedule: {timezone: UTC, endBehavior: stop}\n",
     HEAD "  schedule: {endBehavior: \"stop\", timezone: UTC}\n  priority: 3\n", FUO_OK,
     false, false, false, ""},
    {"paused", HEAD, HEAD "  paused: true\n", FUO_OK, true, true, false, ""},
    {"windows are added", HEAD,
     HEAD "  schedule: {windows: [{days: [mon], start: \"22:00\", end: \"23:00\"}]}\n",
     FUO_OK, true, false, true, ""},
    {"a window is moved",
     HEAD "  schedule: {windows: [{days: [mon], start: \"22:00\", end: \"23:00\"}]}\n",
     HEAD "  schedule: {windows: [{days: [mon], start: \"21:00\", end: \"23:00\"}]}\n",
     FUO_OK, true, false, true, ""},
    {"a blackout is lifted",
     HEAD "  schedule: {blackouts: [{from: \"2026-12-23\", to: \"2027-01-04\"}]}\n", HEAD,
     FUO_OK, true, false, true, ""},
    {"a budget", HEAD "  budgets: {dutyCycle: 50%}\n",
     HEAD "  budgets: {dutyCycle: 5%}\n", FUO_OK, true, false, false, ""},
    {"labels",
     "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n"
     "  image: {file: a, version: \"1\", signatures: [s]}\n  targets: {fleet: wm1}\n",
     "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c, labels: {a: b}}\nspec:\n"
     "  image: {file: a, version: \"1\", signatures: [s]}\n  targets: {fleet: wm1}\n",
     FUO_OK, true, false, false, ""},
    {"the zone beside windows", HEAD "  schedule: {timezone: UTC}\n",
     HEAD "  schedule: {timezone: Europe/Berlin, windows: []}\n", FUO_EPERM, true, false,
     true,
     "f:7:24: spec.schedule.timezone: is fixed since the campaign was applied; put it "
     "back, or give the file another metadata.name\n"},
    {"one of a list", HEAD "  radio: {gateways: [\"00000000000000aa\"]}\n",
     HEAD "  radio: {gateways: [\"00000000000000ab\"]}\n", FUO_EPERM, true, false, false,
     "f:7:21: spec.radio.gateways: is fixed since the campaign was applied; put it back, "
     "or give the file another metadata.name\n"},
};

static void what_may_change_is_told_from_what_may_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign_change change;
        struct diag_list diags = {0};
        struct campaign_doc *old = parse(rows[i].old);
        struct campaign_doc *now = parse(rows[i].now);
        test_row(rows[i].name);
        assert_int_equal(campaign_change_find(old, now, &change, &diags), rows[i].err);
        assert_int_equal(change.any, rows[i].any);
        assert_int_equal(change.paused, rows[i].paused);
        assert_int_equal(change.schedule, rows[i].schedule);
        assert_diags(&diags, rows[i].diags);
        campaign_doc_destroy(old);
        campaign_doc_destroy(now);
    }
}

/* Each is told, also what is not there any more. */
static void every_change_that_is_refused_is_told(void **state)
{
    (void)state;
    struct campaign_change change;
    struct diag_list diags = {0};
    struct campaign_doc *old =
        parse(HEAD "  radio: {spacing: 4s}\n  fragmentation: {size: 50}\n");
    struct campaign_doc *now = parse(HEAD "  priority: 7\n  fragmentation: {size: 51}\n");
    assert_int_equal(campaign_change_find(old, now, &change, &diags), FUO_EPERM);
    assert_int_equal(diags.error_count, 3);
    diag_list_finish(&diags);
    campaign_doc_destroy(old);
    campaign_doc_destroy(now);
}

TEST_MAIN(cmocka_unit_test(what_may_change_is_told_from_what_may_not),
          cmocka_unit_test(every_change_that_is_refused_is_told))
