/* SPDX-License-Identifier: MIT */
/* lwm2m.c - opening and closing, the turn of the loop, intents of the engine. */
#include "lwm2m.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define TICK_US SECOND_US

enum {
    PATH_SIZE = 128,
    HANDSHAKES_MAX = 512, /* of each port; what nobody goes on with stays for 30 s */
    /* Of addresses that have sent something and are no peer's, at each port. Looked through
     * for each new one. Those that fetch from a port of their own are among them. */
    IDLE_MAX = 1024,
    IDLE_S = 300, /* DTLS: a device that fetches may be slow between two blocks */
    PORT_MAX = 65535,
    WEAKEST_DBM = -200,
    LOOK_US_EACH = 1, /* between two looks over all peers: many times what one costs */
    UNANSWERED_MAX = 3,
    TICK_PEERS = 512, /* of all, in a turn */
    SERVE_PEERS = 64, /* that are asked something, in a turn */
    ASKED_MAX = 1024, /* requests under way: libcoap walks along them */
};

void ns_event(struct fuo_ns *ns, const struct fuo_event *event)
{
    ns->base.ops->event(ns->base.host, event);
}

void ns_due(struct fuo_ns *ns, struct peer *p)
{
    if (p->due) {
        return;
    }
    p->due = true;
    p->next_due = NULL;
    if (ns->due == NULL) {
        ns->due = p;
    } else {
        ns->due_last->next_due = p;
    }
    ns->due_last = p;
    ns->base.ops->wake_after(ns->base.host, 0);
}

/* ---- requests of devices ---- */

static struct fuo_ns *instance_of(const coap_session_t *session)
{
    return coap_get_app_data(coap_session_get_context(session));
}

/* "rd/5a3f": the segments, joined; false: too long, or with a '/' in one. */
static bool path_of(const coap_pdu_t *request, char path[static PATH_SIZE])
{
    coap_opt_filter_t filter;
    coap_opt_iterator_t it;
    const coap_opt_t *option;
    size_t len = 0;
    path[0] = '\0';
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_URI_PATH);
    coap_option_iterator_init(request, &it, &filter);
    while ((option = coap_option_next(&it)) != NULL) {
        char *segment = path + len + (len > 0);
        if (len + 2 >= PATH_SIZE ||
            !coap_copy_text(option, segment, PATH_SIZE - len - (len > 0)) ||
            strchr(segment, '/') != NULL) {
            return false;
        }
        if (len > 0) {
            path[len] = '/';
        }
        len = (size_t)(segment - path) + strlen(segment);
    }
    return true;
}

static void handle(coap_resource_t *resource, coap_session_t *session,
                   const coap_pdu_t *request, const coap_string_t *query,
                   coap_pdu_t *response)
{
    struct fuo_ns *ns = instance_of(session);
    char path[PATH_SIZE];
    (void)resource;
    (void)query;
    bool good = path_of(request, path);
    if (bootstrap_is_at(ns, session)) {
        bootstrap_handle(ns, session, request, good ? path : "", response);
    } else if (good && strcmp(path, "rd") == 0) {
        rd_handle(ns, session, request, NULL, response);
    } else if (good && strncmp(path, "rd/", 3) == 0) {
        rd_handle(ns, session, request, path + 3, response);
    } else if (good && strncmp(path, "fw/", 3) == 0 &&
               coap_pdu_get_code(request) == COAP_REQUEST_CODE_GET) {
        files_handle(ns, session, request, path + 3, response);
    } else {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_FOUND);
    }
}

/* ---- the turn of the loop ---- */

static void tick_peer(struct fuo_ns *ns, struct peer *p)
{
    /* With DTLS a device that has rebooted cannot register from where it was before, as long
     * as there is the session of before. */
    if (p->session != NULL &&
        (p->expires_us <= ns->now_us ||
         (p->unanswered >= UNANSWERED_MAX && coap_is_secure(p->session)))) {
        peers_lose(ns, p);
        return;
    }
    talk_tick(ns, p);
    access_tick(ns, p);
    look_tick(ns, p);
    if (p->accesses != NULL || p->ordered || p->wants_read || p->wants_observe) {
        ns_due(ns, p);
    }
}

