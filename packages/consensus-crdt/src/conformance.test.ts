import { consensusConformance } from '@cluster/testing'
import { crdtConfig, CrdtConsensus } from './index.ts'

consensusConformance('crdt', (context) => new CrdtConsensus({ ...context, bootstrap: undefined }, crdtConfig.defaults))
