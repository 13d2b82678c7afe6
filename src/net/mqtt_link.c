/* SPDX-License-Identifier: MIT */
#include "net/mqtt_link.h"

#include <MQTTAsync.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_S = 10,
    GOODBYE_TIMEOUT_MS = 500,
    SESSION_EXPIRY_S = 86400,
    BUFFERED_MAX = 2 * MQTT_INFLIGHT_MAX + MQTT_SUBSCRIPTION_MAX,
    REASON_FAILED = 0x80,
    REASON_PROTOCOL_VERSION = 0x84,
    REASON_BAD_LOGIN = 0x86,
    REASON_NOT_AUTHORIZED = 0x87,
};

/* What the library hands back: which of our operations it talks about. */
struct operation {
    struct mqtt_link *link;
    enum inbox_kind kind;
    uint32_t index;
};

struct mqtt_link {
    MQTTAsync handle;
    struct inbox *inbox;
    uint32_t generation;
    bool v5;
    struct operation connect;
    struct operation goodbye;
    struct operation publishes[MQTT_INFLIGHT_MAX];
    struct operation subscriptions[MQTT_SUBSCRIPTION_MAX];
};

/* ---- called by the library, on its threads ---- */

static void put(const struct operation *op, enum inbox_kind kind, int code,
                const char *text)
{
    inbox_put(op->link->inbox, kind, op->link->generation, op->index, code, text);
}

static int code_of_connect(int code)
{
    switch (code) {
    case 1: /* MQTT 3.1.1: unacceptable protocol version */
    case REASON_PROTOCOL_VERSION:
        return FUO_EABI;
    case 4: /* MQTT 3.1.1: bad user name or password; not authorized */
    case 5:
    case REASON_BAD_LOGIN:
    case REASON_NOT_AUTHORIZED:
        return FUO_EAUTH;
    default:
        return FUO_EAGAIN;
    }
}

static void failed(const struct operation *op, int code, int reason, const char *text)
{
    switch (op->kind) {
    case INBOX_UP:
        put(op, INBOX_REFUSED, code_of_connect(reason >= REASON_FAILED ? reason : code),
            text);
        return;
    case INBOX_SENT:
    case INBOX_SUBSCRIBED:
        put(op, op->kind, reason >= REASON_FAILED ? FUO_EPERM : FUO_EAGAIN, text);
        return;
    case INBOX_GOODBYE:
        put(op, op->kind, FUO_OK, NULL);
        return;
    case INBOX_REFUSED:
    case INBOX_LOST:
    case INBOX_MESSAGE:
        return;
    }
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    const struct operation *op = context;
    (void)data;
    put(op, op->kind, FUO_OK, NULL);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    const struct operation *op = context;
    bool refused = op->kind == INBOX_SUBSCRIBED && data->code == MQTT_BAD_SUBSCRIBE;
    failed(op, data->code, refused ? REASON_FAILED : 0, data->message);
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    const struct operation *op = context;
    int reason = (int)data->reasonCode;
    if (reason >= REASON_FAILED && op->kind != INBOX_UP) {
        failed(op, 0, reason, MQTTReasonCode_toString(data->reasonCode));
        return;
    }
    put(op, op->kind, FUO_OK, NULL);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    const char *text = data->message;
    if (text == NULL && data->reasonCode != MQTTREASONCODE_SUCCESS) {
        text = MQTTReasonCode_toString(data->reasonCode);
    }
    failed(context, data->code, (int)data->reasonCode, text);
}

static void on_lost(void *context, char *cause)
{
    const struct mqtt_link *link = context;
    inbox_put(link->inbox, INBOX_LOST, link->generation, 0, FUO_EAGAIN, cause);
}

