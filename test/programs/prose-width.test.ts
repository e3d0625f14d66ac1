import { expect, test } from 'vitest';
import { WIDTH, wideLines } from '../../tools/prose-width.ts';

const words = 'word '.repeat(30).trim();
const link = `https://example.org/${'x'.repeat(WIDTH)}`;

test.each([
  ['a.ts', `/** ${words} */`],
  ['a.ts', ` * ${words}`],
  ['a.ts', `  // ${words}`],
  ['a.ts', `const a = 1; // ${words}`],
  ['a.sh', `# ${words}`],
  ['.ci/run', `# ${words}`],
  ['a.yaml', `a: true # ${words}`],
  ['a.md', words],
  ['a.md', `- ${words}`],
  ['a.md', `> ${words}`],
  ['a.md', `see [the page](${link}) for more`],
])('in %s this is too wide: %s', (file, line) => {
  expect(wideLines(file, `first\n${line}\nlast`)).toEqual([2]);
});

test.each([
  ['a.ts', `const a = '${words}';`],
  ['a.ts', `const a = 'see // ${words}';`],
  ['a.ts', `/** ${link} */`],
  ['a.ts', `// oxlint-disable-next-line ${words}`],
  ['a.ts', `// ${'w'.repeat(WIDTH - 3)}`],
  ['a.sh', `echo ${words}`],
  ['a.yaml', `description: ${words}`],
  ['a.md', `| ${words} |`],
  ['a.md', `# ${words}`],
  ['a.md', `[name]: ${link}`],
  ['a.md', `- ${link}`],
  ['a.md', 'é'.repeat(60) + ' '.repeat(2) + '🙂'.repeat(WIDTH - 62)],
])('in %s this may be so wide: %s', (file, line) => {
  expect(wideLines(file, `first\n${line}\nlast`)).toEqual([]);
});

test('in Markdown what is between fences is code, and what follows them is prose again', () => {
  expect(wideLines('a.md', ['```sh', words, '```', words].join('\n'))).toEqual([4]);
});
