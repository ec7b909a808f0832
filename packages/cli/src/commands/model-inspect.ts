import { resolve } from "node:path";
import { groupBy } from "../experiments/results/groups.js";
import { textList, textTable } from "../experiments/results/table.js";
import { bytesText } from "../model/bytes-text.js";
import { type Inspection, inspectModel, type PortReport } from "../model/inspect.js";
import { readModelFile } from "../model/read-model.js";
import { type Sizes, sizesText } from "../model/sizes.js";
import { colors } from "../terminal.js";

export interface InspectOptions {
  readonly size: Sizes;
  readonly json: boolean;
}

/** `isoloss model inspect`: what an ONNX file holds. */
export async function inspect(path: string, { size, json }: InspectOptions): Promise<void> {
  const inspection = inspectModel(await readModelFile(path), size);
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...inspection, file: resolve(path) })}\n`);
    return;
  }
  process.stdout.write(`${inspectionText(inspection)}\n`);
}

function inspectionText(inspection: Inspection): string {
  const { bold } = colors();
  const { inputs, outputs, operators, largest } = inspection;
  const sections: readonly (readonly [string, string])[] = [
    ["inputs", portsText(inputs)],
    ["outputs", portsText(outputs)],
    [
      "operators",
      textTable(
        ["  operator", "nodes", "read", "keeps"],
        operators.map(({ name, count, supported, keeps }) => [
          `  ${name}`,
          String(count),
          supported ? "yes" : "no",
          keeps === undefined ? "-" : keptText(keeps),
        ]),
      ),
    ],
    [
      "largest tensors",
      textTable(
        ["  tensor", "shape", "type", "size"],
        largest.map(({ name, shape, dtype, bytes }) => [
          `  ${name}`,
          shape.join(" x "),
          dtype,
          bytesText(bytes),
        ]),
      ),
    ],
  ];
  const texts = sections.filter(([, text]) => text !== "").map(([title, text]) => `${bold(title)}\n${text}`);
  return [headText(inspection), ...texts, ...notesText(inspection)].join("\n\n");
}

function headText({ file, bytes, opsets, irVersion, producer, parameters, stored }: Inspection): string {
  const sets = Object.entries(opsets).map(([domain, version]) => `${domain} ${version}`);
  return textList(
    [
      ["file", `${file}, ${bytesText(bytes)}`],
      ["operator set", `${sets.join(", ")}; IR version ${irVersion}`],
      ["producer", producer || "unknown"],
      [
        "parameters",
        parameters === null ? "?" : `${grouped(parameters.numbers)} numbers in ${parameters.tensors} tensors`,
      ],
      [
        "stored",
        `${grouped(stored.numbers)} numbers in ${stored.tensors} tensors, ${bytesText(stored.bytes)}`,
      ],
    ],
    "",
  );
}

const portsText = (ports: readonly PortReport[]): string =>
  ports.length === 0
    ? ""
    : textList(
        ports.map(({ name, dtype, shape }) => [
          name,
          `${dtype ?? "of unknown type"} ${shape === undefined ? "of an unknown number of axes" : `[${shape.map((n) => n || "?").join(", ")}]`}`,
        ]),
      );

const changes = ["scaling", "sign", "linear", "permutation"];

function keptText(keeps: readonly string[]): string {
  if (keeps.length === changes.length) return "all";
  return keeps.length === 0 ? "nothing" : keeps.join(", ");
}

/** What to conclude. */
function notesText({ operators, problem, sizes }: Inspection): string[] {
  if (problem !== null) return [problem];
  const stopping = groupBy(
    operators.filter(({ keeps }) => keeps !== undefined && !keeps.includes("scaling")),
    ({ keeps = [] }) => keeps.join(", "),
  );
  const lines = [...stopping].map(([kept, list]) => {
    const names = list.map(({ name }) => name).join(", ");
    return `${names}: no scalings of hidden units pass, ${kept === "" ? "nor anything else" : `only ${kept}`}.`;
  });
  const isUnfolded = operators.some(({ name }) => name === "BatchNormalization");
  return [
    [
      ...lines,
      ...(isUnfolded ? ["isoloss model fold moves batch normalizations into the layers before them."] : []),
      ...(Object.keys(sizes).length > 0
        ? [`Traced with ${sizesText(sizes)}; other sizes: --size NAME=N.`]
        : []),
    ].join("\n"),
  ].filter((text) => text !== "");
}

const grouped = (n: number): string => n.toLocaleString("en-US");
