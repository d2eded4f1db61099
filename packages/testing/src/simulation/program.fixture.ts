import { runSimulation } from './run.ts'

await runSimulation({
  name: 'counter',
  program: import.meta.url,
  load: async () => (await import('./counter.fixture.ts')).countTicks,
  plants: {
    deaf: {
      about: 'no tick is heard',
      file: '/counted.fixture.ts',
      find: 'return ticks + 1',
      replace: 'return ticks'
    },
    endless: {
      about: 'the clock never moves',
      file: '/counter.fixture.ts',
      find: 'await clock.advance(10)',
      replace: 'await new Promise(() => undefined)'
    },
    gone: {
      about: 'a fault whose line is not there',
      file: '/counted.fixture.ts',
      find: 'ticks - 1',
      replace: 'ticks'
    },
    nowhere: { about: 'a fault in a module that is not there', file: '/nowhere.ts', find: 'a', replace: 'b' }
  }
})
