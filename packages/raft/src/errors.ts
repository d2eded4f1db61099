/** What can go wrong here. Compare `code`, which is stable; the message is for people. */
export class RaftError extends Error {
  override readonly name = 'RaftError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
