import adder from '@cluster/adder'
import allocatorBalanced from '@cluster/allocator-balanced'
import type { ComponentDescriptor, Kind } from '@cluster/api'
import apiIpfsProxy from '@cluster/api-ipfsproxy'
import apiPinsvc from '@cluster/api-pinsvc'
import apiRest from '@cluster/api-rest'
import bitswap from '@cluster/bitswap'
import consensusCrdt from '@cluster/consensus-crdt'
import informerDisk from '@cluster/informer-disk'
import informerPinqueue from '@cluster/informer-pinqueue'
import informerTags from '@cluster/informer-tags'
import ipfsConnectorEmbedded from '@cluster/ipfsconnector-embedded'
import ipfsConnectorHttp from '@cluster/ipfsconnector-http'
import monitorPubsub from '@cluster/monitor-pubsub'
import metrics from '@cluster/observability'
import pintracker from '@cluster/pintracker'
import { leveldb } from './leveldb.ts'

/**
 * The components that come with a peer, by kind. The first of a kind stands in where a configuration may be silent,
 * and is what a new folder gets. Of APIs and informers a new folder gets all, created in this order.
 */
export const builtIns = {
  observations: [metrics],
  datastore: [leveldb],
  exchange: [bitswap],
  monitor: [monitorPubsub],
  ipfs_connector: [ipfsConnectorHttp, ipfsConnectorEmbedded],
  consensus: [consensusCrdt],
  pin_tracker: [pintracker],
  informer: [informerDisk, informerTags, informerPinqueue],
  allocator: [allocatorBalanced],
  adder: [adder],
  api: [apiRest, apiIpfsProxy, apiPinsvc]
} as const satisfies Readonly<Record<Kind, readonly ComponentDescriptor[]>>
