import { blockExchangeConformance } from './block-exchange-conformance.ts'
import { MemoryExchangeHub } from './memory-exchange.ts'
import { testPeerId } from './test-peer-id.ts'

blockExchangeConformance('MemoryExchange', (count) => {
  const hub = new MemoryExchangeHub()
  const exchanges = Array.from({ length: count }, (_, i) => hub.join(testPeerId(i + 1)))
  return Promise.resolve({ exchanges, stop: () => Promise.resolve() })
})
