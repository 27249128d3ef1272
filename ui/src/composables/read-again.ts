/** Reads once for all who ask at the same time; who asks while a reading is under way may know of something newer, so it is read once more. */
export function readOnceMore(read: () => Promise<void>): () => Promise<void> {
  let reading: Promise<void> | null = null;
  let isStale = false;
  async function untilFresh(): Promise<void> {
    do {
      isStale = false;
      await read();
    } while (isStale);
  }
  return () => {
    if (reading) isStale = true;
    return (reading ??= untilFresh().finally(() => (reading = null)));
  };
}
