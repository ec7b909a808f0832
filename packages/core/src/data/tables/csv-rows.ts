// RFC 4180: comma-separated values, lines ended by CR LF or LF, fields quoted where they need it.
import { DataError } from "../../errors.js";
import type { TableRow } from "./table.js";

/** A record as it is read: fields, and where it begins, for messages. */
interface Parsed {
  readonly fields: readonly string[];
  readonly line: number;
}

/**
 * The records of a CSV text that comes in pieces.
 *
 * @param delimiter one character
 * @throws DataError for a quote that is not closed, or stands within a field
 */
async function* csvRows(pieces: AsyncIterable<string>, delimiter: string): AsyncGenerator<Parsed> {
  let fields: string[] = [];
  let field = "";
  let [line, first] = [1, 1];
  /**
   * Outside of quotes, within them, after a quote within them, which may be their end or half of a quote itself, or after their
   * end and a CR.
   */
  let place: "plain" | "quoted" | "after" | "ended" = "plain";
  const wrong = (what: string) =>
    new DataError(`CSV line ${line}: ${what}. A field with a quote is written "a ""quoted"" word".`);
  for await (const piece of pieces) {
    for (const c of piece) {
      if (place === "quoted") {
        if (c === '"') place = "after";
        else field += c;
        if (c === "\n") line += 1;
        continue;
      }
      if (c === '"' && place !== "ended") {
        if (place === "after") field += c;
        else if (field !== "")
          throw wrong(`a quote within a field that begins with ${JSON.stringify(field)}`);
        place = "quoted";
        continue;
      }
      if (c === "\n" || (c === delimiter && place !== "ended")) {
        const isPlain = place === "plain";
        fields.push(isPlain && c === "\n" ? field.replace(/\r$/, "") : field);
        field = "";
        place = "plain";
        if (c === delimiter) continue;
        // A line without anything is no record.
        if (fields.length > 1 || fields[0] !== "" || !isPlain) yield { fields, line: first };
        fields = [];
        line += 1;
        first = line;
        continue;
      }
      if (place === "plain") field += c;
      else if (place === "after" && c === "\r") place = "ended";
      else throw wrong(`${JSON.stringify(c)} after the end of a quoted field`);
    }
  }
  if (place === "quoted") throw new DataError(`CSV line ${first}: a quoted field has no end.`);
  const isPlain = place === "plain";
  if (field !== "" || fields.length > 0 || !isPlain) {
    yield { fields: [...fields, isPlain ? field.replace(/\r$/, "") : field], line: first };
  }
}

/**
 * The rows of a CSV text as those of a table.
 *
 * @throws DataError for an empty text, lines that end with CR, records of other lengths than the first, and quotes that {@link csvRows} refuses
 */
export async function* csvTable(
  open: () => AsyncIterable<string>,
  { delimiter, header }: { readonly delimiter: string; readonly header: boolean },
): AsyncGenerator<readonly string[] | TableRow> {
  let names: readonly string[] | undefined;
  for await (const { fields, line } of csvRows(open(), delimiter)) {
    if (names === undefined) {
      if (fields.some((field) => /\r(?!\n)/.test(field)))
        throw new DataError(
          "The lines of the CSV text end with CR: save it with lines that end with LF or CR LF.",
        );
      names = header ? fields.map((name) => name.trim()) : fields.map((_, i) => `${i}`);
      yield names;
      if (header) continue;
    }
    if (fields.length !== names.length) {
      throw new DataError(
        `CSV line ${line} has ${fields.length} fields; the first line has ${names.length}. Is the delimiter ${JSON.stringify(delimiter)} right?`,
      );
    }
    yield { values: fields, place: `line ${line}` };
  }
  if (names === undefined) throw new DataError("The CSV text is empty.");
}
