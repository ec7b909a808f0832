// Controllers of screens in Node: their runes are plain values here, and their worker answers when a test says so.
/// <reference types="svelte" />
import type { WorkerLike } from "../src/worker/client.js";
import type { Answer, Ask } from "../src/worker/protocol.js";

const plain = <T>(value: T): T => value;
Object.assign(globalThis, { $state: Object.assign(plain, { raw: plain }), $derived: plain });
globalThis.requestAnimationFrame ??= (draw) => Number(setTimeout(draw, 0, 0));

type Call = Extract<Ask, { kind: "call" }>;

/** A worker that keeps what it is asked: a test answers in its place. */
export class HeldWorker implements WorkerLike {
  readonly asked: Ask[] = [];
  onmessage: WorkerLike["onmessage"] = null;
  onerror: WorkerLike["onerror"] = null;
  postMessage(ask: Ask): void {
    this.asked.push(structuredClone(ask));
  }
  terminate(): void {}

  /** The calls with a name, the oldest first. */
  calls(name: string): readonly Call[] {
    return this.asked.filter((ask): ask is Call => ask.kind === "call" && ask.call === name);
  }
  /** Whether a call was ordered to end. */
  isStopped({ id }: Call): boolean {
    return this.asked.some((ask) => ask.kind === "stop" && ask.id === id);
  }
  /** Answers the newest call with a name, and lets the page take it. */
  async part(name: string, part: unknown): Promise<void> {
    await this.#say({ kind: "part", id: this.#id(name), part });
  }
  async value(name: string, value: unknown): Promise<void> {
    await this.#say({ kind: "value", id: this.#id(name), value });
  }
  /** Answers a call that is not the newest one. */
  async answer({ id }: Call, value: unknown): Promise<void> {
    await this.#say({ kind: "value", id, value });
  }
  async fail(name: string, message: string): Promise<void> {
    await this.#say({ kind: "error", id: this.#id(name), error: { name: "Error", message } });
  }

  #id(name: string): number {
    const call = this.calls(name).at(-1);
    if (call === undefined) throw new Error(`Nothing has called "${name}".`);
    return call.id;
  }
  async #say(data: Answer): Promise<void> {
    this.onmessage?.({ data } as MessageEvent<Answer>);
    await this.idle();
  }
  /** Until the page has done what it does by itself. */
  async idle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
