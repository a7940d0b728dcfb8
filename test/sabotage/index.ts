import { BUNDLES } from './bundles.ts';
import { CONTAINERS } from './containers.ts';
import { DURABILITY } from './durability.ts';
import { FILES } from './files.ts';
import { LANDING } from './landing.ts';
import { READER } from './reader.ts';
import type { Sabotage } from './sabotage.ts';

export const SABOTAGES: readonly Sabotage[] = [
  ...DURABILITY,
  ...LANDING,
  ...FILES,
  ...READER,
  ...CONTAINERS,
  ...BUNDLES,
];
