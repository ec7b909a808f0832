import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";

const core = fileURLToPath(new URL("..", import.meta.url));
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

export interface PackedProject {
  readonly folder: string;
  /** Another project, which has the package without its optional peers. */
  readonly withoutOnnx: string;
  /** Paths inside the tarball. */
  readonly files: readonly string[];
  remove(): void;
}

/**
 * A project outside the workspace that has the package as a user has it: built from the sources as they are, packed,
 * and unpacked into `node_modules`, next to links to its dependencies and peers. Nothing is downloaded.
 *
 * @param options `types: false` leaves out the declarations, which take most of the time
 */
export async function createPackedProject({ types = true } = {}): Promise<PackedProject> {
  const all = realpathSync(mkdtempSync(join(tmpdir(), "isoloss-project-")));
  const [folder, withoutOnnx] = ["project", "without-onnx"].map((name) => join(all, name));
  const remove = () => rmSync(all, { recursive: true, force: true, maxRetries: 3 });
  try {
    const source = join(all, "source");
    const unused = ["dist", "node_modules", "test"].map((name) => join(core, name));
    cpSync(core, source, { recursive: true, filter: (path) => !unused.includes(path) });
    // Not into the package's own dist, which other tests may be reading.
    await build({
      cwd: core,
      outDir: join(source, "dist"),
      logLevel: "error",
      ...(types ? {} : { dts: false }),
    });
    npm(source, "pack", "--pack-destination", all);
    const tarball = readdirSync(all).find((name) => name.endsWith(".tgz"));
    execFileSync("tar", ["-xzf", tarball as string], { cwd: all });

    const unpacked = join(all, "package");
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(join(unpacked, "package.json"), "utf8"),
    );
    const installInto = (project: string, names: readonly string[]) => {
      cpSync(unpacked, join(project, "node_modules", "isoloss"), { recursive: true });
      for (const name of [...names, "@types"]) {
        const link = join(project, "node_modules", name);
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(join(modules, name), link, "junction");
      }
      writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    };
    installInto(folder, Object.keys({ ...dependencies, ...peerDependencies }));
    installInto(withoutOnnx, Object.keys(dependencies));
    const installed = join(folder, "node_modules", "isoloss");
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(installed.length + 1)
          .replaceAll("\\", "/"),
      );
    return { folder, withoutOnnx, files: files.sort(), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Inside an npm script the running npm is known; a bare "npm" is a .cmd file on Windows and needs a shell. */
function npm(cwd: string, ...args: string[]): void {
  const cli = process.env.npm_execpath;
  const isScript = cli !== undefined && basename(cli).startsWith("npm") && cli.endsWith(".js");
  const [command, ...rest] = isScript ? [process.execPath, cli, ...args] : ["npm", ...args];
  execFileSync(command, rest, {
    cwd,
    stdio: "pipe",
    shell: command === "npm" && process.platform === "win32",
    env: { ...process.env, npm_config_update_notifier: "false" },
  });
}
