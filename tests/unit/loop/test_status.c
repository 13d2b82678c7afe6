/* SPDX-License-Identifier: MIT */
#include "engine_fixture.h"

#include <json-c/json.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>

#include "io/secrets.h"
#include "loop/status.h"
#include "store/seal.h"
#include "temp.h"

/* A real engine and a real store; what was rendered is read back from the outbox. */
struct rig {
    struct engine_fixture f;
    struct campaigns campaigns;
    struct status *status;
    struct store *store;
    struct temp temp;
    struct store_done rows; /* of the last render */
    uint64_t last_id;
};

static void wake(void *arg)
{
    (void)arg;
}

static void open_store(struct rig *rig)
{
    char path[2 * TEMP_PATH_SIZE];
    struct secret key = {0};
    struct detail detail = {0};
    assert_int_equal(secrets_init(), FUO_OK);
    assert_int_equal(secret_alloc(SEAL_KEY_BYTES, &key), FUO_OK);
    struct store_config config = {
        .path = temp_path(&rig->temp, "db", path),
        .sealing_key = &key,
        .notify = wake,
    };
    assert_int_equal(store_open(&config, &rig->store, &detail), FUO_OK);
    secret_release(&key);
}

static void start(struct rig *rig)
{
    *rig = (struct rig){.temp = temp_create()};
    fixture_start(&rig->f);
    open_store(rig);
    rig->status = status_create("root/main");
    assert_string_equal(status_prefix(rig->status), "root/main");
    struct campaign_entry *entry = calloc(1, sizeof(*entry));
    entry->id = FIXTURE_CAMPAIGN;
    entry->fleets = strdup("f");
    memcpy(entry->digest, "d1", 3);
    entry->doc = rig->f.campaign;
    campaigns_add(&rig->campaigns, entry);
}

static void stop(struct rig *rig)
{
    store_done_finish(&rig->rows);
    store_close(rig->store);
    status_destroy(rig->status);
    rig->campaigns.head->doc = NULL;
    fixture_stop(&rig->f);
    campaigns_clear(&rig->campaigns);
    temp_remove(&rig->temp);
}

static void wait_done(struct rig *rig, struct store_done *done)
{
    while (!store_poll(rig->store, done)) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(done->err, FUO_OK);
}

/* Renders a batch into the store and reads the new rows. */
static size_t render(struct rig *rig, const struct effects *effects)
{
    struct store_batch batch = {0};
    struct store_done done;
    struct status_source source = {
        .engine = rig->f.engine,
        .campaigns = &rig->campaigns,
        .now = {SECONDS_US(1770000000)},
        .boot = 4,
    };
    status_render(rig->status, &source, effects, &batch);
    assert_int_equal(store_submit(rig->store, &batch), FUO_OK);
    wait_done(rig, &done);
    store_done_finish(&done);
    store_done_finish(&rig->rows);
    assert_int_equal(store_query_outbox(rig->store, 1, rig->last_id, 1000), FUO_OK);
    wait_done(rig, &rig->rows);
    for (size_t i = 0; i < rig->rows.outbox.count; i++) {
        rig->last_id = rig->rows.outbox.rows[i].id;
        assert_int_equal(rig->rows.outbox.rows[i].qos, 1);
    }
    return rig->rows.outbox.count;
}

static size_t step(struct rig *rig, struct engine_event event)
{
    struct effects effects = {0};
    engine_step(rig->f.engine, &event, &effects);
    size_t count = render(rig, &effects);
    effects_finish(&effects);
    return count;
}

/* The row of a topic below the prefix; NULL if there is none. */
static const struct store_outbox *row_of(const struct rig *rig, const char *topic)
{
    for (size_t i = 0; i < rig->rows.outbox.count; i++) {
        const struct store_outbox *row = &rig->rows.outbox.rows[i];
        assert_memory_equal(row->topic, "root/main/", 10);
        if (strcmp(row->topic + 10, topic) == 0) {
            return row;
        }
    }
    return NULL;
}

