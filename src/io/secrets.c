/* SPDX-License-Identifier: MIT */
#include "io/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/cleanup.h"
#include "io/file.h"

int secrets_init(void)
{
    return sodium_init() < 0 ? FUO_ENOTSUP : FUO_OK;
}

void secrets_forbid_dumps(void)
{
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    /* What a debugger of root's writes follows this; not ours any more after prctl(). */
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "0", 1);
        close(fd);
    }
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int secret_alloc(size_t len, struct secret *secret)
{
    uint8_t *bytes = len == SIZE_MAX ? NULL : sodium_malloc(len + 1);
    if (bytes == NULL) {
        return FUO_ENOMEM;
    }
    memset(bytes, 0, len + 1);
    *secret = (struct secret){.bytes = bytes, .len = len};
    return FUO_OK;
}

int secret_copy(const uint8_t *bytes, size_t len, struct secret *secret)
{
    struct secret copy;
    int err = secret_alloc(len, &copy);
    if (err != FUO_OK) {
        return err;
    }
    if (len > 0) {
        memcpy(copy.bytes, bytes, len);
    }
    *secret = copy;
    return FUO_OK;
}

/* Size of a file that only owner and group can touch. */
static int check_file(int fd, size_t max_bytes, size_t *len, struct detail *detail)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        detail_set(detail, "%s", strerror(errno));
        return file_error(errno);
    }
    if (!S_ISREG(st.st_mode)) {
        detail_set(detail, "not a regular file");
        return FUO_EPERM;
    }
    if ((st.st_mode & (S_IRWXO)) != 0) {
        detail_set(detail, "mode %04o lets others in; use chmod o-rwx",
                   (unsigned)(st.st_mode & 07777));
        return FUO_EPERM;
    }
    if (st.st_size < 0 || (uintmax_t)st.st_size > max_bytes) {
        detail_set(detail, "larger than %zu bytes", max_bytes);
        return FUO_ERANGE;
    }
    *len = (size_t)st.st_size;
    return FUO_OK;
}

static int read_exactly(int fd, struct secret *secret, struct detail *detail)
{
    size_t done = 0;
    while (done < secret->len) {
        ssize_t n = read(fd, secret->bytes + done, secret->len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            detail_set(detail, "%s",
                       n < 0 ? strerror(errno) : "shrank while it was read");
            return n < 0 ? file_error(errno) : FUO_EIO;
        }
        done += (size_t)n;
    }
    return FUO_OK;
}

static int read_open_file(int fd, size_t max_bytes, struct secret *secret,
                          struct detail *detail)
{
    AUTO_SECRET struct secret read_in = {0};
    size_t len = 0;
    int err = check_file(fd, max_bytes, &len, detail);
    if (err != FUO_OK) {
        return err;
    }
    err = secret_alloc(len, &read_in);
    if (err != FUO_OK) {
        detail_set(detail, "no locked memory left; see ulimit -l");
        return err;
    }
    err = read_exactly(fd, &read_in, detail);
    if (err == FUO_OK) {
        *secret = read_in;
        read_in = (struct secret){0};
    }
    return err;
}

int secret_read_file(const char *path, size_t max_bytes, struct secret *secret,
                     struct detail *detail)
{
    struct detail why = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        int errnum = errno;
        detail_set(detail, "%s: %s", path, strerror(errnum));
        return file_error(errnum);
    }
    int err = read_open_file(fd, max_bytes, secret, &why);
    close(fd);
    if (err != FUO_OK) {
        detail_set(detail, "%s: %s", path, why.text);
    }
    return err;
}

void secret_trim(struct secret *secret)
{
    static const char blanks[] = {' ', '\t', '\r', '\n'};
    while (secret->len > 0 &&
           memchr(blanks, secret->bytes[secret->len - 1], sizeof(blanks)) != NULL) {
        secret->bytes[--secret->len] = 0;
    }
}

void secret_release(struct secret *secret)
{
    sodium_free(secret->bytes); /* wipes; accepts NULL */
    *secret = (struct secret){0};
}

void secret_wipe(void *bytes, size_t len)
{
    sodium_memzero(bytes, len);
}
