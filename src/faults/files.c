/* SPDX-License-Identifier: MIT */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/internal.h"
#include "fuota-sim/files.h"
#include "image/minisign.h"
#include "io/file.h"

enum {
    TEXT_SIZE = 1024,
};

static const char daemon_yaml[] = "apiVersion: fuotad/v1\n"
                                  "kind: Daemon\n"
                                  "metadata: { name: faults }\n"
                                  "spec:\n"
                                  "  stateDir: state\n"
                                  "  fleets: fleets\n"
                                  "  trust: trust\n"
                                  "  profiles: profiles\n"
                                  "  control: { socket: run/s }\n";

static const char status_yaml[] = "  status: { url: \"mqtt://127.0.0.1:1\" }\n";

static const char trust_yaml[] = "apiVersion: fuotad/v1\n"
                                 "kind: TrustPolicy\n"
                                 "metadata: { name: release }\n"
                                 "spec:\n"
                                 "  keys: [{ file: r.pub }]\n"
                                 "  product: p\n";

static const char fleet_yaml[] = "apiVersion: fuotad/v1\n"
                                 "kind: Fleet\n"
                                 "metadata: { name: f }\n"
                                 "spec:\n"
                                 "  trustPolicy: release\n"
                                 "  region: EU868\n"
                                 "  networkServer:\n"
                                 "    plugin: chirpstack\n"
                                 "    mqtt: { url: \"mqtt://127.0.0.1:1\" }\n"
                                 "    api: { url: \"http://127.0.0.1:1\" }\n"
                                 "    options: { applicationId: \"" RUN_APP "\" }\n"
                                 "  inventory: { source: file, file: ../inventory.csv }\n"
                                 "  profiles: { default: generic }\n";

static const char campaign_yaml[] = "apiVersion: fuotad/v1\n"
                                    "kind: Campaign\n"
                                    "metadata: { name: " RUN_CAMPAIGN ", "
                                    "labels: { edition: \"%u\" } }\n"
                                    "spec:\n"
                                    "  image: { file: i.bin, version: \"%s\", "
                                    "signatures: [i.minisig]%s }\n"
                                    "  targets: { fleet: f }\n"
                                    "  retry: { cooldown: %s }\n"
                                    "  activation: { jitter: 1m }\n%s";

