import { pinTrackerConformance } from '@cluster/testing'
import { IndexedTracker } from './indexed-tracker.ts'

pinTrackerConformance('pintracker', (context, limits) => new IndexedTracker(context, limits))
