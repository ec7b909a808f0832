import { simplify, spec, type Tensor, trace } from "isoloss";
import { mul, sin } from "isoloss/ops";

/** Processor seconds, of the user and of the system, that something takes. */
export function secondsOf(f: () => unknown): number {
  const start = process.cpuUsage();
  f();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

/** Operations of the reference: about as many nodes as a file may become at most. */
const operations = 50_000;

/** How long this process takes, here and now, for work like a file's: a chain of operations, traced and simplified. */
export const referenceSeconds = (): number =>
  secondsOf(() => {
    const chain = (x: Tensor) => {
      let y = x;
      for (let k = 0; k < operations; k += 2) y = mul(sin(y), x);
      return y;
    };
    return simplify(trace(({ x }) => chain(x), { x: spec([3]) }).graph);
  });
