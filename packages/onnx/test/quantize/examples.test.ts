// Batches that do not fit a file or are not finite: refused alike by all that run files on them.

import { array, DataError, type NdArray, OptionError } from "isoloss";
import { modelError, quantizeModel, toHalf } from "isoloss-onnx";
import { Builder } from "isoloss-test-support/model-file/builder";
import { describe, expect, it } from "vitest";
import { calibrate } from "../../src/quantize/calibrate.js";

const b = new Builder();
const bytes = b.bytes(["batch", 2], b.product("x", 2, 2));
const rows = (last: number): NdArray =>
  array([
    [1, 2],
    [3, last],
  ]);
type Batches = readonly Readonly<Record<string, NdArray>>[];
const fine = { x: rows(4) };

describe.each<readonly [string, string, (batches: Batches) => Promise<unknown>]>([
  ["quantizeModel", "calibration", (calibration) => quantizeModel(bytes, { calibration })],
  ["quantizeModel", "heldOut", (heldOut) => quantizeModel(bytes, { calibration: [fine], heldOut })],
  ["calibrate", "batches", (batches) => calibrate(bytes, batches)],
  ["modelError", "inputs", (inputs) => modelError(bytes, bytes, { inputs })],
  ["toHalf", "calibration", (calibration) => toHalf(bytes, { calibration })],
])("%s, %s", (op, what, run) => {
  it.each([Number.NaN, Infinity, -Infinity])("refuses %d, and says where it is", async (x) => {
    const error = await run([fine, { x: rows(x) }]).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toContain(
      `${op}: ${what}[1]: the array for "x" has numbers that are not finite: its element 3 is ${x}.`,
    );
  });

  it.each([
    [{ ...fine, z: rows(1) }, 'the model has no input "z"; its inputs are x, the batch has x, z.'],
    [{ z: rows(1) }, 'the model\'s input "x" is missing; its inputs are x, the batch has z.'],
  ])("refuses other arrays than those of the inputs", async (batch, message) => {
    const error = await run([fine, batch]).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OptionError);
    expect(String(error)).toContain(`${op}: ${what}[1]: ${message}`);
  });
});
