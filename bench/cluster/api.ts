import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import http from 'node:http';
import path from 'node:path';

/** Deletes all objects at the path, such as `/api/v1/persistentvolumes`, with one request. */
export async function deleteAll(cluster: { readonly dir: string; readonly server: string }, at: string): Promise<void> {
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'admin.crt', 'admin.key'].map((file) => readFile(path.join(cluster.dir, file))),
  );
  const url = `${cluster.server}${at}?gracePeriodSeconds=0`;
  const { status, text } = await answerOf(https.request(url, { method: 'DELETE', ca, cert, key, agent: false }));
  if (status !== 200) throw new Error(`DELETE ${at}: ${status} ${text.slice(0, 300)}`);
}

/** Fetches the text at a URL of this machine, with any certificate. Throws when the status is not 200. */
export async function textAt(url: string): Promise<string> {
  const request = url.startsWith('https:')
    ? https.request(url, { rejectUnauthorized: false, agent: false })
    : http.request(url, { agent: false });
  const { status, text } = await answerOf(request);
  if (status !== 200) throw new Error(`${url}: ${status} ${text.slice(0, 300)}`);
  return text;
}

async function answerOf(request: http.ClientRequest): Promise<{ readonly status: number; readonly text: string }> {
  request.end();
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}
