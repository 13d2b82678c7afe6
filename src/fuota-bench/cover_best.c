/* SPDX-License-Identifier: MIT */
#include "fuota-bench/cover_best.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/cleanup.h"
#include "world/radio.h"

enum {
    DOMINANCE_ROWS_MAX =
        6000, /* beyond, comparing all pairs takes longer than it helps */
    FOLDER_BYTES = 512,
    PATH_BYTES = FOLDER_BYTES + 16, /* of a file in it */
    LINE_BYTES = 256,
};

/* What is written and what cbc writes. */
struct paths {
    char program[PATH_BYTES];
    char relaxed[PATH_BYTES];
    char integers[PATH_BYTES];
};

extern char **environ;

static size_t row_length(const struct cover_rows *rows, uint32_t i)
{
    return rows->first[i + 1] - rows->first[i];
}

/* Shorter first, then by columns, then the larger demand. */
static int compare_rows(const void *a, const void *b, void *context)
{
    const struct cover_rows *rows = context;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    size_t length = row_length(rows, x);
    if (length != row_length(rows, y)) {
        return length < row_length(rows, y) ? -1 : 1;
    }
    for (size_t i = 0; i < length; i++) {
        uint32_t p = rows->columns[rows->first[x] + i];
        uint32_t q = rows->columns[rows->first[y] + i];
        if (p != q) {
            return p < q ? -1 : 1;
        }
    }
    return (rows->demand[x] < rows->demand[y]) - (rows->demand[x] > rows->demand[y]);
}

/* Row a asks for what row b asks for: its columns are among b's, its demand no less. */
static bool implies(const struct cover_rows *rows, uint32_t a, uint32_t b)
{
    if (rows->demand[a] < rows->demand[b]) {
        return false;
    }
    uint32_t j = rows->first[b];
    for (uint32_t i = rows->first[a]; i < rows->first[a + 1]; i++) {
        while (j < rows->first[b + 1] && rows->columns[j] < rows->columns[i]) {
            j++;
        }
        if (j == rows->first[b + 1] || rows->columns[j] != rows->columns[i]) {
            return false;
        }
    }
    return true;
}

static size_t drop_equal(const struct cover_rows *rows, uint32_t *order)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        bool same =
            kept > 0 && row_length(rows, order[kept - 1]) == row_length(rows, order[i]);
        if (!same || !implies(rows, order[kept - 1], order[i])) {
            order[kept++] = order[i];
        }
    }
    return kept;
}

static size_t drop_implied(const struct cover_rows *rows, uint32_t *order, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool implied = false;
        for (size_t j = 0; j < kept && !implied; j++) {
            implied = implies(rows, order[j], order[i]);
        }
        if (!implied) {
            order[kept++] = order[i];
        }
    }
    return kept;
}

/* Rows order[0..kept) in that order, into a. */
static void copy_rows(const struct cover_rows *rows, const uint32_t *order, size_t kept,
                      struct cover_rows *a)
{
    uint32_t at = 0;
    for (size_t i = 0; i < kept; i++) {
        size_t length = row_length(rows, order[i]);
        memcpy(a->columns + at, rows->columns + rows->first[order[i]],
               length * sizeof(*a->columns));
        a->demand[i] = rows->demand[order[i]];
        at += (uint32_t)length;
        a->first[i + 1] = at;
    }
    a->count = kept;
}

static void reduce(struct cover_rows *rows, uint32_t *order, struct cover_rows *scratch)
{
    for (size_t i = 0; i < rows->count; i++) {
        order[i] = (uint32_t)i;
    }
    qsort_r(order, rows->count, sizeof(*order), compare_rows, rows);
    size_t kept = drop_equal(rows, order);
    if (kept <= DOMINANCE_ROWS_MAX) {
        kept = drop_implied(rows, order, kept);
    }
    copy_rows(rows, order, kept, scratch);
    memcpy(rows->first, scratch->first, (kept + 1) * sizeof(*rows->first));
    memcpy(rows->demand, scratch->demand, kept * sizeof(*rows->demand));
    memcpy(rows->columns, scratch->columns,
           scratch->first[kept] * sizeof(*rows->columns));
    rows->count = kept;
}

static void rows_finish(struct cover_rows *rows)
{
    free(rows->first);
    free(rows->columns);
    free(rows->demand);
}

