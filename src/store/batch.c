/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/column.h"
#include "store/internal.h"
#include "store/seal.h"
#include "store/store.h"
#include "store/values.h"

static void put_string(struct store_batch *batch, const char *text)
{
    size_t len = strnlen(text, STORE_TEXT_MAX_BYTES + 1);
    if (len > STORE_TEXT_MAX_BYTES) {
        batch->err = FUO_ERANGE;
        return;
    }
    values_text(batch, text, len);
}

void store_batch_record(struct store_batch *batch, enum store_kind kind,
                        const void *record)
{
    values_begin(batch, (enum statement)kind);
    table_encode(table_of(kind), record, batch);
}

static void put_effect(struct store_batch *batch, const struct effect *effect)
{
    switch (effect->store.kind) {
    case STORE_CAMPAIGN:
        store_batch_record(batch, STORE_CAMPAIGN, &effect->store.campaign);
        return;
    case STORE_MEMBER:
        store_batch_record(batch, STORE_MEMBER, &effect->store.member);
        return;
    case STORE_TRANSMISSION:
        store_batch_record(batch, STORE_TRANSMISSION, &effect->store.transmission);
        return;
    case STORE_DEVICE:
        store_batch_record(batch, STORE_DEVICE, &effect->store.device);
        return;
    case STORE_CHARGE:
        store_batch_record(batch, STORE_CHARGE, &effect->store.charge);
        return;
    case STORE_HISTORY:
        store_batch_record(batch, STORE_HISTORY, &effect->store.history);
        return;
    case STORE_LANE:
        store_batch_record(batch, STORE_LANE, &effect->store.lane);
        return;
    case STORE_GROUP:
        store_batch_record(batch, STORE_GROUP, &effect->store.group);
        return;
    case STORE_REPORT:
        store_batch_record(batch, STORE_REPORT, &effect->store.report);
        return;
    case STORE_WAVE:
        store_batch_record(batch, STORE_WAVE, &effect->store.wave);
        return;
    }
    assert(false);
}

void store_batch_effects(struct store_batch *batch, const struct effects *effects)
{
    for (size_t i = 0; i < effects->len; i++) {
        if (effects->items[i]->type == EFFECT_STORE) {
            put_effect(batch, effects->items[i]);
        }
    }
}

void store_batch_outbox(struct store_batch *batch, const struct store_outbox *row)
{
    if (row->payload_len > STORE_TEXT_MAX_BYTES) {
        batch->err = FUO_ERANGE;
        return;
    }
    values_begin(batch, STATEMENT_OUTBOX_PUT);
    put_string(batch, row->topic);
    values_blob(batch, row->payload, row->payload_len);
    values_u64(batch, row->seq);
    values_int(batch, row->campaign_id);
    values_int(batch, row->qos);
    values_int(batch, row->retain);
}

void store_batch_outbox_drop(struct store_batch *batch, uint64_t up_to_id)
{
    values_begin(batch, STATEMENT_OUTBOX_DROP);
    values_u64(batch, up_to_id);
}

void store_batch_outbox_prune(struct store_batch *batch)
{
    values_begin(batch, STATEMENT_OUTBOX_PRUNE);
}

void store_batch_image(struct store_batch *batch, const struct store_image *image)
{
    if (image->len > STORE_IMAGE_MAX_BYTES) {
        batch->err = FUO_ERANGE;
        return;
    }
    values_begin(batch, STATEMENT_IMAGE_PUT);
    values_blob(batch, image->digest, sizeof(image->digest));
    values_blob(batch, image->bytes, image->len);
    put_string(batch, image->signatures);
}

void store_batch_source(struct store_batch *batch, const struct store_source *source)
{
    values_begin(batch, STATEMENT_SOURCE_PUT);
    values_int(batch, source->campaign_id);
    put_string(batch, source->name);
    put_string(batch, source->fleet);
    put_string(batch, source->yaml);
    put_string(batch, source->signatures);
    put_string(batch, source->deltas != NULL ? source->deltas : "[]");
    values_blob(batch, source->image_digest, sizeof(source->image_digest));
    values_blob(batch, source->spec_digest, sizeof(source->spec_digest));
}

