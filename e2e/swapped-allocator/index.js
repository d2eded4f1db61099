/**
 * An allocator as a package of its own. It needs nothing of the cluster's packages: a descriptor is a plain object.
 * In `service.json`: `"allocator": { "swapped-allocator": { "reversed": true } }`.
 */
export default {
  port: 1,
  kind: 'allocator',
  name: 'swapped',
  config: {
    env: 'CLUSTER_SWAPPED',
    load: (json) => ({ reversed: json?.reversed === true }),
    save: (config) => config,
    describe: () => [
      { key: 'reversed', env: 'CLUSTER_SWAPPED_REVERSED', type: 'boolean', description: 'Last peer ID first.' }
    ]
  },
  create(context, { reversed }) {
    context.log.info(`swapped allocator, reversed: ${reversed}`)
    return {
      metrics: ['freespace'],
      allocate({ priority, candidates }) {
        const ids = [...priority, ...candidates].map(({ peer }) => peer)
        ids.sort((a, b) => (a.toString() < b.toString() ? -1 : 1))
        return reversed ? ids.reverse() : ids
      }
    }
  }
}