static struct json_object *payload_of(const struct store_outbox *row)
{
    char text[4096];
    assert_true(row->payload_len < sizeof(text));
    memcpy(text, row->payload, row->payload_len);
    text[row->payload_len] = '\0';
    struct json_object *object = json_tokener_parse(text);
    assert_non_null(object);
    return object;
}

static void assert_text(struct json_object *object, const char *pointer, const char *want)
{
    struct json_object *value = NULL;
    test_row(pointer);
    assert_int_equal(json_pointer_get(object, pointer, &value), 0);
    assert_string_equal(json_object_get_string(value), want);
}

static void a_new_campaign_is_in_the_index_and_has_a_state(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    assert_int_equal(step(&rig, fixture_apply(&rig.f)), 3);
    const struct store_outbox *row = row_of(&rig, "c/camp/state");
    assert_non_null(row);
    assert_true(row->retain);
    struct json_object *object = payload_of(row);
    assert_text(object, "/name", "camp");
    assert_text(object, "/phase", "running");
    assert_text(object, "/fleet", "f");
    assert_text(object, "/version", "2");
    assert_text(object, "/digest", "d1");
    assert_text(object, "/devices/total", "3");
    assert_text(object, "/devices/active", "3");
    assert_text(object, "/states/idle", "3");
    assert_text(object, "/fragments/sent", "0");
    assert_text(object, "/created", "2026-02-02T02:40:00.000000Z");
    json_object_put(object);

    row = row_of(&rig, "campaigns");
    assert_non_null(row);
    assert_true(row->retain);
    object = payload_of(row);
    assert_text(object, "/campaigns/0/name", "camp");
    assert_text(object, "/campaigns/0/phase", "running");
    json_object_put(object);
    stop(&rig);
}

static void each_wave_has_a_topic_that_changes_with_it(void **state)
{
    (void)state;
    static const uint8_t waves[FIXTURE_DEVICES] = {0, 0, 2};
    struct rig rig;
    start(&rig);
    struct engine_event apply = fixture_apply(&rig.f);
    apply.apply.waves = waves;
    campaign_waves_add(rig.campaigns.head, "old"); /* of a campaign of that name */
    step(&rig, apply);
    const struct store_outbox *row = row_of(&rig, "c/camp/wave/canary/state");
    assert_non_null(row);
    assert_true(row->retain);
    struct json_object *object = payload_of(row);
    assert_text(object, "/campaign", "camp");
    assert_text(object, "/name", "canary");
    assert_text(object, "/phase", "running");
    assert_text(object, "/verdict", "open");
    assert_text(object, "/devices", "2");
    json_object_put(object);
    assert_non_null(row_of(&rig, "c/camp/wave/ten/state"));
    object = payload_of(row_of(&rig, "c/camp/wave/rest/state"));
    assert_text(object, "/phase", "pending");
    assert_text(object, "/devices", "1");
    json_object_put(object);
    row = row_of(&rig, "c/camp/wave/old/state");
    assert_non_null(row);
    assert_int_equal(row->payload_len, 0);
    object = payload_of(row_of(&rig, "c/camp/state"));
    assert_text(object, "/wave", "canary");
    assert_text(object, "/devices/pending", "1");
    assert_text(object, "/waves/2/name", "rest");
    json_object_put(object);

    step(&rig, fixture_control(ENGINE_PAUSE)); /* changes no wave */
    assert_non_null(row_of(&rig, "c/camp/state"));
    assert_null(row_of(&rig, "c/camp/wave/canary/state"));
    assert_null(row_of(&rig, "c/camp/wave/old/state"));
    step(&rig, fixture_control(ENGINE_ABORT));
    object = payload_of(row_of(&rig, "c/camp/wave/rest/state"));
    assert_text(object, "/phase", "cancelled");
    assert_text(object, "/passed_over", "1");
    json_object_put(object);
    stop(&rig);
}

