/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/envelope.h"
#include "io/cleanup.h"

static struct envelope_signer signer;
static uint8_t public[ENVELOPE_PUBLIC_BYTES];

static int setup(void **state)
{
    (void)state;
    uint8_t seed[32];
    memset(seed, 7, sizeof(seed));
    assert_true(sodium_init() >= 0);
    crypto_sign_seed_keypair(public, signer.secret, seed);
    memcpy(signer.key, "00AB34567890CDEF", sizeof(signer.key));
    return 0;
}

static struct envelope_stamp stamp(void)
{
    struct envelope_stamp made = {.instance = "main", .expires = {1767225600000000}};
    memset(made.session, 0xa5, sizeof(made.session));
    memset(made.nonce, 0x3c, sizeof(made.nonce));
    return made;
}

static char *print(void)
{
    struct envelope_stamp made = stamp();
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string("w\"m\\1 \xc3\xa4/"));
    return envelope_print(&signer, &made, 7, CTL_PAUSE, params);
}

static int parse(const char *text, struct envelope *envelope)
{
    return envelope_parse((const uint8_t *)text, strlen(text), envelope);
}

static void what_was_signed_comes_out_again(void **state)
{
    (void)state;
    AUTO_FREE char *text = print();
    struct envelope envelope = {0};
    struct envelope_stamp read = {0};
    struct ctl_request request;
    struct ctl_error error = {0};
    assert_int_equal(parse(text, &envelope), FUO_OK);
    assert_string_equal(envelope.key, "00AB34567890CDEF");
    assert_int_equal(envelope_verify(&envelope, public), FUO_OK);
    assert_int_equal(envelope_open(&envelope, &read, &request, &error), FUO_OK);
    struct envelope_stamp want = stamp();
    assert_string_equal(read.instance, want.instance);
    assert_memory_equal(read.session, want.session, sizeof(want.session));
    assert_memory_equal(read.nonce, want.nonce, sizeof(want.nonce));
    assert_int_equal(read.expires.us, want.expires.us);
    assert_int_equal(request.id, 7);
    assert_int_equal(request.method, CTL_PAUSE);
    assert_string_equal(ctl_text(request.params, "name"), "w\"m\\1 \xc3\xa4/");
    ctl_request_finish(&request);
    envelope_finish(&envelope);
}

static void a_change_of_any_byte_of_the_body_is_noticed(void **state)
{
    (void)state;
    AUTO_FREE char *text = print();
    char *body = strstr(text, "\"body\"");
    size_t noticed = 0;
    for (char *at = body + 8; *at != '\0'; at++) {
        struct envelope envelope = {0};
        char before = *at;
        *at = before == '1' ? '2' : '1';
        if (parse(text, &envelope) == FUO_OK) {
            assert_int_equal(envelope_verify(&envelope, public), FUO_EAUTH);
            noticed++;
        }
        envelope_finish(&envelope);
        *at = before;
    }
    assert_true(noticed > 100);
}

static void another_key_did_not_sign_it(void **state)
{
    (void)state;
    AUTO_FREE char *text = print();
    uint8_t other[ENVELOPE_PUBLIC_BYTES];
    struct envelope envelope = {0};
    memcpy(other, public, sizeof(other));
    other[3] ^= 1;
    assert_int_equal(parse(text, &envelope), FUO_OK);
    assert_int_equal(envelope_verify(&envelope, other), FUO_EAUTH);
    envelope_finish(&envelope);
}

/* A signature over the body alone, as of a file, must not do for a request. */
static void the_context_is_signed_too(void **state)
{
    (void)state;
    AUTO_FREE char *text = print();
    struct envelope envelope = {0};
    assert_int_equal(parse(text, &envelope), FUO_OK);
    crypto_sign_detached(envelope.signature, NULL, (const uint8_t *)envelope.body,
                         envelope.body_len, signer.secret);
    assert_int_equal(envelope_verify(&envelope, public), FUO_EAUTH);
    envelope_finish(&envelope);
}

#define KEY "\"key\":\"00ab34567890cdef\""
#define SIG                                                                        \
    "\"signature\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAA==\""

