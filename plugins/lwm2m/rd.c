/* SPDX-License-Identifier: MIT */
/*
 * rd.c - the registration interface: POST /rd, POST and DELETE /rd/<id> (lwm2m.md 6.1).
 *
 * An id is random: without DTLS it is the only proof of who updates. With DTLS the identity
 * must be the endpoint's name in all three.
 */
#include "lwm2m.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/link_format.h"

enum {
    LIFETIME_DEFAULT_S = 86400,
    LIFETIME_MAX_S = 10 * 365 * 86400,
    LINKS_MAX = 1024,
    OBJECT_CONNECTIVITY = 4,
    OBJECT_FIRMWARE = 5,
    MINOR_MAX = 2, /* of LwM2M 1.x */
};

#define ASSEMBLY_US (60 * SECOND_US)
#define GRACE_US    (5 * SECOND_US) /* of a lifetime: the update may be on its way */

/* The query of a registration; what it did not say is as it is here. */
struct params {
    char endpoint[ENDPOINT_SIZE]; /* empty: not said */
    uint32_t lifetime_s;
    bool has_lifetime;
    bool has_binding;
    bool sleeps;    /* U, UQ, ... */
    bool has_minor; /* lwm2m= */
    uint8_t minor;  /* of 1.x; UINT8_MAX: another version */
    bool bad;
};

/* What the links say. */
struct objects {
    bool firmware;
    bool cancels; /* Object 5 of 1.1 or later */
    bool connectivity;
    uint8_t formats; /* HAS_... */
    char root[ROOT_SIZE];
};

static void answer(coap_pdu_t *response, coap_pdu_code_t code)
{
    coap_pdu_set_code(response, code);
}

/* ---- the query ---- */

static bool parse_seconds(const char *text, uint32_t *seconds)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0) {
        return false;
    }
    *seconds = (uint32_t)(value < LIFETIME_MAX_S ? value : LIFETIME_MAX_S);
    return true;
}

/* "1.0", "1.1", "1.0.0" */
static uint8_t parse_minor(const char *text)
{
    bool known = strncmp(text, "1.", 2) == 0 && text[2] >= '0' &&
                 text[2] <= '0' + MINOR_MAX && (text[3] == '\0' || text[3] == '.');
    return known ? (uint8_t)(text[2] - '0') : UINT8_MAX;
}

static void take_param(void *arg, const char *text)
{
    struct params *p = arg;
    const char *value;
    if (coap_is_param(text, "ep", &value)) {
        p->bad |= !coap_copy_endpoint(value, p->endpoint);
    } else if (coap_is_param(text, "lt", &value)) {
        p->has_lifetime = true;
        p->bad |= !parse_seconds(value, &p->lifetime_s);
    } else if (coap_is_param(text, "lwm2m", &value)) {
        p->has_minor = true;
        p->minor = parse_minor(value);
    } else if (coap_is_param(text, "b", &value)) {
        p->has_binding = true;
        p->sleeps |= strchr(value, 'Q') != NULL; /* 1.0: UQ */
    } else if (strcmp(text, "Q") == 0) {
        p->has_binding = true;
        p->sleeps = true; /* 1.1 */
    }
}

static struct params read_query(const coap_pdu_t *request)
{
    struct params p = {.lifetime_s = LIFETIME_DEFAULT_S};
    p.bad |= !coap_read_query(request, take_param, &p);
    return p;
}

/* ---- the links ---- */

/* "ct=110", "ct=\"112 11542\"" of the root */
static void note_formats(const struct link *link, struct objects *o)
{
    static const struct {
        const char *word;
        uint8_t bit;
    } known[] = {{"11542", HAS_TLV}, {"110", HAS_SENML_JSON}, {"112", HAS_SENML_CBOR}};
    struct link_attr ct;
    for (size_t i = 0; i < 3 && link_attr_find(link, "ct", &ct); i++) {
        if (link_attr_has_word(&ct, known[i].word)) {
            o->formats = (uint8_t)(o->formats | known[i].bit);
        }
    }
}

static bool note_root(const struct link *link, struct objects *o)
{
    struct link_attr rt;
    bool is_root = link->target_len == 1 && link->target[0] == '/';
    bool is_lwm2m =
        link_attr_find(link, "rt", &rt) && link_attr_has_word(&rt, "oma.lwm2m");
    if (is_root || is_lwm2m) {
        note_formats(link, o);
    }
    if (!is_lwm2m) {
        return true;
    }
    const char *root = link->target;
    size_t len = link->target_len;
    while (len > 0 && root[0] == '/') {
        root++;
        len--;
    }
    while (len > 0 && root[len - 1] == '/') {
        len--;
    }
    if (len >= sizeof(o->root)) {
        return false;
    }
    snprintf(o->root, sizeof(o->root), "%.*s", (int)len, root);
    return true;
}

