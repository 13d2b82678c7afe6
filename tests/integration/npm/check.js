// SPDX-License-Identifier: MIT
// check.js - whether JSON is what ChirpStack's own messages are: members, enumerators, bytes.
"use strict";
const common = require("@chirpstack/chirpstack-api/common/common_pb");
const gw = require("@chirpstack/chirpstack-api/gw/gw_pb");
const integration = require("@chirpstack/chirpstack-api/integration/integration_pb");

function nested(root, key) {
  const down = root === integration.TxAckEvent || root === gw.DownlinkFrame;
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
    items: down ? gw.DownlinkFrameItem : gw.DownlinkTxAckItem,
    immediately: gw.ImmediatelyTimingInfo,
    gpsEpoch: gw.GPSEpochTimingInfo,
  }[key];
}

const enums = {
  level: integration.LogLevel,
  code: integration.LogCode,
  deviceClassEnabled: common.DeviceClass,
  codeRate: gw.CodeRate,
  crcStatus: gw.CRCStatus,
  status: gw.TxAckStatus,
};
const bytes = new Set(["data", "context", "phyPayload"]);
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

module.exports = { check };
