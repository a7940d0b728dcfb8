import type { Assembly } from './assembly.ts';
import { LambdaFunction } from './lambda-function.ts';
import type { Resource } from './template.ts';

/** Enough to meet races between environments, and no more processes than a small machine bears. */
export const MAX_CONCURRENCY = 2;

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Handler: string;
  readonly Timeout: number;
  readonly MemorySize: number;
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
  readonly LoggingConfig?: { readonly LogFormat?: string };
  readonly ReservedConcurrentExecutions?: number;
}

/** A line that a function wrote, or that Lambda would have logged for it. */
export interface LogLine {
  readonly function: string;
  readonly line: string;
}

/**
 * The template's functions. Nothing runs yet.
 * @param variables go into a function's environment beside its own
 */
export function createFunctions(
  { template, codeFolder }: Assembly,
  variables: (functionName: string) => Readonly<Record<string, string>>,
  log: (line: LogLine) => void,
): LambdaFunction[] {
  const create = ({ name, arn, properties }: Resource<FunctionProperties>): LambdaFunction => {
    const settings = {
      name,
      arn,
      codeFolder: codeFolder(properties.Code.S3Key),
      handler: properties.Handler,
      timeoutMs: properties.Timeout * 1000,
      memoryMiB: properties.MemorySize,
      logFormat: properties.LoggingConfig?.LogFormat ?? 'Text',
      variables: { ...properties.Environment?.Variables, ...variables(name) },
    };
    const maxEnvironments = Math.min(properties.ReservedConcurrentExecutions ?? MAX_CONCURRENCY, MAX_CONCURRENCY);
    return new LambdaFunction(settings, maxEnvironments, (line) => log({ function: name, line }));
  };
  return template.resources<FunctionProperties>('AWS::Lambda::Function').map(create);
}
