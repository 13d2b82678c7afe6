/* SPDX-License-Identifier: MIT */
/* What is stored besides the engine's records: sources, images, keys, counters. */
#include "store_fixture.h"

#include <sqlite3.h>

#include "io/file.h"

static struct fixture fix;

static int setup(void **state)
{
    (void)state;
    fixture_create(&fix);
    fixture_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(&fix);
    return 0;
}

/* ---- sources and images ---- */

static int see_source(void *arg, const struct store_source *source)
{
    size_t *count = arg;
    assert_int_equal(source->campaign_id, *count + 1);
    assert_string_equal(source->name, "wm1");
    assert_string_equal(source->fleet, "fleet-a");
    assert_string_equal(source->yaml, "kind: Campaign\n");
    assert_string_equal(source->signatures, "untrusted comment: x\n");
    assert_int_equal(source->image_digest[0], 0xd1);
    assert_int_equal(source->spec_digest[31], 0xd2);
    ++*count;
    return FUO_OK;
}

static struct store_source a_source(uint32_t campaign_id)
{
    struct store_source source = {
        .campaign_id = campaign_id,
        .name = "wm1",
        .fleet = "fleet-a",
        .yaml = "kind: Campaign\n",
        .signatures = "untrusted comment: x\n",
    };
    memset(source.image_digest, 0xd1, sizeof(source.image_digest));
    memset(source.spec_digest, 0xd2, sizeof(source.spec_digest));
    return source;
}

static void sources_come_back_by_campaign(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    for (uint32_t id = 2; id > 0; id--) {
        struct store_source source = a_source(id);
        store_batch_source(&batch, &source);
    }
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_reopen(&fix);
    size_t count = 0;
    assert_int_equal(store_load_sources(fix.store, see_source, &count, NULL), FUO_OK);
    assert_int_equal(count, 2);
}

static struct store_image an_image(uint8_t *bytes, size_t len)
{
    struct store_image image = {.bytes = bytes, .len = len, .signatures = "sig\nsig2\n"};
    memset(bytes, 0x42, len);
    store_digest(bytes, len, image.digest);
    return image;
}

static void an_image_comes_back_with_its_signatures(void **state)
{
    (void)state;
    uint8_t bytes[60000];
    struct store_image image = an_image(bytes, sizeof(bytes));
    struct store_batch batch = {0};
    store_batch_image(&batch, &image);
    store_batch_image(&batch, &image); /* twice is once */
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_reopen(&fix);
    AUTO_FREE uint8_t *back = NULL;
    AUTO_FREE uint8_t *again = NULL;
    AUTO_FREE char *signatures = NULL;
    size_t len = 0;
    assert_int_equal(
        store_load_image(fix.store, image.digest, &back, &len, &signatures, NULL),
        FUO_OK);
    assert_int_equal(len, sizeof(bytes));
    assert_memory_equal(back, bytes, len);
    assert_string_equal(signatures, "sig\nsig2\n");
    assert_int_equal(store_load_image(fix.store, image.digest, &again, &len, NULL, NULL),
                     FUO_OK);
}

static void an_image_that_is_absent_or_damaged_is_not_returned(void **state)
{
    (void)state;
    uint8_t bytes[100];
    struct store_image image = an_image(bytes, sizeof(bytes));
    struct store_batch batch = {0};
    struct detail detail = {0};
    uint8_t *back = NULL;
    size_t len = 5;
    assert_int_equal(
        store_load_image(fix.store, image.digest, &back, &len, NULL, &detail),
        FUO_ENOENT);
    bytes[50] ^= 1;
    store_batch_image(&batch, &image);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(
        store_load_image(fix.store, image.digest, &back, &len, NULL, &detail), FUO_EAUTH);
    assert_null(back);
    assert_int_equal(len, 5);
    assert_non_null(strstr(detail.text, "damaged"));
}

static void an_empty_image_is_an_image(void **state)
{
    (void)state;
    uint8_t byte = 0;
    struct store_image image = an_image(&byte, 0);
    struct store_batch batch = {0};
    AUTO_FREE uint8_t *back = NULL;
    size_t len = 5;
    store_batch_image(&batch, &image);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(store_load_image(fix.store, image.digest, &back, &len, NULL, NULL),
                     FUO_OK);
    assert_int_equal(len, 0);
}

