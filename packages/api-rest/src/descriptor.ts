import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { restApiConfig, type RestApiConfig } from './config.ts'
import { RestApi } from './rest-api.ts'

const descriptor: ComponentDescriptor<'api', RestApiConfig> = {
  port: PORT_VERSION,
  kind: 'api',
  name: 'restapi',
  config: restApiConfig,
  create: (context, config) => new RestApi(context, config)
}
export default descriptor
