/** The stack's outputs, and the environment variable by which functions and command line know the same thing. */
export const OUTPUTS = {
  ArchivesBucket: 'PODFREIGHT_ARCHIVES_BUCKET',
  BundlesBucket: 'PODFREIGHT_BUNDLES_BUCKET',
  Table: 'PODFREIGHT_TABLE',
  BundleFunction: 'PODFREIGHT_BUNDLE_FUNCTION',
  /** JSON: region → its buckets (`regionsJson` in places.ts). */
  Regions: 'PODFREIGHT_REGIONS',
} as const;

/** What people need who run it, and programs do not. */
export const OPERATING_OUTPUTS = {
  EventsQueueUrl: 'Queue of events about archives',
  EventsQueueArn: 'The same, as dead letters are sent back to it',
  DeadLettersUrl: 'Queue of what could not be catalogued',
  DeadLettersArn: 'The same, as dead letters are sent back from it',
  AlarmTopicArn: 'Topic that alarms are sent to',
  DashboardName: 'Dashboard in CloudWatch',
} as const;

/** Of the primary region's stack only. */
export const ROLE_OUTPUTS = {
  AgentRoleArn: 'Role of agents, by EKS Pod Identity: archives of its own cluster',
  NodeRoleArn: 'Role of one node, by session tags: archives of its own cluster and node',
  OperatorRoleArn: 'Role of people who list, bundle, pull, remove and hold',
  ReaderRoleArn: 'Role of people who list and pull',
} as const;