static void the_index_is_said_again_only_when_it_changes(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    struct effects effects = {0};
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_CAMPAIGN;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    effects_copy(&effects, effects.items[0]);
    assert_int_equal(render(&rig, &effects), 1); /* twice in a batch is once */
    assert_null(row_of(&rig, "campaigns"));
    step(&rig, fixture_control(ENGINE_PAUSE));
    assert_non_null(row_of(&rig, "campaigns"));
    status_reset(rig.status);
    assert_int_equal(render(&rig, &effects), 2);
    effects_finish(&effects);
    stop(&rig);
}

static void add_session(struct rig *rig, uint32_t id, uint8_t lanes)
{
    struct transmission_rec rec = {
        .id = id,
        .campaign_id = FIXTURE_CAMPAIGN,
        .fleet_id = FIXTURE_FLEET,
        .phase = TX_SENDING,
        .ts004 = 1,
        .ts005 = 1,
        .dr = 5,
        .frag_size_bytes = 100,
        .frag_count = 3,
        .frequency_hz = 869525000,
        .lane_count = lanes,
        .colour_count = lanes,
        .next_n = 1,
        .target_n = 3,
    };
    assert_int_equal(engine_restore_transmission(rig->f.engine, &rec), FUO_OK);
    for (uint8_t i = 0; i < lanes; i++) {
        struct lane_rec lane = {.transmission_id = id,
                                .no = i,
                                .colour = i,
                                .gateway_count = 1,
                                .gateways = {0xa0U + i}};
        assert_int_equal(engine_restore_lane(rig->f.engine, &lane), FUO_OK);
    }
}

static void each_session_has_a_topic_until_it_is_over(void **state)
{
    (void)state;
    struct rig rig;
    struct effects effects = {0};
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    add_session(&rig, 5, 1);
    add_session(&rig, 9, 2);
    struct campaign_entry *entry = rig.campaigns.head;
    campaign_sessions_add(entry, 7); /* its topic is from before */
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_CAMPAIGN;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    /* The state, three sessions, and an event for each of those. */
    assert_int_equal(render(&rig, &effects), 7);

    assert_int_equal(row_of(&rig, "c/camp/session/7")->payload_len, 0);
    struct json_object *object = payload_of(row_of(&rig, "c/camp/session/9"));
    assert_text(object, "/gateways/1", "00000000000000a1");
    assert_text(object, "/lanes/1/gateways/0", "00000000000000a1");
    assert_text(object, "/lanes/1/colour", "1");
    assert_text(object, "/colours", "2");
    json_object_put(object);
    object = payload_of(row_of(&rig, "c/camp/state"));
    assert_text(object, "/sessions/0/id", "5");
    assert_text(object, "/sessions/1/id", "9");
    assert_text(object, "/session/id", "9");
    assert_text(object, "/session_count", "2");
    json_object_put(object);

    assert_int_equal(render(&rig, &effects), 1); /* nothing new of the sessions */
    effects_finish(&effects);
    stop(&rig);
}

/* Who reads of an end has all results before. */
static bool results_are_first(const struct rig *rig)
{
    bool ended = false;
    for (size_t i = 0; i < rig->rows.outbox.count; i++) {
        const char *topic = rig->rows.outbox.rows[i].topic;
        ended |= strcmp(topic + 10, "c/camp/state") == 0;
        if (ended && strstr(topic, "/results/") != NULL) {
            return false;
        }
    }
    return ended;
}

