import { request, type IncomingHttpHeaders, type RequestOptions } from 'node:http'

/** An answer with everything that a test looks at. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly trailers: Readonly<Record<string, string | undefined>>
}

/** One HTTP request on a connection of its own; the path goes out as it is written. */
export function askHttp(options: RequestOptions & { readonly body?: string | Uint8Array }): Promise<HttpAnswer> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', agent: false, ...rest }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (chunk: string) => (text += chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const { statusCode = 0, headers, trailers } = incoming
        resolve({ status: statusCode, headers, text, trailers })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