/* A round over all peers a second, some in a turn. */
static void tick(struct fuo_ns *ns)
{
    if (ns->tick_slot >= ns->peer_count) {
        bool early =
            ns->now_us < ns->tick_at_us && ns->tick_at_us - ns->now_us <= TICK_US;
        if (early) {
            return; /* else: the wall clock may have been set back */
        }
        rd_tick(ns);
        ns->tick_at_us = ns->now_us + TICK_US;
        ns->tick_slot = 0;
    }
    for (size_t i = 0; i < TICK_PEERS && ns->tick_slot < ns->peer_count; i++) {
        tick_peer(ns, ns->slots[ns->tick_slot++]);
    }
    if (ns->tick_slot < ns->peer_count) {
        ns->base.ops->wake_after(ns->base.host, 0);
    }
}

/* While as many are asked as may be, the others wait: each answer, and each that does not
 * come, makes room. */
static void serve_due(struct fuo_ns *ns)
{
    for (size_t i = 0; i < SERVE_PEERS && ns->due != NULL && ns->asked_count < ASKED_MAX;
         i++) {
        struct peer *p = ns->due;
        ns->due = p->next_due;
        p->due = false;
        update_next(ns, p);
    }
    if (ns->due != NULL && ns->asked_count < ASKED_MAX) {
        ns->base.ops->wake_after(ns->base.host, 0);
    }
}

/* Somebody begins a handshake: from where a device has a session, it may be that device, which
 * has rebooted, or somebody who says that he is there. The device is asked. */
static void heed_hello(struct fuo_ns *ns)
{
    bool early = ns->now_us < ns->look_at_us && ns->look_at_us - ns->now_us <= TICK_US;
    if (!ns->screen.began || early) {
        return; /* it is repeated */
    }
    struct peer *p = peers_at(ns, &ns->screen.from);
    ns->look_at_us = ns->now_us + (int64_t)ns->peer_count * LOOK_US_EACH;
    if (p != NULL) {
        talk_probe(ns, p);
    }
}

static void lwm2m_on_ready(struct fuo_ns *ns)
{
    ns->now_us = ns->base.ops->now(ns->base.host);
    for (size_t n = screen_turn(&ns->screen, ns->ctx); n > 0; n--) {
        ns->base.ops->reject(ns->base.host, "unusable CoAP message");
    }
    memset(ns->psk, 0, sizeof(ns->psk));
    heed_hello(ns);
    tick(ns);
    bootstrap_serve(ns);
    serve_due(ns);
    ns->base.ops->wake_after(ns->base.host, TICK_US);
}

/* ---- opening and closing ---- */

static bool address_of(const char *text, uint32_t port, coap_address_t *address)
{
    coap_address_init(address);
    if (inet_pton(AF_INET, text, &address->addr.sin.sin_addr) == 1) {
        address->addr.sin.sin_family = AF_INET;
        address->size = sizeof(address->addr.sin);
    } else if (inet_pton(AF_INET6, text, &address->addr.sin6.sin6_addr) == 1) {
        address->addr.sin6.sin6_family = AF_INET6;
        address->size = sizeof(address->addr.sin6);
    } else {
        return false;
    }
    coap_address_set_port(address, (uint16_t)port);
    return port <= PORT_MAX;
}

/* Port 0: there is none. */
static int listen_at(struct fuo_ns *ns, uint32_t port, coap_proto_t protocol)
{
    coap_address_t address;
    bool dtls = protocol == COAP_PROTO_DTLS;
    bool screened = !dtls || port == ns->config->coaps_port;
    if (port == 0) {
        return FUO_OK;
    }
    if (!address_of(ns->config->address, port, &address)) {
        ns_log(ns, FUO_LOG_ERROR, "address and port are wrong: %s port %u",
               ns->config->address, (unsigned)port);
        return FUO_EINVAL;
    }
    if (coap_new_endpoint(ns->ctx, &address, protocol) == NULL) {
        ns_log(ns, FUO_LOG_ERROR, "cannot listen at %s port %u", ns->config->address,
               (unsigned)port);
        return FUO_EIO;
    }
    if (screened && screen_add(&ns->screen, ns->ctx, (uint16_t)port, dtls) != FUO_OK) {
        ns_log(ns, FUO_LOG_ERROR, "cannot find the socket of port %u: is /proc mounted?",
               (unsigned)port);
        return FUO_EIO;
    }
    return FUO_OK;
}

static int set_keys(struct fuo_ns *ns)
{
    coap_dtls_spsk_t keys = {
        .version = COAP_DTLS_SPSK_SETUP_VERSION,
        .validate_id_call_back = rd_psk,
        .id_call_back_arg = ns,
    };
    return coap_context_set_psk2(ns->ctx, &keys) ? FUO_OK : FUO_EIO;
}

