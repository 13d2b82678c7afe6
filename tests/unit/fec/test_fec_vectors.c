/* SPDX-License-Identifier: MIT */
/* Rows, coded blocks and decoder behaviour as measured on other implementations. */
#include "json_vectors.h"

#include "base/prng.h"
#include "fec/decode.h"
#include "fec/encode.h"

enum {
    FRAG_SIZE_MAX = 255,
};

static void check_row(struct json_object *row, enum fec_version version, const char *key)
{
    uint8_t want[FEC_ROW_WORDS_MAX * 8] = {0};
    uint8_t got[FEC_ROW_WORDS_MAX * 8] = {0};
    uint64_t set[FEC_ROW_WORDS_MAX];
    uint32_t m = (uint32_t)vec_int(row, "m");
    uint32_t n = (uint32_t)vec_int(row, "n");
    assert_int_equal(vec_bytes(row, key, want, sizeof(want)), (m + 7) / 8);
    fec_row(version, m, n, set);
    for (uint32_t i = 0; i < m; i++) {
        unsigned bit = fec_row_has(set, i) ? 0x80U >> i % 8 : 0;
        got[i / 8] = (uint8_t)(got[i / 8] | bit);
    }
    assert_memory_equal(got, want, (m + 7) / 8);
}

static void parity_rows_are_bit_exact(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("parity_rows.json");
    struct json_object *rows = vec_get(root, "rows");
    for (size_t i = 0; i < vec_count(rows); i++) {
        check_row(vec_at(rows, i), FEC_V1, "row_v1");
        check_row(vec_at(rows, i), FEC_V2, "row_v2");
    }
    assert_in_range(vec_count(rows), 166, 100000);
    json_object_put(root);
}

struct block {
    uint8_t *data;
    size_t len;
    struct fec_encoder enc;
};

static void block_load(struct block *b, struct json_object *c, enum fec_version version)
{
    const char *text = vec_text(c, "data_block");
    b->len = strlen(text) / 2;
    b->data = malloc(b->len);
    assert_non_null(b->data);
    hex_bytes(text, b->data, b->len);
    assert_int_equal(fec_encoder_init(&b->enc, version, b->data, b->len,
                                      (uint8_t)vec_int(c, "frag_size")),
                     FUO_OK);
    assert_int_equal(b->enc.m, vec_int(c, "nb_frag"));
    assert_int_equal(b->enc.padding, vec_int(c, "padding"));
}

static void check_coded(const struct block *b, struct json_object *coded)
{
    for (size_t i = 0; i < vec_count(coded); i++) {
        uint8_t want[FRAG_SIZE_MAX];
        uint8_t got[FRAG_SIZE_MAX];
        size_t size =
            hex_bytes(json_object_get_string(vec_at(coded, i)), want, sizeof(want));
        assert_int_equal(size, b->enc.frag_size);
        assert_int_equal(fec_fragment(&b->enc, b->enc.m + 1 + (uint32_t)i, got), FUO_OK);
        assert_memory_equal(got, want, size);
    }
}

static void coded_fragments_of_whole_blocks_are_exact(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("encode_blocks.json");
    struct json_object *cases = vec_get(root, "cases");
    for (size_t i = 0; i < vec_count(cases); i++) {
        struct block b;
        block_load(&b, vec_at(cases, i), FEC_V1);
        check_coded(&b, vec_get(vec_at(cases, i), "coded_v1"));
        b.enc.version = FEC_V2;
        check_coded(&b, vec_get(vec_at(cases, i), "coded_v2"));
        free(b.data);
    }
    json_object_put(root);
}

/* A decoder with its memory; frag_size and m from config. */
struct receiver {
    uint8_t *block;
    void *workspace;
    struct fec_decoder dec;
};

static void receiver_open(struct receiver *r, const struct fec_decoder_config *config)
{
    size_t bytes = fec_decoder_workspace_bytes(config);
    r->block = malloc((size_t)config->m * config->frag_size);
    r->workspace = malloc(bytes);
    assert_non_null(r->block);
    assert_non_null(r->workspace);
    assert_int_equal(fec_decoder_init(&r->dec, config, r->block, r->workspace, bytes),
                     FUO_OK);
}

