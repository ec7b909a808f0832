import { parquetWriteBuffer } from "hyparquet-writer";

/** A Parquet file of columns. */
export const parquetFile = (
  columns: Readonly<Record<string, readonly (number | string | null)[]>>,
): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: Object.entries(columns).map(([name, data]) => ({ name, data: [...data] })),
    }),
  );
