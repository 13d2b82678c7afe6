/* SPDX-License-Identifier: MIT */
/* Time on air against Semtech's driver, regions against ChirpStack's tables. */
#include "json_vectors.h"

#include "radio/airtime.h"
#include "radio/region.h"

static void airtime_rows_are_exact(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("airtime.json");
    struct json_object *rows = vec_get(root, "rows");
    for (size_t i = 0; i < vec_count(rows); i++) {
        struct json_object *row = vec_at(rows, i);
        enum direction direction =
            vec_int(row, "crc") != 0 ? DIRECTION_UP : DIRECTION_DOWN;
        struct lora_modem modem = lora_modem_for((uint8_t)vec_int(row, "sf"),
                                                 (uint32_t)vec_int(row, "bw"), direction);
        assert_int_equal(modem.low_dr_optimize, vec_int(row, "ldro") != 0);
        assert_int_equal(lora_airtime_us(&modem, (size_t)vec_int(row, "phy_len")),
                         vec_int(row, "toa_us"));
    }
    assert_in_range(vec_count(rows), 648, 100000);
    json_object_put(root);
}

static int64_t int_or(struct json_object *o, const char *key, int64_t fallback)
{
    return vec_has(o, key) ? vec_int(o, key) : fallback;
}

static bool true_or(struct json_object *o, const char *key, bool fallback)
{
    return vec_has(o, key) ? json_object_get_boolean(vec_get(o, key)) : fallback;
}

static void check_unit_case(struct json_object *c)
{
    struct lora_modem modem =
        lora_modem_for((uint8_t)vec_int(c, "sf"),
                       (uint32_t)int_or(c, "bw_khz", 125) * 1000, DIRECTION_UP);
    size_t payload = (size_t)int_or(c, "payload", 0);
    modem.preamble_symbols = (uint16_t)int_or(c, "preamble", 8);
    modem.implicit_header = !true_or(c, "header", true);
    modem.low_dr_optimize = true_or(c, "ldro", modem.low_dr_optimize);
    modem.coding_rate = vec_has(c, "cr") ? (uint8_t)(vec_text(c, "cr")[2] - '4') : 1;

    if (vec_has(c, "airtime_us")) {
        assert_int_equal(lora_airtime_us(&modem, payload), vec_int(c, "airtime_us"));
    } else if (vec_has(c, "symbol_us")) {
        assert_int_equal(lora_symbol_us(modem.sf, modem.bw_hz), vec_int(c, "symbol_us"));
    } else if (vec_has(c, "preamble_us")) {
        assert_int_equal(lora_preamble_us(&modem), vec_int(c, "preamble_us"));
    } else {
        assert_int_equal(lora_payload_symbols(&modem, payload), vec_int(c, "symbols"));
    }
}

static void airtime_unit_tests_of_another_implementation_pass(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("airtime.json");
    struct json_object *cases = vec_get(vec_get(root, "unit_tests"), "cases");
    assert_int_equal(vec_count(cases), 9);
    for (size_t i = 0; i < vec_count(cases); i++) {
        check_unit_case(vec_at(cases, i));
    }
    json_object_put(root);
}

/* The file writes AS923_2, we write AS923-2. */
static const struct region *region_of(struct json_object *r)
{
    char name[16];
    snprintf(name, sizeof(name), "%s", vec_text(r, "region"));
    for (char *p = name; *p != '\0'; p++) {
        if (*p == '_') {
            *p = '-';
        }
    }
    const struct region *region = region_by_name(name);
    assert_non_null(region);
    return region;
}

static enum modulation modulation_of(const char *text)
{
    if (strcmp(text, "LORA") == 0) {
        return MODULATION_LORA;
    }
    return strcmp(text, "FSK") == 0 ? MODULATION_FSK : MODULATION_LR_FHSS;
}

