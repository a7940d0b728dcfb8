import { randomBytes } from 'node:crypto';

/** In whose name calls are made: a role's, with the tags of its session, or anybody else's. */
export interface Principal {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A call of AWS's API, in IAM's words. */
export interface Call {
  readonly principal: Principal;
  /** As `s3:GetObject`; with several, each is asked for by itself. */
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  /** Condition keys that depend on the request. */
  readonly conditions: Conditions;
}

export type Conditions = Readonly<Record<string, string | readonly string[]>>;

/** Asked for each call before it does anything; false is answered as a missing permission is. */
export type Authorizer = (call: Call) => boolean | Promise<boolean>;

/** As {@link Authorizer}, of a call in the name of an access key. */
export type Gate = (accessKeyId: string, call: Omit<Call, 'principal'>) => Promise<boolean>;

export interface Credentials {
  readonly AWS_ACCESS_KEY_ID: string;
  readonly AWS_SECRET_ACCESS_KEY: string;
}

/** Who has which access key. */
export class Sessions {
  /** Access key id → secret; grows with every session. */
  readonly secrets: Record<string, string> = {};
  readonly #principals = new Map<string, Principal>();

  add(principal: Principal, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = drawn()): Credentials {
    this.secrets[id] = secret;
    this.#principals.set(id, principal);
    return { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret };
  }

  gate(authorize: Authorizer): Gate {
    return async (accessKeyId, call) => {
      const principal = this.#principals.get(accessKeyId);
      return principal !== undefined && (await authorize({ ...call, principal }));
    };
  }
}

function drawn(): Credentials {
  const hex = (bytes: number) => randomBytes(bytes).toString('hex');
  return { AWS_ACCESS_KEY_ID: `LOCAL${hex(8).toUpperCase()}`, AWS_SECRET_ACCESS_KEY: hex(20) };
}

/** Of a signed request, by its header. Only S3 checks the signature as well. */
export function accessKeyOf(authorization = ''): string {
  return /\bCredential=([^/,\s]+)\//.exec(authorization)?.[1] ?? '';
}
