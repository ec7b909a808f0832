// The element types of ONNX, of which the graph has four.
import type { OnnxDType } from "../../runtime/onnx/schema.js";

export const isFloatKind = (kind: OnnxDType): boolean => kind.includes("float");
