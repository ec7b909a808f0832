import { describe, expect, it } from "vitest";
import {
  CallError,
  createClient,
  Superseded,
  WorkerEnded,
  type WorkerLike,
} from "../../src/worker/client.js";
import { lasting } from "../../src/worker/lasting.js";
import { type Answer, type Ask, type CallContext, type Handlers, Moved } from "../../src/worker/protocol.js";
import { type Port, serve } from "../../src/worker/serve.js";

/** A worker in this thread: messages take a turn of the event loop, and are copied. */
function fakeWorker(handlers: Handlers): WorkerLike & { readonly asked: Ask[]; isEnded: boolean } {
  const port: Port = {
    onmessage: null,
    postMessage(answer: Answer, transfer: Transferable[]) {
      const data = structuredClone(answer, { transfer });
      setTimeout(() => worker.isEnded || worker.onmessage?.({ data } as MessageEvent<Answer>));
    },
  };
  const worker = {
    asked: [] as Ask[],
    isEnded: false,
    onmessage: null as WorkerLike["onmessage"],
    onerror: null as WorkerLike["onerror"],
    postMessage(ask: Ask) {
      worker.asked.push(ask);
      const data = structuredClone(ask);
      setTimeout(() => port.onmessage?.({ data } as MessageEvent<Ask>));
    },
    terminate() {
      worker.isEnded = true;
    },
  };
  serve(port, handlers);
  return worker;
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve));
};

describe("a worker's client", () => {
  it("gives values, errors by name, and says which call is unknown", async () => {
    const client = createClient(() =>
      fakeWorker({
        double: (x: number) => 2 * x,
        fail: () => {
          throw new RangeError("too far");
        },
      }),
    );
    expect(await client.ask("double", 21)).toBe(42);
    const error = await client.ask("fail", null).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CallError);
    expect(error).toMatchObject({ name: "RangeError", message: "too far" });
    await expect(client.ask("constructor", null)).rejects.toThrow('The worker has no call "constructor".');
  });

  it("moves buffers instead of copying them", async () => {
    const made = new Float64Array([1, 2, 3]);
    const client = createClient(() => fakeWorker({ get: () => new Moved(made, [made.buffer]) }));
    expect(await client.ask("get", null)).toEqual(new Float64Array([1, 2, 3]));
    expect(made).toHaveLength(0);
  });

  it("keeps of the calls of a key the one under way and the newest", async () => {
    const ran: number[] = [];
    const client = createClient(() =>
      fakeWorker({
        run: (x: number) => {
          ran.push(x);
          return x;
        },
      }),
    );
    const calls = [1, 2, 3, 4].map((x) => client.ask<number>("run", x));
    const other = client.ask<number>("run", 5, { key: "other" });
    const ended = await Promise.allSettled(calls);
    expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(ended.flatMap((end) => ("reason" in end ? [end.reason] : []))).toEqual([
      expect.any(Superseded),
      expect.any(Superseded),
    ]);
    expect(await other).toBe(5);
    expect(ran.sort()).toEqual([1, 4, 5]);
  });

  it("lets a long call end early once a newer one waits", async () => {
    let slices = 0;
    const client = createClient(() =>
      fakeWorker({
        async run(most: number, { isStopped }: CallContext) {
          for (let k = 0; k < most; k++) {
            if (await isStopped()) return `stopped`;
            slices++;
          }
          return "done";
        },
      }),
    );
    const long = client.ask<string>("run", 1e6);
    await turns(5);
    const short = client.ask<string>("run", 1);
    expect([await long, await short]).toEqual(["stopped", "done"]);
    expect(slices).toBeLessThan(1e5);
  });

  it("stops a call also while it waits for the one before", async () => {
    const client = createClient(() =>
      fakeWorker({
        async run(name: string, { isStopped }: CallContext) {
          for (let k = 0; k < 50; k++) if (await isStopped()) return `${name} stopped`;
          return `${name} done`;
        },
      }),
    );
    const calls = ["first", "second"].map((name) => client.ask<string>("run", name));
    client.stop("run");
    expect(await Promise.all(calls)).toEqual(["first stopped", "second stopped"]);
  });

  it("sends the next part after the page took the last one", async () => {
    const sent: number[] = [];
    const client = createClient(() =>
      fakeWorker({
        async stream(_: null, { send }: CallContext) {
          for (let k = 0; k < 3; k++) {
            sent.push(k);
            await send(k);
          }
        },
      }),
    );
    const taken: number[] = [];
    let take: () => void = () => {};
    const all = client.ask("stream", null, {
      onPart: (part: number) => {
        taken.push(part);
        return new Promise<void>((resolve) => {
          take = resolve;
        });
      },
    });
    for (const count of [1, 2, 3]) {
      await turns(10);
      expect([sent.length, taken]).toEqual([count, [0, 1, 2].slice(0, count)]);
      take();
    }
    await all;
  });

  it("starts a worker with the first call, and another one when it died", async () => {
    const workers: ReturnType<typeof fakeWorker>[] = [];
    const reasons: unknown[] = [];
    const client = createClient(
      () => {
        workers.push(fakeWorker({ echo: (x: number) => x, hang: () => new Promise(() => {}) }));
        return workers[workers.length - 1];
      },
      (...told) => reasons.push(told),
    );
    expect(workers).toHaveLength(0);
    const [hanging, waiting] = [client.ask("hang", null), client.ask("hang", null)];
    await turns(2);
    workers[0].onerror?.({ message: "out of memory" } as ErrorEvent);
    await expect(hanging).rejects.toThrow(WorkerEnded);
    await expect(waiting).rejects.toThrow("out of memory");
    expect([reasons, workers[0].isEnded]).toEqual([[["out of memory", false]], true]);
    expect(await client.ask("echo", 7)).toBe(7);
    expect(workers).toHaveLength(2);
    workers[1].onerror?.({ message: "" } as ErrorEvent);
    expect(reasons[1]).toEqual(["The worker ended.", true]);
    expect(await client.ask("echo", 8)).toBe(8);
    client.dispose();
    expect(workers[2].isEnded).toBe(true);
  });

  it("leaves its worker to the next client of the screen, for a while", async () => {
    const made: ReturnType<typeof fakeWorker>[] = [];
    const create = lasting(() => {
      const worker = fakeWorker({ double: (x: number) => 2 * x });
      made.push(worker);
      return worker;
    }, 20);
    const first = createClient(create);
    const late = first.ask("double", 1).catch((error: unknown) => error);
    first.dispose();
    expect(await late).toBeInstanceOf(WorkerEnded);
    const second = createClient(create);
    expect(await second.ask("double", 21)).toBe(42);
    second.dispose();
    expect(made).toMatchObject([{ isEnded: false }]);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(made).toMatchObject([{ isEnded: true }]);
    expect(await createClient(create).ask("double", 4)).toBe(8);
    expect(made).toHaveLength(2);
  });
});
