/* SPDX-License-Identifier: MIT */
/* Who asks: a connection of the socket, or a channel over MQTT. The methods see a number. */
#include <pwd.h>
#include <stdio.h>

#include "loop/internal.h"

enum {
    PASSWD_BYTES = 16384,
};

void client_send(struct daemon *d, uint64_t connection, char *line)
{
    if (mqtt_ctl_is_channel(connection)) {
        mqtt_ctl_send(d->mqtt_ctl, connection, line);
    } else {
        ctl_server_send(d->ctl, connection, line);
    }
}

static const char *user_of(const struct daemon *d, uint64_t connection,
                           char text[static CLIENT_ACTOR_SIZE])
{
    char buffer[PASSWD_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    uint32_t uid = 0;
    if (!ctl_server_peer(d->ctl, connection, &uid)) {
        return "unknown"; /* the connection has gone while its request was handled */
    }
    if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found != NULL) {
        snprintf(text, CLIENT_ACTOR_SIZE, "user:%s", found->pw_name);
    } else {
        snprintf(text, CLIENT_ACTOR_SIZE, "uid:%u", uid);
    }
    return text;
}

const char *client_actor(const struct daemon *d, uint64_t connection,
                         char text[static CLIENT_ACTOR_SIZE])
{
    if (connection == INTAKE_CONNECTION) {
        return "folder";
    }
    if (!mqtt_ctl_is_channel(connection)) {
        return user_of(d, connection, text);
    }
    const char *key = d->mqtt_ctl != NULL ? mqtt_ctl_key(d->mqtt_ctl, connection) : NULL;
    snprintf(text, CLIENT_ACTOR_SIZE, "key:%s", key != NULL ? key : "unknown");
    return text;
}
