import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { tagsConfig, type TagsConfig } from './config.ts'
import { TagsInformer } from './tags-informer.ts'

export { tagsConfig, type TagsConfig } from './config.ts'
export { TagsInformer, type TagsInformerContext } from './tags-informer.ts'

/** The component `informer.tags`. */
const descriptor: ComponentDescriptor<'informer', TagsConfig> = {
  port: PORT_VERSION,
  kind: 'informer',
  name: 'tags',
  config: tagsConfig,
  create: (context, config) => new TagsInformer(context, config)
}
export default descriptor
