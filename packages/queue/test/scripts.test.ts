import { Redis } from "ioredis";
import { serverProgram, startServer, type TestServer } from "isoloss-test-support/queue/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sweepKeys } from "../src/keys.js";
import { askVerdict, commitRecord, type ServerRule, takeLease } from "../src/scripts.js";

describe.skipIf(!serverProgram)("scripts in the server", () => {
  let server: TestServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startServer();
    redis = new Redis(server.port);
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.end();
  });

  it("keep the first record of a run, and none of a closed sweep", async () => {
    const keys = sweepKeys("commit");
    expect(await commitRecord(redis, keys, "a", '{"n":1}')).toBe("first");
    expect(await commitRecord(redis, keys, "a", '{"n":2}')).toBe("duplicate");
    expect(await redis.hget(keys.record, "a")).toBe('{"n":1}');
    expect(await redis.lrange(keys.records, 0, -1)).toEqual(["a"]);
    await redis.set(keys.closed, "1");
    expect(await commitRecord(redis, keys, "b", "{}")).toBe("closed");
  });

  it("give a lease to one owner, who may renew it", async () => {
    const keys = sweepKeys("lease");
    expect(await takeLease(redis, keys, "one", 5000)).toBe("one");
    expect(await takeLease(redis, keys, "two", 5000)).toBe("one");
    expect(await takeLease(redis, keys, "one", 40)).toBe("one");
    await expect.poll(() => takeLease(redis, keys, "two", 5000)).toBe("two");
  });

  it("tell runs that have a record or were cancelled", async () => {
    const keys = sweepKeys("told");
    const rule: ServerRule = { rule: "bound", factor: 1, startup: 0, above: 1 };
    const at = (run: string) => ({ run, seed: 0, rung: 1, value: 0, best: 0 });
    await commitRecord(redis, keys, "a", "{}");
    await redis.sadd(keys.cancelled, "b");
    expect(await askVerdict(redis, keys, at("a"), rule)).toBe("counted");
    expect(await askVerdict(redis, keys, at("b"), rule)).toBe("cancelled");
    expect(await askVerdict(redis, keys, at("c"), rule)).toEqual({ verdict: "go", n: 1, rank: 1 });
  });

  // The rule written out: values of a rung in a plain list, with ties, values that are not finite, and repeated deliveries.
  const rules: ServerRule[] = [
    { rule: "asha", factor: 3, startup: 3, above: 0 },
    { rule: "asha", factor: 2, startup: 0, above: 0 },
    { rule: "median", factor: 1, startup: 4, above: 0 },
    { rule: "bound", factor: 1, startup: 0, above: 2.5 },
  ];
  it.each(rules)("decide by $rule as a plain list does ($factor, $startup)", async (rule) => {
    const keys = sweepKeys(`rule-${rule.rule}-${rule.factor}`);
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const values = new Map<string, number>();
    const decided = new Map<string, object>();
    for (let i = 0; i < 150; i++) {
      const run = `r${random() < 0.2 ? Math.floor(random() * i) : i}`;
      const odd = random();
      const value =
        odd < 0.05 ? Number.NaN : odd < 0.08 ? Number.POSITIVE_INFINITY : Math.round(20 * random()) / 7;
      const best = value - (random() < 0.3 ? 0.1 : 0);
      const answer = await askVerdict(redis, keys, { run, seed: 1, rung: 9, value, best }, rule);
      const known = decided.get(run);
      if (known) {
        expect(answer).toEqual(known);
        continue;
      }
      const isNumber = Number.isFinite(value);
      if (isNumber) values.set(run, value);
      const all = [...values.values()].sort((a, b) => a - b);
      const n = all.length;
      const better = isNumber ? all.filter((other) => other < value).length : n;
      const middle = (all[Math.floor((n - 1) / 2)] + all[Math.floor(n / 2)]) / 2;
      const isBehind = {
        asha: better >= Math.max(1, Math.floor(n / rule.factor)),
        median: best > middle,
        bound: value > rule.above,
      }[rule.rule];
      const verdict = !isNumber || (n > rule.startup && isBehind) ? "stop" : "go";
      expect(answer).toEqual({ verdict, n, rank: better + 1 });
      decided.set(run, answer as object);
    }
  });
});
