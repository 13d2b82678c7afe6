/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "io/cleanup.h"
#include "store/internal.h"

enum job_type {
    JOB_BATCH,
    JOB_HISTORY,
    JOB_OUTBOX,
    JOB_DEVICE_KEY,
    JOB_AUDIT,
    JOB_PROGRESS,
    JOB_AIRTIME,
    JOB_SOURCE,
    JOB_CALL, /* lives on the stack of the caller, who waits */
};

struct job {
    struct job *next;
    enum job_type type;
    union {
        struct store_batch batch;
        struct {
            uint64_t key;
            size_t max_rows;            /* SOURCE: bytes, from key on */
            uint32_t campaign_id;       /* PROGRESS, SOURCE */
            struct store_airtime after; /* AIRTIME: after it, up to hour key */
        } query;
        struct {
            store_call_fn *fn;
            void *arg;
            struct detail *detail;
            int err;
            bool finished;
        } call;
    };
    struct store_done done; /* of all but calls */
};

struct job_list {
    struct job *first;
    struct job **last; /* where the next one is hung */
};

struct store {
    struct secret key;
    struct db db; /* the thread's, once it runs */
    void (*notify)(void *arg);
    void *arg;
    pthread_t thread;

    /* the loop's */
    bool batch_out;
    size_t queries_out;

    /* both sides', under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job came or was finished, or stop */
    struct job_list waiting;
    struct job_list done;
    size_t done_count;
    bool stop;
};

