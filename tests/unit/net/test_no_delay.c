/* SPDX-License-Identifier: MIT */
#include "net/no_delay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static int option_of(int fd)
{
    int value = 0;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    return value;
}

static void connections_have_it_and_what_is_none_is_left_alone(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    (void)no_delay(); /* of what the test was given */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    int near = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(near, (struct sockaddr *)&address, len), 0);
    int far = accept(listener, NULL, NULL);
    assert_true(udp >= 0 && far >= 0);
    assert_int_equal(option_of(near), 0);
    assert_int_equal(no_delay(), 2);
    assert_int_equal(option_of(near), 1);
    assert_int_equal(option_of(far), 1);
    assert_int_equal(option_of(listener), 0);
    assert_int_equal(no_delay(), 0);
    close(far);
    close(near);
    close(udp);
    close(listener);
}

TEST_MAIN(cmocka_unit_test(connections_have_it_and_what_is_none_is_left_alone))
