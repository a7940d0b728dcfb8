#!/usr/bin/env node
// biome-ignore-all lint/style/useNodejsImportProtocol: Node.js 12 does not know it, and is what Ubuntu 22.04 has.
'use strict';
// podfreight as it ships: this loader, and behind it the program's modules, one a line, as JSON in comments. So a command
// compiles the modules it uses, and the AWS SDK, which is most of this file, only where it talks to AWS; and an old Node.js,
// which could not parse them, gets as far as saying that it is too old.
const { readFileSync } = require('fs');
const { compileFunction } = require('vm');

/** In the single executable, which has only this loader for its main script, it is an asset. infra/package-executable.ts */
function programText() {
  if (__filename === process.execPath) {
    const { getRawAsset } = require('node:sea');
    return Buffer.from(getRawAsset('podfreight.cjs')).toString('latin1');
  }
  return readFileSync(__filename, 'latin1');
}

const sources = new Map();
for (const line of programText().split('\n')) {
  const named = /^\/\/: (\S+) /.exec(line);
  if (named) sources.set(named[1], line.slice(named[0].length));
}

const modules = new Map();

function load(name) {
  const loaded = modules.get(name);
  if (loaded !== undefined) return loaded.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const filename = `${__filename}/${name}`;
  const run = compileFunction(JSON.parse(sources.get(name)), ['exports', 'require', 'module'], { filename });
  run(module.exports, (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id)), module);
  return module.exports;
}

load('podfreight.js');
