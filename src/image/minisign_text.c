/* SPDX-License-Identifier: MIT */
/* The text side of minisign.h: lines, comments, base64. No keys are used here. */
#include "image/minisign.h"

#include <sodium.h>
#include <string.h>

#include "base/wire.h"

#define UNTRUSTED_PREFIX "untrusted comment: "
#define TRUSTED_PREFIX   "trusted comment: "
#define ID_PREFIX        "untrusted comment: minisign public key "
#define SIG_COMMENT      "untrusted comment: signature by minisign key "
#define CLEAR_COMMENT    "untrusted comment: minisign unencrypted secret key\n"
#define SEALED_COMMENT   "untrusted comment: minisign encrypted secret key\n"

#define LITERAL_LEN(s) (sizeof(s) - 1)

enum {
    PUBLIC_RAW_BYTES = 2 + MINISIGN_KEYNUM_BYTES + MINISIGN_PUBLIC_BYTES,
    SIG_RAW_BYTES = 2 + MINISIGN_KEYNUM_BYTES + MINISIGN_SIG_BYTES,
    SECRET_RAW_BYTES = 6 + MINISIGN_SALT_BYTES + 16 + MINISIGN_BOX_BYTES,
    RAW_MAX_BYTES = SECRET_RAW_BYTES,
    BASE64_SIZE = (RAW_MAX_BYTES + 2) / 3 * 4 + 1,
};

struct lines {
    const char *p; /* borrowed */
    size_t left;
};

struct line {
    const char *p; /* without its end */
    size_t len;
};

enum line_end {
    LINE_END_REQUIRED,
    LINE_END_OPTIONAL, /* the last one of a file */
};

/* size counts what minisign's fgets() buffer must hold: line, LF and NUL. */
static bool next_line(struct lines *in, size_t size, enum line_end end, struct line *line)
{
    size_t len = 0;
    while (len < in->left && in->p[len] != '\n') {
        len++;
    }
    bool ended = len < in->left;
    size_t used = ended ? len + 1 : len;
    if ((!ended && end == LINE_END_REQUIRED) || used >= size) {
        return false;
    }
    *line = (struct line){in->p, len};
    if (len > 0 && line->p[len - 1] == '\r') {
        line->len--;
    }
    for (size_t i = 0; i < line->len; i++) {
        if (line->p[i] == '\r') {
            return false;
        }
    }
    in->p += used;
    in->left -= used;
    return true;
}

static bool at_end(const struct lines *in)
{
    for (size_t i = 0; i < in->left; i++) {
        if (in->p[i] != '\n' && in->p[i] != '\r') {
            return false;
        }
    }
    return true;
}

static bool has_prefix(struct line line, const char *prefix, size_t len)
{
    return line.len >= len && memcmp(line.p, prefix, len) == 0;
}

/* Exactly len bytes in canonical, padded base64; raw may be written on failure. */
static bool decode(struct line line, uint8_t *raw, size_t len)
{
    size_t got = 0;
    return sodium_base642bin(raw, len, line.p, line.len, NULL, &got, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == len;
}

/* The length of the printable UTF-8 character at p; 0 if there is none. */
static size_t printable_len(const uint8_t *p, size_t left)
{
    static const uint32_t smallest[] = {0, 0, 0xa0 /* C1 controls */, 0x800, 0x10000};
    uint8_t lead = p[0];
    if (lead < 0x80) {
        return lead == '\t' || (lead >= 0x20 && lead != 0x7f) ? 1 : 0;
    }
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || left < len) {
        return 0;
    }
    uint32_t point = lead & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (p[i] & 0x3fu);
    }
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point >= smallest[len] && point <= 0x10ffff && !surrogate ? len : 0;
}

