/* SPDX-License-Identifier: MIT */
#include "quiet_daemon.h"

#include <dlfcn.h>
#include <fcntl.h>

#include "daemon_fixture.h"
#include "io/file.h"
#include "io/log.h"
#include "plugin/host.h"

enum {
    FLEET = 1,
    FRAGMENT_BYTES = 8,
    IMAGE_BYTES =
        175 * FRAGMENT_BYTES, /* above 160 the order is a natural one, at once */
    DATABASE_MAX = 8 << 20,
    RUNS_MAX = 10000, /* turns of the loop before something must have settled */
};

static struct {
    bool ready;
    bool woken; /* the plugin has something to say */
    struct daemon_fixture files;
    uv_loop_t loop;
    struct daemon d;
    char database_path[2 * TEMP_PATH_SIZE];
    uint8_t *database;
    size_t database_len;
} quiet;

/* ---- the plugin's messages go nowhere ---- */

static int take_subscription(void *arg, const char *topic_filter, int qos)
{
    (void)arg;
    (void)topic_filter;
    (void)qos;
    return FUO_OK;
}

static int take_message(void *arg, const struct mqtt_publish *publish)
{
    (void)arg;
    (void)publish;
    return FUO_EAGAIN;
}

static int take_request(void *arg, uint64_t id, const struct fuo_http_request *request)
{
    (void)arg;
    (void)id;
    (void)request;
    return FUO_EAGAIN;
}

static void wake(void *arg)
{
    (void)arg;
    quiet.woken = true;
}

static const struct host_carrier carrier = {
    .subscribe = take_subscription,
    .publish = take_message,
    .http = take_request,
    .wake = wake,
};

/* ---- a database with something in it ---- */

static void put_records(struct store_batch *rows, struct utc now)
{
    struct campaign_rec campaign = {.id = 1,
                                    .phase = CAMPAIGN_RUNNING,
                                    .name = "camp",
                                    .created = now,
                                    .started = now};
    store_batch_record(rows, STORE_CAMPAIGN, &campaign);
    struct transmission_rec t = {.id = 1,
                                 .campaign_id = 1,
                                 .fleet_id = FLEET,
                                 .phase = TX_SENDING,
                                 .ts004 = 1,
                                 .ts005 = 1,
                                 .dr = 5,
                                 .timeout_exp = 10,
                                 .frag_size_bytes = FRAGMENT_BYTES,
                                 .frag_count = IMAGE_BYTES / FRAGMENT_BYTES,
                                 .frequency_hz = 869525000,
                                 .mc_addr = 0x01020304,
                                 .key_id = 1,
                                 .lane_count = 2,
                                 .colour_count = 2,
                                 .copies = 1,
                                 .frames_handed = 3,
                                 .next_n = 4,
                                 .target_n = IMAGE_BYTES / FRAGMENT_BYTES,
                                 .session_no = 1,
                                 .session_start = utc_after(now, -MINUTES_US(1)),
                                 .session_end = utc_after(now, MINUTES_US(9)),
                                 .phase_since = now};
    store_batch_record(rows, STORE_TRANSMISSION, &t);
    t.id = 2;
    t.key_id = 2;
    t.phase = TX_ENDED;
    store_batch_record(rows, STORE_TRANSMISSION, &t);
    for (uint8_t i = 0; i < 2; i++) {
        struct lane_rec lane = {.transmission_id = 1,
                                .no = i,
                                .colour = i,
                                .group = "null-01020304",
                                .gateway_count = 1,
                                .gateways = {0x16U + i},
                                .frames_handed = 3};
        store_batch_record(rows, STORE_LANE, &lane);
    }
    struct group_rec group = {.id = 2,
                              .fleet_id = FLEET,
                              .campaign_id = 1,
                              .mc_addr = 0x01020305,
                              .f_cnt = 9,
                              .used = now};
    store_batch_record(rows, STORE_GROUP, &group);
    struct wave_rec wave = {.campaign_id = 1, .phase = WAVE_RUNNING, .started = now};
    store_batch_record(rows, STORE_WAVE, &wave);
}

