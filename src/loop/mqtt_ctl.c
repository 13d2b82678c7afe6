/* SPDX-License-Identifier: MIT */
#include "loop/mqtt_ctl.h"

#include <stdio.h>
#include <string.h>

#include "io/cleanup.h"
#include "loop/xalloc.h"

#define LOG_MODULE "ctl"
#include "io/log.h"

#define CHANNEL_BIT (UINT64_C(1) << 63)

struct channel {
    struct channel *next;
    uint64_t id;
    const struct operator_key *key;
    char *response_topic;
    uint8_t correlation[MQTT_CORRELATION_MAX];
    size_t correlation_len;
    uint64_t touched_ms;
};

struct mqtt_ctl {
    struct mqtt_ctl_ports ports;
    struct ctl_server_handlers handlers;
    void *arg;
    char *prefix;
    char *instance;
    uint8_t session[ENVELOPE_SESSION_BYTES];
    const struct operators *operators;
    struct nonces nonces;
    struct channel *channels;
    size_t channel_count;
    uint64_t last_id;
    uint64_t publish_id;
};

/* A message on its way to its method. */
struct asking {
    struct mqtt_ctl *ctl;
    const struct mqtt_message *message;
    struct envelope envelope;
    const struct operator_key *key; /* NULL: not verified */
    struct envelope_stamp stamp;
    struct ctl_request request;
    struct ctl_error error;
};

struct mqtt_ctl *mqtt_ctl_create(const struct mqtt_ctl_config *config,
                                 const struct mqtt_ctl_ports *ports,
                                 const struct ctl_server_handlers *handlers, void *arg)
{
    struct mqtt_ctl *ctl = xcalloc(1, sizeof(*ctl));
    ctl->ports = *ports;
    ctl->handlers = *handlers;
    ctl->arg = arg;
    ctl->prefix = xstrdup(config->prefix);
    ctl->instance = xstrdup(config->instance);
    ctl->operators = config->operators;
    memcpy(ctl->session, config->session, sizeof(ctl->session));
    return ctl;
}

/* ---- channels ---- */

static void free_channel(struct channel *channel)
{
    free(channel->response_topic);
    free(channel);
}

void mqtt_ctl_destroy(struct mqtt_ctl *ctl)
{
    if (ctl == NULL) {
        return;
    }
    while (ctl->channels != NULL) {
        struct channel *channel = ctl->channels;
        ctl->channels = channel->next;
        free_channel(channel);
    }
    nonces_finish(&ctl->nonces);
    free(ctl->prefix);
    free(ctl->instance);
    free(ctl);
}

bool mqtt_ctl_is_channel(uint64_t connection)
{
    return (connection & CHANNEL_BIT) != 0;
}

static void drop(struct mqtt_ctl *ctl, struct channel *channel)
{
    struct channel **at = &ctl->channels;
    while (*at != channel) {
        at = &(*at)->next;
    }
    *at = channel->next;
    ctl->channel_count--;
    ctl->handlers.on_gone(ctl->arg, channel->id);
    free_channel(channel);
}

static bool has_lapsed(const struct channel *channel, uint64_t now_ms)
{
    return now_ms - channel->touched_ms > MQTT_CTL_LAPSE_MS;
}

static struct channel *find(const struct mqtt_ctl *ctl, uint64_t id)
{
    struct channel *channel = ctl->channels;
    while (channel != NULL && channel->id != id) {
        channel = channel->next;
    }
    return channel;
}

static void drop_lapsed(struct mqtt_ctl *ctl, uint64_t now_ms)
{
    struct channel *next = NULL;
    for (struct channel *channel = ctl->channels; channel != NULL; channel = next) {
        next = channel->next;
        if (has_lapsed(channel, now_ms)) {
            drop(ctl, channel);
        }
    }
}

static void drop_oldest(struct mqtt_ctl *ctl)
{
    struct channel *oldest = ctl->channels;
    for (struct channel *channel = oldest; channel != NULL; channel = channel->next) {
        if (channel->touched_ms < oldest->touched_ms) {
            oldest = channel;
        }
    }
    drop(ctl, oldest);
}

static bool is_of(const struct channel *channel, const struct operator_key *key,
                  const struct mqtt_message *message)
{
    return channel->key == key &&
           strcmp(channel->response_topic, message->response_topic) == 0 &&
           channel->correlation_len == message->correlation_len &&
           (message->correlation_len == 0 ||
            memcmp(channel->correlation, message->correlation,
                   message->correlation_len) == 0);
}