static void a_dropped_campaign_takes_all_its_rows_along(void **state)
{
    (void)state;
    uint8_t bytes[100];
    struct store_image image = an_image(bytes, sizeof(bytes));
    struct store_batch batch = {0};
    const uint8_t key[STORE_KEY_BYTES] = {1};
    store_batch_image(&batch, &image);
    for (uint32_t id = 1; id <= 2; id++) {
        struct campaign_rec campaign = {.id = id};
        struct member_rec member = fixture_member(id, 9);
        struct transmission_rec transmission = {.id = 10 + id, .campaign_id = id};
        struct lane_rec lane = {.transmission_id = 10 + id, .no = 1};
        struct store_source source = a_source(id);
        memcpy(source.image_digest, image.digest, sizeof(image.digest));
        store_batch_record(&batch, STORE_CAMPAIGN, &campaign);
        store_batch_record(&batch, STORE_MEMBER, &member);
        store_batch_record(&batch, STORE_TRANSMISSION, &transmission);
        store_batch_record(&batch, STORE_LANE, &lane);
        store_batch_source(&batch, &source);
        store_batch_mc_key(&batch, fix.store, 10 + id, id, key);
    }
    store_batch_campaign_drop(&batch, 1);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);

    struct secret opened = {0};
    uint32_t mc_addr = 0;
    AUTO_FREE uint8_t *back = NULL;
    size_t len = 0;
    assert_int_equal(
        fixture_load(&fix, STORE_CAMPAIGN, sizeof(struct campaign_rec)).last.campaign.id,
        2);
    assert_int_equal(
        fixture_load(&fix, STORE_CAMPAIGN, sizeof(struct campaign_rec)).count, 1);
    assert_int_equal(fixture_load(&fix, STORE_MEMBER, sizeof(struct member_rec)).count,
                     1);
    assert_int_equal(
        fixture_load(&fix, STORE_TRANSMISSION, sizeof(struct transmission_rec)).count, 1);
    struct seen lanes = fixture_load(&fix, STORE_LANE, sizeof(struct lane_rec));
    assert_int_equal(lanes.count, 1);
    assert_int_equal(lanes.last.lane.transmission_id, 12);
    assert_int_equal(store_load_mc_key(fix.store, 11, &mc_addr, &opened, NULL),
                     FUO_ENOENT);
    /* The second campaign still needs the image. */
    assert_int_equal(store_load_image(fix.store, image.digest, &back, &len, NULL, NULL),
                     FUO_OK);
    struct group_rec kept = {.slot = 3, .id = 12};
    store_batch_record(&batch, STORE_GROUP, &kept);
    store_batch_campaign_drop(&batch, 2);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(store_load_mc_key(fix.store, 12, &mc_addr, &opened, NULL), FUO_OK);
    secret_release(&opened);
    assert_int_equal(store_load_image(fix.store, image.digest, &back, &len, NULL, NULL),
                     FUO_ENOENT);
}

/* ---- keys ---- */

static const uint8_t root_key[STORE_KEY_BYTES] = "root-key-in-test";
static const uint8_t app_key[STORE_KEY_BYTES] = "app--key-in-test";
static const uint8_t mc_key[STORE_KEY_BYTES] = "mc---key-in-test";

static struct store_inventory a_device(uint64_t dev_eui)
{
    return (struct store_inventory){
        .dev_eui = dev_eui,
        .fleet = "fleet-a",
        .name = "meter",
        .profile = "lbm-v2",
        .labels = "{\"site\":\"x\"}",
        .lorawan_minor = 1,
        .gen_app_key = root_key,
        .app_key = app_key,
    };
}

static struct store_done ask_key(uint64_t dev_eui)
{
    assert_int_equal(store_query_device_key(fix.store, 3, dev_eui), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_DEVICE_KEY);
    assert_int_equal(done.device_key.dev_eui, dev_eui);
    return done;
}

