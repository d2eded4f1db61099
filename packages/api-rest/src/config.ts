import {
  duration,
  httpApiFailure,
  httpApiOptions,
  httpListenOption,
  section,
  text,
  type ValuesOf
} from '@cluster/config'
import { ownIdentity, userRights } from '@cluster/http'

/**
 * The section `api.restapi` of `service.json`: every key of the reference, and some of ours.
 *
 * @see cli-config.md §4.7 `api.restapi`, http-apis.md §1.2
 */
export const restApiConfig = section({
  name: 'restapi',
  env: 'CLUSTER_RESTAPI',
  options: {
    http_listen_multiaddress: httpListenOption(9094),
    ...httpApiOptions,
    token_lifetime: duration({
      default: 0,
      omit: true,
      description: 'How long tokens of POST /token last, at most; 0 is for ever.'
    }),
    revoked_tokens_file: text({
      default: 'revoked-tokens',
      omit: true,
      description: 'Tokens that are no longer taken, relative to the folder of the configuration.'
    })
  },
  validate: (values, baseDir) => {
    const failure = httpApiFailure('restapi', values, baseDir)
    if (failure !== undefined) return failure
    const rights = wrongRights(values)
    if (rights !== undefined) return `restapi.user_rights: ${rights}`
    if (values.tokenLifetimeMs < 0 || (values.tokenLifetimeMs > 0 && values.tokenLifetimeMs < 1000)) {
      return 'restapi.token_lifetime is invalid: 0, or a second or more'
    }
    return wrongIdentity(values)
  }
})

/** The values of {@link restApiConfig}. */
export type RestApiConfig = ValuesOf<typeof restApiConfig>

/** What is wrong with the rights of users, if anything. */
function wrongRights(values: {
  readonly basicAuthCredentials: Readonly<Record<string, string>> | null
  readonly userRights: Readonly<Record<string, readonly string[]>>
}): string | undefined {
  return complaint(() => userRights(values.userRights, new Set(Object.keys(values.basicAuthCredentials ?? {}))))
}

/** What is wrong with the own libp2p host, if anything. */
function wrongIdentity(values: {
  readonly libp2pListenMultiaddress: readonly unknown[]
  readonly id: string
  readonly privateKey: string
}): string | undefined {
  const { id, privateKey, libp2pListenMultiaddress } = values
  return complaint(() =>
    ownIdentity({ section: 'restapi', id, privateKey, listens: libp2pListenMultiaddress.length > 0 })
  )
}

function complaint(check: () => unknown): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
