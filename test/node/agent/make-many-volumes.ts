import { LOCAL_VOLUMES } from '../../../src/kube/resource.ts';
import type { LocalVolume } from '../../../src/model/local-volume.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../../src/model/well-known.ts';
import { createVolumeWriter } from '../../../src/agent/volumes/write-volume.ts';
import { NODE, type AgentNode } from './agent-node.ts';
import { MIB, volumesOn } from './volumes-on.ts';

const EXTENT = 4 * MIB;
/** Fewer than the extents of one of volumesOn's disks. */
const ON_ONE_DISK = 500;
const METADATA = '/root/many.vg';

/**
 * Makes a group `many` if it does not exist, and volumes in it up to `count`, at most 1,000, as an agent would have
 * left them; no agent may run meanwhile. They are written into the metadata of the group at once: under emulation an
 * lvcreate for each would take minutes.
 */
export async function makeManyVolumes(node: AgentNode, count: number, signal: AbortSignal): Promise<void> {
  const on = volumesOn(node, signal);
  const known = (await node.client.list(LOCAL_VOLUMES, {}, signal)).items.length;
  if (known === 0) await on.makeGroup('many', ['many1', 'many2']);
  const numbers = Array.from({ length: count - known }, (_, at) => known + at);
  await node.stopAgent(signal);
  await on.bash(`vgchange -qq -an many && vgcfgbackup -qq -f ${METADATA} many`);
  const before = (await node.vm.readFile(METADATA, signal)).toString();
  await node.vm.writeFile(METADATA, withVolumes(before, numbers), signal);
  await on.bash(`vgcfgrestore -qq -f ${METADATA} many && vgchange -qq -ay many && udevadm settle`, 600_000);
  const write = createVolumeWriter({ client: node.client, wrote: () => {} });
  const groupUuid = await on.bash('vgs --noheadings -o vg_uuid many');
  for (const number of numbers) {
    const name = nameOf(number);
    const volume = await node.client.create(LOCAL_VOLUMES, orderOf(name), signal);
    const made = { sizeBytes: EXTENT, devicePath: `/dev/many/${name}`, groupUuid, volumeUuid: uuidOf(number) };
    await write.ready(volume, made, signal);
  }
  await node.startAgent(signal);
  await node.until(({ status }) => {
    const many = status?.nodeStorageInfo?.volumeGroups?.find(({ name }) => name === 'many');
    return many?.logicalVolumes?.length === count;
  }, signal);
}

const nameOf = (number: number): string => `many-${number}`;
const uuidOf = (number: number): string => `${String(number).padStart(6, '0')}-open-loca-lman-yvol-umes-000000`;

/** Adds volumes of one extent to a group's metadata as vgcfgbackup(8) writes it. Pure. */
function withVolumes(metadata: string, numbers: readonly number[]): string {
  const added = numbers.map(volumeSection).join('');
  if (metadata.includes('logical_volumes {')) return metadata.replace('logical_volumes {', `$&\n${added}`);
  const end = metadata.lastIndexOf('}');
  return `${metadata.slice(0, end)}logical_volumes {\n${added}}\n${metadata.slice(end)}`;
}

const volumeSection = (number: number): string => `${nameOf(number)} {
  id = "${uuidOf(number)}"
  status = ["READ", "WRITE", "VISIBLE"]
  tags = ["open-local"]
  segment_count = 1
  segment1 {
    start_extent = 0
    extent_count = 1
    type = "striped"
    stripe_count = 1
    stripes = ["pv${Math.floor(number / ON_ONE_DISK)}", ${number % ON_ONE_DISK}]
  }
}
`;

const orderOf = (name: string): LocalVolume => ({
  apiVersion: 'csi.aliyun.com/v1alpha1',
  kind: 'LocalVolume',
  metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName: NODE, kind: 'LVM', vgName: 'many', sizeBytes: EXTENT, role: 'Volume', fsType: 'ext4' },
});
