export { ApiError, type ApiErrorCode } from './api-error.ts'
export { ClusterClient, type AddOptions, type ClusterClientInit, type StatusOptions } from './client.ts'
export type { Transport, TransportRequest, TransportResponse } from './transport.ts'
export { WaitError, type WaitTarget } from './wait-for.ts'
