import { expect, it } from "vitest";
import { raceForLock } from "./races.js";

it("is never held by two processes in 10,000 races, half of them for the lock of a dead process", async () => {
  expect(await raceForLock(10_000)).toEqual({ doubles: 0, left: [] });
});
