import { expect, test } from 'vitest';
import { LUKS_HEADER } from '../model/encryption.ts';
import { luksFormat } from './argv.ts';

test('the data of a volume begins behind the header that is counted for it, told in sectors of 512 bytes', () => {
  const argv = luksFormat('/dev/pool/v1', { uuid: 'u', label: 'l', sectorSize: 512 });
  expect(Number(argv[argv.indexOf('--offset') + 1]) * 512).toBe(LUKS_HEADER);
});
