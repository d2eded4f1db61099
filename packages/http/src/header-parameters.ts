/** A header value such as `form-data; name="file"`: the lower-case first word and the parameters by lower-case name. */
export function headerParameters(header: string): { value: string; parameters: ReadonlyMap<string, string> } {
  const parameters = new Map<string, string>()
  const semicolon = header.indexOf(';')
  const value = (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase()
  if (semicolon < 0) return { value, parameters }
  const pattern = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/gy
  pattern.lastIndex = semicolon
  for (let match = pattern.exec(header); match !== null; match = pattern.exec(header)) {
    const [whole, name = '', quoted, plain = ''] = match
    const key = name.toLowerCase()
    // only quotes and backslashes are escaped: browsers send Windows paths with single backslashes
    const text = quoted === undefined ? plain.trim() : quoted.replace(/\\(["\\])/g, '$1')
    if (key.endsWith('*')) {
      const decoded = extendedValue(text)
      if (decoded !== undefined) parameters.set(key.slice(0, -1), decoded)
    } else if (!parameters.has(key)) {
      parameters.set(key, text)
    }
    pattern.lastIndex = match.index + whole.length
    const rest = header.slice(pattern.lastIndex)
    pattern.lastIndex += rest.length - rest.trimStart().length
  }
  return { value, parameters }
}

/** `UTF-8''percent-encoded`, RFC 8187. */
function extendedValue(text: string): string | undefined {
  const match = /^utf-8'[^']*'(.*)$/i.exec(text)
  if (match === null) return undefined
  try {
    return decodeURIComponent(match[1] ?? '')
  } catch {
    return undefined
  }
}
