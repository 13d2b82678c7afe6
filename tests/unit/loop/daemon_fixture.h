/* SPDX-License-Identifier: MIT */
/*
 * daemon_fixture.h - a folder with all files of a daemon, the daemon in a child process,
 * and a client of its socket.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "ctl/client.h"
#include "image/minisign.h"
#include "io/secrets.h"
#include "loop/daemon.h"
#include "temp.h"
#include "test.h"

enum {
    DAEMON_IMAGE_BYTES = 700,
};

#define DAEMON_KEY_HEX "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"

struct daemon_fixture {
    struct temp temp;
    pid_t pid;
    struct ctl_client *client;
    uint8_t image[DAEMON_IMAGE_BYTES];
    char digest[CTL_DIGEST_SIZE];
    char signature[MINISIGN_SIG_TEXT_MAX];
    struct ctl_message message; /* the last answer */
};

static inline void put_file(const struct daemon_fixture *f, const char *name,
                            const char *text)
{
    char path[2 * TEMP_PATH_SIZE];
    FILE *file = fopen(temp_path(&f->temp, name, path), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void put_folder(const struct daemon_fixture *f, const char *name)
{
    char path[2 * TEMP_PATH_SIZE];
    assert_int_equal(mkdir(temp_path(&f->temp, name, path), 0700), 0);
}

/* A key pair made from a seed: its public half into trust/r.pub. */
static inline struct minisign_secret put_key(const struct daemon_fixture *f, uint8_t fill)
{
    uint8_t seed[MINISIGN_SEED_BYTES];
    uint8_t number[MINISIGN_KEYNUM_BYTES];
    memset(seed, fill, sizeof(seed));
    memset(number, fill, sizeof(number));
    struct minisign_secret secret;
    struct minisign_public public;
    char text[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    minisign_secret_from_seed(seed, number, &secret);
    minisign_public_from_secret(&secret, &public);
    assert_int_equal(minisign_public_format(&public, text, sizeof(text) - 1, &len),
                     FUO_OK);
    text[len] = '\0';
    put_file(f, "trust/r.pub", text);
    return secret;
}

static inline void sign_image(struct daemon_fixture *f,
                              const struct minisign_secret *secret)
{
    static const char comment[] = "fuota:v1 product=p version=2.0 size=700";
    struct minisign_signature signature = {
        .alg = MINISIGN_PREHASHED,
        .trusted_comment = comment,
        .trusted_comment_len = sizeof(comment) - 1,
    };
    size_t len = 0;
    assert_int_equal(minisign_sign(secret, f->image, sizeof(f->image), &signature),
                     FUO_OK);
    assert_int_equal(minisign_signature_format(&signature, f->signature,
                                               sizeof(f->signature) - 1, &len),
                     FUO_OK);
    f->signature[len] = '\0';
}

static const char daemon_yaml[] = "apiVersion: fuotad/v1\n"
                                  "kind: Daemon\n"
                                  "metadata: { name: main }\n"
                                  "spec:\n"
                                  "  stateDir: state\n"
                                  "  fleets: fleets\n"
                                  "  trust: trust\n"
                                  "  profiles: profiles\n"
                                  "  plugins: plugins\n"
                                  "  control: { socket: run/s }\n"
                                  "  status: { url: \"mqtt://127.0.0.1:1\" }\n"
                                  "  log: { level: warn }\n";

static const char trust_yaml[] = "apiVersion: fuotad/v1\n"
                                 "kind: TrustPolicy\n"
                                 "metadata: { name: release }\n"
                                 "spec:\n"
                                 "  keys: [{ file: r.pub }]\n"
                                 "  product: p\n";

static const char fleet_yaml[] =
    "apiVersion: fuotad/v1\n"
    "kind: Fleet\n"
    "metadata: { name: f }\n"
    "spec:\n"
    "  trustPolicy: release\n"
    "  region: EU868\n"
    "  networkServer: { plugin: \"null\", mqtt: { url: \"mqtt://127.0.0.1:1\" } }\n"
    "  inventory: { source: file, file: ../f.csv }\n";

static const char inventory_csv[] = "dev_eui,name,lorawan,gen_app_key,label:site\n"
                                    "0000000000000101,one,1.0.4," DAEMON_KEY_HEX ",a\n"
                                    "0000000000000102,two,1.0.4," DAEMON_KEY_HEX ",b\n"
                                    "0000000000000103,three,1.0.4," DAEMON_KEY_HEX ",b\n";

static const char campaign_yaml[] =
    "apiVersion: fuotad/v1\n"
    "kind: Campaign\n"
    "metadata: { name: camp }\n"
    "spec:\n"
    "  image: { file: i.bin, version: \"2.0\", signatures: [i.minisig] }\n"
    "  targets: { fleet: f }\n";

static inline void fixture_files(struct daemon_fixture *f)
{
    char path[2 * TEMP_PATH_SIZE];
    *f = (struct daemon_fixture){.temp = temp_create()};
    assert_int_equal(secrets_init(), FUO_OK);
    put_folder(f, "fleets");
    put_folder(f, "trust");
    put_folder(f, "profiles");
    const char *plugins = getenv("FUO_PLUGINS");
    assert_int_equal(symlink(plugins != NULL ? plugins : "/nowhere",
                             temp_path(&f->temp, "plugins", path)),
                     0);
    put_file(f, "fuotad.yaml", daemon_yaml);
    put_file(f, "trust/t.yaml", trust_yaml);
    put_file(f, "fleets/f.yaml", fleet_yaml);
    put_file(f, "f.csv", inventory_csv);
    for (size_t i = 0; i < sizeof(f->image); i++) {
        f->image[i] = (uint8_t)(i * 7);
    }
    struct minisign_secret secret = put_key(f, 1);
    sign_image(f, &secret);
}

static inline enum daemon_exit run_here(const struct daemon_fixture *f, bool check,
                                        const char *time_scale)
{
    char path[2 * TEMP_PATH_SIZE];
    struct daemon_options options = {
        .config_file = temp_path(&f->temp, "fuotad.yaml", path),
        .plugin_folder = "/nonexistent",
        .time_scale = time_scale,
        .check = check,
    };
    return daemon_run(&options);
}

/* In a child, its standard error into the file log; returns its exit code. */
static inline pid_t spawn(const struct daemon_fixture *f, bool check,
                          const char *time_scale)
{
    char path[2 * TEMP_PATH_SIZE];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        int fd =
            open(temp_path(&f->temp, "log", path), O_CREAT | O_WRONLY | O_APPEND, 0600);
        dup2(fd, STDERR_FILENO);
        close(fd);
        exit((int)run_here(f, check, time_scale));
    }
    return pid;
}

static inline int wait_exit(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int run_to_end(const struct daemon_fixture *f, bool check,
                             const char *time_scale)
{
    return wait_exit(spawn(f, check, time_scale));
}

/* Whether the log, or any file named, contains these bytes. */
static inline bool file_contains(const struct daemon_fixture *f, const char *name,
                                 const void *bytes, size_t len)
{
    char path[2 * TEMP_PATH_SIZE];
    FILE *file = fopen(temp_path(&f->temp, name, path), "r");
    if (file == NULL) {
        return false;
    }
    static char content[4 << 20];
    size_t n = fread(content, 1, sizeof(content), file);
    fclose(file);
    return memmem(content, n, bytes, len) != NULL;
}

static inline bool log_says(const struct daemon_fixture *f, const char *text)
{
    return file_contains(f, "log", text, strlen(text));
}

/* Start the daemon and connect to it. */
static inline void daemon_start(struct daemon_fixture *f)
{
    char path[2 * TEMP_PATH_SIZE];
    f->pid = spawn(f, false, NULL);
    temp_path(&f->temp, "run/s", path);
    while (ctl_client_open(path, 20000, &f->client) != FUO_OK) {
        assert_int_equal(waitpid(f->pid, NULL, WNOHANG), 0);
        usleep(1000);
    }
}

static inline void daemon_disconnect(struct daemon_fixture *f)
{
    ctl_message_finish(&f->message);
    ctl_client_close(f->client);
    f->client = NULL;
}

static inline void daemon_stop(struct daemon_fixture *f)
{
    daemon_disconnect(f);
    assert_int_equal(kill(f->pid, SIGTERM), 0);
    assert_int_equal(wait_exit(f->pid), DAEMON_DONE);
}

static inline void daemon_kill(struct daemon_fixture *f)
{
    daemon_disconnect(f);
    assert_int_equal(kill(f->pid, SIGKILL), 0);
    assert_int_equal(wait_exit(f->pid), 128 + SIGKILL);
}

/* A call; params are JSON text or NULL. Returns the code, 0 for data. */
static inline int call(struct daemon_fixture *f, enum ctl_method method,
                       const char *params)
{
    struct json_object *object = NULL;
    if (params != NULL) {
        object = json_tokener_parse(params);
        assert_non_null(object);
    }
    ctl_message_finish(&f->message);
    assert_int_equal(ctl_client_call(f->client, method, object, &f->message), FUO_OK);
    return f->message.type == CTL_MSG_ERROR ? (int)f->message.error.code : 0;
}

static inline void upload(struct daemon_fixture *f)
{
    ctl_message_finish(&f->message);
    assert_int_equal(
        ctl_client_put(f->client, f->image, sizeof(f->image), f->digest, &f->message),
        FUO_OK);
    assert_int_equal(f->message.type, CTL_MSG_DATA);
}

/* plan or apply of a campaign text with the good signature. */
static inline int submit(struct daemon_fixture *f, enum ctl_method method,
                         const char *yaml, const char *signature)
{
    struct json_object *params = json_object_new_object();
    struct json_object *signatures = json_object_new_array();
    json_object_array_add(signatures, json_object_new_string(signature));
    json_object_object_add(params, "file", json_object_new_string("c.yaml"));
    json_object_object_add(params, "campaign", json_object_new_string(yaml));
    json_object_object_add(params, "digest", json_object_new_string(f->digest));
    json_object_object_add(params, "signatures", signatures);
    ctl_message_finish(&f->message);
    assert_int_equal(ctl_client_call(f->client, method, params, &f->message), FUO_OK);
    return f->message.type == CTL_MSG_ERROR ? (int)f->message.error.code : 0;
}

/* The text of a member of the last answer's data; "null" for null. */
static inline const char *answer_at(const struct daemon_fixture *f, const char *pointer)
{
    struct json_object *value = NULL;
    test_row(pointer);
    assert_int_equal(json_pointer_get(f->message.data, pointer, &value), 0);
    return value != NULL ? json_object_get_string(value) : "null";
}

static inline void assert_answer(const struct daemon_fixture *f, const char *pointer,
                                 const char *want)
{
    assert_string_equal(answer_at(f, pointer), want);
}

static inline void fixture_remove(struct daemon_fixture *f)
{
    temp_remove(&f->temp);
}

/* A campaign text with one part replaced; static, until the next call. */
static inline const char *edited(const char *from, const char *to)
{
    static char text[4096];
    const char *at = strstr(campaign_yaml, from);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - campaign_yaml), campaign_yaml, to,
             at + strlen(from));
    return text;
}
