/* SPDX-License-Identifier: MIT */
/* apply_deltas.c - whether deltas can be sent: signed, small, and where that can be known, right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "campaign/variant.h"
#include "image/bsdiff.h"
#include "image/version.h"
#include "io/cleanup.h"
#include "loop/apply_internal.h"
#include "loop/xalloc.h"

#define LOG_MODULE "apply"
#include "io/log.h"

enum delta_verdict {
    DELTA_GOOD,
    DELTA_UNREAD, /* its base cannot be had from the store */
    DELTA_DAMAGED,
    DELTA_DIFFERS,
    DELTA_NO_MEMORY,
};

/* What the worker looks at; it touches nothing else of the application. */
struct delta_work {
    struct store *store;
    uint8_t *image; /* owned */
    size_t image_len;
    size_t count;
    struct {
        bool wanted;
        uint8_t base[STORE_DIGEST_BYTES];
        struct bsdiff_bytes patch; /* borrowed from the application's deltas */
        enum delta_verdict verdict;
    } delta[VARIANT_DELTAS_MAX];
};

static const char *path_of(size_t i, const char *key, char path[static APPLY_PATH_SIZE])
{
    (void)snprintf(path, APPLY_PATH_SIZE, "spec.image.deltas[%zu].%s", i, key);
    return path;
}

static struct diag_place place_of(const struct application *a, size_t i, const char *key,
                                  char path[static APPLY_PATH_SIZE])
{
    return config_place(&a->doc->doc, path_of(i, key, path));
}

struct json_object *apply_deltas_sent(const struct application *a)
{
    struct json_object *array = NULL;
    json_object_object_get_ex(a->params, "deltas", &array);
    return array;
}

/* ---- signed ---- */

static int check_trust(struct application *a, size_t i)
{
    struct trust_signature signatures[TRUST_SIGNATURES_MAX];
    char text[CTL_ERROR_SIZE];
    char which[APPLY_FLEET_SIZE];
    char path[APPLY_PATH_SIZE];
    int code = CTL_DONE;
    struct trust_request request = {
        .now = clock_utc(&a->d->clock),
        .image = a->deltas.items[i].bytes,
        .image_len = a->deltas.items[i].len,
        .signatures = signatures,
        .version = a->doc->spec.image.version,
    };
    if (apply_signatures(deltas_signatures(apply_deltas_sent(a), i), signatures,
                         TRUST_SIGNATURES_MAX, &request.signature_count) != FUO_OK) {
        return ctl_fail(&a->error, CTL_USAGE,
                        "each delta in params needs signatures: an array of at most %d "
                        "texts",
                        TRUST_SIGNATURES_MAX);
    }
    for (size_t k = 0; k < a->fleet_count; k++) {
        const struct fleet_entry *fleet = a->fleets[k].fleet;
        if (apply_check_trust(fleet, &request, text, sizeof(text)) == FUO_OK) {
            continue;
        }
        log_warn("delta refused campaign=%s fleet=%s policy=%s file=%s reason=%s",
                 a->doc->spec.name, fleet->doc->spec.name, fleet->trust->name,
                 a->doc->spec.image.deltas[i].file, text);
        apply_problem(
            a, path_of(i, "file", path),
            "%s%s is not trusted: %s; sign the delta itself, with the version of "
            "the image",
            apply_fleet_text(a, fleet, which), a->doc->spec.image.deltas[i].file, text);
        code = apply_refuse(a, CTL_UNTRUSTED, "a delta is not trusted");
    }
    return code;
}

/* ---- its base ---- */

static bool says_number(const char *text, uint32_t version)
{
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 0);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number == version;
}

/* How devices say that they run what the campaign brought; false: it has not learned it. */
static bool firmware_of(const struct application *a, const struct campaign_entry *entry,
                        uint32_t *version)
{
    const struct campaign_rec *rec = engine_campaign_by_id(a->d->engine, entry->id);
    *version = entry->doc->spec.image.firmware_version;
    if (*version == SPEC_AUTO_U32 && rec != NULL && rec->next_known) {
        *version = rec->next_firmware;
        return true;
    }
    return *version != SPEC_AUTO_U32;
}

/* It was for one of these fleets. */
static bool shares_fleet(const struct application *a, const struct campaign_entry *entry)
{
    for (size_t i = 0; i < a->fleet_count; i++) {
        const char *name = a->fleets[i].fleet->doc->spec.name;
        if (campaign_has_fleet(&entry->doc->spec, name)) {
            return true;
        }
    }
    return false;
}

