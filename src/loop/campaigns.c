/* SPDX-License-Identifier: MIT */
#include "loop/campaigns.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/xalloc.h"

void campaigns_add(struct campaigns *campaigns, struct campaign_entry *entry)
{
    entry->next = campaigns->head;
    campaigns->head = entry;
}

struct campaign_entry *campaigns_find(const struct campaigns *campaigns, uint32_t id)
{
    struct campaign_entry *entry = campaigns->head;
    while (entry != NULL && entry->id != id) {
        entry = entry->next;
    }
    return entry;
}

char *campaign_fleets_text(const struct campaign_spec *spec)
{
    const struct str_list *fleets = &spec->targets.fleets;
    size_t size = 1;
    for (size_t i = 0; i < fleets->count; i++) {
        size += strlen(fleets->items[i]) + 2;
    }
    char *text = xcalloc(size, 1);
    size_t len = 0;
    for (size_t i = 0; i < fleets->count; i++) {
        len += (size_t)snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "",
                                fleets->items[i]);
    }
    return text;
}

bool campaign_has_fleet(const struct campaign_spec *spec, const char *name)
{
    const struct str_list *fleets = &spec->targets.fleets;
    for (size_t i = 0; i < fleets->count; i++) {
        if (strcmp(fleets->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void campaign_entry_destroy(struct campaign_entry *entry)
{
    if (entry != NULL) {
        campaign_doc_destroy(entry->doc);
        free(entry->image);
        deltas_finish(&entry->deltas);
        free(entry->sessions);
        free(entry->waves);
        free(entry->fleets);
        free(entry);
    }
}

struct published_session *campaign_sessions_add(struct campaign_entry *entry, uint32_t id)
{
    size_t at = 0;
    while (at < entry->session_count && entry->sessions[at].id < id) {
        at++;
    }
    if (at < entry->session_count && entry->sessions[at].id == id) {
        return &entry->sessions[at];
    }
    size_t count = entry->session_count++;
    entry->sessions =
        xrealloc(entry->sessions, entry->session_count, sizeof(*entry->sessions));
    memmove(&entry->sessions[at + 1], &entry->sessions[at],
            (count - at) * sizeof(*entry->sessions));
    entry->sessions[at] = (struct published_session){.id = id};
    return &entry->sessions[at];
}

void campaign_sessions_drop(struct campaign_entry *entry, size_t i)
{
    entry->session_count--;
    memmove(&entry->sessions[i], &entry->sessions[i + 1],
            (entry->session_count - i) * sizeof(*entry->sessions));
}

void campaigns_drop(struct campaigns *campaigns, uint32_t id)
{
    struct campaign_entry **at = &campaigns->head;
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    struct campaign_entry *entry = *at;
    if (entry != NULL) {
        *at = entry->next;
        campaign_entry_destroy(entry);
    }
}

void campaigns_clear(struct campaigns *campaigns)
{
    while (campaigns->head != NULL) {
        campaigns_drop(campaigns, campaigns->head->id);
    }
    while (campaigns->left_out != NULL) {
        campaigns_left_out_drop(campaigns, campaigns->left_out->rec.id);
    }
}

/* ---- those left out ---- */

void campaigns_leave_out(struct campaigns *campaigns, struct campaign_left_out *left_out)
{
    left_out->next = campaigns->left_out;
    campaigns->left_out = left_out;
}

const struct campaign_left_out *campaigns_left_out(const struct campaigns *campaigns,
                                                   uint32_t id)
{
    const struct campaign_left_out *at = campaigns->left_out;
    while (at != NULL && at->rec.id != id) {
        at = at->next;
    }
    return at;
}

const struct campaign_left_out *
campaigns_left_out_named(const struct campaigns *campaigns, const char *name)
{
    const struct campaign_left_out *at = campaigns->left_out;
    while (at != NULL && strcmp(at->rec.name, name) != 0) {
        at = at->next;
    }
    return at;
}

void campaigns_left_out_drop(struct campaigns *campaigns, uint32_t id)
{
    struct campaign_left_out **at = &campaigns->left_out;
    while (*at != NULL && (*at)->rec.id != id) {
        at = &(*at)->next;
    }
    struct campaign_left_out *found = *at;
    if (found != NULL) {
        *at = found->next;
        free(found->fleets);
        free(found);
    }
}

const uint8_t *campaigns_image(const struct campaigns *campaigns, const char *digest,
                               size_t *len)
{
    for (const struct campaign_entry *entry = campaigns->head; entry != NULL;
         entry = entry->next) {
        if (entry->image != NULL && strcmp(entry->digest, digest) == 0) {
            *len = entry->image_len;
            return entry->image;
        }
        const uint8_t *delta = deltas_find(&entry->deltas, digest, len);
        if (delta != NULL) {
            return delta;
        }
    }
    return NULL;
}

/* ---- waves ---- */

struct published_wave *campaign_waves_add(struct campaign_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->wave_count; i++) {
        if (strcmp(entry->waves[i].name, name) == 0) {
            return &entry->waves[i];
        }
    }
    entry->waves = xrealloc(entry->waves, entry->wave_count + 1, sizeof(*entry->waves));
    struct published_wave *wave = &entry->waves[entry->wave_count++];
    *wave = (struct published_wave){.hash = 0};
    snprintf(wave->name, sizeof(wave->name), "%s", name);
    return wave;
}

void campaign_waves_drop(struct campaign_entry *entry, size_t i)
{
    entry->waves[i] = entry->waves[--entry->wave_count];
}

int campaign_wave_named(const struct campaign_entry *entry, const char *name)
{
    const struct spec_rollout *rollout = &entry->doc->spec.rollout;
    for (size_t i = 0; i < rollout->wave_count; i++) {
        if (strcmp(rollout->waves[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- the digest of what was asked for ---- */

static void hash_text(crypto_generichash_state *hash, char kind, const char *text,
                      size_t len)
{
    uint64_t n = len;
    crypto_generichash_update(hash, (const uint8_t *)&kind, 1);
    crypto_generichash_update(hash, (const uint8_t *)&n, sizeof(n));
    crypto_generichash_update(hash, (const uint8_t *)text, len);
}

/* Depth is bounded by NODE_DEPTH_MAX. */
static void hash_node(crypto_generichash_state *hash, const struct node *node)
{
    switch (node->type) {
    case NODE_SCALAR:
        hash_text(hash, 's', node->text, node->len);
        break;
    case NODE_MAPPING:
        hash_text(hash, 'm', (const char *)&node->len, sizeof(node->len));
        for (size_t i = 0; i < node->len; i++) {
            hash_node(hash, node->entries[i].key);
            hash_node(hash, node->entries[i].value);
        }
        break;
    case NODE_SEQUENCE:
        hash_text(hash, 'l', (const char *)&node->len, sizeof(node->len));
        for (size_t i = 0; i < node->len; i++) {
            hash_node(hash, node->items[i]);
        }
        break;
    case NODE_REFUSED:
        break;
    }
}

static void hash_optional(crypto_generichash_state *hash, const char *text)
{
    hash_text(hash, text != NULL ? 't' : 'n', text != NULL ? text : "",
              text != NULL ? strlen(text) : 0);
}

void campaign_spec_digest(const struct campaign_doc *doc, const char *image_digest,
                          const char *deltas, const char *devices_digest,
                          const char *exclude_digest,
                          uint8_t digest[static STORE_DIGEST_BYTES])
{
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, STORE_DIGEST_BYTES);
    hash_node(&hash, doc->doc.root);
    hash_optional(&hash, image_digest);
    hash_optional(&hash, devices_digest);
    hash_optional(&hash, exclude_digest);
    if (deltas != NULL) { /* databases have digests from before there were any */
        hash_optional(&hash, deltas);
    }
    crypto_generichash_final(&hash, digest, STORE_DIGEST_BYTES);
}
