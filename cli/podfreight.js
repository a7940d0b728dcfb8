#!/usr/bin/env node
// Plain JavaScript that any Node.js can parse, so that an old one gets a sentence instead of a syntax error. The shipped
// program begins with this file, too (infra/bundle-program.ts).
const major = Number(process.versions.node.split('.')[0]);
const argv = process.argv.slice(2);
if (major < 24) {
  process.stderr.write(
    `podfreight needs Node.js 24 or newer, and this is ${process.version}; in a checkout, "npx podfreight" finds the pinned one.\n`,
  );
  process.exitCode = 1;
} else if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  // Here, because loading the parser takes longer than all the rest.
  void import('./version.ts').then(({ version }) => process.stdout.write(`${version}\n`));
} else {
  void import('./main.ts').then(({ main }) => main(argv));
}
