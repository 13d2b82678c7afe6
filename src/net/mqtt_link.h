/* SPDX-License-Identifier: MIT */
/*
 * mqtt_link.h - one attempt at a connection: the only file that speaks to the library.
 *
 * A link connects once and, once broken, is replaced by a new one: all session state of
 * our side is in mqtt.c, and nothing that an old link still has to say (its generation
 * tells) is heard. What happens is put into the inbox; INBOX_REFUSED carries
 * FUO_EABI when the broker refused the protocol version, FUO_EAUTH for the login, else
 * FUO_EAGAIN.
 *
 * The library keeps its own lock while it calls back and while it resolves names: calls
 * here may wait for that, and the inbox lock must not be held then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/mqtt.h"
#include "net/mqtt_inbox.h"

struct mqtt_link;

/* Owned texts of a client, ready for the library. */
struct mqtt_link_config {
    const struct mqtt_config *config;
    const char *uri;
    bool tls;
    bool v5;
};

FUO_MUST_CHECK int link_create(struct inbox *inbox, uint32_t generation,
                               const struct mqtt_link_config *config,
                               struct mqtt_link **link);

/* FUO_OK: INBOX_UP or INBOX_REFUSED follows. */
FUO_MUST_CHECK int link_connect(struct mqtt_link *link,
                                const struct mqtt_link_config *config);

/* FUO_OK: INBOX_SUBSCRIBED follows, unless the link breaks. */
FUO_MUST_CHECK int link_subscribe(struct mqtt_link *link, uint32_t index,
                                  const char *filter, int qos);

/* slot < MQTT_INFLIGHT_MAX. FUO_OK: INBOX_SENT follows, unless the link breaks. */
FUO_MUST_CHECK int link_publish(struct mqtt_link *link, uint32_t slot,
                                const struct mqtt_publish *publish);

/* FUO_OK: INBOX_GOODBYE follows. */
FUO_MUST_CHECK int link_disconnect(struct mqtt_link *link);

/* Accepts NULL. Afterwards nothing is put by it any more. */
void link_destroy(struct mqtt_link *link);
