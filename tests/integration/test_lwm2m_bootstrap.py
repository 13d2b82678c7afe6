#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lwm2m_bootstrap.py BUILD SOURCE - devices that are given their server account.

Prints a line per case and exits with the number of failures.
"""
import json
import sys

from cases import run_cases
from lwm2m_client import DELETE, GET, POST, PUT
from lwm2m_newborn import Newborn
from lwm2m_stack import Lwm2mStack
from stack import free_port

SERVER, FACTORY = "6b" * 16, "67" * 16
USUAL = [(DELETE, "0"), (DELETE, "1"), (GET, "0"), (PUT, "0/{0}"), (PUT, "1/{0}"), (POST, "bs")]


class BootstrapStack(Lwm2mStack):
    """With a bootstrap server; devices have a factory key beside that of the server."""

    def __init__(self, folder, devices=1, **options):
        self.newborn_port, self.newborn_secure_port = free_port(), free_port()
        super().__init__(folder, devices=devices, secure=True, options=(
            f"bootstrapCoapPort: {self.newborn_port}\n"
            f"      bootstrapCoapsPort: {self.newborn_secure_port}\n"
            "      lifetime: 10m"), **options)

    def inventory_text(self):
        return "dev_eui,name,gen_app_key,app_key\n" + "".join(
            f"70b3d5{i:010x},meter-{i},{FACTORY if i % 2 == 0 else ''},{SERVER}\n"
            for i in range(self.devices))

    def newborn(self, query, identity=None, key=FACTORY, **options):
        port = self.newborn_port if identity is None else self.relay(
            identity, key, self.newborn_secure_port)
        return Newborn(port, query, **options).born()

    def texts(self):
        """All that the daemon has written but for its database."""
        return self.path("fuotad.log").read_text() + self.ctl("status", "--json").stdout


def steps(instance):
    return [(method, path.format(instance)) for method, path in USUAL]


def case_a_device_gets_its_account_over_dtls_registers_and_is_updated(folder):
    with BootstrapStack(folder) as s:
        device = s.newborn(["ep=meter-0"], "meter-0")
        assert device.asked == steps(1), device.asked
        account, server = device.accounts["0/1"], device.accounts["1/1"]
        assert account == {0: f"coaps://127.0.0.1:{s.secure_port}".encode(), 1: b"\0", 2: b"\0",
                           3: b"meter-0", 4: b"", 5: bytes.fromhex(SERVER), 10: b"\1"}, account
        assert server == {0: b"\1", 1: (600).to_bytes(2, "big"), 6: b"\0", 7: b"U"}, server
        assert sorted(device.accounts) == ["0/0", "0/1", "1/1"], device.accounts
        client = s.client(relay=True)  # by the key that it was given
        s.campaign(0)
        assert client.flash == s.path("image.bin").read_bytes()
        for key in (SERVER, FACTORY):
            assert key not in s.texts() and key.upper() not in s.texts()
            assert bytes.fromhex(key) not in s.path("fuotad.log").read_bytes()


def case_a_device_with_one_key_shows_that(folder):
    with BootstrapStack(folder, devices=2) as s:
        device = s.newborn(["ep=meter-1"], "meter-1", SERVER)
        assert device.accounts["0/1"][3] == b"meter-1", device.accounts
        assert s.newborn([], "meter-0").asked == steps(1)  # 1.1: its identity is its name


def case_its_bootstrap_account_is_left_alone_wherever_it_is(folder):
    with BootstrapStack(folder) as s:
        assert s.newborn(["ep=meter-0"], "meter-0", own=1).asked == steps(0)
        silent = s.newborn(["ep=meter-0"], "meter-0", discovers=False)
        assert silent.asked == steps(1), silent.asked


def case_a_device_without_tlv_gets_senml(folder):
    with BootstrapStack(folder) as s:
        device = s.newborn(["ep=meter-0"], "meter-0", form=110)
        values = {r.get("n"): r for r in json.loads(device.accounts["0/1"])}
        assert any(r.get("vs", "").startswith("coaps://") for r in values.values()), values
        assert device.ended and (POST, "bs") in device.asked
        asked = s.newborn(["ep=meter-0", "pct=110"], "meter-0", form=110).asked
        assert asked == steps(1), asked


def case_without_dtls_no_key_is_given(folder):
    with BootstrapStack(folder) as s:
        device = s.newborn(["ep=meter-0"])
        account = device.accounts["0/1"]
        assert account[0] == f"coap://127.0.0.1:{s.port}".encode(), account
        assert (account[2], account[3], account[5]) == (b"\3", b"", b""), account


def case_strangers_get_no_account(folder):
    with BootstrapStack(folder, devices=3) as s:
        for query in (["ep=meter-7"], [], ["ep=" + "m" * 200]):
            device = s.newborn(query)
            assert (device.answer, device.asked) == ("4.00", []), (query, device.answer)
        other = s.newborn(["ep=meter-2"], "meter-0")  # the name of another device
        assert (other.answer, other.asked) == ("4.00", []), other.answer
        assert s.newborn(["ep=meter-0"]).asked == steps(1)


if __name__ == "__main__":
    sys.exit(run_cases(globals(), sys.argv[3:]))
