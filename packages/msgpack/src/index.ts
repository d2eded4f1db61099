export { any } from './any.ts'
export { binary, decode, decodeAt, encode, encodeParts, mapped, type Codec, type ValueOf } from './codec.ts'
export { array, map } from './collections.ts'
export { MsgpackError, type MsgpackErrorCode } from './error.ts'
export {
  DEFAULT_MAX_DEPTH,
  DEFAULT_MAX_ITEMS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_MAX_WRITER_BYTES,
  defaultReadLimits,
  type ReadLimits
} from './limits.ts'
export { Reader } from './reader.ts'
export { bool, bytes, bytesView, float64, int, int64, string, uint, uint64 } from './scalars.ts'
export { ValueScanner, valueLength } from './scanner.ts'
export { always, empty, field, struct, type Field, type Fields } from './struct.ts'
export { time } from './time.ts'
export { Writer, type WriterOptions } from './writer.ts'
