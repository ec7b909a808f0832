import { vi } from "vitest";
import { runCommandLine } from "../../cli/src/commands/program.js";
import { fail } from "../../cli/src/fail.js";

/** How a command ended, and what it printed. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `isoloss` in this process, with its sources as they are: some hundred times cheaper than a process. Runs go in this
 * thread. What depends on the process, such as signals and worker threads, is tested with the built command line.
 *
 * @param cwd where it runs; one command at a time
 */
export async function inProcess(args: readonly string[], cwd: string): Promise<Outcome> {
  const text = { stdout: "", stderr: "" };
  const catching = (name: "stdout" | "stderr") =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      text[name] += String(chunk);
      return true;
    });
  const [before, exitCode] = [process.cwd(), process.exitCode];
  const spies = [catching("stdout"), catching("stderr")];
  process.exitCode = undefined;
  process.chdir(cwd);
  try {
    await runCommandLine(args, { version: "0.0.0" }).catch(fail);
    return { status: Number(process.exitCode ?? 0), ...text };
  } finally {
    process.chdir(before);
    process.exitCode = exitCode;
    for (const spy of spies) spy.mockRestore();
  }
}
