// oxlint-disable vitest/no-standalone-expect -- the test is testOn's, which the rule does not know
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { testOn } from '../../test/machine.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const bin = path.join(root, 'node_modules', '.bin');

function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return Object.fromEntries(names.toSorted().map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}

testOn('buf')('the generated code is what the .proto files say now', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'open-local-proto-'));
  try {
    for (const name of ['buf.yaml', 'buf.gen.yaml']) cpSync(path.join(root, name), path.join(folder, name));
    cpSync(import.meta.dirname, path.join(folder, 'src', 'csi'), {
      recursive: true,
      filter: (source) => !source.endsWith('.ts'),
    });
    execFileSync(path.join(bin, 'buf'), ['generate'], {
      cwd: folder,
      env: { PATH: `${bin}:${process.env['PATH']}`, HOME: folder },
    });
    expect(filesOf(path.join(folder, 'src', 'csi', 'gen'))).toEqual(filesOf(path.join(import.meta.dirname, 'gen')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