static void root_keys_are_unsealed_on_request(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct store_inventory device = a_device(1);
    store_batch_inventory(&batch, fix.store, &device);
    device.dev_eui = 2;
    device.gen_app_key = NULL;
    store_batch_inventory(&batch, fix.store, &device);
    device.dev_eui = 3;
    device.app_key = NULL;
    store_batch_inventory(&batch, fix.store, &device);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_reopen(&fix);

    struct store_done done = ask_key(1);
    assert_int_equal(done.err, FUO_OK);
    assert_int_equal(done.device_key.lorawan_minor, 1);
    assert_true(done.device_key.has_gen_app_key && done.device_key.has_app_key);
    assert_memory_equal(done.device_key.gen_app_key, root_key, STORE_KEY_BYTES);
    assert_memory_equal(done.device_key.app_key, app_key, STORE_KEY_BYTES);
    store_done_finish(&done);
    assert_int_equal(done.device_key.app_key[0], 0);
    done = ask_key(2);
    assert_int_equal(done.err, FUO_OK);
    assert_false(done.device_key.has_gen_app_key);
    assert_memory_equal(done.device_key.app_key, app_key, STORE_KEY_BYTES);
    store_done_finish(&done);
    done = ask_key(3);
    assert_int_equal(done.err, FUO_ENOENT);
    store_done_finish(&done);
    done = ask_key(4);
    assert_int_equal(done.err, FUO_ENOENT);
    store_done_finish(&done);

    store_batch_inventory_drop(&batch, 1);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    done = ask_key(1);
    assert_int_equal(done.err, FUO_ENOENT);
    store_done_finish(&done);
}

static int see_device(void *arg, const struct store_inventory *device)
{
    assert_string_equal(device->name, "meter");
    assert_string_equal(device->profile, "lbm-v2");
    assert_string_equal(device->labels, "{\"site\":\"x\"}");
    assert_int_equal(device->lorawan_minor, 1);
    assert_null(device->gen_app_key);
    assert_null(device->app_key);
    assert_int_equal(device->origin, device->dev_eui == 4   ? STORE_FROM_IMPORT
                                     : device->dev_eui == 5 ? STORE_FROM_SERVER
                                                            : STORE_FROM_FILE);
    assert_int_equal(device->has_gen_app_key, device->dev_eui != 4);
    assert_true(device->has_app_key);
    ++*(size_t *)arg;
    return FUO_OK;
}

static void the_inventory_is_loaded_by_fleet_without_keys(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct store_batch other = {0};
    for (uint64_t eui = 1; eui <= 5; eui++) {
        struct store_inventory device = a_device(eui);
        device.fleet = eui == 5 ? "fleet-b" : "fleet-a";
        device.origin = eui == 4   ? STORE_FROM_IMPORT
                        : eui == 5 ? STORE_FROM_SERVER
                                   : STORE_FROM_FILE;
        device.gen_app_key = eui == 4 ? NULL : device.gen_app_key;
        store_batch_inventory(eui % 2 == 0 ? &batch : &other, fix.store, &device);
    }
    store_batch_append(&batch, &other); /* as another thread would have gathered it */
    assert_int_equal(other.len, 0);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    size_t count = 0;
    assert_int_equal(store_load_inventory(fix.store, "fleet-a", see_device, &count, NULL),
                     FUO_OK);
    assert_int_equal(count, 4);
    count = 0;
    assert_int_equal(store_load_inventory(fix.store, NULL, see_device, &count, NULL),
                     FUO_OK);
    assert_int_equal(count, 5);
}

static void a_mc_key_lives_until_it_is_dropped(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct secret key = {0};
    uint32_t mc_addr = 0;
    store_batch_mc_key(&batch, fix.store, 5, 0x01020304, mc_key);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_reopen(&fix);
    assert_int_equal(store_load_mc_key(fix.store, 5, &mc_addr, &key, NULL), FUO_OK);
    assert_int_equal(mc_addr, 0x01020304);
    assert_int_equal(key.len, STORE_KEY_BYTES);
    assert_memory_equal(key.bytes, mc_key, STORE_KEY_BYTES);
    secret_release(&key);
    store_batch_mc_key_drop(&batch, 5);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(store_load_mc_key(fix.store, 5, &mc_addr, &key, NULL), FUO_ENOENT);
    assert_null(key.bytes);
}

static void assert_absent(const char *path, const void *needle, size_t needle_len)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    assert_int_equal(file_read(path, 16 << 20, &bytes, &len), FUO_OK);
    assert_true(len > 0);
    assert_null(memmem(bytes, len, needle, needle_len));
}

