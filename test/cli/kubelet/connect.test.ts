import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { ApiServer } from '../../../cli/kubelet/api-server.ts';
import { type ConnectFlags, connect } from '../../../cli/kubelet/connect.ts';
import { Kubelet } from '../../../cli/kubelet/kubelet.ts';
import { isPodfreightError } from '../../../core/errors.ts';
import { apiServer, kubelet, serve } from './fake-kubelet.ts';

const NOWHERE = '/nowhere/serviceaccount';
const POD = { namespace: 'default', pod: 'web' };
const PODS = { pods: [{ namespace: 'default', name: 'web', containers: { app: {} } }] };
const signal = new AbortController().signal;

test("in a pod: the cluster's API server, by the service account", async (t) => {
  const server = await serve(t, apiServer('node-a', PODS));
  const [host, port] = server.address.split(':');
  const environment = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
  const api = connect({}, environment, dirname(server.tokenFile));
  assert.ok(api instanceof ApiServer);
  assert.deepEqual(await api.runningContainers(POD, signal), ['app']);
});

test('in a pod: a kubelet that is named, by the service account', async (t) => {
  const server = await serve(t, kubelet(PODS));
  const asked = connect({ kubelet: server.address }, {}, dirname(server.tokenFile));
  assert.ok(asked instanceof Kubelet);
  assert.deepEqual(await asked.runningContainers(POD, signal), ['app']);
  const elsewhere = `${server.tokenFile}.other`;
  await writeFile(elsewhere, 'other');
  const other = connect({ kubelet: server.address, tokenFile: elsewhere }, {}, dirname(server.tokenFile));
  await assert.rejects(other.runningContainers(POD, signal), (error) => isPodfreightError(error, 'no-credentials'));
});

test('allows', () => {
  for (const flags of [
    { kubelet: 'node-a', tokenFile: 't' },
    { kubelet: 'node-a.example:10251', tokenFile: 't' },
    { kubelet: 'fd00::5', tokenFile: 't' },
    { kubelet: '[fd00::5]:10250', tokenFile: 't' },
    { server: 'https://api.example:6443/k8s/clusters/c-1', tokenFile: 't', caFile: 'c' },
    { server: 'http://127.0.0.1:8001' },
    { server: 'http://localhost:8001' },
    { server: 'http://[::1]:8001', nodeName: 'ip-10-0-0-5.ec2.internal' },
  ] as ConnectFlags[]) {
    assert.ok(connect(flags, {}, NOWHERE), JSON.stringify(flags));
  }
});

test('prevents', () => {
  for (const [flags, message] of [
    [{}, /--kubelet <host>.*--server <url>/],
    [{ kubelet: 'node-a' }, /--token-file/],
    [{ server: 'https://api.example' }, /--token-file/],
    [{ kubelet: '', tokenFile: 't' }, /host or host:port/],
    [{ kubelet: 'https://node-a', tokenFile: 't' }, /host or host:port/],
    [{ kubelet: 'node-a/x', tokenFile: 't' }, /host or host:port/],
    [{ kubelet: 'me@node-a', tokenFile: 't' }, /host or host:port/],
    [{ kubelet: 'node-a?x', tokenFile: 't' }, /host or host:port/],
    [{ kubelet: 'node-a:99999', tokenFile: 't' }, /host or host:port/],
    [{ server: 'http://api.example', tokenFile: 't' }, /https:/],
    [{ server: 'http://127.0.0.1.example' }, /https:/],
    [{ server: 'api.example', tokenFile: 't' }, /https:/],
    [{ server: 'https://me:secret@api.example', tokenFile: 't' }, /https:/],
    [{ server: 'http://127.0.0.1:8001', tokenFile: 't' }, /for https/],
    [{ server: 'http://127.0.0.1:8001', caFile: 'c' }, /for https/],
    [{ server: 'http://127.0.0.1:8001', nodeName: '../pods' }, /--node-name/],
    [{ server: 'http://127.0.0.1:8001', kubeletCa: 'c' }, /--kubelet-ca needs --kubelet/],
    [{ kubelet: 'a', tokenFile: 't', server: 'https://b' }, /--server goes through the API server/],
    [{ kubelet: 'a', tokenFile: 't', caFile: 'c' }, /--ca-file/],
    [{ kubelet: 'a', tokenFile: 't', nodeName: 'n' }, /--node-name/],
  ] as [ConnectFlags, RegExp][]) {
    assert.throws(
      () => connect(flags, {}, NOWHERE),
      (error) => isPodfreightError(error, 'usage') && message.test(error.message),
      JSON.stringify(flags),
    );
  }
});
