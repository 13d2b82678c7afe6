#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_inventory.py BUILD SOURCE [CASE...] - devices, keys and gateways from the server's API,
and what is said when something is wrong there.

Between daemon and simulated server stands npm/page.js: every call, the new ones too, is held
against ChirpStack's own messages.
"""
import json
import pathlib
import sqlite3
import sys

from cases import run_cases
from stack import Stack, wait_for
from test_campaign import BUILD, finish, make_image
from test_doctor import doctor, texts, wait_for_brokers
from test_independent import CheckedStack, has_packages

NAME = "wm1-1-4-3"
FILE = f"{NAME}.yaml"
FIRST = "70b3d57ed0060001"


def served(folder, kind=Stack, **options):
    return kind(folder, BUILD, make_image(folder), inventory="server", **options)


def plan(stack, code=0):
    r = stack.ctl("plan", stack.path(FILE), "--json", check=code)
    return json.loads(r.stdout) if code == 0 else r.stdout + r.stderr


def look_around(stack, code):
    wait_for_brokers(stack)
    return doctor(stack, code=code)


def groups_left(stack):
    """Names of the multicast groups at the server, as its API has them."""
    made = [c for c in stack.proxy.calls() if "MulticastGroupService/" in c["path"]]
    alive = {}
    for call in made:
        method = call["path"].rsplit("/", 1)[-1]
        if method == "Create" and call.get("response", {}).get("id"):
            alive[call["response"]["id"]] = call["request"]["multicastGroup"]["name"]
        elif method == "Delete" and "response" in call:
            alive.pop(call["request"]["id"], None)
    return alive


def case_a_campaign_for_devices_that_only_the_server_lists(folder):
    with served(folder, CheckedStack, devices=12, gateways=2) as s:
        assert plan(s)["devices"] == 12
        s.ctl("apply", s.path(FILE), "--wait", "--timeout", "300s", check=0)
        # Each goes when its session is over, which late devices may have had to themselves; and
        # by the daemon, which finish() ends.
        wait_for("the groups to go", lambda: groups_left(s) == {}, 400)
        finish(s, 12)
        calls = s.proxy.calls()
        assert not [c for c in calls if "problem" in c], [c for c in calls if "problem" in c][:3]
        used = {c["path"][5:] for c in calls}
        assert used >= {"InternalService/GetVersion", "ApplicationService/Get",
                        "DeviceService/List", "DeviceService/GetKeys",
                        "DeviceProfileService/Get", "GatewayService/List"}, used


def case_many_devices_come_page_by_page(folder):
    with served(folder, CheckedStack, devices=250) as s:
        wait_for("the server's devices", lambda: plan(s)["devices"] == 250)
        pages = [c["request"] for c in s.proxy.calls() if c["path"].endswith("DeviceService/List")]
        assert [p["offset"] for p in pages[:3]] == [0, 100, 200], pages
        keys = [c for c in s.proxy.calls() if c["path"].endswith("GetKeys")]
        assert len({c["request"]["devEui"] for c in keys}) == 250


def case_tags_are_labels_and_keys_are_sealed(folder):
    with served(folder, devices=6, spec={"targets": {"fleet": "wm1", "match": {
            "labels": {"site": "site-b", "vendor": "sim"}}}}) as s:
        assert plan(s)["devices"] == 2
        rows = s.path("inventory.csv").read_text().splitlines()
        column = rows[0].split(",").index("gen_app_key")
        secrets = [bytes.fromhex(row.split(",")[column]) for row in rows[1:]]
        s.stop("fuotad")
        with sqlite3.connect(s.path("state/fuotad.db")) as db:
            sealed = db.execute("SELECT count(sealed_gen_app_key), count(sealed_app_key) "
                                "FROM inventory").fetchall()
        db.close()
        assert sealed == [(6, 0)], sealed
        for path in [*s.path("state").iterdir(), s.path("fuotad.log")]:
            content = path.read_bytes()
            assert not [k for k in secrets if k in content or k.hex().encode() in content], path
        # Without the server it knows them as before.
        s.proxy.down()
        s.start_daemon()
        assert plan(s)["devices"] == 2


def case_the_file_holds_where_both_speak(folder):
    class Both(Stack):
        def write_fleet(self):
            rows = self.path("inventory.csv").read_text().splitlines()
            head = rows[0].split(",")
            first, second = (dict(zip(head, row.split(","))) for row in rows[1:3])
            self.path("listed.csv").write_text(
                "dev_eui,name,gen_app_key,label:site,label:country\n"
                f"{first['dev_eui']},cellar,,site-z,fr\n"
                f"{second['dev_eui']},,{second['gen_app_key']},,de\n"
                "70b3d57ed0ffff01,spare,,site-z,fr\n")
            super().write_fleet()

    def devices(s, **labels):
        spec = json.loads(s.path(FILE).read_text())
        spec["spec"]["targets"] = {"fleet": "wm1", "match": {"labels": labels}}
        s.path("few.yaml").write_text(json.dumps(spec))
        r = s.ctl("plan", s.path("few.yaml"), "--json")
        return json.loads(r.stdout)["devices"] if r.returncode == 0 else r.stderr

    def look(s):
        assert devices(s, vendor="sim") == 6
        assert devices(s, site="site-z") == 2  # the file's word
        assert devices(s, site="site-z", vendor="sim") == 1  # the rest is the server's
        assert devices(s, site="site-b", country="de") == 1  # an empty field is the server's

    with Both(folder, BUILD, make_image(folder), inventory="both", devices=6) as s:
        look(s)
        found = texts(look_around(s, code=0), "warn", "devices")
        assert any("no root key" in x and "70b3d57ed0ffff01" in x for x in found), found
        assert not any(FIRST in x for x in found if "no root key" in x), found
        missing = texts(look_around(s, code=0), "warn", "server")
        assert any("not in its application" in x and "70b3d57ed0ffff01" in x
                   for x in missing), missing
        s.stop("fuotad")
        s.proxy.down()
        s.start_daemon()
        look(s)


def case_nothing_is_imported_where_the_server_lists(folder):
    with served(folder, devices=2) as s:
        r = s.ctl("devices", "import", s.path("inventory.csv"), check=6)
        assert "come from its network server: add them there" in r.stderr, r.stderr


def case_a_key_that_the_server_does_not_know(folder):
    with served(folder, devices=2) as s:
        s.stop("fuotad")
        s.path("token").write_text("another\n")
        s.start_daemon()
        said = s.ctl("plan", s.path(FILE))
        assert said.returncode == 11 and "does not know the API key" in said.stderr, said
        assert "put it into the tokenFile" in said.stderr, said
        findings = look_around(s, code=10)
        assert any("does not know the API key" in x for x in texts(findings, "fail", "api"))
        assert not texts(findings, "fail", "server"), "one cause is told once"


def wrong(folder, words, **options):
    """A stack whose server has that wrong."""
    return Stack(folder, BUILD, make_image(folder), sim_args=["--server-state", words], **options)


def case_an_application_of_another_tenant(folder):
    with wrong(folder, "foreign", devices=2) as s:
        said = s.ctl("apply", s.path(FILE))
        assert said.returncode == 11, said
        assert "the API key is valid, but application 5a1c0e1e" in said.stderr, said.stderr
        assert "correct applicationId" in said.stderr, said.stderr
        failed = texts(look_around(s, code=10), "fail", "api")
        assert "correct applicationId" in failed[0], failed


def case_a_key_that_may_only_read(folder):
    with wrong(folder, "read-only", devices=2) as s:
        failed = texts(look_around(s, code=10), "fail", "api")
        assert "may read but not write" in failed[0], failed


def case_a_device_without_gen_app_key(folder):
    for words in ("no-gen-app-key", "no-keys"):
        inner = pathlib.Path(folder) / words
        inner.mkdir()
        with wrong(inner, words, devices=3, inventory="server") as s:
            notes = plan(s)["notes"]
            assert any("1 devices have no root key" in n and FIRST in n and "GenAppKey" in n
                       for n in notes), notes
            warned = texts(look_around(s, code=0), "warn", "devices")
            assert any("no root key" in x and FIRST in x for x in warned), warned


def case_a_fleet_without_any_key(folder):
    with wrong(folder, "no-gen-app-key", devices=1, inventory="server") as s:
        said = s.ctl("plan", s.path(FILE))
        assert said.returncode == 11 and "none of the 1 devices has a root key" in said.stderr
        assert "GenAppKey" in said.stderr, said.stderr


def case_a_device_profile_with_class_c_not_ticked(folder):
    with Stack(folder, BUILD, make_image(folder), devices=2) as s:
        notes = plan(s)["notes"]
        assert any("'meter-v2' has it not ticked" in n and "Class-C" in n for n in notes), notes
        said = texts(look_around(s, code=0), "ok", "server")
        assert any("'meter-v2' has it not ticked" in x and "right for devices" in x
                   for x in said), said


def case_a_device_profile_with_class_c_ticked(folder):
    """Devices are of class A but for a session: the server does not wait for their uplinks."""
    with wrong(folder, "class-c", devices=2) as s:
        notes = plan(s)["notes"]
        assert any("'meter-v2' has 'Device supports Class-C' ticked" in n for n in notes), notes
        warned = texts(look_around(s, code=0), "warn", "server")
        assert any("2 devices" in x and "untick it" in x for x in warned), warned


def case_a_gateway_of_another_tenant(folder):
    with wrong(folder, "foreign-gateway", devices=2, gateways=2,
               spec={"radio": {"gateways": ["0016c001f0000002"]}}) as s:
        said = s.ctl("plan", s.path(FILE))
        assert said.returncode == 11, said
        assert "spec.radio.gateways: gateway 0016c001f0000002 is none" in said.stderr, said.stderr


def case_a_server_that_is_too_old(folder):
    with wrong(folder, "version=4.11.1", devices=2) as s:
        for said in (plan(s)["notes"], texts(look_around(s, code=0), "warn", "server")):
            assert any("version 4.11.1" in x and "(4.14)" in x and "(4.12)" in x
                       and "(4.10)" not in x and "update it" in x for x in said), said


if __name__ == "__main__":
    if not has_packages():
        sys.exit("nodejs or its packages of package-lock.json are not installed; "
                 "run ./scripts/install-deps.sh test")
    sys.exit(run_cases(globals(), sys.argv[3:]))
