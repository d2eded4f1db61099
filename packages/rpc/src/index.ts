export { authorizeByPolicy } from './authorize.ts'
export { RpcClient, type RpcClientOptions } from './client.ts'
export type { RpcLimits } from './limits.ts'
export type {
  AnyCodec,
  ArgumentOf,
  Authorize,
  CallContext,
  Handlers,
  MethodDescription,
  MethodTable,
  ReplyOf,
  StreamingMethodOf,
  UnaryMethodOf
} from './methods.ts'
export { ErrorWithReply, errorTypes, RpcError, type RpcErrorCode, type RpcErrorOptions } from './rpc-error.ts'
export { RpcServer, type FailedCall, type RpcServerOptions } from './server.ts'
