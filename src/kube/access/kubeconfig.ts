import { readFile } from 'node:fs/promises';
import type { Run } from '../../exec/run.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { ClusterAccess, Identity } from './access.ts';
import { systemClock, type Clock } from '../../wait/clock.ts';
import { areOnePair, checkTls } from './check-tls.ts';
import { createExecCredential, type ExecCredential } from './exec-credential.ts';
import { chooseFromKubeconfigs, type KubeconfigChoice, type Source } from './kubeconfig-choice.ts';
import { fileText, inlineText, type TextSource } from './text-source.ts';

export interface KubeconfigOptions {
  /** Runs a credential plug-in. */
  readonly run: Run;
  /** Our environment, which a credential plug-in inherits, as with kubectl. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absent: the current-context of the files. */
  readonly context?: string | undefined;
  readonly clock?: Clock;
}

/**
 * Access as kubeconfig files tell it, merged as kubectl merges them. Everything is looked at now, so that a mistake
 * shows at start: throws Fault `invalid` that names the file and the field. A plug-in is not run before the first call.
 */
export async function loadKubeconfig(
  files: string | readonly string[],
  options: KubeconfigOptions,
): Promise<ClusterAccess> {
  const { run, env = {}, context, clock = systemClock } = options;
  const read = [files].flat().map(async (file) => ({ file, document: await parseYaml(file) }));
  const choice = chooseFromKubeconfigs(await Promise.all(read), context);
  const inherited = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]));
  const plugin = choice.exec && { ...choice.exec, env: { ...inherited, ...choice.exec.env } };
  const exec = plugin && createExecCredential(plugin, run, clock);
  const sources = {
    ca: textSource(choice.ca, clock),
    cert: textSource(choice.cert, clock),
    key: textSource(choice.key, clock),
    token: textSource(choice.token, clock),
  };
  checkTls(choice, await readAll(sources));
  return accessOf(choice, sources, exec);
}

async function parseYaml(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Fault('invalid', `${file}: cannot be read: ${textOf(error)}`, { cause: error });
  }
  try {
    // Loaded here only: in a cluster nobody needs it, and it is paid for on every node.
    const { parse } = await import('yaml');
    // An empty file is an empty kubeconfig, as with kubectl.
    return parse(text) ?? {};
  } catch (error) {
    throw new Fault('invalid', `${file}: is not YAML: ${textOf(error)}`, { cause: error });
  }
}

type Sources = Readonly<Record<'ca' | 'cert' | 'key' | 'token', TextSource | undefined>>;

const textSource = (source: Source | undefined, clock: Clock): TextSource | undefined =>
  source && (source.kind === 'inline' ? inlineText(source.text) : fileText(source.file, source.field, clock));

const readAll = async ({ ca, cert, key, token }: Sources): Promise<Identity> => ({
  ca: await ca?.read(),
  cert: await cert?.read(),
  key: await key?.read(),
  token: await token?.read(),
});

function accessOf(choice: KubeconfigChoice, sources: Sources, exec: ExecCredential | undefined): ClusterAccess {
  const { server, serverName, insecure, namespace, proxy, headers } = choice;
  let pair: Pick<Identity, 'cert' | 'key'> = {};
  /** The certificate with its key. While one of the two files is new and the other old, the last pair that fitted. */
  const fitting = (read: Identity): Identity => {
    const { cert, key } = read;
    if (cert === pair.cert && key === pair.key) return read;
    if (pair.cert === undefined || areOnePair(read)) {
      pair = { cert, key };
      return read;
    }
    sources.cert?.refresh();
    sources.key?.refresh();
    return { ...read, ...pair };
  };
  return {
    server,
    proxy,
    headers,
    serverName,
    insecure,
    namespace,
    identity: async (signal) => ({ ...fitting(await readAll(sources)), ...(await exec?.current(signal)) }),
    refused: (identity) => {
      exec?.refused(identity);
      for (const source of Object.values(sources)) source?.refresh();
    },
  };
}
