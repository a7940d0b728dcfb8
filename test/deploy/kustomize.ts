import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, parse as parseYaml } from 'yaml';

/** Any object of Kubernetes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  metadata: { readonly name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
}

interface Kustomization {
  readonly apiVersion: string;
  readonly kind: 'Kustomization' | 'Component';
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly {
    readonly name: string;
    readonly behavior?: 'merge';
    readonly literals: readonly string[];
  }[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly patches?: readonly {
    readonly target: { readonly kind: string; readonly name: string };
    readonly patch: string;
  }[];
}

const KNOWN = ['apiVersion', 'kind', 'namespace', 'resources', 'components', 'configMapGenerator', 'images', 'patches'];

export function readKustomization(folder: string): Kustomization {
  const kustomization = parseYaml(readFileSync(join(folder, 'kustomization.yaml'), 'utf8'));
  for (const field of Object.keys(kustomization)) assert.ok(KNOWN.includes(field), `${folder}: unknown field ${field}`);
  return kustomization;
}

/** Every document of a YAML file; a duplicate key, a tab or a warning is a failure. */
export function readManifests(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], path);
    return document.toJS();
  });
}

/**
 * What `kubectl kustomize` makes of a folder, except that it adds a hash to the names of config maps. Of kustomize only
 * what these folders use; whatever else stands there is a failure, and so is a patch of something that is not there.
 */
export function build(folder: string, extra: { readonly components?: readonly string[] } = {}): Manifest[] {
  const { resources = [], components = [], ...kustomization } = readKustomization(folder);
  const manifests = resources.flatMap((name) => {
    const path = join(folder, name);
    assert.ok(existsSync(path), `${folder} names ${name}, which is not there`);
    return statSync(path).isDirectory() ? build(path) : readManifests(path);
  });
  // As kustomize has it: a component changes what the resources and generators made, before the own patches do.
  generate(manifests, kustomization.configMapGenerator ?? []);
  for (const component of [...components, ...(extra.components ?? [])]) {
    patchAll(manifests, readKustomization(join(folder, component)).patches ?? []);
  }
  patchAll(manifests, kustomization.patches ?? []);
  for (const { metadata, kind } of manifests) {
    if (kustomization.namespace !== undefined && kind !== 'Namespace' && kind !== 'ClusterRole') {
      metadata.namespace = kustomization.namespace;
    }
  }
  return JSON.parse(JSON.stringify(manifests), (field, value) => {
    const image = field === 'image' ? kustomization.images?.find(({ name }) => name === value) : undefined;
    return image === undefined ? value : `${image.newName}:${image.newTag}`;
  });
}

function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  assert.ok(found, `no ${kind} ${name}`);
  return found;
}

function generate(manifests: Manifest[], generators: NonNullable<Kustomization['configMapGenerator']>): void {
  for (const { name, behavior, literals } of generators) {
    const data = Object.fromEntries(literals.map((literal) => literal.match(/^([^=]+)=(.*)$/s)!.slice(1)));
    if (behavior === 'merge') Object.assign(find(manifests, 'ConfigMap', name).data as object, data);
    else manifests.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  }
}

type JsonPatch = readonly { readonly op: string; readonly path: string; readonly value: unknown }[];

interface Tree {
  [name: string]: Tree;
}

/** @see RFC 6902 */
function patchAll(manifests: readonly Manifest[], patches: NonNullable<Kustomization['patches']>): void {
  for (const { target, patch } of patches) {
    for (const { op, path, value } of parseYaml(patch) as JsonPatch) {
      const names = path.slice(1).split('/');
      const last = names.pop()!;
      let parent = find(manifests, target.kind, target.name) as unknown as Tree;
      for (const name of names) {
        assert.ok(Object.hasOwn(parent, name), `${path}: no ${name}`);
        parent = parent[name]!;
      }
      if (op === 'test') assert.deepEqual(parent[last], value, path);
      else if (op === 'replace') assert.ok(Object.hasOwn(parent, last), `${path} replaces nothing`);
      else assert.equal(op, 'add');
      if (Array.isArray(parent) && last === '-') parent.push(value);
      else parent[last] = value as Tree;
    }
  }
}