static struct channel *open_channel(struct mqtt_ctl *ctl, const struct operator_key *key,
                                    const struct mqtt_message *message)
{
    uint64_t now_ms = ctl->ports.milliseconds(ctl->arg);
    drop_lapsed(ctl, now_ms);
    struct channel *channel = ctl->channels;
    while (channel != NULL && !is_of(channel, key, message)) {
        channel = channel->next;
    }
    if (channel == NULL) {
        if (ctl->channel_count == MQTT_CTL_CHANNELS_MAX) {
            drop_oldest(ctl);
        }
        channel = xcalloc(1, sizeof(*channel));
        channel->id = CHANNEL_BIT | ++ctl->last_id;
        channel->key = key;
        channel->response_topic = xstrdup(message->response_topic);
        channel->correlation_len = message->correlation_len;
        if (message->correlation_len > 0) {
            memcpy(channel->correlation, message->correlation, message->correlation_len);
        }
        channel->next = ctl->channels;
        ctl->channels = channel;
        ctl->channel_count++;
    }
    channel->touched_ms = now_ms;
    return channel;
}

const char *mqtt_ctl_key(const struct mqtt_ctl *ctl, uint64_t channel)
{
    const struct channel *found = find(ctl, channel);
    return found != NULL ? found->key->id : NULL;
}

/* ---- answers ---- */

/* Takes line. What the broker's client has no room for is lost; whoever asked asks again. */
static void publish(struct mqtt_ctl *ctl, const char *topic, const uint8_t *correlation,
                    size_t correlation_len, char *line)
{
    size_t len = line != NULL ? strcspn(line, "\n") : 0;
    struct mqtt_publish message = {
        .id = ++ctl->publish_id | CHANNEL_BIT,
        .topic = topic,
        .payload = (const uint8_t *)line,
        .payload_len = len,
        .qos = 1,
        .expiry_s = MQTT_CTL_ANSWER_LIFE_S,
        .correlation = correlation_len > 0 ? correlation : NULL,
        .correlation_len = correlation_len,
    };
    int err = line != NULL ? ctl->ports.publish(ctl->arg, &message) : FUO_ENOMEM;
    if (err != FUO_OK) {
        log_warn("an answer over MQTT was not sent topic=%s error=%s", topic,
                 fuo_strerror(err));
    }
    free(line);
}

void mqtt_ctl_send(struct mqtt_ctl *ctl, uint64_t channel, char *line)
{
    struct channel *found = ctl != NULL ? find(ctl, channel) : NULL;
    if (found == NULL) {
        free(line);
    } else if (line == NULL || has_lapsed(found, ctl->ports.milliseconds(ctl->arg))) {
        free(line);
        drop(ctl, found);
    } else {
        publish(ctl, found->response_topic, found->correlation, found->correlation_len,
                line);
    }
}

/* ---- requests ---- */

/* What follows the prefix and a word, "req" or "rsp"; NULL: another topic. */
static const char *behind(const struct mqtt_ctl *ctl, const char *topic, const char *word)
{
    size_t len = strlen(ctl->prefix);
    size_t word_len = strlen(word);
    bool fits = strncmp(topic, ctl->prefix, len) == 0 && topic[len] == '/' &&
                strncmp(topic + len + 1, word, word_len) == 0 &&
                topic[len + 1 + word_len] == '/';
    return fits ? topic + len + word_len + 2 : NULL;
}

static bool may_answer_to(const struct mqtt_ctl *ctl, const char *topic)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_";
    const char *word = topic != NULL ? behind(ctl, topic, "rsp") : NULL;
    size_t len = word != NULL ? strspn(word, allowed) : 0;
    return len > 0 && len <= MQTT_CTL_WORD_MAX && word[len] == '\0';
}

