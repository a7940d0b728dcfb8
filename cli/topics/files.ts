import type { Topic } from './topic.ts';

export const topic: Topic = {
  title: 'Files',
  paragraphs: [],
  entries: [
    ['/var/lib/kubelet/checkpoints', 'the kubelet directory, unless --target says otherwise'],
    ['checkpointed.pods', 'in a kubelet directory or an archive: the manifest, which names its pods'],
    ['<SandboxID>.tar', 'the checkpoint of one pod, beside the manifest'],
    ['.podfreight', 'in a kubelet directory: the lock, and what insert and pull have on their way'],
    ['~/.config/podfreight/config.json', 'the configuration file'],
    ['/var/lib/podfreight/agent.sqlite', 'what the agent has shipped'],
  ],
};
