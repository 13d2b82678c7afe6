/* SPDX-License-Identifier: MIT */
/* test_lwm2m_screen.c - which datagrams libcoap gets to read, and that it reads those only. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#include "base/hex.h"
#include "screen.h"

enum {
    BYTES_MAX = 512,
    TURNS_MAX = 100000,
};

static size_t of_hex(const char *hex, uint8_t bytes[static BYTES_MAX])
{
    size_t len = strlen(hex) / 2;
    assert_int_equal(hex_decode(hex, strlen(hex), bytes, len), FUO_OK);
    return len;
}

static void short_is_what_libcoap_says_or_it_does_not_read(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *hex;
        bool passes;
    } rows[] = {
        {"ping", "40000007", true},
        {"GET", "40010007", true},
        {"iPATCH, NON", "50070007", true},
        {"an answer", "60450007", true},
        {"Reset", "70000007", true},
        {"no method", "40080007", false},
        {"no method, 23 for 8", "40080007827264ff78", true},
        {"... 23 for 7", "40080007827264", false},
        {"... 27 for 11", "441f000774747474827264", true},
        {"0.31, of a token", "441f000774747474", false},
        {"a class that is none", "40200007", false},
        {"6.00", "40c00007", false},
        {"7.02, ping of CoAP over TCP", "40e20007", false},
        {"7.04, release", "50e40007", false},
        {"a request as ACK", "60010007", false},
        {"a request as Reset", "70010007", false},
        {"Proxy-Uri x, 27 for 7", "40010007d11678", false},
        {"Proxy-Uri of three, 27 for 9", "40010007d316787878", true},
        {"... after a token, 29 for 11", "420100077474d316787878", true},
        {"Proxy-Scheme", "40010007d11a78", false},
        {"Hop-Limit 0, 16 for 7", "40010007d10300", true},
        {"Hop-Limit 1, 47 for 7", "40010007d10301", false},
        {"Hop-Limit 1, 47 for 16", "40010007d10301ff000102030405060708", true},
        {"Hop-Limit 2", "40010007d10302", true},
        {"Hop-Limit of two bytes", "40010007d2030001", true},
        {"OSCORE, 16 for 5", "4001000790", false},
        {"OSCORE and a path, 16 for 7", "40010007902172", true},
        {"unknown critical 13, 17 for 6", "40010007d000", true},
        {"... five of them, 21 for 10", "40010007d00000000000", true},
        {"... of 300 bytes' number", "40010007e0ffff", false},
        {"65533", "40010007e0fef0", true},
        {"If-Match, Uri-Port", "400100071060", true},
        {"", "", false},
        {"a byte", "40", false},
        {"three", "400100", false},
        {"another version", "80010007", false},
        {"no version", "00010007", false},
        {"a token of nine", "49010007747474747474747474", false},
        {"a token that is cut", "4801000774", false},
        {"an empty message that is not", "4100000774", false},
        {"a marker and nothing", "40010007ff", false},
        {"an option that is cut", "40010007b57264", false},
        {"numbers that come round", "40010007e1ffff78d11678", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[BYTES_MAX];
        size_t len = of_hex(rows[i].hex, bytes);
        test_row(rows[i].what);
        assert_int_equal(screen_passes(bytes, len), rows[i].passes);
    }
}

static void a_handshake_begins_with_a_hello_in_the_clear(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *hex;
        bool hello;
    } rows[] = {
        {"ClientHello", "16fefd000000000000000000500100", true},
        {"of DTLS 1.0", "16feff0000000000000001005001", true},
        {"cut behind its type", "16fefd0000000000000000005001", true},
        {"... before it", "16fefd00000000000000000050", false},
        {"of epoch 1: it is encrypted", "16fefd0001000000000000005001", false},
        {"of epoch 256", "16fefd0100000000000000005001", false},
        {"ServerHello", "16fefd0000000000000000005002", false},
        {"an alert", "15fefd0000000000000000005001", false},
        {"CoAP", "40010007", false},
        {"", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[BYTES_MAX];
        size_t len = of_hex(rows[i].hex, bytes);
        test_row(rows[i].what);
        assert_int_equal(screen_is_hello(bytes, len), rows[i].hello);
    }
}

/* ---- at a port ---- */

struct rig {
    coap_context_t *ctx;
    struct screen screen;
    struct sockaddr_in at;
    int client;
};

