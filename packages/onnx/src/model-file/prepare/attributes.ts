import type { OnnxNode } from "isoloss/internal";

export function int({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const given = attributes[name];
  return given?.kind === "int" ? given.value : otherwise;
}

export function float({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const given = attributes[name];
  return given?.kind === "float" ? given.value : otherwise;
}

export function string({ attributes }: OnnxNode, name: string, otherwise: string): string {
  const given = attributes[name];
  return given?.kind === "string" ? given.value : otherwise;
}

/** Whether a node is of the standard operator set. */
export const isStandard = ({ domain = "" }: OnnxNode): boolean => domain === "" || domain === "ai.onnx";
