/* SPDX-License-Identifier: MIT */
/*
 * talk.c - requests to a device, over the session that it registered by: one at a time, as
 * sleeping devices want it. libcoap repeats them; answers in several blocks are fetched one
 * after the other and put together here.
 */
#include "lwm2m.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

enum {
    /* Of the acknowledgement timeout: devices erase flash meanwhile. */
    ANSWER_TIMES = 100,
    /* The same: a sleeping device is asked anew when it is heard after that. */
    HEARD_TIMES = 2,
    PROBE_TIMES = 12,   /* the same: a ping and its repetitions take up to 10.5 */
    REPEATS = 4,        /* of a message: what RFC 7252 has */
    REPEATS_ASLEEP = 2, /* later it is asleep */
    NSTART = 3,
    SLOT_BYTES = 4, /* of a token: whose it is; the rest is random */
    NO_FORMAT = 0xffff,
    REREADS_MAX = 3, /* of an answer that changes while it is read */
};

/* ---- tokens ---- */

static void draw_token(struct fuo_ns *ns, const struct peer *p,
                       uint8_t token[static TOKEN_BYTES])
{
    memcpy(token, &p->slot, SLOT_BYTES);
    ns->base.ops->random(ns->base.host, token + SLOT_BYTES, TOKEN_BYTES - SLOT_BYTES);
}

static struct peer *owner_of(const struct fuo_ns *ns, const coap_session_t *session,
                             const coap_bin_const_t *token)
{
    uint32_t slot = 0;
    if (token->length != TOKEN_BYTES) {
        return NULL;
    }
    memcpy(&slot, token->s, SLOT_BYTES);
    struct peer *p = slot < ns->peer_count ? ns->slots[slot] : NULL;
    return p != NULL && p->session == session ? p : NULL;
}

static bool is_token(const coap_bin_const_t *token, const uint8_t mine[TOKEN_BYTES])
{
    return token->length == TOKEN_BYTES && memcmp(token->s, mine, TOKEN_BYTES) == 0;
}

/* ---- asking ---- */

static bool put_options(coap_pdu_t *pdu, const struct peer *p, const struct talk *t)
{
    bool ok = !t->observe || coap_put_number(pdu, COAP_OPTION_OBSERVE, 0);
    ok = ok && (p->root == NULL || coap_put_path(pdu, p->root)) &&
         coap_put_path(pdu, t->path);
    ok = ok && (t->format < 0 ||
                coap_put_number(pdu, COAP_OPTION_CONTENT_FORMAT, (uint32_t)t->format));
    ok = ok && (t->query == NULL || coap_put_query(pdu, t->query));
    ok = ok &&
         (t->accept < 0 || coap_put_number(pdu, COAP_OPTION_ACCEPT, (uint32_t)t->accept));
    ok = ok && (t->block2 == NULL || coap_put_block(pdu, COAP_OPTION_BLOCK2, t->block2));
    ok = ok && (t->block1 == NULL || coap_put_block(pdu, COAP_OPTION_BLOCK1, t->block1));
    return ok &&
           (t->size1 == 0 || coap_put_number(pdu, COAP_OPTION_SIZE1, (uint32_t)t->size1));
}

/* Whether it may be sent, and how often; what is repeated still goes by the same. */
static bool set_repeats(struct peer *p, const coap_pdu_t *pdu)
{
    if (!p->verified) {
        return coap_spend(&p->credit, p->session, pdu);
    }
    coap_session_set_max_retransmit(p->session, p->queue ? REPEATS_ASLEEP : REPEATS);
    return true;
}

static void set_timeout(const struct fuo_ns *ns, const struct peer *p)
{
    coap_session_t *session = p->session;
    int64_t us = ns->config->ack_timeout_us;
    coap_fixed_point_t timeout = {(uint16_t)(us / SECOND_US),
                                  (uint16_t)(us % SECOND_US / 1000)};
    coap_session_set_ack_timeout(session, timeout);
    /* One that was given up, and is repeated still, does not hold back the next. */
    coap_session_set_nstart(session, NSTART);
}

void talk_end(struct fuo_ns *ns, struct peer *p)
{
    ns->asked_count -= p->step != STEP_NONE;
    p->step = STEP_NONE;
}

/*
 * What asks for the next block of its answer: the same without the payload (RFC 7959 3.3),
 * which is the caller's, as the block is, and may be gone by then.
 */
static void keep_for_next(struct peer *p, const struct talk *t)
{
    p->talk = (struct talk){.step = t->step,
                            .method = t->method,
                            .path = t->path,
                            .query = t->query,
                            .format = -1,
                            .accept = t->accept};
}

