import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileNames, formOf } from '../../../cli/landing/form.ts';
import type { Comparison, OnConflict } from '../../../cli/landing/plan.ts';
import { planArchives } from '../../../cli/landing/plan-archives.ts';
import { containerPod } from '../container-pod.ts';
import { manifest, pod } from '../pods.ts';

const REDIS = containerPod('r', { 'a.tar': 'a', 'b.tar': 'b' }).entry;
const WEB = containerPod('w', { 'c.tar.zst': 'c' }).entry;
const OPAQUE = pod('x');

function plan(files: Readonly<Record<string, Comparison>>, onConflict: OnConflict = 'refuse') {
  const question = { arriving: manifest(REDIS, WEB), present: undefined, onConflict, target: 'T' };
  const { outcomes, link, swap, keep, after, changes } = planArchives({
    ...question,
    files: new Map(Object.entries(files)),
  });
  assert.equal(after, undefined);
  return { outcomes: outcomes.map(({ outcome }) => outcome).join(', '), link, swap, keep, changes };
}

test('what is not there is linked, and what is there is left', () => {
  assert.deepEqual(plan({ 'b.tar': 'same' }), {
    ...{ outcomes: 'inserted, inserted', link: ['a.tar', 'c.tar.zst'], swap: [], keep: ['b.tar'], changes: true },
  });
  assert.deepEqual(plan({ 'a.tar': 'same', 'b.tar': 'same', 'c.tar.zst': 'same' }), {
    ...{ outcomes: 'unchanged, unchanged', link: [], swap: [], keep: ['a.tar', 'b.tar', 'c.tar.zst'], changes: false },
  });
});

test('a pod stays together when one of its archives collides', () => {
  const files = { 'b.tar': 'other' } as const;
  assert.throws(() => plan(files), {
    code: 'conflict',
    message: /^T has other checkpoints under the names b\.tar; nothing was inserted/,
    subject: { target: 'T', files: ['b.tar'] },
  });
  assert.deepEqual(plan(files, 'skip'), {
    ...{ outcomes: 'skipped, inserted', link: ['c.tar.zst'], swap: [], keep: [], changes: true },
  });
  assert.deepEqual(plan(files, 'replace'), {
    ...{ outcomes: 'replaced, inserted', link: ['a.tar', 'c.tar.zst'], swap: ['b.tar'], keep: [], changes: true },
  });
});

test('two pods with an archive of one name are refused, and so is the name of a listed pod’s file', () => {
  const question = { files: new Map(), onConflict: 'replace', target: 'T', present: undefined } as const;
  const twin = containerPod('t', { 'a.tar': 'another a' }).entry;
  assert.throws(() => planArchives({ ...question, arriving: manifest(REDIS, twin) }), {
    code: 'conflict',
    message: /^Pods default\/pod-r \(r\) and default\/pod-t \(t\) both have an archive a\.tar; choose one of them/,
  });
  assert.throws(() => planArchives({ ...question, arriving: manifest(REDIS), present: manifest(pod('a')) }), {
    code: 'conflict',
    message: /^T has a pod whose file is called a\.tar/,
  });
});

test('a directory with a manifest gets pods, one without container archives, if that is what all are made of', () => {
  assert.equal(formOf(undefined, undefined, manifest(REDIS, WEB)), 'containers');
  assert.equal(formOf(undefined, manifest(), manifest(REDIS, WEB)), 'pods');
  assert.equal(formOf(undefined, undefined, manifest(REDIS, OPAQUE)), 'pods');
  assert.equal(formOf(undefined, undefined, manifest()), 'pods');
  assert.equal(formOf('pods', undefined, manifest(REDIS)), 'pods');
  assert.equal(formOf('containers', manifest(), manifest(REDIS)), 'containers');
  assert.throws(() => formOf('containers', undefined, manifest(REDIS, OPAQUE)), {
    code: 'unsupported',
    message: /--as pods only: default\/pod-x\.$/,
  });
  assert.deepEqual(fileNames('pods', manifest(REDIS, WEB)), ['r.tar', 'w.tar']);
  assert.deepEqual(fileNames('containers', manifest(REDIS, WEB)), ['a.tar', 'b.tar', 'c.tar.zst']);
});
