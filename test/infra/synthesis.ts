import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readConfig } from '../../infra/config.ts';
import type { PodfreightStack } from '../../infra/stack.ts';
import { createStacks } from '../../infra/stacks.ts';

interface Synthesis {
  readonly app: App;
  readonly stacks: readonly PodfreightStack[];
  readonly templates: readonly Template[];
}

/** The app in this process, which takes seconds: once in a file. */
export function synthesis(podfreight: object = {}): Synthesis {
  const outdir = mkdtempSync(join(tmpdir(), 'podfreight-synth-'));
  after(() => rmSync(outdir, { recursive: true, force: true }));
  const app = new App({ outdir, context: { podfreight } });
  const stacks = createStacks(app, readConfig(app.node));
  return { app, stacks, templates: stacks.map((stack) => Template.fromStack(stack)) };
}

/** The logical id of the one resource of that type whose id begins so. */
export function idOf(template: Template, type: string, idPrefix: string): string {
  const ids = Object.keys(template.findResources(type)).filter((id) => id.startsWith(idPrefix));
  if (ids.length !== 1) throw new Error(`${ids.length} resources of type ${type} begin with ${idPrefix}`);
  return ids[0] ?? '';
}

/** A name of ours in a region of which only the deployment knows. */
export function nameHere(what: string): object {
  return { 'Fn::Join': ['', [`podfreight-${what}-`, { Ref: 'AWS::AccountId' }, '-', { Ref: 'AWS::Region' }]] };
}
