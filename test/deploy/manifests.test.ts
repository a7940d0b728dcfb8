import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { DaemonSet } from 'kubernetes-types/apps/v1.d.ts';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts';
import { parseAllDocuments } from 'yaml';
import { readSettings } from '../../cli/settings.ts';
import { build, type Manifest, readKustomization, readManifests } from './kustomize.ts';
import { typeCheck } from './type-check.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const OVERLAYS = ['eks-pod-identity', 'irsa'];

const overlay = (name: string, ...components: readonly string[]) =>
  build(join(DEPLOY, 'overlays', name), { components: components.map((component) => `../../components/${component}`) });

function one<T>(manifests: readonly Manifest[], kind: string): T {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  assert.equal(found.length, 1, `one ${kind}`);
  return found[0] as T;
}

test('every file is YAML, and some kustomization names it', () => {
  const files = globSync('**/*.yaml', { cwd: DEPLOY });
  assert.ok(files.length >= 9);
  const named = files
    .filter((file) => basename(file) === 'kustomization.yaml')
    .flatMap((file) =>
      (readKustomization(join(DEPLOY, dirname(file))).resources ?? []).map((name) => join(dirname(file), name)),
    );
  for (const file of files) {
    assert.ok(readManifests(join(DEPLOY, file)).length > 0, file);
    if (basename(file) !== 'kustomization.yaml') assert.ok(named.includes(file), `nobody names ${file}`);
  }
});

for (const name of OVERLAYS) {
  describe(`overlay ${name}`, () => {
    const manifests = overlay(name);
    const daemonSet = one<DaemonSet>(manifests, 'DaemonSet');
    const pod = daemonSet.spec!.template.spec!;
    const agent = pod.containers[0]!;

    test('is what kubectl makes of it', async (t) => {
      const folder = join(DEPLOY, 'overlays', name);
      const found = await promisify(execFile)('kubectl', ['kustomize', folder]).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
        return undefined;
      });
      if (found === undefined) return t.skip('no kubectl here');
      const withoutHash = found.stdout.replace(/(podfreight-settings)-[a-z0-9]{10}$/gm, '$1');
      const theirs = parseAllDocuments(withoutHash).map((document) => document.toJS() as Manifest);
      const sorted = (list: readonly Manifest[]) => list.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
      assert.deepEqual(sorted(theirs), sorted(manifests));
    });

    test('is what Kubernetes knows', async () => assert.equal(await typeCheck(manifests), ''));

    test('names things once, in one namespace, and only things that are there', () => {
      const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      assert.equal(new Set(names).size, names.length);
      const namespace = one<Manifest>(manifests, 'Namespace').metadata.name;
      for (const { kind, metadata } of manifests) {
        assert.equal(metadata.namespace, ['Namespace', 'ClusterRole'].includes(kind) ? undefined : namespace, kind);
      }
      assert.equal(pod.serviceAccountName, one<Manifest>(manifests, 'ServiceAccount').metadata.name);
      const configMap = one<Manifest>(manifests, 'ConfigMap').metadata.name;
      assert.deepEqual(agent.envFrom, [{ configMapRef: { name: configMap } }]);
      const { labels } = daemonSet.spec!.template.metadata!;
      assert.deepEqual(daemonSet.spec!.selector.matchLabels, labels);
      assert.deepEqual(one<NetworkPolicy>(manifests, 'NetworkPolicy').spec?.podSelector?.matchLabels, labels);
    });

    test('tells podfreight all it has to know', () => {
      const { data } = one<{ data: Record<string, string> }>(manifests, 'ConfigMap');
      assert.deepEqual(agent.env, [
        { name: 'PODFREIGHT_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ]);
      const environment = { ...data, PODFREIGHT_NODE: 'node-a', XDG_CONFIG_HOME: '/nowhere' };
      const known = readSettings({}, environment);
      assert.deepEqual(Object.keys(known).toSorted(), ['archivesBucket', 'cluster', 'node', 'table']);
      assert.equal(
        Object.keys(known).length,
        Object.keys(environment).length - 'XDG_CONFIG_HOME AWS_REGION'.split(' ').length,
      );
    });

    test('gives it root without the rights of root', () => {
      assert.equal(pod.containers.length, 1);
      assert.equal(pod.initContainers, undefined);
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) assert.equal(pod[field], undefined);
      assert.deepEqual(pod.securityContext, {
        ...{ runAsUser: 0, runAsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } },
      });
      assert.deepEqual(agent.securityContext, {
        ...{ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      });
    });

    test('gives it no rights in Kubernetes', () => {
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(
        one<{ automountServiceAccountToken: boolean }>(manifests, 'ServiceAccount').automountServiceAccountToken,
        false,
      );
      assert.deepEqual(
        manifests.filter(({ kind }) => kind.endsWith('Binding')),
        [],
      );
      const { rules } = one<{ rules: unknown }>(manifests, 'ClusterRole');
      assert.deepEqual(rules, [
        { apiGroups: [''], resources: ['nodes/checkpoint'], verbs: ['create'] },
        { apiGroups: [''], resources: ['nodes/pods'], verbs: ['get'] },
      ]);
    });

    test('shows it the checkpoints to read and its own state, and nothing else of the node', () => {
      assert.deepEqual(
        pod.volumes?.map(({ name: volume, hostPath, ...more }) => [volume, hostPath?.path, hostPath?.type, more]),
        [
          ['checkpoints', '/var/lib/kubelet/checkpoints', 'DirectoryOrCreate', {}],
          ['state', '/var/lib/podfreight', 'DirectoryOrCreate', {}],
        ],
      );
      assert.deepEqual(agent.volumeMounts, [
        { name: 'checkpoints', mountPath: '/var/lib/kubelet/checkpoints', readOnly: true },
        { name: 'state', mountPath: '/var/lib/podfreight' },
      ]);
    });

    test('runs it everywhere, within limits, and lets it end', () => {
      assert.deepEqual(pod.tolerations, [{ operator: 'Exists' }]);
      assert.ok(agent.resources?.requests?.memory && agent.resources.limits?.memory);
      assert.equal(pod.terminationGracePeriodSeconds, 300);
      const state = agent.args?.find((argument) => argument.startsWith('--state=/var/lib/podfreight/'));
      assert.ok(state);
      assert.deepEqual(agent.lifecycle?.preStop?.exec?.command?.slice(2), ['agent', '--flush', state]);
    });

    test('asks it over the port that it opens, which others may not', () => {
      const [port, ...more] = agent.ports ?? [];
      assert.deepEqual(more, []);
      assert.ok(agent.args?.includes(`--listen=0.0.0.0:${port?.containerPort}`));
      for (const probe of [agent.livenessProbe, agent.readinessProbe]) {
        assert.deepEqual(probe?.httpGet, { path: '/healthz', port: port?.name });
      }
      const { annotations } = daemonSet.spec!.template.metadata!;
      assert.equal(annotations?.['prometheus.io/port'], String(port?.containerPort));
      const policy = one<NetworkPolicy>(manifests, 'NetworkPolicy').spec;
      assert.deepEqual(policy?.policyTypes, ['Ingress']);
      assert.deepEqual(
        policy?.ingress?.map(({ ports }) => ports),
        [[{ port: port?.containerPort }]],
      );
    });
  });
}

