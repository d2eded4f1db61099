export { restApiConfig, type RestApiConfig } from './config.ts'
export { default } from './descriptor.ts'
export { failureOf, type RestFailure } from './error-status.ts'
export { RestApi } from './rest-api.ts'
