import { ClusterError } from '@cluster/api'
import { BuzhashCutter } from './buzhash.ts'
import type { Chunk } from './chunk.ts'
import { cutChunks } from './cut-chunks.ts'
import { fixedChunks } from './fixed-chunks.ts'
import { RabinCutter, RabinTables, type RabinSizes } from './rabin.ts'

/** Longest chunk in bytes: 2 MiB less room for the envelope. */
const MAX_CHUNK_SIZE = 2_096_896
const DEFAULT_CHUNK_SIZE = 262_144
const MIN_RABIN_SIZE = 16

/** Cuts the bytes of one file. */
export type Chunker = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Chunk>

/**
 * Reads the parameter `chunker`: `size-<bytes>`, `rabin`, `rabin-<avg>`, `rabin-<min>-<avg>-<max>`, `buzhash`; empty or
 * `default` is `size-262144`.
 *
 * @throws {ClusterError} `BAD_REQUEST` with the text of the reference
 * @see behaviours.md §6.4.1
 */
export function chunkerOf(text: string): Chunker {
  if (text === '' || text === 'default') return (source) => fixedChunks(source, DEFAULT_CHUNK_SIZE)
  const [word = '', ...parts] = text.split('-')
  switch (word) {
    case 'size': {
      const size = fixedSize(parts)
      return (source) => fixedChunks(source, size)
    }
    case 'buzhash':
      return (source) => cutChunks(source, new BuzhashCutter())
    case 'rabin': {
      const sizes = rabinSizes(parts)
      const tables = new RabinTables()
      return (source) => cutChunks(source, new RabinCutter(sizes, tables))
    }
    default:
      throw bad(`unrecognized chunker option: ${text}`)
  }
}

function fixedSize(parts: readonly string[]): number {
  const [size] = parts
  if (size === undefined || parts.length > 1) throw bad('incorrect chunker string format (expected size-{size})')
  const bytes = integerOf(size)
  if (bytes <= 0) throw bad('chunker size must be greater than 0')
  return checkedSize(bytes)
}

function rabinSizes(parts: readonly string[]): RabinSizes {
  const [first, second, third] = parts
  if (first === undefined) return checkedSizes(sizesAround(DEFAULT_CHUNK_SIZE))
  if (parts.length === 1) return checkedSizes(sizesAround(integerOf(first)))
  if (second === undefined || third === undefined || parts.length > 3) {
    throw bad("incorrect format (expected 'rabin' 'rabin-[avg]' or 'rabin-[min]-[avg]-[max]'")
  }
  return checkedSizes({
    min: labelled(first, 'min', 'first label must be min'),
    avg: labelled(second, 'avg', 'second label must be avg'),
    max: labelled(third, 'max', 'final label must be max')
  })
}

function sizesAround(avg: number): RabinSizes {
  return { min: Math.trunc(avg / 3), avg, max: avg + Math.trunc(avg / 2) }
}

function labelled(part: string, label: string, wrongLabel: string): number {
  const [name = '', value, ...rest] = part.split(':')
  if (value === undefined || rest.length > 0) return integerOf(part)
  if (name !== label) throw bad(wrongLabel)
  return integerOf(value)
}

/** The reference takes averages below 48 and then never cuts: here they are refused like other too small sizes. */
function checkedSizes({ min, avg, max }: RabinSizes): RabinSizes {
  if (min < MIN_RABIN_SIZE) throw bad('rabin min must be greater than 16')
  if (min >= avg) throw bad('incorrect format: rabin-min must be smaller than rabin-avg')
  if (avg >= max) throw bad('incorrect format: rabin-avg must be smaller than rabin-max')
  return { min, avg, max: checkedSize(max) }
}

function checkedSize(bytes: number): number {
  if (bytes <= MAX_CHUNK_SIZE) return bytes
  throw bad(`chunker parameters may not exceed the maximum chunk size of ${MAX_CHUNK_SIZE}`)
}

/** A decimal number as the reference reads it. */
function integerOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw bad(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  const value = BigInt(text)
  if (BigInt.asIntN(64, value) !== value) {
    throw bad(`strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`)
  }
  return Number(value)
}

const bad = (text: string): ClusterError => new ClusterError('BAD_REQUEST', text)
