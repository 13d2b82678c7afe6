/* SPDX-License-Identifier: MIT */
#include "loop/virtual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "io/cleanup.h"
#include "io/secrets.h"
#include "loop/daemon.h"
#include "loop/internal.h"
#include "loop/xalloc.h"

struct virtual_daemon {
    struct daemon d;
    uv_loop_t loop;
    const struct virtual_hooks *hooks;
    void *arg;
    struct effects batch; /* a copy that the hooks may change */
    bool dead;
};

/* ---- the driver's ports ---- */

static bool verdict(struct virtual_daemon *v, enum virtual_verdict verdict)
{
    v->dead = verdict != VIRTUAL_GO_ON;
    return verdict != VIRTUAL_DIE;
}

static void port_execute(void *arg, const struct effect *effect)
{
    struct virtual_daemon *v = arg;
    struct effect copy = *effect;
    if (!v->dead && verdict(v, v->hooks->effect(v->arg, &copy))) {
        commit_ports.execute(&v->d, &copy);
    }
}

static bool port_has_rows(void *arg)
{
    struct virtual_daemon *v = arg;
    return !v->dead && commit_ports.has_rows(&v->d);
}

static bool port_wants_all(void *arg)
{
    struct virtual_daemon *v = arg;
    return commit_ports.wants_all(&v->d);
}

static void port_gather(void *arg, const struct effects *part)
{
    struct virtual_daemon *v = arg;
    for (size_t i = 0; i < part->len; i++) {
        effects_copy(&v->batch, part->items[i]);
    }
}

static void port_commit(void *arg, const struct effects *batch)
{
    struct virtual_daemon *v = arg;
    if (v->dead) {
        return;
    }
    port_gather(v, batch);
    if (verdict(v, v->hooks->commit(v->arg, &v->batch))) {
        commit_ports.commit(&v->d, &v->batch);
    }
    effects_clear(&v->batch);
}

static void port_settled(void *arg, int err)
{
    struct virtual_daemon *v = arg;
    v->hooks->settled(v->arg, err);
    commit_ports.settled(&v->d, err);
}

static const struct driver_ports ports = {
    .execute = port_execute,
    .has_rows = port_has_rows,
    .wants_all = port_wants_all,
    .gather = port_gather,
    .commit = port_commit,
    .settled = port_settled,
};

/* ---- life ---- */

static int open_parts(struct virtual_daemon *v)
{
    struct diag_list diags = {0};
    struct detail detail = {0};
    int err = life_open(&v->d, &diags, &detail);
    diag_list_print(&diags, stderr);
    diag_list_finish(&diags);
    return err;
}

static int load_files(struct virtual_daemon *v, const char *config_file)
{
    struct daemon_options options = {.config_file = config_file};
    struct diag_list diags = {0};
    options.plugin_folder = "/nonexistent";
    int err = life_load_files(&v->d, &options, &diags);
    if (err == FUO_OK && diags.error_count > 0) {
        err = FUO_EINVAL;
    }
    if (err != FUO_OK) {
        diag_list_print(&diags, stderr);
    }
    diag_list_finish(&diags);
    return err;
}

int virtual_open(const struct virtual_config *config, struct virtual_daemon **made)
{
    if (secrets_init() != FUO_OK) {
        return FUO_ENOTSUP;
    }
    struct virtual_daemon *v = xcalloc(1, sizeof(*v));
    v->hooks = config->hooks;
    v->arg = config->arg;
    v->d.clock = clock_by_hand(config->hands);
    v->d.carrier = config->carrier;
    v->d.status_carrier = config->status;
    v->d.loop = &v->loop;
    if (uv_loop_init(&v->loop) != 0) {
        free(v);
        return FUO_ENOMEM;
    }
    int err = load_files(v, config->config_file);
    if (err != FUO_OK) {
        life_release(&v->d);
        uv_loop_close(&v->loop);
        free(v);
        return err;
    }
    life_init(&v->d, &ports, v);
    err = open_parts(v);
    if (err != FUO_OK) {
        virtual_close(v, NULL);
        return err;
    }
    *made = v;
    v->d.started = clock_utc(&v->d.clock);
    driver_recover(v->d.driver, v->d.engine);
    return FUO_OK;
}

/* A batch that was handed over is finished by the store, whoever has died. */
static bool batch_was_stored(struct virtual_daemon *v)
{
    struct store_done done;
    bool stored = false;
    store_wait(v->d.store);
    while (store_poll(v->d.store, &done)) {
        stored = stored || (done.type == STORE_DONE_BATCH && done.err == FUO_OK);
        store_done_finish(&done);
    }
    return stored;
}

void virtual_close(struct virtual_daemon *v, bool *stored)
{
    if (v == NULL) {
        return;
    }
    if (stored != NULL) {
        *stored = batch_was_stored(v);
    }
    life_close(&v->d);
    uv_run(&v->loop, UV_RUN_DEFAULT);
    life_release(&v->d);
    uv_loop_close(&v->loop);
    effects_finish(&v->batch);
    free(v);
}

bool virtual_is_dead(const struct virtual_daemon *v)
{
    return v->dead;
}

struct fuo_host *virtual_host(const struct virtual_daemon *v)
{
    return v->d.fleets.items[0].host;
}

const struct engine *virtual_engine(const struct virtual_daemon *v)
{
    return v->d.engine;
}

/* ---- what the loop does ---- */

