import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** A program: of this repository, from its sources or as it is published, or another. */
export interface Program {
  readonly file: string
  /** A program of the machine instead of one for Node. */
  readonly native?: boolean
}

/** A program as a clone runs it, from the sources. */
export function fromSource(app: 'service' | 'ctl'): Program {
  return { file: `${repository}apps/${app}/bin/ipfs-cluster-${app}.js` }
}

/** A program as users install it: the bundle that `build` makes. */
export function fromBundle(app: 'service' | 'ctl'): Program {
  return { file: `${repository}apps/${app}/dist/main.js` }
}
