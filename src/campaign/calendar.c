/* SPDX-License-Identifier: MIT */
#include "campaign/calendar.h"

static const char *const error_texts[] = {
#define X(name, text) [name] = (text),
    CALENDAR_ERROR_MAP(X)
#undef X
};

const char *calendar_error_text(enum calendar_error error)
{
    return error_texts[error];
}

/* The first window that ends after `at`; count if there is none. */
static size_t window_after(const struct calendar_windows *windows, int64_t at_us)
{
    size_t lo = 0;
    size_t hi = windows->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (windows->spans[mid].end.us <= at_us) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct utc calendar_open_until(const struct calendar_windows *windows, struct utc at)
{
    if (windows->spans == NULL) {
        return UTC_NEVER;
    }
    size_t i = window_after(windows, at.us);
    bool open = i < windows->count && windows->spans[i].start.us <= at.us;
    struct utc until = open ? windows->spans[i].end : at;
    for (i++; open && i < windows->count && windows->spans[i].start.us == until.us; i++) {
        until = windows->spans[i].end;
    }
    return until;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A search that goes forward only. */
struct search {
    const struct calendar_request *request;
    struct utc at;   /* the next session starts no earlier */
    int64_t left_us; /* to be sent yet */
    bool too_short;  /* a window was */
};

/*
 * The longest session in the first window that has room for one from `at` on. A rest that
 * is shorter than any session may be is as long as it is. false: no window is left.
 */
static bool find_session(struct search *s, struct calendar_span *session)
{
    const struct calendar_request *r = s->request;
    int64_t longest_us = r->longest_us > 0 ? r->longest_us : CALENDAR_SESSION_MAX_US;
    int64_t wanted_us = least(time_add_saturated(s->left_us, r->idle_us), longest_us);
    int64_t shortest_us = r->shortest_us > 0 ? r->shortest_us : 1;
    int64_t needed_us = least(least(shortest_us, s->left_us) + r->idle_us, wanted_us);
    struct utc start = s->at;
    struct utc until = calendar_open_until(&r->windows, start);
    while (until.us == start.us || until.us - start.us < needed_us) {
        s->too_short |= until.us > start.us;
        size_t i = window_after(&r->windows, until.us);
        if (i == r->windows.count) {
            return false;
        }
        bool later = r->windows.spans[i].start.us > start.us;
        start = later ? r->windows.spans[i].start : start;
        until = calendar_open_until(&r->windows, start);
    }
    session->start = start;
    session->end = utc_min(until, utc_after(start, wanted_us));
    return true;
}

static enum calendar_error add_session(struct search *s, struct calendar_course *course)
{
    struct calendar_span session;
    if (!find_session(s, &session)) {
        bool never = s->too_short && course->count == 0;
        return never ? CALENDAR_SHORT_WINDOWS : CALENDAR_NO_WINDOW;
    }
    if (session.end.us > s->request->deadline.us || session.end.us == INT64_MAX) {
        return CALENDAR_DEADLINE;
    }
    if (course->count == CALENDAR_SESSIONS_MAX) {
        return CALENDAR_SESSIONS;
    }
    course->sessions[course->count++] = session;
    s->left_us -= session.end.us - session.start.us - s->request->idle_us;
    s->at = utc_after(session.end, s->request->lead_us);
    return CALENDAR_OK;
}

enum calendar_error calendar_course(const struct calendar_request *request,
                                    struct calendar_course *course)
{
    enum calendar_error error = request->duration_us > 0 ? CALENDAR_OK : CALENDAR_EMPTY;
    struct search search = {
        .request = request, .at = request->not_before, .left_us = request->duration_us};
    course->count = 0;
    while (search.left_us > 0 && error == CALENDAR_OK) {
        error = add_session(&search, course);
    }
    return error;
}
