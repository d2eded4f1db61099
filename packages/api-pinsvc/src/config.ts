import { httpApiFailure, httpApiOptions, httpListenOption, section, type ValuesOf } from '@cluster/config'
import { ownIdentity, userRights } from '@cluster/http'

const NAME = 'pinsvcapi'

/**
 * The section `api.pinsvcapi` of `service.json`: the keys of the REST API with a port of its own.
 *
 * @see http-apis.md §1.2, §6.1
 */
export const pinsvcConfig = section({
  name: NAME,
  env: 'CLUSTER_PINSVCAPI',
  options: { http_listen_multiaddress: httpListenOption(9097), ...httpApiOptions },
  validate: (values, baseDir) => {
    const { basicAuthCredentials, id, privateKey, libp2pListenMultiaddress } = values
    const users = new Set(Object.keys(basicAuthCredentials ?? {}))
    const listens = libp2pListenMultiaddress.length > 0
    const rights = complaint(() => userRights(values.userRights, users))
    return (
      httpApiFailure(NAME, values, baseDir) ??
      (rights === undefined ? undefined : `${NAME}.user_rights: ${rights}`) ??
      complaint(() => ownIdentity({ section: NAME, id, privateKey, listens }))
    )
  }
})

/** The values of {@link pinsvcConfig}. */
export type PinsvcConfig = ValuesOf<typeof pinsvcConfig>

function complaint(check: () => unknown): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
