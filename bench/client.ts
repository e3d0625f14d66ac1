import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * A kept-alive connection that makes one call after another, as Go's client does, at the least cost to the measurement.
 */
export interface Client {
  /**
   * Makes a call: milliseconds from the first byte sent to the last received, and the reply's body, valid until the
   * next call.
   */
  send(request: Buffer): Promise<{ readonly ms: number; readonly body: Buffer }>;
  close(): void;
}

const HEAD_END = '\r\n\r\n';

/** Makes a whole HTTP request with the headers of kube-scheduler's client. */
export function requestOf(path: string, body: readonly (string | Uint8Array)[]): Buffer {
  const parts = body.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'User-Agent: Go-http-client/1.1',
    `Content-Length: ${length}`,
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n') + HEAD_END), ...parts]);
}

/** Connects to a server on loopback. */
export async function createClient(port: number): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  let received = Buffer.allocUnsafeSlow(64 * 1024);
  let length = 0;
  let headLength = 0;
  let expected = 0;
  let done: (() => void) | undefined;

  const readHead = (): void => {
    const end = received.subarray(0, length).indexOf(HEAD_END);
    if (end < 0) return;
    const head = received.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`unexpected answer: ${head}`);
    headLength = end + HEAD_END.length;
    expected = headLength + Number(/content-length: (\d+)/i.exec(head)?.[1]);
  };
  socket.on('data', (chunk: Buffer) => {
    if (length + chunk.length > received.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (length + chunk.length));
      received.copy(larger, 0, 0, length);
      received = larger;
    }
    chunk.copy(received, length);
    length += chunk.length;
    if (expected === 0) readHead();
    if (expected > 0 && length >= expected) done?.();
  });

  return {
    send: (request) => {
      length = 0;
      expected = 0;
      return new Promise((resolve, reject) => {
        const started = performance.now();
        done = () => {
          const ms = performance.now() - started;
          socket.off('error', reject);
          resolve({ ms, body: received.subarray(headLength, expected) });
        };
        socket.once('error', reject);
        socket.write(request);
      });
    },
    close: () => socket.destroy(),
  };
}
