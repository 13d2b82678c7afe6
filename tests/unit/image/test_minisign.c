/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sodium.h>
#include <string.h>

#include "image/minisign.h"

static const uint8_t seed[MINISIGN_SEED_BYTES] = {1, 2, 3};
static const uint8_t keynum[MINISIGN_KEYNUM_BYTES] = {0x23, 0xfe, 0x50, 0xeb,
                                                      0x65, 0xb9, 0x52, 0xa8};
static const uint8_t image[] = "not very long, but firmware";

struct fixture {
    struct minisign_secret secret;
    struct minisign_public public;
    char text[MINISIGN_SIG_TEXT_MAX];
    size_t len;
};

static struct fixture make(enum minisign_alg alg, const char *comment)
{
    struct fixture f;
    assert_true(sodium_init() >= 0);
    minisign_secret_from_seed(seed, keynum, &f.secret);
    minisign_public_from_secret(&f.secret, &f.public);
    struct minisign_signature sig = {
        .alg = alg, .trusted_comment = comment, .trusted_comment_len = strlen(comment)};
    assert_int_equal(minisign_sign(&f.secret, image, sizeof(image), &sig), FUO_OK);
    assert_int_equal(minisign_signature_format(&sig, f.text, sizeof(f.text), &f.len),
                     FUO_OK);
    return f;
}

static int verify(const struct fixture *f, const uint8_t *data, size_t len)
{
    struct minisign_signature sig;
    int err = minisign_signature_parse(f->text, f->len, &sig);
    return err != FUO_OK ? err : minisign_verify(&f->public, &sig, data, len);
}

static void what_is_signed_verifies_in_both_forms(void **state)
{
    (void)state;
    static const char *const comments[] = {"", "a\tb",
                                           "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"};
    for (size_t i = 0; i < ARRAY_LEN(comments); i++) {
        struct fixture prehashed = make(MINISIGN_PREHASHED, comments[i]);
        struct fixture legacy = make(MINISIGN_LEGACY, comments[i]);
        assert_int_equal(verify(&prehashed, image, sizeof(image)), FUO_OK);
        assert_int_equal(verify(&legacy, image, sizeof(image)), FUO_OK);
        assert_memory_not_equal(prehashed.text, legacy.text, legacy.len);
    }
}

static void every_flipped_byte_of_the_file_is_noticed(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    uint8_t data[sizeof(image)];
    for (size_t i = 0; i < sizeof(image); i++) {
        memcpy(data, image, sizeof(image));
        data[i] ^= 0x20;
        assert_int_equal(verify(&f, data, sizeof(data)), FUO_EAUTH);
    }
    assert_int_equal(verify(&f, image, sizeof(image) - 1), FUO_EAUTH);
    assert_int_equal(verify(&f, image, 0), FUO_EAUTH);
}

static void no_changed_character_of_the_signature_file_passes(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "fuota:v1 product=a version=1 size=1");
    size_t comment_len = strcspn(f.text, "\n");
    for (size_t i = comment_len + 1; i < f.len - 1; i++) {
        struct fixture bad = f;
        bad.text[i] ^= 1;
        assert_int_not_equal(verify(&bad, image, sizeof(image)), FUO_OK);
    }
    f.text[comment_len - 1] ^= 1; /* the untrusted comment is nobody's */
    assert_int_equal(verify(&f, image, sizeof(image)), FUO_OK);
}

static void data_and_comment_are_checked_apart(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "version=1");
    struct minisign_signature sig;
    assert_int_equal(minisign_signature_parse(f.text, f.len, &sig), FUO_OK);
    sig.trusted_comment = "version=2";
    assert_int_equal(minisign_verify_data(&f.public, &sig, image, sizeof(image)), FUO_OK);
    assert_int_equal(minisign_verify_comment(&f.public, &sig), FUO_EAUTH);
    assert_int_equal(minisign_verify(&f.public, &sig, image, sizeof(image)), FUO_EAUTH);
    sig.trusted_comment = "version=\x1b";
    assert_int_equal(minisign_verify_comment(&f.public, &sig), FUO_EAUTH);
}

static void another_key_is_told_from_a_bad_signature(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_LEGACY, "c");
    struct minisign_signature sig;
    f.public.keynum[0] ^= 1;
    assert_int_equal(verify(&f, image, sizeof(image)), FUO_ENOENT);
    assert_int_equal(minisign_signature_parse(f.text, f.len, &sig), FUO_OK);
    assert_int_equal(minisign_verify_comment(&f.public, &sig), FUO_ENOENT);
    f.public.keynum[0] ^= 1;
    f.public.pk[0] ^= 1;
    assert_int_equal(verify(&f, image, sizeof(image)), FUO_EAUTH);
}