int talk_send(struct fuo_ns *ns, struct peer *p, const struct talk *t)
{
    uint8_t token[TOKEN_BYTES];
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, t->method, p->session);
    if (pdu == NULL) {
        return FUO_EAGAIN;
    }
    draw_token(ns, p, token);
    bool ok =
        coap_add_token(pdu, sizeof(token), token) != 0 && put_options(pdu, p, t) &&
        (t->payload_len == 0 || coap_add_data(pdu, t->payload_len, t->payload) != 0);
    if (!ok || !set_repeats(p, pdu)) {
        coap_delete_pdu(pdu);
        return FUO_EAGAIN;
    }
    set_timeout(ns, p);
    if (t->block2 == NULL) {
        p->download = (struct coap_download){0};
    }
    ns->asked_count += p->step == STEP_NONE;
    p->step = t->step;
    p->asked_here = true;
    keep_for_next(p, t);
    p->answer_until_us = ns->now_us + ANSWER_TIMES * ns->config->ack_timeout_us;
    memcpy(p->token, token, sizeof(token));
    if (t->observe && t->step != STEP_ACCESS) {
        memcpy(p->observe_token, token, sizeof(token));
    }
    if (coap_send(p->session, pdu) == COAP_INVALID_MID) {
        talk_end(ns, p);
        return FUO_EAGAIN;
    }
    return FUO_OK;
}

/* ---- answers ---- */

static void give(struct fuo_ns *ns, struct peer *p, struct answer *a)
{
    a->step = p->step;
    p->rereads = 0;
    talk_end(ns, p);
    update_answer(ns, p, a);
}

static void give_none(struct fuo_ns *ns, struct peer *p)
{
    struct answer a = {.code = COAP_EMPTY_CODE};
    give(ns, p, &a);
}

/* Its next block. */
static void fetch_next(struct fuo_ns *ns, struct peer *p, uint8_t szx)
{
    struct coap_block block;
    struct talk next = p->talk;
    next.block2 = &block; /* not observe: the observation keeps its own token */
    if (coap_download_next(&p->download, szx, &block) != FUO_OK ||
        talk_send(ns, p, &next) != FUO_OK) {
        give_none(ns, p);
    }
}

static bool keep(struct peer *p, const struct coap_block *block, const struct answer *a)
{
    size_t offset = coap_block_offset(block);
    if (p->body == NULL) {
        p->body = malloc(BODY_MAX);
    }
    if (p->body == NULL || offset + a->len > BODY_MAX) {
        return false;
    }
    enum coap_taken taken = coap_download_take(&p->download, block, a->len);
    if (taken != COAP_TAKEN_NEW && taken != COAP_TAKEN_FIRST) {
        return false;
    }
    if (a->len > 0) {
        memcpy(p->body + offset, a->body, a->len);
    }
    return true;
}

static void forget_body(struct peer *p)
{
    free(p->body);
    p->body = NULL;
}

/* "3303/1"; what does not fit is left out. */
static void copy_location(const coap_pdu_t *pdu, char *text, size_t size)
{
    coap_opt_filter_t filter;
    coap_opt_iterator_t it;
    const coap_opt_t *option;
    size_t len = 0;
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_LOCATION_PATH);
    coap_option_iterator_init(pdu, &it, &filter);
    while ((option = coap_option_next(&it)) != NULL && len + 2 < size &&
           coap_copy_text(option, text + len + (len > 0), size - len - (len > 0))) {
        if (len > 0) {
            text[len] = '/';
        }
        len += strlen(text + len);
    }
}

/* Of the body that a block is of; 0: it has none. */
static uint64_t etag_of(const coap_pdu_t *pdu)
{
    coap_opt_iterator_t it;
    const coap_opt_t *option = coap_check_option(pdu, COAP_OPTION_ETAG, &it);
    return option != NULL ? fnv1a(coap_opt_value(option), coap_opt_length(option)) : 0;
}

/*
 * RFC 7959, 2.4: blocks with another ETag are of another body. What changes while it is read
 * is read from the start, not for ever. True: it is on its way, or given up.
 */
static bool begins_again(struct fuo_ns *ns, struct peer *p, const coap_pdu_t *pdu)
{
    uint64_t etag = etag_of(pdu);
    bool first = p->download.offset == 0;
    if (first || etag == p->etag) {
        p->etag = etag;
        return false;
    }
    struct talk next = p->talk;
    if (p->rereads++ >= REREADS_MAX || talk_send(ns, p, &next) != FUO_OK) {
        give_none(ns, p);
    }
    return true;
}

static void take_answer(struct fuo_ns *ns, struct peer *p, const coap_pdu_t *pdu)
{
    struct coap_block block;
    struct answer a = {.code = coap_pdu_get_code(pdu)};
    if (coap_get_data(pdu, &a.len, &a.body) == 0) {
        a.len = 0;
    }
    a.format = (uint16_t)coap_number(pdu, COAP_OPTION_CONTENT_FORMAT, NO_FORMAT);
    a.observe = coap_number(pdu, COAP_OPTION_OBSERVE, OBSERVE_NONE);
    a.has_block1 = coap_block_of(pdu, COAP_OPTION_BLOCK1, &a.block1) == FUO_OK;
    copy_location(pdu, a.location, sizeof(a.location));
    int err = coap_block_of(pdu, COAP_OPTION_BLOCK2, &block);
    if (err == FUO_ENOENT || a.code != COAP_RESPONSE_CODE_CONTENT) {
        give(ns, p, &a);
        forget_body(p);
        return;
    }
    if (err == FUO_OK && begins_again(ns, p, pdu)) {
        return;
    }
    if (err != FUO_OK || !keep(p, &block, &a)) {
        ns->base.ops->reject(ns->base.host, "answer in blocks");
        give_none(ns, p);
        forget_body(p);
        return;
    }
    if (block.more) {
        fetch_next(ns, p, block.szx);
        return;
    }
    a.body = p->body;
    a.len = p->download.offset;
    give(ns, p, &a);
    forget_body(p);
}

