/* SPDX-License-Identifier: MIT */
#include "fuotactl/remote_mqtt.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "fuotactl/secret_key.h"
#include "io/cleanup.h"
#include "io/clock.h"
#include "net/mqtt_sync.h"

enum {
    TOPIC_SIZE = 512,
    WORD_BYTES = 8, /* random, of our response topic */
    WORD_SIZE = 2 * WORD_BYTES + 1,
    ALIVE_MS = 20000, /* between requests while a stream goes on */
    ALIVE_ID = -1,    /* the id of those that nobody waits for */
    LOOK_MS = 250,
    PATIENCE_MS = 2000,  /* with a broker that refuses */
    RECEIVED_MAX = 4096, /* far more than come between two readings */
};

struct received {
    struct received *next;
    struct ctl_message message;
};

struct link {
    struct mqtt_sync *sync;
    const struct envelope_signer *signer;
    struct clock clock;
    struct envelope_stamp stamp;
    char prefix[TOPIC_SIZE];
    char state_topic[TOPIC_SIZE + 16];
    char response_topic[TOPIC_SIZE + 16 + WORD_SIZE];
    char word[WORD_SIZE]; /* its last level, and the correlation data */
    struct received *first;
    struct received *last;
    size_t received; /* in that list */
    int64_t last_id;
    int64_t asked_us; /* when the last request went out, monotonic */
    uint64_t published;
    bool streams;
    bool known;   /* the daemon was there */
    bool away;    /* it has said that it stops, or its last will is out */
    bool refuses; /* it takes no requests */
    bool lost;
};

/* ---- the key ---- */

int remote_mqtt_signer(const struct cli *cli, struct envelope_signer **signer)
{
    struct minisign_secret secret;
    if (cli->server.key == NULL) {
        return cli_fail(cli, CLI_USAGE, NULL,
                        "--server needs --key: the secret key of an operator");
    }
    if (sodium_init() < 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "libsodium does not start");
    }
    int rc = secret_key_load(cli->server.key, cli->server.key_password_file, &secret);
    if (rc != CLI_OK) {
        return rc;
    }
    struct envelope_signer *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        minisign_id(secret.keynum, made->key);
        memcpy(made->secret, secret.sk, sizeof(made->secret));
    }
    sodium_memzero(&secret, sizeof(secret));
    *signer = made;
    return made != NULL ? CLI_OK : cli_fail(cli, CLI_INTERNAL, NULL, "out of memory");
}

void remote_mqtt_forget(struct envelope_signer *signer)
{
    if (signer != NULL) {
        sodium_memzero(signer, sizeof(*signer));
        free(signer);
    }
}

/* ---- what comes ---- */

/* Takes message. Whoever writes to our topic faster than we read is not the daemon. */
static void push(struct link *link, struct ctl_message *message)
{
    struct received *item =
        link->received < RECEIVED_MAX ? calloc(1, sizeof(*item)) : NULL;
    if (item == NULL) {
        ctl_message_finish(message);
        link->lost = true;
        return;
    }
    item->message = *message;
    if (link->last != NULL) {
        link->last->next = item;
    } else {
        link->first = item;
    }
    link->last = item;
    link->received++;
}

static bool pop(struct link *link, struct ctl_message *message)
{
    struct received *item = link->first;
    if (item == NULL) {
        return false;
    }
    link->first = item->next;
    if (link->first == NULL) {
        link->last = NULL;
    }
    *message = item->message;
    link->received--;
    free(item);
    return true;
}

/* The daemon's first word greets; a later one that is not the same means that it is gone. */
static void take_state(struct link *link, const struct mqtt_message *state)
{
    struct ctl_message message = {0};
    uint8_t session[ENVELOPE_SESSION_BYTES];
    if (ctl_message_parse((const char *)state->payload, state->payload_len, &message) !=
            FUO_OK ||
        message.type != CTL_MSG_HELLO) {
        ctl_message_finish(&message);
        return;
    }
    const char *word = ctl_text(message.root, "state");
    link->away = word == NULL || strcmp(word, "ready") != 0;
    bool takes =
        envelope_session_parse(ctl_text(message.root, "session"), session) == FUO_OK;
    bool same = takes && memcmp(session, link->stamp.session, sizeof(session)) == 0;
    if (link->known) {
        link->lost |= link->away || !same;
        ctl_message_finish(&message);
        return;
    }
    link->refuses = !takes;
    if (!link->away && takes) {
        memcpy(link->stamp.session, session, sizeof(session));
        link->known = true;
        push(link, &message);
    } else {
        ctl_message_finish(&message);
    }
}

/* A refusal that was made before anybody read the id is of the one that is under way. */
static void take_answer(struct link *link, const struct mqtt_message *answer)
{
    struct ctl_message message = {0};
    bool ours = answer->correlation_len == WORD_SIZE - 1 &&
                memcmp(answer->correlation, link->word, WORD_SIZE - 1) == 0;
    if (!ours || ctl_message_parse((const char *)answer->payload, answer->payload_len,
                                   &message) != FUO_OK) {
        return;
    }
    if (message.type == CTL_MSG_ERROR && message.id == 0) {
        message.id = link->last_id;
    }
    if (message.id == ALIVE_ID || message.type == CTL_MSG_HELLO) {
        ctl_message_finish(&message);
    } else {
        push(link, &message);
    }
}