static void put_devices(struct store_batch *rows, struct utc now)
{
    static const enum member_phase phases[] = {MEMBER_LISTENING, MEMBER_STATUS,
                                               MEMBER_VERIFY};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct device_rec device = {.dev_eui = 0x101 + i,
                                    .fleet_id = FLEET,
                                    .package_version = {0, 1, 1, 1, 1},
                                    .packages_known = true,
                                    .last_uplink = utc_after(now, -MINUTES_US(1)),
                                    .uplink_interval_us = MINUTES_US(5),
                                    .mc_group = 2,
                                    .uplinks_heard = 9,
                                    .link_count = 1,
                                    .link = {{0x16, 100, 200, 900}}};
        store_batch_record(rows, STORE_DEVICE, &device);
        struct member_rec member = {.campaign_id = 1,
                                    .transmission_id = 1,
                                    .dev_eui = 0x101 + i,
                                    .phase = phases[i],
                                    .state = FW_DOWNLOADING,
                                    .transmissions = 1,
                                    .session_no = 1,
                                    .phase_since = now,
                                    .changed = now};
        store_batch_record(rows, STORE_MEMBER, &member);
        struct history_rec history = {
            .campaign_id = 1, .dev_eui = 0x101 + i, .at = now, .phase = phases[i]};
        store_batch_record(rows, STORE_HISTORY, &history);
        struct charge_rec charge = {.gateway = 0x16,
                                    .frequency_hz = 869525000,
                                    .at = now,
                                    .airtime_us = MILLIS_US(300)};
        store_batch_record(rows, STORE_CHARGE, &charge);
    }
}

/* A text of JSON: the signatures of an image. */
static void sign(const uint8_t *image, char *text, size_t size)
{
    static const char comment[] = "fuota:v1 product=p version=2.0 size=1400";
    struct minisign_secret secret = put_key(&quiet.files, 1);
    struct minisign_signature signature = {.alg = MINISIGN_PREHASHED,
                                           .trusted_comment = comment,
                                           .trusted_comment_len = sizeof(comment) - 1};
    char file[MINISIGN_SIG_TEXT_MAX];
    size_t len = 0;
    assert_int_equal(minisign_sign(&secret, image, IMAGE_BYTES, &signature), FUO_OK);
    assert_int_equal(minisign_signature_format(&signature, file, sizeof(file) - 1, &len),
                     FUO_OK);
    file[len] = '\0';
    struct json_object *signatures = json_object_new_array();
    json_object_array_add(signatures, json_object_new_string(file));
    snprintf(text, size, "%s", json_object_to_json_string(signatures));
    json_object_put(signatures);
}

static void put_source(struct store_batch *rows)
{
    static const uint8_t bytes[IMAGE_BYTES] = {0x3d, 0xb8};
    char signatures[2 * MINISIGN_SIG_TEXT_MAX];
    char yaml[1024];
    sign(bytes, signatures, sizeof(signatures));
    snprintf(yaml, sizeof(yaml), "%s  fragmentation: { size: %d }\n", campaign_yaml,
             FRAGMENT_BYTES);
    struct store_image image = {.bytes = bytes, .len = sizeof(bytes), .signatures = ""};
    struct store_source source = {.campaign_id = 1,
                                  .name = "camp",
                                  .fleet = "f",
                                  .yaml = yaml,
                                  .signatures = signatures};
    store_digest(image.bytes, image.len, image.digest);
    memcpy(source.image_digest, image.digest, sizeof(source.image_digest));
    store_batch_image(rows, &image);
    store_batch_source(rows, &source);
}

static void put_rest(struct daemon *d)
{
    static const uint8_t key[STORE_KEY_BYTES] = {0x42};
    struct store_outbox outbox = {.topic = "t",
                                  .payload = (const uint8_t *)"{}",
                                  .payload_len = 2,
                                  .campaign_id = 1,
                                  .qos = 1};
    store_batch_outbox(&d->rows, &outbox);
    store_batch_mc_key(&d->rows, d->store, 1, 0x01020304, key);
    store_batch_mc_key(&d->rows, d->store, 2, 0x01020305, key);
    store_batch_counter(&d->rows, "campaign", 1);
}

