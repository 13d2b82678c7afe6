#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_check_bench.py FUOTA_BENCH CHECK_BENCH PAGE - on the town, and on lies about it.

The figures of a real run have to be found again; each falsified figure and each falsified
dump has to be noticed. The manual PAGE tells each table of the dump and its columns.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

TIMING = "direct"


def judged(check, folder, figures, dump):
    json_path, dump_path = folder / "lie.json", folder / "lie.csv"
    json_path.write_text(json.dumps(figures) + "\n", encoding="ascii")
    dump_path.write_text("\n".join(dump) + "\n", encoding="ascii")
    done = subprocess.run([sys.executable, check, json_path, dump_path],
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


def changed(figures, path, factor):
    copy = json.loads(json.dumps(figures))
    place = copy[TIMING]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = 7 if not place[path[-1]] else place[path[-1]] * factor
    return copy


def figures_that_lie(figures):
    paths = [[k] for k in ("duty_cycle_violations", "rho_fragments", "rho_makespan",
                           "rho_makespan_any", "rho_makespan_more",
                           "least_rho_makespan", "least_rho_makespan_run",
                           "completion", "makespan_s", "t95_s",
                           "listening_mean_s", "energy_mean_j", "fragments_sent",
                           "fragments_oracle", "frames_sent", "multicast_airtime_s",
                           "speedup_vs_chirpstack_best", "speedup_vs_chirpstack_dr0",
                           "energy_vs_chirpstack_best")]
    paths += [["bounds", "fragments_s"], ["bounds", "t95_s"], ["bounds", "makespan_s"],
              ["chirpstack_best", "t95_s"], ["chirpstack_dr0", "completion"],
              ["chirpstack_dr0", "listening_mean_s"]]
    for path in paths:
        yield ".".join(path), changed(figures, path, 1.05)
    for key in ("heard_s", "setup_median_s", "median_s", "more_s"):
        yield f"bounds.{key}", changed(figures, ["bounds", key], 1.1)


def dumps_that_lie(dump):
    frames = [i for i, line in enumerate(dump)
              if line.startswith("frame,") and line.endswith(",fragment")]
    yield "a frame left out", dump[:frames[0]] + dump[frames[0] + 1:]
    fields = dump[frames[0]].split(",")
    fields[3] = str(400 * 10**6)  # of an hour's 360 s
    yield "a frame too long", (dump[:frames[0]] + [",".join(fields)] +
                               dump[frames[0] + 1:])
    blind = [line if not line.startswith("heard,")
             else line[:line.rindex(",") + 1] + "0" * 16 for line in dump]
    yield "nobody heard anything", blind
    weak = [line if not line.startswith("link,")
            else ",".join(line.split(",")[:3] + [str(int(line.split(",")[3]) + 900)])
            for line in dump]
    yield "weaker links", weak


def columns_untold(dump, page):
    section = page.read_text(encoding="utf-8").split("# DUMP")[1]
    tables = {m[1]: m[2] for m in re.finditer(r"(?ms)^\*([a-z]+)\*: (.*?)\n\n", section)}
    for line in dump:
        if line.startswith("#"):
            name, *columns = line[1:].split(",")
            yield from (f"{name}.{column}" for column in columns
                        if not re.search(rf"\b{column}\b", tables.get(name, "")))


def main():
    bench, check, page = sys.argv[1:]
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path = folder / "town.csv"
        out = subprocess.run([bench, "--scenario", "town", "--timing", TIMING, "--json",
                              "--no-solver", "--dump", path],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        figures = json.loads(out.splitlines()[-1])
        dump = path.read_text(encoding="ascii").splitlines()
        status, text = judged(check, folder, figures, dump)
        if status != 0:
            print(text)
            return 1
        for column in columns_untold(dump, pathlib.Path(page)):
            print(f"not in the manual page: {column}")
            bad += 1
        for what, lie in figures_that_lie(figures):
            if judged(check, folder, lie, dump)[0] != 1:
                print(f"not noticed: {what}")
                bad += 1
        for what, lie in dumps_that_lie(dump):
            if judged(check, folder, figures, lie)[0] != 1:
                print(f"not noticed: {what}")
                bad += 1
    return 1 if bad else 0


sys.exit(main())
