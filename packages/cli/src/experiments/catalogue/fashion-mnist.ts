import { loadIdxDataset } from "isoloss/node";
import { keptLast } from "./kept-last.js";

const load = keptLast(loadIdxDataset);

/** Fashion-MNIST, unpacked once for all runs of a thread. */
export const fashionMnist = (): ReturnType<typeof loadIdxDataset> => load("fashion-mnist");