static void receiver_close(struct receiver *r)
{
    free(r->block);
    free(r->workspace);
}

static struct fec_decoder_config config_of(const struct fec_encoder *enc,
                                           enum fec_order order)
{
    return (struct fec_decoder_config){enc->version, order, enc->m, enc->frag_size,
                                       enc->m};
}

static void decode_with_losses(const struct block *b, uint64_t seed)
{
    struct receiver r;
    struct prng prng = prng_seeded(seed);
    struct fec_decoder_config config = config_of(&b->enc, FEC_ORDER_STRICT);
    receiver_open(&r, &config);
    for (uint32_t n = 1; n <= (uint32_t)b->enc.m + 500 && !fec_decoder_done(&r.dec);
         n++) {
        uint8_t bytes[FRAG_SIZE_MAX];
        assert_int_equal(fec_fragment(&b->enc, n, bytes), FUO_OK);
        if (!prng_chance(&prng, 150000)) {
            (void)fec_decoder_push(&r.dec, n, bytes);
        }
    }
    /* Blocks of up to three fragments have rows that never cover all of them. */
    if (b->enc.m > 3) {
        assert_true(fec_decoder_done(&r.dec));
    }
    if (fec_decoder_done(&r.dec)) {
        assert_memory_equal(fec_decoder_data(&r.dec), b->data, b->len);
    }
    receiver_close(&r);
}

static void the_same_blocks_decode_after_random_losses(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("encode_blocks.json");
    struct json_object *cases = vec_get(root, "cases");
    for (size_t i = 0; i < vec_count(cases); i++) {
        struct block b;
        block_load(&b, vec_at(cases, i), FEC_V1);
        for (uint64_t seed = 1; seed <= 20; seed++) {
            b.enc.version = seed % 2 == 0 ? FEC_V1 : FEC_V2;
            decode_with_losses(&b, seed);
        }
        free(b.data);
    }
    json_object_put(root);
}

/* Zephyr goes wrong once an uncoded fragment follows a coded one; we do not imitate that. */
static bool imitated(struct json_object *row, enum fec_order *order)
{
    const char *decoder = vec_text(row, "decoder");
    const char *name = vec_text(row, "case");
    bool interleaved =
        strncmp(name, "one coded", 9) == 0 || strncmp(name, "coded before", 12) == 0;
    *order = strcmp(decoder, "zephyr") == 0 ? FEC_ORDER_ANY : FEC_ORDER_STRICT;
    return strcmp(decoder, "mbed") != 0 && !(*order == FEC_ORDER_ANY && interleaved);
}

static void check_sequence(struct json_object *row, const struct block *b,
                           enum fec_order order)
{
    struct receiver r;
    struct fec_decoder_config config = config_of(&b->enc, order);
    struct json_object *seq = vec_get(row, "seq");
    const char *result = vec_text(row, "result");
    long want_done = strtol(result + strlen("done_at="), NULL, 10); /* None is 0 */
    long done_at = 0;
    receiver_open(&r, &config);
    for (size_t i = 0; i < vec_count(seq); i++) {
        uint8_t bytes[FRAG_SIZE_MAX];
        uint32_t n = (uint32_t)json_object_get_int(vec_at(seq, i));
        assert_int_equal(fec_fragment(&b->enc, n, bytes), FUO_OK);
        if (fec_decoder_push(&r.dec, n, bytes) == FEC_PUSH_DONE) {
            done_at = (long)n;
        }
    }
    assert_int_equal(done_at, want_done);
    assert_int_equal(fec_decoder_done(&r.dec), strstr(result, "data_ok=True") != NULL);
    if (fec_decoder_done(&r.dec)) {
        assert_memory_equal(fec_decoder_data(&r.dec), b->data, b->len);
    }
    /* LBM reports what is really missing, and the last N it saw. */
    if (strncmp(vec_text(row, "decoder"), "lbm", 3) == 0) {
        assert_int_equal(r.dec.seen_n, strtol(strchr(result, '[') + 1, NULL, 10));
        assert_int_equal(r.dec.missing, strtol(strrchr(result, ',') + 1, NULL, 10));
    }
    receiver_close(&r);
}

