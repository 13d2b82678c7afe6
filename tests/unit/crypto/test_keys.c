/* SPDX-License-Identifier: MIT */
#include "json_vectors.h"

#include "crypto/block_mic.h"
#include "crypto/keys.h"

static struct aes_key vec_key(struct json_object *o, const char *name)
{
    struct aes_key key;
    assert_int_equal(vec_bytes(o, name, key.b, sizeof(key.b)), sizeof(key.b));
    return key;
}

static void assert_key(struct json_object *o, const char *name, const struct aes_key *got)
{
    struct aes_key want = vec_key(o, name);
    assert_memory_equal(got->b, want.b, sizeof(want.b));
}

static void check_root(struct json_object *o, enum lorawan_version version,
                       const char *root_name)
{
    struct aes_key root = vec_key(o, root_name);
    struct aes_key key;
    assert_int_equal(keys_mc_root(version, &root, &key), FUO_OK);
    assert_key(o, "mc_root_key", &key);
}

static void check_ke(struct json_object *o)
{
    struct aes_key root = vec_key(o, "mc_root_key");
    struct aes_key key;
    assert_int_equal(keys_mc_ke(&root, &key), FUO_OK);
    assert_key(o, "mc_ke_key", &key);
}

static void check_wrap(struct json_object *o)
{
    struct aes_key ke = vec_key(o, "mc_ke_key");
    struct aes_key mc_key = vec_key(o, "mc_key");
    struct aes_key got;
    assert_int_equal(keys_mc_wrap(&ke, &mc_key, got.b), FUO_OK);
    assert_key(o, "mc_key_encrypted", &got);
    assert_int_equal(keys_mc_unwrap(&ke, got.b, &got), FUO_OK);
    assert_key(o, "mc_key", &got);
}

static void check_wrap_for_device(struct json_object *o, enum lorawan_version version,
                                  const char *root_name)
{
    struct aes_key root = vec_key(o, root_name);
    struct aes_key mc_key = vec_key(o, "mc_key");
    struct aes_key got;
    assert_int_equal(keys_mc_wrap_for_device(version, &root, &mc_key, got.b), FUO_OK);
    assert_key(o, "mc_key_encrypted", &got);
    assert_int_equal(keys_mc_unwrap_by_device(version, &root, got.b, &got), FUO_OK);
    assert_key(o, "mc_key", &got);
}

static void check_session(struct json_object *o)
{
    struct aes_key mc_key = vec_key(o, "mc_key");
    struct session_keys keys;
    assert_int_equal(keys_mc_session(&mc_key, vec_hex_u32(o, "mc_addr"), &keys), FUO_OK);
    assert_key(o, "mc_app_s_key", &keys.app_s_key);
    assert_key(o, "mc_nwk_s_key", &keys.nwk_s_key);
    static const struct session_keys wiped;
    session_keys_wipe(&keys);
    assert_memory_equal(&keys, &wiped, sizeof(keys));
}

static void key_chains_are_those_of_chirpstack_and_loramac_node(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("keys.json");
    struct json_object *chains = vec_get(root, "chains");
    assert_int_equal(vec_count(chains), 6);
    for (size_t i = 0; i < vec_count(chains); i++) {
        struct json_object *c = vec_at(chains, i);
        bool v10 = strcmp(vec_text(c, "lorawan"), "1.0.x") == 0;
        enum lorawan_version version = v10 ? LORAWAN_1_0 : LORAWAN_1_1;
        const char *name = v10 ? "gen_app_key" : "app_key";
        check_root(c, version, name);
        check_ke(c);
        check_wrap(c);
        check_wrap_for_device(c, version, name);
        check_session(c);
    }
    struct json_object *tests = vec_at(vec_get(root, "unit_tests"), 0);
    check_root(vec_get(tests, "GetMcRootKeyForGenAppKey"), LORAWAN_1_0, "gen_app_key");
    check_root(vec_get(tests, "GetMcRootKeyForAppKey"), LORAWAN_1_1, "app_key");
    check_ke(vec_get(tests, "GetMcKEKey"));
    check_session(vec_get(tests, "session"));
    check_wrap(vec_get(tests, "EncryptMcKey"));
    check_wrap(vec_get(root, "loramac_readme"));
    check_session(vec_get(root, "loramac_readme"));
    check_wrap_for_device(vec_get(root, "loramac_device"), LORAWAN_1_0, "gen_app_key");
    check_session(vec_get(root, "loramac_device"));
    json_object_put(root);
}

