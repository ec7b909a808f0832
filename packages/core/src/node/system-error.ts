/** The meaning of an operating system's error code for a user who gave a path or an address. */
const explanations: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  ECONNREFUSED: "nothing listens at that address",
  ECONNRESET: "the other side closed the connection",
  EDQUOT: "the disk quota is used up",
  EEXIST: "it is there already",
  EFBIG: "the file would be larger than the system allows",
  EISDIR: "it is a directory",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or directory",
  ENOSPC: "no space is left on the disk",
  ENOTDIR: "a part of the path is not a directory",
  ENOTEMPTY: "the directory is not empty",
  ENOTFOUND: "there is no such host",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ETIMEDOUT: "no answer in time",
};

/** Why a system call failed, as the end of a sentence without a full stop; for other errors, their message. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && Object.hasOwn(explanations, code)) return explanations[code];
  return error instanceof Error ? error.message : String(error);
}
