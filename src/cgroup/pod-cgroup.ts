/** The kubelet's --cgroup-root: usually none; `kubelet` in clusters whose nodes are containers (kind). */
const ROOTS = ['', 'kubelet'] as const;

/** Guaranteed pods lie above the two other classes: pkg/kubelet/cm/qos_container_manager_linux.go. */
const CLASSES = ['', 'burstable', 'besteffort'] as const;

/**
 * The paths, below the root of a hierarchy, at which a pod's cgroup may be, for every QoS class and both cgroup
 * drivers; at most one exists. They are tried, because only the kubelet knows its driver, and a static pod has another
 * uid than its mirror pod.
 */
export function podCgroupPaths(podUid: string): readonly string[] {
  return ROOTS.flatMap((root) =>
    CLASSES.flatMap((qos) => [systemdPath(root, qos, podUid), plainPath(root, qos, podUid)]),
  );
}

/** `kubepods/burstable/pod<uid>`. */
function plainPath(root: string, qos: string, podUid: string): string {
  return [root, 'kubepods', qos, `pod${podUid}`].filter(Boolean).join('/');
}

/**
 * `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice`: a slice's name repeats those above it,
 * so that a hyphen within a part has to become an underscore (systemd.slice(5); ToSystemd in
 * pkg/kubelet/cm/cgroup_manager_linux.go).
 */
function systemdPath(root: string, qos: string, podUid: string): string {
  const parts = [root, 'kubepods', qos, `pod${podUid}`].filter(Boolean).map((part) => part.replaceAll('-', '_'));
  return parts.map((_, at) => `${parts.slice(0, at + 1).join('-')}.slice`).join('/');
}
