/* SPDX-License-Identifier: MIT */
/* test_render.c - JSON of the daemon as text, tables, CSV and JSON Lines. */
#include <stdlib.h>
#include <string.h>

#include "fuotactl/render.h"
#include "test.h"

struct rendered {
    char *text;
    size_t len;
    FILE *out;
    struct json_object *json;
};

static FILE *begin(struct rendered *r, const char *json)
{
    *r = (struct rendered){0};
    r->json = json_tokener_parse(json);
    r->out = open_memstream(&r->text, &r->len);
    assert_non_null(r->out);
    return r->out;
}

static void assert_rendered(struct rendered *r, const char *want)
{
    fclose(r->out);
    assert_string_equal(r->text, want);
    free(r->text);
    json_object_put(r->json);
}

static void json_lines_begin_with_their_type_and_hide_nothing(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(&r, "{\"name\":\"a/b\",\"type\":\"other\",\"n\":null,"
                          "\"text\":\"\\u001b\\u007f\\u009bx\\u00e4\"}");
    render_json(out, "campaign", r.json);
    render_json(out, "empty", NULL);
    assert_rendered(&r, "{\"type\":\"campaign\",\"name\":\"a/b\",\"n\":null,"
                        "\"text\":\"\\u001b\\u007f\\u009bx\303\244\"}\n"
                        "{\"type\":\"empty\"}\n");
}

static void a_budget_shows_what_is_used_and_what_is_left(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(&r, "[{\"gateway\":\"0016c001ff10a235\",\"low_hz\":869400000,"
                          "\"high_hz\":869650000,\"own_us\":72000000,\"waiting_us\":"
                          "1500000,\"others_us\":18000000,"
                          "\"own_cap_us\":216000000,\"legal_cap_us\":360000000,"
                          "\"free_us\":144000000,\"used_ppm\":250000,\"online\":true},"
                          "{\"gateway\":\"0016c001ff10a236\",\"low_hz\":902000000,"
                          "\"high_hz\":928000000,\"own_us\":0,\"others_us\":0,"
                          "\"own_cap_us\":2160000000,\"legal_cap_us\":3600000000,"
                          "\"free_us\":2160000000,\"used_ppm\":0,\"online\":false},{}]");
    render_budgets(out, r.json);
    assert_rendered(
        &r, "GATEWAY           BAND (MHZ)       CAMPAIGNS  WAITING     CAP  OTHERS  "
            "LEGAL LIMIT   USED    FREE  ONLINE\n"
            "0016c001ff10a235  869.400-869.650     1m 12s    1.5 s  3m 36s  18.0 s  "
            "      6m 0s  25.0%  2m 24s  yes\n"
            "0016c001ff10a236  902.000-928.000      0.0 s        -  36m 0s   0.0 s  "
            "       none   0.0%  36m 0s  no\n"
            "-                 0.000-0.000              -        -       -       -  "
            "          -      -       -  -\n");
    out = begin(&r, "{}");
    render_budgets(out, r.json);
    assert_rendered(
        &r, "GATEWAY  BAND (MHZ)  CAMPAIGNS  WAITING  CAP  OTHERS  LEGAL LIMIT  USED  "
            "FREE  ONLINE\n");
}

static void findings_are_a_line_each(void **state)
{
    (void)state;
    static const char list[] =
        "[{\"level\":\"ok\",\"check\":\"disk\",\"what\":\"/var\",\"text\":\"7 MiB\"},"
        "{\"level\":\"warn\",\"what\":\"a\",\"text\":\"b\\u001b\"},"
        "{\"level\":\"fail\",\"what\":\"c\",\"text\":\"d\"},{}]";
    struct rendered r;
    FILE *out = begin(&r, list);
    render_findings(out, r.json, false);
    assert_rendered(&r, "ok    /var  - 7 MiB\n"
                        "warn  a  - b?\n"
                        "fail  c  - d\n"
                        "-  -  - -\n");
    out = begin(&r, list);
    render_findings(out, r.json, true);
    assert_rendered(&r, "\033[32mok\033[0m    /var  - 7 MiB\n"
                        "\033[33mwarn\033[0m  a  - b?\n"
                        "\033[31mfail\033[0m  c  - d\n"
                        "-  -  - -\n");
    out = begin(&r, "null");
    render_findings(out, r.json, true);
    assert_rendered(&r, "");
}

