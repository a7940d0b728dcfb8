/** The stack's outputs, and the environment variable by which functions and command line know the same thing. */
export const OUTPUTS = {
  ArchivesBucket: 'PODFREIGHT_ARCHIVES_BUCKET',
  BundlesBucket: 'PODFREIGHT_BUNDLES_BUCKET',
  Table: 'PODFREIGHT_TABLE',
  BundleFunction: 'PODFREIGHT_BUNDLE_FUNCTION',
} as const;
