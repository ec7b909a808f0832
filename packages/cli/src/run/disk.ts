/** What a disk says that takes nothing at the moment: no run is to blame, and each of them would fail. */
const codes = ["ENOSPC", "EDQUOT", "EFBIG", "EROFS"];

/** Whether an error, or one that caused it, is that the disk is full or cannot be written. */
export function isDiskError(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, cause } = error as NodeJS.ErrnoException;
  return (code !== undefined && codes.includes(code)) || isDiskError(cause);
}
