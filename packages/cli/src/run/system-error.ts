/** Whether an error comes from the operating system: it has a code such as ENOENT and names the call. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === "string" && /^E[A-Z\d]+$/.test(code) && typeof syscall === "string";
}
