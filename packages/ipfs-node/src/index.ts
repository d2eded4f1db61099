export { BlockFiles, type BlockFilesOptions, maxBlockBytes } from './block-files.ts'
export type { Collected } from './collect-garbage.ts'
export { BlockNotFoundError, IpfsNodeError, type IpfsNodeErrorCode } from './errors.ts'
export type { BlockSource } from './fetch-dag.ts'
export { createGateway, type GatewayInit } from './gateway.ts'
export type { Hold } from './holds.ts'
export {
  defaultPinConcurrency,
  IpfsNode,
  type IpfsNodeInit,
  maxPinNameLength,
  type PinOptions,
  type PinStatus,
  type RepoStat
} from './ipfs-node.ts'
export { linksOf } from './links.ts'
export { kindOf, maxPinsPerPage, type PinDatastore, type PinKind, type PinRecord } from './pin-index.ts'
export { type GetBlock, resolvePath } from './unixfs-path.ts'
export type { HashFunction, HashFunctions } from './verify.ts'
