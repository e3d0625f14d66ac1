import type { AgentNode } from './agent-node.ts';

/** Cost of an idle agent. */
export interface Cost {
  readonly residentMib: number;
  readonly peakMib: number;
  /** CPU time in percent of a core. */
  readonly cpuPercent: number;
  readonly lvmCommands: number;
}

/** Measures the agent over `seconds`. */
export async function costOf({ vm }: AgentNode, seconds: number, signal: AbortSignal): Promise<Cost> {
  const before = await readAgent(vm, signal);
  await vm.must(`sleep ${seconds}`, signal, { timeoutMs: seconds * 1000 + 30_000 });
  const after = await readAgent(vm, signal);
  return {
    residentMib: Math.round(after.residentKib / 1024),
    peakMib: Math.round(after.peakKib / 1024),
    // A tick is a hundredth of a second.
    cpuPercent: Math.round((100 * (after.cpuTicks - before.cpuTicks)) / seconds) / 100,
    lvmCommands: after.commands - before.commands,
  };
}

/**
 * /proc/PID/status and stat (proc(5)), and the agent's own count of the commands it ran. A caller that ends its half of
 * the connection at once gets no answer at times.
 */
export async function readAgent(vm: AgentNode['vm'], signal: AbortSignal) {
  const script = `pid=$(< /run/agent.pid)
    awk '/^VmRSS|^VmHWM/ { print $2 }' /proc/$pid/status
    awk '{ print $14 + $15 }' /proc/$pid/stat
    printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | socat -,ignoreeof UNIX-CONNECT:/run/agent/metrics.sock |
      awk '/^open_local_agent_lvm_command_seconds_count/ { n += $2 } END { if (NR < 10) exit 1; print n + 0 }'`;
  const [peakKib = 0, residentKib = 0, cpuTicks = 0, commands = 0] = (await vm.must(script, signal))
    .split('\n')
    .map(Number);
  return { peakKib, residentKib, cpuTicks, commands };
}
