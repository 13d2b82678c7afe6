/* SPDX-License-Identifier: MIT */
/*
 * bootstrap.c - the bootstrap interface (LwM2M 1.0, 5.2; 1.1, 6.1): POST /bs?ep=NAME, and what
 * the device is told then, in this order:
 *
 *   DELETE /0, /1   what it had of before; its bootstrap account stays by the book
 *   GET    /0       which instances are left; many do not say
 *   PUT    /0/i     the server account: address, identity and key
 *   PUT    /1/i     lifetime and binding
 *   POST   /bs      it is done, and registers
 *
 * There are ports of their own for it, and nothing else is served there. With DTLS a device
 * shows its factory key (gen_app_key), or its only one; the key it gets is that of the
 * inventory (app_key). A key is never written but over DTLS, and is in memory only while a
 * message is made. So many at a time, one request each; who comes too many is told to come
 * back. Which device of them is finished nobody keeps: it registers.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "codec/link_format.h"
#include "codec/lwm2m_content.h"
#include "lwm2m.h"

enum {
    SHORT_SERVER_ID = 1,
    INSTANCE_USUAL = 1, /* 0 is the bootstrap account's, as a rule */
    INSTANCES_MAX = 32, /* of what is left in /0 */
    MODE_PSK = 0,
    MODE_NONE = 3,
    REPEATS = 4,
    KEY_BYTES = 16,
    PAYLOAD_SIZE = 600,
    ENTRIES_MAX = 8,
    FORMATS_MAX = 3,
    CLASS_SUCCESS = 2,
    SLOT_BYTES = 4,
};

#define ANSWER_US (93 * SECOND_US) /* MAX_TRANSMIT_WAIT */

static const uint16_t formats[FORMATS_MAX] = {LWM2M_FORMAT_TLV, LWM2M_FORMAT_SENML_CBOR,
                                              LWM2M_FORMAT_SENML_JSON};

static void end(struct bootstrap *b)
{
    if (b->session != NULL) {
        coap_session_release(b->session);
    }
    *b = (struct bootstrap){.session = NULL};
}

void bootstrap_close(struct fuo_ns *ns)
{
    for (size_t i = 0; i < BOOTSTRAPS_MAX; i++) {
        end(&ns->bootstraps[i]);
    }
}

bool bootstrap_is_at(const struct fuo_ns *ns, const coap_session_t *session)
{
    uint32_t port = coap_address_get_port(coap_session_get_addr_local(session));
    return port != 0 && (port == ns->config->bootstrap_coap_port ||
                         port == ns->config->bootstrap_coaps_port);
}

/* ---- what is written ---- */

static struct lwm2m_entry *add(struct lwm2m_list *list, const struct lwm2m_path *base,
                               uint16_t resource, enum lwm2m_type type)
{
    struct lwm2m_entry *entry = &list->entries[list->count++];
    *entry = (struct lwm2m_entry){
        .path = {.id = {base->id[0], base->id[1], resource}, .depth = 3},
        .value = {.type = type}};
    return entry;
}

static void add_number(struct lwm2m_list *list, const struct lwm2m_path *base,
                       uint16_t resource, int64_t number)
{
    add(list, base, resource, LWM2M_INTEGER)->value.integer = number;
}

static void add_flag(struct lwm2m_list *list, const struct lwm2m_path *base,
                     uint16_t resource, bool flag)
{
    add(list, base, resource, LWM2M_BOOLEAN)->value.integer = flag;
}

static void add_bytes(struct lwm2m_list *list, const struct lwm2m_path *base,
                      uint16_t resource, enum lwm2m_type type, const void *bytes,
                      size_t len)
{
    struct lwm2m_value *value = &add(list, base, resource, type)->value;
    value->bytes = bytes;
    value->len = len;
}

