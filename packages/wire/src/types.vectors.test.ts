import { readFileSync } from 'node:fs'
import { decodeAt, encode } from '@cluster/msgpack'
import { describe, expect, it } from 'vitest'
import { list, type Form } from './form.ts'
import * as wire from './index.ts'
import * as scalar from './scalars.ts'

interface TypeVector {
  readonly type: string
  readonly name: string
  readonly msgpack: string
  readonly json: string
  readonly decoded_json?: string
  readonly decode_error?: string
}
interface DecodeVector {
  readonly type: string
  readonly name: string
  readonly input: string
  readonly json?: string
  readonly error?: string
  readonly reencoded?: string
}

function load(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../testing/vectors/rpc/${file}`, import.meta.url), 'utf8'))
}
const { vectors: typeVectors } = load('types.json') as { readonly vectors: readonly TypeVector[] }
const { vectors: decodeVectors } = load('decode.json') as { readonly vectors: readonly DecodeVector[] }

const forms: Readonly<Record<string, unknown>> = {
  'peer.ID': scalar.peer,
  '[]peer.ID': list(scalar.peer),
  Cid: scalar.cid,
  Multiaddr: scalar.address,
  'time.Time': scalar.time,
  TrackerStatus: scalar.trackerStatus,
  IPFSPinStatus: scalar.ipfsPinStatus,
  PinType: scalar.pinType,
  PinMode: scalar.pinMode,
  PinDepth: scalar.int,
  PinOptions: wire.pinOptionsForm,
  Pin: wire.loosePinForm,
  PinPath: wire.pinPathForm,
  PinInfoShort: wire.pinInfoShortForm,
  PinInfo: wire.loosePinInfoForm,
  GlobalPinInfo: wire.looseGlobalPinInfoForm,
  Version: wire.versionForm,
  ID: wire.looseIdForm,
  IPFSID: wire.ipfsIdForm,
  IPFSPinInfo: wire.looseIpfsPinInfoForm,
  NodeWithMeta: wire.looseNodeWithMetaForm,
  IPFSRepoStat: wire.ipfsRepoStatForm,
  IPFSRepoGC: wire.ipfsRepoGcForm,
  RepoGC: wire.looseRepoGcForm,
  GlobalRepoGC: wire.globalRepoGcForm,
  ConnectGraph: wire.looseConnectGraphForm,
  Metric: wire.looseMetricForm,
  '[]Metric': list(wire.metricForm),
  Alert: wire.looseAlertForm,
  Bandwidth: wire.bandwidthForm,
  BandwidthByProtocol: wire.bandwidthByProtocolForm,
  Error: wire.restErrorForm,
  AddedOutput: wire.addedOutputForm
}
function formOf(type: string): Form<unknown> | undefined {
  return forms[type] as Form<unknown> | undefined
}

/** Go's zero multiaddress and peer ID are written as nil instead of as the empty string that Go refuses. */
const writtenAsNil = new Set(['peer.ID nil', 'Multiaddr nil'])
/** Go writes a pointer to the undefined CID; we have no such thing and leave the key out. */
const reference = 'meta, reference to undefined cid'
/** Go writes some empty texts under omitted keys (specification 3.3); what we write instead. */
const emptyTexts: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'PinInfoShort full': [
    ['88a2706e', '87a2706e'],
    ['a165a0', '']
  ],
  'PinInfo full': [
    ['8fa163', '8ea163'],
    ['a165a0', '']
  ],
  'GlobalPinInfo full': [
    ['88a2706e', '87a2706e'],
    ['a165a0', '']
  ],
  'ID full': [
    ['89a169', '88a169'],
    ['a163a0', '']
  ],
  [`Pin ${reference}`]: [
    ['86a163', '85a163'],
    ['a172c0', '']
  ]
}
/** Go takes any multihash for a peer ID, also this one of a hash function that does not exist. */
const refused = 'text instead of bytes'

describe('types as the Go peer writes them (rpc/types.json)', () => {
  it('covers every type of the file but those of the codec itself', () => {
    const own = new Set(['int64', 'uint64', 'float64', 'bool', 'string', '[]uint8', '[]string', 'struct {}'])
    const rest = ['map[string]string', 'rpc.ServiceID', 'rpc.Response', 'interface']
    const missing = new Set(typeVectors.map(({ type }) => type).filter((type) => formOf(type) === undefined))
    expect(missing).toEqual(new Set([...own, ...rest]))
  })

  for (const vector of typeVectors) {
    const form = formOf(vector.type)
    if (form === undefined) continue
    const input = Buffer.from(vector.msgpack, 'hex')
    const json = vector.decoded_json ?? vector.json
    if (vector.decode_error !== undefined) {
      it(`${vector.type} ${vector.name}: refused, as Go refuses it`, () => {
        expect(() => decodeAt(form.msgpack, input, 0)).toThrow(expect.objectContaining({ code: 'MSGPACK_INVALID' }))
      })
      continue
    }
    it(`${vector.type} ${vector.name}`, () => {
      const { value, end } = decodeAt(form.msgpack, input, 0)
      expect(end).toBe(input.length)
      expect(form.json.print(value)).toBe(json)
      const written = Buffer.from(encode(form.msgpack, value)).toString('hex')
      const replacements = emptyTexts[`${vector.type} ${vector.name}`] ?? []
      expect(written).toBe(replacements.reduce((text, [from, to]) => text.replace(from, to), vector.msgpack))
      // A bit without a name prints as the empty text, which reads as "everything".
      if (`${vector.type} ${vector.name}` === 'TrackerStatus 1') return
      expect(form.json.print(form.json.read(wire.parseJson(json)))).toBe(json)
    })
  }
})

describe('input that the Go peer takes or refuses (rpc/decode.json)', () => {
  for (const vector of decodeVectors) {
    const form = formOf(vector.type)
    if (form === undefined) continue
    it(`${vector.type} ${vector.name}`, () => {
      const input = Buffer.from(vector.input, 'hex')
      const accidents = vector.name === 'list from map' || (vector.type === 'peer.ID' && vector.name === refused)
      if (vector.error !== undefined || accidents) {
        expect(() => decodeAt(form.msgpack, input, 0)).toThrow(expect.objectContaining({ name: 'MsgpackError' }))
        return
      }
      const { value } = decodeAt(form.msgpack, input, 0)
      if (vector.name === 'status as uint16') {
        const names = (text: string): string[] => text.replaceAll('"', '').split(',').sort()
        expect(names(form.json.print(value))).toEqual(names(vector.json ?? ''))
      } else expect(form.json.print(value)).toBe(vector.json)
      const written = Buffer.from(encode(form.msgpack, value)).toString('hex')
      if (writtenAsNil.has(`${vector.type} ${vector.name}`)) expect(written).toBe('c0')
      else if (vector.name === 'list with nil item') expect(written).toBe('91c0')
      else expect(written).toBe(vector.reencoded)
    })
  }
})
