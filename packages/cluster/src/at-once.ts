/** Does something for each item, a bounded number at a time; the first failure stops the rest and is thrown. */
export async function forEachAtOnce<T>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>
): Promise<void> {
  const results = mapAtOnce(items, limit, work)[Symbol.asyncIterator]()
  while ((await results.next()).done !== true);
}

/**
 * What becomes of each item, as it comes, a bounded number at a time. The next item is pulled when there is room for
 * it. The first failure is thrown, once what was begun has ended; so does breaking off.
 */
export async function* mapAtOnce<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>
): AsyncGenerator<R, void, undefined> {
  const running = new Set<Promise<{ readonly result: R }>>()
  const done: R[] = []
  const begin = (item: T): void => {
    const task: Promise<{ readonly result: R }> = work(item).then((result) => {
      running.delete(task)
      done.push(result)
      return { result }
    })
    // Thrown by the race below; the mark keeps the runtime quiet until then.
    task.catch(() => undefined)
    running.add(task)
  }
  try {
    for await (const item of items) {
      begin(item)
      if (running.size >= limit) await Promise.race(running)
      yield* done.splice(0)
    }
    while (running.size > 0 || done.length > 0) {
      if (done.length === 0) await Promise.race(running)
      yield* done.splice(0)
    }
  } finally {
    await Promise.allSettled(running)
  }
}
