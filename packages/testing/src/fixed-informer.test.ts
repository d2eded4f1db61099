import { FixedInformer } from './fixed-informer.ts'
import { informerConformance } from './informer-conformance.ts'
import { testContext } from './test-context.ts'

informerConformance('FixedInformer', () => {
  const { self, clock } = testContext()
  return { informer: new FixedInformer('freespace', 7n, self, clock), clock }
})
