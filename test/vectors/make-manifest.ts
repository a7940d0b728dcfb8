/**
 * Makes manifest.json: what the first checkpointctl (e96e86c) makes of odd manifests when `insert` rewrites them.
 *
 *     node test/vectors/make-manifest.ts PATH/TO/checkpointctl
 *
 * `podfreight` in a case says where we differ on purpose, and why. The oracle was built with Go 1.26.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Case {
  readonly name: string;
  /** As text, or as bytes in hexadecimal where it is no UTF-8. */
  readonly input: string | { readonly hex: string };
  readonly podfreight?: { readonly output?: string; readonly error?: string; readonly because: string };
}

const hex = (text: string) => ({ hex: Buffer.from(text, 'latin1').toString('hex') });
const pods = (...entries: string[]) => `{"version":0,"CheckpointedPods":[${entries.join(',')}]}`;
const named = (name: string) => pods(`{"SandboxID":"a","io.kubernetes.pod.name":${name},"Containers":[]}`);

const CASES: readonly Case[] = [
  {
    name: 'every field, in another order',
    input: pods(
      `{"podIPs":["10.88.0.7","fd00::7"],"podIP":"10.88.0.7","hostIP":"192.0.2.1","Containers":[{"Image":"docker.io/redis:7",
       "terminationMessagePathUID":"u","io.kubernetes.container.restartCount":3,"io.kubernetes.container.terminationMessagePolicy":"File",
       "io.kubernetes.container.terminationMessagePath":"/dev/termination-log","id":"c1","io.kubernetes.container.name":"redis"}],
       "io.container.manager":"cri-o","kubernetes.io/config.seen":"2021-02-03T04:05:06Z","kubernetes.io/config.source":"api",
       "io.kubernetes.pod.namespace":"default","io.kubernetes.pod.terminationGracePeriod":30,"io.kubernetes.pod.name":"redis-0",
       "SandboxID":"a","io.kubernetes.pod.uid":"0b6e1f0e-5a39-4d2e-9a53-9d2f0a7f3c11"}`,
    ),
  },
  { name: 'an empty object', input: '{}' },
  { name: 'a null document', input: ' null\n' },
  { name: 'lists that are null', input: '{"version":null,"CheckpointedPods":null}' },
  { name: 'lists that are empty', input: '{"CheckpointedPods":[{"Containers":[],"podIPs":[]}]}' },
  { name: 'a pod that is null', input: pods('null') },
  { name: 'a container that is null', input: pods('{"Containers":[null]}') },
  { name: 'strings that are null in a list', input: pods('{"podIPs":[null,"::1"]}') },
  { name: 'null after a value changes nothing', input: '{"version":7,"version":null,"CheckpointedPods":[]}' },
  { name: 'null after a list empties it', input: '{"CheckpointedPods":[{}],"CheckpointedPods":null}' },
  { name: 'zero values vanish', input: pods('{"SandboxID":"","io.kubernetes.pod.terminationGracePeriod":0}') },
  {
    name: 'names in any case',
    input: '{"VERSION":2,"checkpointedPODS":[{"sandboxid":"a","PODIP":"::1","containers":[]}]}',
  },
  {
    name: 'names with the Kelvin sign and the long s',
    input: pods('{"\u017fandboxId":"a","io.\u212aubernetes.pod.name":"n"}'),
  },
  {
    name: 'names with a dotless i are others',
    input: '{"vers\u0131on":2,"CheckpointedPods":[]}',
    podfreight: {
      output: '{\n  "version": 0,\n  "CheckpointedPods": [],\n  "vers\u0131on": 2\n}',
      because: 'unknown fields are kept',
    },
  },
  { name: 'names written with escapes', input: '{"\\u0076ersion":2,"CheckpointedPods":[]}' },
  { name: 'the last of duplicates', input: '{"version":1,"CheckpointedPods":[],"Version":2}' },
  {
    name: 'a list given twice',
    input: '{"CheckpointedPods":[{"SandboxID":"a","podIP":"::1"}],"CheckpointedPods":[{"SandboxID":"b"}]}',
    podfreight: {
      output:
        '{\n  "version": 0,\n  "CheckpointedPods": [\n    {\n      "SandboxID": "b",\n      "Containers": null\n    }\n  ]\n}',
      because: 'a field of a pod that is not there any more must not reappear in another',
    },
  },
  {
    name: 'unknown fields',
    input:
      '{"a":{"n":1.50e+03,"l":[],"o":{}},"CheckpointedPods":[{"x":[1,null,true],"Containers":[{"__proto__":{"y":"<"}}]}]}',
    podfreight: {
      output: `{
  "version": 0,
  "CheckpointedPods": [
    {
      "Containers": [
        {
          "Image": "",
          "__proto__": {
            "y": "\\u003c"
          }
        }
      ],
      "x": [
        1,
        null,
        true
      ]
    }
  ],
  "a": {
    "n": 1.50e+03,
    "l": [],
    "o": {}
  }
}`,
      because: 'unknown fields are kept',
    },
  },
  { name: 'what HTML would take for itself', input: named('"<a href=\'x\'>&amp;</a>"') },
  { name: 'line and paragraph separators', input: named('"\u2028\u2029"') },
  { name: 'escapes', input: named('"\\u0041\\/\\"\\\\\\t\\n\\r\\u0000\\u001f\\u007f\u007f\\ud83d\\ude00\u{1f600}é"') },
  {
    name: 'backspace and form feed',
    input: named('"\\b\\f"'),
    podfreight: {
      output:
        '{\n  "version": 0,\n  "CheckpointedPods": [\n    {\n      "SandboxID": "a",\n      "io.kubernetes.pod.name": "\\u0008\\u000c",\n      "Containers": []\n    }\n  ]\n}',
      because: 'we write them as Go 1.16 did, with which checkpointctl was first built',
    },
  },
  { name: 'escaped lone surrogates', input: named('"\\ud800|\\udc00\\ud800|\\ud800\\u0041|\\ud800\\ud83d\\ude00"') },
  {
    name: 'invalid UTF-8',
    input: hex(named('"\xff\xc0\x80"')),
    podfreight: { error: 'invalid UTF-8', because: 'it would be altered silently' },
  },
  {
    name: 'a surrogate in UTF-8',
    input: hex(named('"\xed\xa0\x80"')),
    podfreight: { error: 'invalid UTF-8', because: 'it would be altered silently' },
  },
  { name: 'white space everywhere', input: ' \t\r\n{ "version" : 1 , "CheckpointedPods" : [ ] } \t\r\n' },
  {
    name: 'the largest numbers',
    input: `{"version":9223372036854775807,"CheckpointedPods":[{"io.kubernetes.pod.terminationGracePeriod":-9223372036854775808,"Containers":[{"io.kubernetes.container.restartCount":2147483647},{"io.kubernetes.container.restartCount":-2147483648}]}]}`,
  },
  { name: 'minus zero', input: '{"version":-0,"CheckpointedPods":[]}' },
  { name: 'a version beyond 64 bits', input: '{"version":9223372036854775808}' },
  { name: 'a version with a fraction', input: '{"version":1.0}' },
  { name: 'a version with an exponent', input: '{"version":1e2}' },
  { name: 'a version in a string', input: '{"version":"1"}' },
  {
    name: 'a restart count beyond 32 bits',
    input: pods('{"Containers":[{"io.kubernetes.container.restartCount":2147483648}]}'),
  },
  { name: 'a grace period that is true', input: pods('{"io.kubernetes.pod.terminationGracePeriod":true}') },
  { name: 'a SandboxID that is a number', input: pods('{"SandboxID":1}') },
  { name: 'podIPs that are a string', input: pods('{"podIPs":"::1"}') },
  { name: 'podIPs with a number', input: pods('{"podIPs":["::1",2]}') },
  { name: 'pods in an object', input: '{"CheckpointedPods":{}}' },
  { name: 'a pod that is a list', input: pods('[]') },
  { name: 'a wrong type in a field overwritten later', input: '{"version":"1","version":1}' },
  { name: 'an array for a document', input: '[]' },
  { name: 'a string for a document', input: '"checkpointed.pods"' },
  { name: 'an empty file', input: '' },
  { name: 'a byte order mark', input: hex('\xef\xbb\xbf{"version":0}') },
  { name: 'data after the end', input: '{"version":0}{}' },
  { name: 'a NUL after the end', input: hex('{"version":0}\0') },
  { name: 'a trailing comma', input: '{"version":0,}' },
  { name: 'an early end', input: '{"version":0' },
  { name: 'a comment', input: '{"version":0/**/}' },
  { name: 'a leading zero', input: '{"version":01}' },
  { name: 'a leading plus', input: '{"version":+1}' },
  { name: 'NaN', input: '{"version":NaN}' },
  { name: 'single quotes', input: "{'version':0}" },
  { name: 'a raw newline in a string', input: named('"a\nb"') },
  { name: 'an unknown escape', input: named('"\\x41"') },
  {
    name: '65 levels',
    input: `{"deep":${'['.repeat(64)}${']'.repeat(64)},"CheckpointedPods":[]}`,
    podfreight: { error: 'more than 64 levels', because: 'depth is bounded' },
  },
  {
    name: 'a manifest with neither SandboxID nor containers passes here, and not checkManifest',
    input: pods('{"SandboxID":"../victim"}', '{"SandboxID":"a"}', '{"SandboxID":"a"}', '{}'),
  },
];

