import { loadIdxDataset } from "isoloss/node";

let loading: ReturnType<typeof loadIdxDataset> | undefined;

/** Fashion-MNIST, unpacked once for all runs of a thread: that takes as long as a short run. */
export function fashionMnist(): ReturnType<typeof loadIdxDataset> {
  loading ??= loadIdxDataset("fashion-mnist");
  return loading;
}
