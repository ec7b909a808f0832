import { describe, expect, it } from "vitest";
import {
  CallError,
  createClient,
  Superseded,
  WorkerEnded,
  type WorkerLike,
} from "../../src/worker/client.js";
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
  });

  it("ends a worker that does not listen when all is stopped, and starts another with the next call", async () => {
    const workers: ReturnType<typeof fakeWorker>[] = [];
    const client = createClient(() => {
      workers.push(fakeWorker({ echo: (x: number) => x, hang: () => new Promise(() => {}) }));
      return workers[workers.length - 1];
    });
    const [hanging, waiting] = [client.ask("hang", null), client.ask("hang", null)];
    client.stop();
    await expect(hanging).rejects.toThrow(WorkerEnded);
    await expect(waiting).rejects.toThrow("It was stopped.");
    expect([workers[0].isEnded, await client.ask("echo", 7), workers.length]).toEqual([true, 7, 2]);
  });

  it("computes in another worker what was asked for since a worker that does not listen was stopped", async () => {
    const workers: ReturnType<typeof fakeWorker>[] = [];
    const client = createClient(() => {
      const isDeaf = workers.length === 0;
      workers.push(fakeWorker({ echo: (x: number) => (isDeaf ? new Promise(() => {}) : x) }));
      return workers[workers.length - 1];
    });
    const stopped = client.ask("echo", 1);
    client.stop();
    const sameKey = client.ask<number>("echo", 2);
    const otherKey = client.ask<number>("echo", 3, { key: "other" });
    const newest = client.ask<number>("echo", 4, { key: "other" });
    await expect(stopped).rejects.toThrow(WorkerEnded);
    expect([await sameKey, await otherKey, await newest, workers.length]).toEqual([2, 3, 4, 2]);
  });

  it("ends the worker of a screen that was left, after a while in which nobody came back and it had nothing to do", async () => {
    const made: ReturnType<typeof fakeWorker>[] = [];
    let release: () => void = () => {};
    const create = () => {
      const worker = fakeWorker({
        double: (x: number) => 2 * x,
        wait: () => new Promise<void>((resolve) => (release = resolve)),
      });
      made.push(worker);
      return worker;
    };
    const client = createClient(create, () => {}, 20);
    const pass = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const long = client.ask("wait", null);
    client.rest(true);
    await pass(50);
    expect(made[0].isEnded).toBe(false);
    release();
    await long;
    client.rest(false);
    await pass(50);
    expect([made[0].isEnded, await client.ask("double", 21)]).toEqual([false, 42]);
    client.rest(true);
    await pass(50);
    expect([made[0].isEnded, await client.ask("double", 4), made.length]).toEqual([true, 8, 2]);
  });
});
