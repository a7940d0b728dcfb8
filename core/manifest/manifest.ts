import type { JsonValue } from './json.ts';

/** A pod entry of `checkpointed.pods`, names and types as the first checkpointctl declared them. */
export interface ManifestPod {
  readonly uid: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly terminationGracePeriod: bigint;
  readonly namespace: string;
  readonly configSource: string;
  readonly configSeen: string;
  readonly manager: string;
  /** null as the old tool wrote it for none. */
  readonly containers: readonly ManifestContainer[] | null;
  readonly hostIP: string;
  readonly podIP: string;
  readonly podIPs: readonly string[];
  /** Fields we do not know, in their order: kept on rewrite. */
  readonly unknown: readonly (readonly [string, JsonValue])[];
}

export interface ManifestContainer {
  readonly name: string;
  readonly id: string;
  readonly terminationMessagePath: string;
  readonly terminationMessagePolicy: string;
  readonly restartCount: number;
  readonly terminationMessagePathUID: string;
  readonly image: string;
  readonly unknown: readonly (readonly [string, JsonValue])[];
}

export interface Manifest {
  readonly version: bigint;
  /** null as the old tool wrote it for none. */
  readonly pods: readonly ManifestPod[] | null;
  readonly unknown: readonly (readonly [string, JsonValue])[];
}
