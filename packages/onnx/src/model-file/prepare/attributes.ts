import type { OnnxNode } from "isoloss/internal";

export function int({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return attribute?.kind === "int" ? attribute.value : otherwise;
}

export function float({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return attribute?.kind === "float" ? attribute.value : otherwise;
}

export function ints(
  { attributes }: OnnxNode,
  name: string,
  otherwise: readonly number[],
): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === "ints" ? attribute.value : otherwise;
}

export function string({ attributes }: OnnxNode, name: string, otherwise: string): string {
  const attribute = attributes[name];
  return attribute?.kind === "string" ? attribute.value : otherwise;
}

/** Whether a node is of the standard operator set. */
export const isStandard = ({ domain = "" }: OnnxNode): boolean => domain === "" || domain === "ai.onnx";
