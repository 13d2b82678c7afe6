#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-layers.py ROOT - who may include whom. The tables are the architecture."""
import pathlib
import re
import sys

ARITHMETIC = {"base", "codec", "radio", "fec", "crypto"}
PURE = ARITHMETIC | {"image", "profile", "campaign", "engine"}
RING = {"config", "store", "io", "net", "ctl", "doctor", "plugin", "loop"}

MAY_INCLUDE = {
    "base": set(),
    "codec": {"base"},
    "radio": {"base"},
    "fec": {"base"},
    "crypto": {"base"},
    "image": {"base", "fec", "crypto"},
    # What devices are like: data that both the engine and the simulators read.
    "profile": {"base", "radio"},
    "campaign": {"base", "codec", "radio", "fec", "profile"},
    # Not crypto: no key ever enters the engine; it names the device and gets an answer.
    "engine": {"base", "codec", "radio", "fec", "image", "profile", "campaign"},
    # The outer ring. io (files, log, clock) is its floor; beyond that its members do not
    # know each other, except where the comment says why.
    "io": {"base"},
    "config": {"base", "radio", "image", "profile", "campaign", "io"},
    "store": {"base", "crypto", "campaign", "engine", "io"},
    "net": {"base", "io"},
    "ctl": {"base", "io"},
    # What daemon and tool find out alike, told in the words of the control protocol.
    "doctor": {"base", "io", "ctl"},
    # The host of the plugins lends them the connections of net.
    "plugin": {"base", "io", "net"},
    # Where the daemon's parts meet.
    "loop": PURE | RING,
    # Not campaign, not engine: the simulated network must not share what it is to judge.
    # image only for what a device does with a delta: bsdiff.h, judged by the image that results.
    "sim": ARITHMETIC | {"image", "profile"},
    # The engine against a radio world of fleet size; judged by fuota-bench.
    "world": {"base", "codec", "radio", "fec", "profile", "campaign", "engine"},
    # Mains are included by nobody.
    "fuotad": PURE | RING,
    # Stateless: never the daemon's loop; of the store only whether a database is too new.
    "fuotactl": PURE | {"config", "store", "io", "net", "ctl", "doctor", "sim", "world"},
    "fuota-sim": ARITHMETIC | {"image", "io", "net", "profile", "sim"},
    # The daemon's parts against fuota-sim's server, without the wires between them.
    "faults": PURE | RING | {"sim", "fuota-sim"},
    "fuota-bench": {"base", "radio", "fec", "campaign", "io", "world", "faults"},
}

# <headers>. Pure layers have a list of what they may use ...
FREESTANDING = {"assert.h", "limits.h", "stdalign.h", "stdbool.h", "stddef.h", "stdint.h",
                "string.h"}
PURE_EXTRA = {
    "fec": {"immintrin.h", "arm_neon.h"},
    "crypto": {"openssl/core_names.h", "openssl/evp.h", "openssl/params.h", "sodium.h"},
    "image": {"sodium.h", "bzlib.h"},
    "engine": {"stdlib.h"},  # the allocator; check-purity.sh sees to the rest of it
}
# ... and for the others, each of these has owners.
OWNERS = {
    r"sqlite3\.h": {"store", "faults"},  # faults: only to make the disk refuse
    r"yaml\.h": {"config"},
    r"libical/.*": {"config"},
    r"MQTT.*|curl/.*": {"net"},
    r"dlfcn\.h": {"plugin"},
    r"openssl/crypto\.h": {"crypto", "net"},  # net: only how it ends
    r"openssl/(?!crypto\.h).*": {"crypto", "fuota-sim"},
    r"uv\.h": {"net", "plugin", "loop", "fuotad", "fuota-sim"},
    r"microhttpd\.h": {"loop", "fuota-sim"},
    r"protobuf-c/.*": {"fuota-sim"},
    r"json-c/.*": {"config", "ctl", "doctor", "loop", "fuotad", "fuotactl", "fuota-sim",
                    "faults"},
    r"pthread\.h|threads\.h": {"io", "store"},
    # io/clock.h reads the clocks; fuotactl stamps signatures with the wall's.
    r"time\.h|sys/time\.h": {"io", "fuotactl"},
}
# A plugin is a translator: no socket, no thread, no clock, no file.
PLUGIN_DENY = re.compile(r"uv\.h|sqlite3\.h|yaml\.h|MQTT.*|curl/.*|pthread\.h|threads\.h|"
                         r"(sys/)?time\.h|sys/socket\.h|netdb\.h|netinet/.*|arpa/.*|"
                         r"unistd\.h|fcntl\.h|dlfcn\.h|openssl/.*")
# But for the one that is a server itself: wire formats, linked into it, and what its
# library's addresses and datagrams are made of. The host watches its descriptor.
PLUGIN_MAY = {"lwm2m": {"base", "codec", "arpa/inet.h", "netinet/in.h", "sys/socket.h"}}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def includes(path):
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def check_src(root, path):
    layer = path.relative_to(root / "src").parts[0]
    if layer not in MAY_INCLUDE:
        yield f"unknown layer '{layer}'; add it to the table"
        return
    for quote, name in includes(path):
        target = name.split("/")[0]
        if quote == '"':
            # Without a folder: generated from a .proto of the same folder.
            generated = "/" not in name and name.endswith(".pb-c.h")
            if not generated and target not in MAY_INCLUDE[layer] | {layer, "fuotad"}:
                yield f"layer '{layer}' may not include \"{name}\""
            public = (root / "include" / name).exists()
            if target == "fuotad" and layer != "fuotad" and not public:
                yield f"\"{name}\" belongs to a main"
        elif layer in PURE:
            if name not in FREESTANDING | PURE_EXTRA.get(layer, set()):
                yield f"pure layer '{layer}' may not include <{name}>"
        else:
            for pattern, owners in OWNERS.items():
                if re.fullmatch(pattern, name) and layer not in owners:
                    yield f"layer '{layer}' may not include <{name}>"


def check_plugin(root, path):
    may = PLUGIN_MAY.get(path.relative_to(root / "plugins").parts[0], set())
    for quote, name in includes(path):
        if quote == '"' and "/" in name and name.split("/")[0] not in may | {"fuotad"}:
            yield f"a plugin may not include \"{name}\""
        if quote == "<" and PLUGIN_DENY.fullmatch(name) and name not in may:
            yield f"a plugin may not include <{name}>"


def check_public(_, path):
    for quote, name in includes(path):
        allowed = name.startswith("fuotad/") if quote == '"' else name in FREESTANDING
        if not allowed:
            yield f"a public header may not include {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    bad = seen = 0
    for folder, check in (("src", check_src), ("plugins", check_plugin),
                          ("include", check_public)):
        for path in sorted((root / folder).rglob("*.[ch]")):
            seen += 1
            for problem in check(root, path):
                print(f"{path.relative_to(root)}: {problem}")
                bad += 1
    if not seen:
        print(f"{root}: no sources found")
    return 1 if bad or not seen else 0


sys.exit(main())
