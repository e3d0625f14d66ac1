import { APP_COMPONENT, DEFAULT_DRIVER } from '../model/well-known.ts';
import type { Settings } from './model/facts.ts';
import type { Container, Workload } from './model/kinds.ts';

/** Whether a workload is this installation's operator or agent: it runs the command of that name, or has its label. */
export function isComponent({ metadata, spec }: Workload, namespace: string, component: 'operator' | 'agent'): boolean {
  if (metadata.namespace !== namespace) return false;
  const { metadata: pod, spec: podSpec } = spec?.template ?? {};
  const isLabelled = pod?.labels?.[APP_COMPONENT] === component;
  return isLabelled && (podSpec?.containers ?? []).some((container) => commandOf(container).includes(component));
}

const commandOf = ({ command = [], args = [] }: Container): readonly string[] => [...command, ...args];

/** kube-scheduler's name in its certificate, unless the operator is told another. */
const SCHEDULER = 'system:kube-scheduler';

/** What the operator's arguments say; each as the operator itself would have it when it is not given. */
export function settingsOf(operator: Workload | undefined): Settings {
  const containers = operator?.spec?.template?.spec?.containers ?? [];
  const args = commandOf(containers.find((each) => commandOf(each).includes('operator')) ?? { name: '' });
  const given = (...names: string[]): string | undefined =>
    args
      .flatMap((arg) => names.flatMap((name) => (arg.startsWith(`--${name}=`) ? [arg.slice(name.length + 3)] : [])))
      .at(-1);
  const flag = (fallback: string, ...names: string[]): string => given(...names) ?? fallback;
  return {
    driver: flag(DEFAULT_DRIVER, 'driver-name'),
    initConfig: flag('open-local', 'init-config', 'initconfig'),
    service: flag('open-local-scheduler-extender', 'extender-service'),
    tlsSecret: given('extender-tls-secret'),
    tls: given('extender-tls-dir') !== undefined,
    schedulerName: flag(SCHEDULER, 'extender-allowed-clients').split(',')[0] ?? SCHEDULER,
    leaderElection: !args.includes('--no-leader-election') && flag('true', 'leader-election') !== 'false',
  };
}
