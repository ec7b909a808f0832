import { cases, expectSameDerivatives } from "./onnx-conv-support.js";

expectSameDerivatives(cases.slice(0, 1));
