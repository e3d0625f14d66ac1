import { textOf } from '../model/fault.ts';

/** Why it is not well, in a few words; undefined while it is. */
export type Check = () => string | undefined;

/** Named checks, each answered from memory: a probe never waits for the outside world. */
export type Checks = Readonly<Record<string, Check>>;

export interface HealthReport {
  readonly ok: boolean;
  /** One line per check, in the way Kubernetes' own components write it. */
  readonly text: string;
}

/** Runs every check; one that throws has failed. */
export function runChecks(checks: Checks): HealthReport {
  const results = Object.entries(checks).map(([name, check]) => ({ name, problem: problemOf(check) }));
  const ok = results.every(({ problem }) => problem === undefined);
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  return { ok, text: `${[...lines, ok ? 'ok' : 'failed'].join('\n')}\n` };
}

function problemOf(check: Check): string | undefined {
  try {
    return check();
  } catch (error) {
    return textOf(error);
  }
}