static int on_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *m)
{
    const struct mqtt_link *link = context;
    struct mqtt_message message = {
        .topic = topic,
        .payload = m->payload,
        .payload_len = m->payloadlen > 0 ? (size_t)m->payloadlen : 0,
        .qos = m->qos,
        .retained = m->retained != 0,
    };
    size_t response_len = 0;
    MQTTProperty *response =
        MQTTProperties_getPropertyAt(&m->properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, 0);
    if (response != NULL) {
        message.response_topic = response->value.data.data;
        response_len = (size_t)response->value.data.len;
    }
    MQTTProperty *correlation = MQTTProperties_getPropertyAt(
        &m->properties, MQTTPROPERTY_CODE_CORRELATION_DATA, 0);
    if (correlation != NULL) {
        message.correlation = (const uint8_t *)correlation->value.data.data;
        message.correlation_len = (size_t)correlation->value.data.len;
    }
    inbox_put_message(link->inbox, link->generation, &message,
                      topic_len > 0 ? (size_t)topic_len : strlen(topic), response_len);
    MQTTAsync_freeMessage(&m);
    MQTTAsync_free(topic);
    return 1;
}

/* ---- called by the client, on the loop thread ---- */

static void name_operations(struct mqtt_link *link)
{
    link->connect = (struct operation){link, INBOX_UP, 0};
    link->goodbye = (struct operation){link, INBOX_GOODBYE, 0};
    for (uint32_t i = 0; i < MQTT_INFLIGHT_MAX; i++) {
        link->publishes[i] = (struct operation){link, INBOX_SENT, i};
    }
    for (uint32_t i = 0; i < MQTT_SUBSCRIPTION_MAX; i++) {
        link->subscriptions[i] = (struct operation){link, INBOX_SUBSCRIBED, i};
    }
}

int link_create(struct inbox *inbox, uint32_t generation,
                const struct mqtt_link_config *config, struct mqtt_link **link)
{
    struct mqtt_link *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return FUO_ENOMEM;
    }
    l->inbox = inbox;
    l->generation = generation;
    l->v5 = config->v5;
    name_operations(l);
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = config->v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.maxBufferedMessages = BUFFERED_MAX;
    int rc =
        MQTTAsync_createWithOptions(&l->handle, config->uri, config->config->client_id,
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (rc == MQTTASYNC_SUCCESS) {
        rc = MQTTAsync_setCallbacks(l->handle, l, on_lost, on_arrived, NULL);
    }
    if (rc != MQTTASYNC_SUCCESS) {
        link_destroy(l);
        return FUO_EINVAL;
    }
    *link = l;
    return FUO_OK;
}

static MQTTAsync_SSLOptions tls_options(const struct mqtt_config *config)
{
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    ssl.enableServerCertAuth = 1;
    ssl.verify = 1;
    ssl.trustStore = config->ca_file;
    ssl.disableDefaultTrustStore = config->ca_file != NULL;
    ssl.keyStore = config->cert_file;
    ssl.privateKey = config->key_file;
    return ssl;
}

static MQTTAsync_willOptions will_options(const struct mqtt_config *config)
{
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    will.topicName = config->will_topic;
    will.payload.data = config->will_payload;
    will.payload.len = (int)config->will_payload_len;
    will.retained = 1;
    will.qos = 1;
    return will;
}

static void version_options(struct mqtt_link *link, const struct mqtt_config *config,
                            MQTTAsync_connectOptions *options, MQTTProperties *properties)
{
    if (!link->v5) {
        options->MQTTVersion = MQTTVERSION_3_1_1;
        options->cleansession = !config->persistent;
        options->onSuccess = on_success;
        options->onFailure = on_failure;
        return;
    }
    options->cleanstart = !config->persistent;
    options->onSuccess5 = on_success5;
    options->onFailure5 = on_failure5;
    if (config->persistent) {
        MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL};
        expiry.value.integer4 =
            config->session_expiry_s != 0 ? config->session_expiry_s : SESSION_EXPIRY_S;
        MQTTProperties_add(properties, &expiry);
        options->connectProperties = properties;
    }
}

