import type { Command } from 'commander';
import { SETTING_NAMES, SETTINGS, type SettingName, type Settings } from './settings.ts';

/** A flag for each of `names`, all of them unless given. */
export function addSettingFlags(command: Command, names: readonly SettingName[] = SETTING_NAMES): Command {
  for (const name of names) {
    const { flag, what, variable } = SETTINGS[name];
    command.option(`${flag} <${name === 'regions' ? 'json' : 'name'}>`, `${what} ($${variable})`);
  }
  return command;
}

/** The settings among a command's flags. */
export function settingsAmong(flags: Settings): Settings {
  return Object.fromEntries(
    SETTING_NAMES.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]),
  );
}