struct instant virtual_deadline(const struct virtual_daemon *v)
{
    return driver_deadline(v->d.driver);
}

void virtual_timeout(struct virtual_daemon *v)
{
    driver_timeout(v->d.driver);
}

size_t virtual_answers_due(const struct virtual_daemon *v)
{
    return store_due(v->d.store) + (v->d.submit_err != FUO_OK ? 1 : 0);
}

void virtual_wait_answers(struct virtual_daemon *v)
{
    store_wait(v->d.store);
}

void virtual_take_answers(struct virtual_daemon *v)
{
    store_wait(v->d.store);
    /* Not those to what the first of them leads to: whether they are there is chance. */
    for (size_t due = store_due(v->d.store); due > 0 && !v->dead; due--) {
        commit_take_answer(&v->d);
    }
    if (!v->dead) {
        commit_after_answers(&v->d);
    }
}

bool virtual_wants_retry(const struct virtual_daemon *v)
{
    return uv_is_active((const uv_handle_t *)&v->d.retry_timer) != 0;
}

void virtual_retry(struct virtual_daemon *v)
{
    uv_timer_stop(&v->d.retry_timer);
    commit_on_retry(&v->d);
}

void virtual_status_up(struct virtual_daemon *v, bool up)
{
    status_link_up(&v->d, up);
}

void virtual_status_published(struct virtual_daemon *v, uint64_t id, int err)
{
    status_link_published(&v->d, id, err);
}

bool virtual_status_idle(const struct virtual_daemon *v)
{
    return relay_is_idle(&v->d.relay) && v->d.rows.ops == 0;
}

void virtual_renew_windows(struct virtual_daemon *v)
{
    windows_link_renew(&v->d);
}

bool virtual_feed(struct virtual_daemon *v, struct engine_event *event)
{
    return driver_feed(v->d.driver, event);
}

/* ---- apply ---- */

static int put_image(struct virtual_daemon *v, const struct virtual_campaign *campaign,
                     char digest[static CTL_DIGEST_SIZE])
{
    uint8_t bytes[STORE_DIGEST_BYTES];
    size_t have = 0;
    store_digest(campaign->image, campaign->image_len, bytes);
    hex_encode(bytes, sizeof(bytes), digest);
    int err = uploads_begin(v->d.uploads, digest, campaign->image_len, &have);
    return err != FUO_OK || have == campaign->image_len
               ? err
               : uploads_add(v->d.uploads, digest, have, campaign->image + have,
                             campaign->image_len - have);
}

bool virtual_apply(struct virtual_daemon *v, const struct virtual_campaign *campaign)
{
    char digest[CTL_DIGEST_SIZE];
    if (put_image(v, campaign, digest) != FUO_OK) {
        return false;
    }
    struct json_object *signatures = json_object_new_array();
    json_object_array_add(signatures, json_object_new_string(campaign->signature));
    struct ctl_request request = {.method = CTL_APPLY,
                                  .params = json_object_new_object()};
    json_object_object_add(request.params, "campaign",
                           json_object_new_string(campaign->yaml));
    json_object_object_add(request.params, "digest", json_object_new_string(digest));
    json_object_object_add(request.params, "signatures", signatures);
    apply_request(&v->d, 0, &request);
    ctl_request_finish(&request);
    return engine_campaign_by_name(v->d.engine, campaign->name) != NULL;
}

/* ---- other requests ---- */

static size_t count_retries(const struct virtual_daemon *v, uint32_t campaign_id)
{
    const struct member_rec *member;
    size_t count = 0;
    for (size_t i = 0; (member = engine_member_at(v->d.engine, campaign_id, i)) != NULL;
         i++) {
        count += member->retries;
    }
    return count;
}

size_t virtual_go_again(struct virtual_daemon *v, const char *name)
{
    const struct campaign_rec *rec = engine_campaign_by_name(v->d.engine, name);
    if (rec == NULL) {
        return 0;
    }
    uint32_t id = rec->id;
    size_t before = count_retries(v, id);
    struct ctl_request request = {.method = CTL_RETRY,
                                  .params = json_object_new_object()};
    struct json_object *outcomes = json_object_new_array();
    for (int i = OUTCOME_FAILED; i < OUTCOME_COUNT; i++) {
        json_object_array_add(outcomes,
                              json_object_new_string(outcome_name((enum outcome)i)));
    }
    json_object_object_add(request.params, "outcomes", outcomes);
    retry_request(&v->d, 0, &request, rec);
    ctl_request_finish(&request);
    return count_retries(v, id) - before;
}

bool virtual_has_file(const struct virtual_daemon *v, const char *name, const char *yaml)
{
    const struct campaign_rec *rec = engine_campaign_by_name(v->d.engine, name);
    const struct campaign_entry *entry =
        rec != NULL ? campaigns_find(&v->d.campaigns, rec->id) : NULL;
    struct campaign_doc *doc = NULL;
    struct diag_list diags = {0};
    bool has = false;
    if (entry != NULL &&
        campaign_parse(name, yaml, strlen(yaml), &doc, &diags) == FUO_OK) {
        uint8_t digest[STORE_DIGEST_BYTES];
        campaign_spec_digest(doc, entry->digest, NULL, NULL, NULL, digest);
        has = memcmp(digest, entry->spec_digest, sizeof(digest)) == 0;
    }
    campaign_doc_destroy(doc);
    diag_list_finish(&diags);
    return has;
}
