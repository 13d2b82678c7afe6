/* SPDX-License-Identifier: MIT */
/*
 * remote.h - the daemon as the commands see it: every failure is said and becomes an exit
 * code.
 *
 * Blocking, one request at a time, at most REMOTE_ANSWER_MS each. Signals are blocked and
 * asked for (remote_interrupted()) rather than handled, so there is neither a handler nor
 * a flag: SIGINT and SIGTERM are noticed within REMOTE_TICK_MS.
 */
#pragma once

#include <stdbool.h>

#include "ctl/client.h"
#include "ctl/envelope.h"
#include "fuotactl/cli.h"

enum {
    REMOTE_TICK_MS = 200,
    REMOTE_ANSWER_MS = 60000,
    REMOTE_BROKER_MS = 15000, /* for a broker, and what it keeps of the daemon */
};

struct remote {
    const struct cli *cli;
    struct ctl_client *client;      /* NULL: not connected */
    struct envelope_signer *signer; /* over MQTT; owned */
};

/* Where the daemon is, for people: the socket's path or the broker's URL. */
const char *remote_place(const struct cli *cli);

/* A campaign's name as the next command takes it, with that place if it is not the usual one:
 * "NAME --socket PATH". The caller frees it. NULL: no memory. */
char *remote_operand(const struct cli *cli, const char *name);

/* Over the socket, or over MQTT if a server is given. CLI_UNREACHABLE, or CLI_FORBIDDEN if
 * the socket is not for this user, or the daemon takes no requests over MQTT. */
int remote_open(const struct cli *cli, struct remote *remote);
void remote_close(struct remote *remote); /* accepts a zeroed one */

/* Only the connection: remote_reopen() may follow. */
void remote_drop(struct remote *remote);

/* The same in silence, for those who try again: CLI_OK or CLI_UNREACHABLE. */
int remote_reopen(struct remote *remote);

/*
 * Takes params (may be NULL). On CLI_OK *data is the answer's object, to be released with
 * json_object_put(). CLI_INTERRUPTED only after remote_hold_signals().
 */
int remote_call(struct remote *remote, enum ctl_method method, struct json_object *params,
                struct json_object **data);

/* Uploads bytes unless the daemon has them; writes their digest. */
int remote_put(struct remote *remote, const uint8_t *bytes, size_t len,
               char digest[static CTL_DIGEST_SIZE]);

/* What an error code of ctl/client.h means for the exit code; says so. */
int remote_lost(const struct remote *remote, int err);

/* A refusal of the daemon: says it, returns its code. */
int remote_refused(const struct remote *remote, const struct ctl_message *message);

void remote_hold_signals(void);
bool remote_interrupted(void);

#define AUTO_REMOTE __attribute__((__cleanup__(remote_close)))