/* All that libcoap lets be: its own answers come with a text. None for proxying: what is not
 * for us it refuses in one answer, but what such a resource says, as a confirmable one. */
static void add_resources(struct fuo_ns *ns)
{
    static const coap_request_t methods[] = {
        COAP_REQUEST_GET,   COAP_REQUEST_POST,  COAP_REQUEST_PUT,   COAP_REQUEST_DELETE,
        COAP_REQUEST_FETCH, COAP_REQUEST_PATCH, COAP_REQUEST_IPATCH};
    coap_resource_t *all = coap_resource_unknown_init(handle);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        coap_register_request_handler(all, methods[i], handle);
    }
    coap_add_resource(ns->ctx, all);
}

static int open_context(struct fuo_ns *ns)
{
    coap_startup();
    coap_set_log_level(LOG_EMERG);
    coap_dtls_set_log_level(LOG_EMERG);
    ns->ctx = coap_new_context(NULL);
    if (ns->ctx == NULL) {
        return FUO_ENOMEM;
    }
    coap_set_app_data(ns->ctx, ns);
    coap_context_set_block_mode(ns->ctx, 0); /* see lwm2m.h */
    coap_context_set_max_handshake_sessions(ns->ctx, HANDSHAKES_MAX);
    coap_context_set_max_idle_sessions(ns->ctx, IDLE_MAX);
    coap_context_set_session_timeout(ns->ctx, IDLE_S);
    coap_register_response_handler(ns->ctx, talk_on_response);
    coap_register_nack_handler(ns->ctx, talk_on_nack);
    add_resources(ns);
    const struct config *c = ns->config;
    const struct {
        uint32_t port;
        coap_proto_t protocol;
    } ends[] = {{c->coap_port, COAP_PROTO_UDP},
                {c->coaps_port, COAP_PROTO_DTLS},
                {c->bootstrap_coap_port, COAP_PROTO_UDP},
                {c->bootstrap_coaps_port, COAP_PROTO_DTLS}};
    int err = set_keys(ns);
    for (size_t i = 0; err == FUO_OK && i < sizeof(ends) / sizeof(ends[0]); i++) {
        err = listen_at(ns, ends[i].port, ends[i].protocol);
    }
    return err;
}

