import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { isPodfreightError } from '../core/errors.ts';
import { readConfig } from './config.ts';
import { PodfreightStack } from './stack.ts';

// Without the analytics resource a template is the same whoever synthesises it.
const app = new App({ analyticsReporting: false });
try {
  const config = readConfig(app.node);
  new PodfreightStack(app, config.stackName, config);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
} catch (error) {
  if (!isPodfreightError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