static void on_message(void *arg, const struct mqtt_message *message)
{
    struct link *link = arg;
    if (strcmp(message->topic, link->state_topic) == 0) {
        take_state(link, message);
    } else if (strcmp(message->topic, link->response_topic) == 0 && !message->retained) {
        take_answer(link, message);
    }
    mqtt_sync_wake(link->sync);
}

static void on_state(void *arg, bool up)
{
    struct link *link = arg;
    if (!up) {
        link->lost |= link->known;
        mqtt_sync_wake(link->sync);
    }
}

static void on_published(void *arg, uint64_t id, int err)
{
    struct link *link = arg;
    (void)id;
    if (err != FUO_OK) {
        link->lost = true;
        mqtt_sync_wake(link->sync);
    }
}

/* What is wrong is asked for when it matters: mqtt_problem(). */
static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    (void)text;
}

/* ---- the transport ---- */

static int ask(struct link *link, int64_t id, enum ctl_method method,
               struct json_object *params)
{
    char topic[TOPIC_SIZE + 64];
    randombytes_buf(link->stamp.nonce, sizeof(link->stamp.nonce));
    link->stamp.expires = utc_after(clock_utc(&link->clock), SECONDS_US(ENVELOPE_LIFE_S));
    AUTO_FREE char *payload =
        envelope_print(link->signer, &link->stamp, id, method, params);
    if (payload == NULL) {
        return FUO_ENOMEM;
    }
    if (strlen(payload) > ENVELOPE_MAX) {
        return FUO_ERANGE;
    }
    snprintf(topic, sizeof(topic), "%s/req/%s", link->prefix, ctl_method_name(method));
    struct mqtt_publish publish = {
        .id = ++link->published,
        .topic = topic,
        .payload = (const uint8_t *)payload,
        .payload_len = strlen(payload),
        .qos = 1,
        .expiry_s = ENVELOPE_LIFE_S,
        .response_topic = link->response_topic,
        .correlation = (const uint8_t *)link->word,
        .correlation_len = WORD_SIZE - 1,
    };
    link->asked_us = clock_mono(&link->clock).us;
    return mqtt_publish(mqtt_sync_client(link->sync), &publish);
}

static int link_send(void *arg, int64_t id, enum ctl_method method,
                     struct json_object *params)
{
    struct link *link = arg;
    if (link->lost) {
        json_object_put(params);
        return FUO_EIO;
    }
    link->last_id = id;
    link->streams |= method == CTL_WATCH;
    return ask(link, id, method, params);
}

static int keep_alive(struct link *link)
{
    int64_t silent_us = clock_mono(&link->clock).us - link->asked_us;
    bool due = link->streams && silent_us >= (int64_t)ALIVE_MS * 1000;
    return due ? ask(link, ALIVE_ID, CTL_VERSION, NULL) : FUO_OK;
}

static int link_receive(void *arg, int timeout_ms, struct ctl_message *message)
{
    struct link *link = arg;
    for (;;) {
        if (pop(link, message)) {
            return FUO_OK;
        }
        if (link->lost || keep_alive(link) != FUO_OK) {
            return FUO_EIO;
        }
        int err = mqtt_sync_wait(link->sync, timeout_ms);
        if (err != FUO_OK) {
            return err;
        }
    }
}

static void link_close(void *arg)
{
    struct link *link = arg;
    struct ctl_message message;
    mqtt_sync_close(link->sync);
    while (pop(link, &message)) {
        ctl_message_finish(&message);
    }
    free(link);
}

/* ---- opening ---- */

/* In the clear only where nobody can listen. */
static bool is_loopback(const char *url)
{
    char host[64];
    struct in_addr address;
    const char *from = strstr(url, "://") + 3;
    size_t len = from[0] == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":/");
    if (len >= sizeof(host)) {
        return false;
    }
    memcpy(host, from, len);
    host[len] = '\0';
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 &&
            ntohl(address.s_addr) >> 24 == 127);
}

static int check_server(const struct cli_server *server, struct detail *problem)
{
    bool clear = strncmp(server->url, "mqtt://", 7) == 0;
    if (!clear && strncmp(server->url, "mqtts://", 8) != 0) {
        detail_set(problem, "--server %.200s: not mqtts://HOST[:PORT]", server->url);
        return FUO_EINVAL;
    }
    if (clear && !is_loopback(server->url)) {
        detail_set(problem,
                   "--server %.200s: mqtt:// is not encrypted and only for a broker on "
                   "this machine; use mqtts://",
                   server->url);
        return FUO_EINVAL;
    }
    if (strlen(server->root) + strlen(server->instance) + 2 > TOPIC_SIZE ||
        strlen(server->instance) >= ENVELOPE_INSTANCE_SIZE) {
        detail_set(problem, "--root and --instance are too long");
        return FUO_EINVAL;
    }
    return FUO_OK;
}

