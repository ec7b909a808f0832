// The header of the NPY format: NumPy Enhancement Proposal 1 and numpy.lib.format, versions 1.0 to 3.0.
import { firstBytes } from "../bytes.js";
import { DataError } from "../errors.js";

export interface NpyHeader {
  /** The element type, such as `<f4`; null for records with named fields. */
  readonly descr: string | null;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements start. */
  readonly dataStart: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** No header of numbers comes near: a longer one is damage. */
const longest = 10_000_000;

/** Whether bytes start with the magic string of a `.npy` file. */
const isNpy = (bytes: Uint8Array): boolean => magic.every((byte, i) => bytes[i] === byte);

/** @throws DataError when the bytes do not start with a complete header */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  if (!isNpy(bytes)) {
    throw new DataError(
      `An .npy file starts with 93 4e 55 4d 50 59; got ${firstBytes(bytes)}. Write one with np.save(path, array).`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw new DataError(`The .npy file is truncated: it has ${bytes.length} bytes.`);
  if (version < 1 || version > 3) {
    throw new DataError(`The .npy file has version ${version}.${bytes[7]}; known are 1.0, 2.0 and 3.0.`);
  }
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataStart = start + length;
  if (length > longest || dataStart > bytes.length) {
    throw new DataError(
      `The header of the .npy file should have ${length} bytes, but ${bytes.length - start} follow. It is truncated or damaged.`,
    );
  }
  const encoding = version === 3 ? "utf-8" : "latin1";
  return { ...fieldsOf(new TextDecoder(encoding).decode(bytes.subarray(start, dataStart))), dataStart };
}

/** The three fields of a header, a literal of a Python dictionary. */
function fieldsOf(text: string): Omit<NpyHeader, "dataStart"> {
  const wrong = (): never => {
    throw new DataError(
      `The header of the .npy file must be {'descr': ..., 'fortran_order': ..., 'shape': ...}; got ${JSON.stringify(text.trim().slice(0, 120))}.`,
    );
  };
  const header = new PythonLiteral(text, wrong).read();
  if (!(header instanceof Map) || header.size !== 3) return wrong();
  const [descr, isFortran, shape] = ["descr", "fortran_order", "shape"].map((key) => header.get(key));
  if (typeof isFortran !== "boolean" || !isSizes(shape)) return wrong();
  if (typeof descr !== "string" && !Array.isArray(descr)) return wrong();
  return { descr: typeof descr === "string" ? descr : null, isFortran, shape };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n));

/** A Python literal of strings, booleans, integers, tuples, lists and dictionaries; both sequences become arrays. */
class PythonLiteral {
  private readonly tokens: readonly string[];
  private at = 0;

  constructor(
    text: string,
    private readonly fail: () => never,
  ) {
    // The integers of Python 2 may end in L.
    const pattern = /\s*('[^'\\]*'|"[^"\\]*"|True|False|\d+L?|[()[\]{}:,])|\s*(\S)/g;
    this.tokens = [...text.matchAll(pattern)].map(([, token]) => token ?? fail());
  }

  read(): unknown {
    const value = this.value();
    return this.at === this.tokens.length ? value : this.fail();
  }

  private value(): unknown {
    const token = this.tokens[this.at++] ?? this.fail();
    if (/^['"]/.test(token)) return token.slice(1, -1);
    if (/^\d/.test(token)) return Number.parseInt(token, 10);
    if (token === "True" || token === "False") return token === "True";
    if (token === "(") return this.items(")", () => this.value());
    if (token === "[") return this.items("]", () => this.value());
    if (token === "{") return new Map(this.items("}", () => this.entry()));
    return this.fail();
  }

  private entry(): [unknown, unknown] {
    const key = this.value();
    if (this.tokens[this.at++] !== ":") this.fail();
    return [key, this.value()];
  }

  private items<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    while (this.tokens[this.at] !== end) {
      items.push(item());
      if (this.tokens[this.at] === ",") this.at++;
      else if (this.tokens[this.at] !== end) this.fail();
    }
    this.at++;
    return items;
  }
}
