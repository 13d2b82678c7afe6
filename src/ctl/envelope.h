/* SPDX-License-Identifier: MIT */
/*
 * envelope.h - a request of the control protocol that travels over MQTT, signed.
 *
 * Published to <root>/<instance>/req/<method>, not retained, with Response Topic and
 * Correlation Data of MQTT 5. The payload is JSON:
 *   {"key":"<16 hex digits>","signature":"<base64>","body":"<text>"}
 * key is the id of the operator's minisign key, as minisign prints it; signature is Ed25519 over the text
 * "fuotad request v1", a line feed, and the bytes of body as they are in the string. body
 * is a request line of protocol.h without its end, with further members:
 *   "instance"  the daemon that it is meant for
 *   "session"   32 hex digits, of the topic $state: drawn anew at each start of a daemon
 *   "nonce"     32 hex digits, never used twice
 *   "expires"   RFC 3339; the daemon takes nothing whose time is over, or further away
 *               than ENVELOPE_LIFE_MAX_S
 * So a request is carried out by the daemon that it was signed for, once, and soon: the
 * session tells it from one that was recorded before a restart, the nonce from one that was
 * recorded since.
 *
 * Nothing of body is looked at before the signature is found to be right. Design 8;
 * reference/campaigns.md 4.3. The program has called sodium_init().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "ctl/protocol.h"
#include "fuotad/error.h"

enum {
    ENVELOPE_MAX = 256 * 1024, /* bytes of a payload */
    ENVELOPE_KEY_SIZE = 17,    /* 16 upper-case hex digits and a NUL */
    ENVELOPE_PUBLIC_BYTES = 32,
    ENVELOPE_SECRET_BYTES = 64,
    ENVELOPE_SIG_BYTES = 64,
    ENVELOPE_NONCE_BYTES = 16,
    ENVELOPE_SESSION_BYTES = 16,
    ENVELOPE_SESSION_SIZE = 2 * ENVELOPE_SESSION_BYTES + 1,
    ENVELOPE_INSTANCE_SIZE = 64,
    ENVELOPE_LIFE_S = 60, /* what fuotactl gives a request */
    ENVELOPE_LIFE_MAX_S = 300,
    ENVELOPE_CHUNK_MAX = 48 * 1024, /* of an upload: brokers with 128 KiB a message */
};

/* As it came, before anything is believed. */
struct envelope {
    char key[ENVELOPE_KEY_SIZE]; /* upper case */
    uint8_t signature[ENVELOPE_SIG_BYTES];
    const char *body; /* in root */
    size_t body_len;
    struct json_object *root; /* owned */
};

/* FUO_EPROTO: no envelope; *envelope is untouched. Else envelope_finish() when done. */
FUO_MUST_CHECK int envelope_parse(const uint8_t *payload, size_t len,
                                  struct envelope *envelope);
void envelope_finish(struct envelope *envelope); /* accepts a zeroed one */

/* FUO_OK: public made the signature over the body. FUO_EAUTH. */
FUO_MUST_CHECK int envelope_verify(const struct envelope *envelope,
                                   const uint8_t public[static ENVELOPE_PUBLIC_BYTES]);

/* For whom, when and until when. */
struct envelope_stamp {
    char instance[ENVELOPE_INSTANCE_SIZE];
    uint8_t session[ENVELOPE_SESSION_BYTES];
    uint8_t nonce[ENVELOPE_NONCE_BYTES];
    struct utc expires;
};

/*
 * The request and the stamp in a body that was verified. FUO_EPROTO: error says why, and
 * request->id is the id to answer with. FUO_OK: ctl_request_finish() when done.
 */
FUO_MUST_CHECK int envelope_open(const struct envelope *envelope,
                                 struct envelope_stamp *stamp,
                                 struct ctl_request *request, struct ctl_error *error);

struct envelope_signer {
    char key[ENVELOPE_KEY_SIZE];
    uint8_t secret[ENVELOPE_SECRET_BYTES]; /* Ed25519, as in a minisign secret key */
};

/* A payload, fresh; the caller frees it. Takes params (may be NULL). NULL: no memory. */
char *envelope_print(const struct envelope_signer *signer,
                     const struct envelope_stamp *stamp, int64_t id,
                     enum ctl_method method, struct json_object *params);

/* 32 hex digits of either case. FUO_EPROTO otherwise. */
FUO_MUST_CHECK int envelope_session_parse(const char *text,
                                          uint8_t session[static ENVELOPE_SESSION_BYTES]);