/* "coaps://host:port" by which it is to register. */
static bool server_uri(const struct fuo_ns *ns, const coap_session_t *session,
                       char uri[static URI_SIZE])
{
    const struct config *c = ns->config;
    char local[URI_SIZE];
    bool secure = coap_is_secure(session);
    bool given = strncmp(c->public_uri, secure ? "coaps:" : "coap:", secure ? 6 : 5) == 0;
    if (given) {
        size_t len = strlen(c->public_uri);
        len -= c->public_uri[len - 1] == '/';
        return snprintf(uri, URI_SIZE, "%.*s", (int)len, c->public_uri) < URI_SIZE;
    }
    secure = secure && c->coaps_port != 0;
    uint32_t port = secure ? c->coaps_port : c->coap_port;
    if (port == 0 || !coap_format_local(session, port, local, sizeof(local))) {
        return false;
    }
    int len = snprintf(uri, URI_SIZE, "%s://%s", secure ? "coaps" : "coap", local);
    return len > 0 && len < URI_SIZE;
}

/* key is wiped by the caller. */
static int fill_security(struct fuo_ns *ns, const struct bootstrap *b,
                         const struct lwm2m_path *base, char uri[static URI_SIZE],
                         uint8_t key[static KEY_BYTES], struct lwm2m_list *list)
{
    if (!server_uri(ns, b->session, uri)) {
        return FUO_ENOENT;
    }
    bool psk = strncmp(uri, "coaps:", 6) == 0;
    int err = FUO_OK;
    if (psk) {
        err = ns->base.ops->device_key(ns->base.host, b->eui, key);
    }
    add_bytes(list, base, 0, LWM2M_STRING, uri, strlen(uri));
    add_flag(list, base, 1, false); /* no bootstrap account */
    add_number(list, base, 2, psk ? MODE_PSK : MODE_NONE);
    add_bytes(list, base, 3, LWM2M_OPAQUE, b->endpoint, psk ? strlen(b->endpoint) : 0);
    add_bytes(list, base, 4, LWM2M_OPAQUE, "", 0);
    add_bytes(list, base, 5, LWM2M_OPAQUE, key, psk ? KEY_BYTES : 0);
    add_number(list, base, 10, SHORT_SERVER_ID);
    return err;
}

static void fill_server(const struct fuo_ns *ns, const struct lwm2m_path *base,
                        struct lwm2m_list *list)
{
    const struct config *c = ns->config;
    add_number(list, base, 0, SHORT_SERVER_ID);
    add_number(list, base, 1, c->lifetime_us / SECOND_US);
    add_flag(list, base, 6, false); /* what it could not tell is read later */
    add_bytes(list, base, 7, LWM2M_STRING, c->binding, strlen(c->binding));
}

/* ---- asking ---- */

static bool put_request(const struct bootstrap *b, coap_pdu_t *pdu, const char *path,
                        const struct wr *w)
{
    bool ok =
        coap_add_token(pdu, sizeof(b->token), b->token) != 0 && coap_put_path(pdu, path);
    if (ok && w->len > 0) {
        ok = coap_put_number(pdu, COAP_OPTION_CONTENT_FORMAT, formats[b->format]) &&
             coap_add_data(pdu, w->len, w->base) != 0;
    } else if (ok && b->step == BOOTSTRAP_LOOK) {
        ok = coap_put_number(pdu, COAP_OPTION_ACCEPT, FORMAT_LINK);
    }
    return ok;
}

static int send_request(struct fuo_ns *ns, struct bootstrap *b, coap_pdu_code_t method,
                        const char *path, const struct wr *w)
{
    uint32_t slot = BOOTSTRAP_SLOT | (uint32_t)(b - ns->bootstraps);
    memcpy(b->token, &slot, SLOT_BYTES);
    ns->base.ops->random(ns->base.host, b->token + SLOT_BYTES, TOKEN_BYTES - SLOT_BYTES);
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, method, b->session);
    if (pdu == NULL) {
        return FUO_ENOMEM;
    }
    if (!put_request(b, pdu, path, w)) {
        coap_delete_pdu(pdu);
        return FUO_ENOSPC;
    }
    if (b->verified || coap_is_secure(b->session)) {
        coap_session_set_max_retransmit(b->session, REPEATS);
    } else if (!coap_spend(&b->credit, b->session, pdu)) {
        coap_delete_pdu(pdu);
        return FUO_ENOSPC;
    }
    b->until_us = ns->now_us + ANSWER_US;
    return coap_send(b->session, pdu) == COAP_INVALID_MID ? FUO_EAGAIN : FUO_OK;
}

