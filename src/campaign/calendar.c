/* SPDX-License-Identifier: MIT */
#include "campaign/calendar.h"

#include <string.h>

static const char *const error_texts[] = {
#define X(name, text) [name] = (text),
    CALENDAR_ERROR_MAP(X)
#undef X
};

const char *calendar_error_text(enum calendar_error error)
{
    return error_texts[error];
}

/* ---- sets of gateways ---- */

/* Both ascending. */
static bool meet(const struct calendar_gateways *a, const struct calendar_gateways *b)
{
    size_t i = 0;
    size_t j = 0;
    if (a->count == 0 || b->count == 0 || a->ids[0] > b->ids[b->count - 1] ||
        b->ids[0] > a->ids[a->count - 1]) {
        return false;
    }
    while (i < a->count && j < b->count) {
        if (a->ids[i] == b->ids[j]) {
            return true;
        }
        if (a->ids[i] < b->ids[j]) {
            i++;
        } else {
            j++;
        }
    }
    return false;
}

static bool in_the_way(const struct calendar_slot *slot,
                       const struct calendar_request *request)
{
    if (meet(&slot->gateways, &request->gateways)) {
        return true;
    }
    return slot->dr == request->dr && slot->frequency_hz == request->frequency_hz &&
           meet(&slot->gateways, &request->near);
}

/* ---- one transmission ---- */

/* A search that goes forward only, in the windows and in the slots. */
struct search {
    const struct calendar *calendar;
    const struct calendar_request *request;
    size_t window;   /* the first that does not end before t */
    size_t slot;     /* the first that could be in the way */
    int64_t t_us;    /* the session starts no earlier */
    int64_t left_us; /* to be sent yet */
    bool delayed;    /* by another session */
    bool too_short;  /* a window was */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A rest that is shorter than any session may be is as long as it is. */
static int64_t shortest(const struct search *s)
{
    return least(s->request->shortest_us, s->left_us);
}

/*
 * The longest session in the first window that takes one from t on; *end_us is its end.
 * false: no window is left.
 */
static bool find_window(struct search *s, int64_t *end_us)
{
    const struct calendar_windows *windows = &s->request->windows;
    int64_t length_us = least(s->left_us, CALENDAR_SESSION_MAX_US);
    if (windows->spans == NULL) {
        *end_us = time_add_saturated(s->t_us, length_us);
        return true;
    }
    for (; s->window < windows->count; s->window++) {
        const struct calendar_span *span = &windows->spans[s->window];
        int64_t start_us = most(s->t_us, span->start.us);
        if (span->end.us <= start_us) {
            continue;
        }
        if (span->end.us - start_us >= shortest(s)) {
            s->t_us = start_us;
            *end_us = least(span->end.us, time_add_saturated(start_us, length_us));
            return true;
        }
        s->too_short = true;
    }
    return false;
}

/* Past the first slot that is in the way of a session from t to end_us; false: none is. */
static bool step_aside(struct search *s, int64_t end_us)
{
    const struct calendar *c = s->calendar;
    for (; s->slot < c->count && c->slots[s->slot].start.us < end_us; s->slot++) {
        const struct calendar_slot *slot = &c->slots[s->slot];
        if (slot->end.us > s->t_us && in_the_way(slot, s->request)) {
            s->t_us = slot->end.us;
            s->delayed = true;
            return true;
        }
    }
    return false;
}

static enum calendar_error place_session(struct search *s, struct calendar_course *course)
{
    int64_t end_us;
    do {
        if (!find_window(s, &end_us)) {
            bool never = s->too_short && course->count == 0;
            return never ? CALENDAR_SHORT_WINDOWS : CALENDAR_NO_WINDOW;
        }
        if (end_us > s->request->deadline.us || end_us == INT64_MAX) {
            return CALENDAR_DEADLINE;
        }
    } while (step_aside(s, end_us));
    if (course->count == CALENDAR_SESSIONS_MAX) {
        return CALENDAR_SESSIONS;
    }
    course->sessions[course->count++] =
        (struct calendar_span){.start = {s->t_us}, .end = {end_us}};
    s->left_us -= end_us - s->t_us;
    s->t_us = time_add_saturated(end_us, s->request->lead_us);
    return CALENDAR_OK;
}

static enum calendar_error place_all(struct search *s, struct calendar_course *course)
{
    enum calendar_error error = CALENDAR_OK;
    course->count = 0;
    while (s->left_us > 0 && error == CALENDAR_OK) {
        error = place_session(s, course);
    }
    return error;
}

enum calendar_error calendar_earliest(const struct calendar *calendar,
                                      const struct calendar_request *request,
                                      struct calendar_course *course)
{
    static const struct calendar empty = {.count = 0};
    if (request->duration_us <= 0 || request->gateways.count == 0) {
        return CALENDAR_EMPTY;
    }
    const struct search start = {
        .calendar = calendar,
        .request = request,
        .t_us = time_add_saturated(request->not_before.us, request->lead_us),
        .left_us = request->duration_us,
    };
    struct search search = start;
    struct calendar_course found;
    enum calendar_error error = place_all(&search, &found);
    if (error != CALENDAR_OK && search.delayed) {
        /* Would it fit if the gateways were free? */
        search = start;
        search.calendar = &empty;
        enum calendar_error alone = place_all(&search, &found);
        return alone == CALENDAR_OK ? CALENDAR_BUSY : alone;
    }
    if (error == CALENDAR_OK) {
        course->count = found.count;
        memcpy(course->sessions, found.sessions, found.count * sizeof(found.sessions[0]));
    }
    return error;
}

/* ---- the book ---- */

static void insert(struct calendar *calendar, const struct calendar_slot *slot)
{
    size_t at = calendar->count;
    while (at > 0 && calendar->slots[at - 1].start.us > slot->start.us) {
        at--;
    }
    memmove(&calendar->slots[at + 1], &calendar->slots[at],
            (calendar->count - at) * sizeof(*slot));
    calendar->slots[at] = *slot;
    calendar->count++;
}

enum calendar_error calendar_book(struct calendar *calendar,
                                  const struct calendar_request *request,
                                  const struct calendar_course *course)
{
    if (calendar->cap - calendar->count < course->count) {
        return CALENDAR_FULL;
    }
    for (size_t i = 0; i < course->count; i++) {
        struct calendar_slot slot = {
            .start = course->sessions[i].start,
            .end = course->sessions[i].end,
            .transmission_id = request->transmission_id,
            .frequency_hz = request->frequency_hz,
            .gateways = request->gateways,
            .dr = request->dr,
        };
        insert(calendar, &slot);
    }
    return CALENDAR_OK;
}

void calendar_remove(struct calendar *calendar, uint32_t transmission_id, struct utc from)
{
    size_t kept = 0;
    for (size_t i = 0; i < calendar->count; i++) {
        const struct calendar_slot *slot = &calendar->slots[i];
        if (slot->transmission_id != transmission_id || slot->start.us < from.us) {
            calendar->slots[kept++] = *slot;
        }
    }
    calendar->count = kept;
}

void calendar_stop(struct calendar *calendar, uint32_t transmission_id, struct utc now)
{
    for (size_t i = 0; i < calendar->count; i++) {
        struct calendar_slot *slot = &calendar->slots[i];
        if (slot->transmission_id == transmission_id && slot->start.us < now.us &&
            slot->end.us > now.us) {
            slot->end = now;
        }
    }
}

void calendar_trim(struct calendar *calendar, struct utc now)
{
    size_t kept = 0;
    for (size_t i = 0; i < calendar->count; i++) {
        if (calendar->slots[i].end.us > now.us) {
            calendar->slots[kept++] = calendar->slots[i];
        }
    }
    calendar->count = kept;
}

/* ---- many at once ---- */

/* Time per gateway: a table that is never more than half full. */
struct tally {
    uint64_t gateway;
    int64_t sum_us; /* 0: empty */
};

static size_t tally_size(const struct calendar_request *requests, size_t count)
{
    size_t pairs = 1;
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        pairs += requests[i].gateways.count;
    }
    while (size < 2 * pairs) {
        size *= 2;
    }
    return size;
}