static void list_init(struct job_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void list_push(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct job *list_pop(struct job_list *list)
{
    struct job *job = list->first;
    if (job != NULL) {
        list->first = job->next;
        if (list->first == NULL) {
            list->last = &list->first;
        }
    }
    return job;
}

/* ---- the thread ---- */

static void commit(struct store *store, struct job *job)
{
    struct db_result result = {0};
    job->done.err = db_commit(&store->db, job->batch.bytes, job->batch.len, &result,
                              &job->done.detail);
    job->done.batch.outbox_first = result.outbox_first;
    job->done.batch.outbox_last = result.outbox_last;
    store_batch_finish(&job->batch);
}

static void carry_out(struct store *store, struct job *job)
{
    switch (job->type) {
    case JOB_BATCH:
        commit(store, job);
        return;
    case JOB_HISTORY:
        query_history(&store->db, job->query.key, job->query.max_rows, &job->done);
        return;
    case JOB_OUTBOX:
        query_outbox(&store->db, job->query.key, job->query.max_rows, &job->done);
        return;
    case JOB_DEVICE_KEY:
        query_device_key(&store->db, job->query.key, &job->done);
        return;
    case JOB_AUDIT:
        query_audit(&store->db, job->query.key, job->query.max_rows, &job->done);
        return;
    case JOB_PROGRESS:
        query_progress(&store->db, job->query.campaign_id, job->query.key, &job->done);
        return;
    case JOB_AIRTIME:
        query_airtime(&store->db, &job->query.after, (int64_t)job->query.key, &job->done);
        return;
    case JOB_SOURCE:
        query_source(&store->db, job->query.campaign_id, job->query.key,
                     job->query.max_rows, &job->done);
        return;
    case JOB_CALL:
        job->call.err = job->call.fn(&store->db, job->call.arg, job->call.detail);
        return;
    }
}

static struct job *wait_for_job(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->waiting.first == NULL && !store->stop) {
        pthread_cond_wait(&store->changed, &store->lock);
    }
    struct job *job = list_pop(&store->waiting);
    pthread_mutex_unlock(&store->lock);
    return job;
}

static void finish_job(struct store *store, struct job *job)
{
    bool is_call = job->type == JOB_CALL;
    pthread_mutex_lock(&store->lock);
    if (is_call) {
        job->call.finished = true;
        pthread_cond_broadcast(&store->changed);
    } else {
        list_push(&store->done, job);
        store->done_count++;
        pthread_cond_broadcast(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
    if (!is_call) {
        store->notify(store->arg);
    }
}

static void *thread_main(void *arg)
{
    struct store *store = arg;
    for (struct job *job = wait_for_job(store); job != NULL; job = wait_for_job(store)) {
        carry_out(store, job);
        finish_job(store, job);
    }
    return NULL;
}

/* ---- the loop's side ---- */

const struct secret *store_sealing_key(const struct store *store)
{
    return &store->key;
}

/* Signals are the loop's: the thread inherits a full mask. */
static int start_thread(struct store *store)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&store->thread, NULL, thread_main, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? FUO_OK : FUO_ENOMEM;
}

static int open_and_start(const struct store_config *config, struct store *store,
                          struct detail *detail)
{
    int err =
        secret_copy(config->sealing_key->bytes, config->sealing_key->len, &store->key);
    if (err != FUO_OK) {
        detail_set(detail, "no locked memory left; see ulimit -l");
        return err;
    }
    err = db_open(config->path, &store->key, &schema_newest, &store->db, detail);
    if (err != FUO_OK) {
        return err;
    }
    err = start_thread(store);
    if (err != FUO_OK) {
        detail_set(detail, "no thread can be started");
        db_close(&store->db);
    }
    return err;
}

int store_open(const struct store_config *config, struct store **store,
               struct detail *detail)
{
    assert(config->sealing_key->len == SEAL_KEY_BYTES);
    AUTO_FREE struct store *opening = calloc(1, sizeof(*opening));
    if (opening == NULL) {
        return FUO_ENOMEM;
    }
    opening->notify = config->notify;
    opening->arg = config->arg;
    list_init(&opening->waiting);
    list_init(&opening->done);
    pthread_mutex_init(&opening->lock, NULL);
    pthread_cond_init(&opening->changed, NULL);
    int err = open_and_start(config, opening, detail);
    if (err != FUO_OK) {
        secret_release(&opening->key);
        return err;
    }
    *store = TAKE(opening);
    return FUO_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    pthread_mutex_lock(&store->lock);
    store->stop = true;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);

    struct store_done done;
    while (store_poll(store, &done)) {
        store_done_finish(&done);
    }
    db_close(&store->db);
    secret_release(&store->key);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static void hand_over(struct store *store, struct job *job)
{
    pthread_mutex_lock(&store->lock);
    list_push(&store->waiting, job);
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

int store_submit(struct store *store, struct store_batch *batch)
{
    if (store->batch_out) {
        return FUO_EAGAIN;
    }
    struct job *job = calloc(1, sizeof(*job));
    int err = job == NULL ? FUO_ENOMEM : batch->err;
    if (err != FUO_OK) {
        store_batch_finish(batch);
        free(job);
        return err;
    }
    job->type = JOB_BATCH;
    job->done.type = STORE_DONE_BATCH;
    job->batch = *batch;
    *batch = (struct store_batch){0};
    store->batch_out = true;
    hand_over(store, job);
    return FUO_OK;
}

static int submit_query(struct store *store, const struct job *query)
{
    if (store->queries_out >= STORE_QUERIES_MAX) {
        return FUO_EAGAIN;
    }
    struct job *job = malloc(sizeof(*job));
    if (job == NULL) {
        return FUO_ENOMEM;
    }
    *job = *query;
    store->queries_out++;
    hand_over(store, job);
    return FUO_OK;
}

int store_query_history(struct store *store, uint64_t tag, uint64_t dev_eui,
                        size_t max_rows)
{
    struct job job = {
        .type = JOB_HISTORY,
        .query = {.key = dev_eui, .max_rows = max_rows},
        .done = {.type = STORE_DONE_HISTORY, .tag = tag},
    };
    return submit_query(store, &job);
}

int store_query_outbox(struct store *store, uint64_t tag, uint64_t after_id,
                       size_t max_rows)
{
    struct job job = {
        .type = JOB_OUTBOX,
        .query = {.key = after_id, .max_rows = max_rows},
        .done = {.type = STORE_DONE_OUTBOX, .tag = tag},
    };
    return submit_query(store, &job);
}

int store_query_device_key(struct store *store, uint64_t tag, uint64_t dev_eui)
{
    struct job job = {
        .type = JOB_DEVICE_KEY,
        .query = {.key = dev_eui},
        .done = {.type = STORE_DONE_DEVICE_KEY, .tag = tag},
    };
    return submit_query(store, &job);
}

int store_query_audit(struct store *store, uint64_t tag, uint64_t after_id,
                      size_t max_rows)
{
    struct job job = {
        .type = JOB_AUDIT,
        .query = {.key = after_id, .max_rows = max_rows},
        .done = {.type = STORE_DONE_AUDIT, .tag = tag},
    };
    return submit_query(store, &job);
}

int store_query_progress(struct store *store, uint64_t tag, uint32_t campaign_id,
                         uint64_t after_id)
{
    struct job job = {
        .type = JOB_PROGRESS,
        .query = {.key = after_id, .campaign_id = campaign_id},
        .done = {.type = STORE_DONE_PROGRESS, .tag = tag},
    };
    return submit_query(store, &job);
}

int store_query_airtime(struct store *store, uint64_t tag,
                        const struct store_airtime *after, int64_t last_hour)
{
    struct job job = {
        .type = JOB_AIRTIME,
        .query = {.key = (uint64_t)last_hour, .after = *after},
        .done = {.type = STORE_DONE_AIRTIME, .tag = tag},
    };
    return submit_query(store, &job);
}

int store_query_source(struct store *store, uint64_t tag, uint32_t campaign_id,
                       size_t offset, size_t max_bytes)
{
    struct job job = {
        .type = JOB_SOURCE,
        .query = {.key = offset, .max_rows = max_bytes, .campaign_id = campaign_id},
        .done = {.type = STORE_DONE_SOURCE, .tag = tag},
    };
    return submit_query(store, &job);
}

bool store_poll(struct store *store, struct store_done *done)
{
    pthread_mutex_lock(&store->lock);
    struct job *job = list_pop(&store->done);
    store->done_count -= job != NULL ? 1 : 0;
    pthread_mutex_unlock(&store->lock);
    if (job == NULL) {
        return false;
    }
    if (job->type == JOB_BATCH) {
        store->batch_out = false;
    } else {
        store->queries_out--;
    }
    *done = job->done;
    secret_wipe(&job->done, sizeof(job->done));
    free(job);
    return true;
}

size_t store_due(const struct store *store)
{
    return store->queries_out + (store->batch_out ? 1 : 0);
}

void store_wait(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->done_count < store_due(store)) {
        pthread_cond_wait(&store->changed, &store->lock);
    }
    pthread_mutex_unlock(&store->lock);
}

int store_call(struct store *store, store_call_fn *fn, void *arg, struct detail *detail)
{
    struct job job = {
        .type = JOB_CALL,
        .call = {.fn = fn, .arg = arg, .detail = detail},
    };
    hand_over(store, &job);
    pthread_mutex_lock(&store->lock);
    while (!job.call.finished) {
        pthread_cond_wait(&store->changed, &store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    return job.call.err;
}

void store_digest(const uint8_t *bytes, size_t len,
                  uint8_t digest[static STORE_DIGEST_BYTES])
{
    crypto_generichash(digest, STORE_DIGEST_BYTES, bytes, len, NULL, 0);
}
