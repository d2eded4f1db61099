import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Runs the first TypeScript example of a package's README as a program of its own, as a reader would.
 *
 * @param srcFolder - `import.meta.dirname` of the test, which stands in the package's `src`
 * @returns what it printed
 */
export async function runReadmeExample(srcFolder: string): Promise<string> {
  const folder = join(srcFolder, '..')
  const example = /```ts\n([\s\S]*?)```/.exec(await readFile(join(folder, 'README.md'), 'utf8'))?.[1]
  if (example === undefined) throw new Error(`${folder}/README.md has no example`)
  // In the package's folder, so that its imports resolve as they would for a user of the package.
  const file = join(folder, `.readme-${process.pid.toString()}.ts`)
  await writeFile(file, example)
  try {
    // Whoever runs the tests may ask for colours, which are no part of what an example prints.
    const env = { ...process.env, FORCE_COLOR: '0' }
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@cluster/source', file], { env })
    return stdout
  } finally {
    await rm(file, { force: true })
  }
}
