# SPDX-License-Identifier: MIT
"""lwm2m_objects.py - a LwM2M client for tests that has objects to be read and changed.

Its values are written in one format, TLV or SenML JSON, by code of its own; it answers 4.06 and
4.15 to others, as real clients of one version do.
"""
import json

from lwm2m_client import (ACCEPT, CON, DELETE, FORMAT, GET, LINK, LOCATION, OBSERVE, PATH,
                          POST, PUT, QUERY, TLV, Client, code, encode, number, tlv)

TEXT, SENML_JSON, OMA_JSON = 0, 110, 11543


def tlv_value(value):
    if isinstance(value, str):
        return value.encode()
    size = 1 if -128 <= value < 128 else 2 if -32768 <= value < 32768 else 4
    return value.to_bytes(size, "big", signed=True)


def tlv_read(data):
    """[(kind, id, value or what is in it)]"""
    out, at = [], 0
    while at < len(data):
        head, wide, more = data[at], data[at] >> 5 & 1, data[at] >> 3 & 3
        ident = int.from_bytes(data[at + 1:at + 2 + wide], "big")
        at += 2 + wide
        size = int.from_bytes(data[at:at + more], "big") if more else head & 7
        value = data[at + more:at + more + size]
        at += more + size
        out.append((head >> 6, ident, tlv_read(value) if head >> 6 in (0, 2) else value))
    return out


class ObjectClient(Client):
    """objects: {"3303/0": {5701: "Cel"}}; what is read only is in fixed."""

    def __init__(self, port, endpoint, objects, form=TLV, fixed=(), **options):
        super().__init__(port, endpoint, **options)
        self.objects, self.form, self.fixed = objects, form, set(fixed)
        self.executed, self.attributes, self.watched = [], [], {}

    def register(self):
        query = [f"ep={self.endpoint}", f"lt={self.lifetime}", "lwm2m=1.1", f"b={self.binding[0]}"]
        query += ["Q"] if "Q" in self.binding else []
        self.observed = self.location = None
        links = ",".join(['</>;rt="oma.lwm2m";ct=%d' % self.form, "</1/0>", "</3/0>"] +
                         [f"</{path}>" for path in self.objects])
        self.request(POST, [(PATH, b"rd"), (FORMAT, number(LINK))] +
                     [(QUERY, q.encode()) for q in query], links.encode())

    def found(self, path):
        """{"3303/0/5701": "Cel"} of all that is in path."""
        whole = {f"{instance}/{r}": v for instance, values in self.objects.items()
                 for r, v in values.items()}
        return {p: v for p, v in whole.items() if (p + "/").startswith(path + "/")}

    def payload_of(self, path):
        values = self.found(path)
        if self.form == SENML_JSON:
            return json.dumps([{"n": "/" + p, ("vs" if isinstance(v, str) else "v"): v}
                               for p, v in values.items()]).encode()
        if self.form == OMA_JSON:
            return json.dumps({"bn": "/", "e": [
                {"n": p, ("sv" if isinstance(v, str) else "v"): v}
                for p, v in values.items()]}).encode()
        one = path.count("/") > 0
        out = b""
        for instance in sorted({p.rsplit("/", 1)[0] for p in values}):
            inner = b"".join(tlv(3, int(p.rsplit("/", 1)[1]), tlv_value(v))
                             for p, v in values.items() if p.startswith(instance + "/"))
            out += inner if one else tlv(0, int(instance.split("/")[1]), inner)
        return out

    def taken(self, path, m):
        """What a payload says: {resource: value}, by the type that is there."""
        if m.uint(FORMAT) == SENML_JSON:
            pairs = [(r.get("bn", ""), r) for r in json.loads(m.payload)]
            base = pairs[0][0]
            return {(base + r.get("n", "")).strip("/"): r.get("v", r.get("vs"))
                    for _, r in pairs}
        if m.uint(FORMAT) in (None, TEXT):
            return {path: m.payload.decode()}
        out = {}
        for kind, ident, value in tlv_read(m.payload):
            rows = value if kind == 0 else [(kind, ident, value)]
            start = f"{path.split('/')[0]}/{ident}" if kind == 0 else "/".join(
                (path + "/0").split("/")[:2])
            out.update({f"{start}/{r}": v for _, r, v in rows})
        return out

    def store(self, values):
        for path, value in values.items():
            instance, resource = path.rsplit("/", 1)
            old = self.objects.setdefault(instance, {}).get(int(resource))
            if isinstance(value, bytes):
                value = (int.from_bytes(value, "big", signed=True) if isinstance(old, int)
                         else value.decode())
            self.objects[instance][int(resource)] = int(value) if isinstance(old, int) else value

    def refuses(self, m):
        wanted = m.uint(ACCEPT) if m.code == GET else m.uint(FORMAT) if m.payload else None
        return wanted not in (None, self.form, TEXT)

    def read(self, m, path, options):
        if not self.found(path):
            return "4.04", b""
        if m.uint(OBSERVE) == 0:
            self.watched[path] = m.token
            options.append((OBSERVE, number(1)))
        options.append((FORMAT, number(self.form)))
        return "2.05", self.payload_of(path)

    def change(self, m, path, options):
        depth = path.count("/") + 1
        if m.all(QUERY):
            self.attributes += [q.decode() for q in m.all(QUERY)]
            return "2.04"
        if m.code == POST and depth == 3 and path not in self.found(path):
            self.executed.append((path, m.payload.decode()))
            return "2.04"
        if m.code == DELETE:
            return "2.02" if self.objects.pop(path, None) else "4.04"
        if path in self.fixed:
            return "4.05"
        if m.code == POST and depth == 1:
            values = self.taken(path, m)
            created = next(iter(values)).rsplit("/", 1)[0]
            options += [(LOCATION, step.encode()) for step in created.split("/")]
            self.store(values)
            return "2.01"
        if not self.found(path):
            return "4.04"
        self.store(self.taken(path, m))
        return "2.04"

    def answer(self, m):
        path, options, payload = m.path(), [], b""
        if path.startswith("5/"):
            super().answer(m)
            return
        if self.refuses(m):
            text = "4.06" if m.code == GET else "4.15"
        elif m.code == GET:
            text, payload = self.read(m, path, options)
        elif m.code in (PUT, POST, DELETE):
            text = self.change(m, path, options)
        self.acknowledge(m, text, options, payload)

    def tell(self, path, value):
        """A change, and its notification if somebody observes."""
        instance, resource = path.rsplit("/", 1)
        self.objects[instance][int(resource)] = value
        for watched, token in self.watched.items():
            self.mid = self.mid % 65535 + 1
            self.send(encode(CON, code("2.05"), self.mid, token,
                             [(OBSERVE, number(self.mid)), (FORMAT, number(self.form))],
                             self.payload_of(watched)))