static void what_is_no_envelope_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{}",
        "[]",
        "{" KEY "," SIG "}",
        "{" KEY "," SIG ",\"body\":7}",
        "{" KEY "," SIG ",\"body\":\"a\\u0000b\"}",
        "{" KEY ",\"body\":\"x\"}",
        "{" SIG ",\"body\":\"x\"}",
        "{" KEY "," SIG ",\"body\":\"x\"}{}",
        "{\"key\":\"00ab34567890cdeg\"," SIG ",\"body\":\"x\"}",
        "{\"key\":\"00ab34567890cde\"," SIG ",\"body\":\"x\"}",
        "{" KEY ",\"signature\":\"AAAA\",\"body\":\"x\"}",
        "{" KEY ",\"signature\":\"!\",\"body\":\"x\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct envelope envelope = {.body = "untouched"};
        test_row(rows[i]);
        assert_int_equal(parse(rows[i], &envelope), FUO_EPROTO);
        assert_string_equal(envelope.body, "untouched");
    }
    struct envelope envelope = {0};
    assert_int_equal(parse("{" KEY "," SIG ",\"body\":\"x\"}", &envelope), FUO_OK);
    assert_string_equal(envelope.key, "00AB34567890CDEF");
    envelope_finish(&envelope);
    AUTO_FREE char *big = malloc(ENVELOPE_MAX + 2);
    memset(big, ' ', ENVELOPE_MAX + 1);
    assert_int_equal(envelope_parse((const uint8_t *)big, ENVELOPE_MAX + 1, &envelope),
                     FUO_EPROTO);
}

#define SESSION  "\"session\":\"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\""
#define NONCE    "\"nonce\":\"3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c\""
#define EXPIRES  "\"expires\":\"2026-01-01T00:00:00Z\""
#define INSTANCE "\"instance\":\"main\""
#define CALL     "\"id\":3,\"method\":\"status\""

static void a_body_needs_all_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int err;
        int64_t id;
    } rows[] = {
        {"{" CALL "," INSTANCE "," SESSION "," NONCE "," EXPIRES "}", FUO_OK, 3},
        {"{" CALL "," INSTANCE "," SESSION "," NONCE "}", FUO_EPROTO, 3},
        {"{" CALL "," INSTANCE "," SESSION "," EXPIRES "}", FUO_EPROTO, 3},
        {"{" CALL "," INSTANCE "," NONCE "," EXPIRES "}", FUO_EPROTO, 3},
        {"{" CALL "," SESSION "," NONCE "," EXPIRES "}", FUO_EPROTO, 3},
        {"{" CALL ",\"instance\":\"0123456789012345678901234567890123456789"
         "012345678901234567890123\"," SESSION "," NONCE "," EXPIRES "}",
         FUO_EPROTO, 3},
        {"{" CALL "," INSTANCE ",\"session\":\"a5\"," NONCE "," EXPIRES "}", FUO_EPROTO,
         3},
        {"{" CALL "," INSTANCE "," SESSION "," NONCE ",\"expires\":\"soon\"}", FUO_EPROTO,
         3},
        {"{\"id\":3,\"method\":\"dance\"," INSTANCE "," SESSION "," NONCE "," EXPIRES "}",
         FUO_EPROTO, 3},
        {"{\"method\":\"status\"," INSTANCE "," SESSION "," NONCE "," EXPIRES "}",
         FUO_EPROTO, 0},
        {"status", FUO_EPROTO, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct envelope envelope = {.body = rows[i].body,
                                    .body_len = strlen(rows[i].body)};
        struct envelope_stamp read;
        struct ctl_request request;
        struct ctl_error error = {0};
        test_row(rows[i].body);
        assert_int_equal(envelope_open(&envelope, &read, &request, &error), rows[i].err);
        assert_int_equal(request.id, rows[i].id);
        assert_true((rows[i].err == FUO_OK) == (request.params != NULL));
        assert_true((rows[i].err == FUO_OK) == (error.text[0] == '\0'));
        ctl_request_finish(&request);
        ctl_error_finish(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_comes_out_again),
        cmocka_unit_test(a_change_of_any_byte_of_the_body_is_noticed),
        cmocka_unit_test(another_key_did_not_sign_it),
        cmocka_unit_test(the_context_is_signed_too),
        cmocka_unit_test(what_is_no_envelope_is_refused),
        cmocka_unit_test(a_body_needs_all_of_it),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
