import { dirname } from 'node:path';
import { makeDirectories } from './durable.ts';
import { NewFile } from './new-file.ts';
import { readConfigFile, SETTING_NAMES, type SettingName, type Settings, textOf } from './settings.ts';

export interface Change {
  readonly setting: SettingName;
  /** Absent: it was not there, or was no text. */
  readonly from?: string;
  readonly to: string;
}

/** The configuration file as it is, and as it would be with other settings. */
export class ConfigFile {
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  private constructor(path: string, values: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.#values = values;
  }

  /** @throws PodfreightError `usage` when there is one, but it cannot be read, or is no JSON object */
  static read(path: string): ConfigFile {
    return new ConfigFile(path, readConfigFile(path) ?? {});
  }

  /** What is in it, in the order of the settings. */
  get settings(): Settings {
    const texts = SETTING_NAMES.map((name) => [name, textOf(name, this.#values[name])] as const);
    return Object.fromEntries(texts.filter(([, text]) => text !== undefined));
  }

  /** Names in it that no command knows. */
  get unknownNames(): string[] {
    return Object.keys(this.#values).filter((name) => !SETTING_NAMES.some((known) => known === name));
  }

  /** With `settings`, checked, in the place of what it had; all else stays, unknown names as well. */
  with({ regions, ...settings }: Settings): ConfigFile {
    const readable = regions === undefined ? {} : { regions: JSON.parse(regions) as unknown };
    return new ConfigFile(this.path, { ...this.#values, ...settings, ...readable });
  }

  changesTo(next: ConfigFile): Change[] {
    const [before, after] = [this.settings, next.settings];
    return SETTING_NAMES.flatMap((setting) => {
      const [from, to] = [before[setting], after[setting]];
      if (to === undefined || from === to) return [];
      return [{ setting, ...(from !== undefined && { from }), to }];
    });
  }

  /**
   * When it returns, the file survives a power cut; readers see the old one or the new one. Mode 0600.
   * @throws PodfreightError as the file system, and `unsupported` when a link or something else has its name
   */
  async write(): Promise<void> {
    await makeDirectories(dirname(this.path));
    await using file = await NewFile.create(this.path);
    await file.write(Buffer.from(`${JSON.stringify(this.#values, null, 2)}\n`));
    await file.publish();
  }
}
