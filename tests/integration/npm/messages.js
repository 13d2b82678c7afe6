// SPDX-License-Identifier: MIT
// messages.js FILE - lines "TOPIC JSON" of the application's MQTT: every member must be one of
// ChirpStack's integration messages, every enumerator and every byte string readable.
"use strict";
const fs = require("node:fs");

const integration = require("@chirpstack/chirpstack-api/integration/integration_pb");
const { check } = require("./check");

const roots = {
  "event/up": integration.UplinkEvent,
  "event/join": integration.JoinEvent,
  "event/ack": integration.AckEvent,
  "event/txack": integration.TxAckEvent,
  "event/log": integration.LogEvent,
  "event/status": integration.StatusEvent,
  "command/down": integration.DownlinkCommand,
};

const problems = [];
const seen = {};
for (const line of fs.readFileSync(process.argv[2], "utf8").split("\n")) {
  const space = line.indexOf(" ");
  if (space < 0) continue;
  const kind = line.slice(0, space).split("/").slice(-2).join("/");
  if (!roots[kind]) {
    problems.push(`${kind}: no such message`);
    continue;
  }
  seen[kind] = (seen[kind] || 0) + 1;
  check(roots[kind], roots[kind], JSON.parse(line.slice(space + 1)), kind, problems);
}
console.log(JSON.stringify({ seen, problems: [...new Set(problems)] }));
