import { opened } from "isoloss-test-support/model-file/builder";
import { expect, it } from "vitest";
import { ProtoWriter } from "../../../core/src/runtime/onnx/protobuf.js";
import { replaceTensors } from "../../src/model-file/edit/replace-tensors.js";

/** Writes an input or output of two axes, one named, and all that can be said of it. */
const value = (name: string, code: number, size: number) => (w: ProtoWriter) => {
  w.string(1, name);
  w.message(2, (type) => {
    type.message(1, (tensor) => {
      tensor.int(1, code);
      tensor.message(2, (shape) => {
        shape.message(1, (axis) => {
          axis.string(2, "batch");
          axis.string(3, "DATA_BATCH");
        });
        shape.message(1, (axis) => axis.int(1, size));
      });
    });
    type.string(6, "IMAGE");
  });
  w.string(3, `doc of ${name}`);
  w.message(4, (entry) => entry.string(1, "key"));
};

/** A stored vector with text and an entry. */
const vector = (code: number, bytes: Uint8Array, size: number) => (w: ProtoWriter) => {
  w.packedInts(1, [size]);
  w.int(2, code);
  w.string(8, "w");
  w.bytes(9, bytes);
  w.string(12, "doc of w");
  w.message(16, (entry) => entry.string(1, "key"));
};

function model(write: (graph: ProtoWriter) => void): Uint8Array {
  const w = new ProtoWriter();
  w.message(7, write);
  return w.finish();
}

it("keeps what a file says of a tensor, an input and an output whose types change", () => {
  const [floats, halves] = [new Uint8Array(8), new Uint8Array(4)];
  const file = (code: number, data: Uint8Array) =>
    model((graph) => {
      graph.message(5, vector(code, data, 2));
      graph.message(11, value("x", code, 2));
      graph.message(12, value("y", code, 2));
    });
  const tensor = { name: "w", dtype: "float16", shape: [2], data: new Uint16Array(2) } as const;
  const changed = replaceTensors(opened(file(1, floats)), {
    tensors: new Map([["w", tensor]]),
    dtypeOf: () => "float16",
  });
  expect(changed.bytes).toEqual(file(10, halves));
});

it("gives a stored tensor that is an input, too, its other shape", () => {
  const input = (size: number) => (w: ProtoWriter) => {
    w.string(1, "w");
    w.message(2, (type) => {
      type.message(1, (tensor) => {
        tensor.int(1, 1);
        tensor.message(2, (shape) => shape.message(1, (axis) => axis.int(1, size)));
      });
      type.string(6, "FILTER");
    });
  };
  const file = (size: number) =>
    model((graph) => {
      graph.message(5, vector(1, new Uint8Array(4 * size), size));
      graph.message(11, input(size));
    });
  const tensor = { name: "w", dtype: "float32", shape: [1], data: new Float32Array(1) } as const;
  expect(replaceTensors(opened(file(2)), { tensors: new Map([["w", tensor]]) }).bytes).toEqual(file(1));
});
