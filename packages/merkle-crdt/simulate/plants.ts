import type { Plant } from '@cluster/testing'

const SOURCE = '/merkle-crdt/src'

/** Faults that the simulation must find: each is one line of the engine, changed as it is loaded. */
export const plants: Readonly<Record<string, Plant>> = {
  'merge-rule': {
    about: 'of two values of the same priority the smaller one wins',
    file: `${SOURCE}/store/merge.ts`,
    find: 'compareBytes(current.value, value) >= 0',
    replace: 'compareBytes(current.value, value) <= 0'
  },
  'early-ack': {
    about: 'a block is acknowledged and announced before it is synced to the disk',
    file: `${SOURCE}/store/draft.ts`,
    find: 'commit(operations, { durable: true })',
    replace: 'commit(operations, { durable: false })'
  },
  'early-journal': {
    about: 'a batched change is acknowledged before the journal is synced to the disk',
    file: `${SOURCE}/changes/publisher.ts`,
    find: 'commit(journal, { durable: true })',
    replace: 'commit(journal, { durable: false })'
  },
  'lost-child': {
    about: 'of the links of a block that have to be fetched, only the first is written down',
    file: `${SOURCE}/store/process.ts`,
    find: 'jobs.link(draft, cid, root, job.walk)',
    replace: 'jobs.link(index === 0 ? draft : undefined, cid, root, job.walk)'
  },
  'dropped-head': {
    about: 'a block that attaches below the heads does not become a head',
    file: `${SOURCE}/store/process.ts`,
    find: '} else if (!isPlaced) {\n      heads.add(draft, root)',
    replace: '} else if (!isPlaced) {'
  },
  'ignored-tombstone': {
    about: 'tombstones of blocks that are not here yet are forgotten',
    file: `${SOURCE}/store/merge.ts`,
    find: 'await draft.putTombstones(additions)',
    replace:
      'const here = await draft.areProcessed(additions.map(({ id }) => id));' +
      'await draft.putTombstones(additions.filter((_, index) => here[index]))'
  },
  'split-write': {
    about: 'the mark that a block is processed is written before what it changes',
    file: `${SOURCE}/store/draft.ts`,
    find: 'await this.#storage.commit(operations, { durable: true })',
    replace:
      "const all = operations; const isMark = (o: StorageOperation) => 'put' in o && /\\/b\\/[^/]+$/.test(o.put.key.toString());" +
      'await this.#storage.commit(all.filter(isMark), { durable: true });' +
      'await this.#storage.commit(all.filter((o) => !isMark(o)), { durable: true })'
  },
  'orphaned-block': {
    about: 'a block formed ahead is written although the one below it could not be',
    file: `${SOURCE}/changes/publishing.ts`,
    find: 'if (this.#failure !== undefined || block === undefined) {',
    replace: 'if (block === undefined) {'
  },
  'quiet-feed': {
    about: 'the feed of changes tells of removals only',
    file: `${SOURCE}/store/draft.ts`,
    find: 'this.#values.set(key, candidate)\n    this.changed.add(key)',
    replace: 'this.#values.set(key, candidate)'
  }
}
