import { describe } from "vitest";
import { spaces } from "../recorded-walks.js";
import { expectSpaces } from "./walks.js";

const isRandom = ({ name }: (typeof spaces)[number]) => name === "random networks";

describe("an ascent in null spaces as one loop", () => {
  expectSpaces(spaces.filter((row, k) => k % 2 === 1 || isRandom(row)));

  // ONNX Runtime has no convolutions in float64.
  expectSpaces(
    spaces.filter((row) => !isRandom(row) && row.name !== "a convolutional network"),
    "onnx",
  );
});
