import { BlockList, isIP, isIPv4 } from 'node:net';
import { Fault } from '../../model/fault.ts';
import { NO_PROXY_URL, proxyUrl } from './proxy-url.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for a server: HTTPS_PROXY or HTTP_PROXY by the server's scheme, unless NO_PROXY
 * leaves the server out. Nothing leads to this host itself by way of a proxy. As kubectl and other clients written in
 * Go do. Throws Fault `invalid` that names the variable.
 * https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
export function proxyFromEnvironment(server: URL, env: Env): URL | undefined {
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = valueOf(name, env);
  if (text === '' || isThisHost(server) || isLeftOut(server, valueOf('NO_PROXY', env))) return undefined;
  const url = proxyUrl(text.includes('://') ? text : `http://${text}`);
  if (url) return url;
  throw new Fault('invalid', `${name}: ${NO_PROXY_URL}`);
}

const valueOf = (name: string, env: Env): string => env[name] || env[name.toLowerCase()] || '';

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isThisHost(server: URL): boolean {
  const host = hostOf(server);
  return host === 'localhost' || isIn(LOOPBACK, host);
}

const isIn = (list: BlockList, host: string): boolean =>
  isIP(host) !== 0 && list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');

/** Entries: `*`, an address, a range such as 10.0.0.0/8, a domain with what is below it, `.domain` for that alone. */
function isLeftOut(server: URL, noProxy: string): boolean {
  const host = hostOf(server);
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, network = '', prefix = ''] = /^([^/]+)\/(\d+)$/.exec(entry) ?? [];
  if (isIP(network) !== 0) return isInSubnet(host, network, Number(prefix));
  const [, name = entry, wanted = port] = isIP(entry) === 6 ? [] : (/^(.+?)(?::(\d+))?$/.exec(entry) ?? []);
  return wanted === port && isNamed(host, name.replace(/^\[(.*)\]$/, '$1').replace(/^\*\./, '.'));
}

function isNamed(host: string, name: string): boolean {
  if (name.startsWith('.')) return host.endsWith(name);
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function isInSubnet(host: string, network: string, prefix: number): boolean {
  const family = isIPv4(network) ? 'ipv4' : 'ipv6';
  if (prefix > (family === 'ipv4' ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return isIn(list, host);
}