/* The newest campaign that brought that version to a fleet; NULL: none did. */
static const struct campaign_entry *base_of(const struct application *a, const char *from)
{
    const struct campaign_entry *newest = NULL;
    for (const struct campaign_entry *entry = a->d->campaigns.head; entry != NULL;
         entry = entry->next) {
        const struct campaign_spec *spec = &entry->doc->spec;
        uint32_t version = 0;
        bool says = version_compare(spec->image.version, from) == VERSION_SAME ||
                    (firmware_of(a, entry, &version) && says_number(from, version));
        if (says && spec_installs(spec) && (newest == NULL || entry->id > newest->id) &&
            shares_fleet(a, entry)) {
            newest = entry;
        }
    }
    return newest;
}

static void find_base(struct application *a, size_t i)
{
    const struct spec_delta *spec = &a->doc->spec.image.deltas[i];
    struct engine_delta *delta = &a->deltas.items[i];
    const struct campaign_entry *base = base_of(a, spec->from);
    char path[APPLY_PATH_SIZE];
    if (base == NULL && spec->format == SPEC_DELTA_OPAQUE) {
        return;
    }
    if (base == NULL) {
        struct diag_place place = place_of(a, i, "from", path);
        AUTO_FREE char *fleets = campaign_fleets_text(&a->doc->spec);
        diag_error(&a->diags, &place,
                   "no campaign of fleet '%s' had an image of version %s, so there is "
                   "nothing to apply %s to; say format: opaque to send it unchecked, or "
                   "leave it out",
                   fleets, spec->from, spec->file);
        return;
    }
    delta->from_known = firmware_of(a, base, &delta->from_firmware);
    if (spec->format == SPEC_DELTA_BSDIFF) {
        struct delta_work *work = a->delta_work;
        work->delta[i].wanted =
            hex_decode(base->digest, strlen(base->digest), work->delta[i].base,
                       STORE_DIGEST_BYTES) == FUO_OK;
        work->delta[i].patch = (struct bsdiff_bytes){delta->bytes, delta->len};
    }
}

/* ---- what its bytes say ---- */

static void check_bytes(struct application *a, size_t i)
{
    const struct spec_delta *spec = &a->doc->spec.image.deltas[i];
    const struct engine_delta *delta = &a->deltas.items[i];
    char path[APPLY_PATH_SIZE];
    struct diag_place place = place_of(a, i, "file", path);
    size_t makes = 0;
    if (delta->len >= a->delta_work->image_len) {
        diag_error(&a->diags, &place,
                   "%s has %zu bytes and the image only %zu: it would cost more than "
                   "the image; leave it out",
                   spec->file, delta->len, a->delta_work->image_len);
    } else if (spec->format != SPEC_DELTA_BSDIFF) {
        return;
    } else if (bsdiff_result_len((struct bsdiff_bytes){delta->bytes, delta->len},
                                 &makes) != FUO_OK) {
        diag_error(&a->diags, &place,
                   "%s does not begin as a patch of bsdiff 4 does (BSDIFF40); make it "
                   "with bsdiff, or say format: opaque",
                   spec->file);
    } else if (makes != a->delta_work->image_len) {
        diag_error(&a->diags, &place,
                   "%s makes %zu bytes and the image has %zu: it is a delta to another "
                   "image; make it again",
                   spec->file, makes, a->delta_work->image_len);
    }
}

static int take_one(struct application *a, size_t i)
{
    char digest[CTL_DIGEST_SIZE];
    size_t len = 0;
    if (deltas_digest(apply_deltas_sent(a), i, digest) != FUO_OK) {
        return ctl_fail(&a->error, CTL_USAGE, "each delta in params needs a digest");
    }
    const uint8_t *bytes = uploads_find(a->d->uploads, digest, &len);
    if (bytes == NULL) {
        bytes = campaigns_image(&a->d->campaigns, digest, &len);
    }
    if (bytes == NULL) {
        char path[APPLY_PATH_SIZE];
        apply_problem(a, path_of(i, "file", path),
                      "%s has not been uploaded with its digest, or not all of it; apply "
                      "it again",
                      a->doc->spec.image.deltas[i].file);
        a->lacks = true;
        return apply_refuse(a, CTL_NOT_FOUND, "a delta is not there");
    }
    deltas_put(&a->deltas, i, digest, bytes, len);
    return CTL_DONE;
}

