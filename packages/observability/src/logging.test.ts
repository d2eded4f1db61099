import { describe, expect, it } from 'vitest'
import { createLogging, parseLogLevels, type LineFormat } from './index.ts'

function logTo(
  levels: string,
  format: LineFormat = 'nocolor'
): { lines: string[]; logging: ReturnType<typeof createLogging> } {
  const lines: string[] = []
  const output = { write: (line: string) => lines.push(line) }
  return { lines, logging: createLogging({ levels: parseLogLevels(levels), format, output }) }
}

describe('logs', () => {
  it('look as those of the reference', () => {
    const { lines, logging } = logTo('info')
    logging.logger('cluster').info('** IPFS Cluster is READY **')
    logging.logger('cluster').warn('slow', { ms: 7, error: new Error('disk full') })
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\tINFO\tcluster\t\*\* IPFS Cluster is READY \*\*\n$/)
    expect(lines[1]).toMatch(/\tWARN\tcluster\tslow\t\{"ms":7,"error":"disk full"\}\n$/)
  })

  it('have a level for each facility', () => {
    const { lines, logging } = logTo('error,crdt:debug')
    const log = logging.logger('cluster')
    log.info('no')
    log.child('crdt').debug('yes')
    expect(lines.map((line) => line.split('\t').slice(1).join(' '))).toEqual(['DEBUG crdt yes\n'])
  })

  it('come as JSON or in colour when asked', () => {
    const json = logTo('info', 'json')
    json.logging.logger('restapi').info('listening', { port: 1 })
    expect(JSON.parse(json.lines[0] ?? '')).toMatchObject({
      level: 'info',
      logger: 'restapi',
      msg: 'listening',
      port: 1
    })
    const colour = logTo('info', 'color')
    colour.logging.logger('x').error('red')
    expect(colour.lines[0]).toContain('\u001b[31mERROR\u001b[0m')
  })

  it('take the lines of libp2p, errors only unless asked for more', () => {
    const { lines, logging } = logTo('info')
    const log = logging.libp2p.forComponent('libp2p:tcp')
    log('dialled %p in %d ms', 'somebody', 3)
    expect(log.enabled).toBe(false)
    log.newScope('listener').error('failed %s - %e', 'once', new Error('broken pipe'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/\tERROR\tlibp2p:tcp\tfailed once - Error: broken pipe/)
  })
})

describe('the levels', () => {
  it('are read as a list', () => {
    const levels = parseLogLevels('warn,,crdt:debug,p2p-gorpc:WARNING,x:loud')
    expect(levels.overall).toBe('warn')
    expect([...levels.byFacility]).toEqual([
      ['crdt', 'debug'],
      ['p2p-gorpc', 'warn']
    ])
    expect(parseLogLevels('all:error').overall).toBe('error')
    expect(() => parseLogLevels('a:b:c')).toThrow('log level not in expected format')
  })
})
