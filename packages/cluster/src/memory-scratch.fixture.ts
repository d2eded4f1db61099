import type { Scratch } from './scratch.ts'

/** Scratch files in memory, and how many of them are open, and how many bytes were written. */
export function memoryScratch(): Scratch & { readonly open: () => number; readonly written: () => number } {
  let open = 0
  let written = 0
  return {
    open: () => open,
    written: () => written,
    create() {
      open += 1
      let content = Buffer.alloc(0)
      return Promise.resolve({
        append(bytes) {
          written += bytes.length
          content = Buffer.concat([content, bytes])
          return Promise.resolve()
        },
        read: (offset, length) => Promise.resolve(Uint8Array.from(content.subarray(offset, offset + length))),
        close() {
          open -= 1
          return Promise.resolve()
        }
      })
    }
  }
}
