/** Says something to the person who runs the tests: where the logs are, how long something took. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