static bool rows_begin(struct cover_rows *rows, size_t count, size_t columns)
{
    rows->count = 0;
    rows->first = calloc(count + 1, sizeof(*rows->first));
    rows->demand = calloc(count + 1, sizeof(*rows->demand));
    rows->columns = calloc(columns + 1, sizeof(*rows->columns));
    return rows->first != NULL && rows->demand != NULL && rows->columns != NULL;
}

int cover_rows_reduce(struct cover_rows *rows)
{
    struct cover_rows scratch;
    bool fits = rows_begin(&scratch, rows->count, rows->first[rows->count]);
    uint32_t *order = calloc(rows->count + 1, sizeof(*order));
    if (fits && order != NULL) {
        reduce(rows, order, &scratch);
    }
    fits = fits && order != NULL;
    free(order);
    rows_finish(&scratch);
    return fits ? FUO_OK : FUO_ENOMEM;
}

static uint32_t column_limit(const struct cover_rows *rows)
{
    uint32_t limit = 0;
    for (uint32_t i = 0; i < rows->first[rows->count]; i++) {
        limit = rows->columns[i] >= limit ? rows->columns[i] + 1 : limit;
    }
    return limit;
}

/* used: one flag per gateway, set here. */
static int write_program(const char *path, const struct cover_rows *rows, uint8_t *used,
                         uint32_t limit)
{
    FILE *f = fopen(path, "we");
    if (f == NULL) {
        return FUO_EIO;
    }
    for (uint32_t i = 0; i < rows->first[rows->count]; i++) {
        used[rows->columns[i]] = 1;
    }
    fputs("Minimize\n obj:", f);
    const char *plus = "";
    for (uint32_t g = 0; g < limit; g++) {
        if (used[g]) {
            fprintf(f, "%s x%u\n", plus, (unsigned)g);
            plus = " +";
        }
    }
    fputs("Subject To\n", f);
    for (size_t i = 0; i < rows->count; i++) {
        fprintf(f, " r%zu:", i);
        plus = "";
        for (uint32_t k = rows->first[i]; k < rows->first[i + 1]; k++) {
            fprintf(f, "%s x%u\n", plus, (unsigned)rows->columns[k]);
            plus = " +";
        }
        fprintf(f, " >= %u\n", (unsigned)rows->demand[i]);
    }
    fputs("Binaries\n", f);
    for (uint32_t g = 0; g < limit; g++) {
        if (used[g]) {
            fprintf(f, " x%u\n", (unsigned)g);
        }
    }
    fputs("End\n", f);
    bool failed = ferror(f) != 0;
    return fclose(f) == 0 && !failed ? FUO_OK : FUO_EIO;
}