static void results_are_batched_and_numbered_without_gaps(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    size_t total = 0;
    step(&rig, fixture_control(ENGINE_ABORT));
    for (size_t i = 0; i < rig.rows.outbox.count; i++) {
        const struct store_outbox *row = &rig.rows.outbox.rows[i];
        if (strncmp(row->topic + 10, "c/camp/results/", 15) != 0) {
            continue;
        }
        assert_false(row->retain);
        assert_int_equal(row->seq, 1);
        struct json_object *object = payload_of(row);
        assert_text(object, "/seq", "1");
        assert_text(object, "/prev", "0");
        assert_text(object, "/campaign", "camp");
        assert_text(object, "/results/0/outcome", "cancelled");
        assert_text(object, "/results/0/result", "10");
        assert_text(object, "/results/0/source", "inferred");
        assert_text(object, "/results/0/reason", "aborted");
        struct json_object *results = NULL;
        json_object_object_get_ex(object, "results", &results);
        total += json_object_array_length(results);
        json_object_put(object);
    }
    assert_int_equal(total, FIXTURE_DEVICES);
    assert_true(results_are_first(&rig));
    stop(&rig);
}

static int collect_counter(void *arg, const char *name, uint64_t value)
{
    status_restore_seq(arg, name, value);
    return FUO_OK;
}

static void sequence_numbers_go_on_after_a_restart(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    struct effects effects = {0};
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_RESULT;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    effect->publish.dev_eui = rig.f.devices[0];
    assert_int_equal(render(&rig, &effects), 1);
    assert_int_equal(rig.rows.outbox.rows[0].seq, 1);
    assert_int_equal(render(&rig, &effects), 1);
    assert_int_equal(rig.rows.outbox.rows[0].seq, 2);
    status_reset(rig.status);
    assert_int_equal(
        store_load_counters(rig.store, "", collect_counter, rig.status, NULL), FUO_OK);
    assert_int_equal(render(&rig, &effects), 1);
    assert_int_equal(rig.rows.outbox.rows[0].seq, 3);
    effects_finish(&effects);
    stop(&rig);
}

static void strange_counters_are_ignored(void **state)
{
    (void)state;
    struct status *status = status_create("x");
    static const char *const names[] = {"boot", "results/", "results/1", "results/1/99",
                                        "results/99999999999/1"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        status_restore_seq(status, names[i], 5);
    }
    status_destroy(status);
    status_destroy(NULL);
}

/* The i-th event of the rows, as an object. */
static struct json_object *event_at(const struct rig *rig, size_t i)
{
    for (size_t k = 0; k < rig->rows.outbox.count; k++) {
        const struct store_outbox *row = &rig->rows.outbox.rows[k];
        if (strcmp(row->topic + 10, "c/camp/event") == 0 && i-- == 0) {
            assert_false(row->retain);
            return payload_of(row);
        }
    }
    return NULL;
}

static void assert_event(const struct rig *rig, size_t i, const char *id,
                         const char *type)
{
    struct json_object *event = event_at(rig, i);
    assert_non_null(event);
    assert_text(event, "/specversion", "1.0");
    assert_text(event, "/id", id);
    assert_text(event, "/type", type);
    assert_text(event, "/source", "/root/main");
    assert_text(event, "/subject", "camp");
    assert_text(event, "/time", "2026-02-02T02:40:00.000000Z");
    assert_text(event, "/datacontenttype", "application/json");
    json_object_put(event);
}

static void what_happens_is_told_as_cloud_events(void **state)
{
    (void)state;
    struct rig rig;
    struct effects effects = {0};
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    assert_event(&rig, 0, "4-1", "io.fuotad.campaign.running");
    step(&rig, fixture_control(ENGINE_PAUSE));
    assert_event(&rig, 0, "4-2", "io.fuotad.campaign.paused");
    struct json_object *event = event_at(&rig, 0);
    assert_text(event, "/data/phase", "paused");
    assert_text(event, "/data/reason", "paused by the operator");
    json_object_put(event);
    assert_null(event_at(&rig, 1));

    add_session(&rig, 5, 1);
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_CAMPAIGN;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    render(&rig, &effects);
    assert_event(&rig, 0, "4-3", "io.fuotad.session.started");
    render(&rig, &effects);
    assert_null(event_at(&rig, 0)); /* nothing has happened */
    effects_finish(&effects);
    stop(&rig);
}

