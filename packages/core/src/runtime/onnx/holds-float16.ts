// The ONNX schema (onnx.in.proto), read where types are alone: a file may hold what the codec does not read.
import { dtypeCode } from "./dtypes.js";
import { ProtoReader } from "./protobuf.js";

const FLOAT16 = BigInt(dtypeCode("float16"));

/** Whether a model has values of float16: stored, as inputs, or made by a node that is given their type, such as a Cast. */
export function holdsFloat16(model: Uint8Array): boolean {
  return inModel(new ProtoReader(model));
}

/** Whether something holds of the field that is to be read. */
type Test = (r: ProtoReader) => boolean;

/** Whether one of the tests, by the numbers of fields, holds in a message. */
function holdsIn(r: ProtoReader, tests: Readonly<Record<number, Test>>): boolean {
  for (let field = r.next(); field !== 0; field = r.next()) {
    const test = tests[field];
    if (test === undefined) r.skip();
    else if (test(r)) return true;
  }
  return false;
}

const message =
  (tests: Readonly<Record<number, Test>>): Test =>
  (r) =>
    holdsIn(r.message(), tests);

const isFloat16: Test = (r) => r.int64() === FLOAT16;

const tensor = message({ 2: isFloat16 });

const input = message({ 2: message({ 1: message({ 1: isFloat16 }) }) });

function attribute(r: ProtoReader): boolean {
  let name = "";
  let isCode = false;
  const holdsValue = holdsIn(r.message(), {
    1: (own) => {
      name = own.string();
      return false;
    },
    3: (own) => {
      isCode = isFloat16(own);
      return false;
    },
    5: tensor,
    6: (own) => graph(own),
  });
  return holdsValue || (isCode && ["to", "dtype"].includes(name));
}

const node = message({ 5: attribute });

const graph = message({ 1: node, 5: tensor, 11: input });

const inModel: Test = (r) => holdsIn(r, { 7: graph, 25: message({ 7: node }) });