static int check_signature(struct asking *asking)
{
    if (envelope_parse(asking->message->payload, asking->message->payload_len,
                       &asking->envelope) != FUO_OK) {
        return ctl_fail(&asking->error, CTL_USAGE,
                        "not a signed request: key, signature and body are needed");
    }
    const struct operator_key *key =
        operators_find(asking->ctl->operators, asking->envelope.key);
    if (key == NULL) {
        return ctl_fail(&asking->error, CTL_FORBIDDEN,
                        "key %s is not one of spec.operators in the daemon's file",
                        asking->envelope.key);
    }
    if (envelope_verify(&asking->envelope, key->public) != FUO_OK) {
        return ctl_fail(&asking->error, CTL_UNTRUSTED,
                        "the request was not signed by key %s, or was changed", key->id);
    }
    asking->key = key;
    return CTL_DONE;
}

static int check_stamp(struct asking *asking)
{
    const struct mqtt_ctl *ctl = asking->ctl;
    const struct envelope_stamp *stamp = &asking->stamp;
    int64_t left_us = stamp->expires.us - ctl->ports.wall(ctl->arg).us;
    if (strcmp(stamp->instance, ctl->instance) != 0) {
        return ctl_fail(&asking->error, CTL_FORBIDDEN,
                        "the request was signed for another instance");
    }
    if (memcmp(stamp->session, ctl->session, sizeof(stamp->session)) != 0) {
        return ctl_fail(&asking->error, CTL_FORBIDDEN,
                        "the request was signed for another start of fuotad");
    }
    if (left_us <= 0) {
        return ctl_fail(&asking->error, CTL_FORBIDDEN,
                        "the request has expired; are both clocks right?");
    }
    if (left_us > SECONDS_US(ENVELOPE_LIFE_MAX_S)) {
        return ctl_fail(&asking->error, CTL_FORBIDDEN,
                        "the request would be good for more than %d s; are both clocks "
                        "right?",
                        ENVELOPE_LIFE_MAX_S);
    }
    return CTL_DONE;
}

static int use_nonce(struct asking *asking)
{
    struct mqtt_ctl *ctl = asking->ctl;
    struct nonce nonce = {.key = asking->key, .expires = asking->stamp.expires};
    memcpy(nonce.bytes, asking->stamp.nonce, sizeof(nonce.bytes));
    int err = nonces_use(&ctl->nonces, &nonce, ctl->ports.wall(ctl->arg));
    if (err == FUO_EEXIST) {
        return ctl_fail(&asking->error, CTL_FORBIDDEN,
                        "the request was carried out before: its nonce is used up");
    }
    return err == FUO_OK ? CTL_DONE
                         : ctl_fail(&asking->error, CTL_INTERNAL,
                                    "too many requests; try again in a few minutes");
}

static int check(struct asking *asking)
{
    const char *method = behind(asking->ctl, asking->message->topic, "req");
    int code = check_signature(asking);
    if (code == CTL_DONE && envelope_open(&asking->envelope, &asking->stamp,
                                          &asking->request, &asking->error) != FUO_OK) {
        code = (int)asking->error.code;
    }
    if (code == CTL_DONE) {
        code = check_stamp(asking);
    }
    if (code == CTL_DONE) {
        code = use_nonce(asking);
    }
    if (code == CTL_DONE &&
        (method == NULL ||
         strcmp(method, ctl_method_name(asking->request.method)) != 0)) {
        code = ctl_fail(&asking->error, CTL_USAGE,
                        "the request is on the topic of another method");
    }
    return code;
}

static void answer_refusal(const struct asking *asking)
{
    const struct mqtt_message *message = asking->message;
    log_warn("a request over MQTT was refused key=%s: %s",
             asking->envelope.key[0] != '\0' ? asking->envelope.key : "none",
             asking->error.text);
    publish(asking->ctl, message->response_topic, message->correlation,
            message->correlation_len,
            ctl_print_error(asking->request.id, &asking->error));
}

void mqtt_ctl_take(struct mqtt_ctl *ctl, const struct mqtt_message *message)
{
    struct asking asking = {.ctl = ctl, .message = message};
    if (message->retained || !may_answer_to(ctl, message->response_topic)) {
        log_warn("a request over MQTT was ignored: %s",
                 message->retained ? "it is retained"
                                   : "it names no topic below rsp/ for the answer");
        return;
    }
    if (check(&asking) == CTL_DONE) {
        struct channel *channel = open_channel(ctl, asking.key, message);
        ctl->handlers.on_request(ctl->arg, channel->id, &asking.request);
    } else {
        answer_refusal(&asking);
    }
    ctl_request_finish(&asking.request);
    ctl_error_finish(&asking.error);
    envelope_finish(&asking.envelope);
}
