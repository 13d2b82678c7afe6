/* SPDX-License-Identifier: MIT */
/*
 * peers.c - the devices that have registered, or that something was ordered of: by DevEUI, and
 * by the id of their registration. A device stays when its registration ends: an order for it
 * waits. Only devices of the inventory get in, and at most devicesMax of them.
 */
#include "lwm2m.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum {
    BUCKETS_MIN = 64,
};

static size_t hash_eui(uint64_t eui, size_t bucket_count)
{
    return (size_t)((eui * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (bucket_count - 1);
}

/* It is random. */
static size_t hash_id(const char *id, size_t bucket_count)
{
    size_t sum = 0;
    for (size_t i = 0; id[i] != '\0'; i++) {
        sum = sum * 31 + (unsigned char)id[i];
    }
    return sum & (bucket_count - 1);
}

int peers_open(struct fuo_ns *ns)
{
    ns->bucket_count = BUCKETS_MIN;
    ns->by_eui = calloc(ns->bucket_count, sizeof(struct peer *));
    ns->by_id = calloc(ns->bucket_count, sizeof(struct peer *));
    ns->slots = calloc(ns->bucket_count, sizeof(struct peer *));
    bool all = ns->by_eui != NULL && ns->by_id != NULL && ns->slots != NULL;
    return all ? FUO_OK : FUO_ENOMEM;
}

static void free_peer(struct peer *p)
{
    if (p->session != NULL) {
        coap_session_release(p->session);
    }
    access_free(p);
    free(p->versions);
    free(p->body);
    free(p->endpoint);
    free(p->root);
    free(p);
}

void peers_close(struct fuo_ns *ns)
{
    for (size_t i = 0; ns->by_eui != NULL && i < ns->bucket_count; i++) {
        while (ns->by_eui[i] != NULL) {
            struct peer *p = ns->by_eui[i];
            ns->by_eui[i] = p->next;
            free_peer(p);
        }
    }
    free(ns->by_eui);
    free(ns->by_id);
    free(ns->slots);
    ns->by_eui = ns->by_id = ns->slots = NULL;
}

/* Twice the buckets, and the slots. */
static bool grow(struct fuo_ns *ns)
{
    size_t count = ns->bucket_count * 2;
    struct peer **slots = realloc(ns->slots, count * sizeof(struct peer *));
    ns->slots = slots != NULL ? slots : ns->slots;
    struct peer **by_eui = calloc(count, sizeof(struct peer *));
    struct peer **by_id = calloc(count, sizeof(struct peer *));
    if (slots == NULL || by_eui == NULL || by_id == NULL) {
        free(by_eui);
        free(by_id);
        return false;
    }
    for (size_t i = 0; i < ns->bucket_count; i++) {
        while (ns->by_eui[i] != NULL) {
            struct peer *p = ns->by_eui[i];
            ns->by_eui[i] = p->next;
            struct peer **at = &by_eui[hash_eui(p->eui, count)];
            p->next = *at;
            *at = p;
        }
        while (ns->by_id[i] != NULL) {
            struct peer *p = ns->by_id[i];
            ns->by_id[i] = p->next_id;
            struct peer **at = &by_id[hash_id(p->id, count)];
            p->next_id = *at;
            *at = p;
        }
    }
    free(ns->by_eui);
    free(ns->by_id);
    ns->by_eui = by_eui;
    ns->by_id = by_id;
    ns->bucket_count = count;
    return true;
}

struct peer *peers_find(const struct fuo_ns *ns, uint64_t eui)
{
    struct peer *p = ns->by_eui[hash_eui(eui, ns->bucket_count)];
    while (p != NULL && p->eui != eui) {
        p = p->next;
    }
    return p;
}

struct peer *peers_get(struct fuo_ns *ns, uint64_t eui)
{
    struct peer *p = peers_find(ns, eui);
    if (p != NULL || ns->peer_count >= ns->config->devices_max) {
        return p;
    }
    if (ns->peer_count >= ns->bucket_count && !grow(ns)) {
        return NULL;
    }
    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->eui = eui;
    p->slot = (uint32_t)ns->peer_count;
    ns->slots[ns->peer_count++] = p;
    struct peer **at = &ns->by_eui[hash_eui(eui, ns->bucket_count)];
    p->next = *at;
    *at = p;
    return p;
}

/* ---- registrations ---- */

struct peer *peers_registered(const struct fuo_ns *ns, const char *id)
{
    struct peer *p = ns->by_id[hash_id(id, ns->bucket_count)];
    while (p != NULL && strcmp(p->id, id) != 0) {
        p = p->next_id;
    }
    return p;
}

struct peer *peers_at(const struct fuo_ns *ns, const coap_address_t *address)
{
    for (size_t i = 0; i < ns->peer_count; i++) {
        const coap_session_t *session = ns->slots[i]->session;
        if (session != NULL && coap_is_secure(session) &&
            coap_address_equals(coap_session_get_addr_remote(session), address)) {
            return ns->slots[i];
        }
    }
    return NULL;
}

static void draw_id(struct fuo_ns *ns, char id[static REG_ID_SIZE])
{
    uint8_t random[REG_ID_SIZE / 2];
    ns->base.ops->random(ns->base.host, random, sizeof(random));
    format_hex(random, sizeof(random), id);
}

/*
 * The device is not there any more, or at another address. As long as libcoap has a session of
 * DTLS with an address it begins no other one, and somebody else may get that address (behind
 * a NAT), or the device itself, when it has rebooted.
 */
static void leave(coap_session_t *session)
{
    if (coap_is_secure(session)) {
        coap_session_disconnected(session, COAP_NACK_NOT_DELIVERABLE);
    }
    coap_session_release(session);
}

void peers_register(struct fuo_ns *ns, struct peer *p, coap_session_t *session)
{
    coap_session_t *before = p->session != NULL && p->session != session
                                 ? coap_session_reference(p->session)
                                 : NULL;
    (void)coap_session_reference(session); /* first: it may be the same */
    peers_deregister(ns, p);
    p->session = session;
    p->verified = coap_is_secure(session);
    p->credit = 0;
    draw_id(ns, p->id);
    struct peer **at = &ns->by_id[hash_id(p->id, ns->bucket_count)];
    p->next_id = *at;
    *at = p;
    ns->registered_count++;
    if (before != NULL) {
        leave(before);
    }
}

void peers_move(struct peer *p, coap_session_t *session)
{
    if (p->session != session) {
        coap_session_t *before = p->session;
        p->session = coap_session_reference(session);
        p->verified = coap_is_secure(session);
        p->credit = 0;
        p->asked_here = false;
        p->probe_after_us = 0;
        p->order_read = false; /* first it is read */
        p->wants_read |= !p->verified && p->image != 0;
        leave(before);
    }
}

void peers_lose(struct fuo_ns *ns, struct peer *p)
{
    if (p->session != NULL) {
        coap_session_t *before = coap_session_reference(p->session);
        peers_deregister(ns, p);
        leave(before);
    }
}

void peers_deregister(struct fuo_ns *ns, struct peer *p)
{
    if (p->session == NULL) {
        return;
    }
    struct peer **at = &ns->by_id[hash_id(p->id, ns->bucket_count)];
    while (*at != p) {
        at = &(*at)->next_id;
    }
    *at = p->next_id;
    p->id[0] = '\0';
    coap_session_release(p->session);
    p->session = NULL;
    talk_end(ns, p);
    p->probe_after_us = 0;
    p->observing = false;
    cells_leave(ns, p);
    p->radio_known = p->cell_known = false;
    p->paced_us = 0;
    p->memory_known = false;
    access_lost(ns, p);
    p->upload_image = 0; /* it may have rebooted: from the start */
    ns->registered_count--;
}
