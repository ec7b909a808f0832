import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { fetchedAhead, settled, titled, useLab } from "./support.js";

describe.skipIf(!executablePath)(titled("the lab without a network"), () => {
  const lab = useLab();
  const uses: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
    "#/landscape?n=50": (page) => page.getByLabel("Preset").selectOption("lbfgs"),
    "#/train?net=6&epochs=1&with=plain": async (page) => {
      await page.getByLabel("Hidden layers").fill("5");
      await page.keyboard.press("Enter");
    },
    "#/tasks?n=50": (page) => page.getByRole("button", { name: "Try all five starts" }).click(),
    "#/model?sample=mlp": (page) => page.getByRole("button", { name: "Random move of all" }).click(),
  };

  it.each(Object.entries(uses))(
    "goes on computing and saves figures, without one request, under its policy: %s",
    async (address, use) => {
      const page = await lab.open(address);
      const policy = await page.evaluate(async () => {
        const violations: string[] = [];
        document.addEventListener("securitypolicyviolation", (event) =>
          violations.push(event.violatedDirective),
        );
        Object.assign(globalThis, { violations });
        const response = await fetch(location.href);
        return response.headers.get("content-security-policy");
      });
      expect(policy).toContain("default-src 'self'");
      expect(policy).not.toContain("unsafe-inline' 'unsafe-eval'");
      await fetchedAhead(page);
      await lab.context.setOffline(true);
      try {
        const failed: string[] = [];
        page.on("requestfailed", (request) => failed.push(request.url()));
        await use(page);
        await settled(page);
        const figures = page.getByRole("button", { name: /^Save .*as SVG/ });
        for (const button of await figures.all()) {
          const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
          expect(download.suggestedFilename()).toMatch(/\.svg$/);
        }
        const quantize = page.getByRole("button", { name: "Quantize and measure" });
        if ((await quantize.count()) > 0) {
          await quantize.click();
          await settled(page, /quantized files measured/);
        }
        await page.keyboard.press("?");
        const [session] = await Promise.all([
          page.waitForEvent("download"),
          page.getByRole("button", { name: "Save session" }).click(),
        ]);
        expect(session.suggestedFilename()).toBe("session.isoloss");
        expect(failed).toEqual([]);
        expect(
          await page.evaluate(() => (globalThis as unknown as { violations: string[] }).violations),
        ).toEqual([]);
      } finally {
        await lab.context.setOffline(false);
      }
    },
  );

  it("runs under a policy that knows of nothing but its own files", async () => {
    const page = await lab.context.newPage();
    await page.goto(`${lab.site.url}#/landscape?f=booth`);
    await settled(page);
    // A script of another origin, and one in the page, do not run.
    const refused = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective), {
            once: true,
          });
          const script = document.createElement("script");
          script.textContent = "globalThis.isInjected = true;";
          document.head.append(script);
        }),
    );
    expect(refused).toBe("script-src-elem");
    expect(await page.evaluate(() => "isInjected" in globalThis)).toBe(false);
    await page.close();
  });
});
