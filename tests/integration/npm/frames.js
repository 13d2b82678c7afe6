// SPDX-License-Identifier: MIT
// frames.js AIRLOG KEYS - every frame to a multicast address, by lora-packet: its MIC, and what
// it says. KEYS: JSON, McAddr to [McNwkSKey, McAppSKey]. Prints frames, bad MICs, and the image
// as the uncoded fragments of port 201 have it, by McAddr and number (TS004: 1-based).
"use strict";
const fs = require("node:fs");
const lora = require("lora-packet");

const keys = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const result = { frames: 0, bad: 0, fragments: {} };
const msb = Buffer.alloc(2); // no counter goes beyond 16 bits here
for (const line of fs.readFileSync(process.argv[2], "utf8").split("\n")) {
  const entry = line.endsWith("}") ? JSON.parse(line) : {};
  if (entry.direction !== "down") continue;
  const packet = lora.fromWire(Buffer.from(entry.phy_payload, "hex"));
  const addr = packet.DevAddr ? packet.DevAddr.toString("hex") : "";
  if (!keys[addr]) continue;
  const [nwk, app] = keys[addr].map((key) => Buffer.from(key, "hex"));
  result.frames += 1;
  if (!lora.verifyMIC(packet, nwk, undefined, msb)) {
    result.bad += 1;
    continue;
  }
  const plain = lora.decrypt(packet, app, nwk, msb);
  if (packet.getFPort() === 201 && plain[0] === 0x08) {
    const n = plain.readUInt16LE(1) & 0x3fff;
    result.fragments[addr] = result.fragments[addr] || {};
    result.fragments[addr][n] = plain.subarray(3).toString("hex");
  }
}
console.log(JSON.stringify(result));