/* The daemon knows the campaign from its store: that it runs is no news. */
static void after_a_restart_only_what_is_new_is_an_event(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    step(&rig, fixture_control(ENGINE_PAUSE));
    rig.campaigns.head->phase_known = false;
    struct effects effects = {0};
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_CAMPAIGN;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    render(&rig, &effects);
    assert_null(event_at(&rig, 0));
    step(&rig, fixture_control(ENGINE_RESUME));
    assert_event(&rig, 0, "4-3", "io.fuotad.campaign.running");
    effects_finish(&effects);
    stop(&rig);
}

static void assert_seqs(const struct rig *rig, const char *want)
{
    struct json_object *seqs = status_seqs(rig->status, FIXTURE_CAMPAIGN);
    assert_string_equal(json_object_to_json_string_ext(seqs, JSON_C_TO_STRING_PLAIN),
                        want);
    json_object_put(seqs);
}

static void a_snapshot_says_numbers_that_are_on_disk(void **state)
{
    (void)state;
    struct rig rig;
    struct effects effects = {0};
    char want[32];
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    assert_seqs(&rig, "{}");
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_RESULT;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    effect->publish.dev_eui = rig.f.devices[0];
    render(&rig, &effects);
    assert_seqs(&rig, "{}"); /* as far as anybody has said */
    status_settled(rig.status);
    const char *topic = rig.rows.outbox.rows[0].topic;
    snprintf(want, sizeof(want), "{\"%.2s\":1}", strrchr(topic, '/') + 1);
    assert_seqs(&rig, want);
    render(&rig, &effects);
    assert_seqs(&rig, want);
    effects_finish(&effects);
    stop(&rig);
}

static void alerts_have_a_topic_of_their_campaign(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    step(&rig, fixture_apply(&rig.f));
    struct effects effects = {0};
    struct effect *effect = effects_append(&effects, EFFECT_PUBLISH);
    effect->publish.kind = PUBLISH_ALERT;
    effect->publish.campaign_id = FIXTURE_CAMPAIGN;
    memcpy(effect->publish.text, "look", 5);
    assert_int_equal(render(&rig, &effects), 2); /* and an event */
    struct json_object *object = payload_of(row_of(&rig, "alert/camp"));
    assert_text(object, "/text", "look");
    assert_text(object, "/time", "2026-02-02T02:40:00.000000Z");
    json_object_put(object);
    effects_finish(&effects);

    char *topic = NULL;
    char *payload = NULL;
    status_alert(rig.status, "store", "full", (struct utc){1}, &topic, &payload);
    assert_string_equal(topic, "root/main/alert/store");
    assert_non_null(strstr(payload, "\"text\":\"full\""));
    free(topic);
    free(payload);
    status_alert(rig.status, "store", NULL, (struct utc){1}, &topic, &payload);
    assert_string_equal(payload, "");
    free(topic);
    free(payload);
    stop(&rig);
}

TEST_MAIN(cmocka_unit_test(a_new_campaign_is_in_the_index_and_has_a_state),
          cmocka_unit_test(each_wave_has_a_topic_that_changes_with_it),
          cmocka_unit_test(the_index_is_said_again_only_when_it_changes),
          cmocka_unit_test(each_session_has_a_topic_until_it_is_over),
          cmocka_unit_test(results_are_batched_and_numbered_without_gaps),
          cmocka_unit_test(sequence_numbers_go_on_after_a_restart),
          cmocka_unit_test(strange_counters_are_ignored),
          cmocka_unit_test(what_happens_is_told_as_cloud_events),
          cmocka_unit_test(after_a_restart_only_what_is_new_is_an_event),
          cmocka_unit_test(a_snapshot_says_numbers_that_are_on_disk),
          cmocka_unit_test(alerts_have_a_topic_of_their_campaign))
