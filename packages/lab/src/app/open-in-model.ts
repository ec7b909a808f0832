import { printAddress, readAddress } from "../url/address.js";

let given: File | undefined;

/** Shows the model screen, which opens the bytes of an `.onnx` file as if they were dropped there: unsaved moves are asked about first. */
export function openInModel(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  given = new File([bytes], name);
  const { address } = readAddress(location.hash);
  location.hash = printAddress({ ...address, screen: "model", query: "" });
}

/** The file that the model screen was given, once. */
export function takeGiven(): File | undefined {
  const file = given;
  given = undefined;
  return file;
}