static void put_sealed(struct store_batch *batch, const struct store *store,
                       const struct seal_place *place, const uint8_t *key)
{
    uint8_t sealed[STORE_KEY_BYTES + SEAL_OVERHEAD_BYTES];
    if (key == NULL) {
        values_null(batch);
        return;
    }
    seal(store_sealing_key(store), place, key, STORE_KEY_BYTES, sealed);
    values_blob(batch, sealed, sizeof(sealed));
}

void store_batch_mc_key(struct store_batch *batch, const struct store *store,
                        uint32_t transmission_id, uint32_t mc_addr,
                        const uint8_t key[static STORE_KEY_BYTES])
{
    struct seal_place place = seal_place_mc_key(transmission_id);
    values_begin(batch, STATEMENT_MC_KEY_PUT);
    values_int(batch, transmission_id);
    values_int(batch, mc_addr);
    put_sealed(batch, store, &place, key);
}

void store_batch_mc_key_drop(struct store_batch *batch, uint32_t transmission_id)
{
    values_begin(batch, STATEMENT_MC_KEY_DROP);
    values_int(batch, transmission_id);
}

void store_batch_inventory(struct store_batch *batch, const struct store *store,
                           const struct store_inventory *device)
{
    struct seal_place gen_app = seal_place_gen_app_key(device->dev_eui);
    struct seal_place app = seal_place_app_key(device->dev_eui);
    values_begin(batch, STATEMENT_INVENTORY_PUT);
    values_u64(batch, device->dev_eui);
    put_string(batch, device->fleet);
    put_string(batch, device->name);
    put_string(batch, device->profile);
    put_string(batch, device->labels);
    values_int(batch, device->lorawan_minor);
    put_sealed(batch, store, &gen_app, device->gen_app_key);
    put_sealed(batch, store, &app, device->app_key);
    values_int(batch, device->origin);
    values_int(batch, device->keeps_gen_app_key);
    values_int(batch, device->keeps_app_key);
}

void store_batch_inventory_drop(struct store_batch *batch, uint64_t dev_eui)
{
    values_begin(batch, STATEMENT_INVENTORY_DROP);
    values_u64(batch, dev_eui);
}

void store_batch_counter(struct store_batch *batch, const char *name, uint64_t value)
{
    values_begin(batch, STATEMENT_COUNTER_SET);
    put_string(batch, name);
    if (value > INT64_MAX) {
        batch->err = FUO_ERANGE; /* it would compare as negative */
    }
    values_u64(batch, value);
}

void store_batch_charges_prune(struct store_batch *batch, struct utc before)
{
    values_begin(batch, STATEMENT_CHARGES_PRUNE);
    values_int(batch, before.us);
}

void store_batch_audit(struct store_batch *batch, const struct store_audit *record)
{
    values_begin(batch, STATEMENT_AUDIT_PUT);
    values_int(batch, record->at.us);
    put_string(batch, record->actor);
    put_string(batch, record->action);
    put_string(batch, record->object);
    put_string(batch, record->reason);
    put_string(batch, record->detail);
    values_begin(batch, STATEMENT_AUDIT_COUNT);
}

void store_batch_webhook(struct store_batch *batch, const struct store_webhook *webhook)
{
    values_begin(batch, STATEMENT_WEBHOOK_PUT);
    values_u64(batch, webhook->id);
    values_int(batch, webhook->created.us);
    put_string(batch, webhook->campaign);
    put_string(batch, webhook->url);
    put_string(batch, webhook->payload);
}

void store_batch_webhook_drop(struct store_batch *batch, uint64_t id)
{
    values_begin(batch, STATEMENT_WEBHOOK_DROP);
    values_u64(batch, id);
}

void store_batch_probe(struct store_batch *batch)
{
    values_begin(batch, STATEMENT_PROBE);
}

void store_batch_campaign_drop(struct store_batch *batch, uint32_t campaign_id)
{
    for (int i = STATEMENT_DROP_IMAGE; i <= STATEMENT_DROP_CAMPAIGN; i++) {
        values_begin(batch, (enum statement)i);
        values_int(batch, campaign_id);
    }
}

void store_batch_append(struct store_batch *batch, struct store_batch *more)
{
    values_append(batch, more);
    store_batch_finish(more);
}

void store_batch_finish(struct store_batch *batch)
{
    free(batch->bytes); /* holds no secrets: keys were sealed on the way in */
    *batch = (struct store_batch){0};
}