static void a_plan_shows_devices_fragments_airtime_and_budget(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(
        &r, "{\"name\":\"wm1\",\"fleet\":\"f\",\"devices\":50,\"image_bytes\":51000,"
            "\"cohorts\":[{\"devices\":50,\"dr\":5,\"frequency_hz\":869525000,"
            "\"fragment_size\":222,\"fragments\":230,\"coded\":46,"
            "\"frame_airtime_us\":368896,\"airtime_us\":101815296,\"gateways\":2,"
            "\"sessions\":1,\"duration_us\":1696000000,\"airtime_cap_us\":216000000,"
            "\"legal_cap_us\":360000000},"
            "{\"devices\":1,\"gateways\":1,\"airtime_cap_us\":3600000000,"
            "\"legal_cap_us\":3600000000,\"sessions\":2}],"
            "\"fragments\":230,\"coded\":46,\"airtime_us\":203630592,"
            "\"duration_us\":1696000000,\"notes\":[\"assumed\\u0007\"]}");
    render_plan(out, r.json);
    assert_rendered(&r, "campaign     wm1\n"
                        "fleet        f\n"
                        "devices      50\n"
                        "image        51000 bytes\n"
                        "fragments    230 and 46 coded\n"
                        "airtime      3m 23s of all gateways\n"
                        "duration     28m 16s of sending; waiting for uplinks comes on "
                        "top\n"
                        "cohort       50 devices, DR5, 869.525 MHz, 2 gateways\n"
                        "  fragments  230 of 222 bytes and 46 coded, 369 ms a frame\n"
                        "  airtime    1m 41s at each gateway\n"
                        "  budget     legal 6m 0s in every hour of a gateway; campaigns "
                        "use up to 3m 36s\n"
                        "  duration   28m 16s in 1 session\n"
                        "cohort       1 device, DR0, 0.000 MHz, 1 gateway\n"
                        "  fragments  0 of 0 bytes and 0 coded\n"
                        "  airtime    - at each gateway\n"
                        "  budget     no legal limit in this region; campaigns use up to "
                        "1h 0m\n"
                        "  duration   - in 2 sessions\n"
                        "note         assumed?\n");
}

static void a_plan_shows_lanes_forecast_and_who_is_left_out(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(
        &r, "{\"name\":\"wm1\",\"fleet\":\"f\",\"devices\":50,\"image_bytes\":51000,"
            "\"cohort_count\":3,"
            "\"cohorts\":[{\"devices\":40,\"assumed\":false,\"dr\":5,"
            "\"frequency_hz\":869525000,\"fragment_size\":222,\"fragments\":230,"
            "\"coded\":46,\"copies\":2,\"lanes\":5,\"gateways\":5,\"colours\":3,"
            "\"frame_airtime_us\":368896,\"airtime_us\":101815296,\"sessions\":1,"
            "\"interval_us\":5600000,\"duration_us\":1696000000,"
            "\"duration_p90_us\":1900000000},"
            "{\"devices\":7,\"assumed\":true,\"gateways\":1,\"lanes\":1,\"colours\":1,"
            "\"sessions\":1}],"
            "\"fragments\":460,\"coded\":92,\"airtime_us\":203630592,"
            "\"duration_us\":1696000000,\"duration_p90_us\":1900000000,"
            "\"lower_bound_us\":85000000,\"left_out\":[{\"reason\":\"no-coverage\","
            "\"text\":\"no gateway reaches it\",\"limit\":\"0 dB is needed\",\"count\":3,"
            "\"devices\":[\"00000000000000a1\",\"00000000000000a2\"]}],\"notes\":[]}");
    render_plan(out, r.json);
    assert_rendered(
        &r,
        "campaign     wm1\n"
        "fleet        f\n"
        "devices      50\n"
        "image        51000 bytes\n"
        "fragments    460 and 92 coded\n"
        "airtime      3m 23s of all gateways\n"
        "duration     28m 16s (p90 31m 40s) of sending; waiting for uplinks comes on "
        "top\n"
        "bound        no plan takes less than 1m 25s\n"
        "cohort       40 devices, DR5, 869.525 MHz, 5 gateways, 5 lanes in 3 colours\n"
        "  fragments  230 of 222 bytes, each 2 times, and 46 coded, 369 ms a frame\n"
        "  airtime    1m 41s at each gateway\n"
        "  duration   28m 16s (p90 31m 40s) in 1 session, a frame every 5.6 s\n"
        "cohort       7 devices not heard yet, DR0, 0.000 MHz, 1 gateway\n"
        "  fragments  0 of 0 bytes and 0 coded\n"
        "  airtime    - at each gateway\n"
        "  duration   - in 1 session\n"
        "cohort       1 more\n"
        "left out     3 devices: no gateway reaches it (0 dB is needed): "
        "00000000000000a1 00000000000000a2 and 1 more\n");
}

