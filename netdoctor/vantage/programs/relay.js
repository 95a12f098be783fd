// Runs inside a container (node -e <this text>): see the protocol in this folder's __init__.py.
// It ends when its stdin ends. Node has no ICMP sockets, so it answers no pings.
'use strict';
const net = require('net');
const dgram = require('dgram');
const fs = require('fs');

const WINDOW = 262144;
const things = new Map();

function say(kind, number, payload) {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(payload || '');
  const head = Buffer.alloc(9);
  head.write(kind, 0, 1, 'latin1');
  head.writeUInt32BE(number, 1);
  head.writeUInt32BE(body.length, 5);
  process.stdout.write(Buffer.concat([head, body]));
}

function seconds(began) {
  return (Number(process.hrtime.bigint() - began) / 1e9).toFixed(6);
}

function failed(kind, number, error, began) {
  say(kind, number, [error.code || 'EINVAL', error.message || '', seconds(began)].join('\n'));
}

function dial(number, payload) {
  const [address, port, timeout] = payload.toString().split('\n');
  const began = process.hrtime.bigint();
  // allowHalfOpen: the peer's end is not ours.
  const socket = net.connect({ host: address, port: Number(port), allowHalfOpen: true });
  const stream = { socket, credit: WINDOW, open: false };
  things.set(number, stream);
  const timer = setTimeout(() => {
    things.delete(number);
    socket.destroy();
    failed('E', number, { code: 'TIMEOUT' }, began);
  }, Number(timeout) * 1000);
  socket.on('connect', () => {
    clearTimeout(timer);
    if (socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress) {
      things.delete(number);
      socket.destroy();
      failed('E', number, { code: 'ECONNREFUSED', message: 'connected to itself' }, began);
      return;
    }
    stream.open = true;
    socket.setNoDelay(true);
    say('O', number, seconds(began));
  });
  socket.on('data', (data) => {
    stream.credit -= data.length;
    if (stream.credit <= 0) socket.pause();
    say('S', number, data);
  });
  socket.on('end', () => say('F', number));
  socket.on('error', (error) => {
    clearTimeout(timer);
    if (!things.delete(number)) return;
    failed(stream.open ? 'X' : 'E', number, error, began);
  });
}

function datagram(number, payload) {
  const began = process.hrtime.bigint();
  let start = 0;
  const lines = [];
  for (let i = 0; i < 3; i++) {
    const end = payload.indexOf(10, start);
    lines.push(payload.toString('latin1', start, end));
    start = end + 1;
  }
  const socket = dgram.createSocket(lines[0].includes(':') ? 'udp6' : 'udp4');
  const done = (report) => {
    if (!things.delete(number)) return;
    clearTimeout(timer);
    socket.close();
    report();
  };
  const timer = setTimeout(() => done(() => failed('E', number, { code: 'TIMEOUT' }, began)), Number(lines[2]) * 1000);
  things.set(number, { socket: { destroy: () => done(() => {}) } });
  socket.on('error', (error) => done(() => failed('E', number, error, began)));
  socket.on('message', (data) => done(() => say('A', number, data)));
  socket.connect(Number(lines[1]), lines[0], () => socket.send(payload.subarray(start)));
}

function packetSizes(folder) {
  const lines = [];
  for (const name of fs.readdirSync(folder)) {
    try {
      lines.push(`${name} ${fs.readFileSync(`${folder}/${name}/mtu`, 'latin1').trim()}\n`);
    } catch (error) {
      continue;
    }
  }
  return lines.join('');
}

function hear(kind, number, payload) {
  const thing = things.get(number);
  if (kind === 'D') dial(number, payload);
  else if (kind === 'U') datagram(number, payload);
  else if (kind === 'P') failed('E', number, { code: 'EPERM', message: 'node has no ICMP sockets' }, process.hrtime.bigint());
  else if (kind === 'R') {
    const began = process.hrtime.bigint();
    const name = payload.toString();
    if (name === '/sys/class/net') {
      try {
        return say('A', number, packetSizes(name));
      } catch (error) {
        return failed('E', number, error, began);
      }
    }
    const known = name === '/etc/resolv.conf' || name === '/etc/hosts';
    if (!known && !/^[a-z0-9_]+$/.test(name)) return failed('E', number, { code: 'EINVAL' }, began);
    try {
      say('A', number, fs.readFileSync(known ? name : '/proc/self/net/' + name));
    } catch (error) {
      failed('E', number, error, began);
    }
  } else if (!thing) return;
  else if (kind === 'S') thing.socket.write(payload, () => say('W', number, String(payload.length)));
  else if (kind === 'F') thing.socket.end();
  else if (kind === 'C') { things.delete(number); thing.socket.destroy(); }
  else if (kind === 'W') {
    thing.credit += Number(payload.toString());
    if (thing.credit > 0) thing.socket.resume();
  }
}

let incoming = Buffer.alloc(0);
process.stdin.on('data', (data) => {
  incoming = Buffer.concat([incoming, data]);
  while (incoming.length >= 9) {
    const size = incoming.readUInt32BE(5);
    if (incoming.length < 9 + size) break;
    const kind = incoming.toString('latin1', 0, 1);
    const number = incoming.readUInt32BE(1);
    const payload = incoming.subarray(9, 9 + size);
    incoming = incoming.subarray(9 + size);
    try {
      hear(kind, number, payload);
    } catch (error) {
      failed('E', number, error, process.hrtime.bigint());
    }
  }
});
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
say('H', 0, 'netdoctor relay 1 node');
