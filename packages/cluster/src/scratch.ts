/** A file for what does not fit into memory. It is gone once it is closed. */
export interface ScratchFile {
  /** Adds bytes at the end. @throws {ClusterError} `LIMIT`, `STORAGE` */
  append(bytes: Uint8Array): Promise<void>
  /** Fewer bytes than asked for only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Room on the disk. */
export interface Scratch {
  /** An empty file. */
  create(): Promise<ScratchFile>
}
