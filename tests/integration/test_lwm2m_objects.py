#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_objects.py BUILD SOURCE - objects of LwM2M devices, read and changed by people.

Prints a line per case and exits with the number of failures.
"""
import json
import subprocess
import sys

from cases import run_cases
from lwm2m_client import GET, PATH, TLV, code, encode
from lwm2m_objects import OMA_JSON, SENML_JSON, ObjectClient
from lwm2m_stack import Lwm2mStack, dtls
from stack import wait_for


def objects():
    return {"1/0": {0: 1, 1: 300, 7: "U"},
            "3/0": {0: "ACME", 3: "1.4.2", 9: 80, 10: 512},
            "3303/0": {5701: "Cel", 5750: "attic"}}


def device(stack, **options):
    client = ObjectClient(stack.port, "meter-0", objects(), **options)
    client.start()
    stack.clients.append(client)
    wait_for("registration", lambda: client.location)
    return client


def ask(stack, *args, check=0):
    r = stack.ctl("--json", "device", "meter-0", *args, check=check)
    lines = [json.loads(x) for x in r.stdout.splitlines() if x.startswith("{")]
    return lines[0] if lines else r.stderr


def values(answer):
    return {v["path"]: v["value"] for v in answer["values"]}


def reads_and_writes(folder, form):
    with Lwm2mStack(folder) as s:
        client = device(s, form=form, fixed=["3/0/0"])
        assert ask(s, "read", "/3/0/9")["values"] == [
            {"path": "/3/0/9", "type": "integer", "value": 80}]
        assert values(ask(s, "read", "/3/0")) == {
            "/3/0/0": "ACME", "/3/0/3": "1.4.2", "/3/0/9": 80, "/3/0/10": 512}
        assert values(ask(s, "read", "/3303"))["/3303/0/5701"] == "Cel"
        ask(s, "write", "/1/0/1", "600")
        assert client.objects["1/0"][1] == 600, client.objects
        ask(s, "write", "/1/0", "1=900", "7=UQ")
        assert client.objects["1/0"] == {0: 1, 1: 900, 7: "UQ"}, client.objects
        created = ask(s, "create", "/3303/4", "5701=string:K", "5750=cellar")
        assert created["location"] == "3303/4", created
        assert client.objects["3303/4"] == {5701: "K", 5750: "cellar"}, client.objects
        ask(s, "delete", "/3303/4")
        assert "3303/4" not in client.objects
        ask(s, "execute", "/3/0/4")
        ask(s, "execute", "/3/0/12", "0='all'")
        assert client.executed == [("3/0/4", ""), ("3/0/12", "0='all'")], client.executed


def case_a_device_with_tlv_is_read_and_changed(folder):
    reads_and_writes(folder, TLV)


def case_a_device_with_senml_is_read_and_changed(folder):
    reads_and_writes(folder, SENML_JSON)


def case_a_device_with_the_json_of_lwm2m_1_0_is_read(folder):
    with Lwm2mStack(folder) as s:
        client = device(s, form=OMA_JSON)
        assert ask(s, "read", "/3/0/9")["values"] == [
            {"path": "/3/0/9", "type": "integer", "value": 80}]
        assert values(ask(s, "read", "/3/0")) == {
            "/3/0/0": "ACME", "/3/0/3": "1.4.2", "/3/0/9": 80, "/3/0/10": 512}
        assert values(ask(s, "read", "/3303"))["/3303/0/5701"] == "Cel"
        ask(s, "write", "/1/0/1", "600")
        assert client.objects["1/0"][1] == 600, client.objects


def case_the_components_of_a_device_are_read(folder):
    """Object 33629, Advanced Firmware Update: not registered, and met."""
    with Lwm2mStack(folder) as s:
        client = device(s)
        client.objects.update({
            "33629/0": {3: 0, 5: 1, 14: "application", 15: "1.4.2"},
            "33629/1": {3: 2, 5: 13, 14: "modem", 15: "7.2"}})
        read = values(ask(s, "read", "/33629"))
        assert read["/33629/1/14"] == "modem" and read["/33629/0/15"] == "1.4.2", read
        assert (read["/33629/1/3"], read["/33629/1/5"]) == (2, 13), read


def case_what_a_device_refuses_is_said(folder):
    with Lwm2mStack(folder, devices=2) as s:
        device(s, fixed=["3/0/0"])
        assert "4.04" in str(ask(s, "read", "/9/0/1", check=5))
        assert "4.05" in str(ask(s, "write", "/3/0/0", "x", check=6))
        assert "4.04" in str(ask(s, "delete", "/3303/9", check=5))
        for wrong in (["read", "3/0/x"], ["write", "/1/0/1", "many"], ["read", "/0/0/5"],
                      ["write", "/1/0", "300"], ["delete", "/3303/0/5701"],
                      ["observe", "/3/0/9", "above=3"]):
            ask(s, *wrong, check=3)
        s.ctl("device", "meter-9", "read", "/3/0/9", check=5)
        s.ctl("device", "meter-0", "frobnicate", "/3/0/9", check=2)
        s.ctl("device", "meter-0", "read", check=2)
        r = s.ctl("device", "meter-1", "read", "/3/0/9", "--timeout", "2s", check=12)
        assert "not registered" in r.stderr, r.stderr


def case_a_device_that_does_not_answer_is_not_waited_for_for_ever(folder):
    with Lwm2mStack(folder) as s:
        client = device(s)
        client.stop()
        assert "in time" in str(ask(s, "read", "/3/0/9", "--timeout", "3s", check=8))


def case_a_sleeping_device_is_waited_for(folder):
    with Lwm2mStack(folder, options="awakeTime: 2s") as s:
        client = device(s, binding="UQ")
        wait_for("sleep", lambda: s.ctl("device", "meter-0", "read", "/3/0/9", "--timeout", "1s",
                                        check=None).returncode == 8)
        r = s.ctl("device", "meter-0", "read", "/3/0/9", "--timeout", "1s", check=8)
        assert "sleeps" in r.stderr, r.stderr
        reading = subprocess.Popen(
            [*s.ctl_command(), "--json", "device", "meter-0", "read", "/3/0/9", "--timeout", "30m"],
            stdout=subprocess.PIPE, text=True)
        wait_for("the value", lambda: reading.poll() is not None or client.register())
        out, _ = reading.communicate(timeout=120)
        assert reading.returncode == 0 and json.loads(out)["values"][0]["value"] == 80, out


def case_changes_are_told_as_long_as_somebody_listens(folder):
    with Lwm2mStack(folder) as s:
        client = device(s)
        watching = subprocess.Popen(
            [*s.ctl_command(), "--json", "device", "meter-0", "observe", "/3/0/9", "lt=20",
             "pmin=1", "--timeout", "3m"], stdout=subprocess.PIPE, text=True)
        wait_for("observation", lambda: "3/0/9" in client.watched)
        assert client.attributes == ["lt=20", "pmin=1"], client.attributes
        client.tell("3/0/9", 19)
        client.tell("3/0/9", 18)
        out, _ = watching.communicate(timeout=120)
        seen = [json.loads(x)["values"][0]["value"] for x in out.splitlines()
                if json.loads(x)["values"]]
        assert watching.returncode == 0 and seen == [80, 19, 18], out


def case_a_battery_is_watched_for_preconditions(folder):
    def battery(s):
        r = s.ctl("--json", "device", "70b3d50000000000", check=None)
        return json.loads(r.stdout)["battery_percent"] if r.returncode == 0 else None
    with Lwm2mStack(folder, options="batteryStep: 10") as s:
        client = device(s)
        wait_for("the battery", lambda: battery(s) == 80)
        assert client.attributes == ["st=10"], client.attributes
        client.tell("3/0/9", 15)
        wait_for("the change", lambda: battery(s) == 15)


def case_changes_are_in_the_audit_log_without_their_values(folder):
    with Lwm2mStack(folder) as s:
        device(s)
        ask(s, "write", "/1/0/7", "UQS", "--reason", "ticket 7")
        ask(s, "read", "/1/0/7")
        r = s.ctl("--json", "audit", check=0)
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        mine = [x for x in rows if x.get("action") == "access"]
        assert [(x["object"], x["detail"], x["reason"]) for x in mine] == [
            ("70b3d50000000000", "write /1/0/7", "ticket 7")], mine
        assert "UQS" not in r.stdout
        s.ctl("audit", "--verify", check=0)


def case_the_object_of_a_campaign_is_left_to_it(folder):
    with Lwm2mStack(folder) as s:
        client = s.client(method=1, faults=["mute"])  # it stays half brought
        s.ctl("apply", s.path("wm1-1-4-3.yaml"), check=0)
        wait_for("some blocks", lambda: client.muted, 60)
        r = s.ctl("device", "meter-0", "execute", "/5/0/10", check=6)
        assert "campaign" in r.stderr, r.stderr


def case_after_its_campaign_the_object_is_anybodys_and_the_image_nobodys(folder):
    with Lwm2mStack(folder) as s:
        client = s.client()
        s.campaign(0)
        r = s.ctl("device", "meter-0", "execute", "/5/0/2", check=6)
        assert "4.05" in r.stderr, r.stderr  # the device's own answer: it is idle
        name = client.uris[0].rsplit("/", 1)[1].encode()
        answer = s.ask(encode(0, GET, 1, b"t", [(PATH, b"fw"), (PATH, name)]))
        assert answer[1] == code("4.04"), answer


def case_an_imported_device_registers_with_its_key_at_once(folder):
    with Lwm2mStack(folder, secure=True) as s:
        s.path("new.csv").write_text("dev_eui,name,app_key\n"
                                     f"70b3d50000000abc,newcomer,{'6e' * 16}\n"
                                     f"70b3d50000000abd,keyless,\n")
        assert not dtls(s, "n" * 16, "newcomer", "newcomer", 4)
        s.ctl("devices", "import", s.path("new.csv"), check=0)
        assert "2.01" in dtls(s, "n" * 16, "newcomer", "newcomer")
        s.path("again.csv").write_text("dev_eui,name,app_key\n"
                                       f"70b3d50000000abc,newcomer,{'6f' * 16}\n")
        s.ctl("devices", "import", s.path("again.csv"), check=0)
        assert not dtls(s, "n" * 16, "newcomer", "newcomer", 4)
        assert "2.01" in dtls(s, "o" * 16, "newcomer", "newcomer")
        assert "2.01" in dtls(s, "k" * 16, "meter-0", "meter-0")


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
