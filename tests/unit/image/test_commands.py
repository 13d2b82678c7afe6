#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_commands.py TOOL VECTORS - fuotactl's "image" and "key" on real files.

Signatures go both ways between TOOL and the minisign program, whole and tampered with;
fragments are compared with the blocks that another TS004 encoder made.
"""
import base64
import json
import os
import pty
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

TOOL, VECTORS = map(os.path.abspath, sys.argv[1:3])
MINISIGN = shutil.which("minisign")
FIRMWARE = bytes(range(256)) * 40 + b"end"
USAGE, INVALID, FORBIDDEN, UNTRUSTED, DOES_NOT_FIT = 2, 3, 4, 7, 11
needs_minisign = unittest.skipUnless(MINISIGN, "the minisign program is not installed")


def tool(*args, **kwargs):
    return subprocess.run([TOOL, *args], capture_output=True, text=True, timeout=200,
                          stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)


def minisign(*args, password=""):
    return subprocess.run([MINISIGN, *args], capture_output=True, text=True, timeout=200,
                          input=password)


def lines_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read().split("\n")


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


class Files(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.dir.name)
        write("fw.bin", FIRMWARE)

    def ok(self, result, code=0):
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def ours(self):
        self.ok(tool("key", "generate", "-o", "k"))

    def theirs(self):
        self.ok(minisign("-G", "-W", "-f", "-p", "k.pub", "-s", "k.key"))

    def verify(self, *more, file="fw.bin", code=0):
        return self.ok(tool("image", "verify", file, "--signature", "fw.bin.minisig",
                            "--key", "k.pub", *more), code)

    def refused(self, *args, code=USAGE, **kwargs):
        """Refused with one message, and the usage line if it is about usage."""
        result = self.ok(tool(*args, **kwargs), code)
        text = result.stderr.strip().split("\n")
        self.assertEqual(len(text), 2 if code == USAGE else 1, result.stderr)
        self.assertTrue(text[0].startswith("fuotactl: "))
        self.assertEqual(result.stdout, "")
        return text[0]


@needs_minisign
class WithMinisign(Files):
    def test_minisign_accepts_what_we_sign_with_our_key(self):
        self.ours()
        for form in ([], ["--legacy"]):
            self.ok(tool("image", "sign", "fw.bin", "--key", "k.key", *form))
            self.ok(minisign("-V", "-p", "k.pub", "-m", "fw.bin"))
            self.verify()

    def test_minisign_signs_with_our_key(self):
        self.ours()
        for form in ([], ["-l"]):
            self.ok(minisign("-S", "-W", "-s", "k.key", "-m", "fw.bin", *form))
            self.verify()

    def test_we_sign_with_the_key_of_minisign(self):
        self.theirs()
        self.ok(tool("image", "sign", "fw.bin", "--key", "k.key", "--product", "wm1",
                     "--version", "1.4.3", "--seccnt", "17"))
        out = self.ok(minisign("-V", "-Q", "-p", "k.pub", "-m", "fw.bin")).stdout
        self.assertEqual(out.strip(), "fuota:v1 product=wm1 version=1.4.3 "
                         "size=%d seccnt=17" % len(FIRMWARE))

    def test_a_signature_of_minisign_with_metadata_is_checked_when_asked(self):
        self.theirs()
        comment = "fuota:v1 product=wm1 version=1.4.3 size=%d" % len(FIRMWARE)
        self.ok(minisign("-S", "-W", "-s", "k.key", "-m", "fw.bin", "-t", comment))
        self.verify("--product", "wm1", "--version", "1.4.3")
        self.verify("--version", "1.4.4", code=UNTRUSTED)
        self.verify("--product", "wm2", code=UNTRUSTED)
        self.ok(minisign("-S", "-W", "-s", "k.key", "-m", "fw.bin"))
        self.verify()
        self.verify("--product", "wm1", code=UNTRUSTED)

    def test_an_encrypted_key_of_minisign_opens_with_its_password(self):
        made = minisign("-G", "-f", "-p", "k.pub", "-s", "k.key",
                        password="secret word\nsecret word\n")
        self.ok(made)
        write("pw", "secret word\n")
        write("wrong", "secret wort\n")
        self.ok(tool("image", "sign", "fw.bin", "--key", "k.key", "--password-file", "pw"))
        self.verify()
        self.refused("image", "sign", "fw.bin", "--key", "k.key", "--password-file",
                     "wrong", code=UNTRUSTED)

    def test_minisign_opens_our_encrypted_key(self):
        write("pw", "secret word\r\nsecond line\n")
        self.ok(tool("key", "generate", "-o", "k", "--password-file", "pw"))
        self.ok(minisign("-S", "-s", "k.key", "-m", "fw.bin", password="secret word\n"))
        self.verify()

    def test_tampering_is_found_by_both(self):
        self.theirs()
        self.ok(minisign("-S", "-W", "-s", "k.key", "-m", "fw.bin", "-t", "version 1"))
        good = lines_of("fw.bin.minisig")
        key = lines_of("k.pub")

        write("fw.bin", FIRMWARE[:-1] + b"D")
        self.both_refuse("does not match the image")
        write("fw.bin", FIRMWARE)

        write("fw.bin.minisig", "\n".join(good).replace("version 1", "version 2"))
        self.both_refuse("trusted comment has been altered")
        for line in (1, 3):
            raw = bytearray(base64.b64decode(good[line]))
            raw[-1] ^= 0x01
            bad = list(good)
            bad[line] = base64.b64encode(raw).decode()
            write("fw.bin.minisig", "\n".join(bad))
            self.both_refuse("")
        write("fw.bin.minisig", "\n".join(good[:2]) + "\n")
        self.both_refuse("not a minisign signature")
        write("fw.bin.minisig", "\n".join(good))
        self.verify()

        raw = bytearray(base64.b64decode(key[1]))
        for at in (5, 20):  # in the key number, in the key
            bad = bytearray(raw)
            bad[at] ^= 0x10
            write("k.pub", "%s\n%s\n" % (key[0], base64.b64encode(bad).decode()))
            self.both_refuse("")

    def both_refuse(self, text):
        self.assertNotEqual(minisign("-V", "-p", "k.pub", "-m", "fw.bin").returncode, 0)
        result = self.verify(code=UNTRUSTED)
        self.assertEqual(result.stdout, "")
        self.assertIn(text, result.stderr)

    def test_crlf_files_verify(self):
        self.theirs()
        self.ok(minisign("-S", "-W", "-s", "k.key", "-m", "fw.bin"))
        for name in ("k.pub", "fw.bin.minisig"):
            write(name, "\r\n".join(lines_of(name)))
        self.verify()


class Keys(Files):
    def test_a_pair_is_made_once_and_the_secret_is_private(self):
        self.ours()
        self.assertEqual(stat.S_IMODE(os.stat("k.key").st_mode), 0o600)
        before = lines_of("k.key")
        self.refused("key", "generate", "-o", "k", code=FORBIDDEN)
        os.unlink("k.pub")
        self.refused("key", "generate", "-o", "k", code=FORBIDDEN)
        self.assertEqual(lines_of("k.key"), before)
        self.assertFalse(os.path.exists("k.pub"))

    def test_json_names_the_files(self):
        out = json.loads(self.ok(tool("key", "generate", "--json")).stdout)
        self.assertEqual(out["public_key_file"], "fuota.pub")
        self.assertEqual(len(out["key_id"]), 16)
        self.assertIn(out["key_id"], lines_of(out["public_key_file"])[0])

    def test_a_folder_that_is_not_there_leaves_nothing(self):
        self.refused("key", "generate", "-o", "no/k", code=1)
        os.mkdir("k.pub")  # a file cannot be written there
        self.refused("key", "generate", "-o", "k", code=FORBIDDEN)
        self.assertFalse(os.path.exists("k.key"))

    def test_usage(self):
        self.refused("key")
        self.refused("key", "destroy")
        self.refused("key", "generate", "k")
        self.refused("key", "generate", "-o")
        self.refused("key", "generate", "-o", "a", "--output=b")
        self.refused("key", "generate", "--encrypt=yes")
        result = self.ok(tool("key", "generate", "--encrypt"), USAGE)
        self.assertIn("no terminal", result.stderr)
        self.assertFalse(os.path.exists("fuota.key"))
        write("pw", "\n")
        self.refused("key", "generate", "--password-file", "pw", code=INVALID)
        self.refused("key", "generate", "--password-file", "none", code=INVALID)
        self.assertIn("generate", self.ok(tool("key", "--help")).stdout)

    def test_with_little_memory_the_password_still_protects(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
        if tool("key", "--help", preexec_fn=limit).returncode != 0:
            self.skipTest("does not even start, built with a sanitizer")
        write("pw", "secret word\n")
        made = self.ok(tool("key", "generate", "-o", "k", "--password-file", "pw",
                            preexec_fn=limit))
        self.assertIn("little memory", made.stderr)
        self.ok(tool("image", "sign", "fw.bin", "--key", "k.key", "--password-file", "pw",
                     preexec_fn=limit))
        self.verify()
        self.ok(tool("key", "generate", "-o", "full", "--password-file", "pw"))
        self.refused("image", "sign", "fw.bin", "--key", "full.key", "--password-file",
                     "pw", code=1, preexec_fn=limit)

    def test_a_terminal_is_asked_without_echo(self):
        shown, code = on_terminal(["key", "generate", "-o", "k", "--encrypt"],
                                  [b"open sesame\n", b"open sesame\n"])
        self.assertEqual(code, 0, shown)
        self.assertNotIn(b"sesame", shown)
        shown, code = on_terminal(["image", "sign", "fw.bin", "--key", "k.key"],
                                  [b"open sesame\n"])
        self.assertEqual(code, 0, shown)
        self.verify()
        shown, code = on_terminal(["key", "generate", "-o", "l", "--encrypt"],
                                  [b"one\n", b"two\n"])
        self.assertEqual(code, USAGE)
        shown, code = on_terminal(["key", "generate", "-o", "l", "--encrypt"], [b"\x03"])
        self.assertEqual(code, 130)
        self.assertFalse(os.path.exists("l.key"))


def on_terminal(args, answers):
    """Run TOOL on a terminal of its own, answer each prompt; all it showed, exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(TOOL, [TOOL, *args])
    shown = b""
    for answer in answers:
        while not shown.endswith(b": "):
            shown += os.read(fd, 1)
        os.write(fd, answer)
        shown += b"|"
    try:
        while chunk := os.read(fd, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(fd)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Signing(Files):
    def setUp(self):
        super().setUp()
        self.ours()

    def test_metadata_is_written_and_checked(self):
        out = json.loads(self.ok(tool(
            "image", "sign", "fw.bin", "--key", "k.key", "--product=wm1",
            "--version=1.4.3", "-o", "fw.bin.minisig", "--json")).stdout)
        self.assertEqual(out["signature_file"], "fw.bin.minisig")
        self.assertTrue(out["trusted_comment"].startswith("fuota:v1 product=wm1"))
        seen = json.loads(self.verify("--version", "1.4.3", "--json").stdout)
        self.assertEqual((seen["verified"], seen["reason"]), (True, "counted"))
        self.assertEqual(seen["trusted_comment"], out["trusted_comment"])
        seen = json.loads(self.verify("--version", "1.4", "--json", code=UNTRUSTED).stdout)
        self.assertEqual((seen["verified"], seen["reason"]), (False, "other-version"))
        self.assertNotIn("trusted_comment", seen)

    def test_the_name_of_the_file_goes_into_the_default_comment_if_it_is_printable(self):
        for name, shown in (("fw.bin", True), ("f\x1bw", False)):
            write(name, FIRMWARE)
            out = json.loads(self.ok(tool("image", "sign", name, "--key", "k.key",
                                          "--json")).stdout)
            self.assertEqual("file:" in out["trusted_comment"], shown)
            self.assertTrue(out["trusted_comment"].endswith("\tprehashed"))

    def test_another_key_does_not_verify(self):
        self.ok(tool("image", "sign", "fw.bin", "--key", "k.key"))
        self.ok(tool("key", "generate", "-o", "other"))
        result = tool("image", "verify", "fw.bin", "--signature", "fw.bin.minisig",
                      "--key", "other.pub")
        self.ok(result, UNTRUSTED)
        self.assertIn("not trusted here", result.stderr)

    def test_an_empty_or_missing_file_is_named(self):
        write("empty", b"")
        self.assertIn("empty", self.refused("image", "sign", "empty", "--key", "k.key",
                                            code=INVALID))
        for args in (["image", "sign", "none", "--key", "k.key"],
                     ["image", "sign", "fw.bin", "--key", "none"],
                     ["image", "verify", "none", "--signature", "k.pub", "--key", "k.pub"],
                     ["image", "verify", "fw.bin", "--signature", "none", "--key", "k.pub"],
                     ["image", "verify", "fw.bin", "--signature", "k.pub", "--key", "none"],
                     ["image", "inspect", "none"]):
            self.assertIn("none: No such file", self.refused(*args, code=INVALID))
        self.refused("image", "inspect", ".", code=INVALID)

    def test_a_file_that_is_no_key_is_named(self):
        self.assertIn("k.pub: not a minisign secret key", self.refused(
            "image", "sign", "fw.bin", "--key", "k.pub", code=INVALID))
        self.ok(tool("image", "sign", "fw.bin", "--key", "k.key"))
        self.assertIn("fw.bin: not a minisign public key", self.refused(
            "image", "verify", "fw.bin", "--signature", "fw.bin.minisig", "--key",
            "fw.bin", code=UNTRUSTED))
        comment, text = lines_of("k.key")[:2]
        raw = bytearray(base64.b64decode(text))
        raw[100] ^= 1
        write("bad.key", "%s\n%s\n" % (comment, base64.b64encode(raw).decode()))
        self.refused("image", "sign", "fw.bin", "--key", "bad.key", code=INVALID)

    def test_a_signature_that_cannot_be_written_is_an_error(self):
        self.refused("image", "sign", "fw.bin", "--key", "k.key", "-o", "no/sig", code=1)
        self.assertIn("No space left", self.refused(
            "image", "sign", "fw.bin", "--key", "k.key", "-o", "/dev/full", code=1))

    def test_oversized_files_are_refused(self):
        write("huge", bytes((1 << 20) + 1))
        self.assertIn("larger than", self.refused("image", "sign", "fw.bin", "--key", "huge",
                                                  code=INVALID))

    def test_usage(self):
        sign = ["image", "sign", "fw.bin", "--key", "k.key"]
        for args in (["image"], ["image", "paint", "fw.bin"], ["image", "sign"],
                     ["image", "sign", "fw.bin"], ["image", "sign", "fw.bin", "fw.bin"],
                     [*sign, "--product", "wm1"], [*sign, "--version", "1"],
                     [*sign, "--seccnt", "1"], [*sign, "--product", "a b", "--version", "1"],
                     [*sign, "--product", "a", "--version", "1", "--seccnt", "x"],
                     [*sign, "--product", "a", "--version", "1", "--seccnt", "4294967296"],
                     [*sign, "--nonsense"],
                     ["image", "verify", "fw.bin", "--key", "k.pub"],
                     ["image", "verify", "fw.bin", "--signature", "k.pub"],
                     ["image", "verify", "fw.bin", "--signature", "k.pub", "--key",
                      "k.pub", "--product", "a b"],
                     ["image", "inspect", "--", "--json", "x"]):
            self.refused(*args)
        self.assertEqual(len(self.ok(tool("image", "-h")).stdout.strip().split("\n")), 4)


class Inspecting(Files):
    def test_raw(self):
        out = json.loads(self.ok(tool("image", "inspect", "fw.bin", "--json")).stdout)
        self.assertEqual((out["format"], out["size_bytes"]), ("raw", len(FIRMWARE)))
        self.assertEqual(len(out["sha256"]), 64)
        self.assertIn("raw", self.ok(tool("image", "inspect", "fw.bin")).stdout)

    def test_mcuboot(self):
        le = lambda value, size: value.to_bytes(size, "little")
        head = (le(0x96f3b83d, 4) + le(0, 4) + le(32, 2) + le(12, 2) + le(8, 4) + le(0, 4) +
                bytes([1, 4]) + le(3, 2) + le(9, 4) + le(0, 4))
        tlvs = le(0x6908, 2) + le(12, 2) + le(0x50, 2) + le(4, 2) + le(17, 4)
        image = head + b"firmware" + tlvs
        write("m.bin", image + le(0x6907, 2) + le(40, 2) + le(0x10, 2) + le(32, 2) + bytes(32))
        out = json.loads(self.ok(tool("image", "inspect", "m.bin", "--json")).stdout)
        self.assertEqual((out["format"], out["version"], out["security_counter"],
                          out["hash_state"]), ("mcuboot", "1.4.3+9", 17, "differs"))
        write("m.bin", image)
        self.refused("image", "inspect", "m.bin", code=INVALID)
        write("m.bin", head[:10] + le(0, 2) + head[12:] + b"firmware" + le(0x6907, 2) + le(4, 2))
        out = self.ok(tool("image", "inspect", "m.bin")).stdout
        self.assertRegex(out, r"security_counter +-\n")

    def test_a_full_disk_behind_stdout_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run([TOOL, "image", "inspect", "fw.bin"], stdout=full,
                                    stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 1)


class Fragmenting(Files):
    def fragment(self, file, size, redundancy, version, *more):
        return self.ok(tool("image", "fragment", file, "--fragment-size", str(size),
                            "--redundancy", redundancy, "--ts004", version, *more)).stdout

    def test_fragments_are_those_of_another_encoder(self):
        with open(os.path.join(VECTORS, "encode_blocks.json"), encoding="utf-8") as f:
            cases = json.load(f)["cases"]
        for case in cases:
            block = bytes.fromhex(case["data_block"])
            size, m = case["frag_size"], case["nb_frag"]
            padded = block.ljust(m * size, b"\0")
            write("block", padded[:m * size - case["padding"]])
            for version in "12":
                coded = case["coded_v" + version]
                got = self.fragment("block", size, "100%", version).split("\n")
                want = [padded[i * size:(i + 1) * size].hex() for i in range(m)] + coded
                for n, data in enumerate(want[:2 * m], 1):
                    index = n.to_bytes(2, "little").hex()
                    self.assertEqual(got[n - 1], "%d 08%s%s" % (n, index, data))

    def test_redundancy_is_rounded_up_exactly(self):
        write("ten", bytes(100))
        for redundancy, count in (("0%", 10), ("20%", 12), ("20.0001%", 13), ("0.0001%", 11),
                                  ("12.5%", 12), ("100%", 20)):
            self.assertEqual(self.fragment("ten", 10, redundancy, "1").count("\n"), count)

    def test_json_lines(self):
        lines = self.fragment("fw.bin", 255, "1%", "2", "--json").strip().split("\n")
        self.assertEqual(json.loads(lines[0])["n"], 1)
        self.assertTrue(json.loads(lines[-1])["command"].startswith("08"))

    def test_what_ts004_cannot_count_does_not_fit(self):
        write("big", bytes(20000))
        self.refused("image", "fragment", "big", "--fragment-size", "1", "--redundancy",
                     "0%", "--ts004", "1", code=DOES_NOT_FIT)
        self.refused("image", "fragment", "fw.bin", "--fragment-size", "1", "--redundancy",
                     "1000%", "--ts004", "1", code=DOES_NOT_FIT)

    def test_usage(self):
        good = {"--fragment-size": "50", "--redundancy": "20%", "--ts004": "1"}
        for option, bad in (("--fragment-size", ("", "0", "256", "x", "5x", "99999999999")),
                            ("--redundancy", ("20", "%", "x%", "-1%", "1.00001%", "20%%",
                                              "0.2", "10001%")),
                            ("--ts004", ("0", "3", "v1"))):
            for value in bad:
                args = [x for pair in {**good, option: value}.items() for x in pair]
                self.refused("image", "fragment", "fw.bin", *args)
            args = [x for pair in good.items() if pair[0] != option for x in pair]
            self.assertIn(option, self.refused("image", "fragment", "fw.bin", *args))
        write("empty", b"")
        args = [x for pair in good.items() for x in pair]
        self.refused("image", "fragment", "empty", *args, code=INVALID)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
