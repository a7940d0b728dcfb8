import { nearestFirst, type Regions } from '../core/regions.ts';
import { awsError } from './errors.ts';

interface Configured {
  readonly config: { readonly region: () => Promise<string> };
}

/** Where the SDK's own settings say that this machine is; undefined when they say nothing. */
export async function ownRegion(client: Configured): Promise<string | undefined> {
  try {
    return await client.config.region();
  } catch (error) {
    const failure = awsError(error, 'this machine');
    if (failure.code === 'usage') return undefined;
    throw failure;
  }
}

/** Where to ask for what is the same in all regions; undefined: where the client asks by itself. */
export async function nearestRegion(regions: Regions, client: Configured): Promise<string | undefined> {
  if (regions.size === 0) return undefined;
  const own = await ownRegion(client);
  return own !== undefined && regions.has(own) ? undefined : nearestFirst(regions, own)[0];
}
