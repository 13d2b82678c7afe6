// SPDX-License-Identifier: MIT
// wire.js FILE - lines "TOPIC HEX" of gateways' or an application's topics, JSON or protobuf:
// every message must be what ChirpStack's own package takes for one, be about what its topic
// says, and be no longer or shorter when the package writes it again.
"use strict";
const fs = require("node:fs");

const gw = require("@chirpstack/chirpstack-api/gw/gw_pb");
const integration = require("@chirpstack/chirpstack-api/integration/integration_pb");
const { check } = require("./check");

const ofApplication = {
  "event/up": integration.UplinkEvent,
  "event/join": integration.JoinEvent,
  "event/ack": integration.AckEvent,
  "event/txack": integration.TxAckEvent,
  "event/log": integration.LogEvent,
  "event/status": integration.StatusEvent,
  "command/down": integration.DownlinkCommand,
};
const ofGateways = {
  "event/up": gw.UplinkFrame,
  "command/down": gw.DownlinkFrame,
  "event/ack": gw.DownlinkTxAck,
  "event/stats": gw.GatewayStats,
};

// The EUI that a message is about.
function subject(message) {
  if (message instanceof gw.UplinkFrame) return message.getRxInfo().getGatewayId();
  if (message.getGatewayId && !message.getDeviceInfo) return message.getGatewayId();
  return message.getDeviceInfo ? message.getDeviceInfo().getDevEui() : message.getDevEui();
}

function protobuf(root, kind, bytes, eui, problems) {
  const message = root.deserializeBinary(bytes);
  const again = Buffer.from(message.serializeBinary());
  // An unknown or wrongly typed field would be lost on the way.
  if (again.length !== bytes.length) problems.push(`${kind}: a field that is none`);
  if (subject(message) !== eui) problems.push(`${kind}: about ${subject(message)}`);
  return root === gw.DownlinkTxAck ? message.getItemsList().map((item) => item.getStatus()) : [];
}

const problems = [];
const seen = { json: {}, protobuf: {} };
const statuses = { json: {}, protobuf: {} };
for (const line of fs.readFileSync(process.argv[2], "utf8").split("\n")) {
  const [topic, hex] = line.trim().split(" ");
  if (!hex) continue;
  const parts = topic.split("/");
  const kind = parts.slice(-2).join("/");
  const root = (parts[0] === "application" ? ofApplication : ofGateways)[kind];
  const eui = parts[parts.length - 3];
  if (!root) {
    problems.push(`${kind}: no such message`);
    continue;
  }
  const bytes = Buffer.from(hex, "hex");
  const form = bytes[0] === 0x7b ? "json" : "protobuf";
  seen[form][kind] = (seen[form][kind] || 0) + 1;
  let told = [];
  if (form === "json") {
    const value = JSON.parse(bytes.toString());
    check(root, root, value, kind, problems);
    if (root === gw.UplinkFrame) value.gatewayId = value.rxInfo.gatewayId;
    if (value.gatewayId !== eui) problems.push(`${kind}: gateway ${value.gatewayId}`);
    if (root === gw.DownlinkTxAck) told = value.items.map((item) => gw.TxAckStatus[item.status]);
  } else {
    told = protobuf(root, kind, bytes, eui, problems);
  }
  for (const status of told) statuses[form][status] = (statuses[form][status] || 0) + 1;
}
console.log(JSON.stringify({ seen, statuses, problems: [...new Set(problems)] }));