static void a_plan_shows_its_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *calendar;
        const char *want;
    } rows[] = {
        {"{\"timezone\":\"Europe/Berlin\",\"windows\":["
         "{\"start\":\"2026-10-24T22:00:00+02:00\",\"end\":\"2026-10-25T05:30:00+01:00\"}"
         ","
         "{\"start\":\"2026-10-26T22:00:00+01:00\"}],"
         "\"clock_changes\":[{\"before\":\"2026-10-25T02:59:59+02:00\","
         "\"after\":\"2026-10-25T02:00:00+01:00\"}],"
         "\"end\":\"2026-10-25T01:00:00+02:00\",\"end_p90\":\"2026-10-25T02:00:00+01:"
         "00\"}",
         "calendar     Europe/Berlin\n"
         "  window     2026-10-24 22:00 to 2026-10-25 05:30\n"
         "  window     2026-10-26 22:00 and from then on\n"
         "  clock      after 2026-10-25 02:59 it is 2026-10-25 02:00\n"
         "  sent by    2026-10-25 01:00 (p90 2026-10-25 02:00)\n"},
        {"{\"timezone\":\"UTC\",\"windows\":[{\"start\":\"2026-10-24T22:00:00+00:00\","
         "\"end\":\"2026-10-24T22:01:00+00:00\"}],\"clock_changes\":[]},\"airtime_us\":1",
         "calendar     UTC\n"
         "  window     2026-10-24 22:00 to 2026-10-24 22:01\n"
         "  sent by    some time behind the windows of the coming weeks\n"},
        {"{\"timezone\":\"UTC\",\"windows\":[{\"start\":\"2026-10-24T22:00:00+00:00\","
         "\"end\":\"2026-10-24T22:01:00+00:00\"}],\"clock_changes\":[],"
         "\"deadline\":\"2026-10-25T00:00:00+00:00\"},\"airtime_us\":0",
         "  window     2026-10-24 22:00 to 2026-10-24 22:01\n"
         "  deadline   2026-10-25 00:00\n"},
        {"{\"timezone\":\"UTC\",\"windows\":[],\"clock_changes\":[]}",
         "calendar     UTC\n"
         "  window     none in the coming weeks: nothing would be sent\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rendered r;
        char text[1024];
        snprintf(text, sizeof(text), "{\"calendar\":%s}", rows[i].calendar);
        FILE *out = begin(&r, text);
        render_plan(out, r.json);
        fclose(out);
        assert_non_null(strstr(r.text, rows[i].want));
        free(r.text);
        json_object_put(r.json);
    }
}