static void every_truncation_of_the_files_is_malformed(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_signature sig = {.trusted_comment = "mark"};
    for (size_t len = 0; len + 1 < f.len; len++) {
        assert_int_equal(minisign_signature_parse(f.text, len, &sig), FUO_EPROTO);
        assert_string_equal(sig.trusted_comment, "mark");
    }
    assert_int_equal(minisign_signature_parse(f.text, f.len - 1, &sig), FUO_OK);

    struct minisign_public pub = {{7}, {7}};
    char text[MINISIGN_KEY_TEXT_MAX];
    size_t n = 0;
    assert_int_equal(minisign_public_format(&f.public, text, sizeof(text), &n), FUO_OK);
    for (size_t len = 0; len + 1 < n; len++) {
        assert_int_equal(minisign_public_parse(text, len, &pub), FUO_EPROTO);
        assert_int_equal(pub.pk[0], 7);
    }
    assert_int_equal(minisign_public_parse(text, n - 1, &pub), FUO_OK);
    assert_memory_equal(&pub, &f.public, sizeof(pub));
}

/* line is replaced in a good signature file; NULL: dropped. */
static int parse_with(size_t index, const char *line)
{
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    char text[3 * MINISIGN_TRUSTED_COMMENT_MAX];
    size_t len = 0;
    char *save = NULL;
    f.text[f.len] = '\0';
    char *part = strtok_r(f.text, "\n", &save);
    for (size_t i = 0; part != NULL; i++, part = strtok_r(NULL, "\n", &save)) {
        const char *use = i == index ? line : part;
        if (use != NULL) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", use);
        }
    }
    struct minisign_signature sig;
    return minisign_signature_parse(text, len, &sig);
}