test('only irsa names a role', () => {
  const annotations = (name: string) => one<Manifest>(overlay(name), 'ServiceAccount').metadata.annotations;
  assert.equal(annotations('eks-pod-identity'), undefined);
  assert.match(Object.values(annotations('irsa') as object).join(), /^arn:aws:iam::\d{12}:role\/podfreight-agent$/);
});

test('component prune lets the agent remove checkpoints', async () => {
  const manifests = overlay('irsa', 'prune');
  const [agent] = one<DaemonSet>(manifests, 'DaemonSet').spec!.template.spec!.containers;
  assert.deepEqual(agent?.args?.slice(-3), ['--prune', '--keep=2', '--min-free=15%']);
  assert.equal(agent.volumeMounts?.find(({ name }) => name === 'checkpoints')?.readOnly, false);
  assert.equal(await typeCheck(manifests), '');
});

test('component see-writers lets the agent see all processes of the node, and adds just that', async () => {
  const manifests = overlay('eks-pod-identity', 'prune', 'see-writers');
  const pod = one<DaemonSet>(manifests, 'DaemonSet').spec!.template.spec!;
  assert.equal(pod.hostPID, true);
  assert.deepEqual(pod.containers[0]?.securityContext?.capabilities, { drop: ['ALL'], add: ['SYS_PTRACE'] });
  assert.equal(await typeCheck(manifests), '');
});

test('the type check finds what Kubernetes would not take', async () => {
  const [daemonSet] = overlay('irsa').filter(({ kind }) => kind === 'DaemonSet');
  const broken = (change: (container: Record<string, unknown>) => void) => {
    const copy = structuredClone(daemonSet!);
    change(
      (copy.spec as { template: { spec: { containers: Record<string, unknown>[] } } }).template.spec.containers[0]!,
    );
    return copy;
  };
  const complaints = await typeCheck([
    broken((container) => Object.assign(container, { securtyContext: {} })),
    broken((container) => delete container.name),
    broken((container) => Object.assign(container, { args: 'agent' })),
  ]);
  assert.equal(complaints.match(/error TS/g)?.length, 3, complaints);
});
