import { createInterface } from 'node:readline'
import { openAddressBook } from './address-book.ts'

const [folder, join] = process.argv.slice(2)
const { BOOK_SECRET = '' } = process.env
if (folder === undefined || !/^[0-9a-f]{64}$/.test(BOOK_SECRET)) {
  console.error('usage: BOOK_SECRET=<64 hex digits> node main.ts <folder> [<address of somebody who has the book>]')
  console.error('then lines such as: set Carol +49 30 1234 | remove Carol | list')
  process.exit(1)
}

await using book = await openAddressBook({ folder, secret: Buffer.from(BOOK_SECRET, 'hex'), join })
console.log(`address ${book.address}`)

const end = new AbortController()
const told = (async () => {
  for await (const { name, phone } of book.changes(end.signal)) console.log(`${name}: ${phone ?? 'removed'}`)
})().catch((error: unknown) => {
  if (!end.signal.aborted) throw error
})

for await (const line of createInterface({ input: process.stdin })) {
  const [command, name = '', ...phone] = line.split(' ')
  if (command === 'set') await book.set(name, phone.join(' '))
  else if (command === 'remove') await book.remove(name)
  else if (command === 'list') {
    for await (const entry of book.list()) console.log(`- ${entry.name} ${entry.phone}`)
  } else console.error(`no such command: ${line}`)
}
end.abort()
await told
