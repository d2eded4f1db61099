/**
 * Spreads compact JSON over lines as Go does. The text of numbers and strings stays as it is, so nothing is rounded.
 *
 * @param json - valid JSON without white space between its tokens
 */
export function indentJson(json: string, indent = '    '): string {
  let depth = 0
  const line = (): string => `\n${indent.repeat(depth)}`
  return json.replace(/"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{[]|[}\]]|,|:/g, (token) => {
    if (token === '{' || token === '[') {
      depth++
      return token + line()
    }
    if (token === '}' || token === ']') {
      depth--
      return line() + token
    }
    if (token === ',') return token + line()
    return token === ':' ? ': ' : token
  })
}