static void a_simulation_is_told_in_words(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(
        &r, "{\"name\":\"wm1\",\"image_bytes\":51000,\"seed\":5,\"timing\":\"stock\","
            "\"devices\":200,\"gateways\":1,\"complete\":199,\"complete_us\":32911000000,"
            "\"complete_95_us\":20000000000,\"end_us\":50400000000,"
            "\"airtime_us\":902875648,\"transmissions\":2,\"frames\":2595,"
            "\"duty_cycle_violations\":0,\"cut\":false,\"campaigns\":[{\"held\":true,"
            "\"name\":\"wm1\",\"reason\":\"wave all failed\",\"phase\":\"paused\","
            "\"outcomes\":{\"none\":0,\"succeeded\":199,\"failed\":1},\"waves\":[{"
            "\"name\":\"all\",\"phase\":\"held\",\"verdict\":\"failed\",\"devices\":200,"
            "\"attempted\":200,\"succeeded\":199,\"failed\":1}]}]}");
    render_simulation(out, r.json);
    assert_rendered(&r,
                    "campaign     wm1\n"
                    "image        51000 bytes\n"
                    "simulated    200 devices, 1 gateway, timing stock, seed 5\n"
                    "complete     199 of 200 devices, 95% of all after 5h 33m, the last "
                    "after 9h 8m\n"
                    "over         after 14h 0m\n"
                    "airtime      15m 2s of all gateways, 2595 frames, 2 "
                    "transmissions\n"
                    "duty cycle   never above the legal limit\n"
                    "wave         all: 200 devices, held, failed, 200 attempted, 199 "
                    "succeeded, 1 failed\n"
                    "outcomes     199 succeeded, 1 failed\n"
                    "at the end   held: wave all failed\n");
}

static void a_simulation_that_was_cut_says_so(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out =
        begin(&r, "{\"name\":\"wm1\",\"devices\":1,\"gateways\":2,\"complete\":0,"
                  "\"complete_us\":-1,\"complete_95_us\":-1,\"end_us\":1296000000000,"
                  "\"duty_cycle_violations\":3,\"cut\":true,\"campaigns\":["
                  "{\"name\":\"wm1\",\"priority\":2,\"phase\":\"running\","
                  "\"outcomes\":{\"none\":1}},{\"name\":\"wm2\",\"priority\":1,"
                  "\"phase\":\"completed\",\"outcomes\":{\"superseded\":1}}]}");
    render_simulation(out, r.json);
    assert_rendered(&r, "campaign     wm1\n"
                        "image        0 bytes\n"
                        "simulated    1 device, 2 gateways, timing , seed 0\n"
                        "complete     0 of 1 device\n"
                        "over         not yet after 15d 0h\n"
                        "airtime      - of all gateways, 0 frames, 0 transmissions\n"
                        "duty cycle   above the legal limit in 3 hours\n"
                        "campaign     wm1, priority 2\n"
                        "outcomes     1 without one\n"
                        "at the end   running\n"
                        "campaign     wm2, priority 1\n"
                        "outcomes     1 superseded\n"
                        "at the end   completed\n");
}

static const char campaign[] =
    "{\"name\":\"wm1\",\"id\":3,\"phase\":\"paused\",\"reason\":\"disk full\","
    "\"fleet\":\"f\",\"version\":\"1.4.3\",\"digest\":\"ab\",\"created\":"
    "\"2026-01-01T00:00:00Z\",\"started\":null,\"ended\":null,"
    "\"devices\":{\"total\":50,\"active\":48,\"succeeded\":2,\"failed\":0},"
    "\"states\":{\"idle\":2,\"downloading\":48,\"downloaded\":0,\"updating\":0},"
    "\"fragments\":{\"uncoded\":230,\"sent\":12},\"airtime_us\":4426752,"
    "\"session\":{\"id\":1,\"phase\":\"sending\",\"dr\":5,\"frequency_hz\":869525000,"
    "\"fragment_size\":222,\"uncoded\":230,\"next\":13,\"target\":276,\"members\":48,"
    "\"gateways\":[\"0016c001f153a14c\"],\"start\":\"2026-01-01T01:00:00Z\","
    "\"end\":null,\"repair_rounds\":0}}";

static void a_campaign_in_detail(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(&r, campaign);
    render_campaign(out, r.json, false);
    assert_rendered(&r, "campaign     wm1\n"
                        "phase        paused (disk full)\n"
                        "fleet        f\n"
                        "version      1.4.3\n"
                        "image        ab\n"
                        "devices      50: 48 active, 2 succeeded\n"
                        "states       2 idle, 48 downloading, 0 downloaded, 0 updating\n"
                        "fragments    12 sent, M 230\n"
                        "airtime      4.4 s\n"
                        "session      sending, DR5, 869.525 MHz, 48 devices, 1 gateway, "
                        "0 repair rounds\n"
                        "             next 13 of 276 (230 uncoded, 222 bytes each)\n"
                        "  start      2026-01-01T01:00:00Z\n"
                        "  end        -\n"
                        "created      2026-01-01T00:00:00Z\n"
                        "started      -\n"
                        "ended        -\n");
}

