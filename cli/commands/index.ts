import type { CommandEntry } from '../command.ts';

/** All commands, in the order of the help. The code of one is loaded only when it is used. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  show: { summary: 'show the checkpoints in directories, archives and S3 objects', load: () => import('./show.ts') },
  extract: { summary: "write a kubelet directory's checkpoints to one archive", load: () => import('./extract.ts') },
  insert: { summary: "put an archive's checkpoints into a kubelet directory", load: () => import('./insert.ts') },
  checkpoint: { summary: 'have a node checkpoint containers, and push them', load: () => import('./checkpoint.ts') },
  agent: { summary: 'push what is checkpointed on this node, as it comes', load: () => import('./agent.ts') },
  push: { summary: 'push checkpoints to S3', load: () => import('./push.ts') },
  list: { summary: 'list what is in the catalogue, or the archives in a directory', load: () => import('./list.ts') },
  bundle: { summary: 'merge pods of any archives into one bundle', load: () => import('./bundle.ts') },
  pull: { summary: 'pull a bundle, an archive or pods into a kubelet directory', load: () => import('./pull.ts') },
  rm: { summary: 'remove archives from S3 and the catalogue', load: () => import('./rm.ts') },
  hold: { summary: 'keep archives from being removed', load: () => import('./hold.ts') },
  unhold: { summary: 'let held archives be removed again', load: () => import('./unhold.ts') },
  prune: { summary: 'remove the archives that a retention policy does not keep', load: () => import('./prune.ts') },
  configure: { summary: 'write down where buckets, table and function are', load: () => import('./configure.ts') },
  doctor: { summary: 'see whether podfreight can work here, and what to do', load: () => import('./doctor.ts') },
  completion: { summary: 'complete commands and names in bash, zsh or fish', load: () => import('./completion.ts') },
  manual: { summary: 'print the manual page', load: () => import('./manual.ts') },
  complete: { summary: 'what the shells ask', hidden: true, load: () => import('./complete.ts') },
};
