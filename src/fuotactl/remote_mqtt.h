/* SPDX-License-Identifier: MIT */
/*
 * remote_mqtt.h - the daemon by way of its broker: a transport of ctl/client.h.
 *
 * Each request is signed (ctl/envelope.h). What greets is the retained topic $state: it
 * says whether the daemon is there and takes requests, and names the session to sign for.
 * Requests and answers are lost if the connection breaks, the daemon stops or starts
 * anew: FUO_EIO, as with a socket that closes. A stream (watch) is kept alive with small
 * requests whose answers nobody sees.
 */
#pragma once

#include "ctl/client.h"
#include "ctl/envelope.h"
#include "fuotactl/cli.h"
#include "io/detail.h"

/* The key of --key, fresh. An enum cli_exit; says why it is not CLI_OK. */
int remote_mqtt_signer(const struct cli *cli, struct envelope_signer **signer);

/* Wipes and frees. Accepts NULL. */
void remote_mqtt_forget(struct envelope_signer *signer);

/*
 * Connect and hear of the daemon within timeout_ms. signer is borrowed until the client is
 * closed. With a problem for people: FUO_EINVAL the URL cannot be used, FUO_EPERM the
 * daemon takes no requests, FUO_EIO neither broker nor daemon can be reached.
 */
FUO_MUST_CHECK int remote_mqtt_open(const struct cli_server *server,
                                    const struct envelope_signer *signer, int timeout_ms,
                                    struct ctl_client **client, struct detail *problem);