static int write_instance(struct fuo_ns *ns, struct bootstrap *b, uint16_t object)
{
    const struct lwm2m_path base = {.id = {object, b->instance}, .depth = 2};
    struct lwm2m_entry entries[ENTRIES_MAX];
    struct lwm2m_list list = {.entries = entries, .cap = ENTRIES_MAX};
    char uri[URI_SIZE];
    char path[16];
    uint8_t key[KEY_BYTES] = {0};
    uint8_t payload[PAYLOAD_SIZE];
    struct wr w = wr_init(payload, sizeof(payload));
    int err = FUO_OK;
    if (object == 0) {
        err = fill_security(ns, b, &base, uri, key, &list);
    } else {
        fill_server(ns, &base, &list);
    }
    if (err == FUO_OK) {
        err = lwm2m_content_write(formats[b->format], &base, entries, list.count, &w);
    }
    if (err == FUO_OK) {
        snprintf(path, sizeof(path), "%u/%u", (unsigned)object, (unsigned)b->instance);
        err = send_request(ns, b, COAP_REQUEST_CODE_PUT, path, &w);
    }
    sodium_memzero(key, sizeof(key));
    sodium_memzero(payload, sizeof(payload));
    return err;
}

static int ask(struct fuo_ns *ns, struct bootstrap *b)
{
    const struct wr none = {.len = 0};
    switch (b->step) {
    case BOOTSTRAP_FORGET_SECURITY:
        return send_request(ns, b, COAP_REQUEST_CODE_DELETE, "0", &none);
    case BOOTSTRAP_FORGET_SERVER:
        return send_request(ns, b, COAP_REQUEST_CODE_DELETE, "1", &none);
    case BOOTSTRAP_LOOK:
        return send_request(ns, b, COAP_REQUEST_CODE_GET, "0", &none);
    case BOOTSTRAP_SECURITY:
        return write_instance(ns, b, 0);
    case BOOTSTRAP_SERVER:
        return write_instance(ns, b, 1);
    case BOOTSTRAP_FINISH:
        break;
    }
    return send_request(ns, b, COAP_REQUEST_CODE_POST, "bs", &none);
}

static void fail(struct fuo_ns *ns, struct bootstrap *b, const char *why)
{
    if (b->verified || coap_is_secure(b->session)) {
        ns_log(ns, FUO_LOG_WARN, "bootstrap of %s has failed: %s", b->endpoint, why);
    } else { /* anybody can begin as many as he likes in anybody's name */
        ns->base.ops->reject(ns->base.host, "bootstrap of which nothing more was heard");
    }
    end(b);
}

static const char *why_not(int err)
{
    return err == FUO_ENOENT
               ? "it has no app_key, or this server no port and no publicUri that fit"
               : "a message could not be made";
}

static void serve(struct fuo_ns *ns, struct bootstrap *b)
{
    if (b->due) {
        b->due = false;
        int err = ask(ns, b);
        if (err != FUO_OK) {
            fail(ns, b, why_not(err));
        }
    } else if (b->until_us <= ns->now_us) {
        fail(ns, b, "it does not answer");
    }
}

void bootstrap_serve(struct fuo_ns *ns)
{
    if (ns->bootstrap_count == 0) {
        return;
    }
    ns->bootstrap_count = 0;
    for (size_t i = 0; i < BOOTSTRAPS_MAX; i++) {
        if (ns->bootstraps[i].session != NULL) {
            serve(ns, &ns->bootstraps[i]);
            ns->bootstrap_count += ns->bootstraps[i].session != NULL;
        }
    }
}

