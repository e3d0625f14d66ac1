import { expect, test } from 'vitest';
import {
  bygone,
  choice,
  custom,
  duration,
  endpoint,
  list,
  optionalText,
  text,
  toggle,
  wholeNumber,
} from './flag-types.ts';
import { asksForHelp, BadFlags, bygoneIn, describeFlags, parseCommandLine, parseFlags } from './flags.ts';

const FLAGS = {
  kubeconfig: optionalText({ doc: 'How to reach the API server.', placeholder: 'FILE' }),
  'node-name': text({ doc: 'The node.', placeholder: 'NAME', env: 'NODE_NAME', aliases: ['nodename'] }),
  'leader-election': toggle({ doc: 'Only one replica serves.', default: true }),
  strategy: choice(['binpack', 'spread'], {
    ...{ doc: 'Which node.', default: 'binpack', aliases: ['scheduler-strategy'], short: 's' },
  }),
  'wait-ms': wholeNumber({ doc: 'Wait.', placeholder: 'MS', default: 30, min: 0, max: 1000 }),
  ttl: duration({ doc: 'Life of a hold.', default: '5m' }),
  clients: list({ doc: 'Who may call.', placeholder: 'NAME,…' }),
  listen: endpoint({ doc: 'Where.', default: '127.0.0.1:23000' }),
  even: custom({ doc: 'An even number.', placeholder: 'N', default: '2', parse: Number }),
};

const parse = (args: readonly string[], env = {}) => parseFlags(FLAGS, ['--node-name=n', ...args], env);

function problemsOf(args: readonly string[], env = {}): readonly string[] {
  try {
    parseFlags(FLAGS, args, env);
  } catch (error) {
    if (error instanceof BadFlags) return error.problems;
    throw error;
  }
  return [];
}

test('defaults hold until a flag says otherwise', () => {
  expect(parse([])).toEqual({
    kubeconfig: undefined,
    'node-name': 'n',
    'leader-election': true,
    strategy: 'binpack',
    'wait-ms': 30,
    ttl: 300_000,
    clients: [],
    listen: { kind: 'tcp', host: '127.0.0.1', port: 23_000 },
    even: 2,
  });
});

test.each([
  [['--strategy', 'spread'], 'strategy', 'spread'],
  [['--strategy=spread'], 'strategy', 'spread'],
  [['--scheduler_strategy=spread'], 'strategy', 'spread'],
  [['-s', 'spread'], 'strategy', 'spread'],
  [['-s=spread'], 'strategy', 'spread'],
  [['-sspread'], 'strategy', 'spread'],
  [['--strategy=spread', '--strategy=binpack'], 'strategy', 'binpack'],
  [['--no-leader-election'], 'leader-election', false],
  [['--leader_election=false'], 'leader-election', false],
  [['--leader-election'], 'leader-election', true],
  [['--kubeconfig=a_b=c'], 'kubeconfig', 'a_b=c'],
  [['--wait-ms', '0'], 'wait-ms', 0],
  [['--ttl=500ms'], 'ttl', 500],
  [['--ttl=2'], 'ttl', 2000],
  [['--clients=a, b,'], 'clients', ['a', 'b']],
  [['--listen=none'], 'listen', undefined],
  [['--listen=unix:///run/x.sock'], 'listen', { kind: 'unix', path: '/run/x.sock' }],
] as const)('%j sets %s', (args, name, value) => {
  expect(parse(args)[name]).toEqual(value);
});