/* A program that was killed, crashed or gave up has no answer of use, this time. */
static int await(pid_t pid)
{
    int status = -1;
    pid_t ended;
    do {
        ended = waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == pid && status == 0 ? FUO_OK : FUO_EPROTO;
}

/* Both solutions in one run: the relaxation first, then the integers. */
static int run_solver(const char *solver, struct paths *paths, uint32_t seconds)
{
    char program[PATH_BYTES];
    char limit[16];
    char words[4][16] = {"initialSolve", "solution", "sec", "solve"};
    snprintf(program, sizeof(program), "%s", solver);
    snprintf(limit, sizeof(limit), "%u", (unsigned)seconds);
    char *const argv[] = {program,        paths->program,  words[0], words[1],
                          paths->relaxed, words[2],        limit,    words[3],
                          words[1],       paths->integers, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return FUO_ENOMEM;
    }
    pid_t pid = -1;
    int failed = ENOMEM;
    if (posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0) {
        failed = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (failed == EAGAIN || failed == ENOMEM) {
        return FUO_EPROTO; /* the machine has no room now: that says nothing of the program */
    }
    return failed != 0 ? FUO_ENOENT : await(pid);
}

/* "Optimal - objective value 5.83" or "Stopped on time - objective value 6" */
static bool read_heading(FILE *f, bool *optimal, double *value)
{
    char line[LINE_BYTES];
    if (fgets(line, sizeof(line), f) == NULL) {
        return false;
    }
    const char *text = strstr(line, "objective value");
    if (text == NULL || strncmp(line, "Infeasible", 10) == 0) {
        return false;
    }
    *optimal = strncmp(line, "Optimal", 7) == 0;
    *value = strtod(text + strlen("objective value"), NULL);
    return true;
}

static bool read_relaxation(const char *path, uint64_t *milli)
{
    AUTO_FCLOSE FILE *f = fopen(path, "re");
    bool optimal = false;
    double value = 0;
    if (f == NULL || !read_heading(f, &optimal, &value) || !optimal || value < 0) {
        return false;
    }
    *milli = (uint64_t)(value * 1000 + 0.5);
    return true;
}

/* chosen: one flag per gateway. */
static bool read_integers(const char *path, uint8_t *chosen, uint32_t limit,
                          bool *optimal)
{
    AUTO_FCLOSE FILE *f = fopen(path, "re");
    double objective = 0;
    if (f == NULL || !read_heading(f, optimal, &objective)) {
        return false;
    }
    char line[LINE_BYTES];
    while (fgets(line, sizeof(line), f) != NULL) {
        const char *name = strchr(line, 'x');
        if (name == NULL) {
            continue;
        }
        char *end = NULL;
        unsigned long gateway = strtoul(name + 1, &end, 10);
        if (gateway < limit && strtod(end, NULL) > 0.5) {
            chosen[gateway] = 1;
        }
    }
    return true;
}

static bool satisfies(const struct cover_rows *rows, const uint8_t *chosen)
{
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t got = 0;
        for (uint32_t k = rows->first[i]; k < rows->first[i + 1]; k++) {
            got += chosen[rows->columns[k]];
        }
        if (got < rows->demand[i]) {
            return false;
        }
    }
    return true;
}

/* flags: one per gateway, scratch. */
static int ask(const struct cover_rows *rows, const char *solver, uint32_t seconds,
               struct paths *paths, uint8_t *flags, struct cover_answer *answer)
{
    uint32_t limit = column_limit(rows);
    int err = write_program(paths->program, rows, flags, limit);
    if (err == FUO_OK) {
        err = run_solver(solver, paths, seconds);
    }
    if (err != FUO_OK) {
        return err;
    }
    memset(flags, 0, limit);
    struct cover_answer a = {0};
    if (!read_relaxation(paths->relaxed, &a.lp_milli) ||
        !read_integers(paths->integers, flags, limit, &a.optimal) ||
        !satisfies(rows, flags)) {
        return FUO_EPROTO;
    }
    for (uint32_t g = 0; g < limit; g++) {
        a.chosen += flags[g];
    }
    *answer = a;
    return FUO_OK;
}

static int make_folder(char folder[static FOLDER_BYTES])
{
    const char *root = getenv("TMPDIR");
    if (root == NULL || root[0] == '\0') {
        root = "/tmp";
    }
    int len = snprintf(folder, FOLDER_BYTES, "%s/fuota-bench-XXXXXX", root);
    bool fits = len > 0 && len < FOLDER_BYTES;
    return fits && mkdtemp(folder) != NULL ? FUO_OK : FUO_EIO;
}

int cover_best_solve(const struct cover_rows *rows, const char *solver, uint32_t seconds,
                     struct cover_answer *answer)
{
    if (rows->count == 0) {
        *answer = (struct cover_answer){.optimal = true};
        return FUO_OK;
    }
    char folder[FOLDER_BYTES];
    int err = make_folder(folder);
    if (err != FUO_OK) {
        return err;
    }
    struct paths paths;
    snprintf(paths.program, sizeof(paths.program), "%s/cover.lp", folder);
    snprintf(paths.relaxed, sizeof(paths.relaxed), "%s/relaxed.sol", folder);
    snprintf(paths.integers, sizeof(paths.integers), "%s/integers.sol", folder);
    uint8_t *flags = calloc((size_t)column_limit(rows) + 1, 1);
    err = flags == NULL ? FUO_ENOMEM
                        : ask(rows, solver != NULL ? solver : "cbc", seconds, &paths,
                              flags, answer);
    free(flags);
    unlink(paths.program);
    unlink(paths.relaxed);
    unlink(paths.integers);
    rmdir(folder);
    return err;
}

/* What one transmission's devices ask for, limited to what the gateways that sent give. */
struct builder {
    const struct world_scenario *s;
    const struct world_transmission *tx;
    struct cover_rows rows;
};

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int32_t margin(const struct builder *b, uint32_t device, size_t link, uint8_t dr)
{
    return world_margin_cdb(b->s, world_links(b->s, device)[link].loss_cdb, dr);
}

static void add_row(struct builder *b, uint32_t device, uint8_t dr)
{
    size_t count = world_link_count(b->s, device);
    const struct world_link *link = world_links(b->s, device);
    bool one =
        count > 0 && (margin(b, device, 0, dr) >= COVER_BEST_GOOD_CDB || count < 2 ||
                      margin(b, device, 1, dr) < COVER_BEST_DOUBLE_CDB);
    int32_t wanted_cdb = one ? COVER_BEST_SINGLE_CDB : COVER_BEST_DOUBLE_CDB;
    uint32_t begin = b->rows.first[b->rows.count];
    uint32_t at = begin;
    uint8_t given = 0;
    for (size_t i = 0; i < count; i++) {
        if (margin(b, device, i, dr) >= wanted_cdb) {
            b->rows.columns[at++] = link[i].gateway;
            given = (uint8_t)(given +
                              (world_trace_sent(b->tx, link[i].gateway) && given < 2));
        }
    }
    uint8_t demand = one && given > 1 ? 1 : given;
    if (demand == 0) {
        return;
    }
    qsort(b->rows.columns + begin, at - begin, sizeof(uint32_t), compare_u32);
    b->rows.demand[b->rows.count++] = demand;
    b->rows.first[b->rows.count] = at;
}

/* *rows is the caller's on success. */
static int build(const struct world_scenario *s, const struct world_transmission *tx,
                 const uint8_t *reachable, struct cover_rows *rows)
{
    size_t columns = 0;
    for (size_t i = 0; i < tx->device_count; i++) {
        columns += world_link_count(s, tx->devices[i]);
    }
    struct builder b = {.s = s, .tx = tx};
    if (!rows_begin(&b.rows, tx->device_count, columns)) {
        rows_finish(&b.rows);
        return FUO_ENOMEM;
    }
    for (size_t i = 0; i < tx->device_count; i++) {
        if (reachable[tx->devices[i]]) {
            add_row(&b, tx->devices[i], tx->dr);
        }
    }
    *rows = b.rows;
    return FUO_OK;
}

static uint64_t count_senders(const struct world_scenario *s,
                              const struct world_transmission *tx)
{
    uint64_t count = 0;
    for (size_t g = 0; g < s->gateway_count; g++) {
        count += world_trace_sent(tx, g);
    }
    return count;
}

/* What is not known of it must not count for us: then it is in no sum at all. */
static int add_transmission(const struct world_scenario *s,
                            const struct world_transmission *tx, const uint8_t *reachable,
                            uint32_t seconds, struct cover_best *sum)
{
    struct cover_rows rows;
    struct cover_answer answer;
    int err = build(s, tx, reachable, &rows);
    if (err != FUO_OK) {
        return err;
    }
    err = cover_rows_reduce(&rows);
    if (err == FUO_OK) {
        err = cover_best_solve(&rows, NULL, seconds, &answer);
    }
    rows_finish(&rows);
    if (err == FUO_EPROTO || err == FUO_EIO) {
        sum->left_out++;
        return FUO_OK;
    }
    if (err != FUO_OK) {
        return err;
    }
    uint64_t ours = count_senders(s, tx);
    sum->searched++;
    sum->ours += ours;
    sum->best += answer.chosen < ours ? answer.chosen : ours;
    sum->lp_milli += answer.lp_milli;
    sum->all_optimal = sum->all_optimal && answer.optimal;
    return FUO_OK;
}

size_t cover_best_choose(size_t count, size_t i)
{
    size_t searched = cover_best_searched(count);
    return searched == 0 ? 0 : (2 * i + 1) * count / (2 * searched);
}

size_t cover_best_searched(size_t count)
{
    return count > COVER_BEST_MANY ? COVER_BEST_SAMPLE : count;
}

int cover_best_compute(const struct world_scenario *s, const struct world_trace *t,
                       const uint8_t *reachable, struct cover_best *out)
{
    size_t searched = cover_best_searched(t->transmission_count);
    uint32_t seconds = (uint32_t)(COVER_BEST_SECONDS / (searched == 0 ? 1 : searched));
    struct cover_best sum = {.solver = true, .all_optimal = true};
    int err = FUO_OK;
    for (size_t i = 0; i < searched && err == FUO_OK; i++) {
        size_t chosen = cover_best_choose(t->transmission_count, i);
        err = add_transmission(s, &t->transmissions[chosen], reachable,
                               seconds == 0 ? 1 : seconds, &sum);
    }
    if (err == FUO_ENOENT) { /* no sums: of a part they would be another figure */
        *out = (struct cover_best){.solver = false};
        return FUO_OK;
    }
    if (err != FUO_OK) {
        return err;
    }
    sum.all_optimal = sum.all_optimal && sum.left_out == 0;
    *out = sum;
    return FUO_OK;
}
