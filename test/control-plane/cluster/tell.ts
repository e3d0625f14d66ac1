/** Tells the person who runs the tests something, such as where the logs are, or how long something took. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