static void a_campaign_in_several_sessions_shows_the_newest(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out =
        begin(&r, "{\"name\":\"c\",\"session\":{\"phase\":\"sending\",\"members\":9,"
                  "\"gateways\":[\"a\",\"b\"],\"colours\":2,\"lanes\":[{},{}]},"
                  "\"session_count\":3}");
    render_campaign(out, r.json, false);
    fflush(r.out);
    assert_non_null(strstr(r.text, "session      sending, DR0, 0.000 MHz, 9 devices, 2 "
                                   "gateways, 2 lanes in 2 colours, 0 repair rounds\n"));
    assert_non_null(strstr(r.text, "  sessions   3 under way in all\n"));
    fclose(r.out);
    free(r.text);
    json_object_put(r.json);
}

static void colour_is_on_the_phase_only_and_when_asked_for(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(&r, campaign);
    render_campaign(out, r.json, true);
    fflush(r.out);
    assert_non_null(strstr(r.text, "phase        \033[33mpaused\033[0m (disk full)\n"));
    fclose(r.out);
    free(r.text);
    json_object_put(r.json);
}

static void campaigns_as_a_table(void **state)
{
    (void)state;
    struct rendered r;
    char list[2048];
    snprintf(list, sizeof(list), "[%s,{\"name\":\"x\"},7]", campaign);
    FILE *out = begin(&r, list);
    render_campaigns(out, r.json);
    assert_rendered(
        &r, "NAME  PHASE   FLEET  VERSION  DEVICES  ACTIVE  SUCCEEDED  FAILED  UNKNOWN  "
            "FRAGMENTS  AIRTIME\n"
            "wm1   paused  f      1.4.3         50      48          2       0        0  "
            "   12/230    4.4 s\n"
            "x     -       -      -              0       0          0       0        0  "
            "      0/0        -\n"
            "-     -       -      -              0       0          0       0        0  "
            "      0/0        -\n");
}

static const char device[] =
    "{\"dev_eui\":\"70b3d57ed005a1b2\",\"phase\":\"ended\",\"state\":0,"
    "\"state_name\":\"idle\",\"result\":1,\"result_text\":\"success\","
    "\"source\":\"inferred\",\"outcome\":\"succeeded\",\"reason\":\"verified\","
    "\"reason_text\":\"it says \\\"ok\\\", twice\",\"version_before\":16909056,"
    "\"version\":null,\"received\":276,\"missing\":0,\"tries\":1,"
    "\"time\":\"2026-01-01T02:00:00Z\"}";

static void devices_as_a_table(void **state)
{
    (void)state;
    struct rendered r;
    char list[1024];
    snprintf(list, sizeof(list), "[%s]", device);
    FILE *out = begin(&r, list);
    render_devices(out, r.json);
    assert_rendered(&r,
                    "DEVEUI            OUTCOME    STATE   DONE  UPDATE RESULT  SOURCE  "
                    "  BEFORE      VERSION  PACKAGE  PHASE  REASON    FLEET\n"
                    "70b3d57ed005a1b2  succeeded  0 idle  -     1 success      inferre"
                    "d  0x01020300  -        -        ended  verified  -\n");
    snprintf(list, sizeof(list),
             "[{\"progress\":57,\"package_version\":\"1.4.3\",\"fleet\":\"wm1\"}]");
    out = begin(&r, list);
    render_devices(out, r.json);
    assert_rendered(&r, "DEVEUI  OUTCOME  STATE  DONE  UPDATE RESULT  SOURCE  BEFORE  "
                        "VERSION  PACKAGE  PHASE  REASON  FLEET\n"
                        "-       -        0      57%   0              -       -       "
                        "-        1.4.3    -      -       wm1\n");
}