static void note_object(const struct link *link, struct objects *o)
{
    char root[ROOT_SIZE + 1];
    struct lwm2m_path path;
    struct link_attr ver;
    size_t len = (size_t)snprintf(root, sizeof(root), "/%s", o->root);
    if (link_path(link, root, o->root[0] != '\0' ? len : 0, &path) != FUO_OK ||
        path.depth == 0) {
        return;
    }
    if (path.id[0] != OBJECT_FIRMWARE) {
        o->connectivity |= path.id[0] == OBJECT_CONNECTIVITY && path.depth == 2;
        return;
    }
    o->firmware |= path.depth == 2 && path.id[1] == 0;
    o->cancels |= link_attr_find(link, "ver", &ver) && ver.value_len == 3 &&
                  memcmp(ver.value, "1.0", 3) > 0;
}

/* False: they are malformed. */
static bool read_links(const uint8_t *bytes, size_t len, struct objects *o)
{
    struct link link;
    size_t count = 0;
    struct link_format list = link_format_init(bytes, len);
    while (count++ < LINKS_MAX && link_format_next(&list, &link)) {
        if (!note_root(&link, o)) {
            return false;
        }
    }
    if (count > LINKS_MAX || link_format_end(&list) != FUO_OK) {
        return false;
    }
    list = link_format_init(bytes, len);
    while (link_format_next(&list, &link)) {
        note_object(&link, o);
    }
    return true;
}

/* ---- a body in several blocks ---- */

static void drop_assembly(struct assembly *a)
{
    if (a->session != NULL) {
        coap_session_release(a->session);
        a->session = NULL;
    }
}

/* The one of that session, or a free one, or the oldest. */
static struct assembly *assembly_of(struct fuo_ns *ns, coap_session_t *session)
{
    struct assembly *best = &ns->assemblies[0];
    for (size_t i = 0; i < ASSEMBLIES_MAX; i++) {
        struct assembly *a = &ns->assemblies[i];
        if (a->session == session) {
            return a;
        }
        bool better =
            best->session != NULL && (a->session == NULL || a->until_us < best->until_us);
        best = better ? a : best;
    }
    drop_assembly(best);
    best->session = coap_session_reference(session);
    best->download = (struct coap_download){0};
    best->credit = 0;
    return best;
}

void rd_tick(struct fuo_ns *ns)
{
    for (size_t i = 0; i < ASSEMBLIES_MAX; i++) {
        if (ns->assemblies[i].until_us <= ns->now_us) {
            drop_assembly(&ns->assemblies[i]);
        }
    }
}

void rd_close(struct fuo_ns *ns)
{
    for (size_t i = 0; i < ASSEMBLIES_MAX; i++) {
        drop_assembly(&ns->assemblies[i]);
    }
}

/* Code 0: the body is whole, in *body; else that is the answer. */
static coap_pdu_code_t append(struct assembly *a, const struct coap_block *block,
                              const uint8_t *bytes, size_t len)
{
    size_t offset = coap_block_offset(block);
    if (offset + len > sizeof(a->body)) {
        return COAP_RESPONSE_CODE_REQUEST_TOO_LARGE;
    }
    switch (coap_download_take(&a->download, block, len)) {
    case COAP_TAKEN_NEW:
    case COAP_TAKEN_FIRST:
        if (len > 0) {
            memcpy(a->body + offset, bytes, len);
        }
        break;
    case COAP_TAKEN_REPEATED:
        break;
    case COAP_TAKEN_GAP:
        return COAP_RESPONSE_CODE_INCOMPLETE;
    case COAP_TAKEN_MALFORMED:
        return COAP_RESPONSE_CODE_BAD_REQUEST;
    }
    return block->more ? COAP_RESPONSE_CODE_CONTINUE : COAP_EMPTY_CODE;
}

struct body {
    const uint8_t *bytes;
    size_t len;
    struct assembly *assembly; /* NULL: it came in one piece */
};

/* False: it is not whole, and the response is made. */
static bool take_body(struct fuo_ns *ns, coap_session_t *session,
                      const coap_pdu_t *request, coap_pdu_t *response, struct body *body)
{
    struct coap_block block;
    *body = (struct body){.bytes = NULL};
    if (coap_get_data(request, &body->len, &body->bytes) == 0) {
        body->len = 0;
    }
    int err = coap_block_of(request, COAP_OPTION_BLOCK1, &block);
    if (err == FUO_ENOENT) {
        return true;
    }
    if (err != FUO_OK) {
        answer(response, COAP_RESPONSE_CODE_BAD_OPTION);
        return false;
    }
    struct assembly *a = assembly_of(ns, session);
    a->until_us = ns->now_us + ASSEMBLY_US;
    coap_pdu_code_t code = append(a, &block, body->bytes, body->len);
    if (code == COAP_EMPTY_CODE) {
        *body = (struct body){a->body, a->download.offset, a};
        return true;
    }
    answer(response, code);
    if (code == COAP_RESPONSE_CODE_CONTINUE) {
        (void)coap_put_block(response, COAP_OPTION_BLOCK1, &block);
        coap_earn(&a->credit, request, response);
    } else {
        drop_assembly(a);
    }
    return false;
}

