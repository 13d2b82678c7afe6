/* SPDX-License-Identifier: MIT */
/* What is sent after a poll, and for whom it is not. */
#include <stdio.h>

#include "flow_steps.h"

enum { M = 100 };

static void tell(struct flow *f, unsigned received, unsigned missing)
{
    char hex[16];
    snprintf(hex, sizeof(hex), "01%02x%02x%02x00", received & 0xff, received >> 8,
             missing);
    flow_uplink(f, 0, 201, hex);
}

/* One device of that profile in its session, polled when all fragments were sent. */
static void begin_polled(struct flow *f, const struct profile *profile, uint8_t ts004,
                         uint32_t m)
{
    flow_init(f, 1);
    f->devices[0].package_version[3] = ts004;
    f->profiles[0] = profile;
    flow_rebuild(f);
    f->spec.fragmentation.size_bytes = sizeof(f->image) / m;
    f->spec.fragmentation.redundancy_ppm = 0;
    f->spec.fragmentation.repair_rounds = 3;
    flow_apply(f);
    flow_walk(f, 0, MEMBER_LISTENING);
    while (f->transmission.next_n <= m || f->transmission.phase != TX_POLL) {
        flow_wait(f, SECONDS_US(1));
        if (f->transmission.phase == TX_POLL && f->transmission.next_n <= m) {
            tell(f, f->transmission.next_n - 1U, 0); /* a look: all heard */
        }
    }
    assert_int_equal(f->transmission.frag_count, m);
}

/* Coded fragments behind this poll, before the next one. */
static uint32_t sent_then(struct flow *f)
{
    uint16_t before = f->transmission.next_n;
    while (f->transmission.phase == TX_POLL) {
        flow_wait(f, SECONDS_US(1));
    }
    while (f->transmission.phase == TX_SENDING) {
        flow_wait(f, SECONDS_US(1));
    }
    return f->transmission.next_n - before;
}

static void who_lost_more_than_its_decoder_mends_is_not_sent_more(void **state)
{
    (void)state;
    static const struct profile tenth = {.lost_ppm = 100000};
    static const struct profile twelve = {.lost_max = 12};
    static const struct profile unknown = {0};
    static const struct profile counts_all = {.lost_ppm = 100000,
                                              .received = PROFILE_RECEIVED_ALL};
    static const struct {
        const char *name;
        const struct profile *profile;
        uint8_t ts004;
        unsigned received;
        unsigned missing;
        bool is_sent;
    } rows[] = {
        {"at the cap", &tenth, 1, M, 10, true},
        {"beyond it", &tenth, 1, M, 11, false},
        {"a cap by number", &twelve, 1, M, 12, true},
        {"beyond that", &twelve, 1, M, 13, false},
        {"nothing known of a decoder of v1: a fifth", &unknown, 1, M, 20, true},
        {"beyond the fifth", &unknown, 1, M, 21, false},
        {"nothing known of one of v2: nearly half", &unknown, 2, 55, 45, true},
        {"beyond the half", &unknown, 2, 49, 51, false},
        {"misses less than it lost", &counts_all, 1, M - 25, 9, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_polled(&f, rows[i].profile, rows[i].ts004, M);
        tell(&f, rows[i].received, rows[i].missing);
        assert_int_equal(sent_then(&f) >= rows[i].missing, rows[i].is_sent);
        assert_int_equal(flow_member(&f, 0)->phase == MEMBER_LISTENING, rows[i].is_sent);
        flow_free(&f);
    }
}

/* MissingFrag has a byte. */
static void what_is_missing_beyond_255_is_told_by_what_was_received(void **state)
{
    (void)state;
    enum { MANY = 600 };
    static const struct {
        const char *name;
        unsigned received;
        bool is_sent;
    } rows[] = {
        {"255 of them", MANY - 255, true},
        {"nearly half", MANY - 280, true},
        {"more than half", MANY / 2 - 1, false},
        {"all but one", 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        begin_polled(&f, NULL, 2, MANY);
        tell(&f, rows[i].received, 255);
        assert_int_equal(sent_then(&f) >= 255, rows[i].is_sent);
        flow_free(&f);
    }
}

/* Stacks that take from the last N what they lost of the uncoded fragments. */
static void the_loss_of_who_counts_uncoded_ones_is_not_watered_down(void **state)
{
    (void)state;
    static const struct profile all = {.received = PROFILE_RECEIVED_ALL};
    static const struct profile uncoded = {.received = PROFILE_RECEIVED_LAST_LESS_LOST};
    uint32_t sent[2];
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        struct flow f;
        begin_polled(&f, i == 0 ? &all : &uncoded, 2, M);
        tell(&f, M - 20, 20);
        uint32_t first = sent_then(&f);
        tell(&f, M + first - 20, 15); /* 20 lost, of all or of the uncoded ones */
        sent[i] = sent_then(&f);
        flow_free(&f);
    }
    assert_true(sent[1] > sent[0]);
}

TEST_MAIN(cmocka_unit_test(who_lost_more_than_its_decoder_mends_is_not_sent_more),
          cmocka_unit_test(what_is_missing_beyond_255_is_told_by_what_was_received),
          cmocka_unit_test(the_loss_of_who_counts_uncoded_ones_is_not_watered_down))
