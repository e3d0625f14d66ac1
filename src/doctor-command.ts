import type { Command } from './command-line.ts';
import { connect } from './connect.ts';
import { optionalText, text, toggle } from './daemon/flag-types.ts';
import { describeFlags, parseFlags } from './daemon/flags.ts';
import { diagnose } from './doctor/doctor.ts';
import { readCluster } from './doctor/read-cluster.ts';
import { createServerClock } from './doctor/server-clock.ts';
import { asJson, asText, exitCode } from './doctor/tell.ts';
import { ApiError } from './kube/errors.ts';
import { VERSION } from './version.ts';

const FLAGS = {
  kubeconfig: optionalText({
    placeholder: 'FILE',
    doc: "How to reach the API server; without it by the files in KUBECONFIG, else the pod's service account, else ~/.kube/config.",
  }),
  context: optionalText({ placeholder: 'NAME', doc: 'The context of the kubeconfig; without it its current one.' }),
  namespace: text({ placeholder: 'NAME', default: 'open-local', doc: 'Where open-local is installed.' }),
  json: toggle({ default: false, doc: 'Tell everything as one JSON document.' }),
};

const HELP = `open-local doctor: what is wrong with an installation, why it matters and what mends it. It changes nothing.

Exit code: 0 healthy, 1 something was found, 2 it could not look, or not at everything. Each finding is explained in
docs/doctor.md.

`;

/** Of what could not be looked at. */
const UNSEEN = 2;

/** `open-local doctor`, and `kubectl open-local doctor`. */
export const doctorCommand: Command = {
  help: () => `${HELP}${describeFlags(FLAGS)}\n`,
  prepare: async (args, env) => {
    const { namespace, json, ...access } = parseFlags(FLAGS, args, env);
    const clock = createServerClock(Date.now);
    const client = await connect('doctor', access, env, { onAnswer: clock.heard });
    return async (signal) => {
      try {
        const facts = await readCluster(client, { version: VERSION, namespace, now: clock.now }, signal);
        const findings = diagnose(facts);
        process.stdout.write(json ? asJson(facts, findings) : asText(facts, findings));
        return exitCode(facts, findings);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        process.stderr.write(`open-local doctor: the cluster cannot be looked at: ${error.message}\n`);
        return UNSEEN;
      } finally {
        client.close();
      }
    };
  },
};
