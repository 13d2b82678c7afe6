/* SPDX-License-Identifier: MIT */
/*
 * fuzz_envelope.c - any payload as a request over MQTT: as it comes, and its body as if
 * the signature were right. Nothing that was not signed is ever taken for signed.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* What opens can be printed, signed, and opened to the same. */
static void sign_again(const struct envelope_stamp *stamp,
                       const struct ctl_request *request)
{
    struct envelope_signer signer = {.key = "0123456789ABCDEF"};
    struct envelope envelope = {0};
    struct envelope_stamp read;
    struct ctl_request again;
    struct ctl_error error = {0};
    uint8_t public[ENVELOPE_PUBLIC_BYTES];
    uint8_t seed[32] = {1};
    crypto_sign_seed_keypair(public, signer.secret, seed);
    char *text = envelope_print(&signer, stamp, request->id, request->method,
                                json_object_get(request->params));
    require(text != NULL);
    if (strlen(text) <= ENVELOPE_MAX &&
        envelope_parse((const uint8_t *)text, strlen(text), &envelope) == FUO_OK) {
        require(envelope_verify(&envelope, public) == FUO_OK);
        if (envelope_open(&envelope, &read, &again, &error) == FUO_OK) {
            require(memcmp(read.nonce, stamp->nonce, sizeof(read.nonce)) == 0);
            require(read.expires.us == stamp->expires.us);
            require(again.id == request->id && again.method == request->method);
        }
        ctl_request_finish(&again);
        ctl_error_finish(&error);
    }
    envelope_finish(&envelope);
    free(text);
}

static void open_body(const struct envelope *envelope)
{
    struct envelope_stamp stamp;
    struct ctl_request request;
    struct ctl_error error = {0};
    if (envelope_open(envelope, &stamp, &request, &error) == FUO_OK) {
        sign_again(&stamp, &request);
    } else {
        require(error.text[0] != '\0');
    }
    ctl_request_finish(&request);
    ctl_error_finish(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nobody[ENVELOPE_PUBLIC_BYTES] = {9};
    struct envelope envelope = {0};
    require(sodium_init() >= 0);
    if (envelope_parse(data, size, &envelope) == FUO_OK) {
        require(envelope_verify(&envelope, nobody) == FUO_EAUTH);
        open_body(&envelope);
    }
    envelope_finish(&envelope);
    return 0;
}
