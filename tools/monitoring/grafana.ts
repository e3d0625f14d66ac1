import type { Dashboard, Panel } from './dashboards.ts';

/**
 * A dashboard as Grafana imports it (Grafana 10 and later). Source of the fields:
 * https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
 */

const SCHEMA_VERSION = 39;
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
/** Columns of a row, and the size of each kind of panel in it. */
const COLUMNS = 24;
const SIZES = { stat: { w: 4, h: 4 }, graph: { w: 12, h: 8 }, table: { w: 12, h: 8 } } as const;
const TYPES = { stat: 'stat', graph: 'timeseries', table: 'table' } as const;

export const grafanaDashboard = (name: string, { title, ofNode, panels }: Dashboard): object => ({
  uid: `open-local-${name}`,
  title,
  tags: ['open-local'],
  schemaVersion: SCHEMA_VERSION,
  editable: true,
  refresh: '1m',
  time: { from: 'now-6h', to: 'now' },
  templating: { list: [datasource, ...(ofNode ? [nodename] : [])] },
  panels: placed(panels).map(grafanaPanel),
});

const datasource = { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' };
const nodename = {
  ...{ name: 'nodename', label: 'Node', type: 'query', datasource: DATASOURCE, refresh: 2, sort: 1 },
  query: { query: 'label_values(local_allocated_num, nodename)', refId: 'nodename' },
};

interface Placed {
  readonly panel: Panel;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

/** Side by side in their order; a panel without room in the row, or of another height, begins the next one. */
function placed(panels: readonly Panel[]): Placed[] {
  let [x, y, height] = [0, 0, 0];
  return panels.map((panel) => {
    const { w, h } = SIZES[panel.kind];
    if (x + w > COLUMNS || (x > 0 && h !== height)) [x, y] = [0, y + height];
    height = h;
    const gridPos = { x, y, w, h };
    x += w;
    return { panel, gridPos };
  });
}

function grafanaPanel({ panel: { title, kind, unit, description, queries }, gridPos }: Placed, at: number): object {
  const isTable = kind === 'table';
  return {
    ...{ id: at + 1, type: TYPES[kind], title, gridPos, datasource: DATASOURCE },
    ...(description === undefined ? {} : { description }),
    fieldConfig: { defaults: { unit, ...(kind === 'graph' ? { min: 0 } : {}) }, overrides: [] },
    targets: queries.map(({ expr, legend }, i) => ({
      ...{ refId: String.fromCodePoint(65 + i), datasource: DATASOURCE, expr, legendFormat: legend },
      ...(isTable ? { instant: true, format: 'table' } : { range: true }),
    })),
    ...(isTable ? { transformations: [WITHOUT_OUR_LABELS] } : {}),
  };
}

/** A table has a column for each label: those that Prometheus adds tell nothing of a volume. */
const WITHOUT_OUR_LABELS = {
  id: 'organize',
  options: {
    excludeByName: Object.fromEntries(
      ['Time', '__name__', 'container', 'endpoint', 'instance', 'job', 'namespace', 'pod', 'service'].map((label) => [
        label,
        true,
      ]),
    ),
  },
};
