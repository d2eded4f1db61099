import { ClusterError, type AddParams } from '@cluster/api'
import { chunkerOf, type Chunker } from './chunk/chunker.ts'
import { BalancedFile } from './dag/balanced-file.ts'
import type { CidFormat } from './dag/dag-node.ts'
import type { FileLayout } from './dag/file-layout.ts'
import { hashFunctionOf, SHA2_256 } from './dag/hash-function.ts'
import { TrickleFile } from './dag/trickle-file.ts'

/** What the parameters mean for the building of the DAG. */
export interface Plan {
  readonly format: CidFormat
  readonly chunker: Chunker
  /** Makes the layout of each file. */
  readonly layout: () => FileLayout
}

/**
 * Checks the parameters before anything is read. A CAR has its blocks already: then there is no plan.
 *
 * @throws {ClusterError} `BAD_REQUEST`, with the text of the reference
 * @see behaviours.md §6.2
 */
export function planOf(params: AddParams): Plan | 'car' {
  if (!['unixfs', 'car', ''].includes(params.format)) throw bad('bad dag formatter option')
  if (params.format === 'car') {
    if (params.wrapWithDirectory) throw bad('cannot wrap a CAR file upload')
    return 'car'
  }
  const format = formatOf(params)
  const layout = params.layout === 'trickle' ? () => new TrickleFile(format) : () => new BalancedFile(format)
  return { format, layout, chunker: chunkerOf(params.chunker) }
}

function formatOf({ cidVersion: version, hash: name, rawLeaves }: AddParams): CidFormat {
  if (version !== 0 && version !== 1) throw bad(`bad CID Version: unknown CID version: ${version}`)
  const hash = hashFunctionOf(name)
  if (version === 0 && hash !== SHA2_256) throw bad('invalid cid: invalid v0 prefix')
  return { version, hash, rawLeaves }
}

const bad = (text: string): ClusterError => new ClusterError('BAD_REQUEST', text)