static void make_database(void)
{
    struct daemon *d = NULL;
    struct detail detail = {0};
    assert_int_equal(quiet_open(&d), FUO_OK);
    assert_int_equal(d->fleets.items[0].id, FLEET);
    put_records(&d->rows, clock_utc(&d->clock));
    put_devices(&d->rows, clock_utc(&d->clock));
    put_source(&d->rows);
    put_rest(d);
    assert_int_equal(commit_now(d, &detail), FUO_OK);
    quiet_close();
    assert_int_equal(file_read(quiet.database_path, DATABASE_MAX, &quiet.database,
                               &quiet.database_len),
                     FUO_OK);
}

static void remove_files(void)
{
    fixture_remove(&quiet.files);
}

static void prepare(void)
{
    if (quiet.ready) {
        return;
    }
    quiet.ready = true;
    setenv("TMPDIR", "/dev/shm", 1);
    setenv("FUO_PLUGINS", FUZZ_PLUGINS, 1);
    struct log_config log = {.level = LOG_LEVEL_ERROR,
                             .fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
    assert_int_equal(clock_init(&log.clock, NULL), FUO_OK);
    log_init(&log);
    signal(SIGPIPE, SIG_IGN); /* as the daemon does: a client may go at any time */
    /* The fuzzer goes on counting in a module that was there once. */
    assert_non_null(dlopen(FUZZ_PLUGINS "/null.so", RTLD_NOW | RTLD_NODELETE));
    fixture_files(&quiet.files);
    atexit(remove_files);
    temp_path(&quiet.files.temp, "state/fuotad.db", quiet.database_path);
    make_database();
}

/* ---- each time ---- */

const uint8_t *quiet_database(size_t *len)
{
    prepare();
    *len = quiet.database_len;
    return quiet.database;
}

const char *quiet_database_path(void)
{
    return quiet.database_path;
}

void quiet_put(const uint8_t *bytes, size_t len)
{
    static const char *const more[] = {"-wal", "-shm"};
    prepare();
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        char path[2 * TEMP_PATH_SIZE + 8];
        snprintf(path, sizeof(path), "%s%s", quiet.database_path, more[i]);
        (void)remove(path);
    }
    int fd = open(quiet.database_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static void load_files(struct daemon *d)
{
    char path[2 * TEMP_PATH_SIZE];
    struct daemon_options options = {
        .config_file = temp_path(&quiet.files.temp, "fuotad.yaml", path),
        .plugin_folder = "/nonexistent",
    };
    struct diag_list diags = {0};
    int err = life_load_files(d, &options, &diags);
    diag_list_print(&diags, stderr);
    diag_list_finish(&diags);
    assert_int_equal(err, FUO_OK);
    d->doc->status.url = NULL; /* a broker that is not there */
}

int quiet_open(struct daemon **daemon)
{
    struct daemon *d = &quiet.d;
    struct diag_list diags = {0};
    struct detail detail = {0};
    prepare();
    *daemon = d;
    *d = (struct daemon){.loop = &quiet.loop, .carrier = &carrier};
    assert_int_equal(uv_loop_init(&quiet.loop), 0);
    assert_int_equal(clock_init(&d->clock, NULL), FUO_OK);
    load_files(d);
    life_init(d, &commit_ports, d);
    int err = life_open(d, &diags, &detail);
    diag_list_finish(&diags);
    d->started = clock_utc(&d->clock);
    return err;
}

void quiet_run(void)
{
    struct daemon *d = &quiet.d;
    for (int i = 0; i < RUNS_MAX; i++) {
        uv_run(d->loop, UV_RUN_NOWAIT);
        if (quiet.woken) {
            quiet.woken = false;
            host_deliver(d->fleets.items[0].host);
            continue;
        }
        bool waits = d->histories != NULL || d->key_jobs.tag != 0;
        if (driver_is_down(d->driver) || (driver_is_idle(d->driver) && !waits)) {
            return;
        }
        usleep(20); /* the store has a thread of its own */
    }
}

void quiet_close(void)
{
    quiet.woken = false;
    life_close(&quiet.d);
    uv_run(&quiet.loop, UV_RUN_DEFAULT);
    life_release(&quiet.d);
    assert_int_equal(uv_loop_close(&quiet.loop), 0);
}