static void csv_quotes_what_needs_it_and_defuses_formulas(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(&r, device);
    json_object_object_add(r.json, "wave", json_object_new_string("canary"));
    render_csv_heading(out);
    render_csv_row(out, r.json);
    json_object_object_add(r.json, "reason", json_object_new_string("=cmd\n"));
    json_object_object_add(r.json, "reason_text", json_object_new_string("\"\""));
    render_csv_row(out, r.json);
    assert_rendered(
        &r, "dev_eui,outcome,reason,state,state_name,result,result_text,source,phase,"
            "reason_text,version_before,version,received,missing,tries,time,progress,"
            "package_version,wave,retries,outcome_before,reason_before,"
            "variant,delta_failures,fleet\n"
            "70b3d57ed005a1b2,succeeded,verified,0,idle,1,success,inferred,ended,"
            "\"it says \"\"ok\"\", "
            "twice\",16909056,,276,0,1,2026-01-01T02:00:00Z,,,canary,,,,,,\n"
            "70b3d57ed005a1b2,succeeded,\"'=cmd?\",0,idle,1,success,inferred,ended,"
            "\"\"\"\"\"\",16909056,,276,0,1,2026-01-01T02:00:00Z,,,canary,,,,,,\n");
}

static void waves_of_a_plan_and_of_a_campaign(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(
        &r, "{\"devices\":61,\"waves\":[{\"name\":\"canary\",\"devices\":10,"
            "\"success_ppm\":955000,\"abort_failed_ppm\":50000,\"abort_attempted\":10,"
            "\"soak_us\":86400000000,\"approval\":false,\"airtime_us\":7380000000,"
            "\"duration_us\":2400000000,\"duration_p90_us\":3600000000,"
            "\"device_energy_mj\":12340,\"energy_mj\":123400,\"skipped\":3},"
            "{\"name\":\"ten\",\"devices\":0},"
            "{\"name\":\"rest\",\"devices\":1,\"success_ppm\":1000000,"
            "\"abort_failed_ppm\":50000,\"abort_attempted\":20,\"approval\":true}]}");
    render_planned_waves(out, r.json);
    assert_rendered(
        &r,
        "wave         canary: 10 devices; needs 95.50 % success, fails at 5 % of at "
        "least 10 attempted; soaks 1d 0h\n"
        "  cost       airtime 2h 3m, sending 40m 0s (p90 1h 0m), up to 12.3 J a device "
        "and 0.123 kJ of all; 3 devices left out\n"
        "wave         ten: 0 devices: those before have them all\n"
        "wave         rest: 1 device, after approval; needs 100 % success, fails at 5 "
        "% of at least 20 attempted\n"
        "             50 devices in no wave: skipped\n");
    out = begin(&r, "{\"waves\":[{\"name\":\"canary\",\"devices\":10,\"phase\":\"held\","
                    "\"verdict\":\"broken\",\"waived\":true,\"attempted\":10,"
                    "\"succeeded\":3,\"failed\":2,\"unknown\":1,\"already\":4,"
                    "\"passed_over\":5},"
                    "{\"name\":\"ten\",\"devices\":1,\"phase\":\"soaking\","
                    "\"verdict\":\"open\",\"soak_until\":\"2026-01-01T02:00:00Z\"}]}");
    render_waves(out, r.json);
    assert_rendered(&r,
                    "wave         canary: 10 devices, held, broken (overruled), 10 "
                    "attempted, 3 succeeded, 2 failed, 1 unknown, 4 up to date before, "
                    "5 passed over\n"
                    "wave         ten: 1 device, soaking, until 2026-01-01T02:00:00Z\n");
    out = begin(&r, "{\"waves\":7}");
    render_waves(out, r.json);
    render_planned_waves(out, NULL);
    assert_rendered(&r, "");
}

