import { stringify } from 'yaml';
import { RULES } from './alerts.ts';
import { DASHBOARDS } from './dashboards.ts';
import { grafanaDashboard } from './grafana.ts';

const HEADER = '# Of tools/monitoring, by `make deploy`: edit there.\n';

/** Files of the chart that are made of the tables here, by their path in the checkout. */
export const monitoringFiles = (): ReadonlyMap<string, string> =>
  new Map([
    [
      'deploy/helm/files/alerts.yaml',
      HEADER + stringify({ groups: [{ name: 'open-local', rules: RULES }] }, { lineWidth: 0 }),
    ],
    ...Object.entries(DASHBOARDS).map(
      ([name, dashboard]) =>
        [
          `deploy/helm/files/dashboards/${name}.json`,
          `${JSON.stringify(grafanaDashboard(name, dashboard), null, 1)}\n`,
        ] as const,
    ),
  ]);
