import { emptyResponse, type Operation, type Run, xmlResponse } from '../operation.ts';
import { checkTags } from '../request.ts';
import { parseXml } from '../xml.ts';
import { actionOn, findObject, versionHeader } from './object.ts';

const getObjectTagging: Run = async (request, stores) => {
  await request.allow(actionOn(request, 'Get', 'Tagging'), request.objectArn);
  const { versioning } = stores.buckets.get(request.bucket);
  const version = await findObject(request, stores);
  const tags = version.attributes.tags.map(([Key, Value]) => ({ Key, Value }));
  return xmlResponse('Tagging', { TagSet: { Tag: tags } }, versionHeader(versioning, version));
};

const putObjectTagging: Run = async (request, stores) => {
  await request.allow(actionOn(request, 'Put', 'Tagging'), request.objectArn);
  const { versioning } = stores.buckets.get(request.bucket);
  const [set] = parseXml(await request.payload.text(), 'Tagging').all('TagSet');
  const tags = (set?.all('Tag') ?? []).map((tag) => [tag.get('Key') ?? '', tag.get('Value') ?? ''] as const);
  const version = await findObject(request, stores);
  stores.objects.setTags(version, checkTags(tags));
  return emptyResponse(200, versionHeader(versioning, version));
};

const deleteObjectTagging: Run = async (request, stores) => {
  await request.allow(actionOn(request, 'Delete', 'Tagging'), request.objectArn);
  const { versioning } = stores.buckets.get(request.bucket);
  const version = await findObject(request, stores);
  stores.objects.setTags(version, []);
  return emptyResponse(204, versionHeader(versioning, version));
};

const shared = { on: 'object', query: ['tagging'] } as const;

export const taggingOperations: readonly Operation[] = [
  { ...shared, name: 'GetObjectTagging', method: 'GET', run: getObjectTagging },
  { ...shared, name: 'PutObjectTagging', method: 'PUT', run: putObjectTagging },
  { ...shared, name: 'DeleteObjectTagging', method: 'DELETE', run: deleteObjectTagging },
];
