#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_campaign.py BUILD SOURCE - whole campaigns on the real stack.

Prints a line per case and exits with the number of failures.
"""
import json
import pathlib
import signal
import subprocess
import sys
import time
import zlib

from cases import run_cases
from stack import Stack, wait_for

BUILD = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
SHIPPED = ["generic", "loramac-node", "lbm-v1", "lbm-v2", "st-v1", "st-v2", "zephyr", "mbed"]


def make_image(folder, size=9000):
    """Bytes that do not repeat, the same in every run."""
    state, out = 1, bytearray()
    while len(out) < size:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        out += (state >> 33).to_bytes(4, "little")
    path = pathlib.Path(folder) / "source.bin"
    path.write_bytes(bytes(out[:size]))
    return path


def check_air(stack, devices, loss=4):
    """What anybody can check from outside: the demo's own checker. loss: in percent at least,
    a third of the 12 that are set. Of 660 receptions fewer than 8 % are lost once in 2600 runs."""
    r = subprocess.run([sys.executable, SOURCE / "scripts/check-demo.py", "--devices",
                        str(devices), "--loss", str(loss), "--keys",
                        stack.path("inventory.csv"), stack.folder],
                       capture_output=True, text=True, timeout=60)
    failed = [line for line in r.stdout.splitlines() if not line.startswith("ok")]
    assert r.returncode == 0, "\n".join(failed) + "\n" + r.stdout + r.stderr


def finish(stack, devices, loss=4):
    r = stack.ctl("wait", "wm1-1-4-3", "--for", "completed", "--timeout", "300s")
    if r.returncode != 0:
        rows = stack.ctl("devices", "wm1-1-4-3", "-o", "csv").stdout
        raise AssertionError(f"wait: {r.returncode}\n{r.stdout}\n{r.stderr}\n{rows}")
    state = stack.state()
    assert state["devices"]["succeeded"] == devices, state
    stack.stop("fuotad")
    stack.stop("sim")
    check_air(stack, devices, loss)


def applied(folder, **options):
    return Stack(folder, BUILD, make_image(folder), **options)


def case_every_device_runs_the_new_image(folder):
    with applied(folder) as s:
        r = s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", "--timeout", "300s")
        assert r.returncode == 0, f"{r.returncode}\n{r.stdout}\n{r.stderr}"
        again = s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", check=0)
        assert "completed" in again.stdout + again.stderr
        rows = [json.loads(x) for x in
                s.ctl("devices", "wm1-1-4-3", "-o", "jsonl", check=0).stdout.splitlines()]
        assert len(rows) == 12
        assert {x["result"] for x in rows} == {1}, rows
        assert {x["state"] for x in rows} == {0}, rows
        finish(s, 12)


def multicast_on_air(stack):
    """Frames to many by McAddr, in order: those to addresses that never send."""
    sent, up = {}, set()
    for frame in stack.airlog():
        phy = bytes.fromhex(frame["phy_payload"])
        if frame["direction"] == "up" and phy[0] & 0xe0 in (0x40, 0x80):
            up.add(phy[1:5])
        elif frame["direction"] == "down" and phy[0] & 0xe0 == 0x60:
            sent.setdefault(phy[1:5], []).append((frame, phy))
    return {addr: frames for addr, frames in sent.items() if addr not in up}


def gateways_on_air(stack):
    """Gateways that sent multicast frames, by McAddr."""
    return {addr: {frame["gateway"] for frame, _phy in frames}
            for addr, frames in multicast_on_air(stack).items()}


def case_several_gateways_send_in_lock_step(folder):
    with applied(folder, gateways=4, devices=16, scale=60, collisions=True) as s:
        wait_for_uplinks(s)
        plan = json.loads(s.ctl("plan", s.path("wm1-1-4-3.yaml"), "--json", check=0).stdout)
        assert sum(c["devices"] for c in plan["cohorts"]) == 16, plan
        assert plan["lower_bound_us"] <= plan["duration_us"] <= plan["duration_p90_us"], plan
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("fragments", lambda: s.state()["fragments"]["sent"] > 10, 90)
        session = s.state()["session"]  # the newest; another may be the one that sends
        assert len(session["gateways"]) == len(set(session["gateways"])), session
        assert sum(len(x["gateways"]) for x in session["lanes"]) == len(session["gateways"])
        s.kill_daemon()
        s.start_daemon()
        finish(s, 16)
        assert max(map(len, gateways_on_air(s).values())) > 1


def counters_on_air(stack):
    """By McAddr of a frame to many: the counters and payloads, in order."""
    return {addr: [(int.from_bytes(phy[6:8], "little"), phy) for _frame, phy in frames]
            for addr, frames in multicast_on_air(stack).items()}


def second_campaign(folder, keep_groups):
    """Another image for the same fleet, the daemon killed in between; the air of both."""
    with applied(folder, loss="0%", keep_groups=keep_groups) as s:
        groups = {"Create": 0, "Delete": 0}

        def hook(path):
            for call in groups:
                groups[call] += path.endswith(f"MulticastGroupService/{call}")

        s.proxy.hook = hook
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", "--timeout", "300s", check=0)
        wait_for("the groups to go", lambda: 0 < groups["Create"] == groups["Delete"])
        first = counters_on_air(s)
        s.kill_daemon()
        s.start_daemon()
        image = bytes(b ^ 0x5a for b in s.path("image.bin").read_bytes())
        s.path("next.bin").write_bytes(image)
        s.sign("next.bin")
        s.ctl("apply", s.write_campaign("wm1-next", "next.bin", "next.bin.minisig"),
              "--wait", "--timeout", "300s", check=0)
        assert s.state("wm1-next")["devices"]["succeeded"] == 12, s.state("wm1-next")
        wait_for("the groups to go", lambda: groups["Create"] == groups["Delete"])
        s.stop("fuotad")
        s.stop("sim")
        assert all(f.read_bytes() == image for f in s.path("flash").iterdir())
        both = counters_on_air(s)
        for addr, frames in both.items():
            assert len({f for f, _ in frames}) == len(frames), (addr, "an FCnt came twice")
            assert frames == sorted(frames), (addr, "an FCnt went back")
        return first, both


def case_groups_that_devices_keep_are_used_again(folder):
    first, both = second_campaign(folder, keep_groups=True)
    assert any(len(both[addr]) > len(frames) for addr, frames in first.items())


def case_groups_that_devices_lose_are_set_up_again(folder):
    second_campaign(folder, keep_groups=False)


def hold_nth(stack, call, n):
    """The n-th such call takes effect, its answer is lost, and the daemon dies waiting."""
    count = [0]

    def hook(path):
        count[0] += path.endswith(call)
        return "hold" if count[0] == n and path.endswith(call) else None

    stack.proxy.hook = hook
    stack.ctl("apply", stack.path("wm1-1-4-3.yaml"), check=0)
    assert stack.proxy.held.wait(120), f"no {call} number {n}"
    stack.kill_daemon()
    count[0] += 1000  # none is held any more
    stack.start_daemon()
    return count


def wait_for_uplinks(stack):
    euis = [x.split(",")[0] for x in stack.path("inventory.csv").read_text().splitlines()[1:]]
    wait_for("uplinks of all devices", lambda: all(
        json.loads(stack.ctl("device", eui, "--json").stdout)["links"] for eui in euis), 90)


def case_groups_of_lanes_are_found_again(folder):
    with applied(folder, gateways=4, devices=16, scale=60) as s:
        wait_for_uplinks(s)
        count = hold_nth(s, "MulticastGroupService/Create", 2)
        finish(s, 16)
        lanes = max(map(len, gateways_on_air(s).values()))
        assert lanes > 1
        assert count[0] - 1000 == sum(map(len, gateways_on_air(s).values())), count


def case_kill_between_lanes_keeps_them_in_step(folder):
    with applied(folder, gateways=4, devices=16, scale=60) as s:
        wait_for_uplinks(s)
        hold_nth(s, "MulticastGroupService/Enqueue", 22)
        finish(s, 16)
        assert max(map(len, gateways_on_air(s).values())) > 1


def case_kill_in_the_session_changes_nothing(folder):
    with applied(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        for share in (0.2, 0.6):
            def far_enough(share=share):
                f = s.state()["fragments"]
                return f["uncoded"] > 0 and f["sent"] >= share * f["uncoded"]
            wait_for("fragments", far_enough)
            s.kill_daemon()
            s.start_daemon()
        finish(s, 12)


def case_kill_between_an_enqueue_and_its_answer_changes_nothing(folder):
    with applied(folder) as s:
        count = [0]

        def hook(path):
            count[0] += path.endswith("MulticastGroupService/Enqueue")
            return "hold" if count[0] == 15 and path.endswith("/Enqueue") else None

        s.proxy.hook = hook
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        assert s.proxy.held.wait(90), "no 15th Enqueue"
        s.kill_daemon()
        s.proxy.hook = lambda path: None
        s.start_daemon()
        finish(s, 12)


def case_broker_and_api_may_go_away(folder):
    with applied(folder) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("session", lambda: s.state()["fragments"]["sent"] > 5, 90)
        s.stop("mosquitto", signal.SIGKILL)
        wait_for("the daemon to notice", lambda: "broker is away" in s.path(
            "fuotad.log").read_text())
        s.start_broker()
        finish(s, 12)


def case_a_full_disk_pauses_and_loses_nothing(folder):
    """The state folder is a small file system that somebody else fills."""
    state = pathlib.Path(folder) / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", state], check=True)
    try:
        with applied(folder) as s:
            s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
            wait_for("session", lambda: s.state()["fragments"]["sent"] > 3, 90)
            ballast = state / "ballast"
            with open(ballast, "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"x" * 4096)
                except OSError:
                    pass
            log = s.path("fuotad.log")
            wait_for("the alert", lambda: "disk" in log.read_text() or
                     "space" in log.read_text())
            ballast.unlink()
            finish(s, 12)
    finally:
        subprocess.run(["umount", "-l", state], check=True)


def case_data_is_delivered_and_not_installed(folder):
    with applied(folder) as s:
        path = s.path("wm1-1-4-3.yaml")
        campaign = json.loads(path.read_text())
        campaign["spec"]["image"]["format"] = "data"
        path.write_text(json.dumps(campaign, indent=1))
        r = s.ctl("apply", path, check=3)
        assert "spec.activation: has no meaning with image.format data" in r.stderr, r.stderr
        del campaign["spec"]["activation"]
        path.write_text(json.dumps(campaign, indent=1))
        r = s.ctl("apply", path, "--wait", "--timeout", "300s")
        assert r.returncode == 0, f"{r.returncode}\n{r.stdout}\n{r.stderr}"
        rows = [json.loads(x) for x in
                s.ctl("devices", "wm1-1-4-3", "-o", "jsonl", check=0).stdout.splitlines()]
        ends = {(x["outcome"], x["reason"], x["state"], x["result"]) for x in rows}
        assert len(rows) == 12 and ends == {("succeeded", "delivered", 2, 0)}, rows
        s.stop("fuotad")
        s.stop("sim")
        image = s.path("image.bin").read_bytes()
        flash = [f.read_bytes() for f in s.path("flash").glob("*.bin")]
        assert len(flash) == 12 and image not in flash


def case_a_wrong_signature_stores_nothing(folder):
    with applied(folder, devices=2) as s:
        before = s.path("state/fuotad.db").read_bytes()
        image = bytearray(s.path("image.bin").read_bytes())
        image[100] ^= 1
        s.path("image.bin").write_bytes(image)
        r = s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=7)
        assert "signature" in r.stderr, r.stderr
        assert s.ctl("status", "wm1-1-4-3").returncode == 5
        s.stop("fuotad")
        assert bytes(image) not in s.path("state/fuotad.db").read_bytes(), before[:16]


def refused(stack, *texts):
    """plan and apply say why, name the devices, exit 11, and nothing starts."""
    euis = [x.split(",")[0] for x in stack.path("inventory.csv").read_text().splitlines()[1:]]
    for command in ("plan", "apply"):
        r = stack.ctl(command, stack.path("wm1-1-4-3.yaml"), check=11)
        assert all(text in r.stderr for text in [*texts, *euis]), r.stderr
    assert stack.ctl("status", "wm1-1-4-3").returncode == 5


def case_what_cannot_end_is_refused_with_eleven(folder):
    with applied(folder, devices=2, spec={"budgets": {"dutyCycle": "0.1%"}}) as s:
        refused(s, "spec.budgets.dutyCycle", "of each hour of a gateway")


def case_an_image_no_decoder_takes_is_refused_with_eleven(folder):
    image = make_image(folder, 600000)
    with Stack(folder, BUILD, image, devices=2, kinds="st-v2") as s:
        refused(s, "spec.image", "at most 2151 fragments of 40 to 240 bytes")


def case_all_kinds_of_devices_are_updated_together(folder):
    """Each shipped profile twice; some never say that they have an image, or of which version."""
    image = make_image(folder)
    spec = {"image": {"file": "image.bin", "version": "1.4.3",
                      "firmwareVersion": zlib.crc32(image.read_bytes()),
                      "signatures": ["image.bin.minisig"]},
            "retry": {"cooldown": "1m", "device": 4}}
    with Stack(folder, BUILD, image, devices=16, kinds="mix", loss="3%", spec=spec) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        kinds = [line.split(",")[5] for line in
                 s.path("inventory.csv").read_text().splitlines()[1:]]
        assert kinds == 2 * SHIPPED, kinds
        for line in s.path("inventory.csv").read_text().splitlines()[1:]:
            shown = json.loads(s.ctl("device", line.split(",")[0], "--json", check=0).stdout)
            assert shown["profile"] == line.split(",")[5], shown
        finish(s, 16, loss=1)


def case_a_profile_of_ones_own_is_used_and_one_that_is_not_there_refused(folder):
    with applied(folder, devices=2) as s:
        s.stop("fuotad")
        s.path("profiles").mkdir()
        own = s.path("profiles/own.yaml")
        own.write_text("apiVersion: fuotad/v1\nkind: DeviceProfile\nmetadata: { name: lbm-v2 }\n"
                       "spec: { decoder: { countMax: 20, sizeMax: 50 } }\n")
        s.start_daemon()
        refused(s, "spec.image", "'lbm-v2' takes at most 20 fragments")
        s.stop("fuotad")
        inventory = s.path("inventory.csv")
        inventory.write_text(inventory.read_text().replace(",lbm-v2,", ",no-such,"))
        r = subprocess.run([BUILD / "fuotad", "--config", s.path("fuotad.yaml")], timeout=60,
                           capture_output=True, text=True, check=False)
        assert r.returncode != 0
        assert "inventory.csv:2" in r.stderr and "'no-such'" in r.stderr, r.stderr


def case_wrong_yaml_is_three_with_every_error(folder):
    with applied(folder, devices=2) as s:
        path = s.path("bad.yaml")
        path.write_text("apiVersion: fuotad/v1\nkind: Campaign\nmetadata: { name: Bad_Name }\n"
                        "spec:\n  imge: {}\n  targets: { fleet: wm1 }\n")
        r = s.ctl("apply", path, check=3)
        assert "bad.yaml:3:" in r.stderr and "bad.yaml:5:" in r.stderr, r.stderr


def case_keys_are_nowhere_in_the_clear(folder):
    with applied(folder, devices=3) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("set-up", lambda: s.state()["fragments"]["sent"] > 0, 90)
        keys = []
        for line in s.path("inventory.csv").read_text().splitlines()[1:]:
            keys += [bytes.fromhex(x) for x in line.split(",")[3:5] if len(x) == 32]
        assert keys
        keys.append(s.path("token").read_text().strip().encode())
        s.stop("fuotad")
        for path in list(s.path("state").iterdir()) + [s.path("fuotad.log")]:
            if path.name == "sealing.key":
                continue
            data = path.read_bytes()
            for key in keys:
                assert key not in data and key.hex().encode() not in data, path


def local(seconds):
    """HH:MM in India, where clocks never change."""
    return time.strftime("%H:%M", time.gmtime(seconds + 5.5 * 3600))


def case_fragments_keep_to_windows_and_blackouts(folder):
    with applied(folder, devices=4) as s:
        begin = s.now() // 60 * 60
        first, second = (begin + 1200, begin + 2400), (begin + 4800, begin + 40000)
        black = (begin + 4800, begin + 6000)
        stamps = [time.strftime("%Y-%m-%dT%H:%M", time.gmtime(t)) for t in black]
        s.path("windows").mkdir()
        s.path("windows/freeze.yaml").write_text(json.dumps(
            {"apiVersion": "fuotad/v1", "kind": "Window", "metadata": {"name": "freeze"},
             "spec": {"timezone": "UTC", "from": stamps[0], "to": stamps[1]}}))
        s.spec["schedule"] = {
            "timezone": "Asia/Kolkata",
            "windows": [{"start": local(a), "end": local(b)} for a, b in (first, second)],
            "blackouts": [{"window": "freeze"}]}
        path = s.write_campaign("wm1-1-4-3")
        r = s.ctl("apply", path, check=5)
        assert "no Window 'freeze'" in r.stderr and ":1" in r.stderr, r.stderr
        s.kill_daemon()
        s.start_daemon()
        calendar = json.loads(s.ctl("plan", path, "--json", check=0).stdout)["calendar"]
        assert calendar["windows"][0]["start"].endswith(f"T{local(first[0])}:00+05:30")
        assert calendar["clock_changes"] == [] and calendar["end"] <= calendar["end_p90"]
        s.ctl("apply", path, check=0)
        wait_for("fragments", lambda: s.state()["fragments"]["sent"] > 3)
        s.kill_daemon()  # windows are not stored: they are resolved again
        s.start_daemon()
        finish(s, 4, loss=2)
        times = [frame["time"] for frames in multicast_on_air(s).values()
                 for frame, _phy in frames]
        assert times
        outside = [t - begin for t in times if not (first[0] <= t < first[1] or
                                                    black[1] <= t < second[1])]
        # What was on its way when the machine stood still: that is ten minutes in four seconds.
        late = [t for t in outside if 0 <= t - (first[1] - begin) < 600]
        assert outside == late and len(late) <= 2, outside


def case_status_topics_tell_the_story(folder):
    with applied(folder, devices=4) as s:
        lines = s.subscribe(s.mqtt_port, "fuotad/v1/test/#")
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), "--wait", check=0)
        wait_for("the end on MQTT",
                 lambda: any("c/wm1-1-4-3/state" in x and '"completed"' in x for x in lines))
        results = [json.loads(x.split(" ", 3)[3]) for x in lines if "/results/" in x]
        final = {}
        last = {}
        for line in [x for x in lines if "/results/" in x]:
            topic, batch = line.split(" ", 3)[2], json.loads(line.split(" ", 3)[3])
            assert batch["seq"] == last.get(topic, batch["seq"] - 1) + 1, "gap in seq"
            last[topic] = batch["seq"]
            for r in batch["results"]:
                final[r["dev_eui"]] = r["outcome"]
        assert results and set(final.values()) == {"succeeded"} and len(final) == 4, final
        s.stop("fuotad", signal.SIGKILL)
        wait_for("the last will", lambda: any("$state" in x and '"lost"' in x for x in lines))


def case_abort_leaves_the_old_firmware(folder):
    image = make_image(folder, 40000)  # which takes longer than a machine stands still
    with Stack(folder, BUILD, image, devices=4) as s:
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("session", lambda: s.state()["fragments"]["sent"] > 3, 90)
        s.ctl("abort", "wm1-1-4-3", "--reason", "test", check=0)
        r = s.ctl("wait", "wm1-1-4-3", "--for", "completed", "--timeout", "300s")
        assert r.returncode == 10, r.returncode
        assert s.state()["devices"]["cancelled"] == 4
        s.stop("fuotad")
        s.stop("sim")
        image = s.path("image.bin").read_bytes()
        for flash in s.path("flash").iterdir():
            assert flash.read_bytes() != image


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