size_t calendar_workspace_bytes(const struct calendar_request *requests, size_t count)
{
    size_t order = count * sizeof(uint32_t);
    size_t tallies = tally_size(requests, count) * sizeof(struct tally);
    return order > tallies ? order : tallies;
}

static struct tally *tally_of(struct tally *tallies, size_t size, uint64_t gateway)
{
    uint64_t hash = gateway * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (size - 1);
    while (tallies[at].sum_us != 0 && tallies[at].gateway != gateway) {
        at = (at + 1) & (size - 1);
    }
    tallies[at].gateway = gateway;
    return &tallies[at];
}

int64_t calendar_bound_us(const struct calendar_request *requests, size_t count,
                          void *workspace)
{
    struct tally *tallies = workspace;
    size_t size = tally_size(requests, count);
    int64_t bound_us = 0;
    memset(tallies, 0, size * sizeof(*tallies));
    for (size_t i = 0; i < count; i++) {
        const struct calendar_request *r = &requests[i];
        for (size_t g = 0; r->duration_us > 0 && g < r->gateways.count; g++) {
            struct tally *tally = tally_of(tallies, size, r->gateways.ids[g]);
            tally->sum_us = time_add_saturated(tally->sum_us, r->duration_us);
            bound_us = most(bound_us, tally->sum_us);
        }
    }
    return bound_us;
}

static bool goes_first(const struct calendar_request *requests, uint32_t a, uint32_t b)
{
    const struct calendar_request *x = &requests[a];
    const struct calendar_request *y = &requests[b];
    if (x->priority != y->priority) {
        return x->priority > y->priority;
    }
    if (x->duration_us != y->duration_us) {
        return x->duration_us < y->duration_us;
    }
    return a < b;
}

