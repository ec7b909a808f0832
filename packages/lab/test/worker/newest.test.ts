import { describe, expect, it } from "vitest";
import { Newest } from "../../src/worker/newest.js";

describe("what is made for keys", () => {
  const fails = (name: string) => () => Promise.reject(new Error(name));

  it("is given for a new key where the oldest, which it replaces, failed", async () => {
    const newest = new Newest(1);
    const value = { dispose: async () => {} };
    const first = newest.of("first", fails("no memory"));
    const second = newest.of("second", async () => value);
    await expect(first).rejects.toThrow("no memory");
    expect(await second).toBe(value);
  });

  it("is kept where what was made for its key before fails later", async () => {
    const newest = new Newest(1);
    const value = { dispose: async () => {} };
    let fail = (_: Error) => {};
    const before = newest.of("key", () => new Promise<never>((_, reject) => (fail = reject)));
    const other = newest.of("other", async () => value);
    const again = newest.of("key", async () => value);
    fail(new Error("no memory"));
    await expect(before).rejects.toThrow("no memory");
    await Promise.all([other, again]);
    expect(await newest.of("key", fails("made again"))).toBe(value);
  });
});
