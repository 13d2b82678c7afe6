#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-bench.py FILE.json DUMP... - recompute the figures of fuota-bench from its dumps.

FILE.json holds what "fuota-bench --json" printed, one object a line; a dump belongs to the
line of its scenario and seed. Everything is worked out again from frames, links, receptions
and times, and from nothing of fuotad: duty cycle in every sliding hour, completion and
times, the oracle with its own TS004 rows, the cover (with cbc where that is installed), the
bounds of devices (those of gateways and cliques are not) from the formulas of the radio
model, and all ratios. Exit 0 if all of it is what FILE.json says.
"""
import argparse
import bisect
import collections
import functools
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

HOUR_US = 3600 * 10**6
PPM = 10**6
CLASS_C_W = 25.7e-3
PAYLOAD_MAX = [51, 51, 51, 115, 242, 242]  # EU868, DR0 to DR5
GROUP_BYTES, FRAG_BYTES, ANSWER_BYTES, UPLINK_BYTES = 30 + 11, 11, 2, 20
MAC_BYTES, FRAGMENT_BYTES = 13, 3
NOISE_CDB = -17400 + 5097  # thermal, 125 kHz
USELESS = 0.99  # a link that loses more does not count
RADIO_TOLERANCE = 0.03  # of bounds: fading is averaged over another grid here
MEDIAN_TOLERANCE = 0.06  # ... which makes a median jump by an interval of uplinks
SINGLE_CDB, GOOD_CDB, DOUBLE_CDB = 500, 1000, 0  # of covers
COVER_MANY, COVER_SAMPLE = 600, 60  # of more transmissions so many are looked at


# ---- radio, from formulas ----

def airtime_us(dr, frm_bytes, uplink=False):
    """Semtech's formula; explicit header, preamble of 8 symbols, CRC only in uplinks."""
    sf = 12 - dr
    slow = 1 if sf >= 11 else 0
    bits = 8 * (frm_bytes + MAC_BYTES) - 4 * sf + 28 + (16 if uplink else 0)
    symbols = 8 + max(0, -(-bits // (4 * (sf - 2 * slow)))) * 5
    return (4 * symbols + 49) * (1 << sf) * 8 // 4


@functools.lru_cache(maxsize=None)
def raw_loss(margin_db):
    """Reynders: BER = Q(a * SNR), SF7, 235 bytes, half of them lost at 0 dB."""
    ber = 0.5 * math.erfc(3.3764 * 10 ** (margin_db / 10) / math.sqrt(2))
    return -math.expm1(8 * 235 * math.log1p(-ber))


@functools.lru_cache(maxsize=None)
def mean_loss(step, sigma_cdb, useful=True):
    """At a margin of step / 10 dB, over fading N(0, sigma); never useful beyond 99 %."""
    sigma = sigma_cdb / 100
    if sigma == 0:
        mean = raw_loss(step / 10)
    else:
        points = 400
        grid = [-5 + 10 * (i + 0.5) / points for i in range(points)]
        weights = [math.exp(-z * z / 2) for z in grid]
        total = sum(w * raw_loss(round(step / 10 + z * sigma, 4))
                    for z, w in zip(grid, weights))
        mean = total / sum(weights)
    return 1.0 if useful and mean > USELESS else mean


# ---- TS004 ----

@functools.lru_cache(maxsize=None)
def coded_row(version, m, n):
    """Which of the m fragments are in coded fragment m + n, as a bit mask."""
    x, row, drawn = 1 + 1001 * n, 0, 0
    modulus = m + (m & (m - 1) == 0)
    while drawn < m // 2:
        while True:
            x = (x >> 1) + (((x ^ (x >> 5)) & 1) << 22)
            r = x % modulus
            if r < m:
                break
        if version == 1 or not row >> r & 1:
            drawn += 1
        row |= 1 << r
    return row


def least_prefix(version, m, order, heard, max_lost):
    """(entries until decoded or None, missing at the end, entries until m different ones)"""
    have, last, lost, pivots, seen, any_at = 0, 0, None, {}, set(), None
    for place, n in enumerate(order):
        if not heard >> place & 1:
            continue
        seen.add(n)
        if any_at is None and len(seen) == m:
            any_at = place + 1
        if n <= m:
            if lost is None and n > last:
                have, last = have | 1 << (n - 1), n
            if lost is None and have.bit_count() == m:
                return place + 1, 0, any_at
            continue
        if lost is None:
            lost = ~have & ((1 << m) - 1)
        if lost.bit_count() > max_lost:
            continue
        row = coded_row(version, m, n - m) & lost
        while row and (row & -row) in pivots:
            row ^= pivots[row & -row]
        if row:
            pivots[row & -row] = row
        if len(pivots) == lost.bit_count():
            return place + 1, 0, any_at
    missing = m - have.bit_count() - len(pivots)
    if lost is not None and lost.bit_count() > max_lost:
        missing = math.inf
    return None, missing, any_at


# ---- the dump ----

class Dump:
    def __init__(self, path):
        self.columns, self.rows = {}, collections.defaultdict(list)
        self.links = collections.defaultdict(list)
        with open(path, encoding="ascii") as f:
            for line in f:
                fields = line.rstrip("\n").split(",")
                if fields[0][0] == "#":
                    self.columns[fields[0][1:]] = fields[1:]
                elif fields[0] == "link":
                    device, gateway, loss = map(int, fields[1:])
                    self.links[device].append((gateway, loss))
                else:
                    self.rows[fields[0]].append(fields[1:])
        self.scenario = self.table("scenario")[0]
        self.profiles = {p["name"]: p for p in self.table("profile")}

    def table(self, name, timing=None):
        columns = self.columns.get(name, [])
        rows = (dict(zip(columns, row)) for row in self.rows[name])
        return [row for row in rows if timing is None or row["timing"] == timing]

    def number(self, name):
        return int(self.scenario[name])

    def margin_cdb(self, loss_cdb, dr):
        power = 100 * (self.number("gateway_dbm") - self.number("device_noise_db"))
        return power - NOISE_CDB - loss_cdb + 2000 - 250 * dr

    def lost(self, dbm, noise_db, loss_cdb, dr):
        """Of frames of dbm at a receiver of that noise figure."""
        power = 100 * (self.number(dbm) - self.number(noise_db))
        step = -(-(power - NOISE_CDB - loss_cdb + 2000 - 250 * dr) // 10)
        if abs(step) >= 250:
            return float(step < 0)
        # No hundredth of a chance is left out here.
        return mean_loss(step, self.number("fading_cdb"), False)


class Report:
    def __init__(self, name):
        self.name, self.bad = name, 0

    def __call__(self, ok, text):
        self.bad += not ok
        print(f"{'ok    ' if ok else 'FAILED'} {self.name}: {text}")

    def same(self, what, told, found, tolerance=2e-5):
        if told is None or found is None:
            self(told is None and found is None, f"{what}: {told}, found {found}")
            return
        close = abs(told - found) <= tolerance * max(abs(told), abs(found)) + 1e-9
        self(close, f"{what}: {told:.6g}, found {found:.6g}")


def ratio(num, den):
    return None if num is None or den is None or den <= 0 else num / den


def seconds(us):
    return None if us is None or us < 0 else us / 1e6


# ---- one run ----

class Run:
    def __init__(self, dump, timing, told, report):
        self.dump, self.timing, self.told, self.report = dump, timing, told, report
        self.devices = dump.table("device", timing)
        self.reachable = [d for d in self.devices if int(d["reachable"])]
        self.transmissions = dump.table("transmission", timing)
        self.frames = dump.table("frame", timing)
        self.heard = collections.defaultdict(dict)
        for row in dump.table("heard", timing):
            words = row["words"]
            mask = 0
            for i in range(0, len(words), 16):
                mask |= int(words[i:i + 16], 16) << (4 * i)
            self.heard[int(row["transmission"])][int(row["device"])] = mask

    def same(self, key, found, tolerance=2e-5):
        self.report.same(key, self.told[key], found, tolerance)

    def check(self):
        self.check_law()
        self.check_times()
        self.check_oracle()
        self.check_cover()
        self.check_bounds()
        self.check_chirpstack()

    # duty cycle: every hour that ends with a frame, by gateway and sub-band
    def check_law(self):
        sent = collections.defaultdict(list)
        by_gateway = collections.defaultdict(list)
        for f in self.frames:
            hz, start, length = int(f["frequency_hz"]), int(f["at_us"]), int(f["airtime_us"])
            band = "P" if hz >= 869_400_000 else "M" if hz > 868_000_000 else "L"
            sent[f["gateway"], band].append((start, length))
            by_gateway[f["gateway"]].append((start, length))
        over, worst = 0, 0.0
        for (_, band), frames in sent.items():
            key = "legal_ppm" if band == "P" else "narrow_legal_ppm"
            limit = HOUR_US // PPM * self.dump.number(key)
            starts, total = [], [0]
            for start, length in sorted(frames):
                starts.append(start)
                total.append(total[-1] + length)
            ends = [s + t for s, t in sorted(frames)]
            for i, end in enumerate(ends):
                first = bisect.bisect_right(ends, end - HOUR_US)
                cut = max(0, end - HOUR_US - starts[first])
                used = total[i + 1] - total[first] - cut
                over += used > limit
                worst = max(worst, used / limit)
        self.same("duty_cycle_violations", over)
        twice = 0
        for frames in by_gateway.values():
            frames.sort()
            twice += sum(a + t > b for (a, t), (b, _) in zip(frames, frames[1:]))
        self.report(twice == 0, f"no gateway sends two frames at once ({twice}); "
                                f"busiest hour at {100 * worst:.1f} % of the limit")
        multicast = [f for f in self.frames if f["kind"] != "unicast"]
        self.same("frames_sent", len(multicast))
        self.same("multicast_airtime_s", sum(int(f["airtime_us"]) for f in multicast) / 1e6)

    def quantile(self, times, percent):
        wanted = -(-len(self.reachable) * percent // 100)
        return times[wanted - 1] if 0 < wanted <= len(times) else None

    def times_of(self, column):
        return sorted(t for t in (int(d[column]) for d in self.reachable) if t >= 0)

    def check_times(self):
        times = self.times_of("complete_us")
        self.makespan = times[-1] if times else None
        self.t95 = self.quantile(times, 95)
        listening = sum(int(d["listening_us"]) for d in self.reachable)
        count = len(self.reachable)
        self.listening = ratio(listening / 1e6, count)
        self.same("reachable", count)
        self.same("completed", len(times))
        self.same("completion", ratio(len(times), count))
        self.same("makespan_s", seconds(self.makespan))
        self.same("t95_s", seconds(self.t95))
        self.same("t99_s", seconds(self.quantile(times, 99)))
        self.same("listening_mean_s", self.listening)
        self.same("energy_mean_j", None if self.listening is None
                  else CLASS_C_W * self.listening)

    # fragments against the oracle
    def check_oracle(self):
        numbers = collections.defaultdict(dict)
        for f in self.frames:
            if f["kind"] == "fragment":
                numbers[int(f["transmission"])][int(f["number"])] = int(f["n"])
        sent = sum(len(n) for n in numbers.values())
        sent += sum(int(d["fragments_unicast"]) for d in self.devices)
        least = least_any = contradicted = 0
        for row in self.transmissions:
            one = self.oracle_of(row, numbers[int(row["transmission"])])
            least, least_any = least + one[0], least_any + one[1]
            contradicted += one[2]
        self.same("fragments_sent", sent)
        self.same("fragments_oracle", least)
        self.same("fragments_oracle_any", least_any)
        self.same("oracle_contradicted", contradicted)
        self.same("rho_fragments", ratio(sent, least))

    def oracle_of(self, row, numbers):
        index, m = int(row["transmission"]), int(row["m"])
        places = sorted(numbers)
        order = [numbers[p] for p in places]
        prefix = any_prefix = unicast = contradicted = 0
        for device, mask in self.heard[index].items():
            d = self.devices[device]
            if int(d["complete_us"]) < 0 or int(d["transmission"]) != index:
                continue
            heard = sum((mask >> p & 1) << i for i, p in enumerate(places))
            cap = m * int(self.dump.profiles[d["profile"]]["cap_ppm"]) // PPM
            at, missing, any_at = least_prefix(2 if row["ts004"] == "2" else 1, m, order,
                                               heard, cap)
            any_prefix = max(any_prefix, any_at or 0)
            tail = int(d["fragments_unicast"])
            if at is not None:
                prefix = max(prefix, at)
            elif tail:
                unicast += min(missing, tail)
            else:
                contradicted += 1
        return prefix + unicast, any_prefix + unicast, contradicted

    def links_cut(self):
        """Links are cut short in the dump of so large a fleet."""
        return (self.dump.number("devices") > 100000 and
                any(len(links) == 4 for links in self.dump.links.values()))

    # gateways that sent, against the fewest
    def check_cover(self):
        senders = collections.defaultdict(set)
        for f in self.frames:
            if f["kind"] == "fragment":
                senders[int(f["transmission"])].add(int(f["gateway"]))
        searched = sample(self.transmissions)
        ours = sum(len(senders[int(t["transmission"])]) for t in searched)
        best, lp = self.told["cover_best"], None
        if not best:
            return  # not asked for
        self.same("rho_cover", ratio(self.told["cover"], best))
        self.report(best <= ours, f"the best known cover, {best}, is not above ours, {ours}")
        left_out = self.told["cover_left_out"]
        self.same("cover_searched", len(searched) - left_out)
        if left_out:  # which they are, nobody says
            self.report(self.told["cover"] <= ours,
                        f"of {left_out} of {len(searched)} covers cbc found none; the others "
                        f"have no more than all, {ours}")
            return
        self.same("cover", ours)
        if shutil.which("cbc") and not self.links_cut():
            lp = sum(relaxed_cover(self.cover_rows(int(t["transmission"]), int(t["dr"]),
                                                   senders[int(t["transmission"])]))
                     for t in searched)
            self.same("rho_cover_lp", ratio(ours, lp), 1e-3)
            self.report(lp <= best + 0.001 * len(searched) + 1e-6,
                        f"the linear relaxation, {lp:.6g}, is not above the best known")

    def cover_rows(self, index, dr, senders):
        rows = {}
        for device in self.heard[index]:
            if not int(self.devices[device]["reachable"]):
                continue
            links = [(g, self.dump.margin_cdb(loss, dr))
                     for g, loss in self.dump.links[device]]
            best = sorted((m for _, m in links), reverse=True)[:2]
            one = bool(best) and (best[0] >= GOOD_CDB or len(best) < 2 or
                                  best[1] < DOUBLE_CDB)
            wanted = SINGLE_CDB if one else DOUBLE_CDB
            good = frozenset(g for g, m in links if m >= wanted)
            demand = min(1 if one else 2, len(good & senders))
            if demand:
                rows[good] = max(demand, rows.get(good, 0))
        return rows

    # what no schedule can beat
    def check_bounds(self):
        told = self.told["bounds"]
        parts = [told[k] for k in ("fragments_s", "gateway_s", "clique_s", "setup_s")]
        self.report.same("bounds.makespan_s", told["makespan_s"], max(parts))
        self.same("rho_makespan", ratio(seconds(self.makespan), told["makespan_s"]))
        self.same("rho_makespan_any", ratio(seconds(self.makespan), told["any_s"]))
        if self.links_cut():
            return
        values = []
        ready_all = []
        heard = []
        odds = []
        for d in self.reachable:
            ready = self.ready_us(d)
            frames = self.frames_us(d)
            if frames is not None:
                ready_all.append(ready)
                soonest = self.soonest_us(d)
                first = max(0, int(d["first_uplink_us"]))
                heard.append(soonest + frames + max(first, int(d["first_received_us"])))
                odds.append((soonest + first, frames, 0.95e6 * int(d["interval_s"]),
                             self.success(d)))
                values.append(ready + frames)
        values.sort()
        # The quantile is of those with a link that is of any use.
        t95 = values[-(-len(values) * 95 // 100) - 1] if values else 0
        self.report.same("bounds.fragments_s", told["fragments_s"],
                         max(values, default=0) / 1e6, RADIO_TOLERANCE)
        self.report.same("bounds.t95_s", told["t95_s"], t95 / 1e6, RADIO_TOLERANCE)
        self.report(told["setup_s"] >= max(ready_all, default=0) / 1e6 - 1e-3,
                    "bounds.setup_s is not below the last first exchange")
        self.report.same("bounds.heard_s", told["heard_s"], max(heard, default=0) / 1e6,
                         RADIO_TOLERANCE)
        self.report.same("bounds.setup_median_s", told["setup_median_s"],
                         median_of_last(odds, False), MEDIAN_TOLERANCE)
        self.report.same("bounds.median_s", told["median_s"], median_of_last(odds, True),
                         MEDIAN_TOLERANCE)
        self.report.same("bounds.more_s", told["more_s"],
                         max(told[k] for k in ("makespan_s", "heard_s", "versions_s",
                                               "median_s")))
        self.same("rho_makespan_more", ratio(seconds(self.makespan), told["more_s"]))
        self.same("least_rho_makespan", ratio(max(told["makespan_s"], told["median_s"]),
                                              told["makespan_s"]))
        self.same("least_rho_makespan_run", ratio(told["heard_s"], told["makespan_s"]))

    def soonest_us(self, d):
        """From an uplink to the end of the second downlink, in the quicker window."""
        dr, rx2 = int(d["uplink_dr"]), self.dump.number("rx2_dr")
        return (airtime_us(dr, UPLINK_BYTES, True) + airtime_us(dr, ANSWER_BYTES, True) +
                sum(10**6 + min(airtime_us(dr, n), airtime_us(rx2, n))
                    for n in (GROUP_BYTES, FRAG_BYTES)))

    def success(self, d):
        """That an uplink is received and the downlink after it heard."""
        dump, dr = self.dump, int(d["uplink_dr"])
        links = [loss for _, loss in dump.links[int(d["device"])]]
        up = math.prod(dump.lost("device_dbm", "gateway_noise_db", loss, dr)
                       for loss in links)
        down = min(dump.lost("gateway_narrow_dbm", "device_noise_db", links[0], dr),
                   dump.lost("gateway_dbm", "device_noise_db", links[0],
                             dump.number("rx2_dr")))
        return (1 - dump.number("uplink_loss_ppm") / PPM) * (1 - up) * (1 - down)

    def ready_us(self, d):
        dr = int(d["uplink_dr"])
        return (max(0, int(d["first_uplink_us"])) + 2 * 10**6 + airtime_us(dr, GROUP_BYTES) +
                airtime_us(dr, ANSWER_BYTES, True) + airtime_us(dr, FRAG_BYTES))

    def frames_us(self, d):
        share = self.dump.number("legal_ppm") * self.dump.number("share_ppm") / PPM**2
        size_max = int(self.dump.profiles[d["profile"]]["size_max"])
        best = None
        for dr in range(6):
            lost = 1.0
            for _, loss_cdb in self.dump.links[int(d["device"])]:
                step = -(-self.dump.margin_cdb(loss_cdb, dr) // 10)
                if step < 250:
                    lost *= mean_loss(max(step, -250), self.dump.number("fading_cdb"))
                else:
                    lost = 0.0
            if lost < 1:
                m, length = self.fastest_cut(dr, size_max)
                need = -(-m * 10**9 // max(1, round((1 - lost) * 10**9)))
                us = (need - 1) * int(length / share) + length
                best = us if best is None else min(best, us)
        return best

    @functools.lru_cache(maxsize=None)
    def fastest_cut(self, dr, size_max):
        image, fixed = self.dump.number("image_bytes"), self.dump.number("frag_size")
        largest = min(s for s in (PAYLOAD_MAX[dr] - FRAGMENT_BYTES, size_max, fixed) if s)
        cuts = []
        for size in range(largest if fixed else 1, largest + 1):
            m = -(-image // size)
            if m <= 16383:
                cuts.append((m * airtime_us(dr, size + FRAGMENT_BYTES), -size, m,
                             airtime_us(dr, size + FRAGMENT_BYTES)))
        # Of equals the first, the smallest size, as good as any.
        least = min(cuts)
        return least[2], least[3]

    # the other strategy, from the times of its devices
    def check_chirpstack(self):
        for name, column in (("best", "chirpstack_best_us"), ("dr0", "chirpstack_dr0_us")):
            told = self.told[f"chirpstack_{name}"]
            times = self.times_of(column)
            t95 = self.quantile(times, 95)
            same = self.report.same
            same(f"chirpstack_{name}.completion", told["completion"],
                 ratio(len(times), len(self.reachable)))
            same(f"chirpstack_{name}.makespan_s", told["makespan_s"],
                 seconds(times[-1]) if times else None)
            same(f"chirpstack_{name}.t95_s", told["t95_s"], seconds(t95))
            self.same(f"speedup_vs_chirpstack_{name}", ratio(t95, self.t95))
            listening = sum(int(d[column.replace("_us", "_listening_us")])
                            for d in self.reachable)
            listening = ratio(listening / 1e6, len(self.reachable))
            same(f"chirpstack_{name}.listening_mean_s", told["listening_mean_s"], listening)
            self.same(f"energy_vs_chirpstack_{name}", ratio(listening, self.listening))


def median_of_last(odds, frames):
    """When all have had two successes, one attempt an interval, in half of the cases."""
    def all_done(t):
        done = 1.0
        for soonest, after, interval, success in odds:
            failures = math.floor((t - soonest - after * frames) / interval)
            if success > 0:
                k, f = failures + 2, 1 - success
                done *= 0 if failures < 0 else 1 - f**k - k * success * f**(k - 1)
        return done
    low, high = 0, 2**30
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if all_done(middle * 10**6) < 0.5 else (low, middle)
    return low


def sample(transmissions):
    """Those whose covers are looked at: all, or some that stand equally far apart."""
    count = len(transmissions)
    chosen = COVER_SAMPLE if count > COVER_MANY else count
    return [transmissions[(2 * i + 1) * count // (2 * chosen)] for i in range(chosen)]


def relaxed_cover(rows):
    """The linear relaxation of a set multicover, by cbc."""
    if not rows:
        return 0.0
    gateways = sorted(set().union(*rows))
    lines = ["Minimize", " obj:"] + [f" + x{g}" for g in gateways] + ["Subject To"]
    for i, (row, demand) in enumerate(rows.items()):
        lines += [f" r{i}:"] + [f" + x{g}" for g in sorted(row)] + [f" >= {demand}"]
    lines += ["Bounds"] + [f" 0 <= x{g} <= 1" for g in gateways] + ["End", ""]
    with tempfile.TemporaryDirectory() as folder:
        program, solution = pathlib.Path(folder, "a.lp"), pathlib.Path(folder, "a.sol")
        program.write_text("\n".join(lines), encoding="ascii")
        subprocess.run(["cbc", program, "initialSolve", "solution", solution], check=True,
                       stdout=subprocess.DEVNULL)
        return float(solution.read_text(encoding="ascii").split("\n")[0].split()[-1])


def check_dump(path, told, report):
    dump = Dump(path)
    key = dump.scenario["name"], dump.number("seed")
    if key not in told:
        report(False, f"no line for scenario {key[0]}, seed {key[1]}")
        return
    timings = [t for t in ("stock", "margin1s", "direct") if t in told[key]]
    report(bool(timings), f"scenario {key[0]}, seed {key[1]}: {' '.join(timings)}")
    for timing in timings:
        report.name = f"{key[0]} {key[1]} {timing}"
        Run(dump, timing, told[key][timing], report).check()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("file")
    parser.add_argument("dump", nargs="+")
    args = parser.parse_args()
    told = {}
    for line in pathlib.Path(args.file).read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            one = json.loads(line)
            told[one["scenario"], one["seed"]] = one
    report = Report("")
    for path in args.dump:
        report.name = pathlib.Path(path).name
        check_dump(path, told, report)
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
