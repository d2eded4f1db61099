import { existsSync, readFileSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

/** Whether a key of `service.json` can only be a module: a path, or a package with a scope or a part of one. */
export function isModuleSpecifier(key: string): boolean {
  return key.startsWith('.') || isAbsolute(key) || key.includes('/')
}

/**
 * Finds the module that a key names, as seen from the folder of `service.json`.
 *
 * @returns its URL, or `undefined` when there is none
 */
export function resolveModule(specifier: string, baseDir: string): string | undefined {
  if (specifier.startsWith('.') || isAbsolute(specifier)) {
    const path = resolve(baseDir, specifier)
    return existsSync(path) ? pathToFileURL(path).href : undefined
  }
  const from = pathToFileURL(join(baseDir, 'service.json'))
  try {
    return pathToFileURL(createRequire(from).resolve(specifier)).href
  } catch {
    // A package that can only be imported is invisible to `require`: read what it exports.
    return resolveImportOnly(specifier, from)
  }
}

const packageJson = z.looseObject({ exports: z.unknown(), main: z.string().optional() })

function resolveImportOnly(specifier: string, from: URL): string | undefined {
  let manifest: string | undefined
  try {
    manifest = findPackageJSON(specifier, from)
  } catch {
    return undefined
  }
  if (manifest === undefined) return undefined
  const parsed = packageJson.safeParse(JSON.parse(readFileSync(manifest, 'utf8')))
  const target = parsed.success ? (importTarget(parsed.data.exports) ?? parsed.data.main) : undefined
  return target === undefined ? undefined : pathToFileURL(join(dirname(manifest), target)).href
}

const conditions = ['.', 'node', 'import', 'default']

function importTarget(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (typeof exports !== 'object' || exports === null) return undefined
  for (const [condition, target] of Object.entries(exports)) {
    const found = conditions.includes(condition) ? importTarget(target) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
