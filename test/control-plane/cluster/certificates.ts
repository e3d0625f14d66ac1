import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes a test CA in `dir` (ca.crt, ca.key), and the key that signs service account tokens (sa.key). */
export async function makeAuthority(dir: string): Promise<void> {
  const rsa = ['-newkey', 'rsa:2048', '-nodes'];
  await run(
    'openssl',
    ['req', '-x509', ...rsa, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test-ca'],
    {
      cwd: dir,
    },
  );
  await run('openssl', ['genrsa', '-out', 'sa.key', '2048'], { cwd: dir });
}

/**
 * Signs `<name>.crt` and `<name>.key` in `dir` for `subject`, such as `/O=system:masters/CN=admin`, valid as a server
 * on loopback too.
 */
export async function makeCertificate(dir: string, name: string, subject: string): Promise<void> {
  const extensions = path.join(dir, `${name}.ext`);
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc,IP:10.96.0.1\n');
  const request = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject];
  await run('openssl', ['req', ...request], { cwd: dir });
  const signed = ['-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`];
  await run('openssl', ['x509', '-req', ...signed, '-days', '2', '-extfile', extensions], { cwd: dir });
}

/** Writes `<name>.kubeconfig` in `dir` for the certificate of that name, and returns its path. */
export async function writeKubeconfig(dir: string, name: string, server: string): Promise<string> {
  const file = path.join(dir, `${name}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority': path.join(dir, 'ca.crt') } }],
    users: [
      {
        name: 'u',
        user: { 'client-certificate': path.join(dir, `${name}.crt`), 'client-key': path.join(dir, `${name}.key`) },
      },
    ],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}
