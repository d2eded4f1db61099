import { contentCid, fromBundle, GoPeer, InstantDaemons, PeerProcess } from '@cluster/processes'
import { newSecret, TestCluster } from '../test-cluster.ts'
import { cids, pin, unpin } from './rest.ts'
import type { GoPrograms } from './mixed.ts'
import path from 'node:path'

/** How often the folder changes hands, and what each writes. */
export interface SharedFolderInit extends GoPrograms {
  readonly rounds: number
  readonly pins: number
}

/** What one of the two found, and what should be there. */
export interface Found {
  readonly by: 'go' | 'ours'
  /** Before it changed anything, or after that. */
  readonly when: 'at first' | 'at last'
  readonly found: readonly string[]
  readonly wanted: readonly string[]
}

/** A folder that the Go peer made is opened by the two in turns; each looks at what is there, pins and unpins. */
export async function sharedFolder({ service, ctl, rounds, pins }: SharedFolderInit): Promise<Found[]> {
  await using daemons = await InstantDaemons.start(1)
  await using cluster = await TestCluster.create()
  const folder = path.join(cluster.folder, 'shared')
  const kubo = daemons.address(0)
  await using go = await GoPeer.create({ service, ctl, folder, secret: newSecret(), kubo })
  const wanted = new Set<string>()
  const all: Found[] = []
  const work = async (by: Found['by'], round: number): Promise<void> => {
    const look = async (when: Found['when']): Promise<void> => {
      all.push({ by, when, found: (await cids(go.restUrl)).sort(), wanted: [...wanted].sort() })
    }
    await look('at first')
    for (let index = 0; index < pins; index++) {
      const cid = contentCid(`${by} ${round.toString()} ${index.toString()}`)
      if (!(await pin(go.restUrl, cid, `?name=${by}`))) throw new Error(`${by} did not pin`)
      wanted.add(cid)
    }
    // some of what the other one wrote, and some of its own
    for (const cid of [...wanted].filter((_, index) => index % 5 === round % 5)) {
      if (!(await unpin(go.restUrl, cid))) throw new Error(`${by} did not unpin`)
      wanted.delete(cid)
    }
    await look('at last')
  }
  for (let round = 0; round <= rounds; round++) {
    await go.start()
    await work('go', round)
    await go.stop()
    const ours = new PeerProcess({ name: 'ours', folder, program: fromBundle('service'), env: {} })
    try {
      await ours.ready()
      await work('ours', round)
    } finally {
      await ours.stop()
    }
  }
  return all
}