static int check_one(struct application *a, size_t i)
{
    int code = take_one(a, i);
    if (code == CTL_DONE) {
        code = check_trust(a, i);
    }
    if (code == CTL_DONE) { /* what is not trusted is not looked into */
        size_t before = a->diags.error_count;
        check_bytes(a, i);
        find_base(a, i);
        code = a->diags.error_count == before
                   ? CTL_DONE
                   : apply_refuse(a, CTL_INVALID, "the deltas cannot be sent");
    }
    return code;
}

int apply_check_deltas(struct application *a)
{
    size_t count = a->doc->spec.image.delta_count;
    if (deltas_count(apply_deltas_sent(a)) != (int)count) {
        return ctl_fail(&a->error, CTL_USAGE,
                        "params need deltas: one for each of spec.image.deltas");
    }
    if (count == 0) {
        return CTL_DONE;
    }
    int code = CTL_DONE;
    struct delta_work *work = xcalloc(1, sizeof(*work));
    a->delta_work = work;
    work->store = a->d->store;
    work->count = count;
    work->image_len = a->image_len;
    work->image = xcalloc(1, a->image_len + 1);
    memcpy(work->image, a->image, a->image_len); /* before others are looked for */
    deltas_open(&a->deltas, count);
    for (size_t i = 0; i < count; i++) {
        int one = check_one(a, i);
        if (apply_is_stopped(one)) {
            return one;
        }
        code = one != CTL_DONE ? one : code;
    }
    return code;
}

/* ---- what they make; on the other thread ---- */

static enum delta_verdict look(const struct delta_work *work, size_t i)
{
    AUTO_FREE uint8_t *base = NULL;
    size_t base_len = 0;
    struct detail detail = {0};
    if (store_load_image(work->store, work->delta[i].base, &base, &base_len, NULL,
                         &detail) != FUO_OK) {
        return DELTA_UNREAD;
    }
    AUTO_FREE uint8_t *made = malloc(work->image_len + 1);
    if (made == NULL) {
        return DELTA_NO_MEMORY;
    }
    int err = bsdiff_apply((struct bsdiff_bytes){base, base_len}, work->delta[i].patch,
                           made, work->image_len);
    if (err != FUO_OK) {
        return err == FUO_ENOMEM ? DELTA_NO_MEMORY : DELTA_DAMAGED;
    }
    return memcmp(made, work->image, work->image_len) == 0 ? DELTA_GOOD : DELTA_DIFFERS;
}

void apply_deltas_compute(struct delta_work *work)
{
    for (size_t i = 0; work != NULL && i < work->count; i++) {
        work->delta[i].verdict = work->delta[i].wanted ? look(work, i) : DELTA_GOOD;
    }
}

/* ---- and back ---- */

int apply_deltas_verdict(struct application *a)
{
    char path[APPLY_PATH_SIZE];
    size_t before = a->diags.error_count;
    for (size_t i = 0; a->delta_work != NULL && i < a->delta_work->count; i++) {
        const struct spec_delta *spec = &a->doc->spec.image.deltas[i];
        struct diag_place place = place_of(a, i, "file", path);
        switch (a->delta_work->delta[i].verdict) {
        case DELTA_GOOD:
            break;
        case DELTA_UNREAD:
        case DELTA_NO_MEMORY:
            return ctl_fail(&a->error, CTL_INTERNAL,
                            "spec.image.deltas[%zu]: %s cannot be checked now: %s; try "
                            "again later",
                            i, spec->file,
                            a->delta_work->delta[i].verdict == DELTA_UNREAD
                                ? "its base cannot be read from the database"
                                : "out of memory");
        case DELTA_DAMAGED:
            diag_error(&a->diags, &place,
                       "%s is damaged, it cannot be applied to version %s; make it again",
                       spec->file, spec->from);
            break;
        case DELTA_DIFFERS:
            diag_error(&a->diags, &place,
                       "%s, applied to the image of version %s, does not make %s; make "
                       "it again from these two",
                       spec->file, spec->from, a->doc->spec.image.file);
            break;
        }
    }
    return a->diags.error_count == before
               ? CTL_DONE
               : apply_refuse(a, CTL_INVALID, "a delta does not make the image");
}

void apply_deltas_finish(struct application *a)
{
    if (a->delta_work != NULL) {
        free(a->delta_work->image);
        free(a->delta_work);
        a->delta_work = NULL;
    }
    deltas_finish(&a->deltas);
}
