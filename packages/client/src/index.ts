export { ApiError, type ApiErrorCode } from './api-error.ts'
export { ClusterClient, type AddOptions, type ClusterClientInit, type StatusOptions } from './client.ts'
// Bundles for browsers get ./fetch-transport.ts in its place, by the field `browser` of package.json.
export { defaultTransport } from './node-transport.ts'
export type { Transport, TransportOptions, TransportRequest, TransportResponse } from './transport.ts'
export { WaitError, type WaitTarget } from './wait-for.ts'
