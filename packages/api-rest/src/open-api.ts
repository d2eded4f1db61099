import { CLUSTER_VERSION } from '@cluster/api'
import { REST_KEY_TYPES, restRoutes, type RestParameter, type RestRoute } from '@cluster/wire'
import { schemas, type Schema } from './open-api-schemas.ts'

/** What a parameter of a path is. The examples are sent by a test. */
const pathParameters: Readonly<Record<string, { readonly about: string; readonly schema: Schema; example: string }>> = {
  hash: { about: 'A CID.', schema: { type: 'string' }, example: 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX' },
  keyType: { about: 'Kind of path.', schema: { type: 'string', enum: REST_KEY_TYPES }, example: 'ipfs' },
  path: {
    about: 'The rest of the path, with its slashes as they are.',
    schema: { type: 'string' },
    example: 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
  },
  peer: {
    about: 'ID of a peer.',
    schema: { type: 'string' },
    example: '12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6'
  },
  name: { about: 'Name of a metric.', schema: { type: 'string' }, example: 'freespace' }
}

const parameterSchemas: Readonly<Record<RestParameter['type'], Schema>> = {
  text: { type: 'string' },
  flag: { type: 'boolean' },
  number: { type: 'integer' },
  duration: { type: 'string', examples: ['1m30s'] },
  time: { type: 'string', format: 'date-time' },
  list: { type: 'string', description: 'joined by commas' }
}

const bodies: Readonly<Record<string, { readonly required: boolean; readonly content: Schema }>> = {
  Add: { required: true, content: { 'multipart/form-data': { schema: { type: 'object' } } } },
  PeerAdd: {
    required: true,
    content: {
      'application/json': {
        schema: { type: 'object', properties: { peer_id: { type: 'string' } }, required: ['peer_id'] },
        example: { peer_id: '12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6' }
      }
    }
  },
  RevokeToken: {
    required: false,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Token' } } }
  }
}

/** An OpenAPI document, as far as this package looks at it. */
export interface OpenApiDocument {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Schema>>>>
  readonly [key: string]: unknown
}

/**
 * The description of the API in OpenAPI 3.1, made from the table of its routes.
 *
 * @see http-apis.md §3; §9, wish 9
 */
export function openApiDocument(hasUsers: boolean): OpenApiDocument {
  const paths: Record<string, Record<string, Schema>> = {}
  for (const route of restRoutes) {
    const operations = (paths[route.path] ??= {})
    operations[route.method.toLowerCase()] = operationOf(route, hasUsers)
  }
  return {
    openapi: '3.1.1',
    info: { title: 'IPFS Cluster REST API', version: CLUSTER_VERSION, license: { name: 'MIT OR Apache-2.0' } },
    servers: [{ url: '/' }],
    security: hasUsers ? [{ basic: [] }, { bearer: [] }] : [],
    paths,
    components: {
      schemas,
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }
      }
    }
  }
}

function operationOf(route: RestRoute, hasUsers: boolean): Schema {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const { about = '', schema = {}, example = '' } = pathParameters[name] ?? {}
    return { name, in: 'path', required: true, description: about, schema, example }
  })
  const body = bodies[route.name]
  return {
    operationId: route.name.replace(/ (\w)/g, (_, letter: string) => letter.toUpperCase()),
    tags: [route.path.split('/')[1]],
    summary: route.about,
    parameters: [...inPath, ...(route.query ?? []).map(queryParameterOf)],
    ...(body === undefined ? {} : { requestBody: body }),
    ...securityOf(route, hasUsers),
    responses: responsesOf(route, hasUsers && route.name !== 'Health')
  }
}

/** What the user must be allowed to do stands where OpenAPI 3.1 has roles. */
function securityOf({ name, right }: RestRoute, hasUsers: boolean): Schema {
  if (name === 'Health') return { security: [] }
  if (!hasUsers || right === 'none') return {}
  return { security: [{ basic: [right] }, { bearer: [right] }] }
}

function queryParameterOf({ name, type, about, required }: RestParameter): Schema {
  const [prefix = '', isOpen] = name.split('<key>')
  if (isOpen === undefined)
    return { name, in: 'query', required: required === true, description: about, schema: parameterSchemas[type] }
  // Each key of the object is a parameter of its own.
  const schema = { type: 'object', patternProperties: { [`^${prefix}.`]: parameterSchemas[type] } }
  return { name: prefix, in: 'query', style: 'form', explode: true, description: about, schema }
}

function responsesOf({ answer, value, right, query = [] }: RestRoute, hasUsers: boolean): Schema {
  const schema = value === undefined ? {} : { $ref: `#/components/schemas/${value}` }
  const json = (content: Schema): Schema => ({ 'application/json': { schema: content } })
  const failure = (description: string): Schema => ({
    description,
    content: json({ $ref: '#/components/schemas/Error' })
  })
  const status = json({ $ref: '#/components/schemas/GlobalPinInfo' })
  const canWait = query.some(({ name }) => name === 'wait')
  const answers: Readonly<Record<RestRoute['answer'], Schema>> = {
    json: canWait
      ? {
          200: {
            description: 'The pin, or with wait its status.',
            content: json({ anyOf: [schema, { $ref: '#/components/schemas/GlobalPinInfo' }] })
          },
          202: { description: 'The status, when the time of wait is over or a peer has failed.', content: status }
        }
      : { 200: { description: 'Done.', content: json(schema) } },
    stream: {
      200: {
        description: 'One JSON value on each line. What goes wrong later is told in the trailer X-Stream-Error.',
        content: json(schema)
      },
      204: { description: 'There is nothing.' }
    },
    empty: { 204: { description: 'Done.' } },
    events: {
      200: {
        description:
          'Events until the client leaves. Beside the types that can be asked for: start (where the stream begins), ' +
          'lost (events before this one are missing), end (the server ends the stream, and why).',
        content: { 'text/event-stream': { schema: { type: 'string' } } }
      }
    },
    page: { 200: { description: 'A page.', content: { 'text/html': { schema: { type: 'string' } } } } }
  }
  return {
    ...answers[answer],
    ...(hasUsers ? { 401: failure('Who asks is not known.') } : {}),
    ...(hasUsers && right !== 'none' ? { 403: failure(`The user lacks the right ${right}.`) } : {}),
    default: failure('What went wrong: 400 for a wrong request, 404 for what is not there, else 500.')
  }
}
