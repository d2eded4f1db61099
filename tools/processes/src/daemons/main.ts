import { InstantDaemon } from './instant-daemon.ts'

// One process, one daemon for each port that it is given; it says a line when all listen.
const ports = process.argv.slice(2).map(Number)
await Promise.all(ports.map((port, index) => new InstantDaemon(index).listen(port)))
process.stdout.write('listening\n')