coap_response_t talk_on_response(coap_session_t *session, const coap_pdu_t *sent,
                                 const coap_pdu_t *received, coap_mid_t mid)
{
    struct fuo_ns *ns = coap_get_app_data(coap_session_get_context(session));
    coap_bin_const_t token = coap_pdu_get_token(received);
    struct peer *p = owner_of(ns, session, &token);
    (void)sent;
    (void)mid;
    if (bootstrap_answered(ns, session, received)) {
        return COAP_RESPONSE_OK;
    }
    bool awaited = p != NULL && p->step != STEP_NONE && is_token(&token, p->token);
    bool watched = p != NULL && p->observing && is_token(&token, p->observe_token);
    bool known = awaited || watched || (p != NULL && access_observes(p, &token));
    if (p == NULL || !(known || p->verified)) {
        return COAP_RESPONSE_FAIL; /* a reset ends an observation of before */
    }
    /* A token can be known from elsewhere, and whose it is can be guessed: what shows that it
     * is there is that it has got this one there. */
    p->verified |= awaited && p->asked_here;
    p->host = p->verified ? coap_host(session) : p->host;
    p->unanswered = 0;
    update_awake(ns, p);
    bool observed =
        coap_number(received, COAP_OPTION_OBSERVE, OBSERVE_NONE) != OBSERVE_NONE;
    if (awaited) {
        p->observing |= p->step == STEP_OBSERVE && observed;
        take_answer(ns, p, received);
        return COAP_RESPONSE_OK;
    }
    if (watched) {
        update_notified(ns, p);
        return COAP_RESPONSE_OK;
    }
    return access_notified(ns, p, &token, received) ? COAP_RESPONSE_OK
                                                    : COAP_RESPONSE_FAIL;
}

void talk_probe(struct fuo_ns *ns, struct peer *p)
{
    if (p->probe_after_us > ns->now_us) {
        return; /* there is one under way, or an answer that libcoap does not tell */
    }
    set_timeout(ns, p);
    coap_session_set_max_retransmit(p->session, REPEATS_ASLEEP);
    if (coap_session_send_ping(p->session) != COAP_INVALID_MID) {
        p->probe_after_us = ns->now_us + PROBE_TIMES * ns->config->ack_timeout_us;
    }
}

/* A Reset is how a ping is answered (RFC 7252, 4.3). Else it has forgotten the session. */
static void end_probe(const struct fuo_ns *ns, const coap_session_t *session,
                      coap_nack_reason_t reason)
{
    struct peer *p = peers_at(ns, coap_session_get_addr_remote(session));
    if (p != NULL && p->session == session) {
        p->probe_after_us = 0;
        p->unanswered = reason == COAP_NACK_RST ? 0 : UINT8_MAX;
    }
}

void talk_on_nack(coap_session_t *session, const coap_pdu_t *sent,
                  coap_nack_reason_t reason, coap_mid_t mid)
{
    struct fuo_ns *ns = coap_get_app_data(coap_session_get_context(session));
    coap_bin_const_t token = {0, NULL};
    (void)mid;
    if (sent != NULL) {
        token = coap_pdu_get_token(sent);
    }
    if (sent != NULL && coap_pdu_get_code(sent) == COAP_EMPTY_CODE) {
        end_probe(ns, session, reason);
        return;
    }
    bootstrap_refused(ns, session, &token);
    struct peer *p = owner_of(ns, session, &token);
    if (p != NULL && p->step != STEP_NONE && is_token(&token, p->token)) {
        bool silent = reason == COAP_NACK_TOO_MANY_RETRIES && p->unanswered < UINT8_MAX;
        p->unanswered = (uint8_t)(p->unanswered + silent);
        give_none(ns, p);
    }
}

void talk_tick(struct fuo_ns *ns, struct peer *p)
{
    if (p->step != STEP_NONE && p->answer_until_us <= ns->now_us) {
        give_none(ns, p);
    }
}

void talk_heard(struct fuo_ns *ns, struct peer *p)
{
    int64_t left_us = (ANSWER_TIMES - HEARD_TIMES) * ns->config->ack_timeout_us;
    bool slept = p->queue && p->answer_until_us - left_us <= ns->now_us;
    bool moved = !p->asked_here && p->step != STEP_ACCESS;
    if (p->step != STEP_NONE && (slept || moved)) {
        give_none(ns, p);
    }
}
