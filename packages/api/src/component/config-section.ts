/** One option of a configuration section, as `--help` and the generated reference show it. */
export interface OptionDoc {
  /** Path of JSON keys joined by dots. */
  readonly key: string
  /** Name of the environment variable. */
  readonly env: string
  readonly type: string
  readonly description: string
  /** The default as JSON text; absent when there is none. */
  readonly default?: string
  /** What a section without the key means, where that is not the default: JSON text, or a word such as `required`. */
  readonly absent?: string
  readonly secret?: boolean
}

/** A section of `service.json` as its component reads and writes it. */
export interface ConfigSection<C> {
  /** Prefix of its environment variables, such as `CLUSTER_DISK`. */
  readonly env: string
  /** What a new folder gets; without it, what an absent section means. Those differ where old files must keep theirs. */
  readonly defaults?: C
  /**
   * Reads the section.
   *
   * @param json - the section's value; `undefined` when it is absent, which is not the same as all defaults
   * @throws {ClusterError} `CONFIG_INVALID`, naming the option and what it expects
   */
  load(json: unknown, env: Readonly<Record<string, string | undefined>>, baseDir: string): C
  /** The section as JSON value: for the file, or for display with secrets hidden. */
  save(config: C, form: 'file' | 'display'): object
  describe(): readonly OptionDoc[]
}