static void check_campaign_keys(const char *file)
{
    struct json_object *root = vectors_load(file);
    struct json_object *keys = vec_get(root, "keys");
    check_root(keys, LORAWAN_1_0, "gen_app_key");
    check_ke(keys);
    check_wrap(keys);
    check_wrap_for_device(keys, LORAWAN_1_0, "gen_app_key");
    check_session(keys);
    json_object_put(root);
}

static void lbm_devices_accepted_these_keys(void **state)
{
    (void)state;
    check_campaign_keys("campaign_lbm_v1.json");
    check_campaign_keys("campaign_lbm_v2.json");
}

/* The block goes in at once, and in pieces of one, seven and sixteen bytes. */
static void check_block_mic(const struct aes_key *key,
                            const struct block_mic_params *params, const uint8_t *block,
                            const uint8_t *want)
{
    static const size_t pieces[] = {1, 7, 16, 100000};
    uint8_t mic[AES_MIC_BYTES];
    assert_int_equal(block_mic(key, params, block, mic), FUO_OK);
    assert_memory_equal(mic, want, sizeof(mic));
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct block_mic m;
        block_mic_init(&m, key, params);
        for (size_t at = 0; at < params->block_len_bytes; at += pieces[i]) {
            size_t left = params->block_len_bytes - at;
            block_mic_update(&m, block + at, left < pieces[i] ? left : pieces[i]);
        }
        memset(mic, 0, sizeof(mic));
        assert_int_equal(block_mic_final(&m, mic), FUO_OK);
        assert_memory_equal(mic, want, sizeof(mic));
    }
}

static void block_mics_are_those_of_chirpstack(void **state)
{
    (void)state;
    static uint8_t block[8192];
    struct json_object *root = vectors_load("mic_ts004_v2.json");
    struct json_object *cases = vec_get(root, "cases");
    assert_int_equal(vec_count(cases), 5);
    for (size_t i = 0; i < vec_count(cases); i++) {
        struct json_object *c = vec_at(cases, i);
        uint8_t want[AES_MIC_BYTES];
        struct aes_key root_key = vec_key(c, "root_key");
        struct aes_key key;
        struct block_mic_params params = {
            .session_cnt = (uint16_t)vec_int(c, "session_cnt"),
            .frag_index = (uint8_t)vec_int(c, "frag_index"),
            .block_len_bytes = (uint32_t)vec_int(c, "data_len"),
        };
        assert_int_equal(vec_bytes(c, "descriptor_wire", params.descriptor, 4), 4);
        assert_int_equal(vec_bytes(c, "data_block", block, sizeof(block)),
                         params.block_len_bytes);
        assert_int_equal(vec_bytes(c, "mic_wire", want, sizeof(want)), sizeof(want));
        assert_int_equal(keys_data_block_int(&root_key, &key), FUO_OK);
        assert_key(c, "data_block_int_key", &key);
        check_block_mic(&key, &params, block, want);
    }
    json_object_put(root);
}

static void lbm_v2_accepted_this_block_mic(void **state)
{
    (void)state;
    uint8_t block[2048];
    uint8_t want[AES_MIC_BYTES];
    struct json_object *root = vectors_load("campaign_lbm_v2.json");
    struct json_object *mic = vec_get(root, "mic");
    struct aes_key root_key = vec_key(vec_get(root, "keys"), "gen_app_key");
    struct aes_key key;
    struct block_mic_params params = {.session_cnt = 1, .descriptor = {1, 2, 3, 4}};
    params.block_len_bytes =
        (uint32_t)vec_bytes(root, "data_block", block, sizeof(block));
    assert_int_equal(keys_data_block_int(&root_key, &key), FUO_OK);
    assert_key(mic, "key", &key);
    (void)vec_bytes(mic, "mic", want, sizeof(want));
    check_block_mic(&key, &params, block, want);
    json_object_put(root);
}

TEST_MAIN(cmocka_unit_test(key_chains_are_those_of_chirpstack_and_loramac_node),
          cmocka_unit_test(lbm_devices_accepted_these_keys),
          cmocka_unit_test(block_mics_are_those_of_chirpstack),
          cmocka_unit_test(lbm_v2_accepted_this_block_mic))