/* ---- answers ---- */

static struct bootstrap *owner_of(struct fuo_ns *ns, const coap_session_t *session,
                                  const coap_bin_const_t *token)
{
    uint32_t slot = 0;
    if (token->length != TOKEN_BYTES) {
        return NULL;
    }
    memcpy(&slot, token->s, SLOT_BYTES);
    slot ^= BOOTSTRAP_SLOT;
    struct bootstrap *b = slot < BOOTSTRAPS_MAX ? &ns->bootstraps[slot] : NULL;
    return b != NULL && b->session == session &&
                   memcmp(b->token, token->s, TOKEN_BYTES) == 0
               ? b
               : NULL;
}

/* The lowest number that no instance has which is left. */
static uint16_t free_instance(const uint8_t *links, size_t len)
{
    bool taken[INSTANCES_MAX] = {false};
    struct link link;
    struct lwm2m_path path;
    struct link_format list = link_format_init(links, len);
    while (link_format_next(&list, &link)) {
        if (link_path(&link, NULL, 0, &path) == FUO_OK && path.depth == 2 &&
            path.id[0] == 0 && path.id[1] < INSTANCES_MAX) {
            taken[path.id[1]] = true;
        }
    }
    for (uint16_t i = 0; i < INSTANCES_MAX && link_format_end(&list) == FUO_OK; i++) {
        if (!taken[i]) {
            return i;
        }
    }
    return INSTANCE_USUAL;
}

static void take_instances(struct bootstrap *b, const coap_pdu_t *pdu)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    b->instance = INSTANCE_USUAL;
    if (coap_pdu_get_code(pdu) == COAP_RESPONSE_CODE_CONTENT &&
        coap_get_data(pdu, &len, &bytes) != 0 && len > 0) {
        b->instance = free_instance(bytes, len);
    }
}

static void take_answer(struct fuo_ns *ns, struct bootstrap *b, const coap_pdu_t *pdu)
{
    coap_pdu_code_t code = coap_pdu_get_code(pdu);
    bool good = (unsigned)code >> 5 == CLASS_SUCCESS;
    bool format = code == COAP_RESPONSE_CODE_NOT_ACCEPTABLE ||
                  code == COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT;
    bool writes = b->step == BOOTSTRAP_SECURITY || b->step == BOOTSTRAP_SERVER;
    b->verified = true;
    b->due = true;
    if (writes && format && b->tried++ < FORMATS_MAX) {
        b->format = (uint8_t)((b->format + 1) % FORMATS_MAX);
        return; /* in another one */
    }
    if (!good && b->step >= BOOTSTRAP_SECURITY) {
        char text[64];
        snprintf(text, sizeof(text), "it answers %u.%02u to %s", (unsigned)code >> 5,
                 (unsigned)code & 31,
                 b->step == BOOTSTRAP_SECURITY ? "its server account"
                 : b->step == BOOTSTRAP_SERVER ? "Object 1"
                                               : "Bootstrap-Finish");
        fail(ns, b, text);
        return;
    }
    if (b->step == BOOTSTRAP_LOOK) {
        take_instances(b, pdu);
    }
    if (b->step == BOOTSTRAP_FINISH) {
        end(b);
        return;
    }
    b->step = (enum bootstrap_step)(b->step + 1);
}

bool bootstrap_answered(struct fuo_ns *ns, const coap_session_t *session,
                        const coap_pdu_t *pdu)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    struct bootstrap *b = owner_of(ns, session, &token);
    if (b != NULL && !b->due) {
        take_answer(ns, b, pdu);
        ns->base.ops->wake_after(ns->base.host, 0);
    }
    return b != NULL;
}