/* The one at `at` sinks below those that come after it: the last is on top of the heap. */
static void sift(const struct calendar_request *requests, uint32_t *order, size_t at,
                 size_t count)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && goes_first(requests, order[child], order[child + 1])) {
            child++;
        }
        if (!goes_first(requests, order[at], order[child])) {
            return;
        }
        uint32_t t = order[at];
        order[at] = order[child];
        order[child] = t;
        at = child;
    }
}

static void sort(const struct calendar_request *requests, uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
    }
    for (size_t i = count / 2; i-- > 0;) {
        sift(requests, order, i, count);
    }
    for (size_t end = count; end > 1; end--) {
        uint32_t last = order[0];
        order[0] = order[end - 1];
        order[end - 1] = last;
        sift(requests, order, 0, end - 1);
    }
}

static struct calendar_place place(struct calendar *calendar,
                                   const struct calendar_request *request)
{
    struct calendar_course course;
    struct calendar_place place = {
        .error = calendar_earliest(calendar, request, &course),
    };
    if (place.error == CALENDAR_OK) {
        place.error = calendar_book(calendar, request, &course);
    }
    if (place.error == CALENDAR_OK) {
        place.start = course.sessions[0].start;
        place.end = course.sessions[course.count - 1].end;
        place.session_count = (uint32_t)course.count;
    }
    return place;
}

void calendar_pack(struct calendar *calendar, const struct calendar_request *requests,
                   size_t count, void *workspace, struct calendar_place *places,
                   struct calendar_packing *packing)
{
    *packing = (struct calendar_packing){
        .from = UTC_NEVER,
        .bound_us = calendar_bound_us(requests, count, workspace),
    };
    uint32_t *order = workspace;
    sort(requests, order, count);
    for (size_t i = 0; i < count; i++) {
        const struct calendar_request *r = &requests[order[i]];
        struct calendar_place *at = &places[order[i]];
        *at = place(calendar, r);
        if (at->error != CALENDAR_OK) {
            packing->failed++;
            continue;
        }
        packing->from = utc_min(packing->from, utc_after(r->not_before, r->lead_us));
        packing->end.us = most(packing->end.us, at->end.us);
    }
    if (packing->failed < count) {
        packing->makespan_us = packing->end.us - packing->from.us;
    }
}

/* ---- slots on the devices ---- */

static uint8_t count_of(uint8_t count)
{
    return count == 0 || count > DEVICE_SLOT_COUNT ? DEVICE_SLOT_COUNT : count;
}

struct device_slots device_slots_join(struct device_slots a, struct device_slots b)
{
    uint8_t groups = count_of(a.group_count);
    uint8_t frags = count_of(a.frag_count);
    uint8_t other_groups = count_of(b.group_count);
    uint8_t other_frags = count_of(b.frag_count);
    /* What one of them uses and the other keeps is not to be overwritten. */
    uint8_t busy =
        (uint8_t)((a.groups_used & ~a.groups_kept) | (b.groups_used & ~b.groups_kept));
    return (struct device_slots){
        .group_count = groups < other_groups ? groups : other_groups,
        .frag_count = frags < other_frags ? frags : other_frags,
        .groups_used = a.groups_used | b.groups_used,
        .groups_kept = (uint8_t)((a.groups_kept | b.groups_kept) & ~busy),
        .frags_used = a.frags_used | b.frags_used,
    };
}

static uint8_t lowest_free(uint8_t count, uint8_t used)
{
    for (uint8_t number = 0; number < count_of(count); number++) {
        if ((used & (1U << number)) == 0) {
            return number;
        }
    }
    return DEVICE_SLOT_NONE;
}

uint8_t device_slots_take_group(struct device_slots *slots)
{
    uint8_t number = lowest_free(slots->group_count, slots->groups_used);
    if (number == DEVICE_SLOT_NONE) {
        uint8_t busy = (uint8_t)(slots->groups_used & ~slots->groups_kept);
        number = lowest_free(slots->group_count, busy);
    }
    if (number != DEVICE_SLOT_NONE) {
        slots->groups_used |= (uint8_t)(1U << number);
        slots->groups_kept &= (uint8_t) ~(1U << number);
    }
    return number;
}

uint8_t device_slots_take_frag(struct device_slots *slots)
{
    uint8_t number = lowest_free(slots->frag_count, slots->frags_used);
    if (number != DEVICE_SLOT_NONE) {
        slots->frags_used |= (uint8_t)(1U << number);
    }
    return number;
}

void device_slots_give_group(struct device_slots *slots, uint8_t number)
{
    if (number < DEVICE_SLOT_COUNT) {
        slots->groups_used &= (uint8_t) ~(1U << number);
        slots->groups_kept &= (uint8_t) ~(1U << number);
    }
}

void device_slots_give_frag(struct device_slots *slots, uint8_t number)
{
    if (number < DEVICE_SLOT_COUNT) {
        slots->frags_used &= (uint8_t) ~(1U << number);
    }
}
