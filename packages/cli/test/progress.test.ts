import { expect, it } from "vitest";
import { createProgress } from "../src/progress.js";

function record(isTTY?: boolean): string {
  let text = "";
  const progress = createProgress({ ...(isTTY === undefined ? {} : { isTTY }), write: (t) => (text += t) });
  progress.update("step 1");
  progress.update("step 2");
  progress.line("done");
  return text;
}

it("rewrites one line on a terminal", () => {
  expect(record(true)).toBe("\r\u001b[Kstep 1\r\u001b[Kstep 2\r\u001b[Kdone\n");
});

it.each([false, undefined])("is plain lines without updates elsewhere (isTTY %s)", (isTTY) => {
  expect(record(isTTY)).toBe("done\n");
});
