#!/usr/bin/env node
// Plain JavaScript that any Node.js can parse, so that an old one gets a sentence instead of a syntax error.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `podfreight needs Node.js 24 or newer, and this is ${process.version}; in a checkout, "npx podfreight" finds the pinned one.\n`,
  );
  process.exit(1);
}
const { main } = await import('./main.ts');
await main(process.argv.slice(2));
