/* SPDX-License-Identifier: MIT */
#include "net/reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

enum {
    WAIT_MS = 2000,
};

/* A socket that listens, and its port. */
static int listen_somewhere(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void who_listens_is_reached_and_who_does_not_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *front;
        const char *back;
    } urls[] = {{"mqtt://127.0.0.1", ""},
                {"mqtts://127.0.0.1", "/"},
                {"http://localhost", "/path?x#y"},
                {"https://127.0.0.1", ""}};
    unsigned port;
    int fd = listen_somewhere(&port);
    struct detail detail = {0};
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
    assert_int_equal(reach_url(url, WAIT_MS, &detail), FUO_EAGAIN);
    assert_non_null(strstr(detail.text, "Connection refused"));
    assert_int_equal(listen(fd, 8), 0);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        test_row(urls[i].front);
        snprintf(url, sizeof(url), "%s:%u%s", urls[i].front, port, urls[i].back);
        assert_int_equal(reach_url(url, WAIT_MS, &detail), FUO_OK);
    }
    close(fd);
}

static void what_is_no_url_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "127.0.0.1:1883",
                                       "ftp://127.0.0.1",
                                       "mqtt://",
                                       "mqtt://:1883",
                                       "http://me@127.0.0.1",
                                       "http://[::1",
                                       "http://[::1]x",
                                       "http://127.0.0.1:",
                                       "http://127.0.0.1:1234567"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct detail detail = {0};
        test_row(urls[i]);
        int err = reach_url(urls[i], WAIT_MS, &detail);
        assert_true(err == FUO_EINVAL || err == FUO_ENOENT);
        assert_true(detail.text[0] != '\0');
    }
    struct detail detail = {0};
    assert_int_equal(reach_url("mqtt://[::1]:1", WAIT_MS, &detail), FUO_EAGAIN);
    assert_non_null(strstr(detail.text, "::1 port 1: "));
}

TEST_MAIN(cmocka_unit_test(who_listens_is_reached_and_who_does_not_is_not),
          cmocka_unit_test(what_is_no_url_is_refused))
