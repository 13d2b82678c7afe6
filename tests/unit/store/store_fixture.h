/* SPDX-License-Identifier: MIT */
/* store_fixture.h - a store in a folder of its own, and a loop to go with it. */
#pragma once

#include "test.h"

#include <semaphore.h>
#include <string.h>

#include "io/cleanup.h"
#include "store/seal.h"
#include "store/store.h"
#include "temp.h"

struct fixture {
    struct temp temp;
    char path[2 * TEMP_PATH_SIZE];
    struct secret key;
    sem_t answers; /* one post per notify() */
    struct store *store;
};

static inline void fixture_notify(void *arg)
{
    sem_post(arg);
}

static inline int fixture_try_open(struct fixture *f, struct detail *detail)
{
    struct store_config config = {
        .path = f->path,
        .sealing_key = &f->key,
        .notify = fixture_notify,
        .arg = &f->answers,
    };
    return store_open(&config, &f->store, detail);
}

static inline void fixture_open(struct fixture *f)
{
    struct detail detail = {0};
    int err = fixture_try_open(f, &detail);
    assert_string_equal(detail.text, "");
    assert_int_equal(err, FUO_OK);
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static inline void fixture_create(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    assert_int_equal(secrets_init(), FUO_OK);
    f->temp = temp_create();
    temp_path(&f->temp, "fuotad.db", f->path);
    assert_int_equal(secret_alloc(SEAL_KEY_BYTES, &f->key), FUO_OK);
    memset(f->key.bytes, 0x6b, f->key.len);
    assert_int_equal(sem_init(&f->answers, 0, 0), 0);
}

static inline void fixture_destroy(struct fixture *f)
{
    fixture_close(f);
    secret_release(&f->key);
    sem_destroy(&f->answers);
    temp_remove(&f->temp);
}

/* The next answer; waits for it. */
static inline struct store_done fixture_wait(struct fixture *f)
{
    struct store_done done;
    while (!store_poll(f->store, &done)) {
        sem_wait(&f->answers);
    }
    return done;
}

/* Submit and wait; the result of the commit. */
static inline int fixture_commit(struct fixture *f, struct store_batch *batch)
{
    int err = store_submit(f->store, batch);
    if (err != FUO_OK) {
        return err;
    }
    struct store_done done = fixture_wait(f);
    assert_int_equal(done.type, STORE_DONE_BATCH);
    err = done.err;
    store_done_finish(&done);
    return err;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static inline struct member_rec fixture_member(uint32_t campaign_id, uint64_t dev_eui)
{
    return (struct member_rec){
        .campaign_id = campaign_id, .dev_eui = dev_eui, .tries = 3};
}

/* Counts rows; remembers the last one. */
struct seen {
    size_t count;
    size_t stop_at;
    union {
        struct campaign_rec campaign;
        struct member_rec member;
        struct transmission_rec transmission;
        struct device_rec device;
        struct charge_rec charge;
        struct lane_rec lane;
        struct group_rec group;
        struct wave_rec wave;
    } last;
    size_t size;
};

static inline int fixture_see(void *arg, const void *record)
{
    struct seen *seen = arg;
    memcpy(&seen->last, record, seen->size);
    return ++seen->count == seen->stop_at ? FUO_ERANGE : FUO_OK;
}

static inline struct seen fixture_load(struct fixture *f, enum store_kind kind,
                                       size_t size)
{
    struct seen seen = {.size = size};
    assert_int_equal(store_load_records(f->store, kind, fixture_see, &seen, NULL),
                     FUO_OK);
    return seen;
}
