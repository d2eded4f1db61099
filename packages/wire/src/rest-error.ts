import { at, record, type Form } from './form.ts'
import { int, string } from './scalars.ts'

/** The body of a REST answer that is an error. Printed as `<message> (<code>)` by the tools. */
export interface RestError {
  /** The HTTP status. */
  readonly code: number
  readonly message: string
}

/** The body of a REST answer that is an error. */
export const restErrorForm: Form<RestError> = record<RestError>({
  code: at(int, 'code', 'o°'),
  message: at(string, 'message', 'm°')
})