static void no_key_is_in_database_or_log_in_plain(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    char wal[2 * TEMP_PATH_SIZE + 8];
    for (uint64_t eui = 0; eui < 200; eui++) {
        struct store_inventory device = a_device(eui);
        store_batch_inventory(&batch, fix.store, &device);
        store_batch_mc_key(&batch, fix.store, (uint32_t)eui, 1, mc_key);
    }
    assert_null(memmem(batch.bytes, batch.len, root_key, STORE_KEY_BYTES));
    assert_null(memmem(batch.bytes, batch.len, mc_key, STORE_KEY_BYTES));
    assert_non_null(memmem(batch.bytes, batch.len, "lbm-v2", 6));
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    snprintf(wal, sizeof(wal), "%s-wal", fix.path);
    for (int closed = 0; closed < 2; closed++) {
        const char *path = closed ? fix.path : wal;
        assert_absent(path, root_key, STORE_KEY_BYTES);
        assert_absent(path, app_key, STORE_KEY_BYTES);
        assert_absent(path, mc_key, STORE_KEY_BYTES);
        assert_absent(path, fix.key.bytes, SEAL_KEY_BYTES);
        fixture_close(&fix);
    }
}

/* A blob moved to another row is noticed: the row is part of what was sealed. */
static void a_key_moved_to_another_device_does_not_open(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct store_inventory device = a_device(1);
    store_batch_inventory(&batch, fix.store, &device);
    device.dev_eui = 2;
    device.gen_app_key = app_key;
    store_batch_inventory(&batch, fix.store, &device);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_close(&fix);

    sqlite3 *sql;
    assert_int_equal(sqlite3_open(fix.path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql,
                                  "UPDATE inventory SET sealed_gen_app_key = (SELECT"
                                  " sealed_gen_app_key FROM inventory WHERE dev_eui = 1)"
                                  " WHERE dev_eui = 2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(sql);

    fixture_open(&fix);
    struct store_done done = ask_key(2);
    assert_int_equal(done.err, FUO_EAUTH);
    assert_non_null(strstr(done.detail.text, "inventory.sealed_gen_app_key"));
    assert_false(done.device_key.has_gen_app_key);
    store_done_finish(&done);
}

/* ---- counters and fleets ---- */

static int see_counter(void *arg, const char *name, uint64_t value)
{
    uint64_t *sum = arg;
    assert_memory_equal(name, "results/", 8);
    *sum += value;
    return FUO_OK;
}

static void counters_only_grow(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    uint64_t value = 0;
    for (uint64_t want = 1; want <= 3; want++) {
        assert_int_equal(store_counter_next(fix.store, "boot", &value, NULL), FUO_OK);
        assert_int_equal(value, want);
        fixture_reopen(&fix);
    }
    store_batch_counter(&batch, "results/1/0", 40);
    store_batch_counter(&batch, "results/1/1", 2);
    store_batch_counter(&batch, "results_", 1000);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    uint64_t sum = 0;
    assert_int_equal(store_load_counters(fix.store, "results/", see_counter, &sum, NULL),
                     FUO_OK);
    assert_int_equal(sum, 42);
}

static void a_fleet_keeps_its_number(void **state)
{
    (void)state;
    uint32_t a = 0;
    uint32_t b = 0;
    uint32_t again = 0;
    assert_int_equal(store_fleet_id(fix.store, "a", &a, NULL), FUO_OK);
    assert_int_equal(store_fleet_id(fix.store, "b", &b, NULL), FUO_OK);
    assert_int_not_equal(a, b);
    fixture_reopen(&fix);
    assert_int_equal(store_fleet_id(fix.store, "a", &again, NULL), FUO_OK);
    assert_int_equal(again, a);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(WITH_STORE(sources_come_back_by_campaign),
          WITH_STORE(an_image_comes_back_with_its_signatures),
          WITH_STORE(an_image_that_is_absent_or_damaged_is_not_returned),
          WITH_STORE(an_empty_image_is_an_image),
          WITH_STORE(a_dropped_campaign_takes_all_its_rows_along),
          WITH_STORE(root_keys_are_unsealed_on_request),
          WITH_STORE(the_inventory_is_loaded_by_fleet_without_keys),
          WITH_STORE(a_mc_key_lives_until_it_is_dropped),
          WITH_STORE(no_key_is_in_database_or_log_in_plain),
          WITH_STORE(a_key_moved_to_another_device_does_not_open),
          WITH_STORE(counters_only_grow), WITH_STORE(a_fleet_keeps_its_number))
