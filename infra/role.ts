import { Stack, Validations } from 'aws-cdk-lib';
import { type Conditions, type IPrincipal, ManagedPolicy, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/** Whoever can be allowed something. `access.ts` is where that is done. */
export interface Subject {
  /** Allows `actions` on `resources`, when all of `conditions` hold. */
  allow(actions: readonly string[], resources: readonly string[], conditions?: Conditions): void;
  /** Says where a thing is; functions learn it by an environment variable, people by the stack's outputs. */
  tell(variable: string, value: string): void;
}

/** A role that starts with nothing. What it may do stands in one policy, which is a resource of its own and so can be read as one. */
export class PodfreightRole extends Role implements Subject {
  readonly policy: ManagedPolicy;

  /** @param props.besides a role that may nothing that this one may not */
  constructor(
    scope: Construct,
    id: string,
    { besides, ...props }: { assumedBy: IPrincipal; description: string; besides?: PodfreightRole },
  ) {
    const policy = new ManagedPolicy(scope, `${id}Policy`, { description: props.description });
    super(scope, id, { ...props, managedPolicies: besides ? [besides.policy, policy] : [policy] });
    this.policy = policy;
  }

  allow(actions: readonly string[], resources: readonly string[], conditions?: Conditions): void {
    const statement = { actions: [...actions], resources: [...resources], ...(conditions && { conditions }) };
    this.policy.addStatements(new PolicyStatement(statement));
  }

  tell(): void {}

  /** Tells cdk-nag why a statement that was allowed needs a wildcard. */
  needsWildcard(resource: string, reason: string): void {
    const id = `AwsSolutions-IAM5[Resource::${flat(Stack.of(this).resolve(resource))}]`;
    Validations.of(this.policy).acknowledge({ id, reason });
  }

  /** What the CDK would add to a policy inside the role goes to its own. */
  override addToPrincipalPolicy(statement: PolicyStatement) {
    this.policy.addStatements(statement);
    return { statementAdded: true, policyDependable: this.policy };
  }
}

type Resolved = string | { readonly Ref: string } | { readonly 'Fn::Join': readonly [string, readonly Resolved[]] };

/** As cdk-nag writes a resource: `<Name>` for a reference. */
function flat(resolved: Resolved): string {
  if (typeof resolved === 'string') return resolved.replaceAll('${', '<').replaceAll('}', '>');
  if ('Ref' in resolved) return `<${resolved.Ref}>`;
  const [separator, items] = resolved['Fn::Join'];
  return items.map(flat).join(separator);
}
