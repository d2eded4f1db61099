#!/usr/bin/env node
import { registerHooks } from 'node:module'

registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier, { ...context, conditions: ['@cluster/source', ...context.conditions] })
})
await import('../src/main.ts')
