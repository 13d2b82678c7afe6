// SPDX-License-Identifier: MIT
// coap_node.js PORT NAME - a LwM2M device made with the package coap-node, with a thermometer. A
// line for what happens to it.
'use strict';
const CoapNode = require('coap-node');
const SmartObject = require('smartobject');

const [port, name] = process.argv.slice(2);
const objects = new SmartObject();
const say = (what) => console.log(JSON.stringify(what));

objects.init('temperature', 0, {
  sensorValue: 21,
  units: 'C',
  5750: 'attic',
  5605: {
    exec: (...given) => {
      say({executed: '/3303/0/5605'});
      given[given.length - 1](null, 'done');
    },
  },
});

const node = new CoapNode(name, objects, {lifetime: 300});
node.on('registered', () => say({registered: name}));
node.on('error', (error) => say({error: String(error)}));
node.register('127.0.0.1', Number(port), (error, response) =>
  say({answer: error ? String(error) : response.status}));
