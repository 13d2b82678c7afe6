/* SPDX-License-Identifier: MIT */
#include "campaign/redundancy.h"

#include <assert.h>
#include <stdbool.h>

#include "base/sort.h"
#include "fec/row.h"

/* Probabilities are in units of 2^-60. */
#define ONE   (UINT64_C(1) << ONE_BITS)
#define PEAK  (UINT64_C(1) << 54)
#define WHOLE UINT32_C(1000000)

enum {
    ONE_BITS = 60,
    WINDOW_MAX = 1280, /* 9.1 standard deviations each side, n at most FEC_N_MAX */
    FEW = 48,          /* lost fragments up to which their number matters for the rank */
    LOSS_MAX = 990000, /* of redundancy_need() */
    OVERHEAD_X10 = 16, /* dependent fragments a device receives on average, times 10 */
};

__extension__ typedef unsigned __int128 wide;

static uint64_t product(uint64_t a, uint64_t b)
{
    return (uint64_t)((wide)a * b >> ONE_BITS);
}

/* Of each number of losses among n, in proportion. */
struct binomial {
    uint32_t first;
    uint32_t count;
    uint64_t sum;
    uint64_t weight[WINDOW_MAX];
};

/* weight(k) from weight(k - 1), or from weight(k + 1). */
static uint64_t weight_above(uint64_t weight, uint32_t n, uint32_t k, uint32_t loss)
{
    return (uint64_t)((wide)weight * (n - k + 1) * loss / ((wide)k * (WHOLE - loss)));
}

static uint64_t weight_below(uint64_t weight, uint32_t n, uint32_t k, uint32_t loss)
{
    return (uint64_t)((wide)weight * (k + 1) * (WHOLE - loss) / ((wide)(n - k) * loss));
}

/* From the most likely one to both sides, until nothing is left of the weight. */
static void binomial_init(struct binomial *b, uint32_t n, uint32_t loss)
{
    uint32_t mode = (uint32_t)((uint64_t)(n + 1) * loss / WHOLE);
    uint64_t weight = PEAK;
    uint32_t below = 0;
    for (uint32_t k = mode; k > 0 && below < WINDOW_MAX / 2; k--) {
        weight = weight_below(weight, n, k - 1, loss);
        if (weight == 0) {
            break;
        }
        below++;
        b->weight[WINDOW_MAX / 2 - below] = weight;
    }
    b->first = mode - below;
    b->sum = PEAK;
    b->count = below + 1;
    for (uint32_t i = 0; i < below; i++) {
        b->weight[i] = b->weight[WINDOW_MAX / 2 - below + i];
        b->sum += b->weight[i];
    }
    b->weight[below] = PEAK;
    weight = PEAK;
    for (uint32_t k = mode + 1; k <= n && b->count < WINDOW_MAX; k++) {
        weight = weight_above(weight, n, k, loss);
        if (weight == 0) {
            break;
        }
        b->weight[b->count++] = weight;
        b->sum += weight;
    }
}

static uint64_t binomial_weight(const struct binomial *b, uint32_t k)
{
    return k >= b->first && k - b->first < b->count ? b->weight[k - b->first] : 0;
}

/* Probability that l + e random rows have rank l, for l without end: e = 0..FEW. */
static void rank_limit(uint64_t limit[FEW + 1])
{
    uint64_t all = ONE;
    for (uint32_t e = ONE_BITS; e-- > 0;) {
        all -= all >> (e + 1);
        if (e <= FEW) {
            limit[e] = all;
        }
    }
}

/*
 * What goes off the failures for those who lost few: a few columns have full rank sooner
 * than many.
 */
