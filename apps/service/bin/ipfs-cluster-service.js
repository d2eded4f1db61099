#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'

const source = new URL('../src/main.ts', import.meta.url)
if (existsSync(source)) {
  // A clone of the repository: run the sources, of this program and of the packages that it uses.
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ['@cluster/source', ...context.conditions] })
  })
  await import(source.href)
} else {
  await import('../dist/main.js')
}
