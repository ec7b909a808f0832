import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MissingDataError, OptionError } from "isoloss";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isLoopback, type LabServer, labFolder, serveLab } from "../../src/commands/lab.js";

const host = "127.0.0.1";

describe("isoloss lab", () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-lab-server-"));
  const lab = join(folder, "lab");
  let server: LabServer;
  beforeAll(async () => {
    mkdirSync(join(lab, "assets"), { recursive: true });
    writeFileSync(join(folder, "secret.txt"), "secret");
    writeFileSync(join(lab, "index.html"), "<!doctype html>the lab");
    writeFileSync(join(lab, "assets/index-1a2b.js"), "let x = 1;");
    writeFileSync(join(lab, "assets/long-3c4d.js"), "let x=1;\n\n".repeat(1000));
    server = await serveLab(lab, { port: 0, host });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it("serves the page and its files with their types, isolated and under a policy", async () => {
    const page = await fetch(server.url);
    expect(await page.text()).toBe("<!doctype html>the lab");
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.headers.get("cache-control")).toBe("no-cache");
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("content-security-policy")).toMatch(
      /^default-src 'self'; script-src 'self' 'unsafe-eval';/,
    );
    const script = await fetch(`${server.url}assets/index-1a2b.js`);
    expect(script.headers.get("content-type")).toMatch(/javascript/);
    expect(script.headers.get("cache-control")).toMatch(/immutable/);
  });

  it("sends scripts compressed to those who take them so", async () => {
    const url = `${server.url}assets/long-3c4d.js`;
    const sizeIn = async (encoding: string) => {
      const head = await fetch(url, { method: "HEAD", headers: { "accept-encoding": encoding } });
      expect([head.status, head.headers.get("vary")]).toEqual([200, "Accept-Encoding"]);
      return [head.headers.get("content-encoding"), Number(head.headers.get("content-length"))];
    };
    expect(await sizeIn("identity")).toEqual([null, 10_000]);
    const [encoding, size] = await sizeIn("br, gzip");
    expect(encoding).toBe("gzip");
    expect(size).toBeLessThan(200);
    const script = await fetch(url);
    expect(script.headers.get("content-type")).toBe("text/javascript");
    expect(script.headers.get("cache-control")).toMatch(/immutable/);
    expect(await script.text()).toBe("let x=1;\n\n".repeat(1000));
  });

  it.each([
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "/..\\secret.txt",
    "/none",
    "/%",
  ])("does not leave its folder: %s", async (path) => {
    // fetch would resolve the dots itself.
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(server.url);
      request({ host, port, path }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(404);
  });

  it("gives the WebAssembly of the ONNX Runtime that is installed, and of no other name", async () => {
    const path = `${server.url}assets/ort-wasm-simd-threaded`;
    const wasm = await fetch(`${path}-Ab1_.wasm`, { method: "HEAD" });
    expect(wasm.status).toBe(200);
    expect(wasm.headers.get("content-type")).toBe("application/wasm");
    expect(wasm.headers.get("cache-control")).toBe("no-cache");
    expect(Number(wasm.headers.get("content-length"))).toBeGreaterThan(1e6);
    const begin = new Uint8Array(await (await fetch(`${path}.wasm`)).arrayBuffer());
    // The magic number of WebAssembly.
    expect(Array.from(begin.subarray(0, 4))).toEqual([0, 0x61, 0x73, 0x6d]);
    expect((await fetch(`${path}.asyncify/x.wasm`)).status).toBe(404);
  });

  it("answers GET and HEAD alone", async () => {
    expect((await fetch(server.url, { method: "HEAD" })).status).toBe(200);
    const posted = await fetch(server.url, { method: "POST", body: "x" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("takes the next free port, but not another one than was asked for", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, host, resolve);
    });
    const { port } = other.address() as AddressInfo;
    await expect(serveLab(lab, { port, host })).rejects.toThrow(
      new OptionError(`Port ${port} of 127.0.0.1 is taken: choose another with --port.`),
    );
    const [first, second] = [await serveLab(lab, { host }), await serveLab(lab, { host })];
    expect(Number(new URL(second.url).port)).toBeGreaterThan(Number(new URL(first.url).port));
    for (const open of [first, second]) await open.close();
    other.close();
    await expect(serveLab(lab, { port: 0, host: "203.0.113.1" })).rejects.toThrow(
      /cannot be served on 203\.0\.113\.1/,
    );
  });

  it("finds the lab beside the program, and says what to do where there is none", () => {
    expect(labFolder(folder)).toBe(lab);
    expect(() => labFolder(tmpdir())).toThrow(MissingDataError);
  });

  it.each([
    ["ports", "--port", "70000", /It must be an integer from 0 to 65535/],
    ["addresses", "--host", "", /It must be an address such as 127\.0\.0\.1/],
  ])("refuses %s that are none", async (_, option, value, message) => {
    const { status, stderr } = await inProcess(["lab", option, value], folder);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it.each([
    ["127.0.0.1", true],
    ["localhost", true],
    ["::1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["::", false],
    ["0.0.0.0", false],
    ["1::1", false],
  ])("knows whether %s is of this computer alone: %s", (address, is) => {
    expect(isLoopback(address)).toBe(is);
  });
});
