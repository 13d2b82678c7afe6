/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "engine/commitq.h"

/* A step in one line: S store, P publish, lower case a..z sends, upper case U urgent; with
 * + it goes on with the next. */
static void push(struct commitq *q, const char *step)
{
    struct effects effects = {0};
    for (const char *c = step; *c != '\0'; c++) {
        if (*c == '+') {
            effects.open = true;
        } else if (*c == 'S') {
            effects_append(&effects, EFFECT_STORE);
        } else if (*c == 'P') {
            effects_append(&effects, EFFECT_PUBLISH);
        } else {
            struct effect *send = effects_append(&effects, EFFECT_SEND);
            send->send.id = (uint64_t)*c;
            send->urgent = *c == 'U';
        }
    }
    commitq_push(q, &effects);
    effects_finish(&effects);
}

/* What may be carried out now, as the letters of the steps. */
static const char *popped(struct commitq *q)
{
    static char text[64];
    struct effect effect;
    size_t len = 0;
    while (commitq_pop(q, &effect)) {
        assert_true(len < sizeof(text) - 1);
        text[len++] = (char)effect.send.id;
    }
    text[len] = '\0';
    return text;
}

static void an_effect_waits_for_the_stores_before_it(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    struct effects batch = {0};

    push(q, "aSbS");
    assert_string_equal(popped(q), "a");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    assert_int_equal(batch.len, 2);
    assert_string_equal(popped(q), "");
    commitq_committed(q);
    assert_string_equal(popped(q), "b");
    assert_int_equal(commitq_len(q), 0);
    assert_false(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    assert_int_equal(batch.len, 0);

    effects_finish(&batch);
    commitq_destroy(q);
}

static void steps_gather_while_a_batch_is_out(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    struct effects batch = {0};

    push(q, "SPa");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    assert_int_equal(batch.items[0]->type, EFFECT_STORE);
    assert_int_equal(batch.items[1]->type, EFFECT_PUBLISH);
    push(q, "Sb");
    push(q, "c");
    push(q, "SPd");
    assert_int_equal(commitq_len(q), 9);
    assert_false(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch)); /* one is out */
    commitq_committed(q);
    assert_string_equal(popped(q), "a");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    assert_int_equal(batch.len, 3);
    assert_string_equal(popped(q), "");
    commitq_committed(q);
    assert_string_equal(popped(q), "bcd");

    effects_finish(&batch);
    commitq_destroy(q);
}

static void urgent_effects_overtake_and_wait_for_nothing(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    struct effects batch = {0};

    push(q, "aSbU");
    assert_string_equal(popped(q), "Ua");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    push(q, "cU");
    assert_string_equal(popped(q), "U");
    commitq_committed(q);
    assert_string_equal(popped(q), "bc");

    effects_finish(&batch);
    commitq_destroy(q);
}

static void a_publish_makes_a_batch_but_holds_nothing_back(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    struct effects batch = {0};

    push(q, "Pa");
    assert_string_equal(popped(q), "a");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    assert_int_equal(batch.len, 1);
    commitq_committed(q);

    effects_finish(&batch);
    commitq_destroy(q);
}