static bool is_word(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(word, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

/* "-110"; false: it is none. */
static bool take_signal(struct fuo_ns *ns, const char *text)
{
    char *end = NULL;
    if (text[0] == '\0') {
        return true;
    }
    long dbm = strtol(text, &end, 10);
    ns->weak_dbm = (int32_t)dbm;
    return *end == '\0' && dbm >= WEAKEST_DBM && dbm < 0;
}

static int check(struct fuo_ns *ns)
{
    static const char *const deliveries[] = {"auto", "pull", "push", NULL};
    static const char *const bindings[] = {"U", "UQ", NULL};
    static const char *const severities[] = {"", "critical", "mandatory", "optional",
                                             NULL};
    const struct config *c = ns->config;
    if (!take_signal(ns, c->weak_signal) || c->block_interval_us > 60 * SECOND_US) {
        ns_log(ns, FUO_LOG_ERROR,
               "weakSignal is -200 to -1 (dBm) or empty, blockInterval at most 1m");
        return FUO_EINVAL;
    }
    if (!is_word(c->delivery, deliveries)) {
        ns_log(ns, FUO_LOG_ERROR, "delivery is auto, pull or push, not '%s'",
               c->delivery);
        return FUO_EINVAL;
    }
    if (c->block_size < COAP_BLOCK_BYTES_MIN || c->ack_timeout_us < SECOND_US / 10 ||
        c->ack_timeout_us > 600 * SECOND_US) {
        ns_log(ns, FUO_LOG_ERROR, "blockSize is 16 to 1024, ackTimeout 100ms to 10m");
        return FUO_EINVAL;
    }
    if (c->public_uri[0] != '\0' && !files_is_own(c->public_uri)) {
        ns_log(ns, FUO_LOG_ERROR,
               "publicUri is coap:// or coaps://, a host and perhaps a port, at most 200 "
               "characters: %s",
               c->public_uri);
        return FUO_EINVAL;
    }
    if (c->http_uri[0] != '\0' && !files_is_http(c->http_uri)) {
        ns_log(ns, FUO_LOG_ERROR,
               "httpUri begins with http:// or https:// and a host, has no query and at "
               "most 190 characters: %s",
               c->http_uri);
        return FUO_EINVAL;
    }
    if (!is_word(c->severity, severities) || c->max_defer_us > UINT32_MAX * SECOND_US) {
        ns_log(ns, FUO_LOG_ERROR,
               "severity is critical, mandatory or optional, maxDefer at most 49000d");
        return FUO_EINVAL;
    }
    if (c->lifetime_us < 60 * SECOND_US || !is_word(c->binding, bindings)) {
        ns_log(ns, FUO_LOG_ERROR, "lifetime is at least 60s, binding U or UQ");
        return FUO_EINVAL;
    }
    if (c->coap_port == 0 && c->coaps_port == 0) {
        ns_log(ns, FUO_LOG_ERROR, "coapPort and coapsPort are both 0");
        return FUO_EINVAL;
    }
    return FUO_OK;
}

static void lwm2m_close(struct fuo_ns *ns)
{
    if (ns == NULL) {
        return;
    }
    /* Closing a session says what was not delivered on it: to nobody, whoever asked goes, too. */
    if (ns->ctx != NULL) {
        coap_register_nack_handler(ns->ctx, NULL);
    }
    rd_close(ns);
    bootstrap_close(ns);
    cells_close(ns);
    peers_close(ns);
    coap_free_context(ns->ctx);
    free(ns);
}

static int start(struct fuo_ns *ns)
{
    int err = check(ns);
    err = err == FUO_OK ? peers_open(ns) : err;
    err = err == FUO_OK ? open_context(ns) : err;
    err = err == FUO_OK
              ? ns->base.ops->watch(ns->base.host, coap_context_get_coap_fd(ns->ctx))
              : err;
    if (err == FUO_OK) {
        ns->base.ops->wake_after(ns->base.host, TICK_US);
    }
    return err;
}

static int lwm2m_open(struct fuo_ns **ns, const void *config,
                      const struct fuo_host_ops *ops, struct fuo_host *host)
{
    struct fuo_ns *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return FUO_ENOMEM;
    }
    n->base.ops = ops;
    n->base.host = host;
    n->config = config;
    n->now_us = ops->now(host);
    int err = start(n);
    if (err != FUO_OK) {
        lwm2m_close(n);
        return err;
    }
    *ns = n;
    return FUO_OK;
}

/* ---- intents ---- */

static int lwm2m_order(struct fuo_ns *ns, const struct fuo_order *order)
{
    struct peer *p = peers_get(ns, order->dev_eui);
    if (p == NULL) {
        return FUO_ENOSPC;
    }
    update_order(ns, p, order);
    return FUO_OK;
}

static void lwm2m_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    caps->delivers = true;
}

/* ---- what only servers elsewhere need ---- */

static void lwm2m_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                          size_t payload_len, bool retained)
{
    (void)ns;
    (void)topic;
    (void)payload;
    (void)payload_len;
    (void)retained;
}

static void lwm2m_on_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static void lwm2m_on_http(struct fuo_ns *ns, uint64_t id,
                          const struct fuo_http_response *response)
{
    (void)ns;
    (void)id;
    (void)response;
}

static int lwm2m_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    (void)ns;
    (void)downlink;
    return FUO_ENOTSUP;
}

static int lwm2m_unicast_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    struct peer *p = peers_find(ns, dev_eui);
    if (p != NULL) {
        update_drop(ns, p);
        cells_leave(ns,
                    p); /* it may never be heard again; if it downloads, a read says so */
    }
    ns_result(ns, id, FUO_OK, 0);
    return FUO_OK;
}

