import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { buildCli } from "../built-cli.js";

it("isoloss lab prints its address, serves until Ctrl-C, and ends with 0", async () => {
  const dist = dirname((await buildCli()).script);
  // Inside the checkout: from there Node finds the dependencies.
  const folder = mkdtempSync(join(dirname(dirname(dist)), "lab-"));
  try {
    cpSync(dist, join(folder, "dist"), { recursive: true });
    mkdirSync(join(folder, "dist/lab/assets"), { recursive: true });
    writeFileSync(join(folder, "dist/lab/index.html"), "the lab");
    cpSync(join(dist, "../package.json"), join(folder, "package.json"));
    const args = [join(folder, "dist/bin.js"), "lab", "--port", "0", "--json", "--host", "0.0.0.0"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const [line] = await once(child.stdout, "data");
    const { url } = JSON.parse(String(line)) as { readonly url: string };
    expect(await (await fetch(url.replace("0.0.0.0", "127.0.0.1"))).text()).toBe("the lab");
    expect(stderr).toBe("isoloss: other computers can open the lab, as --host is 0.0.0.0.\n");
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([0, null]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
