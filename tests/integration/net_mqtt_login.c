/* SPDX-License-Identifier: MIT */
/* net_mqtt_login.c - src/net/mqtt.h and who is at the other end: passwords, certificates. */
#include "net_peer.h"

#include <limits.h>

static bool login_refused(void *arg)
{
    const struct peer *p = arg;
    return strstr(p->log.text, "login refused") != NULL;
}

static void a_refused_login_is_said_without_the_password(void **state)
{
    (void)state;
    struct broker b = {0};
    struct peer p;
    char url[64];
    broker_configure(&b, "allow_anonymous false\n");
    broker_start(&b);
    struct mqtt_config config = config_for(b.port, "stranger", url);
    config.username = "someone";
    config.password = "hunter2-secret";
    for (int version = 0; version < 2; version++) {
        config.protocol = version == 0 ? MQTT_PROTOCOL_5 : MQTT_PROTOCOL_3_1_1;
        peer_open_with(&p, &config);
        net_run_until(p.loop, login_refused, &p);
        assert_null(strstr(p.log.text, "hunter2"));
        assert_int_equal(p.up_count, 0);
        peer_close(&p);
    }
    broker_remove(&b);
}

static void make_certificate(const struct broker *b)
{
    char key[PATH_MAX];
    char cert[PATH_MAX];
    snprintf(key, sizeof(key), "%s/key.pem", b->dir);
    snprintf(cert, sizeof(cert), "%s/cert.pem", b->dir);
    const char *argv[] = {"openssl", "req",
                          "-x509",   "-newkey",
                          "ed25519", "-nodes",
                          "-keyout", key,
                          "-out",    cert,
                          "-subj",   "/CN=127.0.0.1",
                          "-addext", "subjectAltName=IP:127.0.0.1",
                          NULL};
    net_stop(net_spawn(argv), 0);
    assert_int_equal(chmod(key, 0644), 0);
}

static void tls_needs_a_certificate_that_the_ca_file_vouches_for(void **state)
{
    (void)state;
    struct broker b = {0};
    struct peer p;
    char more[512];
    char ca[PATH_MAX];
    char url[64];
    broker_configure(&b, "allow_anonymous true\n");
    make_certificate(&b);
    snprintf(more, sizeof(more), "certfile %s/cert.pem\nkeyfile %s/key.pem\n", b.dir,
             b.dir);
    FILE *f = fopen(b.config, "a");
    assert_non_null(f);
    fputs(more, f);
    fclose(f);
    broker_start(&b);
    struct mqtt_config config = config_for(b.port, "secure", url);
    snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", b.port);
    snprintf(ca, sizeof(ca), "%s/cert.pem", b.dir);

    config.ca_file = ca;
    peer_open_with(&p, &config);
    net_run_until(p.loop, is_up, &p);
    peer_close(&p);

    config.ca_file = NULL; /* the system's, which do not know it */
    peer_open_with(&p, &config);
    net_run_until(p.loop, cannot_connect, &p);
    assert_int_equal(p.up_count, 0);
    peer_close(&p);
    broker_remove(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_login_is_said_without_the_password),
        cmocka_unit_test(tls_needs_a_certificate_that_the_ca_file_vouches_for),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uv_loop_close(uv_default_loop());
    return failed;
}
