import fc from 'fast-check';
import type { JsonField, JsonValue } from '../../../core/manifest/json.ts';
import type { Manifest, ManifestContainer, ManifestPod } from '../../../core/manifest/manifest.ts';

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }));

const number = fc.oneof(
  fc.bigInt().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('-0', '1.50', '1E+400', '-0.0e-0', '12345678901234567890.10'),
);

/** As an object literal makes it. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>;
}

/** Any JSON our tree can hold. */
export const anyJson: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    fc.constant<JsonValue>({ kind: 'null' }),
    fc.boolean().map((value): JsonValue => ({ kind: 'boolean', value })),
    number.map((value): JsonValue => ({ kind: 'number', text: value })),
    text.map((value): JsonValue => ({ kind: 'string', text: value })),
    fc.array(tie('value'), { maxLength: 4 }).map((items): JsonValue => ({ kind: 'array', items })),
    fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }).map((fields): JsonValue => ({ kind: 'object', fields })),
  ),
})).value;

/** None of these is a known field in any case, and some come twice. */
const unknown: fc.Arbitrary<readonly JsonField[]> = fc.array(
  fc.tuple(fc.constantFrom('__proto__', 'toString', '', 'é', 'versıon', 'new', 'x.y/z'), anyJson),
  { maxLength: 3 },
);

const anyContainer: fc.Arbitrary<ManifestContainer> = record({
  name: text,
  id: text,
  terminationMessagePath: text,
  terminationMessagePolicy: text,
  restartCount: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  terminationMessagePathUID: text,
  image: text,
  unknown,
});

export const anyPod: fc.Arbitrary<ManifestPod> = record({
  uid: text,
  sandboxId: text,
  name: text,
  terminationGracePeriod: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  namespace: text,
  configSource: text,
  configSeen: text,
  manager: text,
  containers: fc.option(fc.array(anyContainer, { maxLength: 3 })),
  hostIP: text,
  podIP: text,
  podIPs: fc.array(text, { maxLength: 3 }),
  unknown,
});

export const anyManifest: fc.Arbitrary<Manifest> = record({
  version: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  pods: fc.option(fc.array(anyPod, { maxLength: 3 })),
  unknown,
});
