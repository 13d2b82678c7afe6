/* SPDX-License-Identifier: MIT */
#include "fuota-sim/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/eui.h"
#include "base/hex.h"
#include "io/cleanup.h"
#include "io/file.h"

enum {
    TOKEN_MAX_BYTES = 1000,
    PATH_MAX_BYTES = 4096,
    SITE_COUNT = 4,
};

FILE *create_private(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (f == NULL && fd >= 0) {
        close(fd);
    }
    return f;
}

/* Without a profile they are as the LoRa Basics Modem, see sim/device.h. */
static const char *profile_name(const struct device_config *d)
{
    if (d->profile->name[0] != '\0') {
        return d->profile->name;
    }
    return d->versions.of[PKG_FRAG] == 1 ? "lbm-v1" : "lbm-v2";
}

int inventory_write(const char *path, const struct network *network)
{
    FILE *f = create_private(path);
    if (f == NULL) {
        return FUO_EIO;
    }
    (void)fputs("dev_eui,name,lorawan,gen_app_key,app_key,profile,label:site\n", f);
    for (size_t i = 0; i < network_device_count(network); i++) {
        const struct device_config *d = &network_device(network, i)->config;
        char eui[EUI_TEXT_SIZE];
        char gen_app_key[2 * AES_KEY_BYTES + 1];
        char app_key[2 * AES_KEY_BYTES + 1];
        (void)fprintf(f, "%s,sim-%05zu,1.0,%s,%s,%s,site-%c\n",
                      eui_format(d->dev_eui, eui), i + 1,
                      hex_encode(d->gen_app_key.b, AES_KEY_BYTES, gen_app_key),
                      hex_encode(d->app_key.b, AES_KEY_BYTES, app_key), profile_name(d),
                      (char)('a' + i % SITE_COUNT));
    }
    bool failed = ferror(f) != 0;
    return fclose(f) != 0 || failed ? FUO_EIO : FUO_OK;
}

int flash_write_image(const char *dir, uint64_t dev_eui, const void *bytes, size_t len)
{
    char path[PATH_MAX_BYTES];
    char eui[EUI_TEXT_SIZE];
    int n = snprintf(path, sizeof(path), "%s/%s.bin", dir, eui_format(dev_eui, eui));
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return FUO_EIO;
    }
    FILE *f = fopen(path, "wbe");
    if (f == NULL) {
        return FUO_EIO;
    }
    bool failed = fwrite(bytes, 1, len, f) != len;
    return fclose(f) != 0 || failed ? FUO_EIO : FUO_OK;
}

int flash_write(const char *dir, const struct device *device)
{
    return flash_write_image(dir, device->config.dev_eui, device->running.bytes,
                             device->running.len);
}

int flash_write_all(const char *dir, const struct network *network)
{
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        return FUO_EIO;
    }
    int err = FUO_OK;
    for (size_t i = 0; i < network_device_count(network) && err == FUO_OK; i++) {
        err = flash_write(dir, network_device(network, i));
    }
    return err;
}

int token_read(const char *path, char **token)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len = 0;
    int err = file_read(path, TOKEN_MAX_BYTES, &bytes, &len);
    if (err != FUO_OK) {
        return err == FUO_ERANGE ? FUO_EPROTO : err;
    }
    char *text = calloc(1, len + 1);
    if (text == NULL) {
        return FUO_ENOMEM;
    }
    memcpy(text, bytes, len);
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0') {
        free(text);
        return FUO_EPROTO;
    }
    *token = text;
    return FUO_OK;
}
