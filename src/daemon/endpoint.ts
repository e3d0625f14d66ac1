import { isIPv4 } from 'node:net';
import { Fault } from '../model/fault.ts';

/** Where a server of ours listens: a unix socket, or a TCP address whose port 0 means any free one. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** sun_path holds 108 bytes with its terminating zero (unix(7)); Node would cut a longer path silently. */
const MAX_SOCKET_PATH = 107;

/**
 * Reads `unix:///path`, `host:port`, `[::1]:port` or `:port` (every address). Throws Fault `invalid` that names the
 * text.
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('unix:')) return { kind: 'unix', path: socketPath(text) };
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = digits === '' ? Number.NaN : Number(digits);
  if (port <= 65_535) return { kind: 'tcp', host: bracketed ?? (plain === '' ? '::' : plain), port };
  throw new Fault('invalid', `"${text}" is not an address: use HOST:PORT or unix:///PATH`);
}

function socketPath(text: string): string {
  const path = text.replace(/^unix:(\/\/)?/, '');
  if (!path.startsWith('/') || path.endsWith('/') || path.includes('\0'))
    throw new Fault('invalid', `"${text}" needs an absolute path to a socket: unix:///run/name.sock`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new Fault('invalid', `"${text}" is too long: a socket's path has at most ${MAX_SOCKET_PATH} bytes`);
  return path;
}

/** The text that `parseEndpoint` reads as the same endpoint. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix://${endpoint.path}`;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** Whether other machines may reach it. */
export const isReachable = (endpoint: Endpoint): boolean => endpoint.kind === 'tcp' && !isLoopback(endpoint.host);

/** 127.0.0.0/8 (RFC 1122), ::1, and the name that means them. Any other name may resolve to anything. */
function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^::ffff:/, '');
  return plain === 'localhost' || plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}
