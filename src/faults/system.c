/* SPDX-License-Identifier: MIT */
/*
 * What libraries take from the system of a whole process, and where it can be replaced only
 * there: libsodium's random bytes, and the system calls by which SQLite writes. So these two
 * variables are global; there is one run at a time in a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "faults/internal.h"

enum {
    FREED_BYTE = 0xa5,
};

static struct prng *entropy;
static atomic_int disk = DISK_FINE;

/* ---- random bytes: the seed's ---- */

static const char *entropy_name(void)
{
    return "seed";
}

static uint32_t entropy_random(void)
{
    return (uint32_t)(prng_next(entropy) >> 32);
}

static void entropy_buf(void *const buf, const size_t size)
{
    uint8_t *bytes = buf;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(prng_next(entropy) >> 32);
    }
}

/* ---- the disk: real, but it may refuse ---- */

static bool refuses(void)
{
    switch ((enum disk_state)atomic_load(&disk)) {
    case DISK_FINE:
        return false;
    case DISK_FULL:
        errno = ENOSPC;
        return true;
    case DISK_BROKEN:
        errno = EIO;
        return true;
    }
    return false;
}

static ssize_t disk_write(int fd, const void *bytes, size_t len)
{
    return refuses() ? -1 : write(fd, bytes, len);
}

static ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return refuses() ? -1 : pwrite(fd, bytes, len, offset);
}

static int disk_ftruncate(int fd, off_t size)
{
    return refuses() ? -1 : ftruncate(fd, size);
}

void system_disk(enum disk_state state)
{
    atomic_store(&disk, (int)state);
}

int system_nowhere(void)
{
    static int fd = -1;
    if (fd < 0) {
        fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    }
    return fd;
}

int system_take(struct prng *seeded)
{
    static struct randombytes_implementation seeded_bytes = {
        .implementation_name = entropy_name,
        .random = entropy_random,
        .buf = entropy_buf,
    };
    system_disk(DISK_FINE);
    (void)mallopt(M_PERTURB, FREED_BYTE); /* what is freed cannot be read on unnoticed */
    /* libsodium takes some bytes for itself, once in a process: not of the seed's. */
    if (sodium_init() < 0 || randombytes_set_implementation(&seeded_bytes) != 0 ||
        sqlite3_initialize() != SQLITE_OK) {
        return FUO_ENOTSUP;
    }
    entropy = seeded;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } calls[] = {
        {"write", (sqlite3_syscall_ptr)disk_write},
        {"pwrite", (sqlite3_syscall_ptr)disk_pwrite},
        {"pwrite64", (sqlite3_syscall_ptr)disk_pwrite},
        {"ftruncate", (sqlite3_syscall_ptr)disk_ftruncate},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        /* Which of them SQLite was built with differs. */
        (void)vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
    }
    return FUO_OK;
}
