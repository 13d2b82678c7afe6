// SPDX-License-Identifier: MIT
// group_keys.js INVENTORY COMMANDS - session keys of multicast groups, from what devices of
// LoRaWAN 1.0.x are told (TS005, McGroupSetupReq) and their GenAppKeys. COMMANDS: a line
// "DEVEUI HEX" for each payload on port 200. Prints McAddr to [McNwkSKey, McAppSKey].
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");

function aes(key, block) {
  const cipher = crypto.createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
}

const root = {};
for (const line of fs.readFileSync(process.argv[2], "utf8").split("\n").slice(1)) {
  const [eui, , , genAppKey] = line.split(",");
  if (genAppKey) root[eui] = Buffer.from(genAppKey, "hex");
}
const result = {};
for (const line of fs.readFileSync(process.argv[3], "utf8").split("\n")) {
  const [eui, hex] = line.split(" ");
  const c = Buffer.from(hex || "", "hex");
  if (c.length < 30 || c[0] !== 0x02 || !root[eui]) continue;
  const wrap = aes(aes(root[eui], Buffer.alloc(16)), Buffer.alloc(16)); // McRootKey, McKEKey
  const key = aes(wrap, c.subarray(6, 22));
  const block = (first) => Buffer.concat([Buffer.from([first]), c.subarray(2, 6),
    Buffer.alloc(11)]);
  const addr = Buffer.from(c.subarray(2, 6)).reverse().toString("hex");
  result[addr] = [aes(key, block(2)).toString("hex"), aes(key, block(1)).toString("hex")];
}
console.log(JSON.stringify(result));
