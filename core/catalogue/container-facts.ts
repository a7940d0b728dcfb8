import { digestOf } from '../checkpoint/engine-files.ts';
import type { ContainerFact, ContainerRecord } from './records.ts';

export interface KnownFact {
  readonly fact: ContainerFact;
  readonly value: string;
}

/** What a container can be found by; what its engine did not record is not there. Always in the same order. */
export function factsOf(container: ContainerRecord): KnownFact[] {
  const { image, imageDigest, engine, runtime } = container;
  const digests = new Set([imageDigest, isDigest(image) ? image : digestOf(image)]);
  return [
    ...told('image', image),
    ...[...digests].flatMap((digest) => told('digest', digest)),
    ...told('engine', engine),
    ...told('runtime', runtime),
  ];
}

function told(fact: ContainerFact, value: string | undefined): KnownFact[] {
  return value === undefined || value === '' ? [] : [{ fact, value }];
}

export function hasFact(container: ContainerRecord, { fact, value }: KnownFact): boolean {
  return factsOf(container).some((known) => known.fact === fact && known.value === value);
}

/** What somebody means who names an image: its digest where it is one, as in `sha256:…`, else the reference. */
export function imageFact(image: string): KnownFact & { readonly fact: 'image' | 'digest' } {
  return { fact: isDigest(image) ? 'digest' : 'image', value: image };
}

/** @see https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md "Digests" */
function isDigest(text: string): boolean {
  return digestOf(`@${text}`) === text;
}
