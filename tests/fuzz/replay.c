/* SPDX-License-Identifier: MIT */
/* replay.c DIR - main() that feeds every file of a corpus to a fuzz target; no fuzzer needed. */
#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    static uint8_t buf[1 << 20];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    size_t n = fread(buf, 1, sizeof(buf), f);
    fclose(f);

    /* A heap block of the exact size, so that ASan sees one byte too far. */
    uint8_t *exact = malloc(n != 0 ? n : 1);
    if (exact == NULL) {
        return 1;
    }
    memcpy(exact, buf, n);
    int rc = LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    DIR *dir = opendir(argv[1]);
    if (dir == NULL) {
        perror(argv[1]);
        return 1;
    }
    int rc = 0;
    int count = 0;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char path[PATH_MAX];
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
        rc |= replay(path);
        count++;
    }
    closedir(dir);
    printf("%d inputs\n", count);
    return count > 0 ? rc : 1;
}