test.each([
  [['--verbose'], 'unknown flag --verbose: see --help'],
  [['--startegy=spread'], 'unknown flag --startegy: did you mean --strategy?'],
  [['-q'], 'unknown flag -q: see --help'],
  [['-s'], '--strategy: needs a value: -s=binpack|spread'],
  [['--no-strategy'], 'unknown flag --no-strategy: see --help'],
  [['--no-leader-election=true'], '--leader-election: --no-leader-election takes no value'],
  [['--leader-election=yes'], '--leader-election: "yes" must be true or false'],
  [['spread'], 'unexpected argument "spread": flags begin with --'],
  [['--kubeconfig'], '--kubeconfig: needs a value: --kubeconfig=FILE'],
  [['--kubeconfig', '--strategy=spread'], '--kubeconfig: needs a value: --kubeconfig=FILE'],
  [['--kubeconfig='], '--kubeconfig: must not be empty'],
  [['--strategy=wide'], '--strategy: "wide" is unknown: use binpack or spread'],
  [['--wait-ms=1001'], '--wait-ms: "1001" must be a whole number from 0 to 1000'],
  [['--wait-ms=-1'], '--wait-ms: "-1" must be a whole number from 0 to 1000'],
  [['--ttl=soon'], '--ttl: "soon" must be a length of time such as 500ms, 90s or 5m, at most 168h'],
  [['--listen=here'], '--listen: "here" is not an address: use HOST:PORT or unix:///PATH'],
])('%j is refused', (args, problem) => {
  expect(problemsOf(['--node-name=n', ...args])).toEqual([problem]);
});

test('every problem is told at once', () => {
  expect(problemsOf(['--wait-ms=x', '--strategy=y', '--nope'])).toHaveLength(4); // and --node-name is missing
});

test('arguments stand anywhere among the flags, and are judged with them', () => {
  const flags = { n: wholeNumber({ doc: '', placeholder: 'N', default: 1, min: 0, max: 9 }) };
  const judge = (words: readonly string[]) => (words.length > 2 ? ['too many'] : []);
  const read = (...args: string[]) => parseCommandLine(flags, args, {}, judge);
  expect(read('pod', '--n=2', 'web')).toEqual({ values: { n: 2 }, words: ['pod', 'web'] });
  expect(read('pod', '--', '--n=2')).toEqual({ values: { n: 1 }, words: ['pod', '--n=2'] });
  expect(() => read('a', 'b', 'c', '--n=x')).toThrow(/^too many\n--n: "x" must be/);
});

test('the environment fills in, is named when it is wrong, and loses to the flag', () => {
  const flags = { n: wholeNumber({ doc: '', placeholder: 'N', default: 1, min: 0, max: 9, env: 'N' }) };
  expect(parseFlags(flags, [], { N: '5' })).toEqual({ n: 5 });
  expect(parseFlags(flags, ['--n=6'], { N: '5' })).toEqual({ n: 6 });
  expect(parseFlags(flags, ['--n=6'], { N: 'x' })).toEqual({ n: 6 });
  expect(() => parseFlags(flags, [], { N: 'x' })).toThrow('N: "x" must be a whole number');
  expect(problemsOf([])).toEqual(['--node-name: is required (or NODE_NAME in the environment)']);
});

test('the help names every flag, its alias, default and meaning', () => {
  const help = describeFlags(FLAGS);
  for (const [name, { doc }] of Object.entries(FLAGS)) {
    expect(help).toContain(name);
    expect(help).toContain(doc);
  }
  expect(help).toContain('-s binpack|spread, --strategy=binpack|spread, --scheduler-strategy=binpack|spread');
  expect(help).toContain('[default: 127.0.0.1:23000]');
  expect(help).toContain('--[no-]leader-election');
  expect(help).toContain('(or NODE_NAME)');
});

test.each([
  [['--help'], true],
  [['--x', '-h'], true],
  [['--', '--help'], false],
  [[], false],
])('%j asks for help: %s', (args, wanted) => {
  expect(asksForHelp(args)).toBe(wanted);
});

test('a flag that has no meaning here is accepted, told, and in no help text', () => {
  const old = { ...FLAGS, lvmdPort: bygone('nothing listens'), spdk: bygone('there is none', { toggle: true }) };
  const args = ['--node-name=n', '--lvmdPort', '1736', '--spdk', '--ttl=1m'];
  expect(parseFlags(old, args, {})).toMatchObject({ 'node-name': 'n', ttl: 60_000 });
  expect(bygoneIn(old, args)).toEqual([
    '--lvmdPort has no meaning here: nothing listens',
    '--spdk has no meaning here: there is none',
  ]);
  expect(bygoneIn(old, ['--node-name=n'])).toEqual([]);
  expect(describeFlags(old)).toBe(describeFlags(FLAGS));
});
