import { PodfreightError } from '../core/errors.ts';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Takes the place of the SDK's `@aws-sdk/credential-provider-node` in the functions' bundles (infra/bundle-functions.ts):
 * files, single sign-on, roles and metadata are a fifth of the code, and Lambda gives credentials in the environment.
 */
export const defaultProvider = () => async (): Promise<Credentials> => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = process.env;
  if (!accessKeyId || !secretAccessKey) {
    throw new PodfreightError('no-credentials', 'The environment of the function has no AWS credentials.');
  }
  return { accessKeyId, secretAccessKey, ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }) };
};
