import { present } from '../../model/present.ts';
import type { Run } from '../../exec/run.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { Identity } from './access.ts';
import type { Clock } from '../../wait/clock.ts';
import { orAborted } from '../../wait/abort.ts';

/** A program that prints our credentials: `users[].user.exec` of a kubeconfig. */
export interface ExecPlugin {
  /** client.authentication.k8s.io/v1 or /v1beta1; the program must answer in the same. */
  readonly apiVersion: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Told to the program when it asked to know the cluster. */
  readonly cluster?: unknown;
  readonly installHint?: string | undefined;
  /** Where the program was named, for messages. */
  readonly field: string;
}

export interface ExecCredential {
  current(signal: AbortSignal): Promise<Identity>;
  refused(identity: Identity): void;
}

interface Credential {
  readonly identity: Identity;
  /** Calendar ms; Infinity when the program did not say. */
  readonly expiresAt: number;
}

const TIMEOUT_MS = 60_000;
/** A credential that ends so soon is not used for a new call. */
const LEEWAY_MS = 10_000;

/**
 * Runs the plug-in when there is no credential yet, the last one ends, or the server refused it; calls at the same time
 * share one run. `current` throws Fault `unavailable` when the program fails or prints something else than an
 * ExecCredential. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
export function createExecCredential(plugin: ExecPlugin, run: Run, clock: Clock): ExecCredential {
  let credential: Credential | undefined;
  let underWay: { readonly done: Promise<Credential>; readonly signal: AbortSignal } | undefined;

  const fetch = (signal: AbortSignal): Promise<Credential> => {
    const done = runPlugin(plugin, run, signal)
      .then((fetched) => (credential = fetched))
      .finally(() => (underWay = undefined));
    underWay = { done, signal };
    return done;
  };

  return {
    current: async (signal) => {
      for (;;) {
        signal.throwIfAborted();
        if (credential && credential.expiresAt - LEEWAY_MS > clock.date().getTime()) return credential.identity;
        if (!underWay) return (await fetch(signal)).identity;
        const { done, signal: theirs } = underWay;
        try {
          return (await orAborted(done, signal)).identity;
        } catch (error) {
          // The caller who started this run gave up, which says nothing about the program: run it again.
          if (!theirs.aborted) throw error;
        }
      }
    },
    refused: (identity) => {
      const current = credential?.identity;
      // Of many calls that were refused together only the first may drop what the plug-in gave.
      if (current?.token === identity.token && current?.cert === identity.cert) credential = undefined;
    },
  };
}

async function runPlugin(plugin: ExecPlugin, run: Run, signal: AbortSignal): Promise<Credential> {
  const { apiVersion, field, installHint } = plugin;
  const info = {
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...present({ cluster: plugin.cluster }) },
  };
  const env = { ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  try {
    const { stdout } = await run(plugin.argv, { timeoutMs: TIMEOUT_MS, env }, signal);
    return parseExecCredential(stdout, apiVersion);
  } catch (error) {
    signal.throwIfAborted();
    const hint = installHint === undefined ? '' : ` (${installHint.trim()})`;
    throw new Fault('unavailable', `${field}: ${textOf(error)}${hint}`, { cause: error });
  }
}

/**
 * Reads what the program printed; throws Error with what is wrong in it, never with the text itself, which may hold a
 * secret.
 */
function parseExecCredential(stdout: string, apiVersion: string): Credential {
  const answer = parseJson(stdout);
  if (answer.kind !== 'ExecCredential') throw new Error('the program printed no ExecCredential');
  if (answer.apiVersion !== apiVersion) {
    throw new Error(`the program answered in ${String(answer.apiVersion)}, the kubeconfig asks for ${apiVersion}`);
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = answer.status ?? {};
  if (!token && !(cert && key)) {
    throw new Error('the ExecCredential has neither a token nor a client certificate with its key');
  }
  const expiresAt = expirationTimestamp === undefined ? Infinity : Date.parse(expirationTimestamp);
  if (Number.isNaN(expiresAt)) throw new Error(`status.expirationTimestamp is no time: ${expirationTimestamp}`);
  return { identity: { token, cert, key }, expiresAt };
}

interface RawExecCredential {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly status?: {
    readonly token?: string;
    readonly clientCertificateData?: string;
    readonly clientKeyData?: string;
    readonly expirationTimestamp?: string;
  };
}

function parseJson(text: string): RawExecCredential {
  try {
    return (JSON.parse(text) ?? {}) as RawExecCredential;
  } catch {
    throw new Error('the program printed no JSON');
  }
}
