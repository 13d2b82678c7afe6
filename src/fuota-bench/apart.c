/* SPDX-License-Identifier: MIT */
#include "fuota-bench/apart.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child says: that it makes way, or at its end its error, and after FUO_OK its result. */
struct message {
    bool makes_way;
    int err;
    alignas(max_align_t) uint8_t result[]; /* whatever it is made of */
};

struct apart_child {
    struct message *message;
    size_t bytes;
    int to;
};

struct child {
    pid_t pid;
    size_t job;
    bool made_way;
    size_t got; /* of the message */
    struct message *message;
};

/* Those that run are children[0..count); fds[i] reads what children[i] says. */
struct running {
    const struct apart *a;
    uint8_t *results;
    size_t count;
    size_t behind; /* of them: made way */
    struct child children[APART_MAX];
    struct pollfd fds[APART_MAX];
};

enum { LATER = 10 }; /* the niceness of what made way */

size_t apart_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 1; /* more of them than the set has room for; or it is forbidden */
    }
    return CPU_COUNT(&set) > 0 ? (size_t)CPU_COUNT(&set) : 1;
}

static size_t message_bytes(const struct apart *a)
{
    return sizeof(struct message) + a->result_bytes;
}

static const char *name_of(const struct apart *a, size_t job)
{
    return a->name(a->context, job);
}

/* ---- the child ---- */

static bool write_all(int to, const void *data, size_t bytes)
{
    const uint8_t *from = data;
    while (bytes > 0) {
        ssize_t n = write(to, from, bytes);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        from += n > 0 ? n : 0;
        bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static _Noreturn void be_child(const struct apart *a, size_t job, pid_t parent, int to)
{
    struct message *m = calloc(1, message_bytes(a));
    struct apart_child self = {m, message_bytes(a), to};
    /* The parent may have ended before the kernel was asked to tell. */
    if (m == NULL || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(EXIT_FAILURE);
    }
    m->err = a->run(a->context, job, m->result, &self);
    m->makes_way = false;
    _exit(write_all(to, m, self.bytes) ? EXIT_SUCCESS : EXIT_FAILURE);
}

void apart_make_way(struct apart_child *child)
{
    if (child == NULL || child->message->makes_way) {
        return;
    }
    child->message->makes_way = true;
    (void)setpriority(PRIO_PROCESS, 0, LATER); /* else it takes its share */
    if (!write_all(child->to, child->message, child->bytes)) {
        _exit(EXIT_FAILURE);
    }
}

/* ---- the parent ---- */

static int cannot_start(const struct apart *a, size_t job)
{
    (void)fprintf(stderr, "fuota-bench: %s: no process of its own: %s\n", name_of(a, job),
                  strerror(errno));
    return FUO_EIO;
}

/* The parent's side of a child that runs. */
static int add(struct running *r, pid_t pid, size_t job, int from)
{
    struct message *message = calloc(1, message_bytes(r->a));
    r->children[r->count] = (struct child){pid, job, false, 0, message};
    r->fds[r->count++] = (struct pollfd){.fd = from, .events = POLLIN};
    return message == NULL ? FUO_ENOMEM : FUO_OK;
}

static int start(struct running *r, size_t job)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return cannot_start(r->a, job);
    }
    pid_t parent = getpid();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        be_child(r->a, job, parent, ends[1]);
    }
    int err = pid < 0 ? cannot_start(r->a, job) : add(r, pid, job, ends[0]);
    (void)close(ends[1]); /* the child's end is the only one: if it dies, reading ends */
    if (pid < 0) {
        (void)close(ends[0]);
    }
    return err;
}

/* Wait for it, and forget it. Returns how it ended, as waitpid() has it. */
static int reap(struct running *r, size_t i)
{
    int status = -1;
    while (waitpid(r->children[i].pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(r->fds[i].fd);
    free(r->children[i].message);
    r->behind -= r->children[i].made_way;
    r->count--;
    r->children[i] = r->children[r->count];
    r->fds[i] = r->fds[r->count];
    return status;
}

static int has_died(const struct apart *a, size_t job, int status)
{
    if (WIFSIGNALED(status)) {
        const char *text = sigdescr_np(WTERMSIG(status));
        (void)fprintf(stderr,
                      "fuota-bench: %s: its process was killed by signal %d: %s\n",
                      name_of(a, job), WTERMSIG(status), text == NULL ? "unknown" : text);
    } else {
        (void)fprintf(stderr, "fuota-bench: %s: its process ended without a result\n",
                      name_of(a, job));
    }
    return FUO_EIO;
}

/* It has said that it makes way, and will say more. */
static void let_go_on(struct running *r, size_t i)
{
    r->children[i].made_way = true;
    r->children[i].got = 0;
    r->behind++;
}

/* It says nothing more. */
static int finish(struct running *r, size_t i)
{
    const struct apart *a = r->a;
    size_t job = r->children[i].job;
    bool whole = r->children[i].got == message_bytes(a);
    int err = r->children[i].message->err;
    if (whole && err == FUO_OK) {
        memcpy(r->results + job * a->result_bytes, r->children[i].message->result,
               a->result_bytes);
    }
    int status = reap(r, i);
    return whole ? err : has_died(a, job, status);
}

static int take(struct running *r, size_t i)
{
    struct child *c = &r->children[i];
    ssize_t n =
        read(r->fds[i].fd, (uint8_t *)c->message + c->got, message_bytes(r->a) - c->got);
    if (n < 0 && errno == EINTR) {
        return FUO_OK;
    }
    c->got += n > 0 ? (size_t)n : 0;
    bool whole = c->got == message_bytes(r->a);
    if (whole && c->message->makes_way) {
        let_go_on(r, i);
        return FUO_OK;
    }
    return n > 0 && !whole ? FUO_OK : finish(r, i);
}

/* Wait for one of them to say something. */
static int listen_to_them(struct running *r)
{
    if (poll(r->fds, r->count, -1) < 0) {
        return errno == EINTR ? FUO_OK : FUO_EIO;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->fds[i].revents != 0) {
            return take(r, i); /* which may move others: these are looked at again */
        }
    }
    return FUO_OK;
}

static bool has_place(const struct running *r, size_t at_once)
{
    return r->count < APART_MAX && r->count - r->behind < at_once;
}

int apart_run(const struct apart *a, size_t at_once, void *results)
{
    assert(at_once > 0);
    struct running r = {.a = a, .results = results};
    size_t next = 0;
    int err = FUO_OK;
    while (err == FUO_OK && (next < a->count || r.count > 0)) {
        bool starts = next < a->count && has_place(&r, at_once);
        err = starts ? start(&r, next++) : listen_to_them(&r);
    }
    while (r.count > 0) {
        (void)kill(r.children[0].pid, SIGKILL);
        (void)reap(&r, 0);
    }
    return err;
}
