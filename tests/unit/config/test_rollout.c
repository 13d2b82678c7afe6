/* SPDX-License-Identifier: MIT */
#include "config/rollout.h"

#include "campaign/wave.h"
#include "config_test.h"

enum { DEVICES = 60 };

/* Devices 0 to 5 are in the lab, a fifth of the others has hardware C, the rest A or B. */
static struct inventory inventory(void)
{
    char text[DEVICES * 48 + 64];
    size_t len =
        (size_t)snprintf(text, sizeof(text), "dev_eui,label:site,label:hardware\n");
    for (unsigned i = 0; i < DEVICES; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%016x,%s,%s\n",
                                0x1000 + i, i < 6 ? "lab" : "",
                                i % 5 == 0   ? "C"
                                : i % 2 == 0 ? "A"
                                             : "B");
    }
    struct inventory made;
    struct diag_list diags = {0};
    assert_int_equal(inventory_parse("i", text, len, &made, &diags), FUO_OK);
    return made;
}

static struct campaign_doc *campaign(const char *name, const char *rollout)
{
    char text[1024];
    struct diag_list diags = {0};
    snprintf(text, sizeof(text),
             "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: %s}\nspec:\n"
             "  image: {file: a, version: \"1\", signatures: [s]}\n"
             "  targets: {fleet: wm1}\n%s",
             name, rollout);
    struct config_doc *doc = parse_text("Campaign", text, &diags);
    assert_int_equal(diags.error_count, 0); /* a warning: not all are in a wave */
    diag_list_finish(&diags);
    assert_non_null(doc);
    return (struct campaign_doc *)doc;
}

struct assigned {
    uint8_t waves[DEVICES];
    uint32_t sizes[4];
};

static int assign(const char *name, const char *rollout, struct assigned *out,
                  struct diag_list *diags)
{
    struct campaign_doc *c = campaign(name, rollout);
    struct inventory all = inventory();
    uint64_t devices[DEVICES];
    for (size_t i = 0; i < DEVICES; i++) {
        devices[i] = all.devices[i].dev_eui;
    }
    const struct rollout request = {devices, DEVICES, out->waves, out->sizes};
    const struct inventory *only = &all;
    int err = rollout_assign(c, &(struct inventories){&only, 1}, &request, diags);
    inventory_finish(&all);
    campaign_doc_destroy(c);
    return err;
}

static void the_default_waves_take_everybody(void **state)
{
    (void)state;
    struct assigned a;
    struct diag_list diags = {0};
    assert_int_equal(assign("c", "", &a, &diags), FUO_OK);
    assert_diags(&diags, "");
    assert_int_equal(a.sizes[0], 10);
    assert_int_equal(a.sizes[1], 0); /* 10 % are the canaries already */
    assert_int_equal(a.sizes[2], 50);
    for (size_t i = 0; i < DEVICES; i++) {
        assert_true(a.waves[i] == 0 || a.waves[i] == 2);
    }
}

static void the_name_or_the_seed_decides(void **state)
{
    (void)state;
    struct assigned first;
    struct assigned again;
    struct assigned other;
    struct assigned seeded;
    struct diag_list diags = {0};
    assert_int_equal(assign("c", "", &first, &diags), FUO_OK);
    assert_int_equal(assign("c", "", &again, &diags), FUO_OK);
    assert_int_equal(assign("d", "", &other, &diags), FUO_OK);
    assert_int_equal(assign("d", "  rollout: {seed: c}\n", &seeded, &diags), FUO_OK);
    assert_memory_equal(first.waves, again.waves, DEVICES);
    assert_memory_equal(first.waves, seeded.waves, DEVICES);
    assert_memory_not_equal(first.waves, other.waves, DEVICES);
    assert_diags(&diags, "");
}

static void labels_select_and_spread(void **state)
{
    (void)state;
    struct assigned a;
    struct diag_list diags = {0};
    assert_int_equal(
        assign("c",
               "  rollout:\n    waves:\n"
               "      - {name: lab, size: 100%, select: {labels: {site: lab}}}\n"
               "      - {name: canary, size: 15, spread: [site, hardware]}\n"
               "      - {name: rest, size: 90%}\n",
               &a, &diags),
        FUO_OK);
    assert_diags(&diags, "");
    assert_int_equal(a.sizes[0], 6);
    assert_int_equal(a.sizes[1], 9);
    assert_int_equal(a.sizes[2], 39);
    size_t of[3] = {0};
    for (size_t i = 0; i < DEVICES; i++) {
        assert_int_equal(a.waves[i] == 0, i < 6);
        of[0] += a.waves[i] == 1 && i % 5 == 0;
        of[1] += a.waves[i] == 1 && i % 5 != 0 && i % 2 == 0;
        of[2] += a.waves[i] == 1 && i % 5 != 0 && i % 2 != 0;
    }
    for (size_t k = 0; k < ARRAY_LEN(of); k++) { /* of each kind of hardware, 3 or so */
        assert_in_range(of[k], 2, 4);
    }
}

static void a_label_that_nobody_has_is_an_error(void **state)
{
    (void)state;
    struct assigned a;
    struct diag_list diags = {0};
    assert_int_equal(
        assign("c",
               "  rollout:\n    waves:\n"
               "      - {name: lab, size: 100%, select: {labels: {site: roof}}}\n"
               "      - {name: rest, size: 100%}\n",
               &a, &diags),
        FUO_ENOENT);
    assert_diags(&diags, "f:9:41: spec.rollout.waves[0].select: none of the 60 targets "
                         "matches: the wave would be empty\n");
}

TEST_MAIN(cmocka_unit_test(the_default_waves_take_everybody),
          cmocka_unit_test(the_name_or_the_seed_decides),
          cmocka_unit_test(labels_select_and_spread),
          cmocka_unit_test(a_label_that_nobody_has_is_an_error))
