/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "sim/airlog.h"
#include "sim/radio.h"
#include "sim/timers.h"

#define NOON ((struct utc){SECONDS_US(INT64_C(1790000000))})

static struct sim_radio_config radio_config(size_t gateways)
{
    return (struct sim_radio_config){
        .region = region_get(REGION_EU868), .gateway_count = gateways, .seed = 11};
}

static enum tx_status book(struct sim_radio *radio, int64_t at_us, bool immediate,
                           uint32_t hz, struct sim_emission *e)
{
    struct sim_tx_request request = {
        .gateway = 0,
        .at = utc_after(NOON, at_us),
        .immediate = immediate,
        .frequency_hz = hz,
        .dr = 3,
        .phy_bytes = 128,
    };
    return sim_radio_book(radio, &request, e);
}

static void no_hour_holds_more_than_the_duty_cycle(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    struct sim_emission e;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    /* 128 bytes at DR3 are 676.864 ms: 531 in 360 s (lorawan.md 7) */
    int sent = 0;
    for (int i = 0; i < 3600; i++) {
        sent += book(&radio, SECONDS_US(i), false, 869525000, &e) == TX_OK ? 1 : 0;
    }
    assert_int_equal(e.airtime_us, 676864);
    assert_int_equal(sent, 531);
    assert_int_equal(book(&radio, SECONDS_US(3600) - 1, false, 869525000, &e),
                     TX_DUTY_CYCLE_OVERFLOW);
    /* the first frame leaves the hour */
    assert_int_equal(book(&radio, SECONDS_US(3601), false, 869525000, &e), TX_OK);
    assert_int_equal(book(&radio, SECONDS_US(3602), false, 869525000, &e), TX_OK);
    /* other sub-bands have their own account: 1 % is 53 frames */
    sent = 0;
    for (int i = 0; i < 100; i++) {
        sent += book(&radio, SECONDS_US(4000 + i), false, 868100000, &e) == TX_OK ? 1 : 0;
    }
    assert_int_equal(sent, 53);
    assert_int_equal(sim_radio_used_us(&radio, 0, 2, utc_after(NOON, SECONDS_US(5000))),
                     53 * 676864);
    sim_radio_free(&radio);
}

static void a_priority_leaves_a_part_of_the_duty_cycle_to_others(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    struct sim_emission e;
    struct sim_tx_request request = {
        .frequency_hz = 868100000, .dr = 3, .phy_bytes = 128, .ceiling_ppm = 400000};
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    int sent = 0;
    for (int i = 0; i < 100; i++) {
        request.at = utc_after(NOON, SECONDS_US(i));
        sent += sim_radio_book(&radio, &request, &e) == TX_OK ? 1 : 0;
    }
    assert_int_equal(sent, 21); /* of 53 */
    request.ceiling_ppm = 0;
    assert_int_equal(sim_radio_book(&radio, &request, &e), TX_OK);
    sim_radio_free(&radio);
}

static void a_frame_booked_ahead_counts_for_one_before_it(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    struct sim_emission e;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    for (int i = 0; i < 531; i++) {
        assert_int_equal(book(&radio, SECONDS_US(1000 + i), false, 869525000, &e), TX_OK);
    }
    assert_int_equal(book(&radio, 0, false, 869525000, &e), TX_DUTY_CYCLE_OVERFLOW);
    assert_int_equal(book(&radio, -SECONDS_US(3600), false, 869525000, &e), TX_OK);
    sim_radio_free(&radio);
}

static void frames_do_not_overlap_at_a_gateway(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    struct sim_emission e;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    assert_int_equal(book(&radio, 0, false, 869525000, &e), TX_OK);
    assert_int_equal(book(&radio, 600000, false, 868100000, &e), TX_COLLISION_PACKET);
    assert_int_equal(book(&radio, 600000, true, 868100000, &e), TX_OK);
    assert_int_equal(e.start.us, NOON.us + 676864);
    assert_int_equal(book(&radio, SECONDS_US(5), false, 869300000, &e), TX_FREQ);
    radio.gateways[0].off = true;
    assert_int_equal(book(&radio, SECONDS_US(9), true, 868100000, &e), TX_NO_ACK);
    sim_radio_free(&radio);
}

static void a_gateway_hears_nothing_while_it_transmits(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    struct sim_emission e;
    config.half_duplex = true;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    assert_int_equal(book(&radio, 0, false, 869525000, &e), TX_OK);
    struct utc early = utc_after(NOON, 100);
    struct utc late = utc_after(NOON, SECONDS_US(2));
    assert_false(sim_radio_received_up(&radio, 0, early, utc_after(early, 50000)));
    assert_true(sim_radio_received_up(&radio, 0, late, utc_after(late, 50000)));
    sim_radio_free(&radio);
}

