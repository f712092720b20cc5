/** What became of a host call. */
export enum Status {
  Ok,
  /** There is no such header, property, key. */
  NotFound,
  /** Somebody else wrote the key since it was read, or it exists already. */
  Mismatch,
  /** Anything else: the host could not, or our arena was full. */
  Failed,
}

/** The one place where host statuses become ours (numbers: proxy-wasm ABI 0.2.1). */
export function toStatus(result: u32): Status {
  switch (result) {
    case 0:
      return Status.Ok;
    case 1:
    case 7:
      return Status.NotFound;
    case 8:
      return Status.Mismatch;
    default:
      return Status.Failed;
  }
}
