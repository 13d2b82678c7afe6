/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "loop/intake_internal.h"
#include "loop/xalloc.h"

#define LOG_MODULE "intake"
#include "io/log.h"

enum {
    SIGNATURE_MAX_BYTES = 8 * 1024,
    SHOWN_MAX = 12, /* problems in an alert */
};

/* What a campaign file brings with it. */
struct parcel {
    struct intake_link *link;
    char *yaml;
    size_t yaml_len;
    struct campaign_doc *doc;
    struct json_object *signatures;
    struct json_object *deltas;  /* as clients send them */
    char image[CTL_DIGEST_SIZE]; /* "": none */
    char devices[CTL_DIGEST_SIZE];
    char exclude[CTL_DIGEST_SIZE];
    struct diag_list diags;
};

/* ---- what is wrong ---- */

static void append(char *text, size_t size, const char *line)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%s", len > 0 ? "\n" : "", line);
}

static void refuse_diags(struct parcel *p)
{
    char text[INTAKE_TEXT_SIZE] = "";
    diag_list_sort(&p->diags);
    size_t shown = 0;
    for (size_t i = 0; i < p->diags.count; i++) {
        if (p->diags.items[i].severity != DIAG_ERROR || ++shown > SHOWN_MAX) {
            continue;
        }
        AUTO_FREE char *line = diag_format(&p->diags.items[i]);
        append(text, sizeof(text), line);
    }
    if (shown > SHOWN_MAX) {
        char more[64];
        snprintf(more, sizeof(more), "and %zu more", shown - SHOWN_MAX);
        append(text, sizeof(text), more);
    }
    intake_finish_file(p->link, INTAKE_WRONG, text);
}

/* ---- its files ---- */

/* Reported, if it cannot be read. The caller frees it. */
static uint8_t *read_named(struct parcel *p, const char *name, const char *at,
                           size_t max_bytes, size_t *len)
{
    uint8_t *bytes = NULL;
    const char *path = config_path(&p->doc->doc, name);
    intake_note(p->link->intake, path);
    errno = 0;
    int err = file_read(path, max_bytes, &bytes, len);
    if (err != FUO_OK) {
        struct diag_place place = config_place(&p->doc->doc, at);
        diag_error(&p->diags, &place, "%s: %s", path,
                   err == FUO_ERANGE ? "too long"
                   : errno != 0      ? strerror(errno)
                                     : fuo_strerror(err));
    }
    return bytes;
}

/* To where clients' uploads are, too; what is there already is not sent twice. */
static void upload(struct parcel *p, const char *name, const char *at,
                   char digest[static CTL_DIGEST_SIZE])
{
    size_t len = 0;
    size_t have = 0;
    if (name == NULL) {
        return;
    }
    AUTO_FREE uint8_t *bytes = read_named(p, name, at, CTL_IMAGE_MAX, &len);
    if (bytes == NULL) {
        return;
    }
    ctl_digest(bytes, len, digest);
    struct uploads *uploads = p->link->d->uploads;
    int err = uploads_begin(uploads, digest, len, &have);
    if (err == FUO_OK && have < len) {
        err = uploads_add(uploads, digest, have, bytes + have, len - have);
    }
    if (err != FUO_OK) {
        struct diag_place place = config_place(&p->doc->doc, at);
        diag_error(&p->diags, &place, "%s: %s", name, fuo_strerror(err));
    }
}

static struct json_object *read_signatures(struct parcel *p, const struct str_list *list,
                                           const char *at)
{
    struct json_object *signatures = json_object_new_array();
    for (size_t i = 0; i < list->count && i < CTL_SIGNATURES_MAX; i++) {
        size_t len = 0;
        AUTO_FREE uint8_t *bytes =
            read_named(p, list->items[i], at, SIGNATURE_MAX_BYTES, &len);
        if (bytes != NULL) {
            json_object_array_add(
                signatures, json_object_new_string_len((const char *)bytes, (int)len));
        }
    }
    return signatures;
}

static void read_deltas(struct parcel *p)
{
    const struct spec_image *image = &p->doc->spec.image;
    p->deltas = image->delta_count > 0 ? json_object_new_array() : NULL;
    for (size_t i = 0; i < image->delta_count; i++) {
        char at[64];
        char digest[CTL_DIGEST_SIZE] = "";
        struct json_object *o = json_object_new_object();
        snprintf(at, sizeof(at), "spec.image.deltas[%zu].file", i);
        upload(p, image->deltas[i].file, at, digest);
        json_object_object_add(o, "digest", json_object_new_string(digest));
        snprintf(at, sizeof(at), "spec.image.deltas[%zu].signatures", i);
        json_object_object_add(o, "signatures",
                               read_signatures(p, &image->deltas[i].signatures, at));
        json_object_array_add(p->deltas, o);
    }
}