int link_connect(struct mqtt_link *link, const struct mqtt_link_config *config)
{
    const struct mqtt_config *c = config->config;
    MQTTAsync_connectOptions v5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions v3 = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions options = link->v5 ? v5 : v3;
    MQTTAsync_SSLOptions ssl = tls_options(c);
    MQTTAsync_willOptions will = will_options(c);
    MQTTProperties properties = MQTTProperties_initializer;

    options.keepAliveInterval = (int)c->keep_alive_s;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.maxInflight = MQTT_INFLIGHT_MAX;
    options.username = c->username;
    options.password = c->password;
    options.ssl = config->tls ? &ssl : NULL;
    options.will = c->will_topic != NULL ? &will : NULL;
    options.context = &link->connect;
    version_options(link, c, &options, &properties);
    int rc = MQTTAsync_connect(link->handle, &options);
    MQTTProperties_free(&properties);
    return rc == MQTTASYNC_SUCCESS ? FUO_OK : FUO_EAGAIN;
}

static MQTTAsync_responseOptions response_options(const struct mqtt_link *link,
                                                  struct operation *op)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = op;
    if (link->v5) {
        options.onSuccess5 = on_success5;
        options.onFailure5 = on_failure5;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    return options;
}

int link_subscribe(struct mqtt_link *link, uint32_t index, const char *filter, int qos)
{
    MQTTAsync_responseOptions options =
        response_options(link, &link->subscriptions[index]);
    int rc = MQTTAsync_subscribe(link->handle, filter, qos, &options);
    return rc == MQTTASYNC_SUCCESS ? FUO_OK : FUO_EAGAIN;
}

/* The library copies what it is given, its const-less types notwithstanding. */
static MQTTLenString borrow(const void *bytes, size_t len)
{
    MQTTLenString s = {.len = (int)len};
    memcpy(&s.data, &bytes, sizeof(s.data));
    return s;
}

static void publish_properties(const struct mqtt_publish *publish,
                               MQTTProperties *properties)
{
    if (publish->expiry_s != 0) {
        MQTTProperty p = {.identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL};
        p.value.integer4 = publish->expiry_s;
        MQTTProperties_add(properties, &p);
    }
    if (publish->response_topic != NULL) {
        MQTTProperty p = {.identifier = MQTTPROPERTY_CODE_RESPONSE_TOPIC};
        p.value.data = borrow(publish->response_topic, strlen(publish->response_topic));
        MQTTProperties_add(properties, &p);
    }
    if (publish->correlation_len != 0) {
        MQTTProperty p = {.identifier = MQTTPROPERTY_CODE_CORRELATION_DATA};
        p.value.data = borrow(publish->correlation, publish->correlation_len);
        MQTTProperties_add(properties, &p);
    }
}

int link_publish(struct mqtt_link *link, uint32_t slot,
                 const struct mqtt_publish *publish)
{
    MQTTAsync_message message = MQTTAsync_message_initializer;
    MQTTAsync_responseOptions options = response_options(link, &link->publishes[slot]);

    memcpy(&message.payload, &publish->payload, sizeof(message.payload));
    message.payloadlen = (int)publish->payload_len;
    message.qos = publish->qos;
    message.retained = publish->retain;
    if (link->v5) {
        publish_properties(publish, &message.properties);
    }
    int rc = MQTTAsync_sendMessage(link->handle, publish->topic, &message, &options);
    MQTTProperties_free(&message.properties);
    return rc == MQTTASYNC_SUCCESS ? FUO_OK : FUO_EAGAIN;
}

int link_disconnect(struct mqtt_link *link)
{
    MQTTAsync_disconnectOptions v5 = MQTTAsync_disconnectOptions_initializer5;
    MQTTAsync_disconnectOptions v3 = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions options = link->v5 ? v5 : v3;
    options.timeout = GOODBYE_TIMEOUT_MS;
    options.context = &link->goodbye;
    if (link->v5) {
        options.onSuccess5 = on_success5;
        options.onFailure5 = on_failure5;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    return MQTTAsync_disconnect(link->handle, &options) == MQTTASYNC_SUCCESS ? FUO_OK
                                                                             : FUO_EAGAIN;
}

void link_destroy(struct mqtt_link *link)
{
    if (link == NULL) {
        return;
    }
    if (link->handle != NULL) {
        MQTTAsync_destroy(&link->handle);
    }
    free(link);
}
