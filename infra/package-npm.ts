import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './bundle-program.ts';
import { DIST } from './bundling.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * Makes the folder that is published: the program in one file, its manual page, README and licence. Nothing of it runs when
 * it is installed, and it depends on nothing.
 * @param folder replaced
 * @param environment in GitHub's workflows it names the repository, which the registry compares with the provenance
 * @returns the folder
 */
export async function packageForNpm(
  folder = join(DIST, 'package'),
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const program = await bundleProgram();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const path of [program, join(ROOT, 'README.md'), join(ROOT, 'LICENSE')]) {
    copyFileSync(path, join(folder, basename(path)));
  }
  writeFileSync(join(folder, 'podfreight.1'), execFileSync(process.execPath, [program, 'manual']));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(describe(basename(program), environment), null, 2)}\n`);
  return folder;
}

/** What the project's own package.json says of the program, and nothing of how it is developed. */
function describe(program: string, { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository }: NodeJS.ProcessEnv) {
  const { name, version, description, license, engines } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  return {
    ...{ name, version, description, license },
    ...(server && repository && { repository: { type: 'git', url: `git+${server}/${repository}.git` } }),
    bin: { podfreight: program },
    man: ['podfreight.1'],
    engines,
    files: [program, 'podfreight.1'],
  };
}

if (import.meta.main) console.log(await packageForNpm());