/* What its blocks have earned before the last one. */
static uint32_t drop_body(const struct body *body)
{
    uint32_t credit = 0;
    if (body->assembly != NULL) {
        credit = body->assembly->credit;
        drop_assembly(body->assembly);
    }
    return credit;
}

/* ---- the three requests ---- */

/* Who has registered over DTLS, and not run out, is nobody's without. */
static bool is_anothers(const struct fuo_ns *ns, const coap_session_t *session,
                        const struct peer *p)
{
    bool lasts = p->session != NULL || p->expires_us > ns->now_us;
    return p->by_dtls && lasts && !coap_is_secure(session);
}

/* Whose registration it is; NULL: none that whoever asks may speak for. */
static struct peer *peer_of(const struct fuo_ns *ns, const coap_session_t *session,
                            const char *id)
{
    struct peer *p = peers_registered(ns, id);
    bool may =
        p != NULL && coap_may_be(session, p->endpoint) && !is_anothers(ns, session, p);
    return may ? p : NULL;
}

static void take_params(const struct fuo_ns *ns, struct peer *p,
                        const struct params *params)
{
    if (params->has_lifetime) {
        p->lifetime_us = (int64_t)params->lifetime_s * SECOND_US;
    }
    if (params->has_binding) {
        p->queue = params->sleeps || (p->queue && p->queue_stays);
    }
    p->expires_us = ns->now_us + p->lifetime_us + GRACE_US;
}

static void take_objects(struct peer *p, const struct objects *o)
{
    p->firmware = o->firmware;
    p->cancels = o->cancels;
    p->connectivity = o->connectivity;
    p->formats = o->formats;
    if (p->root == NULL || strcmp(p->root, o->root) != 0) {
        free(p->root);
        p->root = o->root[0] != '\0' ? strdup(o->root) : NULL;
    }
}

static coap_pdu_code_t judge(struct fuo_ns *ns, const coap_session_t *session,
                             const struct params *params, uint64_t *eui)
{
    if (params->bad || params->endpoint[0] == '\0') {
        return COAP_RESPONSE_CODE_BAD_REQUEST;
    }
    if (params->has_minor && params->minor > MINOR_MAX) {
        return COAP_RESPONSE_CODE_PRECONDITION_FAILED;
    }
    if (!coap_may_be(session, params->endpoint) ||
        ns->base.ops->find_device(ns->base.host, params->endpoint, eui) != FUO_OK) {
        return COAP_RESPONSE_CODE_FORBIDDEN;
    }
    return COAP_EMPTY_CODE;
}

static coap_pdu_code_t register_peer(struct fuo_ns *ns, coap_session_t *session,
                                     const struct params *params, const struct body *body,
                                     struct peer **made)
{
    uint64_t eui = 0;
    struct objects objects = {.firmware = false};
    coap_pdu_code_t code = judge(ns, session, params, &eui);
    if (code != COAP_EMPTY_CODE) {
        ns->base.ops->reject(ns->base.host, code == COAP_RESPONSE_CODE_FORBIDDEN
                                                ? "registration of an unknown endpoint"
                                                : "registration");
        return code;
    }
    if (!read_links(body->bytes, body->len, &objects)) {
        ns->base.ops->reject(ns->base.host, "links of a registration");
        return COAP_RESPONSE_CODE_BAD_REQUEST;
    }
    struct peer *p = peers_get(ns, eui);
    if (p != NULL && is_anothers(ns, session, p)) {
        ns->base.ops->reject(ns->base.host,
                             "registration without DTLS of an endpoint that has it");
        return COAP_RESPONSE_CODE_FORBIDDEN;
    }
    if (p == NULL) {
        ns->base.ops->reject(ns->base.host, "registration beyond devicesMax");
        return COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE;
    }
    char *endpoint = strdup(params->endpoint);
    if (endpoint == NULL) {
        return COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE;
    }
    peers_register(ns, p, session);
    p->by_dtls = coap_is_secure(session);
    free(p->endpoint);
    p->endpoint = endpoint;
    p->lifetime_us = LIFETIME_DEFAULT_S * SECOND_US;
    p->queue = false;
    p->queue_stays = params->has_minor && params->minor > 0;
    p->wants_observe = objects.firmware;
    p->wants_read = true;
    take_params(ns, p, params);
    take_objects(p, &objects);
    access_watch(ns, p);
    *made = p;
    return COAP_RESPONSE_CODE_CREATED;
}

