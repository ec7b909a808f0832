// What a new user gets wrong with `isoloss model`, and what is said about it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { full } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { deflated } from "isoloss-test-support/data/npz-files";
import { beforeAll, describe, expect, it } from "vitest";
import { bare, changed, normalized, perceptron } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
let files: string[];
const everything = () => (readdirSync(bench.folder, { recursive: true }) as string[]).sort();

beforeAll(() => {
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(bench.folder, name), content);
  write("m.onnx", normalized());
  write("relu.onnx", perceptron("relu"));
  write("bare.onnx", bare());
  // Two models whose outputs are NaN for every input.
  for (const seed of [0, 1]) {
    const isBias = ({ name }: { readonly name: string }) => name === "net.layers.1.bias";
    const broken = changed(perceptron("relu", { seed }), ({ initializers }) => ({
      initializers: initializers.map((tensor) =>
        isBias(tensor) ? { ...tensor, data: Float32Array.of(Number.NaN, Number.NaN) } : tensor,
      ),
    }));
    write(`nan${seed}.onnx`, broken);
  }
  write("text.onnx", "no model");
  write("x.npy", encodeNpy(full([8, 3, 8, 8], 0.5)));
  write("one.npy", encodeNpy(full([1, 3, 8, 8], 0.5)));
  write("gray.npy", encodeNpy(full([8, 1, 8, 8], 0.5)));
  write("endless.npy", encodeNpy(full([8, 3, 8, 8], Number.POSITIVE_INFINITY)));
  // A ZIP archive without entries, as np.savez("none.npz") writes it.
  write("none.npz", Buffer.concat([Buffer.from("PK\x05\x06"), Buffer.alloc(18)]));
  write("arrays.npz", deflated());
  // A local file header of a ZIP archive is 30 bytes and the name of the entry.
  write("zipped.pt", `PK\x03\x04${"\0".repeat(26)}model/data.pkl`);
  write("pickled.pt", Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46));
  const header = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  write(
    "w.safetensors",
    Buffer.concat([Buffer.of(header.length, 0, 0, 0, 0, 0, 0, 0), Buffer.from(`${header}    `)]),
  );
  write("page.onnx", "\n<!DOCTYPE html><html><body>Not found</body></html>");
  write(
    "pointer.onnx",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n`,
  );
  write("nothing.onnx", "");
  write("my.csv", "size,price\n1,2\n3,4\n");
  write("label.npy", encodeNpy({ shape: [1], data: BigInt64Array.of(0n) }));
  mkdirSync(join(bench.folder, "folder"));
  execFileSync("mkfifo", [join(bench.folder, "pipe")]);
  files = everything();
});

const cases: readonly (readonly [line: string, message: RegExp, code: number])[] = [
  [
    "inspect text.onnx",
    /^isoloss: Cannot read text\.onnx as an ONNX model: .* such as torch\.onnx\.export/,
    1,
  ],
  [
    "half x.npy -o h.onnx",
    /Cannot read x\.npy as an ONNX model: it is an array of NumPy \(\.npy\)\. The model comes first/,
    1,
  ],
  ["inspect arrays.npz", /it holds arrays of NumPy \(\.npz\)/, 1],
  [
    "inspect zipped.pt",
    /it is pickled by Python, as PyTorch saves models \(\.pt\)\. In Python write it by torch\.onnx\.export\(model, /,
    1,
  ],
  ["inspect pickled.pt", /it is pickled by Python/, 1],
  ["inspect none.npz", /it is a ZIP archive\. Unpack it first/, 1],
  ["inspect w.safetensors", /it is a \.safetensors file, which holds weights and no network/, 1],
  ["inspect page.onnx", /it is a web page, .* Download it again/, 1],
  ["inspect pointer.onnx", /it is a pointer of Git LFS to the file\. Fetch that by git lfs pull/, 1],
  ["inspect nothing.onnx", /Cannot read nothing\.onnx as an ONNX model: it is empty/, 1],
  [
    "verify m.onnx relu.onnx",
    /both models must take the same inputs; the first takes x .*4 axes(?!.*--size)/,
    1,
  ],
  [
    "verify m.onnx m.onnx --data endless.npy",
    /endless\.npy has numbers that are not finite: element 0 for "x"/,
    1,
  ],
  ["verify m.onnx m.onnx --data none.npz", /none\.npz holds no array: expected arrays by .* inputs, x\./, 1],
  [
    "verify nan0.onnx nan1.onnx",
    /"logits" is NaN or infinite everywhere\..* These were random: give others by --data PATH\.$/m,
    1,
  ],
  ["fold nan0.onnx -o f.onnx", /"logits" is NaN or infinite everywhere\. .*add --no-verify\.$/m, 1],
  ["fold m.onnx -o folder", /--out folder is a folder: name a file, such as folder\/model\.onnx\./, 2],
  ["fold m.onnx -o pipe", /--out pipe is a pipe or a device: name a file, such as model\.onnx\./, 2],
  ...[
    "quantize m.onnx --calibration x.npy",
    "quantize m.onnx --calibration one.npy --held-out ./x.npy",
    "half m.onnx --calibration x.npy",
    "half m.onnx --held-out x.npy",
    "prune m.onnx --fraction 0.5 --held-out x.npy",
    "low-rank m.onnx --held-out x.npy",
    "balance m.onnx --held-out x.npy",
    "rotate m.onnx --held-out x.npy",
    "restore m.onnx --calibration x.npy",
    "finetune m.onnx --data x.npy --labels label.npy --rate 0.1",
    "finetune m.onnx --data one.npy --labels x.npy --rate 0.1",
    "finetune m.onnx --data one.npy --validation x.npy --rate 0.1",
    "finetune m.onnx --data one.npy --validation one.npy --validation-labels x.npy --rate 0.1",
  ].map((line) => [`${line} -o x.npy`, /--out x\.npy is data that are read: name another file/, 2] as const),
  [
    "half m.onnx -o h.onnx --held-out x.npy --report ./x.npy",
    /--report \.\/x\.npy is data that are read: name another file with --report/,
    2,
  ],
  ...(
    [
      ["quantize m.onnx --calibration x.npy --held-out ./x.npy", "--held-out ./x.npy", "--calibration"],
      ["finetune m.onnx --data x.npy --rate 0.1 --validation ./x.npy", "--validation ./x.npy", "--data"],
      ["finetune m.onnx --data x.npy --rate 0.1 --test x.npy", "--test x.npy", "--data"],
      [
        "finetune m.onnx --data one.npy --rate 0.1 --validation x.npy --test x.npy",
        "--test x.npy",
        "--validation",
      ],
    ] as const
  ).map(
    ([line, own, first]) =>
      [
        `${line} -o o.onnx`,
        new RegExp(`${own} is the data of ${first}: give other examples with`),
        2,
      ] as const,
  ),
  ["half m.onnx -o x.npy/half.onnx", /Cannot write to the folder .*x\.npy: it is a file/, 1],
  [
    "quantize m.onnx -o q.onnx --calibration one.npy",
    /one\.npy is one example .* or other data by --held-out/,
    2,
  ],
  [
    "quantize m.onnx -o q.onnx --calibration x.npy --bits 4",
    /--bits 4 is for weights alone: add --weights-only/,
    2,
  ],
  ...[
    "finetune m.onnx -o t.onnx --rate 0.1 --data my.csv",
    "quantize m.onnx -o q.onnx --calibration my.csv",
  ].map(
    (line) =>
      [
        line,
        /my\.csv is a table, which is not read here\. Write arrays .* np\.save.* isoloss init --data my\.csv\./,
        1,
      ] as const,
  ),
  ["quantize m.onnx -o q.onnx --calibration x.npy --size batch=9", /has 8 examples; .* batches of 9/, 1],
  [
    "quantize m.onnx -o q.onnx --calibration x.npy --size batsh=4",
    /one of batch; .* did you mean "batch"\?/,
    2,
  ],
  ["prune m.onnx -o p.onnx --fraction 50", /in \[0, 1\], such as 0\.5 for a half/, 2],
  ["prune bare.onnx -o p.onnx --fraction 0.5", /bare\.onnx has no weights to prune: expected tensors/, 1],
  ["low-rank m.onnx -o l.onnx --energy 99", /greater than 0, at most 1, such as 0\.99/, 2],
  ["low-rank m.onnx", /required option '-o, --out <file>' not specified/, 2],
  ["lowrank m.onnx -o l.onnx", /unknown command 'lowrank' \(Did you mean low-rank\?\)/, 2],
  [
    "half m.onnx -o h.onnx --held-out gray.npy",
    /gray\.npy has the shape .*"x" takes float32\[batch, 3, 8, 8\]/,
    1,
  ],
  [
    "finetune m.onnx -o t.onnx --data one.npy --labels label.npy --rate 0.1",
    /one\.npy has one example, of which no share can be held out: .* by --validation/,
    2,
  ],
];

describe("what a model command cannot do", () => {
  it.each(cases)("%s: one message, and nothing is written", async (line, message, code) => {
    const { status, stdout, stderr } = await bench.run("model", ...line.split(" "));
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([code, ""]);
    expect(stderr).not.toMatch(/^\s+at |defect/m);
    expect(everything()).toEqual(files);
  });

  it("creates the folder of a new file", async () => {
    const { status } = await bench.run("model", "fold", "m.onnx", "-o", "new/deep/folded.onnx");
    expect([status, existsSync(join(bench.folder, "new/deep/folded.onnx"))]).toEqual([0, true]);
  });
});
