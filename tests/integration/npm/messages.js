// SPDX-License-Identifier: MIT
// messages.js FILE - lines "TOPIC JSON" of the application's MQTT: every member must be one of
// ChirpStack's integration messages, every enumerator and every byte string readable.
"use strict";
const fs = require("node:fs");

const common = require("@chirpstack/chirpstack-api/common/common_pb");
const gw = require("@chirpstack/chirpstack-api/gw/gw_pb");
const integration = require("@chirpstack/chirpstack-api/integration/integration_pb");

const roots = {
  "event/up": integration.UplinkEvent,
  "event/join": integration.JoinEvent,
  "event/ack": integration.AckEvent,
  "event/txack": integration.TxAckEvent,
  "event/log": integration.LogEvent,
  "event/status": integration.StatusEvent,
  "command/down": integration.DownlinkCommand,
};

function nested(root, key) {
  const down = root === integration.TxAckEvent;
  return {
    deviceInfo: integration.DeviceInfo,
    rxInfo: gw.UplinkRxInfo,
    txInfo: down ? gw.DownlinkTxInfo : gw.UplinkTxInfo,
    modulation: gw.Modulation,
    lora: gw.LoraModulationInfo,
    fsk: gw.FskModulationInfo,
    timing: gw.Timing,
    delay: gw.DelayTimingInfo,
    location: common.Location,
  }[key];
}

const enums = {
  level: integration.LogLevel,
  code: integration.LogCode,
  deviceClassEnabled: common.DeviceClass,
  codeRate: gw.CodeRate,
  crcStatus: gw.CRCStatus,
};
const bytes = new Set(["data", "context"]);
const maps = new Set(["tags", "context"]);

function has(type, key) {
  const name = key[0].toUpperCase() + key.slice(1);
  const p = type.prototype;
  return [`set${name}`, `set${name}List`, `get${name}Map`].some((f) => f in p);
}

function check(root, type, value, where, problems) {
  for (const [key, v] of Object.entries(value)) {
    const at = `${where}.${key}`;
    if (!has(type, key)) problems.push(`${at}: no such member`);
    const inner = nested(root, key);
    if (enums[key] && !(v in enums[key])) problems.push(`${at}: ${v} is no enumerator`);
    if (bytes.has(key) && typeof v === "string" &&
        Buffer.from(v, "base64").toString("base64") !== v) problems.push(`${at}: no base64`);
    if (v === null || typeof v !== "object" || maps.has(key)) continue;
    for (const item of Array.isArray(v) ? v : [v]) {
      // "delay" is a message in Timing and a duration in DelayTimingInfo.
      if (typeof item === "object" && inner) check(root, inner, item, at, problems);
      else if (typeof item === "object") problems.push(`${at}: unknown message`);
    }
  }
}

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
