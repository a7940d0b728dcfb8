import { PodfreightError } from '../../core/errors.ts';
import { matchesPattern } from './event-pattern.ts';
import type { Template } from './template.ts';

/** A rule of the event bus: events that fit go to the queues. */
export interface EventRule {
  readonly pattern: object;
  readonly queueArns: readonly string[];
}

interface RuleProperties {
  /** Absent of a rule that goes by the clock. */
  readonly EventPattern?: object;
  readonly State?: 'ENABLED' | 'DISABLED';
  readonly Targets: readonly { readonly Arn: string; readonly Input?: unknown; readonly InputTransformer?: unknown }[];
}

/**
 * The template's rules that are on. Those that go by the clock do nothing here: functions can be invoked instead.
 * @throws PodfreightError `unsupported` for targets that are no queues, or get anything but the event itself
 */
export function eventRules(template: Template): EventRule[] {
  return template
    .resources<RuleProperties>('AWS::Events::Rule')
    .filter(({ properties }) => properties.State !== 'DISABLED')
    .flatMap(({ name, properties: { EventPattern, Targets } }) => {
      if (EventPattern === undefined) return [];
      const plain = Targets.every(
        ({ Arn, ...input }) => Arn.includes(':sqs:') && !('Input' in input || 'InputTransformer' in input),
      );
      if (!plain) {
        throw new PodfreightError(
          'unsupported',
          `The embedded stack can only send events as they are to queues, not as rule "${name}" does.`,
        );
      }
      return [{ pattern: EventPattern, queueArns: Targets.map(({ Arn }) => Arn) }];
    });
}

/** The queues that get this event, each as often as rules send it there. */
export function queuesFor(event: unknown, rules: readonly EventRule[]): string[] {
  return rules.filter(({ pattern }) => matchesPattern(pattern, event)).flatMap(({ queueArns }) => queueArns);
}
