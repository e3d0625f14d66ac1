import {
  IdentityService,
  PluginCapability_Service_Type as Offer,
  PluginCapability_VolumeExpansion_Type as Expansion,
  type PluginCapability,
} from './gen/csi.ts';
import { service, type Service } from './service.ts';

export interface IdentityDeps {
  readonly driverName: string;
  readonly version: string;
  /** Whether calls can be answered now; sidecars wait until they can. */
  readonly ready: () => boolean;
}

/**
 * Who the driver is. Both halves serve it, and say the same: the capabilities are those of the driver as a whole,
 * whichever of its processes is asked.
 * https://github.com/container-storage-interface/spec/blob/v1.13.0/spec.md#getplugincapabilities
 */
export function createIdentity({ driverName, version, ready }: IdentityDeps): Service {
  const offers = [
    Offer.CONTROLLER_SERVICE,
    Offer.VOLUME_ACCESSIBILITY_CONSTRAINTS,
    Offer.GROUP_CONTROLLER_SERVICE,
    Offer.SNAPSHOT_ACCESSIBILITY_CONSTRAINTS,
  ];
  const capabilities: PluginCapability[] = [
    ...offers.map((type): PluginCapability => ({ type: { $case: 'service', value: { type } } })),
    { type: { $case: 'volumeExpansion', value: { type: Expansion.ONLINE } } },
  ];
  return service(IdentityService, {
    getPluginInfo: async () => ({ name: driverName, vendorVersion: version, manifest: {} }),
    getPluginCapabilities: async () => ({ capabilities }),
    probe: async () => ({ ready: ready() }),
  });
}
