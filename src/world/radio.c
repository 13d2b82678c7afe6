/* SPDX-License-Identifier: MIT */
#include "world/radio.h"

#include "base/prng.h"

enum {
    LOG_STEPS = 64,
    LOG10_2_MICRO = 301030,
    AVERAGE_STRIDE = 8,
};

const uint32_t world_raw_ppm[WORLD_RAW_COUNT] = {
    1000000, 999999, 999991, 999947, 999747, 999002, 996725, 990899, 978233,
    954488,  915530, 858814, 784570, 696103, 599048, 500000, 405092, 319007,
    244563,  182816, 133440, 95220,  66485,  45451,  30431,  19956,  12815,
    8056,    4954,   2979,   1749,   1003,   560,    305,    161,    83,
    41,      20,     9,      4,      2,      1,
};

const int16_t world_normals_milli[WORLD_NORMAL_COUNT] = {
    1,    4,    6,    9,    11,   13,   16,   18,   21,   23,   26,   28,   31,   33,
    36,   38,   40,   43,   45,   48,   50,   53,   55,   58,   60,   62,   65,   67,
    70,   72,   75,   77,   80,   82,   85,   87,   89,   92,   94,   97,   99,   102,
    104,  107,  109,  112,  114,  117,  119,  121,  124,  126,  129,  131,  134,  136,
    139,  141,  144,  146,  149,  151,  154,  156,  159,  161,  164,  166,  168,  171,
    173,  176,  178,  181,  183,  186,  188,  191,  193,  196,  198,  201,  203,  206,
    208,  211,  213,  216,  218,  221,  223,  226,  228,  231,  233,  236,  238,  241,
    244,  246,  249,  251,  254,  256,  259,  261,  264,  266,  269,  271,  274,  276,
    279,  282,  284,  287,  289,  292,  294,  297,  299,  302,  305,  307,  310,  312,
    315,  317,  320,  323,  325,  328,  330,  333,  335,  338,  341,  343,  346,  348,
    351,  354,  356,  359,  361,  364,  367,  369,  372,  375,  377,  380,  382,  385,
    388,  390,  393,  396,  398,  401,  404,  406,  409,  412,  414,  417,  420,  422,
    425,  428,  430,  433,  436,  438,  441,  444,  446,  449,  452,  455,  457,  460,
    463,  465,  468,  471,  474,  476,  479,  482,  485,  487,  490,  493,  496,  498,
    501,  504,  507,  510,  512,  515,  518,  521,  524,  526,  529,  532,  535,  538,
    540,  543,  546,  549,  552,  555,  558,  560,  563,  566,  569,  572,  575,  578,
    581,  583,  586,  589,  592,  595,  598,  601,  604,  607,  610,  613,  616,  619,
    622,  625,  628,  631,  634,  637,  640,  643,  646,  649,  652,  655,  658,  661,
    664,  667,  670,  673,  676,  679,  682,  685,  688,  691,  695,  698,  701,  704,
    707,  710,  713,  717,  720,  723,  726,  729,  732,  736,  739,  742,  745,  749,
    752,  755,  758,  762,  765,  768,  771,  775,  778,  781,  785,  788,  791,  795,
    798,  801,  805,  808,  812,  815,  818,  822,  825,  829,  832,  836,  839,  843,
    846,  850,  853,  857,  860,  864,  867,  871,  875,  878,  882,  885,  889,  893,
    896,  900,  904,  907,  911,  915,  918,  922,  926,  930,  933,  937,  941,  945,
    949,  953,  956,  960,  964,  968,  972,  976,  980,  984,  988,  992,  996,  1000,
    1004, 1008, 1012, 1016, 1020, 1024, 1029, 1033, 1037, 1041, 1045, 1050, 1054, 1058,
    1062, 1067, 1071, 1075, 1080, 1084, 1089, 1093, 1097, 1102, 1106, 1111, 1115, 1120,
    1125, 1129, 1134, 1139, 1143, 1148, 1153, 1157, 1162, 1167, 1172, 1177, 1182, 1187,
    1192, 1197, 1202, 1207, 1212, 1217, 1222, 1227, 1232, 1238, 1243, 1248, 1254, 1259,
    1264, 1270, 1275, 1281, 1287, 1292, 1298, 1304, 1309, 1315, 1321, 1327, 1333, 1339,
    1345, 1351, 1357, 1363, 1369, 1376, 1382, 1388, 1395, 1401, 1408, 1414, 1421, 1428,
    1435, 1442, 1449, 1456, 1463, 1470, 1477, 1484, 1492, 1499, 1507, 1515, 1522, 1530,
    1538, 1546, 1554, 1563, 1571, 1579, 1588, 1597, 1605, 1614, 1623, 1633, 1642, 1652,
    1661, 1671, 1681, 1691, 1701, 1712, 1723, 1733, 1745, 1756, 1767, 1779, 1791, 1804,
    1816, 1829, 1842, 1856, 1870, 1884, 1899, 1914, 1929, 1945, 1962, 1979, 1996, 2015,
    2034, 2053, 2074, 2095, 2118, 2142, 2166, 2193, 2221, 2251, 2282, 2317, 2354, 2395,
    2441, 2492, 2551, 2620, 2705, 2815, 2975, 3297,
};