static void losses_come_at_their_rate_and_the_seed_repeats_them(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    int lost[2] = {0};
    config.down_loss_ppm = 100000;
    for (int run = 0; run < 2; run++) {
        assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
        for (int i = 0; i < 20000; i++) {
            lost[run] += sim_radio_received_down(&radio) ? 0 : 1;
        }
        sim_radio_free(&radio);
    }
    assert_in_range(lost[0], 1850, 2150);
    assert_int_equal(lost[0], lost[1]);
}

static void every_device_has_a_home_gateway_and_perhaps_others(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(4);
    int others = 0;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    for (size_t device = 0; device < 300; device++) {
        for (size_t g = 0; g < 4; g++) {
            int rssi_dbm = 0;
            bool reached = sim_radio_reaches(&radio, g, device, &rssi_dbm);
            assert_true(reached || g != device % 4);
            others += reached && g != device % 4 ? 1 : 0;
            assert_true(g != device % 4 || rssi_dbm > -100);
        }
    }
    assert_in_range(others, 250, 350);
    sim_radio_free(&radio);
    config.gateway_count = 0;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_ERANGE);
}

static void a_device_that_moves_is_at_home_elsewhere(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(3);
    int rssi_dbm = 0;
    int before_dbm = 0;
    int other_dbm = 0;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    (void)sim_radio_reaches(&radio, 1, 4, &other_dbm);
    (void)sim_radio_reaches(&radio, 2, 5, &before_dbm);
    assert_int_equal(sim_radio_move(&radio, 5), FUO_OK);
    assert_true(sim_radio_reaches(&radio, 0, 5, &rssi_dbm)); /* 5 + 1 mod 3 */
    assert_true(rssi_dbm > -100);
    assert_int_equal(sim_radio_move(&radio, 5), FUO_OK);
    assert_int_equal(sim_radio_move(&radio, 5), FUO_OK); /* all the way round */
    assert_true(sim_radio_reaches(&radio, 2, 5, &rssi_dbm));
    assert_int_not_equal(rssi_dbm, before_dbm);
    (void)sim_radio_reaches(&radio, 1, 4, &rssi_dbm); /* the others stay where they are */
    assert_int_equal(rssi_dbm, other_dbm);
    sim_radio_free(&radio);
}

static void a_lawless_gateway_sends_whatever_it_is_given(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(1);
    struct sim_emission e;
    int sent = 0;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    radio.gateways[0].lawless = true;
    for (int i = 0; i < 600; i++) {
        sent += book(&radio, SECONDS_US(i), true, 869525000, &e) == TX_OK ? 1 : 0;
    }
    assert_int_equal(sent, 600);
    assert_int_equal(book(&radio, SECONDS_US(600), false, 869525000, &e), TX_OK);
    sim_radio_free(&radio);
}

static enum tx_status send_from(struct sim_radio *radio, size_t gateway, int64_t at_us,
                                uint8_t dr, struct sim_emission *e)
{
    struct sim_tx_request request = {
        .gateway = gateway,
        .at = utc_after(NOON, at_us),
        .frequency_hz = 869525000,
        .dr = dr,
        .phy_bytes = 100,
    };
    return sim_radio_book(radio, &request, e);
}

static void gateways_at_once_disturb_where_both_are_heard_alike(void **state)
{
    (void)state;
    struct sim_radio radio;
    struct sim_radio_config config = radio_config(4);
    struct sim_emission e;
    size_t others[4];
    size_t hit[2] = {0};
    config.capture_db = 6;
    assert_int_equal(sim_radio_init(&radio, &config), FUO_OK);
    assert_int_equal(send_from(&radio, 0, 0, 5, &e), TX_OK);
    struct sim_emission first = e;
    assert_int_equal(send_from(&radio, 1, 1000, 5, &e), TX_OK);
    assert_int_equal(send_from(&radio, 2, 2000, 4, &e), TX_OK);             /* other DR */
    assert_int_equal(send_from(&radio, 3, first.airtime_us, 5, &e), TX_OK); /* after it */
    assert_int_equal(sim_radio_others(&radio, 0, &first, others), 1);
    assert_int_equal(others[0], 1);
    for (size_t device = 0; device < 400; device++) {
        int mine = 0;
        int other = 0;
        bool both = sim_radio_reaches(&radio, 0, device, &mine) &&
                    sim_radio_reaches(&radio, 1, device, &other);
        bool disturbed = sim_radio_disturbed(&radio, 0, device, others, 1);
        if (both) {
            assert_int_equal(disturbed, other > mine - 6);
            hit[disturbed]++;
        }
    }
    assert_true(hit[0] > 10 && hit[1] > 10);
    assert_false(sim_radio_disturbed(&radio, 0, 0, others, 0));
    radio.config.capture_db = 0; /* not asked for */
    assert_int_equal(sim_radio_others(&radio, 0, &first, others), 0);
    sim_radio_free(&radio);
}

