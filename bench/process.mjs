// A process that measures: it is asked for one measurement a line, and answers in one line of JSON.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a process; `ask(question)` resolves to its answer, and throws where that has an `error`. */
export function startProcess(command, args, name) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended before it answered ${JSON.stringify(question)}.`);
      const answer = JSON.parse(value);
      if (answer.error) throw new Error(`${name}, ${JSON.stringify(question)}: ${answer.error}`);
      return answer;
    },
    stop: () => child.kill(),
  };
}