/* A port that nobody else has, for as long as this address is asked for by nobody else. */
static void rig_open(struct rig *r, bool dtls)
{
    coap_address_t address;
    memset(r, 0, sizeof(*r));
    r->client = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(r->client >= 0);
    r->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(5683)};
    r->at.sin_addr.s_addr =
        htonl(UINT32_C(0x7f800000) | ((uint32_t)getpid() & UINT32_C(0x3fffff)));
    coap_startup();
    coap_set_log_level(LOG_EMERG);
    r->ctx = coap_new_context(NULL);
    assert_non_null(r->ctx);
    coap_address_init(&address);
    address.size = sizeof(address.addr.sin);
    address.addr.sin = r->at;
    assert_non_null(coap_new_endpoint(r->ctx, &address, COAP_PROTO_UDP));
    assert_int_equal(screen_add(&r->screen, r->ctx, 5684, false), FUO_EIO);
    assert_int_equal(screen_add(&r->screen, r->ctx, 5683, dtls), FUO_OK);
    assert_int_equal(connect(r->client, (struct sockaddr *)&r->at, sizeof(r->at)), 0);
}

static void rig_close(struct rig *r)
{
    coap_free_context(r->ctx);
    close(r->client);
}

static void say(struct rig *r, const char *hex)
{
    uint8_t bytes[BYTES_MAX];
    size_t len = of_hex(hex, bytes);
    assert_int_equal(send(r->client, bytes, len, 0), len);
}

/* Until so many were refused; a datagram on loopback is there when send() returns. */
static void expect_refused(struct rig *r, size_t count)
{
    size_t refused = 0;
    for (int i = 0; i < TURNS_MAX && refused < count; i++) {
        refused += screen_turn(&r->screen, r->ctx);
    }
    assert_int_equal(refused, count);
}

static void expect_heard(struct rig *r, const char *hex)
{
    uint8_t want[BYTES_MAX];
    uint8_t got[BYTES_MAX];
    size_t len = of_hex(hex, want);
    assert_int_equal(recv(r->client, got, sizeof(got), MSG_DONTWAIT), len);
    assert_memory_equal(got, want, len);
}

static void expect_silence(struct rig *r)
{
    uint8_t byte;
    assert_int_equal(recv(r->client, &byte, 1, MSG_DONTWAIT), -1);
}

static void what_is_refused_gets_a_reset_if_it_was_confirmable(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, false);
    say(&r, "40080102");   /* no method */
    say(&r, "40e20304");   /* 7.02 */
    say(&r, "4100050674"); /* malformed */
    say(&r, "50080708");   /* not confirmable */
    say(&r, "60010708");   /* ACK */
    say(&r, "80010708");   /* another version */
    say(&r, "");           /* nothing */
    expect_refused(&r, 7);
    expect_heard(&r, "70000102");
    expect_heard(&r, "70000304");
    expect_heard(&r, "70000506");
    expect_silence(&r);
    rig_close(&r);
}

static void what_passes_is_read_by_libcoap_in_its_turn(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, false);
    assert_int_equal(screen_turn(&r.screen, r.ctx), 0);
    for (int i = 0; i < 70; i++) { /* more than are refused in a turn */
        say(&r, "50080708");
    }
    say(&r, "4101010274"); /* GET, between them */
    say(&r, "50080708");
    expect_refused(&r, 70);
    expect_refused(&r, 1);
    expect_heard(&r, "6184010274ff4e6f7420466f756e64"); /* there are no handlers here */
    expect_silence(&r);
    rig_close(&r);
}

static void who_begins_a_handshake_is_told_and_nothing_is_refused(void **state)
{
    (void)state;
    struct rig r = {0};
    struct sockaddr_in from = {0};
    socklen_t len = sizeof(from);
    rig_open(&r, true);
    assert_int_equal(getsockname(r.client, (struct sockaddr *)&from, &len), 0);
    say(&r, "40080102"); /* no CoAP is looked for here */
    say(&r, "16fefd0000000000000000005001");
    bool began = false;
    for (int i = 0; i < TURNS_MAX && !began; i++) {
        assert_int_equal(screen_turn(&r.screen, r.ctx), 0);
        began = r.screen.began;
    }
    assert_true(began);
    assert_int_equal(r.screen.from.addr.sin.sin_port, from.sin_port);
    assert_int_equal(r.screen.from.addr.sin.sin_addr.s_addr, from.sin_addr.s_addr);
    assert_int_equal(screen_turn(&r.screen, r.ctx), 0);
    assert_false(r.screen.began); /* in that turn */
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_is_what_libcoap_says_or_it_does_not_read),
        cmocka_unit_test(a_handshake_begins_with_a_hello_in_the_clear),
        cmocka_unit_test(who_begins_a_handshake_is_told_and_nothing_is_refused),
        cmocka_unit_test(what_is_refused_gets_a_reset_if_it_was_confirmable),
        cmocka_unit_test(what_passes_is_read_by_libcoap_in_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