static void a_signature_file_is_as_strict_as_minisign(void **state)
{
    (void)state;
    char long_comment[MINISIGN_TRUSTED_COMMENT_MAX + 2];
    static const struct {
        const char *name;
        size_t line;
        const char *text;
        int err;
    } rows[] = {
        {"crlf", 0, "untrusted comment: x\r", FUO_OK},
        {"cr inside", 0, "untrusted comment: x\rx", FUO_EPROTO},
        {"no prefix", 0, "comment: x", FUO_EPROTO},
        {"no trusted prefix", 2, "untrusted comment: c", FUO_EPROTO},
        {"prefix only, no blank", 2, "trusted comment:", FUO_EPROTO},
        {"line missing", 2, NULL, FUO_EPROTO},
        {"control character", 2, "trusted comment: \x1b[2J", FUO_EPROTO},
        {"delete", 2, "trusted comment: \x7f", FUO_EPROTO},
        {"C1 control", 2, "trusted comment: \xc2\x9b", FUO_EPROTO},
        {"latin-1", 2, "trusted comment: \xe4", FUO_EPROTO},
        {"lone continuation", 2, "trusted comment: \x80", FUO_EPROTO},
        {"overlong", 2, "trusted comment: \xe0\x80\xaf", FUO_EPROTO},
        {"surrogate", 2, "trusted comment: \xed\xa0\x80", FUO_EPROTO},
        {"beyond unicode", 2, "trusted comment: \xf4\x90\x80\x80", FUO_EPROTO},
        {"broken sequence", 2, "trusted comment: \xf0\x9f\x98z", FUO_EPROTO},
        {"base64 of nothing", 1, "=", FUO_EPROTO},
        {"url base64", 3,
         "_______________________________________________________________________________"
         "___"
         "____==",
         FUO_EPROTO},
        {"short global signature", 3, "AAAA", FUO_EPROTO},
        {"text after the end", 3, "AAAA\nmore", FUO_EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(parse_with(rows[i].line, rows[i].text), rows[i].err);
    }
    memset(long_comment, 'x', sizeof(long_comment) - 1);
    long_comment[sizeof(long_comment) - 1] = '\0';
    memcpy(long_comment, "trusted comment: ", 17);
    memcpy(long_comment + 17, "x", 1);
    assert_int_equal(parse_with(2, long_comment), FUO_EPROTO);
    long_comment[MINISIGN_TRUSTED_COMMENT_MAX - 2] = '\0';
    assert_int_equal(parse_with(2, long_comment), FUO_OK);
    memcpy(long_comment, "untrusted comment: ", 19);
    long_comment[MINISIGN_COMMENT_MAX - 1] = '\0';
    assert_int_equal(parse_with(0, long_comment), FUO_EPROTO);
    long_comment[MINISIGN_COMMENT_MAX - 2] = '\0';
    assert_int_equal(parse_with(0, long_comment), FUO_OK);
}

static void blank_lines_may_follow_and_nothing_else(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_signature sig;
    memcpy(f.text + f.len, "\r\n\n", 3);
    assert_int_equal(minisign_signature_parse(f.text, f.len + 3, &sig), FUO_OK);
    f.text[f.len + 2] = 'x';
    assert_int_equal(minisign_signature_parse(f.text, f.len + 3, &sig), FUO_EPROTO);
}

static void other_algorithms_are_refused(void **state)
{
    (void)state;
    static const char ecdsa_key[] =
        "untrusted comment: "
        "x\nRXQj/lDrZblSqLJRnX81nfR/F0uVEUxuLJFlvxYblUt2p8dyv6OBntGO\n";
    struct minisign_public pub;
    assert_int_equal(minisign_public_parse(ecdsa_key, strlen(ecdsa_key), &pub),
                     FUO_EPROTO);

    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_signature sig;
    char *alg = strchr(f.text, '\n') + 1;
    assert_memory_equal(alg, "RU", 2);
    alg[1] = 'X';
    assert_int_equal(minisign_signature_parse(f.text, f.len, &sig), FUO_EPROTO);
}

static void a_public_key_made_by_minisign_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "untrusted comment: minisign public key A852B965EB50FE23\n"
        "RWQj/lDrZblSqLJRnX81nfR/F0uVEUxuLJFlvxYblUt2p8dyv6OBntGO\n";
    struct minisign_public pub;
    char id[MINISIGN_ID_SIZE];
    char out[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    assert_int_equal(minisign_public_parse(text, strlen(text), &pub), FUO_OK);
    assert_string_equal(minisign_id(pub.keynum, id), "A852B965EB50FE23");
    assert_int_equal(minisign_public_format(&pub, out, sizeof(out), &len), FUO_OK);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(out, text, len);
}

static void a_comment_that_could_not_be_read_back_is_not_signed(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    char text[MINISIGN_SIG_TEXT_MAX];
    size_t len = 99;
    char longest[MINISIGN_TRUSTED_COMMENT_MAX];
    memset(longest, 'x', sizeof(longest));
    struct minisign_signature sig = {.trusted_comment = "a\nb", .trusted_comment_len = 3};
    assert_int_equal(minisign_sign(&f.secret, image, sizeof(image), &sig), FUO_EINVAL);
    assert_int_equal(minisign_signature_format(&sig, text, sizeof(text), &len),
                     FUO_EINVAL);
    sig.trusted_comment = longest;
    sig.trusted_comment_len = sizeof(longest) - 18;
    assert_int_equal(minisign_sign(&f.secret, image, sizeof(image), &sig), FUO_EINVAL);
    sig.trusted_comment_len--;
    assert_int_equal(minisign_sign(&f.secret, image, sizeof(image), &sig), FUO_OK);
    assert_int_equal(minisign_signature_format(&sig, text, sizeof(text), &len), FUO_OK);
    assert_int_equal(minisign_signature_parse(text, len, &sig), FUO_OK);
}

static void a_full_buffer_is_reported(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_signature sig;
    struct minisign_secret_file file;
    char text[MINISIGN_SIG_TEXT_MAX];
    size_t len = 99;
    assert_int_equal(minisign_signature_parse(f.text, f.len, &sig), FUO_OK);
    assert_int_equal(minisign_signature_format(&sig, text, f.len - 1, &len), FUO_ENOSPC);
    assert_int_equal(minisign_public_format(&f.public, text, 100, &len), FUO_ENOSPC);
    minisign_secret_store(&f.secret, &file);
    assert_int_equal(minisign_secret_format(&file, text, 100, &len), FUO_ENOSPC);
    assert_int_equal(len, 99);
}

static void a_secret_key_comes_back_from_its_clear_form(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_secret_file file;
    struct minisign_secret got;
    char text[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    minisign_secret_store(&f.secret, &file);
    assert_int_equal(minisign_secret_format(&file, text, sizeof(text), &len), FUO_OK);
    memset(&file, 0x55, sizeof(file));
    for (size_t n = 0; n + 1 < len; n++) {
        assert_int_equal(minisign_secret_parse(text, n, &file), FUO_EPROTO);
        assert_int_equal(file.box[0], 0x55);
    }
    assert_int_equal(minisign_secret_parse(text, len, &file), FUO_OK);
    assert_false(file.encrypted);
    assert_int_equal(minisign_secret_open(&file, NULL, &got), FUO_OK);
    assert_memory_equal(&got, &f.secret, sizeof(got));
}

static void a_password_seals_the_secret_key(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    static const struct minisign_password right = {"correct horse", 13};
    static const struct minisign_password wrong = {"correct horst", 13};
    struct minisign_secret_file file = {
        .salt = {9},
        .opslimit = crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_MIN,
        .memlimit_bytes = crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_MIN,
    };
    struct minisign_secret got = {.keynum = {7}};
    char text[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    assert_int_equal(minisign_secret_seal(&f.secret, &right, &file), FUO_OK);
    assert_int_equal(minisign_secret_format(&file, text, sizeof(text), &len), FUO_OK);
    assert_int_equal(minisign_secret_parse(text, len, &file), FUO_OK);
    assert_true(file.encrypted);
    assert_int_equal(minisign_secret_open(&file, NULL, &got), FUO_EPERM);
    assert_int_equal(minisign_secret_open(&file, &wrong, &got), FUO_EAUTH);
    assert_int_equal(got.keynum[0], 7);
    assert_int_equal(minisign_secret_open(&file, &right, &got), FUO_OK);
    assert_memory_equal(&got, &f.secret, sizeof(got));
}

static void a_key_file_cannot_ask_for_the_whole_machine(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    static const struct minisign_password pw = {"x", 1};
    struct minisign_secret got;
    struct minisign_secret_file file = {.encrypted = true,
                                        .opslimit = MINISIGN_OPSLIMIT_MAX + 1,
                                        .memlimit_bytes = 1 << 24};
    assert_int_equal(minisign_secret_open(&file, &pw, &got), FUO_ERANGE);
    file.opslimit = 1 << 15;
    file.memlimit_bytes = MINISIGN_MEMLIMIT_MAX + 1;
    assert_int_equal(minisign_secret_open(&file, &pw, &got), FUO_ERANGE);
    assert_int_equal(minisign_secret_seal(&f.secret, &pw, &file), FUO_ERANGE);
}

static void a_secret_key_whose_halves_differ_never_signs(void **state)
{
    (void)state;
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_secret_file file;
    struct minisign_secret got;
    f.secret.sk[MINISIGN_SECRET_BYTES - 1] ^= 1;
    minisign_secret_store(&f.secret, &file);
    assert_int_equal(minisign_secret_open(&file, NULL, &got), FUO_EPROTO);
}

static void unknown_secret_key_kinds_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {"XdAAQjIA", "RWQAA0Iy", "RWQAAEIz", "RXQAAEIy"};
    struct fixture f = make(MINISIGN_PREHASHED, "c");
    struct minisign_secret_file file;
    char text[MINISIGN_KEY_TEXT_MAX];
    size_t len = 0;
    minisign_secret_store(&f.secret, &file);
    assert_int_equal(minisign_secret_format(&file, text, sizeof(text), &len), FUO_OK);
    char *key = strchr(text, '\n') + 1;
    assert_memory_equal(key, "RWQAAEIy", 8);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        memcpy(key, heads[i], 8);
        assert_int_equal(minisign_secret_parse(text, len, &file), FUO_EPROTO);
    }
}

TEST_MAIN(cmocka_unit_test(what_is_signed_verifies_in_both_forms),
          cmocka_unit_test(every_flipped_byte_of_the_file_is_noticed),
          cmocka_unit_test(no_changed_character_of_the_signature_file_passes),
          cmocka_unit_test(data_and_comment_are_checked_apart),
          cmocka_unit_test(another_key_is_told_from_a_bad_signature),
          cmocka_unit_test(every_truncation_of_the_files_is_malformed),
          cmocka_unit_test(a_signature_file_is_as_strict_as_minisign),
          cmocka_unit_test(blank_lines_may_follow_and_nothing_else),
          cmocka_unit_test(other_algorithms_are_refused),
          cmocka_unit_test(a_public_key_made_by_minisign_is_read),
          cmocka_unit_test(a_comment_that_could_not_be_read_back_is_not_signed),
          cmocka_unit_test(a_full_buffer_is_reported),
          cmocka_unit_test(a_secret_key_comes_back_from_its_clear_form),
          cmocka_unit_test(a_password_seals_the_secret_key),
          cmocka_unit_test(a_key_file_cannot_ask_for_the_whole_machine),
          cmocka_unit_test(a_secret_key_whose_halves_differ_never_signs),
          cmocka_unit_test(unknown_secret_key_kinds_are_refused))