static void a_line_of_the_air_log_tells_all(void **state)
{
    (void)state;
    const uint64_t got[] = {0x70b3d57ed0060001, 0x70b3d57ed0060002};
    const uint64_t missed[] = {0x70b3d57ed0060003};
    struct air_frame frame = {
        .start = {1790000000123456},
        .direction = DIRECTION_DOWN,
        .sender = 0x0016c001f1000001,
        .frequency_hz = 869525000,
        .dr = 3,
        .airtime_us = 676864,
        .phy = (const uint8_t *)"\x60\x01",
        .phy_len = 2,
        .received_by = got,
        .received_count = 2,
        .missed_by = missed,
        .missed_count = 1,
    };
    size_t len = 0;
    char *line = airlog_line(&frame, &len);
    assert_string_equal(
        line, "{\"time\":1790000000.123456,\"direction\":\"down\","
              "\"gateway\":\"0016c001f1000001\",\"frequency\":869525000,\"dr\":3,"
              "\"airtime_us\":676864,\"phy_payload\":\"6001\","
              "\"received_by\":[\"70b3d57ed0060001\",\"70b3d57ed0060002\"],"
              "\"missed_by\":[\"70b3d57ed0060003\"]}\n");
    assert_int_equal(len, strlen(line));
    free(line);
    frame.direction = DIRECTION_UP;
    frame.received_count = 0;
    frame.missed_count = 0;
    line = airlog_line(&frame, &len);
    assert_non_null(strstr(line, "\"gateway\":\"\",\"device\":\"0016c001f1000001\","));
    assert_non_null(strstr(line, "\"received_by\":[],\"missed_by\":[]}\n"));
    free(line);
}

struct beep {
    struct sim_timer timer;
    struct sim_timers *timers;
    int *count;
    int order;
};

static void on_beep(struct sim_timer *timer, struct utc now)
{
    struct beep *beep = SIM_TIMER_OWNER(timer, struct beep, timer);
    beep->order = (*beep->count)++;
    assert_int_equal(now.us, timer->at.us);
}

static void timers_fire_in_order_and_cancelled_ones_never(void **state)
{
    (void)state;
    struct sim_timers timers = {0};
    static struct beep beeps[200];
    int count = 0;
    assert_int_equal(sim_timers_next(&timers).us, INT64_MAX);
    for (int i = 0; i < 200; i++) {
        beeps[i] = (struct beep){{.fire = on_beep}, &timers, &count, -1};
        sim_timers_set(&timers, &beeps[i].timer, (struct utc){(i * 37) % 100});
    }
    for (int i = 0; i < 200; i += 3) {
        sim_timers_cancel(&timers, &beeps[i].timer);
        sim_timers_cancel(&timers, &beeps[i].timer);
    }
    sim_timers_set(&timers, &beeps[1].timer, (struct utc){1000});
    sim_timers_run(&timers, (struct utc){500});
    assert_int_equal(sim_timers_next(&timers).us, 1000);
    sim_timers_run(&timers, (struct utc){1000});
    assert_int_equal(count, 133);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(beeps[i].order >= 0, i % 3 != 0);
        for (int j = i + 1; j < 200 && i != 1; j++) {
            bool first = (i * 37) % 100 <= (j * 37) % 100;
            assert_true(i % 3 == 0 || j % 3 == 0 ||
                        first == (beeps[i].order < beeps[j].order));
        }
    }
    sim_timers_free(&timers);
}

TEST_MAIN(cmocka_unit_test(no_hour_holds_more_than_the_duty_cycle),
          cmocka_unit_test(a_priority_leaves_a_part_of_the_duty_cycle_to_others),
          cmocka_unit_test(a_frame_booked_ahead_counts_for_one_before_it),
          cmocka_unit_test(frames_do_not_overlap_at_a_gateway),
          cmocka_unit_test(a_gateway_hears_nothing_while_it_transmits),
          cmocka_unit_test(losses_come_at_their_rate_and_the_seed_repeats_them),
          cmocka_unit_test(every_device_has_a_home_gateway_and_perhaps_others),
          cmocka_unit_test(a_device_that_moves_is_at_home_elsewhere),
          cmocka_unit_test(a_lawless_gateway_sends_whatever_it_is_given),
          cmocka_unit_test(gateways_at_once_disturb_where_both_are_heard_alike),
          cmocka_unit_test(a_line_of_the_air_log_tells_all),
          cmocka_unit_test(timers_fire_in_order_and_cancelled_ones_never))
