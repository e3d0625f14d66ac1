import { expect, test } from 'vitest';
import {
  ControllerGetCapabilitiesRequest,
  ControllerServiceCapability_RPC_Type as Rpc,
} from '../../../src/csi/gen/csi.ts';
import { serveController } from '../../rig/csi-controller.ts';
import { SKIPPED } from './sanity-skips.ts';

test('a capability of the controller that is advertised has no tests that csi-sanity may skip', async () => {
  const { client } = await serveController();
  const request = ControllerGetCapabilitiesRequest.create();
  const { capabilities } = await client.controller.controllerGetCapabilities(request, AbortSignal.timeout(10_000));
  const numbers = new Set<number | undefined>(capabilities.map(({ type }) => type?.value.type));
  const advertised = Object.entries(Rpc).flatMap(([name, number]) => (numbers.has(number) ? [name] : []));
  expect(advertised).toContain('CREATE_DELETE_VOLUME');
  expect(SKIPPED.filter(({ capability }) => advertised.includes(capability))).toEqual([]);
});
