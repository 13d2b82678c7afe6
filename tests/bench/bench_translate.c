/* SPDX-License-Identifier: MIT */
/*
 * bench_translate.c - how long ChirpStack's uplink takes to become an event of the contract,
 * beside how long json-c takes to parse the same message: CPU time, in turns, best of many.
 *
 * Prints both and the ratio; exits with 1 if it is above 1.5.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events.h"

#define APP   "5a1c0e1e-0000-4000-8000-000000000001"
#define TOPIC "application/" APP "/device/70b3d57ed0060001/event/up"
#define RX(gateway)                                                                      \
    "{\"gatewayId\":\"" gateway "\",\"uplinkId\":3735928559,\"gwTime\":"                 \
    "\"2026-11-22T05:05:33.757550+00:00\",\"nsTime\":\"2026-11-22T05:05:33.777550+00:"   \
    "00\","                                                                              \
    "\"timeSinceGpsEpoch\":\"1479359151.757550s\",\"rssi\":-97,\"snr\":6.5,\"channel\":" \
    "2,"                                                                                 \
    "\"location\":{},\"context\":\"AAAAAA==\",\"crcStatus\":\"CRC_OK\"}"

static const char uplink[] =
    "{\"deduplicationId\":\"3f1c7d0e-8f3a-4a1b-8c55-0e9d1c2b3a4f\",\"time\":"
    "\"2026-11-22T05:05:33.757550+00:00\",\"deviceInfo\":{\"tenantId\":"
    "\"52f14cd4-c6f1-4fbd-8f87-4025e1d49242\",\"tenantName\":\"tenant\","
    "\"applicationId\":"
    "\"" APP "\",\"applicationName\":\"meters\",\"deviceProfileId\":"
    "\"14855bf7-d10d-4aee-b618-ebfcb64dc7ad\",\"deviceProfileName\":\"meter\","
    "\"deviceName\":\"meter-00001\",\"devEui\":\"70b3d57ed0060001\","
    "\"deviceClassEnabled\":\"CLASS_A\",\"tags\":{\"site\":\"north\"}},\"devAddr\":"
    "\"01ab23cd\",\"adr\":true,\"dr\":5,\"fCnt\":4711,\"fPort\":201,\"confirmed\":"
    "false,"
    "\"data\":\"AQEgAwAB\",\"rxInfo\":[" RX("0016c001f1000001") "," RX(
        "0016c001f1000"
        "002") "," RX("0016c001f1000003") "],\"txInfo\":{\"frequency\":868300000,"
                                          "\"modulation\":{\"lora\":{\"bandwidth\":"
                                          "125000,"
                                          "\"spreadingFactor\":7,\"codeRate\":"
                                          "\"CR_4_5\"}}},\"regionConfigId\":\"eu868\"}";

enum {
    ROUNDS = 200,
    MESSAGES = 500, /* of a round */
};

#define RATIO_MAX 1.5

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void parse_only(void)
{
    struct json_tokener *tok = json_tokener_new_ex(16);
    struct json_object *root =
        json_tokener_parse_ex(tok, uplink, (int)sizeof(uplink) - 1);
    if (root == NULL) {
        abort();
    }
    json_object_put(root);
    json_tokener_free(tok);
}

static void translate(void)
{
    static struct decoded_event out;
    struct topic_device from;
    if (!topic_parse(TOPIC_EVENT, APP, TOPIC, &from)) {
        abort();
    }
    const char *problem =
        event_decode(&from, (const uint8_t *)uplink, sizeof(uplink) - 1, NULL, &out);
    if (problem != NULL || out.event.uplink.rx_count != 3) {
        abort();
    }
}

/* Microseconds of one call, in the mean of a round. */
static double round_of(void (*what)(void))
{
    double from = cpu_us();
    for (int i = 0; i < MESSAGES; i++) {
        what();
    }
    return (cpu_us() - from) / MESSAGES;
}

int main(void)
{
    double parse_us = 1e9;
    double translate_us = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double a = round_of(parse_only);
        double b = round_of(translate);
        parse_us = a < parse_us ? a : parse_us;
        translate_us = b < translate_us ? b : translate_us;
    }
    double ratio = translate_us / parse_us;
    printf(
        "json-c parses in %.2f us, an uplink is translated in %.2f us: %.2f (%s %.1f)\n",
        parse_us, translate_us, ratio, ratio <= RATIO_MAX ? "at most" : "ABOVE",
        RATIO_MAX);
    return ratio <= RATIO_MAX ? EXIT_SUCCESS : EXIT_FAILURE;
}