static void check_data_rates(const struct region *region, struct json_object *rates)
{
    size_t known = 0;
    for (size_t i = 0; i < vec_count(rates); i++) {
        struct json_object *row = vec_at(rates, i);
        enum direction direction =
            strcmp(vec_text(row, "dir"), "up") == 0 ? DIRECTION_UP : DIRECTION_DOWN;
        const struct data_rate *rate =
            region_data_rate(region, (uint8_t)vec_int(row, "dr"), direction);
        assert_non_null(rate);
        assert_int_equal(rate->modulation, modulation_of(vec_text(row, "modulation")));
        assert_int_equal(rate->sf, int_or(row, "sf", 0));
        assert_int_equal(rate->bw_hz, int_or(row, "bw_hz", 0));
        assert_int_equal(rate->bitrate_bps, int_or(row, "bitrate", 0));
    }
    for (unsigned i = 0; i < REGION_DR_COUNT; i++) {
        uint8_t dr = (uint8_t)i;
        known += region_data_rate(region, dr, DIRECTION_UP) != NULL;
        known += region_data_rate(region, dr, DIRECTION_DOWN) != NULL;
    }
    assert_int_equal(known, vec_count(rates));
}

/* SF5, SF6 and LR-FHSS are left out of our tables: not for payload unless a profile says so. */
static bool usual(const struct region *region, uint8_t dr)
{
    const struct data_rate *rate = region_data_rate(region, dr, DIRECTION_DOWN);
    return rate != NULL && (rate->modulation == MODULATION_FSK || rate->sf >= 7);
}

static int64_t listed_payload(const struct region *region, uint8_t dr,
                              struct json_object *limits)
{
    char key[4];
    snprintf(key, sizeof(key), "%u", dr);
    return usual(region, dr) && vec_has(limits, key) ? vec_int(vec_get(limits, key), "N")
                                                     : 0;
}

static void check_payload(const struct region *region, struct json_object *row)
{
    const char *version = vec_text(row, "mac_version");
    struct payload_rules rules = {
        .edition = strstr(version, "RP002") != NULL ? PAYLOAD_RP002 : PAYLOAD_LEGACY,
        .repeater = json_object_get_boolean(vec_get(row, "repeater_compatible")),
        .dwell = json_object_get_boolean(vec_get(row, "dl_dwell_400ms")),
    };
    struct payload_rules safe = {PAYLOAD_SAFE, rules.repeater, rules.dwell};
    struct json_object *limits = vec_get(row, "max_dl_payload");
    for (unsigned i = 0; i < REGION_DR_COUNT; i++) {
        uint8_t dr = (uint8_t)i;
        uint8_t got = region_max_payload(region, dr, rules);
        assert_int_equal(got, listed_payload(region, dr, limits));
        assert_true(region_max_payload(region, dr, safe) <= got);
    }
}

static void check_channels(const struct region *region, struct json_object *r)
{
    assert_int_equal(region->rx2_hz, vec_int(r, "rx2_frequency"));
    assert_int_equal(region->rx2_dr, vec_int(r, "rx2_dr"));
    assert_int_equal(region->max_uplink_dr, vec_int(r, "max_ul_dr"));
    struct json_object *eirp = vec_get(r, "dl_eirp_dbm");
    struct json_object_iterator it = json_object_iter_begin(eirp);
    struct json_object_iterator end = json_object_iter_end(eirp);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        uint32_t hz = (uint32_t)strtoul(json_object_iter_peek_name(&it), NULL, 10);
        assert_int_equal(region_downlink_eirp_dbm(region, hz),
                         json_object_get_int(json_object_iter_peek_value(&it)));
    }
}

static void regions_equal_the_network_servers_tables(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("regions.json");
    struct json_object *regions = vec_get(root, "regions");
    assert_int_equal(vec_count(regions), REGION_COUNT);
    for (size_t i = 0; i < vec_count(regions); i++) {
        struct json_object *r = vec_at(regions, i);
        const struct region *region = region_of(r);
        struct json_object *payloads = vec_get(r, "max_payload");
        test_row(region->name);
        check_data_rates(region, vec_get(r, "data_rates"));
        check_channels(region, r);
        for (size_t k = 0; k < vec_count(payloads); k++) {
            check_payload(region, vec_at(payloads, k));
        }
    }
    json_object_put(root);
}

TEST_MAIN(cmocka_unit_test(airtime_rows_are_exact),
          cmocka_unit_test(airtime_unit_tests_of_another_implementation_pass),
          cmocka_unit_test(regions_equal_the_network_servers_tables))
