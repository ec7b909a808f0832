import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Course } from "../src/screens/landscape/course.js";
import { hashOf, type Inspected, inspected, settled, titled, useLab } from "./support.js";

interface WithHand extends Inspected {
  readonly hand: number;
}

describe.skipIf(!executablePath)(titled("level sets under the hand"), () => {
  const lab = useLab();
  const { open } = lab;
  const shown = (page: Page) => inspected<WithHand>(page);
  const pointOn = async (page: Page) => {
    await page.getByRole("slider", { name: /^point on/ }).waitFor();
    const { orbit, hand } = await shown(page);
    if (orbit === undefined) throw new Error("There is no orbit.");
    return { orbit, hand, x: orbit.x[hand], y: orbit.y[hand] };
  };
  /** The run by hand, once it begins where the point is. */
  const byHand = async (page: Page): Promise<Course> => {
    await page.waitForFunction(() => {
      const { runs, orbit, hand } = (
        globalThis as unknown as {
          isolossLab: { inspect(): { runs: Course[]; orbit?: { x: Float64Array }; hand: number } };
        }
      ).isolossLab.inspect();
      return orbit !== undefined && runs.find(({ method }) => method === "hand")?.x[0] === orbit.x[hand];
    });
    return (await shown(page)).runs.find(({ method }) => method === "hand") as Course;
  };
  const centerOf = async (page: Page, name: RegExp) => {
    const box = await page.getByRole("slider", { name }).boundingBox();
    if (!box) throw new Error(`There is no ${name}.`);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };

  it.each([
    [
      "#/landscape?f=booth",
      /^point on the orbit/,
      (x: number, y: number) => (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
    ],
    [
      "#/landscape?f=own",
      /^point on the level set/,
      (x: number, y: number) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    ],
  ] as const)(
    "the point moves along by mouse, touch and keys, keeps the loss, and descent goes on from it: %s",
    async (address, name, lossOf) => {
      const page = await open(address);
      const slider = page.getByRole("slider", { name });
      const { orbit, hand } = await pointOn(page);
      expect(hand).toBe(orbit.best);
      const level = lossOf(...(await shown(page)).state.x);

      const from = await centerOf(page, name);
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      for (const [dx, dy] of [
        [60, 5],
        [120, 40],
        [150, 90],
      ]) {
        await page.mouse.move(from.x + dx, from.y + dy, { steps: 3 });
      }
      await page.mouse.up();
      const dragged = await pointOn(page);
      expect(dragged.hand).not.toBe(orbit.best);
      expect(Math.abs(lossOf(dragged.x, dragged.y) / level - 1)).toBeLessThan(1e-9);
      const run = await byHand(page);
      expect([run.x[0], run.y[0]]).toEqual([dragged.x, dragged.y]);
      expect(run.loss[0] / level).toBeCloseTo(1, 9);
      const told = await page.locator(".hand").textContent();
      expect(told).toContain(`x ${dragged.x.toFixed(2)}, y ${dragged.y.toFixed(2)}`);
      expect(told).toMatch(/kept (exactly|to \de-1\d)/);

      await slider.focus();
      for (const key of ["ArrowRight", "Shift+ArrowUp", "Alt+ArrowLeft"]) await page.keyboard.press(key);
      const keyed = await pointOn(page);
      const { t } = keyed.orbit;
      const length = t[t.length - 1] - t[0];
      const moved = (t[keyed.hand] - t[dragged.hand] + length) % length;
      expect(moved / length).toBeCloseTo(0.01 + 0.1 - 0.001, 2);
      expect(await slider.getAttribute("aria-valuetext")).toContain(
        `x ${keyed.x.toFixed(2)}, y ${keyed.y.toFixed(2)}`,
      );

      // A link has the point, too.
      await byHand(page);
      await settled(page);
      expect(await hashOf(page)).toMatch(/[?&]on=/);
      const again = await open(await hashOf(page));
      const opened = await byHand(again);
      expect(Array.from(opened.loss)).toEqual(Array.from((await byHand(page)).loss));

      const client = await lab.context.newCDPSession(page);
      const finger = (
        type: "touchStart" | "touchMove" | "touchEnd",
        touchPoints: { x: number; y: number }[],
      ) => client.send("Input.dispatchTouchEvent", { type, touchPoints });
      await page.bringToFront();
      const begin = await centerOf(page, name);
      await finger("touchStart", [begin]);
      for (const share of [0.25, 0.5, 0.75, 1]) {
        await finger("touchMove", [
          { x: begin.x + share * (from.x - begin.x), y: begin.y + share * (from.y - begin.y) },
        ]);
      }
      await finger("touchEnd", []);
      const touched = await pointOn(page);
      // Back where it was at first, to the pixels of a plane of 18 or 12 across.
      expect(Math.hypot(touched.x - orbit.x[orbit.best], touched.y - orbit.y[orbit.best])).toBeLessThan(0.3);
      await byHand(page);
      await page.getByRole("button", { name: /^Teleport the start/ }).click();
      expect((await shown(page)).state.x).toEqual([touched.x, touched.y]);
    },
  );

  it("computes with formulas that are typed, and shows the last ones while one is wrong", async () => {
    const page = await open("#/landscape?f=own&x=2,1&n=20");
    const first = page.getByLabel("r₁(x, y)");
    const plainOf = async () => {
      await settled(page);
      return (await shown(page)).runs.find(({ method }) => method === "plain") as Course;
    };
    expect((await plainOf()).loss[0]).toBe((4 + 1 - 11) ** 2 + (2 + 1 - 7) ** 2);
    await first.fill("2x + y");
    await first.press("Enter");
    const notice = page.locator(".formulas .notice");
    expect(await notice.textContent()).toBe(
      'r₁(x, y): expected an operator or the end, got "x": a product is written 2*x, at character 2.',
    );
    expect(await first.getAttribute("aria-invalid")).toBe("true");
    expect(await page.locator(".picture").evaluate((element) => getComputedStyle(element).opacity)).toBe(
      "0.45",
    );
    expect((await plainOf()).loss[0]).toBe(52);
    await first.fill("exp(x) - y");
    await first.press("Enter");
    await page.waitForFunction(() => location.hash.includes("r1=exp(x)%20-%20y"));
    expect(await notice.count()).toBe(0);
    expect((await plainOf()).loss[0]).toBeCloseTo((Math.exp(2) - 1) ** 2 + 16, 12);
    // Affine formulas have a group, and with it the search for the best angle.
    const searches = () => page.getByLabel("Search").locator("option").allTextContents();
    expect(await searches()).toEqual(["level set"]);
    await first.fill("x + 2*y - 7");
    await first.press("Enter");
    await page.getByLabel("r₂(x, y)").fill("2*x + y - 5");
    await page.getByLabel("r₂(x, y)").press("Enter");
    await page.waitForFunction(() => location.hash.includes("r2=2*x"));
    expect(await searches()).toHaveLength(3);
    await page.getByLabel("Search").selectOption("bestAngle");
    await plainOf();
    const link = await open(
      `#/landscape?f=own&r1=x+2*y-7&r2=2*x+y-5&x=5,-5&lr=0.08&n=10&tp=4&search=bestAngle`,
    );
    const { runs } = await shown(link);
    const booth = await open("#/landscape?f=booth");
    const [own, known] = [runs as Course[], (await shown(booth)).runs as Course[]].map(
      (list) => list.find(({ method }) => method === "teleported")?.loss.at(-1) as number,
    );
    expect(own / known).toBeCloseTo(1, 6);
  });
});
