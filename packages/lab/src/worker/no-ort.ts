// In the place of ONNX Runtime: the lab computes in JavaScript, and downloads no WebAssembly.

export const defaultProvider = "wasm";
export const float32Providers: readonly string[] = [];
export const inTurn = <T>(_: string, task: () => Promise<T>): Promise<T> => task();
export const whyNoOrt = async (): Promise<string> => "The lab computes in JavaScript, without ONNX Runtime.";
export const loadOrt = async (): Promise<never> => {
  throw new Error(await whyNoOrt());
};
export const listProviders = async (): Promise<readonly string[]> => [];
