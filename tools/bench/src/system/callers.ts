import { contentCid } from '@cluster/processes'
import { Agent, request } from 'node:http'
import type { CallersInit, CallersResult } from './call.ts'

/** A process of its own: callers that pin one CID after the other over HTTP, each over one connection that stays open. */
const { url, callers, pins, seed } = JSON.parse(process.argv[2] ?? '') as CallersInit

const agent = new Agent({ keepAlive: true, maxSockets: callers })
const { hostname, port } = new URL(url)
const latenciesMs: number[] = []
const failures: string[] = []
let next = 0

function post(cid: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ agent, hostname, port, method: 'POST', path: `/pins/${cid}` }, (response) => {
      response.resume()
      response.once('end', () => {
        resolve(response.statusCode ?? 0)
      })
    })
    call.once('error', reject)
    call.end()
  })
}

async function caller(): Promise<void> {
  while (next < pins) {
    const cid = contentCid(`${seed} ${(next++).toString()}`)
    const begun = performance.now()
    try {
      const status = await post(cid)
      if (status !== 200) failures.push(`status ${status.toString()}`)
      latenciesMs.push(performance.now() - begun)
    } catch (error) {
      failures.push(String(error))
    }
  }
}

const begun = performance.now()
await Promise.all(Array.from({ length: callers }, caller))
const seconds = (performance.now() - begun) / 1000
latenciesMs.sort((a, b) => a - b)
const { user, system } = process.cpuUsage()
const result: CallersResult = {
  seconds,
  failures: failures.length,
  failure: failures[0],
  medianMs: latenciesMs[Math.floor(latenciesMs.length / 2)] ?? 0,
  slowestMs: latenciesMs.at(-1) ?? 0,
  cpuSeconds: (user + system) / 1e6,
  lastAnswerMs: Date.now()
}
agent.destroy()
process.stdout.write(JSON.stringify(result))