static void handle_register(struct fuo_ns *ns, coap_session_t *session,
                            const coap_pdu_t *request, coap_pdu_t *response)
{
    struct body body;
    if (!take_body(ns, session, request, response, &body)) {
        return;
    }
    struct params params = read_query(request);
    struct peer *p = NULL;
    coap_pdu_code_t code = register_peer(ns, session, &params, &body, &p);
    uint32_t credit = drop_body(&body);
    answer(response, code);
    if (p == NULL) {
        return;
    }
    (void)coap_add_option(response, COAP_OPTION_LOCATION_PATH, 2, (const uint8_t *)"rd");
    (void)coap_add_option(response, COAP_OPTION_LOCATION_PATH, strlen(p->id),
                          (const uint8_t *)p->id);
    p->credit = credit;
    coap_earn(&p->credit, request, response);
    update_heard(ns, p);
}

static void handle_update(struct fuo_ns *ns, coap_session_t *session,
                          const coap_pdu_t *request, const char *id, coap_pdu_t *response)
{
    struct body body;
    struct peer *p = peer_of(ns, session, id);
    if (p == NULL) {
        answer(response, COAP_RESPONSE_CODE_NOT_FOUND); /* it registers again */
        return;
    }
    if (!take_body(ns, session, request, response, &body)) {
        return;
    }
    struct params params = read_query(request);
    struct objects objects = {.firmware = false};
    bool good = !params.bad && read_links(body.bytes, body.len, &objects);
    if (good && body.len > 0) {
        p->wants_observe |=
            objects.firmware && !p->firmware; /* it was not ready before */
        take_objects(p, &objects);
    }
    uint32_t credit = drop_body(&body);
    if (!good) {
        answer(response, COAP_RESPONSE_CODE_BAD_REQUEST);
        return;
    }
    peers_move(p, session);
    p->by_dtls = coap_is_secure(session);
    take_params(ns, p, &params);
    answer(response, COAP_RESPONSE_CODE_CHANGED);
    p->credit += credit;
    coap_earn(&p->credit, request, response);
    update_heard(ns, p);
}

static void handle_deregister(struct fuo_ns *ns, const coap_session_t *session,
                              const char *id, coap_pdu_t *response)
{
    struct peer *p = peer_of(ns, session, id);
    if (p == NULL) {
        answer(response, COAP_RESPONSE_CODE_NOT_FOUND);
        return;
    }
    peers_deregister(ns, p);
    p->by_dtls = false;
    answer(response, COAP_RESPONSE_CODE_DELETED);
}

void rd_handle(struct fuo_ns *ns, coap_session_t *session, const coap_pdu_t *request,
               const char *id, coap_pdu_t *response)
{
    coap_pdu_code_t method = coap_pdu_get_code(request);
    if (method == COAP_REQUEST_CODE_POST && id == NULL) {
        handle_register(ns, session, request, response);
    } else if ((method == COAP_REQUEST_CODE_POST || method == COAP_REQUEST_CODE_PUT) &&
               id != NULL) {
        handle_update(ns, session, request, id, response); /* PUT: before 1.0 */
    } else if (method == COAP_REQUEST_CODE_DELETE && id != NULL) {
        handle_deregister(ns, session, id, response);
    } else {
        answer(response, COAP_RESPONSE_CODE_NOT_ALLOWED);
    }
}

/* ---- keys ---- */

/* To be given an account it shows its factory key; it may have only one. */
static int key_of(struct fuo_ns *ns, const coap_session_t *session, uint64_t eui)
{
    const struct fuo_host_ops *ops = ns->base.ops;
    bool factory = bootstrap_is_at(ns, session) && ops->factory_key != NULL;
    int err = factory ? ops->factory_key(ns->base.host, eui, ns->psk) : FUO_ENOENT;
    return err == FUO_ENOENT ? ops->device_key(ns->base.host, eui, ns->psk) : err;
}

const coap_bin_const_t *rd_psk(coap_bin_const_t *identity, coap_session_t *session,
                               void *arg)
{
    struct fuo_ns *ns = arg;
    char name[ENDPOINT_SIZE];
    uint64_t eui = 0;
    if (identity->length == 0 || identity->length >= sizeof(name) ||
        memchr(identity->s, '\0', identity->length) != NULL) {
        ns->base.ops->reject(ns->base.host, "identity");
        return NULL;
    }
    memcpy(name, identity->s, identity->length);
    name[identity->length] = '\0';
    if (ns->base.ops->find_device(ns->base.host, name, &eui) != FUO_OK ||
        key_of(ns, session, eui) != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "identity without a key");
        return NULL;
    }
    ns->psk_key = (coap_bin_const_t){sizeof(ns->psk), ns->psk};
    return &ns->psk_key;
}