/* All of it, or everything that is wrong is in diags. */
static bool read_all(struct parcel *p, const char *path)
{
    uint8_t *bytes = NULL;
    int err = file_read(path, CTL_CAMPAIGN_MAX, &bytes, &p->yaml_len);
    if (err != FUO_OK) {
        diag_unreadable(&p->diags, &(struct diag_place){.file = path}, err);
        return false;
    }
    p->yaml = (char *)bytes;
    if (campaign_parse(path, p->yaml, p->yaml_len, &p->doc, &p->diags) != FUO_OK) {
        return false;
    }
    const struct spec_targets *targets = &p->doc->spec.targets;
    campaign_unsupported(p->doc, &p->diags);
    (void)windows_check(&p->link->d->windows, p->doc, &p->diags);
    upload(p, p->doc->spec.image.file, "spec.image.file", p->image);
    p->signatures =
        read_signatures(p, &p->doc->spec.image.signatures, "spec.image.signatures");
    read_deltas(p);
    upload(p, targets->devices_file, "spec.targets.devicesFile", p->devices);
    upload(p, targets->exclude_devices_file, "spec.targets.exclude.devicesFile",
           p->exclude);
    return p->diags.error_count == 0;
}

static const char *given(const char *digest)
{
    return digest[0] != '\0' ? digest : NULL;
}

/* ---- a campaign of that name is there ---- */

static void forget_campaign(struct parcel *p, const char *why)
{
    log_info("%s campaign=%s file=%s", why, p->doc->spec.name, p->link->file.path);
    intake_remember(p->link, &p->link->file);
    intake_finish_file(p->link, INTAKE_TAKEN, NULL);
}

/* Whether all that is not in the file is as it was. */
static bool files_are_same(const struct parcel *p, const struct campaign_entry *entry)
{
    uint8_t digest[STORE_DIGEST_BYTES];
    AUTO_FREE char *deltas = deltas_all_digests(p->deltas);
    campaign_spec_digest(entry->doc, p->image, deltas, given(p->devices),
                         given(p->exclude), digest);
    return memcmp(digest, entry->spec_digest, sizeof(digest)) == 0;
}

static void change(struct parcel *p, struct campaign_entry *entry,
                   const struct campaign_rec *rec)
{
    struct intake_change change = {
        .connection = INTAKE_CONNECTION,
        .doc = p->doc,
        .path = p->link->file.path,
        .yaml = p->yaml,
        .signatures =
            json_object_to_json_string_ext(p->signatures, JSON_C_TO_STRING_PLAIN),
        .spec_digest = p->link->file.spec_digest,
    };
    int err = campaign_change_find(entry->doc, p->doc, &change.change, &p->diags);
    if (err == FUO_OK && !files_are_same(p, entry)) {
        struct diag_place place = config_place(&p->doc->doc, "spec.image.file");
        diag_error(&p->diags, &place,
                   "the image, a delta or a list of devices is another one than when the "
                   "campaign "
                   "was applied; give the file another metadata.name");
    }
    if (p->diags.error_count > 0) {
        refuse_diags(p);
    } else if (campaign_phase_is_final(rec->phase)) {
        forget_campaign(p, "campaign has ended, its file changes nothing");
    } else if (driver_is_down(p->link->d->driver)) {
        intake_finish_file(p->link, INTAKE_LATER, NULL);
    } else {
        intake_change_campaign(p->link->d, entry, &change);
        forget_campaign(p, "change was taken");
    }
}

/* ---- it is new ---- */

static void add_digest(struct json_object *params, const char *key, const char *digest)
{
    if (digest[0] != '\0') {
        json_object_object_add(params, key, json_object_new_string(digest));
    }
}

/* As a client would; the answer comes to intake_link_answer(). */
static void apply(struct parcel *p)
{
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "file", json_object_new_string(p->link->file.path));
    json_object_object_add(params, "campaign",
                           json_object_new_string_len(p->yaml, (int)p->yaml_len));
    json_object_object_add(params, "signatures", json_object_get(p->signatures));
    if (p->deltas != NULL) {
        json_object_object_add(params, "deltas", json_object_get(p->deltas));
    }
    add_digest(params, "digest", p->image);
    add_digest(params, "devices_file", p->devices);
    add_digest(params, "exclude_devices_file", p->exclude);
    struct ctl_request request = {.id = 1, .method = CTL_APPLY, .params = params};
    apply_request(p->link->d, INTAKE_CONNECTION, &request);
    json_object_put(params);
}

static void take(struct parcel *p)
{
    struct daemon *d = p->link->d;
    struct intake_file *file = &p->link->file;
    snprintf(file->name, sizeof(file->name), "%s", p->doc->spec.name);
    AUTO_FREE char *deltas = deltas_all_digests(p->deltas);
    campaign_spec_digest(p->doc, p->image, deltas, given(p->devices), given(p->exclude),
                         file->spec_digest);
    const struct campaign_rec *rec = engine_campaign_by_name(d->engine, file->name);
    struct campaign_entry *entry =
        rec != NULL ? campaigns_find(&d->campaigns, rec->id) : NULL;
    if (intake_was_taken(p->link, file)) {
        intake_finish_file(p->link, INTAKE_TAKEN, NULL);
    } else if (entry == NULL) {
        apply(p);
    } else if (memcmp(entry->spec_digest, file->spec_digest, sizeof(file->spec_digest)) ==
               0) {
        forget_campaign(p, "campaign is known");
    } else {
        change(p, entry, rec);
    }
}

void intake_take_file(void *arg, const char *path)
{
    struct intake_link *link = arg;
    struct parcel p = {.link = link};
    link->file = (struct intake_file){.d = link->d, .path = xstrdup(path)};
    if (read_all(&p, path)) {
        take(&p);
    } else {
        refuse_diags(&p);
    }
    campaign_doc_destroy(p.doc);
    json_object_put(p.signatures);
    json_object_put(p.deltas);
    free(p.yaml);
    diag_list_finish(&p.diags);
}
