export { ApiError, type ApiErrorCode } from './api-error.ts'
export {
  ClusterClient,
  type AddOptions,
  type AllocationsOptions,
  type ListingOptions,
  type StatusOptions
} from './client.ts'
export type { PinCounts } from './pin-counts.ts'
export type { ClusterClientInit } from './client-init.ts'
export { LIBP2P_HTTP, libp2pTransport, type Libp2pTransportOptions } from './libp2p-transport.ts'
// Bundles for browsers get ./fetch-transport.ts in its place, by the field `browser` of package.json.
export { defaultTransport } from './node-transport.ts'
export { redirected } from './redirected.ts'
export type { PathParameter, Query, RouteRequest, StreamRouteName, ValueRouteName } from './route-request.ts'
export { severalHosts, type Endpoint, type HostOrder, type SeveralHostsOptions } from './several-hosts.ts'
export type { Transport, TransportOptions, TransportRequest, TransportResponse } from './transport.ts'
export { WaitError, type WaitTarget } from './wait-for.ts'