static void a_device_in_detail_with_its_history(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out = begin(
        &r,
        "{\"dev_eui\":\"70b3d57ed005a1b2\",\"name\":\"meter\",\"fleet\":\"f\","
        "\"profile\":\"generic\",\"last_uplink\":null,\"firmware_version\":16909057,"
        "\"hardware_version\":null,\"battery_percent\":64,\"packages\":{\"1\":1,\"3\":2},"
        "\"reported\":{\"state\":2,\"result\":null,\"package_version\":\"1.4.3\","
        "\"firmware_version\":null,\"time\":\"T\"},"
        "\"links\":[{\"gateway\":\"0016c001f1000001\",\"snr_p50_cdb\":748,"
        "\"snr_p10_cdb\":-1206,\"heard_ppk\":985}],"
        "\"campaigns\":[{\"campaign\":\"wm1\",\"outcome\":\"failed\",\"state\":0,"
        "\"result\":8,\"source\":\"inferred\",\"phase\":\"ended\","
        "\"progress\":57,\"reason_text\":\"it said no\"}],"
        "\"history\":[{\"campaign\":\"wm1\",\"time\":\"T\",\"phase\":\"frag\","
        "\"state\":1,\"result\":0,\"source\":\"inferred\",\"outcome\":\"none\","
        "\"reason\":\"none\"}]}");
    render_device(out, r.json);
    assert_rendered(&r,
                    "device       70b3d57ed005a1b2\n"
                    "name         meter\n"
                    "fleet        f\n"
                    "profile      generic\n"
                    "last uplink  -\n"
                    "firmware     0x01020301\n"
                    "hardware     -\n"
                    "battery      64%\n"
                    "packages     TS003 v1, TS004 v2\n"
                    "reported     State 2, package 1.4.3, T\n"
                    "link         0016c001f1000001: SNR 7.5 dB, p10 -12.1 dB, hears "
                    "98.5 %\n"
                    "campaign     wm1: failed, State 0, Update Result 8 (inferred), "
                    "57% received, ended: it said no\n"
                    "\n"
                    "TIME  CAMPAIGN  PHASE  STATE  RESULT  SOURCE    OUTCOME  REASON\n"
                    "T     wm1       frag   1      0       inferred  none     none\n");
    out = begin(&r, "{}");
    render_device(out, r.json);
    assert_rendered(&r, "device       -\nname         -\nfleet        -\n"
                        "profile      -\nlast uplink  -\nfirmware     -\n"
                        "hardware     -\npackages     -\n");
}

static void problems_are_lines_with_place_and_path(void **state)
{
    (void)state;
    struct rendered r;
    FILE *out =
        begin(&r, "[{\"file\":\"c.yaml\",\"line\":3,\"column\":5,\"path\":\"spec.image\","
                  "\"text\":\"is required\"},"
                  "{\"file\":\"c\\u001b.yaml\",\"line\":0,\"text\":\"cannot be read\"},"
                  "{\"severity\":\"warning\",\"file\":\"c.yaml\",\"line\":1,\"column\":1,"
                  "\"text\":\"odd\"}]");
    render_problems(out, r.json);
    render_problems(out, NULL);
    assert_rendered(&r, "c.yaml:3:5: spec.image: is required\n"
                        "c?.yaml: cannot be read\n"
                        "c.yaml:1:1: warning: odd\n");
}

TEST_MAIN(cmocka_unit_test(findings_are_a_line_each),
          cmocka_unit_test(json_lines_begin_with_their_type_and_hide_nothing),
          cmocka_unit_test(a_budget_shows_what_is_used_and_what_is_left),
          cmocka_unit_test(a_plan_shows_devices_fragments_airtime_and_budget),
          cmocka_unit_test(a_plan_shows_lanes_forecast_and_who_is_left_out),
          cmocka_unit_test(a_plan_shows_its_calendar),
          cmocka_unit_test(a_simulation_is_told_in_words),
          cmocka_unit_test(a_simulation_that_was_cut_says_so),
          cmocka_unit_test(a_campaign_in_detail),
          cmocka_unit_test(a_campaign_in_several_sessions_shows_the_newest),
          cmocka_unit_test(colour_is_on_the_phase_only_and_when_asked_for),
          cmocka_unit_test(campaigns_as_a_table), cmocka_unit_test(devices_as_a_table),
          cmocka_unit_test(csv_quotes_what_needs_it_and_defuses_formulas),
          cmocka_unit_test(waves_of_a_plan_and_of_a_campaign),
          cmocka_unit_test(a_device_in_detail_with_its_history),
          cmocka_unit_test(problems_are_lines_with_place_and_path))