void bootstrap_refused(struct fuo_ns *ns, const coap_session_t *session,
                       const coap_bin_const_t *token)
{
    struct bootstrap *b = owner_of(ns, session, token);
    if (b != NULL) {
        fail(ns, b, "it does not answer");
    }
}

/* ---- requests ---- */

struct params {
    char endpoint[ENDPOINT_SIZE];
    uint8_t format;
    bool bad;
};

static void take_param(void *arg, const char *text)
{
    struct params *p = arg;
    const char *value;
    if (coap_is_param(text, "ep", &value)) {
        p->bad |= !coap_copy_endpoint(value, p->endpoint);
    } else if (coap_is_param(text, "pct", &value)) { /* of 1.1 */
        p->format = strcmp(value, "112") == 0 ? 1 : strcmp(value, "110") == 0 ? 2 : 0;
    }
}

/* Without a name (1.1) it is called by its identity. */
static struct params read_query(const coap_session_t *session, const coap_pdu_t *request)
{
    struct params p = {.bad = false};
    p.bad |= !coap_read_query(request, take_param, &p);
    const coap_bin_const_t *identity =
        coap_is_secure(session) ? coap_session_get_psk_identity(session) : NULL;
    if (p.endpoint[0] == '\0' && identity != NULL &&
        identity->length < sizeof(p.endpoint)) {
        memcpy(p.endpoint, identity->s, identity->length);
        p.endpoint[identity->length] = '\0';
    }
    p.bad |= p.endpoint[0] == '\0';
    return p;
}

/* That of the same session or device, which begins anew; or a free one. NULL: none is free. */
static struct bootstrap *take_slot(struct fuo_ns *ns, const coap_session_t *session,
                                   uint64_t eui)
{
    struct bootstrap *free_one = NULL;
    for (size_t i = BOOTSTRAPS_MAX; i-- > 0;) {
        struct bootstrap *b = &ns->bootstraps[i];
        bool same = b->session != NULL && b->eui == eui &&
                    coap_is_secure(b->session) == coap_is_secure(session);
        if (b->session == session || same) {
            end(b);
        }
        free_one = b->session == NULL ? b : free_one;
    }
    return free_one;
}

static coap_pdu_code_t begin(struct fuo_ns *ns, coap_session_t *session,
                             const coap_pdu_t *request, const coap_pdu_t *response)
{
    struct params params = read_query(session, request);
    uint64_t eui = 0;
    if (params.bad) {
        ns->base.ops->reject(ns->base.host, "bootstrap request");
        return COAP_RESPONSE_CODE_BAD_REQUEST;
    }
    if (!coap_may_be(session, params.endpoint) ||
        ns->base.ops->find_device(ns->base.host, params.endpoint, &eui) != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "bootstrap of an unknown endpoint");
        return COAP_RESPONSE_CODE_BAD_REQUEST; /* by the book, not 4.03 */
    }
    struct bootstrap *b = take_slot(ns, session, eui);
    if (b == NULL) {
        ns->base.ops->reject(ns->base.host, "bootstraps at the same time");
        return COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE;
    }
    *b = (struct bootstrap){.session = coap_session_reference(session),
                            .eui = eui,
                            .due = true,
                            .instance = INSTANCE_USUAL,
                            .format = params.format,
                            .step = BOOTSTRAP_FORGET_SECURITY};
    memcpy(b->endpoint, params.endpoint, sizeof(b->endpoint));
    coap_earn(&b->credit, request, response);
    ns->bootstrap_count++;
    return COAP_RESPONSE_CODE_CHANGED;
}

void bootstrap_handle(struct fuo_ns *ns, coap_session_t *session,
                      const coap_pdu_t *request, const char *path, coap_pdu_t *response)
{
    bool begins =
        strcmp(path, "bs") == 0 && coap_pdu_get_code(request) == COAP_REQUEST_CODE_POST;
    coap_pdu_set_code(response, begins ? begin(ns, session, request, response)
                                       : COAP_RESPONSE_CODE_NOT_FOUND);
}
