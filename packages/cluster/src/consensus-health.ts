import { plainConsensusHealth, type Consensus, type ConsensusHealth } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'

/** Where a consensus stands; of one that does not tell, that it does not. */
export async function consensusHealth(
  consensus: Pick<Consensus, 'health'>,
  options: AbortOptions
): Promise<ConsensusHealth> {
  return (
    (await consensus.health?.(options)) ?? plainConsensusHealth('', 'unknown', 'this consensus does not tell how it is')
  )
}