static void nothing_is_left_after_drop_all(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    struct effects batch = {0};

    push(q, "SaU");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    push(q, "Sb");
    commitq_drop_all(q);
    assert_int_equal(commitq_len(q), 0);
    assert_string_equal(popped(q), "");
    assert_false(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    push(q, "cSd"); /* no batch is out any more */
    assert_string_equal(popped(q), "c");
    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    commitq_committed(q);
    assert_string_equal(popped(q), "d");

    effects_finish(&batch);
    commitq_destroy(q);
}

static void the_queue_copies_what_it_is_given(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    struct effects effects = {0};
    struct effects batch = {0};
    struct effect *store = effects_append(&effects, EFFECT_STORE);
    store->store.kind = STORE_MEMBER;
    store->store.member.dev_eui = 0x0102030405060708;
    commitq_push(q, &effects);
    memset(effects.items[0], 0xff, sizeof(*effects.items[0]));
    effects_finish(&effects);

    assert_true(commitq_take_batch(q, SIZE_MAX, SIZE_MAX, &batch));
    assert_int_equal(batch.items[0]->store.kind, STORE_MEMBER);
    assert_int_equal(batch.items[0]->store.member.dev_eui, 0x0102030405060708);

    effects_finish(&batch);
    commitq_destroy(q);
}

/* Batches of at most max effects, each as the effects in it. */
static void take_in_turn(struct commitq *q, size_t max, const char *want)
{
    struct effects batch = {0};
    char got[64] = "";
    size_t len = 0;
    while (commitq_take_batch(q, max, SIZE_MAX, &batch)) {
        for (size_t i = 0; i < batch.len; i++) {
            got[len++] = batch.items[i]->type == EFFECT_STORE ? 'S' : 'P';
        }
        got[len++] = ' ';
        commitq_committed(q);
        const char *free = popped(q);
        memcpy(got + len, free, strlen(free) + 1);
        len += strlen(free);
        got[len++] = ' ';
        got[len] = '\0';
    }
    assert_string_equal(got, want);
    assert_int_equal(commitq_len(q), 0);
    effects_finish(&batch);
}

static void a_batch_has_whole_steps_and_no_more_than_it_may(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *steps[5];
        size_t max;
        const char *want;
    } rows[] = {
        {"all", {"Sa", "SPb", "Pc"}, SIZE_MAX, "SSPP abc "},
        {"two of three", {"Sa", "SPb", "SSc"}, 3, "SSP ab SS c "},
        {"a step too large", {"SSSSa", "Sb"}, 3, "SSSS a S b "},
        {"too large behind a small one", {"Sa", "SSSSb", "Sc"}, 3, "S a SSSS b S c "},
        {"one by one", {"SPa", "SPb", "SPc", "SPd"}, 1, "SP a SP b SP c SP d "},
        {"what is not stored", {"Sa", "b", "Sc", "d"}, 1, "S ab S cd "},
        {"half a step is free", {"aSb", "cSd"}, 1, "S abc S d "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct commitq *q = commitq_create();
        test_row(rows[i].name);
        for (size_t k = 0; k < ARRAY_LEN(rows[i].steps) && rows[i].steps[k]; k++) {
            push(q, rows[i].steps[k]);
        }
        take_in_turn(q, rows[i].max, rows[i].want);
        commitq_destroy(q);
    }
}

/* Calls until a batch is out: the effects of each, a dot behind a part. */
static void take_parts(struct commitq *q, size_t max, size_t part, const char *want)
{
    struct effects batch = {0};
    char got[64] = "";
    size_t len = 0;
    enum commitq_taken taken;
    while ((taken = commitq_take_batch(q, max, part, &batch)) == COMMITQ_PART) {
        assert_true(batch.len <= part);
        len += (size_t)snprintf(got + len, sizeof(got) - len, "%zu.", batch.len);
    }
    if (taken == COMMITQ_WHOLE) {
        snprintf(got + len, sizeof(got) - len, "%zu", batch.len);
    }
    assert_string_equal(got, want);
    effects_finish(&batch);
}

static void what_is_too_much_for_a_turn_comes_in_parts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *steps[4];
        size_t max;
        size_t part;
        const char *want;
        const char *free;
    } rows[] = {
        {"a small one", {"SSa", "Sb"}, 8, 8, "3", "ab"},
        {"a large step", {"SSSSSa", "SSSb"}, 3, 2, "2.2.1", "a"},
        {"it ends with a part", {"SSSSa", "SSSb"}, 3, 2, "2.2", "a"},
        {"all there are", {"SSa", "SSSb", "Sc"}, SIZE_MAX, 4, "4.2", "abc"},
        {"exactly", {"SSa", "SSb"}, SIZE_MAX, 2, "2.2", "ab"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct commitq *q = commitq_create();
        test_row(rows[i].name);
        for (size_t k = 0; k < ARRAY_LEN(rows[i].steps) && rows[i].steps[k]; k++) {
            push(q, rows[i].steps[k]);
        }
        size_t held = commitq_len(q);
        take_parts(q, rows[i].max, rows[i].part, rows[i].want);
        assert_int_equal(commitq_len(q), held); /* until it is on disk */
        assert_string_equal(popped(q), "");
        commitq_committed(q);
        assert_string_equal(popped(q), rows[i].free);
        commitq_destroy(q);
    }
}