static const struct fuo_option options[] = {
    {"address", FUO_OPT_STRING, offsetof(struct config, address),
     "::", "Address to listen at; :: is all of them, for IPv4 as well."},
    {"coapsPort", FUO_OPT_U32, offsetof(struct config, coaps_port), "5684",
     "UDP port for CoAP with DTLS and the devices' keys; 0: none."},
    {"coapPort", FUO_OPT_U32, offsetof(struct config, coap_port), "0",
     "UDP port for CoAP without security (5683 by the book), where anybody can pretend "
     "to "
     "be any device: for closed networks. 0: none."},
    {"bootstrapCoapsPort", FUO_OPT_U32, offsetof(struct config, bootstrap_coaps_port),
     "0",
     "UDP port of the bootstrap server, with DTLS and the devices' factory keys "
     "(gen_app_key; app_key of those without); 5784 is usual. 0: none."},
    {"bootstrapCoapPort", FUO_OPT_U32, offsetof(struct config, bootstrap_coap_port), "0",
     "UDP port of the bootstrap server without security, which gives no keys: for closed "
     "networks. 0: none."},
    {"lifetime", FUO_OPT_DURATION_US, offsetof(struct config, lifetime_us), "1d",
     "Lifetime of registrations (/1/x/1) that bootstrap gives to devices."},
    {"binding", FUO_OPT_STRING, offsetof(struct config, binding), "U",
     "Binding (/1/x/7) that bootstrap gives to devices: U, or UQ in LwM2M 1.0 for those "
     "that sleep."},
    {"publicUri", FUO_OPT_STRING, offsetof(struct config, public_uri), "",
     "What devices reach this server by, to fetch images: \"coaps://fota.example.net\". "
     "Empty: the address that they registered at."},
    {"httpUri", FUO_OPT_STRING, offsetof(struct config, http_uri), "",
     "Folder of an HTTP server of yours that has the images, each named by its SHA-256 "
     "in "
     "hex: \"https://files.example.net/fota\". Devices whose Protocol Support (/5/0/8) "
     "names HTTP or HTTPS fetch there. Empty: there is none."},
    {"delivery", FUO_OPT_STRING, offsetof(struct config, delivery), "auto",
     "How images get to devices: pull (they fetch them, Package URI), push (Package) or "
     "auto: pull if they can."},
    {"severity", FUO_OPT_STRING, offsetof(struct config, severity), "",
     "critical, mandatory or optional: what devices go by that ask their user before "
     "they "
     "install (/5/0/11; Object 5 of 1.1). Empty: it is left as it is, and so is "
     "maxDefer."},
    {"maxDefer", FUO_OPT_DURATION_US, offsetof(struct config, max_defer_us), "0s",
     "How long a user may put an installation off (/5/0/13), with severity. 0s: not at "
     "all."},
    {"cellDevices", FUO_OPT_U32, offsetof(struct config, cell_devices), "0",
     "Devices of a cell (/4/0/8) that are brought an image at the same time. 0: all."},
    {"weakSignal", FUO_OPT_STRING, offsetof(struct config, weak_signal), "",
     "dBm, as -110: of the devices of a cell that hear it worse (/4/0/2), or are at "
     "coverage "
     "level 1 or beyond (/4/0/13), one at a time is brought an image. Empty: none is "
     "weak."},
    {"cellInterval", FUO_OPT_DURATION_US, offsetof(struct config, cell_interval_us), "0s",
     "Least time between two devices of a cell that begin. 0s: none."},
    {"blockInterval", FUO_OPT_DURATION_US, offsetof(struct config, block_interval_us),
     "0s",
     "Least time between two blocks that are sent to a device (Package), at most 1m. 0s: "
     "the next follows the answer."},
    {"blockSize", FUO_OPT_U32, offsetof(struct config, block_size), "1024",
     "Bytes of image in a message, a power of two from 16 to 1024."},
    {"ackTimeout", FUO_OPT_DURATION_US, offsetof(struct config, ack_timeout_us), "2s",
     "Time for an acknowledgement before a message is repeated; NB-IoT needs 15s."},
    {"awakeTime", FUO_OPT_DURATION_US, offsetof(struct config, awake_us), "93s",
     "How long a device in queue mode listens after it was heard."},
    {"devicesMax", FUO_OPT_U32, offsetof(struct config, devices_max), "100000",
     "Devices that are kept in memory; registrations beyond are refused."},
    {"batteryStep", FUO_OPT_U32, offsetof(struct config, battery_step), "0",
     "Per cent by which a battery (/3/0/9) changes before its device tells; it is "
     "observed "
     "from the registration on, for preconditions.battery. 0: not at all."},
    {"memoryStep", FUO_OPT_U32, offsetof(struct config, memory_step_kb), "0",
     "Kilobytes by which the free memory of a device (/3/0/10) changes before it tells; "
     "it "
     "is observed, and an image that is larger is not brought. 0: not at all."},
    {0},
};

const struct fuo_ns_plugin fuo_ns_plugin = {
    .abi = FUO_NS_ABI,
    .size = sizeof(struct fuo_ns_plugin),
    .name = "lwm2m",
    .config_size = sizeof(struct config),
    .options = options,
    .open = lwm2m_open,
    .close = lwm2m_close,
    .caps = lwm2m_caps,
    .on_mqtt = lwm2m_on_mqtt,
    .on_published = lwm2m_on_published,
    .on_http = lwm2m_on_http,
    .unicast = lwm2m_unicast,
    .unicast_flush = lwm2m_unicast_flush,
    .order = lwm2m_order,
    .access = access_order,
    .on_ready = lwm2m_on_ready,
};
