import { beforeEach, describe, expect, it, vi } from "vitest";

/** What the browser keeps, and whether it has room for more. */
const database = new Map<string, unknown>();
let hasRoom = true;
let forgets = true;
/** What was done, in order. */
const done: string[] = [];
let saved: Blob;

vi.mock("../../src/app/tab.js", () => ({ key: "name", tab: "tab" }));
vi.mock("../../src/app/save.js", () => ({ save: (_: string, file: Blob) => (saved = file) }));
vi.mock("../../src/worker/kept.js", () => ({
  keep: async (key: string, value: unknown) => {
    done.push(`${value === undefined ? "forget" : "keep"} ${key.replace(/^[\d.-]+/, "next")}`);
    if (value === undefined && !forgets) throw new Error("It cannot be opened.");
    if (value === undefined) database.delete(key);
    else if (hasRoom) database.set(key, structuredClone(value));
  },
  kept: async (key: string) => database.get(key),
  keptOf: async (start: string) => new Map([...database].filter(([key]) => key.startsWith(start))),
}));
const { openSession, saveSession } = await import("../../src/app/session.js");
const worker = globalThis as unknown as Record<"onmessage" | "postMessage", (message: unknown) => void>;
const { decoded, encoded } = await import("../../src/app/session-worker.js");
const { onmessage } = worker;
const onRead = () => {
  done.push("read");
};

it("writes what screens keep as JSON, and reads it again", () => {
  const record = {
    source: Uint8Array.of(8, 255),
    name: "model.onnx",
    points: [
      {
        base: { w: { shape: [2], data: Float32Array.of(1.5, Number.NaN) } },
        slides: new Map([[0, 0.5]]),
        params: {},
      },
    ],
    loss: Float64Array.from({ length: 20_000 }, (_, i) => Math.sin(i)),
    heldOut: { step: 3, loss: Number.POSITIVE_INFINITY },
    labels: BigInt64Array.of(-3n),
    list: [1, null, true, [2]],
  };
  expect(decoded(JSON.parse(JSON.stringify(encoded(record))))).toEqual(record);
});

describe("a session as a file", () => {
  const array = { shape: [1000], data: Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i)) };
  const point = (t: number) => ({ base: { w: array }, slides: new Map([[0, t]]), params: { w: array } });
  const model = { source: "mlp", points: Array.from({ length: 8 }, (_, k) => point(k)) };
  const training = { key: "{}", runs: [{ name: "plain", params: [array], loss: Float64Array.of(2, 1) }] };
  const store = new Map<string, string>();
  const { signal } = new AbortController();
  const replaceState = vi.fn();
  const reload = vi.fn(() => done.push("reload"));
  beforeEach(() => {
    database.clear();
    store.clear();
    [hasRoom, forgets] = [true, true];
    replaceState.mockClear();
    reload.mockClear();
    vi.stubGlobal("location", { hash: "#/model?seed=2", reload });
    vi.stubGlobal("history", { replaceState });
    class InPage {
      onmessage = (_: unknown) => {};
      postMessage(data: unknown) {
        worker.postMessage = (answer) => this.onmessage({ data: answer });
        onmessage({ data });
      }
      terminate() {}
    }
    vi.stubGlobal("Worker", InPage);
    vi.stubGlobal("sessionStorage", { setItem: (key: string, value: string) => store.set(key, value) });
    return () => vi.unstubAllGlobals();
  });
  const savedFile = async () => {
    database.set("tab model", structuredClone(model)).set("tab training", structuredClone(training));
    await saveSession(signal);
    done.length = 0;
    return new File([saved], "session.isoloss");
  };

  it("holds each array once, and is as it was: with what its points have in common", async () => {
    const file = await savedFile();
    const unpacked = file.stream().pipeThrough(new DecompressionStream("gzip"));
    expect((await new Response(unpacked).text()).length).toBeLessThan(2 * 1000 * 4 * (4 / 3) + 8000);
    await openSession(file, signal, onRead);
    const name = store.get("name");
    const opened = database.get(`${name} model`) as typeof model;
    expect(opened).toEqual(model);
    expect(database.get(`${name} training`)).toEqual(training);
    expect(new Set(opened.points.flatMap(({ base, params }) => [base.w, params.w])).size).toBe(1);
    expect(replaceState).toHaveBeenCalledWith(null, "", "#/model?seed=2");
  });

  it("is kept under another name before the tab forgets anything: a training that goes on replaces nothing", async () => {
    await openSession(await savedFile(), signal, onRead);
    expect(done).toEqual([
      "keep next model",
      "keep next training",
      "read",
      "forget tab model",
      "forget tab training",
      "reload",
    ]);
    expect(store.get("name")).not.toBe("tab");
  });

  it("is opened also where the browser does not forget what the tab had", async () => {
    const file = await savedFile();
    forgets = false;
    await openSession(file, signal, onRead);
    expect(reload).toHaveBeenCalledTimes(1);
  });

  it("leaves the tab as it is where the file is no session, or the browser has no room for it", async () => {
    const file = await savedFile();
    const before = [...database];
    const packed = async (text: string) => {
      const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
      return new File([await new Response(stream).arrayBuffer()], "other.isoloss");
    };
    const broken = { format: "isoloss-lab-session", hash: "", kept: { model: { $Float32Array: "%" } } };
    for (const text of ["null", "{}", JSON.stringify(broken)]) {
      await expect(openSession(await packed(text), signal, onRead)).rejects.toThrow(
        "other.isoloss is no session of the lab.",
      );
    }
    hasRoom = false;
    await expect(openSession(file, signal, onRead)).rejects.toThrow(
      "The browser cannot keep what is in session.isoloss.",
    );
    await expect.poll(() => [...database]).toEqual(before);
    expect([store.size, reload.mock.calls.length, done.includes("read")]).toEqual([0, 0, false]);
  });

  it("saves nothing, and keeps nothing of a file, where it is stopped", async () => {
    const file = await savedFile();
    const before = [...database];
    const first = saved;
    for (const act of [saveSession, (stopped: AbortSignal) => openSession(file, stopped, onRead)]) {
      await expect(act(AbortSignal.abort())).rejects.toThrow("aborted");
      const controller = new AbortController();
      const under = act(controller.signal);
      controller.abort();
      await expect(under).rejects.toThrow(/stopped|aborted|ended/i);
    }
    expect(saved).toBe(first);
    await expect.poll(() => [...database]).toEqual(before);
    expect([store.size, reload.mock.calls.length]).toEqual([0, 0]);
  });
});
