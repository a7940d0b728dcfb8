import type { App } from 'aws-cdk-lib';
import type { Config } from './config.ts';
import { deployments } from './places.ts';
import { PodfreightStack } from './stack.ts';

/** The stack of each region. All others wait for the primary one's, which has the table and makes its replicas. */
export function createStacks(app: App, config: Config): PodfreightStack[] {
  const stacks = deployments(config).map((deployment) => {
    const { isPrimary, here } = deployment;
    const id = isPrimary ? config.stackName : `${config.stackName}-${here.region}`;
    return new PodfreightStack(app, id, deployment);
  });
  const [primary, ...others] = stacks;
  for (const other of others) if (primary) other.addStackDependency(primary);
  return stacks;
}
