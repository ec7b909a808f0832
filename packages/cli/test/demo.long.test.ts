import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltCli, buildCli } from "./built-cli.js";
import { isOneLine, isPlain } from "./plain.js";

let cli: BuiltCli;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "isoloss-demo-"));
  cli = await buildCli();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("isoloss demo", () => {
  it("prints what was reproduced and the report's path on stdout, and a line for each experiment on stderr", async () => {
    const out = join(folder, "text");
    const { status, stdout, stderr } = await cli.run(["demo", "booth", "--out", out], {
      env: { CI: "true" },
    });
    expect(status).toBe(0);
    expect(isPlain(stdout)).toBe(true);
    expect(isPlain(stderr)).toBe(true);
    const [first, heading, method, report, ...rest] = stdout.trimEnd().split("\n");
    expect(rest).toEqual([]);
    expect(first).toMatch(/^One experiment in .* on this computer\./);
    expect(heading).toBe("Symmetry teleportation (NeurIPS 2022), reproduced: the same loss in fewer steps");
    expect(method).toMatch(/^ {2}booth, teleport: 0\.5 of the steps; .*time/);
    expect(report).toMatch(/^Tables, figures and settings: .*report\.html$/);
    expect(stderr).toMatch(/^booth: Booth's function.*\n$/);
  });

  it("colors on request, and not with NO_COLOR", async () => {
    const args = ["demo", "booth", "--quiet", "--out", join(folder, "color")];
    const colored = await cli.run(args, { env: { FORCE_COLOR: "1" } });
    expect(isPlain(colored.stdout)).toBe(false);
    const plain = await cli.run(args, { env: { NO_COLOR: "1", FORCE_COLOR: "1" } });
    expect(isPlain(plain.stdout)).toBe(true);
  });
});

describe("the command line", () => {
  it("is a script that Node runs", () => {
    expect(readFileSync(cli.script, "utf8").split("\n")[0]).toBe("#!/usr/bin/env node");
  });

  it("tells its version", async () => {
    const { status, stdout } = await cli.run(["--version"]);
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect([status, stdout]).toEqual([0, `${version}\n`]);
  });
});

describe("a folder that cannot be written to", () => {
  async function expectRefusal(out: string, why: RegExp, uid?: number) {
    const { status, stdout, stderr } = await cli.run(
      ["demo", "booth", "--out", out],
      uid === undefined ? {} : { uid },
    );
    expect(stderr).toMatch(why);
    expect(isOneLine(stderr)).toBe(true);
    expect(stdout).toBe("");
    expect(status).toBe(1);
  }

  it("is refused before any run when a file is in its place", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "content");
    await expectRefusal(file, /^isoloss: Cannot write to the folder .*a-file: it is a file\. .*--out\.$/m);
    await expectRefusal(join(file, "below"), /a part of the path is not a directory/);
    expect(readFileSync(file, "utf8")).toBe("content");
  });

  it("is refused before any run when it is read-only", async ({ skip }) => {
    // Root may write anywhere: then as another user, if that one can read this checkout.
    const uid = process.getuid?.() === 0 ? 65534 : undefined;
    if (uid !== undefined && (await cli.run(["--version"], { uid })).status !== 0) skip();
    const readOnly = join(folder, "read-only");
    mkdirSync(readOnly);
    chmodSync(readOnly, 0o555);
    chmodSync(folder, 0o755);
    await expectRefusal(
      readOnly,
      /^isoloss: Cannot write to the folder .*read-only: permission denied\./,
      uid,
    );
    await expectRefusal(join(readOnly, "below"), /permission denied/, uid);
    expect(readdirSync(readOnly)).toEqual([]);
  });

  it("leaves nothing half-written when the report cannot take its place", async () => {
    const out = join(folder, "taken");
    mkdirSync(join(out, "report.html"), { recursive: true });
    const { status, stdout, stderr } = await cli.run(["demo", "booth", "--quiet", "--out", out]);
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^isoloss: Cannot write .*report\.html: it is a directory\.$/m);
    expect(readdirSync(out).sort()).toEqual(["figures", "report.html", "runs"]);
    expect(readdirSync(join(out, "report.html"))).toEqual([]);
  });
});