static void late_and_unordered_uncoded_fragments_are_treated_as_devices_do(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("decoder_late_uncoded.json");
    struct json_object *rows = vec_get(root, "rows");
    uint8_t data[20 * 50];
    struct prng prng = prng_seeded(9);
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)prng_next(&prng);
    }
    size_t checked = 0;
    for (size_t i = 0; i < vec_count(rows); i++) {
        struct json_object *row = vec_at(rows, i);
        struct block b = {.data = data, .len = sizeof(data)};
        enum fec_order order;
        if (!imitated(row, &order)) {
            continue;
        }
        test_row(vec_text(row, "case"));
        assert_int_equal(fec_encoder_init(&b.enc, (enum fec_version)vec_int(row, "ver"),
                                          data, sizeof(data),
                                          (uint8_t)vec_int(root, "frag_size")),
                         FUO_OK);
        assert_int_equal(b.enc.m, vec_int(root, "m"));
        check_sequence(row, &b, order);
        checked++;
    }
    assert_int_equal(checked, 28);
    json_object_put(root);
}

/* Extra coded fragments beyond the number lost, for one random loss pattern. */
static int extra_needed(struct receiver *r, struct prng *prng, uint32_t lost)
{
    uint8_t drop[FEC_N_MAX] = {0};
    struct fec_decoder_config config = r->dec.config;
    const uint8_t byte = 0;
    assert_int_equal(fec_decoder_init(&r->dec, &config, r->block, r->workspace, SIZE_MAX),
                     FUO_OK);
    for (uint32_t left = lost; left > 0;) {
        uint64_t i = prng_below(prng, config.m);
        left -= drop[i] == 0;
        drop[i] = 1;
    }
    for (uint32_t n = 1; n <= config.m; n++) {
        if (!drop[n - 1]) {
            (void)fec_decoder_push(&r->dec, n, &byte);
        }
    }
    uint32_t sent = 0;
    while (!fec_decoder_done(&r->dec)) {
        sent++;
        assert_in_range(sent, 1, lost + 1000);
        (void)fec_decoder_push(&r->dec, config.m + sent, &byte);
    }
    return (int)(sent - lost);
}

static double mean_extra(const struct fec_decoder_config *config, uint32_t lost)
{
    enum { TRIALS = 400 };
    struct prng prng = prng_seeded(config->m + lost);
    struct receiver r;
    double sum = 0;
    receiver_open(&r, config);
    for (int k = 0; k < TRIALS; k++) {
        sum += extra_needed(&r, &prng, lost);
    }
    receiver_close(&r);
    return sum / TRIALS;
}

static void coding_overhead_is_as_measured(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("fec_overhead.json");
    struct json_object *rows = vec_get(root, "rows");
    for (size_t i = 0; i < vec_count(rows); i++) {
        struct json_object *row = vec_at(rows, i);
        uint16_t m = (uint16_t)vec_int(row, "m");
        struct fec_decoder_config config = {(enum fec_version)vec_int(row, "ver"),
                                            FEC_ORDER_STRICT, m, 1, m};
        double want = json_object_get_double(vec_get(row, "mean_extra"));
        double mean = mean_extra(&config, (uint32_t)vec_int(row, "lost"));
        bool close = mean > want - 0.5 && mean < want + 0.5;
        assert_true(close);
    }
    json_object_put(root);
}

TEST_MAIN(
    cmocka_unit_test(parity_rows_are_bit_exact),
    cmocka_unit_test(coded_fragments_of_whole_blocks_are_exact),
    cmocka_unit_test(the_same_blocks_decode_after_random_losses),
    cmocka_unit_test(late_and_unordered_uncoded_fragments_are_treated_as_devices_do),
    cmocka_unit_test(coding_overhead_is_as_measured))