static int put(const struct run *r, const char *name, const char *text)
{
    char path[2 * RUN_PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", r->folder, name);
    return file_write_atomic(path, 0600, (const uint8_t *)text, strlen(text));
}

static int put_daemon(const struct run *r)
{
    char text[TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%s%s", daemon_yaml,
                   r->scenario.status ? status_yaml : "");
    return put(r, "fuotad.yaml", text);
}

static int make_folder(struct run *r)
{
    if (r->config->folder != NULL) {
        (void)snprintf(r->folder, sizeof(r->folder), "%s", r->config->folder);
        return file_mkdir_p(r->folder, 0700);
    }
    /* In memory where there is such a place: SQLite syncs at every commit. */
    bool shm = access("/dev/shm", W_OK) == 0;
    (void)snprintf(r->folder, sizeof(r->folder), "%s/fuota-faults-XXXXXX",
                   shm ? "/dev/shm" : "/tmp");
    r->own_folder = mkdtemp(r->folder) != NULL;
    return r->own_folder ? FUO_OK : FUO_EIO;
}

/* A key pair, its public half for the trust policy, and the image's signature. */
static int sign(struct run *r)
{
    uint8_t seed[MINISIGN_SEED_BYTES];
    uint8_t number[MINISIGN_KEYNUM_BYTES];
    char text[MINISIGN_KEY_TEXT_MAX];
    char comment[128];
    struct minisign_secret secret;
    struct minisign_public public;
    size_t len = 0;
    memset(seed, 1, sizeof(seed));
    memset(number, 1, sizeof(number));
    minisign_secret_from_seed(seed, number, &secret);
    minisign_public_from_secret(&secret, &public);
    int err = minisign_public_format(&public, text, sizeof(text) - 1, &len);
    if (err != FUO_OK) {
        return err;
    }
    text[len] = '\0';
    err = put(r, "trust/r.pub", text);
    if (err != FUO_OK) {
        return err;
    }
    /* As four bytes of TS006, for stacks that code it so. */
    uint32_t v = device_firmware_version(r->image, r->scenario.image_len);
    (void)snprintf(r->image_version, sizeof(r->image_version), "%u.%u.%u.%u", v >> 24,
                   v >> 16 & 0xff, v >> 8 & 0xff, v & 0xff);
    int n = snprintf(comment, sizeof(comment), "fuota:v1 product=p version=%s size=%zu",
                     r->image_version, r->scenario.image_len);
    struct minisign_signature signature = {
        .alg = MINISIGN_PREHASHED,
        .trusted_comment = comment,
        .trusted_comment_len = (size_t)n,
    };
    err = minisign_sign(&secret, r->image, r->scenario.image_len, &signature);
    if (err == FUO_OK) {
        err = minisign_signature_format(&signature, r->signature,
                                        sizeof(r->signature) - 1, &len);
    }
    r->signature[err == FUO_OK ? len : 0] = '\0';
    return err;
}

static size_t write_waves(const struct scenario *s, char *text, size_t size)
{
    if (s->pilot_percent == 0) {
        return 0;
    }
    return (size_t)snprintf(text, size,
                            "  rollout:\n    onFailure: %s\n    waves:\n"
                            "      - { name: pilot, size: %u%%, soak: 1h, abort: { "
                            "failed: 30%%, attempted: 2 } "
                            "}\n"
                            "      - { name: rest, size: 100%%, approval: %s }\n",
                            s->on_failure, (unsigned)s->pilot_percent,
                            s->approval ? "required" : "none");
}

/* All runs begin on the first of March, and what is dated is days from there at most. */
static size_t write_time(char *text, size_t size, const char *key, struct utc at)
{
    int minutes = (int)((at.us - RUN_MARCH_US) / MINUTES_US(1));
    return (size_t)snprintf(text, size, "    %s: \"2026-03-%02dT%02d:%02d\"\n", key,
                            1 + minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
}

/* When: with one of the plants the file says less than is held against it. */
static size_t write_schedule(const struct run *r, char *text, size_t size)
{
    static const char *const ends[] = {"drain", "stop", "abort"};
    const struct scenario *s = &r->scenario;
    size_t len = (size_t)snprintf(text, size, "  schedule:\n    timezone: UTC\n");
    if (s->not_before_us != 0) {
        len += write_time(text + len, size - len, "notBefore",
                          utc_after(r->start, s->not_before_us));
    }
    if (s->deadline_us != 0 && r->config->plant != PLANT_DEADLINE) {
        len += write_time(text + len, size - len, "deadline",
                          utc_after(r->start, s->deadline_us));
        len += (size_t)snprintf(text + len, size - len, "    endBehavior: %s\n",
                                ends[s->end_behavior]);
    }
    bool windows = s->window_count > 0 && r->config->plant != PLANT_WINDOW;
    if (windows) {
        len += (size_t)snprintf(text + len, size - len, "    windows:\n");
    }
    for (uint32_t i = 0; windows && i < s->window_count; i++) {
        int start = (int)edition_window_start(r, i);
        int end = (start + (int)r->edition.window_minutes) % (24 * 60);
        len += (size_t)snprintf(text + len, size - len,
                                "      - { start: \"%02d:%02d\", end: \"%02d:%02d\" }\n",
                                start / 60, start % 60, end / 60, end % 60);
    }
    return len;
}

void files_write_campaign(struct run *r)
{
    const struct scenario *s = &r->scenario;
    const struct edition *e = &r->edition;
    char version[64] = "";
    if (s->version_given) {
        (void)snprintf(version, sizeof(version), ", firmwareVersion: %u",
                       device_firmware_version(r->image, s->image_len));
    }
    size_t size = sizeof(r->yaml);
    size_t len = (size_t)snprintf(r->yaml, size, campaign_yaml, e->number,
                                  r->image_version, version, s->cooldown, s->radio);
    if (e->duty_percent != 0) {
        len += (size_t)snprintf(r->yaml + len, size - len,
                                "  budgets: { dutyCycle: %u%% }\n", e->duty_percent);
    }
    if (e->number > 0) {
        len += (size_t)snprintf(r->yaml + len, size - len, "  paused: %s\n",
                                e->paused ? "true" : "false");
    }
    len += write_waves(s, r->yaml + len, size - len);
    (void)write_schedule(r, r->yaml + len, size - len);
}

int files_make(struct run *r)
{
    static const char *const folders[] = {"fleets", "trust", "profiles", "state", "run"};
    char path[2 * RUN_PATH_SIZE];
    int err = make_folder(r);
    for (size_t i = 0; err == FUO_OK && i < sizeof(folders) / sizeof(folders[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", r->folder, folders[i]);
        err = file_mkdir_p(path, 0700);
    }
    if (err != FUO_OK || (err = put_daemon(r)) != FUO_OK ||
        (err = put(r, "trust/t.yaml", trust_yaml)) != FUO_OK ||
        (err = put(r, "fleets/f.yaml", fleet_yaml)) != FUO_OK ||
        (err = sign(r)) != FUO_OK) {
        return err;
    }
    (void)snprintf(r->config_file, sizeof(r->config_file), "%.200s/fuotad.yaml",
                   r->folder);
    files_write_campaign(r);
    (void)snprintf(path, sizeof(path), "%s/inventory.csv", r->folder);
    return inventory_write(path, &r->network);
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void files_remove(struct run *r)
{
    if (r->own_folder) {
        (void)nftw(r->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}
