/* SPDX-License-Identifier: MIT */
#include "net/no_delay.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What is no socket has no options. */
static bool has(int fd, int option, int value)
{
    int found = 0;
    socklen_t size = sizeof(found);
    return getsockopt(fd, SOL_SOCKET, option, &found, &size) == 0 && found == value;
}

static bool is_connection(int fd)
{
    return has(fd, SO_PROTOCOL, IPPROTO_TCP) && has(fd, SO_ACCEPTCONN, 0);
}

static bool set(int fd)
{
    int value = 0;
    socklen_t size = sizeof(value);
    if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) != 0 || value != 0) {
        return false;
    }
    value = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)) == 0;
}

size_t no_delay(void)
{
    size_t count = 0;
    DIR *open_files = opendir("/proc/self/fd");
    if (open_files == NULL) {
        return 0; /* slower, and right */
    }
    for (const struct dirent *d = readdir(open_files); d != NULL;
         d = readdir(open_files)) {
        char *end;
        long fd = strtol(d->d_name, &end, 10);
        bool number = end != d->d_name && *end == '\0' && fd >= 0 && fd <= INT32_MAX;
        count += number && is_connection((int)fd) && set((int)fd);
    }
    closedir(open_files);
    return count;
}