static uint64_t relief(uint32_t m, uint32_t coded, uint32_t loss,
                       const uint64_t limit[FEW + 1])
{
    struct binomial lost;
    struct binomial coded_lost;
    uint64_t full[FEW + 1]; /* probability of full rank with l lost, e more received */
    binomial_init(&lost, m, loss);
    binomial_init(&coded_lost, coded, loss);
    for (uint32_t e = 0; e <= FEW; e++) {
        full[e] = ONE;
    }

    uint64_t sum = 0;
    for (uint32_t l = 0; l <= FEW && l <= m && l <= coded; l++) {
        uint64_t part = 0;
        for (uint32_t e = 0; e <= FEW && e + l <= coded; e++) {
            full[e] -= l > 0 && e + l < ONE_BITS ? full[e] >> (e + l) : 0;
            uint64_t more = full[e] > limit[e] ? full[e] - limit[e] : 0; /* rounding */
            part += product(binomial_weight(&coded_lost, coded - l - e), more);
        }
        uint64_t share = (uint64_t)(((wide)part << ONE_BITS) / coded_lost.sum);
        sum += product(binomial_weight(&lost, l), share);
    }
    return (uint64_t)(((wide)sum << ONE_BITS) / lost.sum);
}

/*
 * Whoever receives m + e of all m + coded fragments lacks rank as if it had lost very many;
 * that leaves out only how few were lost.
 */
static uint64_t failure(uint32_t m, uint32_t coded, uint32_t loss)
{
    if (loss == 0 || m == 0) {
        return 0;
    }
    if (loss >= WHOLE) {
        return ONE;
    }
    uint64_t limit[FEW + 1];
    struct binomial lost;
    rank_limit(limit);
    binomial_init(&lost, m + coded, loss);

    uint64_t sum = 0;
    for (uint32_t i = 0; i < lost.count; i++) {
        uint32_t k = lost.first + i;
        if (k > coded) {
            sum += lost.weight[i];
        } else if (coded - k <= FEW) {
            sum += product(lost.weight[i], ONE - limit[coded - k]);
        }
    }
    uint64_t p = (uint64_t)(((wide)sum << ONE_BITS) / lost.sum);
    uint64_t less =
        (uint64_t)m * loss < (uint64_t)FEW * WHOLE ? relief(m, coded, loss, limit) : 0;
    return p > less ? p - less : 0;
}

static uint64_t from_ppm(uint32_t ppm)
{
    return ppm >= WHOLE ? ONE : (uint64_t)(((wide)ppm << ONE_BITS) / WHOLE);
}

/* More never makes it worse. */
uint32_t redundancy_for_device(uint32_t m, uint32_t loss_ppm, uint32_t fail_ppm)
{
    assert(m <= FEC_N_MAX);
    uint32_t low = 0;
    uint32_t high = FEC_N_MAX - m;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (failure(m, middle, loss_ppm) <= from_ppm(fail_ppm)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static uint64_t square_root(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1) {
        if ((root | bit) * (root | bit) <= x) {
            root |= bit;
        }
    }
    return root;
}

/* (missing + sqrt((missing + 1) p) / 2 + 1.6) / (1 - p), rounded up */
uint32_t redundancy_need(uint32_t missing, uint32_t loss_ppm)
{
    if (missing == 0) {
        return 0;
    }
    uint64_t loss = loss_ppm < LOSS_MAX ? loss_ppm : LOSS_MAX;
    uint64_t rest = WHOLE - loss;
    uint64_t deviation = square_root(((uint64_t)missing + 1) * loss * WHOLE);
    uint64_t sum =
        (uint64_t)missing * WHOLE + deviation / 2 + WHOLE / 10 * (uint64_t)OVERHEAD_X10;
    return (uint32_t)((sum + rest - 1) / rest);
}

static bool need_before(const void *context, const void *a, const void *b)
{
    (void)context;
    return *(const uint32_t *)a < *(const uint32_t *)b;
}

uint32_t redundancy_stop(uint32_t *needs, size_t count, uint32_t cost)
{
    sort_items(needs, count, sizeof(*needs), need_before, NULL);
    uint32_t best = 0;
    uint64_t least = (uint64_t)cost * count;
    for (size_t i = 0; i < count; i++) {
        uint64_t total = needs[i] + (uint64_t)cost * (count - i - 1);
        if (total <= least) {
            least = total;
            best = needs[i];
        }
    }
    return best;
}
