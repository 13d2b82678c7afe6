/* SPDX-License-Identifier: MIT */
#include "doctor/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "io/secrets.h"

#define MIB            (UINT64_C(1) << 20)
#define CLOCK_WARN_US  500000 /* well below what a session start tolerates */
#define CLOCK_REAL_PPM 1000000

enum {
    SECRET_MAX_BYTES = 8192,
    INODES_MIN = 16,
};

/* ---- disk ---- */

void machine_disk(struct json_object *list, const char *folder)
{
    const struct finding_subject disk = {"disk", folder};
    struct statvfs vfs;
    if (statvfs(folder, &vfs) != 0) {
        finding_add(list, FINDING_FAIL, disk,
                    "cannot be looked at: %s; create it, or run as root or as the "
                    "daemon's user",
                    strerror(errno));
        return;
    }
    uint64_t free_mib = (uint64_t)vfs.f_bavail * vfs.f_frsize / MIB;
    bool no_inodes = vfs.f_files > 0 && vfs.f_favail < INODES_MIN;
    if ((vfs.f_flag & ST_RDONLY) != 0) {
        finding_add(list, FINDING_FAIL, disk,
                    "the file system is read-only: nothing can be stored; look for disk "
                    "errors in the kernel's log and mount it for writing");
    } else if (free_mib < MACHINE_DISK_FAIL_MIB || no_inodes) {
        finding_add(list, FINDING_FAIL, disk,
                    "only %" PRIu64 " MiB%s are free: campaigns wait as soon as nothing "
                    "can be stored; free some room or enlarge the file system",
                    free_mib, no_inodes ? " and no more files" : "");
    } else if (free_mib < MACHINE_DISK_WARN_MIB) {
        finding_add(list, FINDING_WARN, disk,
                    "%" PRIu64
                    " MiB are free: campaigns wait when nothing can be stored; "
                    "free some room soon",
                    free_mib);
    } else {
        finding_add(list, FINDING_OK, disk, "%" PRIu64 " MiB are free", free_mib);
    }
}

/* ---- clock ---- */

void machine_clock(struct json_object *list, const struct clock *clock)
{
    int64_t error_us = -1;
    bool synchronised = clock_is_synchronised(&error_us);
    machine_judge_clock(list, clock->scale_ppm != CLOCK_REAL_PPM, synchronised, error_us);
}

void machine_judge_clock(struct json_object *list, bool scaled, bool synchronised,
                         int64_t error_us)
{
    static const struct finding_subject subject = {"clock", "system clock"};
    if (scaled) {
        finding_add(list, FINDING_WARN, subject,
                    "the daemon runs with --time-scale, its time is not the world's: for "
                    "demos and tests only; start it without");
    } else if (error_us < 0) {
        finding_add(list, FINDING_WARN, subject,
                    "the system does not say whether it is synchronised; see that the "
                    "host runs chrony or systemd-timesyncd");
    } else if (!synchronised) {
        finding_add(list, FINDING_WARN, subject,
                    "it is not synchronised: sessions may begin while devices do not "
                    "listen; start chrony or systemd-timesyncd");
    } else if (error_us > CLOCK_WARN_US) {
        finding_add(list, FINDING_WARN, subject,
                    "it may be off by up to %" PRId64
                    " ms: look at the sources of chrony "
                    "or systemd-timesyncd",
                    error_us / 1000);
    } else {
        finding_add(list, FINDING_OK, subject, "synchronised, within %" PRId64 " ms",
                    error_us / 1000 + 1);
    }
}

/* ---- secrets ---- */

void machine_secret(struct json_object *list, struct finding_subject subject,
                    const char *path, size_t len)
{
    AUTO_SECRET struct secret secret = {0};
    struct detail why = {0};
    int err = secret_read_file(path, SECRET_MAX_BYTES, &secret, &why);
    if (err == FUO_ENOENT) {
        finding_add(list, FINDING_FAIL, subject,
                    "%s; create it with mode 0600, or correct its name in the file that "
                    "names it",
                    why.text);
    } else if (err != FUO_OK) {
        finding_add(list, FINDING_FAIL, subject,
                    "%s; it must be readable by the daemon's user and by nobody else",
                    why.text);
    } else if (secret.len == 0 || (len != 0 && secret.len != len)) {
        finding_add(
            list, FINDING_FAIL, subject,
            "%s: %zu bytes are not what it must hold; put the right content there", path,
            secret.len);
    } else {
        finding_add(list, FINDING_OK, subject, "readable, and closed to others");
    }
}
