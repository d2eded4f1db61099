export { type AccessEntry, formatAccess, observeAccess } from './access-log.ts'
export { type AccessLogFile, openAccessLogFile } from './access-log-file.ts'
export {
  type Authenticator,
  type AuthenticatorOptions,
  createAuthenticator,
  type Identity,
  type Refusal
} from './authenticate.ts'
export { type Cors, type CorsOptions, createCors } from './cors.ts'
export {
  type EventFeed,
  eventStreamResponse,
  type EventStreamEnd,
  type EventStreamOptions,
  formatEvent,
  type ServerEvent
} from './event-stream.ts'
export { HttpError, type HttpErrorCode } from './errors.ts'
export { goJson } from './go-json.ts'
export { dialHttp, serveOnHost } from './http-over-libp2p.ts'
export { formatTarget, listen, type Listeners, type ListenOptions, type ListenTarget } from './listen.ts'
export type { MultipartLimits } from './multipart-parts.ts'
export { ndjsonResponse, type NdjsonOptions } from './ndjson.ts'
export type { ListenLimits, ServerInit } from './open-server.ts'
export { ownIdentity, type OwnHostSettings } from './own-identity.ts'
export { cleanAbsolutePath, parseQuery, type Query, queryBoolean, queryInteger, queryUnescape } from './query.ts'
export { errorBody, jsonResponse } from './respond.ts'
export {
  commonRights,
  hasRight,
  isRight,
  mayChange,
  OWNER_KEY,
  refusalOf,
  type Right,
  RIGHTS,
  userRights,
  type UserRights
} from './rights.ts'
export { HTTP_PROTOCOL, serveStreams, type StreamServer } from './serve-streams.ts'
export { createSurface, type Handler, type HandlerEnv, type SurfaceOptions } from './surface.ts'
export { readUpload, type Upload, type UploadEntry } from './upload.ts'
export { uploadedFiles, type UploadedFile } from './upload-files.ts'
export { checkToken, signToken, type CheckedToken, type TokenCheck, type TokenClaims } from './token.ts'
export type { TlsFiles } from './tls-files.ts'
export { openTls, type TlsOptions, type TlsServerFactory } from './tls-server.ts'
