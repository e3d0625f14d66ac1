import { present } from '../src/model/present.ts';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { run } from '../src/exec/run.ts';
import { Fault, textOf } from '../src/model/fault.ts';
import type { SandboxConfig } from './config.ts';
import { assertRealDisksPossible } from './cluster/loops.ts';
import type { SandboxReport, StepReport } from './story/sandbox-report.ts';
import { runSession, type Session } from './session.ts';
import { parseStory } from './story/story.ts';

export interface SandboxEnvironment extends Pick<Session, 'root' | 'beside'> {
  /** Takes the lines for the person or program that started it. */
  readonly write: (line: string) => void;
}

/**
 * Starts a cluster, plays the story, reports the outcome and ends everything. Throws Fault when the story cannot be
 * read or the machine lacks something; later failures are in the report.
 */
export async function runSandbox(
  config: SandboxConfig,
  { root, beside, write }: SandboxEnvironment,
  signal: AbortSignal,
): Promise<SandboxReport> {
  const startedAt = performance.now();
  const storyFile = path.resolve(config.story ?? path.join(root, 'examples/demo.yaml'));
  const story = parseStory(await readStory(storyFile));
  if (config.lvm === 'real') await assertRealDisksPossible(run, signal);
  const logDirectory = await logDirectoryFor(config);
  const steps: StepReport[] = [];
  const error = await failureOf(
    runSession(
      {
        config,
        root,
        story,
        logDirectory,
        beside,
        storyDirectory: path.dirname(storyFile),
        write: config.json ? () => {} : write,
        onStep: (step) => steps.push(step),
      },
      signal,
    ),
    signal,
  );
  const ok = error === undefined && steps.length === story.steps.length && steps.every((step) => step.ok);
  const keepsLogs = !ok || config['log-dir'] !== undefined;
  if (!keepsLogs) await rm(logDirectory, { recursive: true, force: true });
  const report: SandboxReport = {
    ok,
    lvm: config.lvm,
    ms: Math.round(performance.now() - startedAt),
    steps,
    ...present({ error }),
    ...(keepsLogs ? { logs: logDirectory } : {}),
  };
  (config.json ? [JSON.stringify(report, undefined, 2)] : describeEnd(report)).forEach((line) => write(line));
  return report;
}

async function readStory(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Fault('invalid', `--story: ${file} cannot be read: ${textOf(error)}`, { cause: error });
  }
}

async function logDirectoryFor(config: SandboxConfig): Promise<string> {
  const wanted = config['log-dir'];
  if (wanted === undefined) return mkdtemp(path.join(os.tmpdir(), 'open-local-logs-'));
  await mkdir(wanted, { recursive: true });
  return path.resolve(wanted);
}

/** Waits for the session; returns why it failed, in words, or undefined. */
async function failureOf(session: Promise<void>, signal: AbortSignal): Promise<string | undefined> {
  try {
    await session;
    return undefined;
  } catch (error) {
    return signal.aborted ? 'interrupted' : textOf(error);
  }
}

function describeEnd({ ok, ms, steps, error, logs }: SandboxReport): string[] {
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (ok) return [`All ${steps.length} steps ended as they should, in ${seconds}.`];
  const why = error ?? `step ${steps.length} did not end as it should`;
  return [`The story ended early, after ${seconds}: ${why}`, `The logs of operator and agents are in ${logs ?? '?'}`];
}
