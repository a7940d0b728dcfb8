import { App, Validations } from 'aws-cdk-lib';
import { isPodfreightError } from '../core/errors.ts';
import { checks } from './checks.ts';
import { readConfig } from './config.ts';
import { createStacks } from './stacks.ts';

// Without the analytics resource a template is the same whoever synthesises it.
const app = new App({ analyticsReporting: false });
try {
  createStacks(app, readConfig(app.node));
  Validations.of(app).addPlugins(...checks(app));
  app.synth();
} catch (error) {
  // What the checks found is printed already, resource by resource.
  if (isPodfreightError(error)) console.error(error.message);
  else if ((error as Error).name !== 'ValidationFailed') throw error;
  process.exitCode = 1;
}
