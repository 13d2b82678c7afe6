// SPDX-License-Identifier: MIT
// page.js PORT UPSTREAM LOG - ChirpStack's API between the daemon and fuota-sim, in the words
// of ChirpStack's own package: gRPC-Web over HTTP/1.1. Each message is decoded and encoded
// again by @chirpstack/chirpstack-api; what comes out must be what came in, byte for byte.
// LOG gets a JSON line per call: path, request, and "problem" if there was one.
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const api = path.dirname(require.resolve("@chirpstack/chirpstack-api/api/tenant_pb.js"));
const methods = new Map();
for (const file of fs.readdirSync(api).filter((f) => f.endsWith("_grpc_pb.js"))) {
  for (const service of Object.values(require(path.join(api, file)))) {
    for (const method of Object.values(service)) {
      if (method && method.path) methods.set(method.path, method);
    }
  }
}

const [port, upstream, log] = process.argv.slice(2);

function note(entry) {
  fs.appendFileSync(log, JSON.stringify(entry) + "\n");
}

// The message of the first data frame, and what follows that frame.
function unframe(body) {
  if (body.length < 5 || body[0] !== 0) return { rest: body };
  const end = 5 + body.readUInt32BE(1);
  return { message: body.subarray(5, end), rest: body.subarray(end) };
}

function frame(message, rest) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message, rest]);
}

function again(bytes, decode, encode, entry, what) {
  try {
    const message = decode(bytes);
    const out = Buffer.from(encode(message));
    if (!out.equals(bytes)) {
      entry.problem = `${what} ${bytes.toString("hex")} is ${out.toString("hex")} to ChirpStack`;
    }
    entry[what] = message.toObject();
    return out;
  } catch (e) {
    entry.problem = `${what} ${bytes.toString("hex")} cannot be decoded: ${e.message}`;
    return bytes;
  }
}

function forward(request, body, answer) {
  const headers = { ...request.headers, "content-length": body.length };
  const out = http.request(
    { host: "127.0.0.1", port: upstream, method: request.method, path: request.url, headers },
    (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => answer(response, Buffer.concat(parts)));
    });
  out.on("error", () => request.socket.destroy());
  out.end(body);
}

function serve(request, response, body) {
  const entry = { path: request.url };
  const method = methods.get(request.url);
  const sent = unframe(body);
  if (!method || !sent.message || sent.rest.length !== 0) {
    note({ ...entry, problem: "no call of ChirpStack's API in a frame of gRPC-Web" });
    response.writeHead(500).end();
    return;
  }
  const out = again(sent.message, method.requestDeserialize, method.requestSerialize, entry,
                    "request");
  forward(request, frame(out, sent.rest), (answer, bytes) => {
    const got = unframe(bytes);
    const message = got.message &&
      again(got.message, method.responseDeserialize, method.responseSerialize, entry, "response");
    const whole = message ? frame(message, got.rest) : bytes;
    note(entry);
    response.writeHead(answer.statusCode, { ...answer.headers, "content-length": whole.length });
    response.end(whole);
  });
}

http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => serve(request, response, Buffer.concat(parts)));
}).listen(Number(port), "127.0.0.1");