bool minisign_comment_valid(const char *text, size_t len)
{
    if (len + LITERAL_LEN(TRUSTED_PREFIX) + 2 > MINISIGN_TRUSTED_COMMENT_MAX) {
        return false;
    }
    const uint8_t *p = (const uint8_t *)text;
    for (size_t i = 0; i < len;) {
        size_t step = printable_len(p + i, len - i);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

const char *minisign_id(const uint8_t keynum[static MINISIGN_KEYNUM_BYTES],
                        char text[static MINISIGN_ID_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < MINISIGN_KEYNUM_BYTES; i++) {
        uint8_t byte = keynum[MINISIGN_KEYNUM_BYTES - 1 - i]; /* a little-endian number */
        text[2 * i] = digits[byte >> 4];
        text[2 * i + 1] = digits[byte & 0x0f];
    }
    text[MINISIGN_ID_SIZE - 1] = '\0';
    return text;
}

/* Key files: a comment that nobody reads, then base64. */
static bool key_line(const char *text, size_t len, uint8_t *raw, size_t raw_len)
{
    struct lines in = {text, len};
    struct line comment;
    struct line key;
    return next_line(&in, MINISIGN_COMMENT_MAX, LINE_END_REQUIRED, &comment) &&
           next_line(&in, MINISIGN_COMMENT_MAX, LINE_END_OPTIONAL, &key) && at_end(&in) &&
           decode(key, raw, raw_len);
}

int minisign_public_parse(const char *text, size_t len, struct minisign_public *key)
{
    uint8_t raw[PUBLIC_RAW_BYTES];
    if (!key_line(text, len, raw, sizeof(raw)) || memcmp(raw, "Ed", 2) != 0) {
        return FUO_EPROTO;
    }
    memcpy(key->keynum, raw + 2, MINISIGN_KEYNUM_BYTES);
    memcpy(key->pk, raw + 2 + MINISIGN_KEYNUM_BYTES, MINISIGN_PUBLIC_BYTES);
    return FUO_OK;
}

static bool parse_alg(const uint8_t *raw, enum minisign_alg *alg)
{
    if (memcmp(raw, "ED", 2) == 0) {
        *alg = MINISIGN_PREHASHED;
        return true;
    }
    *alg = MINISIGN_LEGACY;
    return memcmp(raw, "Ed", 2) == 0;
}

int minisign_signature_parse(const char *text, size_t len, struct minisign_signature *sig)
{
    struct lines in = {text, len};
    struct line untrusted;
    struct line own;
    struct line trusted;
    struct line global;
    if (!next_line(&in, MINISIGN_COMMENT_MAX, LINE_END_REQUIRED, &untrusted) ||
        !next_line(&in, MINISIGN_COMMENT_MAX, LINE_END_REQUIRED, &own) ||
        !next_line(&in, MINISIGN_TRUSTED_COMMENT_MAX, LINE_END_REQUIRED, &trusted) ||
        !next_line(&in, MINISIGN_COMMENT_MAX, LINE_END_OPTIONAL, &global) ||
        !at_end(&in) ||
        !has_prefix(untrusted, UNTRUSTED_PREFIX, LITERAL_LEN(UNTRUSTED_PREFIX)) ||
        !has_prefix(trusted, TRUSTED_PREFIX, LITERAL_LEN(TRUSTED_PREFIX))) {
        return FUO_EPROTO;
    }

    struct minisign_signature s = {
        .trusted_comment = trusted.p + LITERAL_LEN(TRUSTED_PREFIX),
        .trusted_comment_len = trusted.len - LITERAL_LEN(TRUSTED_PREFIX),
    };
    uint8_t raw[SIG_RAW_BYTES];
    if (!decode(own, raw, sizeof(raw)) || !parse_alg(raw, &s.alg) ||
        !decode(global, s.global_sig, sizeof(s.global_sig)) ||
        !minisign_comment_valid(s.trusted_comment, s.trusted_comment_len)) {
        return FUO_EPROTO;
    }
    memcpy(s.keynum, raw + 2, MINISIGN_KEYNUM_BYTES);
    memcpy(s.sig, raw + 2 + MINISIGN_KEYNUM_BYTES, MINISIGN_SIG_BYTES);
    *sig = s;
    return FUO_OK;
}

static uint64_t rd_le64(struct rd *r)
{
    uint64_t lo = rd_le32(r);
    uint64_t hi = rd_le32(r);
    return lo | hi << 32;
}

static void wr_le64(struct wr *w, uint64_t v)
{
    wr_le32(w, (uint32_t)v);
    wr_le32(w, (uint32_t)(v >> 32));
}

static int secret_unpack(const uint8_t raw[static SECRET_RAW_BYTES],
                         struct minisign_secret_file *file)
{
    struct rd r = rd_init(raw, SECRET_RAW_BYTES);
    const uint8_t *algs = rd_bytes(&r, 6);
    bool encrypted = memcmp(algs + 2, "Sc", 2) == 0;
    if (memcmp(algs, "Ed", 2) != 0 || memcmp(algs + 4, "B2", 2) != 0 ||
        (!encrypted && memcmp(algs + 2, "\0\0", 2) != 0)) {
        return FUO_EPROTO;
    }
    file->encrypted = encrypted;
    rd_copy(&r, file->salt, sizeof(file->salt));
    file->opslimit = rd_le64(&r);
    file->memlimit_bytes = rd_le64(&r);
    rd_copy(&r, file->box, sizeof(file->box));
    return rd_end(&r);
}

int minisign_secret_parse(const char *text, size_t len, struct minisign_secret_file *file)
{
    uint8_t raw[SECRET_RAW_BYTES];
    int err = FUO_EPROTO;
    if (key_line(text, len, raw, sizeof(raw))) {
        err = secret_unpack(raw, file);
    }
    sodium_memzero(raw, sizeof(raw));
    return err;
}

static void put(struct wr *w, const char *text, size_t len)
{
    wr_bytes(w, (const uint8_t *)text, len);
}

#define PUT_LITERAL(w, s) put((w), (s), LITERAL_LEN(s))

static void put_id_line(struct wr *w, const uint8_t keynum[static MINISIGN_KEYNUM_BYTES])
{
    char id[MINISIGN_ID_SIZE];
    put(w, minisign_id(keynum, id), MINISIGN_ID_SIZE - 1);
    PUT_LITERAL(w, "\n");
}

static void put_base64_line(struct wr *w, const uint8_t *raw, size_t len)
{
    char text[BASE64_SIZE];
    (void)sodium_bin2base64(text, sizeof(text), raw, len, sodium_base64_VARIANT_ORIGINAL);
    put(w, text, (len + 2) / 3 * 4);
    PUT_LITERAL(w, "\n");
    sodium_memzero(text, sizeof(text));
}

int minisign_public_format(const struct minisign_public *key, char *text, size_t cap,
                           size_t *len)
{
    uint8_t raw[PUBLIC_RAW_BYTES] = {'E', 'd'};
    memcpy(raw + 2, key->keynum, MINISIGN_KEYNUM_BYTES);
    memcpy(raw + 2 + MINISIGN_KEYNUM_BYTES, key->pk, MINISIGN_PUBLIC_BYTES);

    struct wr w = wr_init((uint8_t *)text, cap);
    PUT_LITERAL(&w, ID_PREFIX);
    put_id_line(&w, key->keynum);
    put_base64_line(&w, raw, sizeof(raw));
    return wr_end(&w, len);
}

int minisign_signature_format(const struct minisign_signature *sig, char *text,
                              size_t cap, size_t *len)
{
    if (!minisign_comment_valid(sig->trusted_comment, sig->trusted_comment_len)) {
        return FUO_EINVAL;
    }
    uint8_t raw[SIG_RAW_BYTES] = {'E', sig->alg == MINISIGN_PREHASHED ? 'D' : 'd'};
    memcpy(raw + 2, sig->keynum, MINISIGN_KEYNUM_BYTES);
    memcpy(raw + 2 + MINISIGN_KEYNUM_BYTES, sig->sig, MINISIGN_SIG_BYTES);

    struct wr w = wr_init((uint8_t *)text, cap);
    PUT_LITERAL(&w, SIG_COMMENT);
    put_id_line(&w, sig->keynum);
    put_base64_line(&w, raw, sizeof(raw));
    PUT_LITERAL(&w, TRUSTED_PREFIX);
    put(&w, sig->trusted_comment, sig->trusted_comment_len);
    PUT_LITERAL(&w, "\n");
    put_base64_line(&w, sig->global_sig, sizeof(sig->global_sig));
    return wr_end(&w, len);
}

int minisign_secret_format(const struct minisign_secret_file *file, char *text,
                           size_t cap, size_t *len)
{
    uint8_t raw[SECRET_RAW_BYTES];
    struct wr packed = wr_init(raw, sizeof(raw));
    PUT_LITERAL(&packed, "Ed");
    put(&packed, file->encrypted ? "Sc" : "\0\0", 2);
    PUT_LITERAL(&packed, "B2");
    wr_bytes(&packed, file->salt, sizeof(file->salt));
    wr_le64(&packed, file->opslimit);
    wr_le64(&packed, file->memlimit_bytes);
    wr_bytes(&packed, file->box, sizeof(file->box));

    struct wr w = wr_init((uint8_t *)text, cap);
    if (file->encrypted) {
        PUT_LITERAL(&w, SEALED_COMMENT);
    } else {
        PUT_LITERAL(&w, CLEAR_COMMENT);
    }
    put_base64_line(&w, raw, sizeof(raw));
    sodium_memzero(raw, sizeof(raw));
    return wr_end(&w, len);
}