static void a_step_that_goes_on_is_stored_with_its_end(void **state)
{
    (void)state;
    static const size_t maxima[] = {4, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LEN(maxima); i++) {
        struct commitq *q = commitq_create();
        push(q, "a+");
        assert_string_equal(popped(q), "a"); /* rests on nothing */
        push(q, "Sx");
        push(q, "SSb+");
        take_parts(q, maxima[i], 8, maxima[i] == SIZE_MAX ? "3." : "1");
        if (maxima[i] != SIZE_MAX) {
            commitq_committed(q);
            assert_string_equal(popped(q), "x");
            take_parts(q, maxima[i], 8, "2.");
        }
        push(q, "SPc+");
        take_parts(q, maxima[i], 8, "2.");
        take_parts(q, maxima[i], 8, "");
        push(q, "d"); /* its end, with nothing to store */
        assert_string_equal(popped(q), "");
        take_parts(q, maxima[i], 8, "0");
        commitq_committed(q);
        assert_string_equal(popped(q), maxima[i] == SIZE_MAX ? "xbcd" : "bcd");
        assert_int_equal(commitq_len(q), 0);
        commitq_destroy(q);
    }
}

static void a_batch_that_has_begun_can_be_dropped(void **state)
{
    (void)state;
    struct commitq *q = commitq_create();
    push(q, "SSSa+");
    take_parts(q, 2, 2, "2.1.");
    commitq_drop_all(q);
    assert_int_equal(commitq_len(q), 0);
    push(q, "Sb");
    take_parts(q, 2, 2, "1");
    commitq_committed(q);
    assert_string_equal(popped(q), "b");
    commitq_destroy(q);
}

/* A queue, its disk, and what must hold of them. */
struct play {
    struct prng rng;
    struct commitq *q;
    struct effects batch;
    bool out;
    uint64_t stores;   /* pushed */
    uint64_t durable;  /* on the disk */
    uint64_t sends;    /* pushed */
    uint64_t expected; /* the next to come out */
};

static void push_one(struct play *p, enum effect_type type)
{
    struct effects step = {0};
    struct effect *effect = effects_append(&step, type);
    if (type == EFFECT_SEND) {
        effect->send.id = p->sends++;
        effect->send.dev_eui = p->stores; /* what it rests on */
    } else {
        p->stores++;
    }
    commitq_push(p->q, &step);
    effects_finish(&step);
}

static void turn_the_disk(struct play *p)
{
    if (p->out) {
        commitq_committed(p->q);
        p->durable += p->batch.len;
    }
    p->out = commitq_take_batch(p->q, 1 + prng_below(&p->rng, 4), SIZE_MAX, &p->batch) ==
             COMMITQ_WHOLE;
}

static void pop_some(struct play *p)
{
    struct effect effect;
    while (prng_below(&p->rng, 3) != 0 && commitq_pop(p->q, &effect)) {
        assert_int_equal(effect.send.id, p->expected++);
        assert_true(effect.send.dev_eui <= p->durable);
    }
}

static void play_once(uint64_t seed)
{
    struct play p = {.rng = prng_seeded(seed), .q = commitq_create()};
    for (size_t turn = 0; turn < 2000; turn++) {
        switch (prng_below(&p.rng, 4)) {
        case 0:
            push_one(&p, EFFECT_STORE);
            break;
        case 1:
            push_one(&p, EFFECT_SEND);
            break;
        case 2:
            turn_the_disk(&p);
            break;
        default:
            pop_some(&p);
            break;
        }
    }
    assert_true(p.expected > 0);
    effects_finish(&p.batch);
    commitq_destroy(p.q);
}

/* Sends come out in order, and never before the stores that were pushed before them. */
static void order_and_durability_hold_for_random_interleavings(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        play_once(seed);
    }
}

static void a_missing_queue_is_destroyed_quietly(void **state)
{
    (void)state;
    commitq_destroy(NULL);
}

TEST_MAIN(cmocka_unit_test(an_effect_waits_for_the_stores_before_it),
          cmocka_unit_test(steps_gather_while_a_batch_is_out),
          cmocka_unit_test(urgent_effects_overtake_and_wait_for_nothing),
          cmocka_unit_test(a_publish_makes_a_batch_but_holds_nothing_back),
          cmocka_unit_test(nothing_is_left_after_drop_all),
          cmocka_unit_test(the_queue_copies_what_it_is_given),
          cmocka_unit_test(a_batch_has_whole_steps_and_no_more_than_it_may),
          cmocka_unit_test(what_is_too_much_for_a_turn_comes_in_parts),
          cmocka_unit_test(a_step_that_goes_on_is_stored_with_its_end),
          cmocka_unit_test(a_batch_that_has_begun_can_be_dropped),
          cmocka_unit_test(order_and_durability_hold_for_random_interleavings),
          cmocka_unit_test(a_missing_queue_is_destroyed_quietly))