/* log10(1 + i / 64), times 1 000 000. */
static const int32_t log_micro[LOG_STEPS + 1] = {
    0,      6733,   13364,  19895,  26329,  32669,  38918,  45078,  51153,  57143,
    63052,  68881,  74634,  80311,  85915,  91447,  96910,  102305, 107634, 112898,
    118099, 123239, 128318, 133339, 138303, 143210, 148063, 152861, 157608, 162303,
    166948, 171544, 176091, 180592, 185046, 189455, 193820, 198141, 202420, 206657,
    210853, 215009, 219126, 223204, 227244, 231247, 235213, 239143, 243038, 246898,
    250725, 254518, 258278, 262006, 265702, 269367, 273001, 276605, 280180, 283725,
    287242, 290730, 294191, 297624, 301030,
};

uint32_t world_loss_ppm(int32_t margin_cdb, uint32_t sigma_cdb)
{
    uint64_t sum = 0;
    uint32_t count = 0;
    for (size_t i = AVERAGE_STRIDE / 2; i < WORLD_NORMAL_COUNT; i += AVERAGE_STRIDE) {
        int32_t fade_cdb = world_normals_milli[i] * (int32_t)sigma_cdb / 1000;
        sum += world_raw_loss_ppm(margin_cdb + fade_cdb);
        sum += world_raw_loss_ppm(margin_cdb - fade_cdb);
        count += 2;
    }
    return (uint32_t)(sum / count);
}

/* All but the last part of a key: what does not change from frame to frame. */
static struct world_key key_begun(uint64_t seed, uint64_t a, uint64_t b)
{
    struct prng p = prng_seeded(seed ^ (a * UINT64_C(0xd6e8feb86659fd93)));
    uint64_t drawn = prng_next(&p);
    p.state += drawn ^ (b * UINT64_C(0xa0761d6478bd642f));
    drawn = prng_next(&p);
    return (struct world_key){.state = p.state, .drawn = drawn};
}

static uint64_t key_hash(const struct world_key *key, uint64_t c)
{
    struct prng p = {key->state + (key->drawn ^ (c * UINT64_C(0xe7037ed1a0b428db)))};
    return prng_next(&p);
}

uint64_t world_hash(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    struct world_key key = key_begun(seed, a, b);
    return key_hash(&key, c);
}

int32_t world_log10_milli(uint64_t x)
{
    if (x <= 1) {
        return 0;
    }
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(x);
    uint64_t mantissa = x << (63 - exponent) << 1; /* 64 bits after the leading one */
    uint32_t i = (uint32_t)(mantissa >> 58);
    int64_t part = (int64_t)(mantissa >> 42 & 0xffff);
    int64_t micro = (int64_t)exponent * LOG10_2_MICRO + log_micro[i] +
                    (log_micro[i + 1] - log_micro[i]) * part / 65536;
    return (int32_t)((micro + 500) / 1000);
}

bool world_in_burst(const struct world_scenario *s, size_t device, int64_t at_us)
{
    const struct world_params *p = &s->params;
    if (p->burst_loss_ppm == 0) {
        return false;
    }
    int64_t cell = at_us / (INT64_C(1000000) * p->burst_length_s);
    return world_hash(s->seed ^ UINT64_C(0xb5), device, (uint64_t)cell, 0) % WORLD_PPM <
           p->burst_loss_ppm;
}

bool world_ear_of(const struct world_scenario *s, size_t device, uint32_t gateway,
                  uint8_t dr, struct world_ear *ear)
{
    const struct world_link *link = world_links(s, device);
    size_t i = 0;
    while (i < world_link_count(s, device) && link[i].gateway != gateway) {
        i++;
    }
    if (s->devices[device].dead || i == world_link_count(s, device)) {
        return false;
    }
    *ear = (struct world_ear){.s = s,
                              .device = device,
                              .key = key_begun(s->seed, device, gateway),
                              .margin_cdb = world_margin_cdb(s, link[i].loss_cdb, dr)};
    return true;
}

bool world_ear_hears(const struct world_ear *ear, int64_t at_us)
{
    if (world_in_burst(ear->s, ear->device, at_us)) {
        return false;
    }
    uint64_t bits = key_hash(&ear->key, (uint64_t)at_us);
    int32_t fade_cdb =
        world_normal_milli(bits) * (int32_t)ear->s->params.fading_cdb / 1000;
    return (bits >> 32) % WORLD_PPM >= world_raw_loss_ppm(ear->margin_cdb + fade_cdb);
}

bool world_heard(const struct world_scenario *s, size_t device, uint32_t gateway,
                 uint8_t dr, int64_t at_us)
{
    struct world_ear ear;
    return world_ear_of(s, device, gateway, dr, &ear) && world_ear_hears(&ear, at_us);
}
