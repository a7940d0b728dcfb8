import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CommandContext } from '../../cli/command.ts';
import { commands } from '../../cli/commands/index.ts';
import { buildProgram, setUpCommand } from '../../cli/program.ts';
import { SETTINGS } from '../../cli/settings.ts';
import { OUTPUTS } from '../../infra/outputs.ts';

test('what configure takes from the stack is what functions are told, too', () => {
  const outputs: Readonly<Record<string, string>> = OUTPUTS;
  for (const setting of Object.values(SETTINGS)) {
    if ('output' in setting) assert.equal(outputs[setting.output], setting.variable);
  }
});

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

test('the README lists every setting', () => {
  for (const [name, { flag, variable, use }] of Object.entries(SETTINGS)) {
    const [row = ''] = readme.match(new RegExp(`^\\| \`${name}\` \\|.*$`, 'm')) ?? [];
    const cells = row.split('|').map((cell) => cell.trim());
    assert.ok(cells[2]?.startsWith(`\`${flag}\``), row);
    assert.equal(cells[3], `\`${variable}\``);
    // It needs a link there.
    if (name !== 'regions') assert.equal(cells[4], use.replaceAll('"', '`'));
  }
});

test('each setting is said to be for the commands that have its flag', async () => {
  const program = await buildProgram();
  const context = { command: 'help' } as unknown as CommandContext;
  for (const name of Object.keys(commands)) await setUpCommand(program, name, context);
  for (const [setting, { flag, variable, use }] of Object.entries(SETTINGS)) {
    const having = program.commands
      .filter(({ options }) =>
        options.some(({ long, description }) => long === flag && description.includes(`$${variable}`)),
      )
      .map((command) => command.name());
    // These two are about the settings themselves; the regions, configure alone can be told.
    const using = having.filter((name) => name !== 'configure' && name !== 'doctor');
    if (setting === 'regions') assert.deepEqual(having, ['configure']);
    else assert.deepEqual(commandsIn(use).sort(), using.sort(), setting);
  }
});

/** Of `a, b --flag; …`: a and b. */
function commandsIn(use: string): string[] {
  const [list = ''] = use.split(';');
  return list.split(', ').map((command) => command.split(' ')[0] ?? '');
}
