// The worker's side: calls run one after another.
import { type Answer, type Ask, type CallContext, type Handlers, Moved } from "./protocol.js";

/** What this side needs of a worker's global scope. */
export interface Port {
  postMessage(answer: Answer, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<Ask>) => void) | null;
}

/** Answers calls on a port. */
export function serve(port: Port, handlers: Handlers): void {
  const stopped = new Set<number>();
  const takers = new Map<number, () => void>();
  let last: Promise<unknown> = Promise.resolve();

  const post = (kind: "part" | "value", id: number, given: unknown) => {
    const { value, transfer } = given instanceof Moved ? given : { value: given, transfer: [] };
    port.postMessage(kind === "part" ? { kind, id, part: value } : { kind, id, value }, transfer);
  };
  const run = async ({ id, call, args }: Extract<Ask, { kind: "call" }>): Promise<void> => {
    const context: CallContext = {
      async send(part) {
        post("part", id, part);
        if (!stopped.has(id)) await new Promise<void>((resolve) => takers.set(id, resolve));
      },
      async isStopped() {
        await turn();
        return stopped.has(id);
      },
    };
    try {
      const handler = Object.hasOwn(handlers, call) ? handlers[call] : undefined;
      if (handler === undefined) throw new Error(`The worker has no call "${call}".`);
      post("value", id, await handler(args as never, context));
    } catch (cause) {
      const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
      port.postMessage({ kind: "error", id, error: { name, message } }, []);
    }
    stopped.delete(id);
    takers.delete(id);
  };
  port.onmessage = ({ data }) => {
    if (data.kind === "call") {
      last = last.then(() => run(data));
      return;
    }
    if (data.kind === "stop") stopped.add(data.id);
    takers.get(data.id)?.();
    takers.delete(data.id);
  };
}

/** A turn of the event loop, without the 4 ms that timers take. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
