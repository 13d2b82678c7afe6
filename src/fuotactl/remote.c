/* SPDX-License-Identifier: MIT */
#include "fuotactl/remote.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "fuotactl/fail.h"
#include "fuotactl/remote_mqtt.h"

enum {
    REOPEN_MS = 500, /* for the greeting; well below a second, because of signals */
    REOPEN_BROKER_MS = 3000,
};

/* ---- signals ---- */

static void interrupts(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

void remote_hold_signals(void)
{
    sigset_t set;
    interrupts(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

bool remote_interrupted(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
            sigismember(&pending, SIGHUP) == 1);
}

/* ---- connection ---- */

int remote_lost(const struct remote *remote, int err)
{
    const char *socket = remote_place(remote->cli);
    switch (err) {
    case FUO_EPROTO:
        return cli_fail(remote->cli, CLI_UNREACHABLE, NULL,
                        "%s: what answers there is not a fuotad of this protocol",
                        socket);
    case FUO_ETIMEDOUT:
        return cli_fail(remote->cli, CLI_UNREACHABLE, NULL, "%s: fuotad does not answer",
                        socket);
    case FUO_ERANGE:
        return cli_fail(remote->cli, CLI_INVALID, NULL,
                        "campaign and signatures are too long for one request");
    case FUO_EIO:
        return cli_fail(remote->cli, CLI_UNREACHABLE, NULL,
                        "%s: fuotad has closed the connection", socket);
    default:
        return cli_fail(remote->cli, CLI_INTERNAL, NULL, "%s: %s", socket,
                        fuo_strerror(err));
    }
}

const char *remote_place(const struct cli *cli)
{
    return cli->server.url != NULL ? cli->server.url : cli->socket;
}

char *remote_operand(const struct cli *cli, const char *name)
{
    bool server = cli->server.url != NULL;
    bool usual = !server && strcmp(cli->socket, CLI_SOCKET) == 0;
    char *text = NULL;
    int len = asprintf(&text, "%s%s%s%s%s", name,
                       usual    ? ""
                       : server ? " --server "
                                : " --socket ",
                       usual ? "" : remote_place(cli), server ? " --key " : "",
                       server ? cli->server.key : "");
    return len < 0 ? NULL : text;
}

static int open_socket(const struct cli *cli, struct remote *remote)
{
    errno = 0;
    int err = ctl_client_open(cli->socket, REMOTE_ANSWER_MS, &remote->client);
    if (err == FUO_EIO && (errno == EACCES || errno == EPERM)) {
        return cli_fail(cli, CLI_FORBIDDEN, NULL,
                        "%s: %s; you must be in the socket's group", cli->socket,
                        strerror(errno));
    }
    if (err == FUO_EIO) {
        return cli_fail(cli, CLI_UNREACHABLE, NULL, "cannot reach fuotad at %s: %s",
                        cli->socket, errno != 0 ? strerror(errno) : "it hung up");
    }
    return err == FUO_OK ? CLI_OK : remote_lost(remote, err);
}

static int open_server(const struct cli *cli, struct remote *remote)
{
    struct detail problem = {0};
    int rc = remote_mqtt_signer(cli, &remote->signer);
    if (rc != CLI_OK) {
        return rc;
    }
    int err = remote_mqtt_open(&cli->server, remote->signer, REMOTE_BROKER_MS,
                               &remote->client, &problem);
    switch (err) {
    case FUO_OK:
        return CLI_OK;
    case FUO_EINVAL:
        return cli_fail(cli, CLI_USAGE, NULL, "%s", problem.text);
    case FUO_EPERM:
        return cli_fail(cli, CLI_FORBIDDEN, NULL, "%s: %s", cli->server.url,
                        problem.text);
    default:
        return problem.text[0] == '\0' ? remote_lost(remote, err)
                                       : cli_fail(cli, CLI_UNREACHABLE, NULL,
                                                  "cannot reach fuotad by way of %s: %s",
                                                  cli->server.url, problem.text);
    }
}

int remote_open(const struct cli *cli, struct remote *remote)
{
    *remote = (struct remote){.cli = cli};
    int rc =
        cli->server.url != NULL ? open_server(cli, remote) : open_socket(cli, remote);
    if (rc == CLI_OK) {
        ctl_client_set_timeout(remote->client, REMOTE_TICK_MS);
    }
    return rc;
}

static int reopen(struct remote *remote)
{
    const struct cli *cli = remote->cli;
    struct detail problem = {0};
    return cli->server.url != NULL
               ? remote_mqtt_open(&cli->server, remote->signer, REOPEN_BROKER_MS,
                                  &remote->client, &problem)
               : ctl_client_open(cli->socket, REOPEN_MS, &remote->client);
}

int remote_reopen(struct remote *remote)
{
    remote_drop(remote);
    if (reopen(remote) != FUO_OK) {
        remote->client = NULL;
        return CLI_UNREACHABLE;
    }
    ctl_client_set_timeout(remote->client, REMOTE_TICK_MS);
    return CLI_OK;
}

void remote_drop(struct remote *remote)
{
    ctl_client_close(remote->client);
    remote->client = NULL;
}

void remote_close(struct remote *remote)
{
    remote_drop(remote);
    remote_mqtt_forget(remote->signer);
    remote->signer = NULL;
}

/* ---- requests ---- */

int remote_refused(const struct remote *remote, const struct ctl_message *message)
{
    const struct ctl_error *error = &message->error;
    bool known = error->code > CTL_DONE && error->code <= CTL_UNREACHABLE;
    return cli_fail(remote->cli, known ? (enum cli_exit)error->code : CLI_INTERNAL,
                    error->errors, "%s", error->text);
}

/* The final answer, in ticks, so that a signal is noticed. */
static int await(struct remote *remote, struct ctl_message *message)
{
    int waited_ms = 0;
    for (;;) {
        int err = ctl_client_next(remote->client, message);
        if (err == FUO_OK && message->type != CTL_MSG_EVENT) {
            return CLI_OK;
        }
        if (err == FUO_OK) {
            ctl_message_finish(message);
        } else if (err == FUO_ETIMEDOUT && waited_ms < REMOTE_ANSWER_MS) {
            waited_ms += REMOTE_TICK_MS;
        } else if (err != FUO_EAGAIN) {
            return remote_lost(remote, err);
        }
        if (remote_interrupted()) {
            return cli_fail(remote->cli, CLI_INTERRUPTED, NULL,
                            "interrupted before fuotad had answered");
        }
    }
}

int remote_call(struct remote *remote, enum ctl_method method, struct json_object *params,
                struct json_object **data)
{
    struct ctl_message message = {0};
    int err = ctl_client_send(remote->client, method, params);
    int rc = err == FUO_OK ? await(remote, &message) : remote_lost(remote, err);
    if (rc != CLI_OK) {
        return rc;
    }
    if (message.type == CTL_MSG_ERROR) {
        rc = remote_refused(remote, &message);
    } else if (message.type == CTL_MSG_DATA &&
               json_object_is_type(message.data, json_type_object)) {
        *data = json_object_get(message.data);
    } else {
        rc = remote_lost(remote, FUO_EPROTO);
    }
    ctl_message_finish(&message);
    return rc;
}

int remote_put(struct remote *remote, const uint8_t *bytes, size_t len,
               char digest[static CTL_DIGEST_SIZE])
{
    struct ctl_message message = {0};
    ctl_client_set_timeout(remote->client, REMOTE_ANSWER_MS);
    int err = ctl_client_put(remote->client, bytes, len, digest, &message);
    ctl_client_set_timeout(remote->client, REMOTE_TICK_MS);
    int rc = err != FUO_OK                   ? remote_lost(remote, err)
             : message.type == CTL_MSG_ERROR ? remote_refused(remote, &message)
                                             : CLI_OK;
    ctl_message_finish(&message);
    return rc;
}
