import { registerHooks, type LoadHook } from 'node:module'

/** A fault put into the source on purpose, as it is loaded, to see that the simulation finds it. */
export interface Plant {
  /** What is broken, for `--help`. */
  readonly about: string
  /** End of the URL of the module, such as `/merkle-crdt/src/store/merge.ts`. */
  readonly file: string
  /** A piece of its text that occurs exactly once … */
  readonly find: string
  /** … and what stands there instead. */
  readonly replace: string
}

/**
 * Plants a fault in a module that is not loaded yet, in this thread.
 *
 * @returns throws if the module was not loaded since, so that a fault is never thought planted when it is not
 */
export function plantFault(plant: Plant): () => void {
  let isPlanted = false
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(plant.file)) return loaded
      const source = textOf(loaded.source)
      const parts = source.split(plant.find)
      if (parts.length !== 2) {
        throw new Error(`cannot plant a fault: ${plant.file} has ${parts.length - 1} times: ${plant.find}`)
      }
      isPlanted = true
      return { ...loaded, source: parts.join(plant.replace) }
    }
  })
  return () => {
    if (!isPlanted) throw new Error(`cannot plant a fault: ${plant.file} was not loaded`)
  }
}

function textOf(source: Awaited<ReturnType<LoadHook>>['source']): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source ?? new Uint8Array())
}
