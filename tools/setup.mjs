// Makes a clone ready to run: installs when, and only when, the lock differs from what is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const stamp = path('node_modules/.setup')
const wanted = createHash('sha256')
  .update(readFileSync(path('package-lock.json')))
  .update(process.platform + process.arch)
  .digest('hex')
if (!existsSync(path('node_modules/.bin/node')) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Installing dependencies ...')
  const npm = process.env.npm_execpath // npm's own entry file: same Node, no shell
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error']
  const result = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { cwd: path('.'), stdio: 'inherit' })
    : spawnSync('npm', args, { cwd: path('.'), stdio: 'inherit', shell: process.platform === 'win32' })
  if (result.status !== 0) process.exit(result.status ?? 1)
  writeFileSync(stamp, wanted)
}
