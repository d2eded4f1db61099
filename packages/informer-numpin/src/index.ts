import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { numpinConfig, type NumpinConfig } from './config.ts'
import { NumpinInformer } from './numpin-informer.ts'

export { numpinConfig, type NumpinConfig } from './config.ts'
export { NumpinInformer, type NumpinInformerContext } from './numpin-informer.ts'

/** An informer for `service.json` under the name of this package: like the reference, a peer has it not built in. */
const descriptor: ComponentDescriptor<'informer', NumpinConfig> = {
  port: PORT_VERSION,
  kind: 'informer',
  name: 'numpin',
  config: numpinConfig,
  create: (context, config) => new NumpinInformer(context, config)
}
export default descriptor