const [checkpointctl] = process.argv.slice(2);
if (checkpointctl === undefined) throw new Error('usage: make-manifest.ts PATH/TO/checkpointctl');

/** Inserts a bundle without pods, which makes checkpointctl read and rewrite the manifest of its target. */
function rewrite(manifest: Buffer): { output: string } | { error: string } {
  const directory = mkdtempSync(join(tmpdir(), 'make-manifest-'));
  try {
    const file = join(directory, 'checkpointed.pods');
    const bundle = join(directory, 'bundle.tar');
    writeFileSync(file, '{"version":0,"CheckpointedPods":[]}');
    execFileSync('tar', ['-cf', bundle, '-C', directory, 'checkpointed.pods']);
    writeFileSync(file, manifest);
    execFileSync(checkpointctl!, ['insert', '-t', directory, '-i', bundle], { stdio: 'pipe' });
    return { output: readFileSync(file, 'utf8') };
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    if (stderr === undefined) throw error;
    return { error: stderr.toString().trim().split('checkpointed.pods: ').at(-1)! };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const vectors = CASES.map(({ name, input, podfreight }) => {
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.hex, 'hex');
  return { name, input, checkpointctl: rewrite(bytes), ...(podfreight && { podfreight }) };
});
const json = JSON.stringify(vectors, null, 2).replace(/[^\n -~]/g, (unit) => {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
});
writeFileSync(join(import.meta.dirname, 'manifest.json'), `${json}\n`);