static void name_topics(struct link *link, const struct cli_server *server)
{
    uint8_t word[WORD_BYTES];
    randombytes_buf(word, sizeof(word));
    hex_encode(word, sizeof(word), link->word);
    snprintf(link->stamp.instance, sizeof(link->stamp.instance), "%s", server->instance);
    snprintf(link->prefix, sizeof(link->prefix), "%s/%s", server->root, server->instance);
    snprintf(link->state_topic, sizeof(link->state_topic), "%s/$state", link->prefix);
    snprintf(link->response_topic, sizeof(link->response_topic), "%s/rsp/%s",
             link->prefix, link->word);
}

static int connect_to(struct link *link, const struct cli_server *server,
                      struct detail *problem)
{
    static const struct mqtt_handlers handlers = {
        .on_state = on_state,
        .on_message = on_message,
        .on_published = on_published,
        .log = on_log,
    };
    char client_id[16 + WORD_SIZE];
    char password[CMD_PASSWORD_SIZE + 1] = "";
    size_t len = 0;
    if (server->password_file != NULL &&
        cmd_read_password(server->password_file, "", password, &len) != CLI_OK) {
        detail_set(problem, "--password-file cannot be used");
        return FUO_EINVAL;
    }
    password[len] = '\0';
    snprintf(client_id, sizeof(client_id), "fuotactl-%s", link->word);
    struct mqtt_config config = {
        .url = server->url,
        .client_id = client_id,
        .username = server->username,
        .password = server->password_file != NULL ? password : NULL,
        .ca_file = server->ca,
        .cert_file = server->cert,
        .key_file = server->cert_key,
        .protocol = MQTT_PROTOCOL_5,
        .jitter_seed = randombytes_random(),
    };
    int err = mqtt_sync_open(&config, &handlers, link, &link->sync);
    sodium_memzero(password, sizeof(password));
    if (err != FUO_OK) {
        detail_set(problem,
                   "--server %.200s: cannot be used; see --ca, --cert, --username",
                   server->url);
        return FUO_EINVAL;
    }
    /* In this order: when the state comes, answers can come. */
    err = mqtt_subscribe(mqtt_sync_client(link->sync), link->response_topic, 1);
    if (err == FUO_OK) {
        err = mqtt_subscribe(mqtt_sync_client(link->sync), link->state_topic, 1);
    }
    if (err != FUO_OK) {
        detail_set(problem, "--root or --instance: no topic can have that name");
    }
    return err;
}

static int say_why(const struct link *link, struct detail *problem)
{
    const char *broker = mqtt_problem(mqtt_sync_client(link->sync));
    if (link->refuses && !link->away) {
        detail_set(problem, "fuotad takes no requests over MQTT: spec.status.requests is "
                            "off, or spec.operators names nobody");
        return FUO_EPERM;
    }
    if (broker[0] != '\0') {
        detail_set(problem, "%s", broker);
    } else if (!mqtt_is_up(mqtt_sync_client(link->sync))) {
        detail_set(problem, "the broker does not answer");
    } else if (link->away) {
        detail_set(problem,
                   "fuotad is not there: it was stopped, or has lost the broker");
    } else {
        detail_set(problem, "there is no %s; see --instance and --root",
                   link->state_topic);
    }
    return FUO_EIO;
}

/* Until the daemon has said that it is there. */
static int await_state(struct link *link, int timeout_ms, struct detail *problem)
{
    for (int waited_ms = 0; !link->known && waited_ms < timeout_ms;) {
        bool refused = mqtt_problem(mqtt_sync_client(link->sync))[0] != '\0';
        bool up = mqtt_is_up(mqtt_sync_client(link->sync));
        if (link->away || link->refuses ||
            ((refused || up) && waited_ms >= PATIENCE_MS)) {
            break;
        }
        waited_ms += mqtt_sync_wait(link->sync, LOOK_MS) == FUO_OK ? 0 : LOOK_MS;
    }
    return link->known ? FUO_OK : say_why(link, problem);
}

int remote_mqtt_open(const struct cli_server *server,
                     const struct envelope_signer *signer, int timeout_ms,
                     struct ctl_client **client, struct detail *problem)
{
    int err = check_server(server, problem);
    if (err != FUO_OK) {
        return err;
    }
    struct link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return FUO_ENOMEM;
    }
    link->signer = signer;
    err = clock_init(&link->clock, NULL);
    name_topics(link, server);
    if (err == FUO_OK) {
        err = connect_to(link, server, problem);
    }
    if (err == FUO_OK) {
        err = await_state(link, timeout_ms, problem);
    }
    if (err != FUO_OK) {
        link_close(link);
        return err;
    }
    struct ctl_transport transport = {
        .arg = link,
        .chunk_max = ENVELOPE_CHUNK_MAX,
        .send = link_send,
        .receive = link_receive,
        .close = link_close,
    };
    return ctl_client_over(&transport, timeout_ms, client);
}
