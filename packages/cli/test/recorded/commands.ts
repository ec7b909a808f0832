// Every command on small inputs, in an order in which each finds what those before it left.

export interface RecordedCommand {
  readonly name: string;
  readonly args: readonly string[];
  /** Its exit code, if not 0. */
  readonly code?: number;
}

const row = (name: string, line: string, code?: number): RecordedCommand => ({
  name,
  args: line.split(" "),
  ...(code === undefined ? {} : { code }),
});

const plain = "runs/small-plain-0-1";
const exact = "runs/small-exact-0-1";

/** Commands whose text and whose document of `--json` are both recorded. */
export const both: readonly RecordedCommand[] = [
  row("run", "run small.yaml --quiet"),
  row("run-digits", "run digits.yaml --quiet --seeds 2..3"),
  row("run-tasks", "run tasks.yaml --quiet"),
  row("run-diverges", "run small.yaml --variant plain --quiet --set learningRate=5 --set steps=1000", 1),
  row("compare", `compare ${plain} ${exact} --target 3`),
  row("plot", `plot ${plain} ${exact}`),
  row("diagnose", `diagnose ${exact}`),
  row("diagnose-experiment", "diagnose toy"),
  row("export-csv", `export ${plain} --to csv`),
  row("export-onnx", "export runs/digits-2-1 --to onnx --out digits.onnx"),
  row("export-safetensors", "export runs/digits-2-1 --to safetensors --out digits.safetensors"),
  row("reproduce", "reproduce tuned.yaml --quiet"),
  row("reproduce-list", "reproduce --list"),
  row("list", "list"),
  row("list-method", "list caGrad"),
  row("data-list", "data list"),
  row("data-verify", "data verify digits"),
  row("data-sample", "data sample nyuv2 nyuv2-sample --examples 1"),
  row("data-verify-sample", "data verify nyuv2 nyuv2-sample --part"),
  row("sweep", "sweep rates.yaml --quiet --jobs 1"),
  row("sweep-verify", "sweep --verify sweeps/rates-1"),
  row("sweep-list", "sweep --list"),
  row("model-inspect", "model inspect normalized.onnx"),
  row("model-summary", "model summary normalized.onnx"),
  row("model-symmetries", "model symmetries normalized.onnx"),
  row("model-fold", "model fold normalized.onnx -o folded.onnx"),
  row("model-verify", "model verify normalized.onnx folded.onnx"),
  row("model-imbalance", "model imbalance folded.onnx"),
  row("model-balance", "model balance folded.onnx -o balanced.onnx"),
  row("model-restore", "model restore folded.onnx --calibration x.npy -o restored.onnx"),
  row("model-rotate", "model rotate unused.onnx -o turned.onnx"),
  row("model-quantize", "model quantize normalized.onnx --calibration x.npy -o int8.onnx"),
  row("model-prune", "model prune normalized.onnx --fraction 0.5 -o pruned.onnx"),
  row("model-half", "model half normalized.onnx --calibration x.npy -o half.onnx"),
  row("model-low-rank", "model low-rank unused.onnx -o smaller.onnx"),
  row(
    "model-finetune",
    "model finetune folded.onnx --data x.npy --labels y.npy --rate 0.01 --epochs 4 -o tuned.onnx",
  ),
];
