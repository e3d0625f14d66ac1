import { MARK } from './old-node.ts';
import type { VolumesOn } from './volumes-on.ts';

/** Processes that use volumes as pods do: each by a folder that it keeps open. All run until they are told to end. */
export interface VolumeUsers {
  /** Starts a process in the folder of each of these volumes, and one that writes to `written`. */
  start(): Promise<void>;
  /** What each sees in its volume. Throws when one has ended. */
  see(): Promise<string>;
  /** Throws unless the writer goes on. */
  writesOn(): Promise<void>;
  /** Ends them. Throws unless every line that was written is there; resolves to their number. */
  end(): Promise<number>;
}

/** `written` and `read` are paths at which pods have volumes. */
export function volumeUsers(on: VolumesOn, written: string, read: readonly string[]): VolumeUsers {
  const log = `${written}/log`;
  const pids = read.map((_, at) => `/run/user-${at}.pid`);
  return {
    start: async () => {
      const inFolder = read.map(
        (target, at) => `(cd ${target} && exec sleep infinity < /dev/null &> /dev/null) & echo $! > ${pids[at]}`,
      );
      await on.bash(`${inFolder.join('\n')}
        (set -e; n=0; until [ -e /run/stop ]; do echo "$n ${MARK}" >> ${log}; n=$((n + 1)); sleep 0.1; done
          touch /run/stopped) < /dev/null > /run/writer.log 2>&1 &
        until [ -s ${log} ]; do sleep 0.1; done`);
    },
    see: () => on.bash(pids.map((pid) => `cat /proc/"$(< ${pid})"/cwd/file`).join(' && ')),
    writesOn: async () => {
      await on.bash(`before=$(wc -l < ${log}); until [ "$(wc -l < ${log})" -gt "$before" ]; do sleep 0.1; done`);
    },
    end: async () =>
      Number(
        await on.bash(`set -e
          kill $(cat ${pids.join(' ')}); touch /run/stop; until [ -e /run/stopped ]; do sleep 0.1; done
          cat /run/writer.log >&2; n=$(wc -l < ${log})
          seq 0 $((n - 1)) | sed 's/$/ ${MARK}/' | cmp - ${log} >&2
          echo "$n"`),
      ),
  };
}
