import { labSite, openLab } from "/work/lab/packages/lab/test/support.js";
import { launch } from "/work/lab/packages/core/test/browser/site.js";
import { it } from "vitest";
it("shots", async () => {
  const site = await labSite();
  const { context, close } = await launch();
  try {
    for (const [name, address, width, height, theme] of JSON.parse(process.env.SHOTS!)) {
      const page0 = await context.newPage();
      await page0.close();
      const { page, complaints } = await openLab(context, site, "").catch((e) => { console.log(e); throw e; });
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height });
      await page.goto(site.url + address); await page.reload();
      await page.waitForTimeout(2500);
      await page.screenshot({ path: `/tmp/shot-${name}.png`, fullPage: true });
      console.log(name, complaints, await page.evaluate(() => [document.querySelector(".status")?.textContent, document.documentElement.scrollWidth]));
      await page.close();
    }
  } finally { await close(); await site.close(); }
}, 120000);
